"""Activations and losses as records of scalar functions: a value and its derivative."""

import sys

from numgd.foundations.records import records_of
from numgd.scalars.scalar_function import Activation, Loss, ScalarFunction
from numgd.scalars.times import times

ACTIVATIONS: dict[str, Activation] = records_of(sys.modules[__name__], Activation)
"""Activations by name."""

LOSSES: dict[str, Loss] = records_of(sys.modules[__name__], Loss)
"""Losses by name."""

__all__ = ["ACTIVATIONS", "LOSSES", "Activation", "Loss", "ScalarFunction", "times"]
