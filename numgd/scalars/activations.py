"""Activations as pairs ``value(x, c)`` and ``derivative(x, c)``; c is the parameter of those that have one.

NaN gives NaN, and every limit at ±inf is the function's.
"""

import math

from numgd.jit import simd
from numgd.jit.portable import strict
from numgd.scalars.pair import Pair
from numgd.scalars.times import times

_ROOT_2 = math.sqrt(2)
_DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution at 0
_SLOPE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715
_SATURATED = 40.0  # beyond it exp(−x²/2) is 0
_TANH_SATURATED = 16.0  # the same for 1 − tanh² of the approximation
_SILU_SATURATED = 800.0  # and for sigmoid(−x)


@strict
def _within(x, low, high):
    """x between bounds; NaN stays."""
    real = type(x)
    x = real(low) if x < real(low) else x
    return real(high) if x > real(high) else x


@strict
def relu(x, c):
    """max(x, 0)."""
    return type(x)(0) if x <= 0 else x


@strict
def relu_derivative(x, c):
    """1 where x > 0, else 0."""
    real = type(x)
    return real(0) if x <= 0 else (real(1) if x > 0 else x)


@strict
def leaky_relu(x, c):
    """x where x > 0, else c x."""
    return x if x > 0 else times(c, x)


@strict
def leaky_relu_derivative(x, c):
    """1 where x > 0, else c."""
    real = type(x)
    return real(1) if x > 0 else (c if x <= 0 else x)


@strict
def elu(x, c):
    """x where x > 0, else c (eˣ − 1): Clevert, Unterthiner and Hochreiter (2016), equation 15."""
    below = c * simd.expm1(x)
    return x if x > 0 else below


@strict
def elu_derivative(x, c):
    """1 where x > 0, else c eˣ."""
    below = c * simd.exp(x)
    return type(x)(1) if x > 0 else below


@strict
def sigmoid(x, c):
    """1 / (1 + e⁻ˣ)."""
    return simd.sigmoid(x)


@strict
def sigmoid_derivative(x, c):
    """σ(x) σ(−x), without the cancellation of 1 − σ(x)."""
    one = type(x)(1)
    z = simd.exp(-abs(x))
    return z / ((one + z) * (one + z))


@strict
def tanh(x, c):
    """Hyperbolic tangent."""
    return simd.tanh(x)


@strict
def tanh_derivative(x, c):
    """1 / cosh² x, without the cancellation of 1 − tanh² x."""
    real = type(x)
    z = simd.exp(real(-2) * abs(x))
    return real(4) * z / ((real(1) + z) * (real(1) + z))


@strict
def silu(x, c):
    """x σ(x): Elfwing, Uchibe and Doya (2018), equation 4."""
    bounded = type(x)(-_SILU_SATURATED) if x < type(x)(-_SILU_SATURATED) else x
    return bounded * simd.sigmoid(x)


@strict
def silu_derivative(x, c):
    """σ(x) (1 + x (1 − σ(x))): the same, equation 5."""
    one = type(x)(1)
    s = simd.sigmoid(x)
    return s * (one + _within(x, -_SILU_SATURATED, _SILU_SATURATED) * (one - s))


@strict
def _normal_distribution(x):
    """Φ(x)."""
    real = type(x)
    return real(0.5) * (real(1) + simd.erf(x / real(_ROOT_2)))


@strict
def gelu(x, c):
    """x Φ(x): Hendrycks and Gimpel (2016), section 2."""
    bounded = type(x)(-_SATURATED) if x < type(x)(-_SATURATED) else x
    return bounded * _normal_distribution(bounded)


@strict
def gelu_derivative(x, c):
    """Φ(x) + x φ(x)."""
    real = type(x)
    bounded = _within(x, -_SATURATED, _SATURATED)
    density = real(_DENSITY) * simd.exp(real(-0.5) * bounded * bounded)
    return _normal_distribution(bounded) + bounded * density


@strict
def gelu_tanh(x, c):
    """½ x (1 + tanh(√(2/π) (x + 0.044715 x³))): the same, section 2."""
    real = type(x)
    bounded = _within(x, -_TANH_SATURATED, _TANH_SATURATED)
    inner = real(_SLOPE) * (bounded + real(_CUBIC) * bounded * bounded * bounded)
    factor = bounded if x < 0 else x
    return real(0.5) * factor * (real(1) + simd.tanh(inner))


@strict
def gelu_tanh_derivative(x, c):
    """Its derivative by the product rule."""
    real = type(x)
    one, half = real(1), real(0.5)
    x = _within(x, -_TANH_SATURATED, _TANH_SATURATED)
    t = simd.tanh(real(_SLOPE) * (x + real(_CUBIC) * x * x * x))
    inner = real(_SLOPE) * (one + real(3 * _CUBIC) * x * x)
    return half * (one + t) + half * x * (one - t * t) * inner


ACTIVATIONS = {
    "elu": Pair(elu, elu_derivative),
    "gelu": Pair(gelu, gelu_derivative),
    "gelu_tanh": Pair(gelu_tanh, gelu_tanh_derivative),
    "leaky_relu": Pair(leaky_relu, leaky_relu_derivative),
    "relu": Pair(relu, relu_derivative),
    "sigmoid": Pair(sigmoid, sigmoid_derivative),
    "silu": Pair(silu, silu_derivative),
    "tanh": Pair(tanh, tanh_derivative),
}
