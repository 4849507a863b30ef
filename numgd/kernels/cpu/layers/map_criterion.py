"""The MAP criterion of rows z (N, classes) with integer labels, for z = −distance.

−z[label] + log(e⁻ʲ + Σ eᶻ): Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied
to document recognition, Proceedings of the IEEE 86 (1998), equation 9, where z is −y.
"""

import math

import numpy as np

from numgd.jit.portable import compiled, portable


@portable
def top_and_mass(row, j):
    """The largest of −j and the numbers of a row, and the sum of the exponentials of all minus it."""
    top = -j
    for z in row:
        top = max(top, np.float64(z))
    mass = math.exp(-j - top)
    for z in row:
        mass += math.exp(np.float64(z) - top)
    return top, mass


@compiled("map-criterion")
def value(z, labels, j):
    """The sum over all rows."""
    total = 0.0
    for n in range(z.shape[0]):
        top, mass = top_and_mass(z[n], j)
        total += top + math.log(mass) - np.float64(z[n, labels[n]])
    return total


@compiled("map-criterion-gradient")
def gradient(z, labels, j, factor, out):
    """out = factor times the gradient of the sum."""
    real = out.dtype.type
    for n in range(z.shape[0]):
        top, mass = top_and_mass(z[n], j)
        for k in range(z.shape[1]):
            share = math.exp(np.float64(z[n, k]) - top) / mass
            out[n, k] = real(factor * (share - (1.0 if k == labels[n] else 0.0)))
