"""Convolutions as matrix products by tiles (implicit GEMM): the kernels, their tiles and their launches."""

import math
from functools import cache

import numpy as np

from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide
from numgd.kernels.cpu.layers.fused import PIECES
from numgd.kernels.cuda import target
from numgd.kernels.cuda.layers.conv import operands
from numgd.kernels.cuda.layers.conv.operands import finished
from numgd.kernels.cuda.layers.conv.sweeps import Sweep, backward_sweeps, forward_sweep, weight_sweep
from numgd.kernels.cuda.layers.tiles import Tile, make_product
from numgd.kernels.cuda.memory import scratch
from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape, load4, store4

MULTIPROCESSORS = 132
"""Of the GPU for which tiles are chosen; others compute the same, at another rate."""

RESIDENT = 4
"""Blocks of a multiprocessor that hide each other's waiting for memory."""

MOST_PARTS = 256
"""Maximum number of parts of a sum."""

FEWEST_SLICES = 16
"""Minimum number of slices in a part of a sum."""

MOST_SCRATCH = 64 * 2**20
"""Maximum size of the parts of sums, in bytes."""

TILES = {
    # By the bytes of a number, and the rate of a tile: products a cycle of a multiprocessor.  They are not
    # measured but follow from the share of the inner loop that multiplies.
    4: {
        Tile(128, 128, 8, 8, 8, 4, 8): 100,
        Tile(64, 64, 8, 8, 4, 4, 8): 85,
        Tile(32, 32, 8, 4, 4, 4, 8): 65,
        Tile(128, 16, 4, 4, 4, 8, 4): 45,
    },
    8: {
        Tile(64, 64, 8, 8, 4, 4, 8): 50,
        Tile(32, 32, 8, 4, 4, 4, 8): 35,
        Tile(128, 16, 4, 4, 4, 8, 4): 35,
    },
}
"""The tiles from which one is chosen, by the size of a number."""

if target.SIMULATED:  # a simulated thread takes 0.2 ms
    FEWEST_SLICES = 4
    TILES = {size: {Tile(16, 16, 4, 4, 4, 2, 2): 1} for size in (4, 8)}

FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT = "forward", "input_gradient", "weight_gradient"


@cache
def _kernel(operation, dtype, tile, wide):
    """The kernel of an operation."""
    if operation == FORWARD:
        makers = operands.pixels, operands.weights, operands.results
    elif operation == INPUT_GRADIENT:
        makers = operands.pixels, operands.transposed_weights, operands.results
    else:
        makers = operands.slopes, operands.shifted_pixels, operands.sums_of_products
    left, right, result = makers
    # Products of two moving pixels, and numbers that are found one by one, take more registers for addresses.
    resident = 512 if dtype.itemsize == 4 and wide and operation != WEIGHT_GRADIENT else 256
    return make_product(
        dtype, tile, left(dtype, tile.depth, wide), right(dtype, tile.depth, wide),
        result(dtype, wide), operands.make_block_of(tile), resident,
    )  # fmt: skip


@by_shape
def plan(sweep, size, numbers, sweeps=1):
    """The tile for a sweep, and the number of parts of its sums.

    A block takes ``rows · columns · depth / rate`` cycles; blocks that a GPU cannot run at once wait.  Sums
    are divided into parts where there are fewer blocks than the GPU could run.

    Parameters
    ----------
    sweep : Sweep
    size : int
        Bytes of a number.
    numbers : int
        Numbers in the result, of which there is one for each part.
    sweeps : int
        How many such sweeps there are.
    """
    return min(_plans(sweep, size, numbers, sweeps))[1:]


def _plans(sweep, size, numbers, sweeps):
    for tile, rate in TILES[size].items():
        blocks = ceil_divide(sweep.rows, tile.rows) * ceil_divide(sweep.columns, tile.columns) * sweep.groups
        slices = max(1, ceil_divide(sweep.depth, tile.depth))
        wanted = MULTIPROCESSORS * RESIDENT // max(1, blocks * sweeps)
        most = min(MOST_PARTS, slices // FEWEST_SLICES, MOST_SCRATCH // max(1, numbers * size))
        parts = max(1, min(wanted, most))
        parts = ceil_divide(slices, ceil_divide(slices, parts))  # none is empty
        waves = ceil_divide(blocks * parts, MULTIPROCESSORS)
        cycles = waves * tile.rows * tile.columns * tile.depth * ceil_divide(slices, parts) / rate
        yield cycles + (0 if parts == 1 else 5000), tile, parts


def _launch(operation, left, right, bias, out, pieces, sweep, tile, parts, wide):
    """Launch the kernel of an operation over a sweep."""
    dtype = out.dtype
    all_slices = ceil_divide(sweep.depth, tile.depth)
    row_tiles, column_tiles = ceil_divide(sweep.rows, tile.rows), ceil_divide(sweep.columns, tile.columns)
    slices = ceil_divide(all_slices, parts)
    numbers = sweep._replace(
        parts=parts, slices=slices, all_slices=all_slices, row_tiles=row_tiles, column_tiles=column_tiles
    )
    blocks = row_tiles * column_tiles * sweep.groups * parts
    launch(
        _kernel(operation, dtype, tile, wide), (blocks, tile.threads),
        flat(left), flat(right), flat(bias), flat(out), *pieces, Sweep(*map(np.int32, numbers)),
    )  # fmt: skip


def shapes(*arrays):
    """Shapes as tuples, which can be hashed."""
    return [tuple(array.shape) for array in arrays]


def flat(array):
    """The array as a vector."""
    return array.reshape(array.size)


def pieces_of(dtype, activation):
    """Slope and ceiling of a fused activation."""
    return tuple(map(dtype.type, PIECES[activation]))


def _is_wide(columns, channels, *arrays):
    """Whether four neighbouring channels can be accessed at once."""
    return columns % 4 == channels % 4 == 0 and target.can_load4(*arrays)


def _sweep_over(operation, sweeps, left, right, bias, out, activation):
    """Launch sweeps, which together compute all of `out`."""
    weight_channels = right.shape[4]
    wide = _is_wide(right.shape[0] // sweeps[0].groups, weight_channels, left, right, out)
    longest = max(sweeps, key=lambda sweep: sweep.depth)
    tile, parts = plan(longest, out.itemsize, out.size, len(sweeps))
    pieces = pieces_of(out.dtype, activation)
    target_array = out if parts == 1 else scratch(out, (parts, out.size), out.dtype)
    for sweep in sweeps:
        _launch(operation, left, right, bias, target_array, pieces, sweep, tile, parts, wide)
    if parts > 1:
        add_parts(target_array, out, pieces)


def forward(x, weight, bias, out, geometry, activation):
    """The convolution of volumes."""
    for images, found in _batches(x, out):
        sweep = forward_sweep(*shapes(images, weight, found), geometry)
        _sweep_over(FORWARD, (sweep,), images, weight, bias, found, activation)


def gradient_of_input(grad, weight, bias, out, geometry, activation):
    """The transposed convolution of volumes."""
    for images, found in _batches(grad, out):
        sweeps = backward_sweeps(*shapes(images, weight, found), geometry)
        _sweep_over(INPUT_GRADIENT, sweeps, images, weight, bias, found, activation)


def gradient_of_weight(grad, x, out, geometry):
    """The gradient of the weights of volumes."""
    sweep = weight_sweep(*shapes(x, out, grad), geometry)
    wide = _is_wide(out.shape[0] // geometry.groups, out.shape[4], grad, x, out)
    tile, parts = plan(sweep, out.itemsize, out.size)
    pieces = pieces_of(out.dtype, 0)
    target_array = out if parts == 1 else scratch(out, (parts, out.size), out.dtype)
    _launch(WEIGHT_GRADIENT, grad, x, out, target_array, pieces, sweep, tile, parts, wide)
    if parts > 1:
        add_parts(target_array, out, pieces)


MOST_PIXELS = 2**30
"""Maximum number of pixels of a sweep, whose indices are int32."""


def _batches(*arrays):
    """The arrays in parts of the batch with at most `MOST_PIXELS` pixels each."""
    batch = len(arrays[0])
    pixels = max(math.prod(array.shape[1:4]) for array in arrays)
    step = max(1, MOST_PIXELS // max(pixels, 1))
    if step >= batch:
        return [arrays]
    return [[array[first : first + step] for array in arrays] for first in range(0, batch, step)]


def add_parts(partial, out, pieces):
    """out = activation(Σ partial[part]), in the order of the parts."""
    wide = out.size % 4 == 0 and target.can_load4(partial, out)
    count = out.size // 4 if wide else out.size
    launch(_make_add_parts(wide), launch_shape(count), flat(partial), flat(out), *pieces)


@cache
def _make_add_parts(wide):
    """The kernel, which adds four neighbouring numbers at once if `wide`."""

    @kernel
    def add_fours(partial, out, slope, ceiling):
        for i in range(4 * cuda.grid(1), out.size, 4 * cuda.gridsize(1)):
            a, b, c, d = load4(partial, i)
            for place in range(i + out.size, partial.size, out.size):
                e, f, g, h = load4(partial, place)
                a += e
                b += f
                c += g
                d += h
            a, b = finished(a, slope, ceiling), finished(b, slope, ceiling)
            store4(out, i, (a, b, finished(c, slope, ceiling), finished(d, slope, ceiling)))

    @kernel
    def add(partial, out, slope, ceiling):
        for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
            total = partial[i]
            for place in range(i + out.size, partial.size, out.size):
                total += partial[place]
            out[i] = finished(total, slope, ceiling)

    return add_fours if wide else add
