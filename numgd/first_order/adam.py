"""Adam (Kingma & Ba, ICLR 2015, algorithm 1)."""

import math
from typing import Any, NamedTuple

from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters."""

    learning_rate: Any = 1e-3
    beta1: Any = 0.9
    beta2: Any = 0.999
    eps: Any = 1e-8


SLOTS = ("m", "v")


@portable
def coefficients(real, options, t, running):
    """Decay rates, their complements, and the step size with both bias corrections."""
    one = real(1)
    correction1 = one - options.beta1**t
    correction2 = math.sqrt(one - options.beta2**t)
    return (
        options.beta1,
        one - options.beta1,
        options.beta2,
        one - options.beta2,
        options.learning_rate / correction1,
        correction2,
        options.eps,
    )


@portable
def update(p, g, slots, c):
    """One parameter: θ ← θ − η m̂ / (√v̂ + ε)."""
    beta1, rest1, beta2, rest2, rate, correction2, eps = c
    m = beta1 * slots[0] + rest1 * g
    v = beta2 * slots[1] + rest2 * g * g
    return p - rate * m / (math.sqrt(v) / correction2 + eps), (m, v)
