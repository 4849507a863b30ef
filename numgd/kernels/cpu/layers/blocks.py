"""A parallel loop over the rows of arrays, with a sum over all rows.

One driver serves activations, losses and softmax, forward and backward.  It divides arrays into blocks and
calls a function for each (`numgd.jit.blocks`).  Blocks depend on the shape alone and their sums are added in
order, so results are the same, bit for bit, for any number of threads.
"""

import numpy as np

from numgd.jit.blocks import call_block
from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import address_of
from numgd.jit.portable import compiled, portable

PIECE = 1024
"""Number of elements that are summed in their own dtype; the sums of such pieces are added in float64."""

BLOCK_ELEMENTS = 16 * PIECE
"""Number of elements in a block of an elementwise loop."""


@portable
def _do_block(k, sums, function, x, y, weights, repeat, out, columns, steps, sizes, factor, parameter):
    """sums[k] = the sum over block k."""
    width = x.itemsize
    rows, piece, block = sizes
    y_step, out_step = steps
    row, last = k * block, min(rows, (k + 1) * block)
    total = 0.0
    while row < last:
        stop = min(last, row + piece)
        scale, run_factor = 0, factor
        if repeat == 1:
            scale = address_of(weights) + row * width
        else:
            sample = row // repeat
            stop = min(stop, (sample + 1) * repeat)
            run_factor = factor * weights[sample]
        total += call_block(
            function,
            address_of(x) + row * columns * width,
            address_of(y) + row * y_step * width if y_step else 0,
            scale,
            address_of(out) + row * out_step * width if out_step else 0,
            stop - row,
            columns,
            run_factor,
            parameter,
        )
        row = stop
    sums[k] = total


def drive(function, x, y, weights, repeat, out, columns, steps, sizes, factor, parameter):
    """Call a function for all blocks of rows and return the sum of its results.

    Parameters
    ----------
    function : int
        Its address.
    x : numpy.ndarray
        Rows of `columns` elements.
    y : numpy.ndarray
        The second operand, rows of ``steps[0]`` elements.  If that is 0, there is none; `y` can be any array.
    weights : numpy.ndarray
        If `repeat` is 1, the function gets the weights of its rows.  Otherwise each weight applies to
        `repeat` rows, and the function gets its product with `factor`.
    repeat : int
    out : numpy.ndarray
        The result, rows of ``steps[1]`` elements.  If that is 0, there is none.
    columns : int
    steps : tuple of int
    sizes : tuple of int
        The number of rows, the number per call, and the number per block.
    factor, parameter : float
        Passed on to the function.

    All arrays are contiguous vectors of the same dtype.
    """
    if not (x.flags.writeable and y.flags.writeable and weights.flags.writeable and out.flags.writeable):
        x, y, weights, out = map(_of_usual_type, (x, y, weights, out))
    return _drive(function, x, y, weights, repeat, out, columns, steps, sizes, factor, parameter)


class _Memory:
    """The memory of an array, presented to NumPy as writeable."""

    def __init__(self, array):
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = interface | {"data": (interface["data"][0], False)}


def _of_usual_type(array):
    """A writeable view of an array; for a read-only one, the driver would be compiled again."""
    return np.asarray(_Memory(array))


@compiled("blocks")
def _drive(function, x, y, weights, repeat, out, columns, steps, sizes, factor, parameter):
    rows, _, block = sizes
    blocks = -(-rows // block)
    sums = np.empty(blocks)
    parallel_for(
        _do_block, blocks, rows * columns,
        sums, function, x, y, weights, repeat, out, columns, steps, sizes, factor, parameter,
    )  # fmt: skip
    total = 0.0
    for k in range(blocks):
        total += sums[k]
    return total
