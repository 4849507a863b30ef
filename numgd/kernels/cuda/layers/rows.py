"""Rows of numbers, each for one thread or a team of threads: largest numbers and sums of exponentials.

Both are found in one pass, by rescaling the sum when a larger number appears: M. Milakov and N. Gimelshein,
Online normalizer calculation for softmax, arXiv 1805.02867 (2018), algorithm 3.
"""

import numpy as np

from numgd.jit import simd
from numgd.jit.portable import portable, strict
from numgd.kernels.cpu.layers.rows import below
from numgd.kernels.cuda import target
from numgd.kernels.cuda.target import cuda

_FEW, _EACH = 16, 8
"""Numbers in a row that one thread alone takes, and numbers that each thread of a team takes."""


def for_rows(rows, columns):
    """The launch shape for rows of `columns` numbers, and how many threads work on each."""
    team = 1
    while columns > _FEW and team < target.THREADS and team * _EACH < columns:
        team *= 2
    each = target.THREADS // team
    return (min(max(1, -(-rows // each)), target.MOST_BLOCKS), target.THREADS), team


@portable
def weight_of(weights, repeat, i):
    """The weight of element i: each is for `repeat` elements, or for all if that is 0."""
    return weights[0] if repeat == 0 else weights[i // repeat]


@strict
def shares(u, top):
    """A row's largest number with u, and the factors of its sum of exponentials so far and of one for u."""
    e, one = np.float64(simd.exp_flushing(-abs(below(u, top)))), 1.0
    higher = u > top
    return (u if higher else top), (e if higher else one), (one if higher else e)


@cuda.jit(device=True)
def sums_of_team(shared, lane, team, top, total, product):
    """The largest `top` of a team's threads, and their sums, rescaled to it; all of the block must call it.

    `shared` has three rows with room for all threads, of which this is number `lane`.
    """
    cuda.syncthreads()
    shared[0, lane], shared[1, lane], shared[2, lane] = top, total, product
    cuda.syncthreads()
    real = type(top)
    width = team // 2
    while width > 0:
        if lane % team < width:
            other = lane + width
            top, kept, more = shares(real(shared[0, other]), real(shared[0, lane]))
            shared[0, lane] = top
            shared[1, lane] = kept * shared[1, lane] + more * shared[1, other]
            shared[2, lane] = kept * shared[2, lane] + more * shared[2, other]
        cuda.syncthreads()
        width //= 2
    first = lane - lane % team
    return real(shared[0, first]), shared[1, first], shared[2, first]
