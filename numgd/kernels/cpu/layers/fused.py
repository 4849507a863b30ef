"""Activations fused into other kernels: applied while a result is in registers or in the cache.

A fused activation is piecewise linear and described by two numbers, from which vector code
(`numgd.jit.micro_kernels`), scalar code (`finish`) and kernels with a lower bound (`FLOORED`) are derived.
"""

import math
from typing import NamedTuple

import numpy as np

from numgd.jit.micro_kernels import any_of
from numgd.jit.portable import portable
from numgd.scalars import ACTIVATIONS


class Fused(NamedTuple):
    """A piecewise linear activation: min(x, ceiling) where x > 0, else slope · x.  NaN gives NaN."""

    slope: float
    ceiling: float = math.inf


FUSED = {
    None: Fused(1.0),
    "relu": Fused(0.0),
    "relu6": Fused(0.0, 6.0),
    "leaky_relu": Fused(ACTIVATIONS["leaky_relu"].default),
}
"""The activations that convolutions apply, by name."""

CODES = {name: code for code, name in enumerate(FUSED)}
"""The code of each activation, which is passed to kernels: its index in `PIECES`."""

PIECES = tuple(FUSED.values())
"""The activations in the order of their codes."""

FLOORED = tuple(name for name, pieces in FUSED.items() if pieces in (Fused(1.0), Fused(0.0)))
"""Those that amount to max(x, floor) with floor 0 or −∞, as dense layers and normalisations apply them."""


def _make_piecewise(slope, ceiling):
    """The activation as a portable function."""

    @portable
    def identity(value):
        return value

    @portable
    def cut_off(value):
        real = type(value)
        return real(0) if value <= real(0) else value

    @portable
    def sloping(value):
        real = type(value)
        return real(slope) * value if value <= real(0) else value

    lower = {0.0: cut_off, 1.0: identity}.get(slope, sloping)
    if ceiling == math.inf:
        return lower

    @portable
    def bounded(value):
        value, top = lower(value), type(value)(ceiling)
        return top if value >= top else value

    return bounded


def _make_finish(_, slope, ceiling):
    activation = _make_piecewise(slope, ceiling)

    @portable
    def finish_with(sums, start, bias, first, out, place, count):
        # Unsigned indices never count from the end, so the loop vectorises without slicing first.
        from_sum, from_bias, to = np.uint64(start), np.uint64(first), np.uint64(place)
        for j in range(np.uint64(count)):
            out[to + j] = activation(sums[from_sum + j] + bias[from_bias + j])

    return finish_with


finish = any_of(_make_finish, None, PIECES)
"""``finish(code, sums, start, bias, first, out, place, count)``: activation(sums + bias) for one pixel.

The pixel's `count` neighbouring channels begin at `start`, `first` and `place` in the vectors `sums`, `bias`
and `out`.
"""
