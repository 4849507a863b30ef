"""Data as batches: which rows an objective sees, and the objective that reads them."""

from numgd.batches.data import checked_data
from numgd.batches.gradient import loss_of
from numgd.batches.objectives import make_objective
from numgd.batches.order import MEAN
from numgd.batches.sources import make_source

__all__ = ["MEAN", "checked_data", "loss_of", "make_objective", "make_source"]
