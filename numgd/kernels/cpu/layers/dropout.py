"""Dropout whose mask is a function of seed, stream and position, so that the backward pass need not store it.

Position i is in group q = i div 64.  It uses word (i mod 64) div 16 of the four words of Philox at counter
16 q + i mod 16, so sixteen neighbouring positions use the same word of sixteen counters.
"""

import numpy as np

from numgd.foundations.random import philox
from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import compiled, portable

_TASK = 64 * 256


@portable
def _group(x, seed, stream, start, threshold, scale, out):
    """Apply dropout to the 64 positions from `start` on."""
    nothing = x.dtype.type(0)
    counter = np.uint64(start // 4)
    a, b, c, d = (
        x[start : start + 16],
        x[start + 16 : start + 32],
        x[start + 32 : start + 48],
        x[start + 48 :],
    )
    e, f, g = out[start : start + 16], out[start + 16 : start + 32], out[start + 32 : start + 48]
    h = out[start + 48 :]
    for k in range(16):
        first, second, third, fourth = philox(seed, stream, counter + np.uint64(k))
        e[k] = scale * a[k] if first >= threshold else nothing
        f[k] = scale * b[k] if second >= threshold else nothing
        g[k] = scale * c[k] if third >= threshold else nothing
        h[k] = scale * d[k] if fourth >= threshold else nothing


@portable
def kept(seed, stream, place, threshold):
    """Whether the number at a position is kept."""
    group, within = place // 64, place % 64
    words = philox(seed, stream, np.uint64(16 * group + within % 16))
    which = within // 16
    word = words[0] if which == 0 else words[1] if which == 1 else words[2] if which == 2 else words[3]
    return word >= threshold


@portable
def _do_task(task, x, seed, stream, threshold, scale, out):
    nothing = x.dtype.type(0)
    values, results = borrow(x), borrow(out)
    stop = min((task + 1) * _TASK, x.size)
    whole = stop // 64 * 64
    for start in range(task * _TASK, whole, 64):
        _group(values, seed, stream, start, threshold, scale, results)
    for i in range(whole, stop):
        results[i] = scale * values[i] if kept(seed, stream, i, threshold) else nothing


@compiled("dropout")
def dropout(x, seed, stream, threshold, scale, out):
    """out = scale · x where the position's word is at least the threshold, else 0; x and out are vectors."""
    tasks = (x.size + _TASK - 1) // _TASK
    parallel_for(_do_task, tasks, x.size, x, seed, stream, threshold, scale, out)


@compiled("dropout-of-step")
def dropout_of_step(x, words, stream, threshold, scale, out):
    """As `dropout`, with the seed in the first of `words`, which may change between runs of a program."""
    tasks = (x.size + _TASK - 1) // _TASK
    parallel_for(_do_task, tasks, x.size, x, words[0], stream, threshold, scale, out)
