"""Angles and noise whose bits are the same on every machine.

Libraries of mathematics differ in the last bits of sin, exp and log, with the processor too.  What is
computed here needs only sums and products, which IEEE 754 defines exactly, and PCG64's integers.
"""

import math

import numpy as np

_TERMS = 9  # the next one is below 1e-16 within an eighth of a turn


def unit_circle(turns):
    """Cosine and sine of 2π times an array."""
    quarters = np.rint(4 * turns)
    angle = 2 * math.pi * (turns - quarters / 4)  # within ±π/4
    square = angle * angle
    cosine, sine = np.zeros_like(angle), np.zeros_like(angle)
    for k in reversed(range(_TERMS)):
        cosine = cosine * -square + 1 / math.factorial(2 * k)
        sine = sine * -square + 1 / math.factorial(2 * k + 1)
    return _turned(cosine, sine * angle, quarters.astype(np.int64) % 4)


def _turned(cosine, sine, quarters):
    """Cosine and sine of angles that are larger by quarters of a turn, 0 to 3."""
    odd, upper = quarters % 2 == 1, quarters >= 2
    cosine, sine = np.where(odd, -sine, cosine), np.where(odd, cosine, sine)
    return np.where(upper, -cosine, cosine), np.where(upper, -sine, sine)


def noise(rng, shape):
    """Nearly normal numbers of mean 0 and variance 1: sums of twelve uniform ones, never beyond ±6.

    The terms are multiples of 2⁻²⁴, so that their sum is exact in any order.
    """
    return rng.random((12, *shape), np.float32).sum(axis=0, dtype=np.float64) - 6
