"""Activations as records: the value f(x, c) and its derivative with respect to x.

The limits at ±∞ are exact.
"""

import math

from numgd.foundations.ranges import Finite, Positive
from numgd.jit import simd
from numgd.jit.portable import strict
from numgd.scalars.scalar_function import Activation, parts_of

_DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution at 0
_SLOPE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715
_SATURATED = 40.0  # beyond it, exp(−x²/2) is 0
_TANH_SATURATED = 16.0  # beyond it, 1 − tanh² in the approximation of gelu is 0
_SILU_SATURATED = 800.0  # beyond it, sigmoid(−x) is 0
_FAR = 1e30  # 1 + _FAR is _FAR
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


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


@strict
def softplus(x, c):
    """log(1 + e^(c x))/c and its derivative σ(c x): Dugas et al. (2001)."""
    real = type(x)
    scaled = c * x
    z = simd.exp_nonpositive(-abs(scaled))
    one, above = real(1), real(0) if x < 0 else x
    return above + simd.log1p(z) / c, (one if scaled > 0 else z) / (one + z)


@strict
def softsign(x, c):
    """x / (1 + |x|) and 1 / (1 + |x|)²: Turian, Bergstra and Bengio (2009)."""
    real = type(x)
    bounded, share = _within(x, -_FAR, _FAR), real(1) / (real(1) + abs(x))
    return bounded / (real(1) + abs(bounded)), share * share


@strict
def selu(x, c):
    """λ x where x > 0, else λ α (eˣ − 1): Klambauer et al. (2017), equation 2."""
    real = type(x)
    above, below = real(_SELU_SCALE) * x, real(_SELU_SCALE * _SELU_ALPHA) * simd.expm1(x)
    return above if x > 0 else below


@strict
def selu_derivative(x, c):
    """λ where x > 0, else λ α eˣ."""
    real = type(x)
    below = real(_SELU_SCALE * _SELU_ALPHA) * simd.exp(x)
    return real(_SELU_SCALE) if x > 0 else below


@strict
def hardsigmoid(x, c):
    """(x + 3)/6 between 0 and 1: Howard et al. (2019), section 5.2."""
    real = type(x)
    return (_within(x, -3.0, 3.0) + real(3)) / real(6)


@strict
def hardsigmoid_derivative(x, c):
    """1/6 between −3 and 3, else 0."""
    real = type(x)
    inside = real(1) / real(6) if abs(x) < real(3) else real(0)
    return inside if x == x else x


@strict
def relu6(x, c):
    """max(x, 0), at most 6: Krizhevsky, Convolutional deep belief networks on CIFAR-10 (2010)."""
    return _within(x, 0.0, 6.0)


@strict
def relu6_derivative(x, c):
    """1 between 0 and 6, else 0."""
    real = type(x)
    inside = real(1) if (x > real(0)) & (x < real(6)) else real(0)
    return inside if x == x else x


@strict
def hardswish(x, c):
    """x times `hardsigmoid`, and its derivative: Howard et al. (2019), section 5.2."""
    real = type(x)
    lowest = real(-3)
    from_below = lowest if x < lowest else x
    bounded = _within(x, -3.0, 3.0)
    slope = bounded / real(3) + real(0.5)
    slope = real(0) if x <= lowest else (real(1) if x >= real(3) else slope)
    return from_below * ((bounded + real(3)) / real(6)), slope


@strict
def mish(x, c):
    """x tanh(log(1 + eˣ)) and its derivative: Misra (2020), equations 1 and 2.

    tanh(log(1 + e)) = n/(n + 2) with n = e (e + 2); above zero, both are divided by e².
    """
    real = type(x)
    one, two, lowest = real(1), real(2), real(-_SILU_SATURATED)
    from_below = lowest if x < lowest else x
    bounded = _within(x, -_SILU_SATURATED, _SILU_SATURATED)
    z = simd.exp_nonpositive(-abs(bounded))
    above, below = two * z + one, z * (z + two)
    numerator = above if bounded > 0 else below
    share = one / (numerator + two * (z * z if bounded > 0 else one))
    t = numerator * share
    growth = real(4) * (one + z) * (z * z if bounded > 0 else z) * (share * share)
    return from_below * t, t + bounded * growth


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

HARDSIGMOID = Activation(
    name="hardsigmoid",
    summary="logistic function in three straight pieces",
    function="hardsigmoid",
    formula="(x + 3)/6, at least 0 and at most 1",
    value=hardsigmoid,
    derivative=hardsigmoid_derivative,
)

HARDSWISH = Activation(
    name="hardswish",
    summary="sigmoid linear unit with the logistic function in straight pieces",
    function="hardswish",
    formula="x (x + 3)/6 from −3 to 3, 0 below and x above",
    **parts_of(hardswish),
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
    keeps_slope=True,
)

MISH = Activation(
    name="mish",
    summary="smooth rectifier that is slightly negative below zero",
    function="mish",
    formula="x tanh(log(1 + eˣ))",
    **parts_of(mish),
)

RELU = Activation(
    name="relu",
    summary="rectified linear unit",
    function="relu",
    formula="max(x, 0)",
    value=relu,
    derivative=relu_derivative,
    keeps_slope=True,
)

RELU6 = Activation(
    name="relu6",
    summary="rectified linear unit with a ceiling",
    function="relu6",
    formula="max(x, 0), at most 6",
    value=relu6,
    derivative=relu6_derivative,
    keeps_slope=True,
)

SELU = Activation(
    name="selu",
    summary="scaled exponential linear unit, which keeps mean 0 and variance 1",
    function="selu",
    formula="λ x where x > 0, else λ α (eˣ − 1), λ = 1.0507…, α = 1.6733…",
    value=selu,
    derivative=selu_derivative,
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

SOFTPLUS = Activation(
    name="softplus",
    summary="smooth rectifier",
    function="softplus",
    formula="log(1 + e^(c x))/c",
    **parts_of(softplus),
    parameter="beta",
    default=1.0,
    range=Positive,
)

SOFTSIGN = Activation(
    name="softsign",
    summary="step from −1 to 1 that approaches its ends as 1/x",
    function="softsign",
    formula="x / (1 + |x|)",
    **parts_of(softsign),
)

TANH = Activation(
    name="tanh",
    summary="hyperbolic tangent",
    function="tanh",
    formula="tanh x",
    value=tanh,
    derivative=tanh_derivative,
)
