"""Activations and losses as pairs of scalar functions: the value and its derivative."""

from numgd.scalars.activations import ACTIVATIONS
from numgd.scalars.losses import LOSSES
from numgd.scalars.pair import Pair
from numgd.scalars.times import times

__all__ = ["ACTIVATIONS", "LOSSES", "Pair", "times"]
