"""Arrays as columns, which the normalisations share."""

from functools import partial

from numgd.kernels.layers import columns, memory
from numgd.nn.functional.checks import real_array


class ByColumns:
    """An array as (parts, rows, columns), and how its rows are cut into blocks.

    Narrow rows are laid side by side, so that loops over columns are long enough to vectorise.
    ``take(x, shape, dtype)`` gives memory for partial sums and coefficients, where x lives.
    """

    def __init__(self, x, parts, take=memory.empty):
        channels = x.shape[-1]
        rows = x.size // (parts * channels)
        self.count = rows
        own = columns.beside(x)
        self.side_by_side = own.side_by_side(rows, channels)
        self.rows, self.columns = rows // self.side_by_side, self.side_by_side * channels
        self.parts = parts
        self.block = own.block_rows(self.rows, self.columns)
        self.partial = own.partial_sums(parts, self.rows, self.columns, partial(take, x))
        self.coefficients = take(x, (parts, len(own.Coefficient), self.columns), x.dtype)

    def of(self, array):
        """An array in that shape."""
        return array.reshape(self.parts, self.rows, self.columns)

    def by_channel(self, array):
        """Partial sums or coefficients, with the rows that lie side by side on an axis of their own."""
        return array.reshape(*array.shape[:-1], self.side_by_side, -1)


def with_channels(x):
    """The array x, which must have an axis of channels."""
    x = real_array("x", x)
    if x.ndim == 0:
        raise ValueError("x must have at least one axis, for the channels; it has none")
    return x


def filled_with_zeros(results):
    """The results for an empty batch."""
    for result in results:
        memory.assign(result, 0)
    return results
