"""Learning-rate schedules: the learning rate of each step."""

from numgd.schedules.cosine import Cosine, WarmRestarts
from numgd.schedules.decays import Constant, Exponential, InverseTime, Polynomial, Step
from numgd.schedules.joined import Function, Joined, Piecewise, WarmUp, as_schedule
from numgd.schedules.one_cycle import OneCycle
from numgd.schedules.schedule import Schedule
from numgd.schedules.watching import ReduceOnPlateau, ThresholdPolicy

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "Function",
    "InverseTime",
    "Joined",
    "OneCycle",
    "Piecewise",
    "Polynomial",
    "ReduceOnPlateau",
    "Schedule",
    "Step",
    "ThresholdPolicy",
    "WarmRestarts",
    "WarmUp",
    "as_schedule",
]
