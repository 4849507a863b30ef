"""Losses of one number x and its target y: pairs ``value(x, y, c)`` and ``derivative(x, y, c)`` in x.

c is the parameter of those that have one.  NaN gives NaN.
"""

from numgd.jit import simd
from numgd.jit.portable import strict
from numgd.scalars.pair import Pair
from numgd.scalars.times import times

_LOWEST_LOG = -100.0  # of a probability; a certain and wrong answer costs 100 and not infinity
_LOWEST_VARIANCE = 1e-12


@strict
def l1(x, y, c):
    """|x − y|."""
    return abs(x - y)


@strict
def l1_derivative(x, y, c):
    """The sign of x − y, 0 at 0."""
    real = type(x)
    d = x - y
    return real(1) if d > 0 else (real(-1) if d < 0 else d)


@strict
def l2(x, y, c):
    """(x − y)²."""
    return (x - y) * (x - y)


@strict
def l2_derivative(x, y, c):
    """2 (x − y)."""
    return type(x)(2) * (x - y)


@strict
def smooth_l1(x, y, c):
    """d²/(2 c) where |d| < c, else |d| − c/2: Girshick, Fast R-CNN (2015), equation 3, with a width c."""
    half = type(x)(0.5)
    d = abs(x - y)
    return half * d * (d / c) if d < c else d - half * c


@strict
def smooth_l1_derivative(x, y, c):
    """d/c within ±1."""
    real = type(x)
    d = x - y
    slope = d / c
    slope = real(1) if d >= c else slope
    return real(-1) if d <= -c else slope


@strict
def huber(x, y, c):
    """d²/2 where |d| ≤ c, else c (|d| − c/2): Huber (1964), with c for k."""
    half = type(x)(0.5)
    d = abs(x - y)
    return half * d * d if d <= c else c * (d - half * c)


@strict
def huber_derivative(x, y, c):
    """d within ±c."""
    d = x - y
    d = c if d > c else d
    return -c if d < -c else d


@strict
def hinge(x, y, c):
    """max(0, 1 − y x) for y = ±1: Cortes and Vapnik (1995)."""
    real = type(x)
    gap = real(1) - y * x
    return real(0) if gap <= 0 else gap


@strict
def hinge_derivative(x, y, c):
    """−y where 1 − y x > 0, else 0."""
    real = type(x)
    gap = real(1) - y * x
    return real(0) if gap <= 0 else (-y if gap > 0 else gap)


@strict
def cross_entropy_of_logit(x, y, c):
    """−y log σ(x) − (1 − y) log σ(−x), as |x| (y, or 1 − y where x > 0) + log(1 + e^−|x|).

    No exponential overflows, and at ±∞ it is 0 for the certain answer that is right and ∞ for any other.
    """
    size = abs(x)
    wrong = type(x)(1) - y if x > 0 else y
    return times(wrong, size) + simd.log1p(simd.exp(-size))


@strict
def cross_entropy_of_logit_derivative(x, y, c):
    """σ(x) − y."""
    return simd.sigmoid(x) - y


@strict
def cross_entropy_of_probability(x, y, c):
    """−y log x − (1 − y) log(1 − x), with logarithms of at least −100."""
    real = type(x)
    lowest = real(_LOWEST_LOG)
    yes, no = simd.log(x), simd.log1p(-x)
    yes = lowest if yes < lowest else yes
    no = lowest if no < lowest else no
    return -(y * yes + (real(1) - y) * no)


@strict
def cross_entropy_of_probability_derivative(x, y, c):
    """(x − y) / (x (1 − x)), with a denominator of at least 10⁻¹²."""
    real = type(x)
    variance = x * (real(1) - x)
    variance = real(_LOWEST_VARIANCE) if variance < real(_LOWEST_VARIANCE) else variance
    return (x - y) / variance


LOSSES = {
    "binary_cross_entropy": Pair(cross_entropy_of_probability, cross_entropy_of_probability_derivative),
    "binary_cross_entropy_with_logits": Pair(cross_entropy_of_logit, cross_entropy_of_logit_derivative),
    "hinge": Pair(hinge, hinge_derivative),
    "huber": Pair(huber, huber_derivative),
    "l1": Pair(l1, l1_derivative),
    "mse": Pair(l2, l2_derivative),
    "smooth_l1": Pair(smooth_l1, smooth_l1_derivative),
}
