"""Activations as records: the value f(x, c) and its derivative with respect to x.

The limits at ±∞ are exact.
"""

import math

from numgd.foundations.ranges import Finite
from numgd.jit import simd
from numgd.jit.portable import strict
from numgd.scalars.scalar_function import Activation, parts_of

_DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution at 0
_SLOPE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715
_SATURATED = 40.0  # beyond it, exp(−x²/2) is 0
_TANH_SATURATED = 16.0  # beyond it, 1 − tanh² in the approximation of gelu is 0
_SILU_SATURATED = 800.0  # beyond it, sigmoid(−x) is 0


@strict
def _within(x, low, high):
    """x clipped to bounds; NaN stays NaN."""
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
    """x where x > 0, else c x; 0 times −∞ is 0."""
    below = c * x
    below = below if below == below else type(x)(0)
    return below if x <= 0 else x


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
    """1 / (1 + e⁻ˣ), and σ(x) σ(−x) without the cancellation of 1 − σ(x)."""
    one = type(x)(1)
    z = simd.exp_nonpositive(-abs(x))
    return (one if x > 0 else z) / (one + z), z / ((one + z) * (one + z))


@strict
def tanh(x, c):
    """Hyperbolic tangent."""
    return simd.tanh(x)


@strict
def tanh_derivative(x, c):
    """1 / cosh² x, without the cancellation of 1 − tanh² x."""
    real = type(x)
    z = simd.exp_nonpositive(real(-2) * abs(x))
    return real(4) * z / ((real(1) + z) * (real(1) + z))


@strict
def silu(x, c):
    """x σ(x), and σ(x) (1 + x (1 − σ(x))): Elfwing, Uchibe and Doya (2018), equations 4 and 5."""
    one, lowest = type(x)(1), type(x)(-_SILU_SATURATED)
    s = simd.sigmoid(x)
    bounded = lowest if x < lowest else x
    slope = s * (one + _within(x, -_SILU_SATURATED, _SILU_SATURATED) * (one - s))
    return bounded * s, slope


@strict
def gelu(x, c):
    """x Φ(x), and Φ(x) + x φ(x): Hendrycks and Gimpel (2016), section 2."""
    real = type(x)
    lowest, highest = real(-_SATURATED), real(_SATURATED)
    from_below = lowest if x < lowest else x
    bounded = highest if from_below > highest else from_below
    size = abs(bounded)
    density = real(_DENSITY) * simd.exp_flushing(real(-0.5) * size * size)
    tail = density * simd.mills(size)
    distribution = tail if x < 0 else real(1) - tail
    return from_below * distribution, distribution + bounded * density


@strict
def gelu_tanh(x, c):
    """½ x (1 + tanh(√(2/π) (x + 0.044715 x³))) and its derivative: Hendrycks and Gimpel (2016), section 2."""
    real = type(x)
    one, half = real(1), real(0.5)
    bounded = _within(x, -_TANH_SATURATED, _TANH_SATURATED)
    factor = bounded if x < 0 else x
    t = simd.tanh(real(_SLOPE) * (bounded + real(_CUBIC) * bounded * bounded * bounded))
    inner_slope = real(_SLOPE) * (one + real(3 * _CUBIC) * bounded * bounded)
    value = half * factor * (one + t)
    return value, half * (one + t) + half * bounded * (one - t * t) * inner_slope


ELU = Activation(
    name="elu",
    summary="exponential linear unit",
    function="elu",
    formula="x where x > 0, else c (eˣ − 1)",
    value=elu,
    derivative=elu_derivative,
    parameter="alpha",
    default=1.0,
    range=Finite,
)

GELU = Activation(
    name="gelu",
    summary="Gaussian error linear unit",
    function="gelu",
    formula="x Φ(x)",
    **parts_of(gelu),
)

GELU_TANH = Activation(
    name="gelu_tanh",
    summary="approximation of the Gaussian error linear unit",
    function="gelu",
    formula="½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))",
    **parts_of(gelu_tanh),
)

LEAKY_RELU = Activation(
    name="leaky_relu",
    summary="rectified linear unit with a slope below zero",
    function="leaky_relu",
    formula="x where x > 0, else c x",
    value=leaky_relu,
    derivative=leaky_relu_derivative,
    parameter="negative_slope",
    default=0.01,
    range=Finite,
)

RELU = Activation(
    name="relu",
    summary="rectified linear unit",
    function="relu",
    formula="max(x, 0)",
    value=relu,
    derivative=relu_derivative,
)

SIGMOID = Activation(
    name="sigmoid",
    summary="logistic function",
    function="sigmoid",
    formula="1 / (1 + e⁻ˣ)",
    **parts_of(sigmoid),
)

SILU = Activation(
    name="silu",
    summary="sigmoid linear unit, also called swish",
    function="silu",
    formula="x / (1 + e⁻ˣ)",
    **parts_of(silu),
)

TANH = Activation(
    name="tanh",
    summary="hyperbolic tangent",
    function="tanh",
    formula="tanh x",
    value=tanh,
    derivative=tanh_derivative,
)
