"""Dropout with the mask of `numgd.kernels.cpu.layers.dropout`, bit for bit."""

import numpy as np

from numgd.foundations.random import philox
from numgd.jit.portable import portable
from numgd.kernels.cpu.layers.dropout import kept
from numgd.kernels.cuda.target import can_load4, cuda, kernel, launch, launch_shape, load4, store4

_GROUP = 64
"""Positions that share the four words of sixteen counters; four threads take four counters each."""


def dropout(x, seed, stream, threshold, scale, out):
    """out = scale · x where the position's word is at least the threshold, else 0; x and out are vectors."""
    _drive(_dropout, x, np.uint64(seed), stream, threshold, scale, out)


def dropout_of_step(x, words, stream, threshold, scale, out):
    """As `dropout`, with the seed in the first of `words`, which may change between runs of a program."""
    _drive(_dropout_of_step, x, words, stream, threshold, scale, out)


def _drive(function, x, seed, stream, threshold, scale, out):
    if x.size:
        groups = x.size // _GROUP if can_load4(x, out) else 0
        numbers = np.uint64(stream), np.uint64(threshold), x.dtype.type(scale), groups
        shape = launch_shape(max(4 * groups, x.size - _GROUP * groups))
        launch(function, shape, x, seed, *numbers, out)


@kernel
def _dropout(x, seed, stream, threshold, scale, groups, out):
    _apply(cuda.grid(1), cuda.gridsize(1), x, seed, stream, threshold, scale, groups, out)


@kernel
def _dropout_of_step(x, words, stream, threshold, scale, groups, out):
    _apply(cuda.grid(1), cuda.gridsize(1), x, words[0], stream, threshold, scale, groups, out)


@portable
def _apply(start, step, x, seed, stream, threshold, scale, groups, out):
    """Apply dropout as thread `start` of `step`: to whole groups, and one by one to what is left."""
    for i in range(start, 4 * groups, step):
        first = i // 4 * 64 + i % 4 * 4  # position in the group's first quarter
        counter = np.uint64(4 * i)
        a = philox(seed, stream, counter)
        b = philox(seed, stream, counter + np.uint64(1))
        c = philox(seed, stream, counter + np.uint64(2))
        d = philox(seed, stream, counter + np.uint64(3))
        _four(x, first, a[0], b[0], c[0], d[0], threshold, scale, out)
        _four(x, first + 16, a[1], b[1], c[1], d[1], threshold, scale, out)
        _four(x, first + 32, a[2], b[2], c[2], d[2], threshold, scale, out)
        _four(x, first + 48, a[3], b[3], c[3], d[3], threshold, scale, out)
    nothing = x.dtype.type(0)
    for i in range(64 * groups + start, x.size, step):
        out[i] = scale * x[i] if kept(seed, stream, i, threshold) else nothing


@portable
def _four(x, first, a, b, c, d, threshold, scale, out):
    """Apply dropout to four neighbours with these words."""
    u, nothing = load4(x, first), x.dtype.type(0)
    e = scale * u[0] if a >= threshold else nothing
    f = scale * u[1] if b >= threshold else nothing
    g = scale * u[2] if c >= threshold else nothing
    h = scale * u[3] if d >= threshold else nothing
    store4(out, first, (e, f, g, h))
