"""Weighting and reduction of the losses of elements or rows."""

import math
from typing import NamedTuple

import numpy as np

from numgd.foundations.ranges import checked, one_of
from numgd.kernels.cpu.layers.elementwise import ONE
from numgd.kernels.layers import elementwise
from numgd.nn.functional.checks import output, real_array

Reduction = one_of("mean", "sum", "none")


class Weighing(NamedTuple):
    """The weights of losses, and the divisor of their sum."""

    weights: np.ndarray  # contiguous vector, one weight per `repeat` losses
    repeat: int
    divisor: float  # of their sum
    shape: tuple  # of the weights as given

    def beside(self, ndim):
        """The weights with as many axes as the losses, to broadcast."""
        return self.weights.reshape(self.shape + (1,) * (ndim - len(self.shape)))

    def multiplied(self, factors, reduction):
        """The same with one more factor ≥ 0 for each loss; if all are 0, the mean is NaN."""
        weights = np.ascontiguousarray(self.beside(factors.ndim) * factors)
        divisor = float(np.sum(weights, dtype=np.float64)) if reduction == "mean" else 1.0
        return Weighing(weights.reshape(-1), 1, divisor, factors.shape)


def weighing(sample_weight, shape, dtype, reduction):
    """`Weighing` of losses of a shape; raises if the weights or the reduction are invalid."""
    checked("reduction", reduction, Reduction)
    size = math.prod(shape)
    if sample_weight is None:
        # One weight for more losses than there are: the driver never reads a second one.
        return Weighing(ONE[dtype], size + 1, float(size) if reduction == "mean" else 1.0, ())
    weights = real_array("sample_weight", sample_weight, dtype=dtype)
    if weights.shape != shape[: weights.ndim]:
        raise ValueError(f"sample_weight has shape {weights.shape}, which does not begin the losses' {shape}")
    vector = weights.reshape(-1)
    if elementwise.count_invalid("weight", vector):
        raise ValueError("sample_weight must be finite and at least 0")
    repeat = size // max(1, vector.size)
    divisor = float(np.sum(vector, dtype=np.float64)) * repeat if reduction == "mean" else 1.0
    if reduction == "mean" and divisor == 0 and size:
        raise ValueError("sample_weight must not be 0 everywhere: the mean is then undefined")
    return Weighing(vector, max(1, repeat), divisor, weights.shape)


def weighed(array, weights):
    """An array times weights, where 0 times an infinite element is 0."""
    counted = (weights != 0) | np.isnan(array)
    return np.multiply(array, weights, out=np.zeros_like(array), where=counted)


def reduced(total, by, out, dtype, added=0.0):
    """The sum, divided, plus `added`, as a number of a dtype; written to `out` if there is one."""
    value = (total / by.divisor if by.divisor else math.nan) + added
    if dtype == np.float32 and abs(value) > _LARGEST:  # NumPy would warn
        value = math.copysign(math.inf, value)
    if out is None:
        return dtype.type(value)
    out[()] = value
    return out


_LARGEST = float(np.finfo(np.float32).max)


def slope_weights(grad, by, shape, dtype, reduction):
    """``(weights, repeat, factor)`` of a gradient, from the gradient with respect to the reduced loss.

    Raises if `grad` is not a number or, without a reduction, not an array of the losses' shape.
    """
    if reduction == "none":
        grad = real_array("grad", grad, dtype=dtype)
        if grad.shape != shape:
            raise ValueError(f"grad has shape {grad.shape}, but the losses have {shape}")
        if by.weights is not ONE[dtype]:
            grad = weighed(grad, by.beside(len(shape)))
        return grad.reshape(-1), 1, 1.0
    number = np.asarray(grad)
    if number.dtype.kind not in "fiu":
        raise TypeError(f"grad must be a real number; it is {grad!r}")
    if number.ndim:
        raise ValueError(f"grad has shape {number.shape}, but the loss is one number")
    return by.weights, by.repeat, float(number) / by.divisor if by.divisor else 0.0


def result_memory(out, shape, dtype, reduction, *inputs):
    """Memory for losses; for a single number, `out` or None."""
    if reduction == "none":
        return output(out, shape, dtype, *inputs)
    return None if out is None else output(out, (), dtype, *inputs)
