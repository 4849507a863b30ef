"""Transposes of matrices, through tiles in shared memory."""

from functools import cache

from numba import from_dtype

from numgd.kernels.cuda import target
from numgd.kernels.cuda.target import cuda, kernel, launch

TILE, DEEP = (4, 2) if target.SIMULATED else (32, 8)
"""Rows and columns of a tile, and rows of it that are accessed at once."""

_WIDTH = TILE + 1  # of a row in shared memory: no two threads of a warp meet in a bank


def transpose(flat, rows, columns, out):
    """The transpose of a matrix with some rows and columns, as vectors."""
    transposes(flat, 1, rows, columns, out)


def transposes(flat, count, rows, columns, out):
    """The transposes of matrices that follow one another, as vectors."""
    if flat.size:
        tiles = count * -(-rows // TILE) * -(-columns // TILE)
        shape = (min(tiles, target.MOST_BLOCKS), (TILE, DEEP))
        launch(_transposes(flat.dtype), shape, flat, count, rows, columns, out)


@cache
def _transposes(dtype):
    kind = from_dtype(dtype)

    @kernel
    def function(flat, count, rows, columns, out):
        tile = cuda.shared.array((TILE, _WIDTH), kind)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        down, across = (rows + TILE - 1) // TILE, (columns + TILE - 1) // TILE
        for number in range(cuda.blockIdx.x, count * down * across, cuda.gridDim.x):
            matrix, place = number // (down * across), number % (down * across)
            row, column, start = place // across * TILE, place % across * TILE, matrix * rows * columns
            for i in range(y, TILE, DEEP):
                if row + i < rows and column + x < columns:
                    tile[i, x] = flat[start + (row + i) * columns + column + x]
            cuda.syncthreads()
            for i in range(y, TILE, DEEP):
                if column + i < columns and row + x < rows:
                    out[start + (column + i) * rows + row + x] = tile[x, i]
            cuda.syncthreads()

    return function
