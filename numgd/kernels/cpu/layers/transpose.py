"""The transpose of a matrix."""

from numgd.jit.micro_kernels import SQUARE, transpose_square
from numgd.jit.parallel import parallel_for
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled, portable


@portable
def _transpose_rows(task, flat, rows, columns, out):
    """A task of `transpose`: eight rows."""
    first, last = task * SQUARE, min(rows, (task + 1) * SQUARE)
    whole = columns // SQUARE * SQUARE if last - first == SQUARE else 0
    for c in range(0, whole, SQUARE):
        transpose_square(flat, first * columns + c, columns, out, c * rows + first, rows)
    for c in range(whole, columns):
        for i in range(first, last):
            out[c * rows + i] = flat[i * columns + c]


@compiled("transpose", ELEMENTWISE_FLAGS)
def transpose(flat, rows, columns, out):
    """The transpose of a matrix with some rows and columns, as vectors."""
    tasks = (rows + SQUARE - 1) // SQUARE
    parallel_for(_transpose_rows, tasks, flat.size, flat, rows, columns, out)


def transposes(flat, count, rows, columns, out):
    """The transposes of matrices that follow one another, as vectors."""
    out.reshape(count, columns, rows)[...] = flat.reshape(count, rows, columns).swapaxes(1, 2)
