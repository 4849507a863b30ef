"""Winograd's algorithm F(2×2, 3×3): a tile of 2×2 results is ``Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A``.

Summed over channels, the products ⊙ are 16 matrix products over tiles, with 16 multiplications for each four
results in place of 36 (Lavin and Gray, *Fast algorithms for convolutional neural networks*, 2016, eq. 12).
They are a convolution with kernels of one pixel and 16 groups of channels, one for each number of a tile.
"""

import math

import numpy as np

from numgd.jit.portable import portable
from numgd.kernels.cpu.layers.conv.geometry import Geometry, ceil_divide
from numgd.kernels.cpu.layers.conv.winograd_matrices import INPUT, KERNEL, RESULT
from numgd.kernels.cuda import memory, target
from numgd.kernels.cuda.layers.conv import products
from numgd.kernels.cuda.layers.conv.operands import finished, split
from numgd.kernels.cuda.target import cuda, four_of, kernel, launch, launch_shape

STEP = 2
NUMBERS = (STEP + 2) ** 2
"""Numbers of a transformed tile."""

MOST_SCRATCH = 2**28
"""Maximum size of the transformed tiles of a part of the batch, in bytes."""

RATE, BANDWIDTH = 45e12, 3.5e12
"""Operations of float32 and bytes a second, as calculated for an H200: two thirds of what it has at most."""

_POINT = Geometry((1, 1, 1), (1, 1, 1), (0,) * 6, NUMBERS)


def applies(image, weight, geometry):
    """Whether a convolution, by its shapes, has kernels of 3×3 at stride one in one group."""
    return (
        tuple(weight[1:4]) == (1, 3, 3)
        and image[1] == 1
        and set(geometry.stride) == set(geometry.dilation) == {1}
        and not any(geometry.padding[:2])
        and geometry.groups == 1
    )


def is_faster(source, result, dtype):
    """Whether the products saved take longer than writing and reading the tiles, by the shapes of images."""
    if dtype != np.float32 or source[4] % 4 or result[4] % 4:
        return False
    tiles = result[0] * ceil_divide(result[2], STEP) * ceil_divide(result[3], STEP)
    per_product = 2 * source[4] * result[4] / RATE
    direct = 9 * math.prod(result[:4]) * per_product
    moved = 2 * NUMBERS * tiles * (source[4] + result[4]) + math.prod(source) + math.prod(result)
    return NUMBERS * tiles * per_product + 4 * moved / BANDWIDTH < direct


def forward(x, weight, bias, out, geometry, activation):
    """The convolution of volumes of depth one."""
    _convolve(x, weight, bias, out, geometry.padding[2::2], activation, False)


def gradient_of_input(grad, weight, bias, out, geometry, activation):
    """The transposed convolution of volumes of depth one."""
    top, left = geometry.padding[2::2]
    _convolve(grad, weight, bias, out, (2 - top, 2 - left), activation, True)


def _convolve(source, weight, bias, out, padding, activation, transposed):
    """Transform weights and tiles, multiply, and transform the products."""
    channels, columns, dtype = source.shape[4], out.shape[4], out.dtype
    shape, read = out.shape[2:4], source.shape[2:4]
    tiling = tuple(ceil_divide(size, STEP) for size in shape)
    kernels = memory.scratch(out, (NUMBERS * columns, 1, 1, 1, channels), dtype)
    launch(
        _transform, launch_shape(channels * columns),
        products.flat(weight), products.flat(kernels), columns, channels, transposed,
    )  # fmt: skip
    of_image = math.prod(tiling)
    bytes_of_image = of_image * NUMBERS * (channels + columns) * dtype.itemsize
    together = min(len(out), max(1, MOST_SCRATCH // bytes_of_image))
    tiles = memory.scratch(out, (together * of_image, 1, 1, 1, NUMBERS * channels), dtype)
    sums = memory.scratch(out, (together * of_image, 1, 1, 1, NUMBERS * columns), dtype)
    none = memory.constant(out, (NUMBERS * columns,), 0, dtype)
    for first in range(0, len(out), together):
        images, results = source[first : first + together], out[first : first + together]
        count = len(results) * of_image
        launch(
            _read_tiles, launch_shape(count * channels),
            products.flat(images), products.flat(tiles[:count]), np.int32(channels),
            _int32(tiling), _int32(read), _int32(padding),
        )  # fmt: skip
        products.forward(tiles[:count], kernels, none, sums[:count], _POINT, 0)
        launch(
            _write_tiles, launch_shape(count * columns),
            products.flat(sums[:count]), bias, products.flat(results),
            *products.pieces_of(dtype, activation), _int32(tiling), _int32(shape),
        )  # fmt: skip


def _int32(numbers):
    return tuple(map(np.int32, numbers))


_of_kernel, _of_input = target.make_sandwich(KERNEL[STEP]), target.make_sandwich(INPUT[STEP])
_of_result = target.make_sandwich(RESULT[STEP])


@portable
def _row_of_kernel(weight, place, step):
    return weight[place], weight[place + step], weight[place + 2 * step]


@kernel
def _transform(weight, out, columns, channels, transposed):
    for i in range(cuda.grid(1), columns * channels, cuda.gridsize(1)):
        column, channel = i // channels, i % channels
        if transposed:  # the kernel is rotated by 180°
            place, step = (channel * 9 + 8) * columns + column, -columns
        else:
            place, step = column * 9 * channels + channel, channels
        numbers = _of_kernel(
            _row_of_kernel(weight, place, step)
            + _row_of_kernel(weight, place + 3 * step, step)
            + _row_of_kernel(weight, place + 6 * step, step)
        )
        for k in range(4):
            values, place = four_of(numbers, k), (4 * k * columns + column) * channels + channel
            for value in values:
                out[place] = value
                place += columns * channels


@portable
def _pixel(image, base, y, x, channels, shape):
    within = y >= 0 and y < shape[0] and x >= 0 and x < shape[1]
    return image[np.uint64(base + (y * shape[1] + x) * channels)] if within else image.dtype.type(0)


@portable
def _row_of_tile(image, base, y, x, channels, shape):
    return (
        _pixel(image, base, y, x, channels, shape),
        _pixel(image, base, y, x + 1, channels, shape),
        _pixel(image, base, y, x + 2, channels, shape),
        _pixel(image, base, y, x + 3, channels, shape),
    )


@kernel
def _read_tiles(image, out, channels, tiling, shape, padding):
    for i in range(cuda.grid(1), out.size // NUMBERS, cuda.gridsize(1)):
        channel, across, down, n = split(np.int32(i), channels, tiling[1], tiling[0])
        y, x = STEP * down - padding[0], STEP * across - padding[1]
        base = np.int64(n) * (shape[0] * shape[1] * channels) + channel
        numbers = _of_input(
            _row_of_tile(image, base, y, x, channels, shape)
            + _row_of_tile(image, base, y + 1, x, channels, shape)
            + _row_of_tile(image, base, y + 2, x, channels, shape)
            + _row_of_tile(image, base, y + 3, x, channels, shape)
        )
        place = np.int64(i - channel) * NUMBERS + channel
        for k in range(4):
            for value in four_of(numbers, k):
                out[np.uint64(place)] = value
                place += channels


@portable
def _four_sums(sums, place, step):
    return (
        sums[np.uint64(place)],
        sums[np.uint64(place + step)],
        sums[np.uint64(place + 2 * step)],
        sums[np.uint64(place + 3 * step)],
    )


@kernel
def _write_tiles(sums, bias, out, slope, ceiling, tiling, shape):
    channels = np.int32(bias.size)
    for i in range(cuda.grid(1), sums.size // NUMBERS, cuda.gridsize(1)):
        channel, across, down, n = split(np.int32(i), channels, tiling[1], tiling[0])
        place = np.int64(i - channel) * NUMBERS + channel
        results = _of_result(
            _four_sums(sums, place, channels)
            + _four_sums(sums, place + 4 * channels, channels)
            + _four_sums(sums, place + 8 * channels, channels)
            + _four_sums(sums, place + 12 * channels, channels)
        )
        y, x = STEP * down, STEP * across
        place = ((np.int64(n) * shape[0] + y) * shape[1] + x) * channels + channel
        right, below, more = x + 1 < shape[1], y + 1 < shape[0], bias[channel]
        out[np.uint64(place)] = finished(results[0] + more, slope, ceiling)
        if right:
            out[np.uint64(place + channels)] = finished(results[1] + more, slope, ceiling)
        place += shape[1] * channels
        if below:
            out[np.uint64(place)] = finished(results[2] + more, slope, ceiling)
        if below and right:
            out[np.uint64(place + channels)] = finished(results[3] + more, slope, ceiling)
