"""The record of a convolution algorithm: its functions, and when they apply."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from numgd.foundations.records import Record
from numgd.kernels.cpu.layers.conv.geometry import Geometry


class Layer(NamedTuple):
    """A convolution, apart from its images."""

    kernel: tuple  # (height, width)
    in_channels: int
    out_channels: int
    geometry: Geometry


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ConvAlgorithm(Record):
    """A convolution algorithm; defining one in a module of this package makes it available.

    Attributes
    ----------
    reason_against : callable
        ``reason_against(layer)``: why the algorithm does not apply to a `Layer`, as a sentence for an error
        message, or None.
    forward : callable
        ``forward(x, weight, bias, out, geometry, activation=0, packed_cache=None)``; see `direct.forward`.
    input_gradient : callable
        ``input_gradient(grad, weight, bias, out, geometry, activation=0, packed_cache=None)``: the transposed
        convolution; see `direct.input_gradient`.
    weight_gradient : callable
        ``weight_gradient(grad, x, out, geometry)``; see `weight_gradient.weight_gradient`.
    work : callable, optional
        ``work(task)``: what the algorithm does for a `cost.Task`, as a `cost.Work`, or None if it is not
        worthwhile.  Of the algorithms that apply, the one whose work takes the shortest time is chosen.
        Without this function, the algorithm is used only when requested by name.
    """

    reason_against: Callable
    forward: Callable
    input_gradient: Callable
    weight_gradient: Callable
    work: Callable | None = None
