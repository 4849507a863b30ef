"""What softmax and cross-entropy do to one row: its maximum, sums over it, its exponentials."""

import numpy as np

from numgd.jit import simd
from numgd.jit.portable import portable
from numgd.jit.simd import strict

_PIECE = 1024  # elements whose sum is taken in their own dtype


def make_sum(term):
    """Function ``sum(u, v, a)``: Σᵢ term(u[i], v[i], a) in float64, of pieces in their own dtype."""

    @portable
    def sum_of_piece(u, v, a):
        piece = u.dtype.type(0)
        for i in range(u.size):  # the one sum that may be reordered: the term is strict
            piece += term(u[i], v[i], a)
        return np.float64(piece)

    @portable
    def sum_over(u, v, a):
        total = 0.0
        for first in range(0, u.size, _PIECE):
            last = min(first + _PIECE, u.size)
            total += sum_of_piece(u[first:last], v[first:last], a)
        return total

    return sum_over


@strict
def _exponential(u, v, a):
    return simd.exp(u - a)


@strict
def _difference(u, v, a):
    return u - a


@strict
def _product(u, v, a):
    return u * v


sum_of_exponentials = make_sum(_exponential)
sum_of_differences = make_sum(_difference)
sum_of_products = make_sum(_product)


@portable
def exponentials(u, a, out):
    """out = exp(u − a), and the sum of that."""
    for i in range(u.size):
        out[i] = simd.exp(u[i] - a)
    return sum_of_differences(out, out, u.dtype.type(0))
