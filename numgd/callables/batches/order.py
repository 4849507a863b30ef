"""The order in which an epoch visits the rows of the data."""

import numpy as np

from numgd.kernels.cpu.rules.epoch import Batches

MEAN = 4096
"""Most rows taken at a time for a mean over all data, unless batches are larger."""


class BatchOrder:
    """Rows in batches, in an order that may change from epoch to epoch.

    Attributes
    ----------
    batches, all : Batches
        Batches for the steps, and for a mean over all data.
    bound : Bound
        The objective over the batch at the cursor.
    kernels : module
        Drivers of the objective's steps.
    own : tuple
        Extra arguments of these drivers, besides those that all drivers take.
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
        """The sum over rows of the losses of some steps, and the number of these rows."""
        size = self.batches.size
        rows = min((first + losses.size) * size, self.rows) - first * size
        missing = losses.size * size - rows  # rows that the last batch lacks
        return size * float(losses.sum(dtype=np.float64)) - missing * float(losses[-1]), rows

    def release(self):
        """Release the references to the data."""
        self.bound.release()

    def shuffle(self, seed, epoch):
        """Reorder the rows at random, as determined by the seed and the number of the epoch."""
        self.order[:] = epoch_order(seed, epoch, self.rows)


def epoch_order(seed, epoch, rows):
    """The rows in the random order of an epoch, as an int64 array (rows,); the same on every machine."""
    return np.random.default_rng((seed, epoch)).permutation(rows)
