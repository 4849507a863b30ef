"""Losses of a number x with target y as records: value f(x, y, c) and derivative with respect to x."""

import numpy as np

from numgd.foundations.ranges import Finite, NonNegative, Positive
from numgd.jit import simd
from numgd.jit.portable import strict
from numgd.scalars.scalar_function import Loss, parts_of
from numgd.scalars.times import times

_LOWEST_LOG = -100.0  # of a probability: a wrong answer given with certainty costs 100, not infinity
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
    """d/c where |d| < c, else the sign of d."""
    d = x - y
    return d / c if abs(d) < c else l1_derivative(x, y, c)


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
    """−y log σ(x) − (1 − y) log σ(−x), and σ(x) − y.

    The loss is computed as |x| (y, or 1 − y where x > 0) + log(1 + e^−|x|), in which no exponential
    overflows.  At x = ±∞ it is 0 if y is the answer that x is certain of, and otherwise ∞.
    """
    one = type(x)(1)
    size = abs(x)
    z = simd.exp_nonpositive(-size)
    wrong = one - y if x > 0 else y
    return times(wrong, size) + simd.log1p(z), (one if x > 0 else z) / (one + z) - y


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


@strict
def soft_margin(x, y, c):
    """log(1 + e^(−y x)) for y = ±1, and its derivative −y σ(−y x)."""
    real = type(x)
    one, margin = real(1), y * x
    z = simd.exp_nonpositive(-abs(margin))
    wrong = real(0) if margin > 0 else -margin
    return wrong + simd.log1p(z), -y * ((z if margin > 0 else one) / (one + z))


@strict
def hinge_embedding(x, y, c):
    """x for y = 1, max(0, c − x) for y = −1: Hadsell, Chopra and LeCun (2006), with distances not squared."""
    gap = c - x
    return x if y > 0 else (type(x)(0) if gap <= 0 else gap)


@strict
def hinge_embedding_derivative(x, y, c):
    """1 for y = 1; for y = −1, −1 where x < c, else 0."""
    real = type(x)
    gap = c - x
    apart = real(0) if gap <= 0 else (real(-1) if gap > 0 else gap)
    return (real(1) if x == x else x) if y > 0 else apart


@strict
def kl_div(x, y, c):
    """y (log y − x) of a log-probability x, 0 for y = 0, and its derivative −y."""
    positive = type(x)(1) if y == 0 else y
    return times(y, simd.log(positive) - x), -y if x == x else x


@strict
def kl_div_log(x, y, c):
    """e^y (y − x) of two log-probabilities, 0 for y = −∞, and its derivative −e^y."""
    probability = simd.exp(y)
    return times(probability, y - x), -probability if x == x else x


@strict
def poisson_nll(x, y, c):
    """x − y log(x + c) of a rate x and a count y, with 0 log 0 = 0; ∞ for x = ∞."""
    real = type(x)
    return x - times(y, simd.log(x + c if x < real(np.inf) else real(1)))


@strict
def poisson_nll_derivative(x, y, c):
    """1 − y/(x + c)."""
    return type(x)(1) - times(y, type(x)(1) / (x + c))


@strict
def poisson_nll_log(x, y, c):
    """e^x − y x of the logarithm x of a rate, ∞ where e^x is, and its derivative e^x − y."""
    real = type(x)
    rate = simd.exp(x)
    return rate - times(y, x if rate < real(np.inf) else real(0)), rate - y


BINARY_CROSS_ENTROPY = Loss(
    name="binary_cross_entropy",
    summary="cross-entropy of a probability",
    function="binary_cross_entropy",
    formula="−y log x − (1 − y) log(1 − x)",
    value=cross_entropy_of_probability,
    derivative=cross_entropy_of_probability_derivative,
    x="probability",
    target="probability",
)

BINARY_CROSS_ENTROPY_WITH_LOGITS = Loss(
    name="binary_cross_entropy_with_logits",
    summary="cross-entropy of a logit",
    function="binary_cross_entropy_with_logits",
    formula="−y log σ(x) − (1 − y) log(1 − σ(x))",
    **parts_of(cross_entropy_of_logit),
    target="probability",
)

HINGE = Loss(
    name="hinge",
    summary="hinge loss of a score",
    function="hinge_loss",
    formula="max(0, 1 − y x)",
    value=hinge,
    derivative=hinge_derivative,
    target="sign",
)

HINGE_EMBEDDING = Loss(
    name="hinge_embedding",
    summary="distance of what belongs together, and nearness of what does not",
    function="hinge_embedding_loss",
    formula="x where y = 1, max(0, c − x) where y = −1",
    value=hinge_embedding,
    derivative=hinge_embedding_derivative,
    target="sign",
    parameter="margin",
    default=1.0,
    range=Finite,
)

HUBER = Loss(
    name="huber",
    summary="squared error that is linear far from zero",
    function="huber_loss",
    formula="d²/2 where d = |x − y| ≤ c, else c (d − c/2)",
    value=huber,
    derivative=huber_derivative,
    parameter="delta",
    default=1.0,
    range=Positive,
)

L1 = Loss(
    name="l1",
    summary="absolute error",
    function="l1_loss",
    formula="|x − y|",
    value=l1,
    derivative=l1_derivative,
)

MSE = Loss(
    name="mse",
    summary="squared error",
    function="mse_loss",
    formula="(x − y)²",
    value=l2,
    derivative=l2_derivative,
)

KL_DIV = Loss(
    name="kl_div",
    summary="Kullback-Leibler divergence of a log-probability from a probability",
    function="kl_div",
    formula="y (log y − x)",
    **parts_of(kl_div),
    target="probability",
)

KL_DIV_LOG = Loss(
    name="kl_div_log",
    summary="the same for the logarithm of the target",
    function="kl_div",
    formula="e^y (y − x)",
    **parts_of(kl_div_log),
)

POISSON_NLL = Loss(
    name="poisson_nll",
    summary="negative log-likelihood of a count, from its rate",
    function="poisson_nll_loss",
    formula="x − y log(x + c)",
    value=poisson_nll,
    derivative=poisson_nll_derivative,
    parameter="eps",
    default=1e-8,
    range=NonNegative,
)

POISSON_NLL_LOG = Loss(
    name="poisson_nll_log",
    summary="the same, from the logarithm of the rate",
    function="poisson_nll_loss",
    formula="e^x − y x",
    **parts_of(poisson_nll_log),
)

SOFT_MARGIN = Loss(
    name="soft_margin",
    summary="logistic loss of a score",
    function="soft_margin_loss",
    formula="log(1 + e^(−y x))",
    **parts_of(soft_margin),
    target="sign",
)

SMOOTH_L1 = Loss(
    name="smooth_l1",
    summary="absolute error that is quadratic near zero",
    function="smooth_l1_loss",
    formula="d²/(2 c) where d = |x − y| < c, else d − c/2",
    value=smooth_l1,
    derivative=smooth_l1_derivative,
    parameter="beta",
    default=1.0,
    range=NonNegative,
)
