"""Solvers for sums of squares, one per file."""

import sys

from numgd.foundations.records import records_of
from numgd.sums_of_squares.fit_method import FitMethod

METHODS: dict[str, FitMethod] = records_of(sys.modules[__name__], FitMethod)
"""Least-squares methods by name."""
