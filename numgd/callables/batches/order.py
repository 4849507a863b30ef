"""The order in which an epoch goes through the rows of data."""

import numpy as np

from numgd.kernels.cpu.rules.epoch import Batches

MEAN = 4096
"""Rows that are taken at a time for a mean over all data, at most."""


class BatchOrder:
    """Rows in batches, in an order that may change from epoch to epoch.

    Attributes
    ----------
    batches : Batches
        Those of the steps; `all`: those of a mean over all data.
    bound : Bound
        The objective over the batch at the cursor; `kernels`: the module of the drivers of its steps; `own`:
        what these take beside what all of them take.
    """

    def __init__(self, rows, size, shuffled):
        self.rows = rows
        size = min(size, rows)
        self.order = np.arange(rows)
        self.cursor = np.zeros(3, np.int64)
        self.cursor[1] = size
        self.batches = Batches(self.cursor, size, rows, int(shuffled))
        self.all = Batches(self.cursor, max(size, min(MEAN, rows)), rows, 0)

    def total(self, losses, first):
        """The sum of some steps' losses, each for all rows of its batch, and how many rows these are."""
        size = self.batches.size
        rows = min((first + losses.size) * size, self.rows) - first * size
        missing = losses.size * size - rows  # of the last batch
        return size * float(losses.sum(dtype=np.float64)) - missing * float(losses[-1]), rows

    def release(self):
        """Give back the references to the data."""
        self.bound.release()

    def shuffle(self, seed, epoch):
        """Another order of the rows, which the seed and the number of the epoch determine."""
        self.order[:] = np.random.default_rng((seed, epoch)).permutation(self.rows)
