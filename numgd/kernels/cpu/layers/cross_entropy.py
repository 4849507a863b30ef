"""Softmax cross-entropy of rows of logits, with one label per row or probabilities as targets.

With smoothing ε the target is (1 − ε) t + ε/C over C classes: Szegedy et al., Rethinking the Inception
architecture (2016), section 7.
"""

import numpy as np

from numgd.jit.blocks import address_of_block, view_of
from numgd.jit.making import made_once
from numgd.jit.portable import compiled, strict
from numgd.kernels.cpu.layers.blocks import drive
from numgd.kernels.cpu.layers.rows import below, exponentials_of_rows, log_sums_of_rows, make_sum
from numgd.kernels.cpu.layers.softmax import rows_in_block
from numgd.scalars import times


@compiled("labels-within")
def labels_within(labels, classes):
    """Whether all labels, a vector of integers, are from 0 to classes − 1."""
    within = True
    for i in range(labels.size):
        within &= (labels[i] >= 0) & (labels[i] < classes)
    return within


def cross_entropy(x, targets, columns, weights, repeat, smoothing, out):
    """The sum of ``weights[row // repeat]`` times the loss of each row; the terms go into `out` (rows,).

    Parameters
    ----------
    x : numpy.ndarray
        Logits, a contiguous vector of rows of `columns` elements.
    targets : numpy.ndarray
        int64 labels (rows,), or probabilities in the layout of `x`.
    columns : int
    weights : numpy.ndarray
        Contiguous, with rows / repeat elements.
    repeat : int
    smoothing : float
        ε.
    out : numpy.ndarray
        Contiguous; if empty, only the sum is computed.
    """
    labelled = targets.dtype == np.int64
    function = _labelled(x.dtype) if labelled else _mixed(x.dtype)
    return _drive(function, x, targets, columns, weights, repeat, out, 1 if out.size else 0, 1.0, smoothing)


def cross_entropy_backward(x, targets, columns, weights, repeat, factor, smoothing, out):
    """Write the gradient of that sum, times `factor`, to `out`, which has the shape of `x`."""
    labelled = targets.dtype == np.int64
    function = _labelled_backward(x.dtype) if labelled else _mixed_backward(x.dtype)
    _drive(function, x, targets, columns, weights, repeat, out, columns, factor, smoothing)


def _drive(function, x, targets, columns, weights, repeat, out, out_step, factor, smoothing):
    rows, block = x.size // columns, rows_in_block(columns)
    if targets.dtype == np.int64:
        targets = targets.view(x.dtype)  # the driver takes arrays of one dtype
        step = 8 // x.itemsize
    else:
        step = columns
    steps, sizes = (step, out_step), (rows, block, block)
    return drive(function, x, targets, weights, repeat, out, columns, steps, sizes, factor, smoothing)


@strict
def smoothed(t, kept, everywhere):
    """A target with smoothing: (1 − ε) t + ε/C."""
    return kept * t + everywhere


@strict
def cross_term(u, t, shifts):
    """(1 − ε) t + ε/C times the loss of a class."""
    return times(smoothed(t, shifts[0], shifts[1]), shifts[3] - below(u, shifts[2]))


@strict
def _target(t, _, shifts):
    return smoothed(t, shifts[0], shifts[1])


@strict
def _below(u, _, top):
    return below(u, top)


_sum_below = make_sum(_below)
_sum_of_cross_terms = make_sum(cross_term)
_sum_of_targets = make_sum(_target)


@strict
def row_loss(log_of_sum, chosen, top, mean, smoothing):
    """The loss of a row whose label has the logit `chosen`; `mean` is the mean of all logits minus `top`."""
    return log_of_sum - (times(1.0 - smoothing, below(chosen, top)) + times(smoothing, mean))


@made_once
def _labelled(dtype):
    view, view_labels, real, width = view_of(dtype), view_of(np.dtype(np.int64)), dtype.type, dtype.itemsize

    def block(x, y, scale, out, rows, columns, factor, parameter):
        labels, tops, logs = view_labels(y, rows), np.empty(rows, real), np.empty(rows)
        log_sums_of_rows(view(x, rows * columns), columns, tops, logs)
        total = 0.0
        for row in range(rows):
            u, top = view(x + row * columns * width, columns), tops[row]
            mean = _sum_below(u, u, top) / columns if parameter != 0.0 else 0.0
            chosen = np.float64(u[labels[row]])
            loss = times(factor, row_loss(logs[row], chosen, np.float64(top), mean, parameter))
            if scale != 0:
                loss = times(np.float64(view(scale, rows)[row]), loss)
            if out != 0:
                view(out, rows)[row] = real(loss)
            total += loss
        return total

    return address_of_block(f"cross_entropy-labels-{dtype.name}", block)


@made_once
def _labelled_backward(dtype):
    view, view_labels, real, width = view_of(dtype), view_of(np.dtype(np.int64)), dtype.type, dtype.itemsize

    def block(x, y, scale, out, rows, columns, factor, parameter):
        labels, sums = view_labels(y, rows), np.empty(rows)
        exponentials_of_rows(view(x, rows * columns), columns, view(out, rows * columns), sums)
        for row in range(rows):
            g, share = view(out + row * columns * width, columns), factor
            if scale != 0:
                share *= view(scale, rows)[row]
            normed, everywhere = real(share / sums[row]), real(share * (parameter / columns))
            for j in range(columns):
                g[j] = normed * g[j] - everywhere
            g[labels[row]] -= real(share * (1.0 - parameter))
        return 0.0

    return address_of_block(f"cross_entropy_backward-labels-{dtype.name}", block)


@made_once
def _mixed(dtype):
    view, real, width = view_of(dtype), dtype.type, dtype.itemsize

    def block(x, y, scale, out, rows, columns, factor, parameter):
        tops, logs = np.empty(rows, real), np.empty(rows)
        log_sums_of_rows(view(x, rows * columns), columns, tops, logs)
        total = 0.0
        for row in range(rows):
            start = row * columns * width
            u, t = view(x + start, columns), view(y + start, columns)
            shifts = (real(1.0 - parameter), real(parameter / columns), tops[row], real(logs[row]))
            loss = times(factor, _sum_of_cross_terms(u, t, shifts))
            if scale != 0:
                loss = times(np.float64(view(scale, rows)[row]), loss)
            if out != 0:
                view(out, rows)[row] = real(loss)
            total += loss
        return total

    return address_of_block(f"cross_entropy-probabilities-{dtype.name}", block)


@made_once
def _mixed_backward(dtype):
    view, real, width = view_of(dtype), dtype.type, dtype.itemsize

    def block(x, y, scale, out, rows, columns, factor, parameter):
        sums = np.empty(rows)
        exponentials_of_rows(view(x, rows * columns), columns, view(out, rows * columns), sums)
        for row in range(rows):
            start = row * columns * width
            t, g, share = view(y + start, columns), view(out + start, columns), factor
            if scale != 0:
                share *= view(scale, rows)[row]
            kept, everywhere = real(1.0 - parameter), real(parameter / columns)
            mass = _sum_of_targets(t, t, (kept, everywhere))
            normed = real(share * mass / sums[row])
            kept, everywhere = real(share) * kept, real(share) * everywhere
            for j in range(columns):
                g[j] = normed * g[j] - (kept * t[j] + everywhere)
        return 0.0

    return address_of_block(f"cross_entropy_backward-probabilities-{dtype.name}", block)
