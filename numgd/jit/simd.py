"""Functions that LLVM vectorises, in both formats: exp, expm1, log, log1p, tanh, sigmoid and Mills' ratio.

In a plain loop over an array they take a fraction of the time of the C library's functions.  They are
portable: they map a NumPy scalar to a NumPy scalar, in compiled code and outside.  Each reduces its argument,
evaluates one polynomial and sets exponents through their bits, without a branch.

The stated errors, in units in the last place, are the largest of compiled code: in float32 over all 2³²
arguments, in float64 over 2·10⁷ from the whole range, of Mills' ratio over fewer
(``tests/jit/test_simd.py``), with fused multiply-add; without it they are about the same.  Results below the
smallest normal number are denormal, not zero.  NaN, and an argument outside the domain, give NaN without a
warning.

In a function that is compiled with reordered sums, these functions keep their own order: their flags only
allow fused multiply-adds.  W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980);
the coefficients are best approximations from ``tests/reference/polynomials.py``.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from numgd.jit import coefficients
from numgd.jit.portable import STRICT_OPTIONS, strict


class _Format(NamedTuple):
    """A floating-point format, with the constants of the formulas in it."""

    digits: Any  # stored digits of the mantissa
    half_root: Any  # bits of √½
    smallest: Any  # normal number
    lift: Any  # power of two that makes denormal numbers normal
    lift_exponent: Any
    tiny: Any  # below it, f(x) = x for expm1, log1p and tanh
    zero: Any
    half: Any
    one: Any
    two: Any
    infinity: Any
    nan: Any
    log2_e: Any
    log_2_high: Any  # its product with an exponent is exact
    log_2_low: Any
    exp_lowest: Any  # exp is 0 there
    exp_normal_lowest: Any  # exp is a normal number there
    exp_highest: Any  # exp is finite there
    expm1_lowest: Any  # expm1 is −1 there
    tanh_highest: Any  # tanh is 1 there
    rounder: Any  # adding it rounds to integers; the last digits are then k + bias
    mills_step: Any  # of the variable in which Mills' ratio is a polynomial


def _format(real, integer, digits, bias, half_root, lowest, highest, low_part, ends):
    return _Format(
        digits=integer(digits),
        half_root=integer(half_root),
        smallest=np.finfo(real).tiny,
        lift=real(2.0 ** (digits + 2)),
        lift_exponent=np.int32(digits + 2),
        tiny=real(2.0 ** -(digits + 2)),
        zero=real(0),
        half=real(0.5),
        one=real(1),
        two=real(2),
        infinity=real(np.inf),
        nan=real(np.nan),
        log2_e=real(1.4426950408889634),
        log_2_high=real(low_part[0]),
        log_2_low=real(low_part[1]),
        exp_lowest=real(lowest),
        exp_normal_lowest=real(ends[3]),
        exp_highest=real(highest),
        expm1_lowest=real(ends[0]),
        tanh_highest=real(ends[1]),
        rounder=real(1.5 * 2.0**digits + bias),
        mills_step=real(ends[2]),
    )


_SINGLE = _format(
    np.float32,
    np.int32,
    digits=23,
    bias=127,
    half_root=0x3F3504F3,
    lowest=-104.0,
    highest=88.72283,
    low_part=(0.693359375, -0.000212194440055),
    ends=(-18.0, 10.0, 0.305, -87.0),
)
_DOUBLE = _format(
    np.float64,
    np.int64,
    digits=52,
    bias=1023,
    half_root=0x3FE6A09E667F3BCD,
    lowest=-746.0,
    highest=709.782712893384,
    low_part=(float.fromhex("0x1.62e42feep-1"), 1.9082149292705878e-10),
    ends=(-40.0, 20.0, 0.2, -708.0),
)


def _polynomial(series, real):
    """Function of x by Horner's rule, four coefficients per function, since each one costs compile time."""
    first = real(series[0])
    if len(series) == 1:

        @strict
        def constant(x):
            return first

        return constant

    if len(series) % 4 != 1:
        rest = _polynomial(series[1:], real)

        @strict
        def one_more(x):
            return rest(x) * x + first

        return one_more

    rest = _polynomial(series[4:], real)
    second, third, fourth = (real(c) for c in series[1:4])

    @strict
    def four_more(x):
        return (((rest(x) * x + fourth) * x + third) * x + second) * x + first

    return four_more


def _make_exponentials(real, integer, form, exponential):
    """Functions exp, expm1, tanh, sigmoid, and two of exp for x ≤ 0."""
    rest = _polynomial(exponential, real)

    @strict
    def scale(shifted):
        """2ᵏ from k + rounder: its last digits, shifted, are the bits of the power."""
        return integer(real(shifted).view(integer) << form.digits).view(real)

    @strict
    def reduced(x):
        """k and r of x = k log 2 + r, |r| ≤ ½ log 2, the rest of the series in r, and 2ᵏ."""
        shifted = x * form.log2_e + form.rounder
        k = shifted - form.rounder
        r = (x - k * form.log_2_high) - k * form.log_2_low
        return k, (rest(r) * r) * r + r, scale(shifted)

    @strict
    def exp_within(x):
        k, series, _ = reduced(x)
        first = k * form.half + form.rounder  # 2ᵏ may overflow: it is computed as a product of two powers
        second = (k - (first - form.rounder)) + form.rounder
        return (series + form.one) * scale(first) * scale(second)

    @strict
    def exp_normal(x):
        """exp(x) for exp_normal_lowest ≤ x ≤ 0."""
        _, series, power = reduced(x)
        return series * power + power

    @strict
    def expm1_within(x):
        k, series, _ = reduced(x)
        half_power = scale((k - form.one) + form.rounder)
        return form.two * (series * half_power + (half_power - form.half))

    @strict
    def exp(x):
        clipped = form.exp_lowest if x < form.exp_lowest else x  # NaN stays NaN
        clipped = form.exp_highest if clipped > form.exp_highest else clipped
        value = exp_within(clipped)
        return form.infinity if x > form.exp_highest else value

    @strict
    def exp_nonpositive(x):
        return exp_within(form.exp_lowest if x < form.exp_lowest else x)

    @strict
    def exp_flushing(x):
        clipped = form.exp_normal_lowest if x < form.exp_normal_lowest else x
        value = exp_normal(clipped)
        return form.zero if x < form.exp_normal_lowest else value

    @strict
    def expm1(x):
        clipped = form.expm1_lowest if x < form.expm1_lowest else x
        clipped = form.exp_highest if clipped > form.exp_highest else clipped
        value = expm1_within(clipped)
        value = form.infinity if x > form.exp_highest else value
        return x if abs(x) < form.tiny else value

    @strict
    def tanh(x):
        size = abs(x)
        clipped = form.tanh_highest if size > form.tanh_highest else size
        t = expm1_within(form.two * clipped)
        value = t / (t + form.two)
        value = value if x > 0 else -value
        return x if size < form.tiny else value

    @strict
    def sigmoid(x):
        z = exp_nonpositive(-abs(x))
        return (form.one if x > 0 else z) / (form.one + z)

    return exp, expm1, tanh, sigmoid, exp_nonpositive, exp_flushing


def _make_logarithms(real, integer, form, of_reduced):
    """Functions log and log1p of one format, from ``of_reduced(f)`` = log(1 + f), √½ − 1 ≤ f < √2 − 1."""

    @strict
    def split(x):
        """k and f of a normal x = 2ᵏ (1 + f)."""
        bits = real(x).view(integer)
        k = integer(integer(bits - form.half_root) >> form.digits)
        return np.int32(k), integer(bits - integer(k << form.digits)).view(real) - form.one

    @strict
    def log(x):
        valid = x if x > 0 and x < form.infinity else form.one
        small = valid < form.smallest
        k, f = split(valid * (form.lift if small else form.one))
        k = real(k - form.lift_exponent if small else k)
        value = k * form.log_2_high + (of_reduced(f) + k * form.log_2_low)
        value = x if x == form.infinity else value
        return value if x > 0 else (-form.infinity if x == 0 else form.nan)

    @strict
    def log1p(x):
        valid = x if x > -form.one and x < form.infinity else form.one
        u = valid + form.one
        larger = valid if valid > form.one else form.one
        smaller = form.one if valid > form.one else valid
        lost = smaller - (u - larger)  # the rounding error of u
        k, f = split(u)
        k = real(k)
        value = k * form.log_2_high + (of_reduced(f) + (k * form.log_2_low + lost / u))
        value = x if x == form.infinity or abs(x) < form.tiny else value
        return value if x > -form.one else (-form.infinity if x == -form.one else form.nan)

    return log, log1p


def _make_mills(real, form, series):
    """Function mills of one format, from the series of mills(x)/u in u = 1/(1 + step x)."""
    rest = _polynomial(series, real)

    @strict
    def mills(x):
        u = form.one / (form.mills_step * x + form.one)
        return rest(u) * u

    return mills


def _make_single():
    rest = _polynomial(coefficients.LOG_32, np.float32)

    @strict
    def log_of_reduced(f):
        return (rest(f) * f - _SINGLE.half) * (f * f) + f

    exponentials = _make_exponentials(np.float32, np.int32, _SINGLE, coefficients.EXP_32)
    logarithms = _make_logarithms(np.float32, np.int32, _SINGLE, log_of_reduced)
    return (
        *exponentials,
        *logarithms,
        _make_mills(np.float32, _SINGLE, coefficients.MILLS_32),
    )


def _make_double():
    series = _polynomial(coefficients.ATANH_64, np.float64)

    @strict
    def log_of_reduced(f):
        s = f / (f + _DOUBLE.two)  # log(1 + f) = 2 artanh(s), and 2 s = f − s f
        z = s * s
        return f - s * (f - z * series(z))

    exponentials = _make_exponentials(np.float64, np.int64, _DOUBLE, coefficients.EXP_64)
    logarithms = _make_logarithms(np.float64, np.int64, _DOUBLE, log_of_reduced)
    return (
        *exponentials,
        *logarithms,
        _make_mills(np.float64, _DOUBLE, coefficients.MILLS_64),
    )


def _by_dtype(name, single, double, doc):
    """A function that is `single` for a float32 and `double` for a float64."""

    def function(x):
        return single(x) if x.dtype == np.float32 else double(x)

    def choose(x):
        return {types.float32: single, types.float64: double}.get(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    overload(function, jit_options=STRICT_OPTIONS, strict=False)(choose)
    return function


_EACH = tuple(zip(_make_single(), _make_double(), strict=True))

exp = _by_dtype("exp", *_EACH[0], "e to the power of x, within 1.1 and 1.1 units in the last place.")
expm1 = _by_dtype(
    "expm1", *_EACH[1], "exp(x) − 1 without cancellation, within 1.7 and 2.4 units in the last place."
)
tanh = _by_dtype("tanh", *_EACH[2], "Hyperbolic tangent, within 2.7 and 3.0 units in the last place.")
sigmoid = _by_dtype("sigmoid", *_EACH[3], "1 / (1 + exp(−x)), within 2.5 and 2.6 units in the last place.")
exp_nonpositive = _by_dtype("exp_nonpositive", *_EACH[4], "exp(x) for x ≤ 0, with the same bits as `exp`.")
exp_flushing = _by_dtype(
    "exp_flushing", *_EACH[5], "exp(x) for x ≤ 0, but 0 below −87 in float32 and below −708 in float64."
)
log = _by_dtype("log", *_EACH[6], "Natural logarithm, within 1.0 and 1.3 units in the last place.")
log1p = _by_dtype(
    "log1p", *_EACH[7], "log(1 + x) without cancellation, within 1.5 and 1.6 units in the last place."
)
mills = _by_dtype(
    "mills",
    *_EACH[8],
    """Mills' ratio of the normal distribution, (1 − Φ(x))/φ(x), within 7.0 and 10 units in the last place.

    For 0 ≤ x ≤ 14.5 in float32 and 38.7 in float64, beyond which the density φ is 0; NaN gives NaN.
    """,
)


def _make_maximum(real, integer):
    sign, rest = integer(np.iinfo(integer).bits - 1), integer(np.iinfo(integer).max)
    lowest = integer(np.array(-np.inf, real).view(integer) ^ rest)

    @strict
    def key(bits):
        """An integer that increases with the number of these bits; applied twice, it is the identity."""
        return integer(bits ^ integer(integer(bits >> sign) & rest))

    @strict
    def maximum(u):
        largest = lowest
        for i in range(u.size):
            largest = max(largest, key(real(u[i]).view(integer)))
        return integer(key(integer(largest))).view(real)

    return maximum


def maximum(u):
    """The largest number of a vector; if it contains NaN, NaN or the largest of the others.

    Bits are compared, since LLVM does not vectorise a comparison of floats that respects NaN.
    """
    return _MAXIMA[u.dtype.itemsize](u)


_MAXIMA = {4: _make_maximum(np.float32, np.int32), 8: _make_maximum(np.float64, np.int64)}


@overload(maximum, jit_options=STRICT_OPTIONS, strict=False)
def _overload_maximum(u):
    return _MAXIMA[u.dtype.bitwidth // 8]
