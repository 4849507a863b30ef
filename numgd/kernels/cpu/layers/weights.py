"""Weights of losses: their sums, and their products with targets."""

import numpy as np


def total(vector):
    """The sum of a vector as a float."""
    return float(np.sum(vector, dtype=np.float64))


def of_classes(weights, targets, kept, everywhere):
    """The array ``weights * (kept * targets + everywhere)``, with a weight per number of the last axis.

    A single weight is for all.
    """
    real = targets.dtype.type
    if (kept, everywhere) != (1.0, 0.0):
        targets = real(kept) * targets + real(everywhere)
    return np.multiply(weights, targets).reshape(targets.shape)
