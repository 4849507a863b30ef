"""Checks of derivatives against differences along a random direction."""

import math

import numpy as np

from numgd.foundations.linalg import epsilon, is_finite
from numgd.foundations.random import normal
from numgd.jit.portable import portable, seldom

AGREES = 1
DIFFERS = 0
UNKNOWN = -1
"""A value was not finite, so the point allows no conclusion."""

_DOUBTFUL = 2
"""At one fraction of the step, the slope agrees, but so would many others."""

_SHARES = (1.0, 1.0 / 8, 1.0 / 64)
"""Fractions of the difference step: a function with many kinks agrees with its slope only for short steps."""

_DIRECTION, _WEIGHTS = np.uint64(1), np.uint64(2)
"""Streams of random numbers."""


@seldom
def random_weights(out):
    """Fill a vector with normal random numbers, the same for all vectors of the same length."""
    for i in range(out.size):
        out[i] = normal(out.dtype.type, np.uint64(out.size), _WEIGHTS, np.uint64(i))


@seldom
def random_direction(x, box, point, out):
    """Write a point near x and a random step from it, of a length suited to differences.

    The point is x itself, moved far enough inside the box for the step to fit on both sides.  The step is
    zero in variables whose box is too narrow for it.  `box` is (2, n), or (2, 0) without bounds.
    """
    real = x.dtype.type
    largest = real(0)
    for i in range(x.size):
        point[i] = x[i]
        out[i] = normal(real, np.uint64(x.size), _DIRECTION, np.uint64(i))
        largest = max(largest, abs(out[i]))
    length = math.sqrt(math.sqrt(epsilon(x))) / largest
    for i in range(x.size):
        out[i] *= length * max(real(1), abs(x[i]))
        if box.size > 0:
            room = real(1.5) * abs(out[i])
            if box[1, i] - box[0, i] < real(2) * room:
                out[i] = real(0)
            else:
                point[i] = min(max(x[i], box[0, i] + room), box[1, i] - room)


def make_agreement(along):
    """Make a function ``agreement(line, slope, eps)`` that returns AGREES, DIFFERS or UNKNOWN.

    ``along(line, t)`` is a float64 function of t; `slope` is its supposed derivative at 0 and `eps` the
    relative rounding error of its values.
    """

    @portable
    def agreement(line, slope, eps):
        here = along(line, 0.0)
        differs = doubtful = False
        for share in _SHARES:
            found = slopes_agree(
                along(line, -share), along(line, -0.5 * share), here, along(line, 0.5 * share),
                along(line, share), share * slope, eps, share == 1.0,
            )  # fmt: skip
            if found == AGREES:
                return AGREES
            differs |= found == DIFFERS
            doubtful |= found == _DOUBTFUL
        return DIFFERS if differs else AGREES if doubtful else UNKNOWN

    return agreement


@portable
def slopes_agree(behind, near_behind, here, near_ahead, ahead, slope, eps, lenient):
    """Whether the slope at 0 of a function with these values at −1, −½, 0, ½ and 1 is `slope`.

    Where one-sided slopes differ, as at a kink, any slope between them is accepted.  A slope that agrees only
    because the differences are very uncertain is doubtful.  One that rounding hides is unknown, unless
    `lenient`.
    """
    largest = max(abs(behind), abs(near_behind), abs(here), abs(near_ahead), abs(ahead))
    finite = is_finite(behind) and is_finite(near_behind) and is_finite(near_ahead) and is_finite(ahead)
    if not (finite and is_finite(here) and is_finite(slope)):
        return UNKNOWN
    wide, narrow = (ahead - behind) / 2.0, near_ahead - near_behind
    kink = abs((near_ahead - here) - (here - near_behind))
    rounding = 64.0 * eps * largest
    if not lenient and abs(slope) < 10.0 * rounding:
        return UNKNOWN
    curved = 8.0 * abs(wide - narrow)  # with many small kinks the error falls with the root of the step
    uncertain = curved + kink + rounding + math.sqrt(eps) * abs(narrow)
    if abs(slope - narrow) > uncertain:
        return DIFFERS
    return AGREES if uncertain < 0.25 * max(abs(slope), abs(narrow)) else _DOUBTFUL
