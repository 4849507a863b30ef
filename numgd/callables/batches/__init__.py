"""Data in batches: which rows an objective sees, and the objective that reads them."""

from numgd.callables.batches.data import checked_data
from numgd.callables.batches.gradient import loss_of
from numgd.callables.batches.objectives import make_objective
from numgd.callables.batches.order import MEAN
from numgd.callables.batches.sources import make_source

__all__ = ["MEAN", "checked_data", "loss_of", "make_objective", "make_source"]
