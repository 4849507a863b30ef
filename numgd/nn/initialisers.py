"""What weights start with."""

from math import prod, sqrt

import numpy as np

from numgd.foundations.ranges import one_of


def _fans(shape):
    """Numbers of inputs and outputs that a weight (out, …, in) connects at one place."""
    taps = prod(shape[1:-1])
    return shape[-1] * taps, shape[0] * taps


def _he(shape):
    return sqrt(2 / max(1, _fans(shape)[0]))


def _xavier(shape):
    return sqrt(2 / max(1, sum(_fans(shape))))


def _uniform(deviation):
    def draw(random, shape):
        bound = sqrt(3) * deviation(shape)
        return random.uniform(-bound, bound, shape)

    return draw


def _normal(deviation):
    def draw(random, shape):
        return random.normal(0.0, deviation(shape), shape)

    return draw


def _lecun(shape):
    return sqrt(1 / max(1, _fans(shape)[0]))


def _lecun_1998(shape):
    return 2.4 / sqrt(3) / max(1, _fans(shape)[0])


def _orthogonal(random, shape):
    """Rows, or columns if there are fewer, that are orthonormal, drawn uniformly (Saxe et al., ICLR 2014)."""
    rows, columns = shape[0], prod(shape[1:])
    tall = random.normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))
    return (q if rows >= columns else q.T).reshape(shape)


INITIALISERS = {
    "he_uniform": _uniform(_he),
    "he_normal": _normal(_he),
    "xavier_uniform": _uniform(_xavier),
    "xavier_normal": _normal(_xavier),
    "lecun_uniform": _uniform(_lecun),
    "lecun_normal": _normal(_lecun),
    "lecun_1998": _uniform(_lecun_1998),
    "orthogonal": _orthogonal,
    "zeros": lambda random, shape: np.zeros(shape),
    "ones": lambda random, shape: np.ones(shape),
}
"""Name to a function ``(generator, shape) -> float64 array``.

Variances: He 2/fan_in (He et al., ICCV 2015), Xavier 2/(fan_in + fan_out) (Glorot and Bengio, AISTATS 2010),
LeCun 1/fan_in (LeCun et al., Efficient BackProp, 1998), from uniform or normal distributions.
'lecun_1998' is uniform within ±2.4/fan_in (LeCun et al., Gradient-based learning applied to document
recognition, 1998, appendix A).
"""

InitialiserName = one_of(*INITIALISERS)


def initial(initialiser, shape, dtype, *seed):
    """Initial numbers, which a seed determines, from an initialiser or its name."""
    draw = initialiser if callable(initialiser) else INITIALISERS[initialiser]
    return draw(np.random.default_rng(seed), shape).astype(dtype)
