"""Softmax cross-entropy of rows of logits; see `numgd.kernels.cpu.layers.cross_entropy`."""

import numpy as np
from numba import float64

from numgd.jit import simd
from numgd.kernels.cpu.layers.cross_entropy import cross_term, row_loss, smoothed
from numgd.kernels.cpu.layers.rows import below, mass
from numgd.kernels.cuda import target
from numgd.kernels.cuda.layers.elementwise import repeat_of
from numgd.kernels.cuda.layers.rows import for_rows, shares, sums_of_team, weight_of
from numgd.kernels.cuda.layers.sums import MOST_THREADS, launch_sum, shape_of_sum, sum_of_team
from numgd.kernels.cuda.target import cuda, kernel, launch
from numgd.scalars import times


def labels_within(labels, classes):
    """Whether all labels, a vector of integers, are from 0 to classes − 1."""
    outside = launch_sum(_count_outside, shape_of_sum(labels.size), labels, classes)
    return bool(target.fetch(outside)[0] == 0)


def cross_entropy(x, targets, columns, weights, repeat, smoothing, out):
    """The sum of the weighed losses of all rows as a device array (1,); the terms go into `out`."""
    function = _labelled if targets.dtype == np.int64 else _mixed
    rows = x.size // columns
    shape, team = for_rows(rows, columns)
    numbers = repeat_of(repeat, rows), float(smoothing), team
    return launch_sum(function, shape, x, targets, columns, weights, *numbers, out)


def cross_entropy_backward(x, targets, columns, weights, repeat, factor, smoothing, out):
    """Write the gradient of that sum, times `factor`, to `out`, which has the shape of `x`."""
    function = _labelled_backward if targets.dtype == np.int64 else _mixed_backward
    rows = x.size // columns
    if rows:
        shape, team = for_rows(rows, columns)
        numbers = repeat_of(repeat, rows), float(factor), float(smoothing), team
        launch(function, shape, x, targets, columns, weights, *numbers, out)


@kernel
def _count_outside(labels, classes, partial):
    shared = cuda.shared.array(MOST_THREADS, float64)
    lane, own = cuda.threadIdx.x, 0.0
    for i in range(cuda.grid(1), labels.size, cuda.gridsize(1)):
        own += 0.0 if labels[i] >= 0 and labels[i] < classes else 1.0
    found = sum_of_team(shared, lane, cuda.blockDim.x, own)
    if lane == 0:
        partial[cuda.blockIdx.x] = found


@kernel
def _labelled(x, labels, columns, weights, repeat, smoothing, team, out, partial):
    shared = cuda.shared.array((3, MOST_THREADS), float64)
    real, lane, rows = x.dtype.type, cuda.threadIdx.x, x.size // columns
    own, each, losses = lane % team, cuda.blockDim.x // team, 0.0
    for first in range(cuda.blockIdx.x * each, rows, cuda.gridDim.x * each):
        row = first + lane // team
        start, count = row * columns, columns if row < rows else 0
        top, total = real(-np.inf), 0.0
        for j in range(own, count, team):
            top, kept, more = shares(x[start + j], top)
            total = kept * total + more
        if team > 1:
            top, total, _ = sums_of_team(shared, lane, team, top, total, 0.0)
        mean = 0.0
        if smoothing != 0.0:
            for j in range(own, count, team):
                mean += np.float64(below(x[start + j], top))
            if team > 1:
                mean = sum_of_team(shared[2], lane, team, mean)
            mean /= columns
        if own == 0 and row < rows:
            chosen = np.float64(x[start + labels[row]])
            log_of_sum = simd.log(mass(top, total))
            loss = row_loss(log_of_sum, chosen, np.float64(top), mean, smoothing)
            loss = times(np.float64(weight_of(weights, repeat, row)), loss)
            if out.size > 0:
                out[row] = real(loss)
            losses += loss
    found = sum_of_team(shared[2], lane, cuda.blockDim.x, losses)
    if lane == 0:
        partial[cuda.blockIdx.x] = found


@kernel
def _labelled_backward(x, labels, columns, weights, repeat, factor, smoothing, team, out):
    shared = cuda.shared.array((3, MOST_THREADS), float64)
    real, lane, rows = x.dtype.type, cuda.threadIdx.x, x.size // columns
    own, each = lane % team, cuda.blockDim.x // team
    for first in range(cuda.blockIdx.x * each, rows, cuda.gridDim.x * each):
        row = first + lane // team
        start, count = row * columns, columns if row < rows else 0
        top, total = real(-np.inf), 0.0
        for j in range(own, count, team):
            top, kept, more = shares(x[start + j], top)
            total = kept * total + more
        if team > 1:
            top, total, _ = sums_of_team(shared, lane, team, top, total, 0.0)
        if row < rows:
            share = factor * np.float64(weight_of(weights, repeat, row))
            label, of_label = labels[row], real(share * (1.0 - smoothing))
            normed, everywhere = real(share / mass(top, total)), real(share * (smoothing / columns))
            for j in range(own, count, team):
                slope = normed * simd.exp_flushing(below(x[start + j], top)) - everywhere
                out[start + j] = slope - of_label if j == label else slope


@kernel
def _mixed(x, targets, columns, weights, repeat, smoothing, team, out, partial):
    shared = cuda.shared.array((3, MOST_THREADS), float64)
    real, lane, rows = x.dtype.type, cuda.threadIdx.x, x.size // columns
    own, each, losses = lane % team, cuda.blockDim.x // team, 0.0
    for first in range(cuda.blockIdx.x * each, rows, cuda.gridDim.x * each):
        row = first + lane // team
        start, count = row * columns, columns if row < rows else 0
        top, total = real(-np.inf), 0.0
        for j in range(own, count, team):
            top, kept, more = shares(x[start + j], top)
            total = kept * total + more
        if team > 1:
            top, total, _ = sums_of_team(shared, lane, team, top, total, 0.0)
        log_of_sum = real(simd.log(mass(top, total)))
        shifts, loss = (real(1.0 - smoothing), real(smoothing / columns), top, log_of_sum), 0.0
        for j in range(own, count, team):
            loss += np.float64(cross_term(x[start + j], targets[start + j], shifts))
        if team > 1:
            loss = sum_of_team(shared[2], lane, team, loss)
        if own == 0 and row < rows:
            loss = times(np.float64(weight_of(weights, repeat, row)), loss)
            if out.size > 0:
                out[row] = real(loss)
            losses += loss
    found = sum_of_team(shared[2], lane, cuda.blockDim.x, losses)
    if lane == 0:
        partial[cuda.blockIdx.x] = found


@kernel
def _mixed_backward(x, targets, columns, weights, repeat, factor, smoothing, team, out):
    shared = cuda.shared.array((3, MOST_THREADS), float64)
    real, lane, rows = x.dtype.type, cuda.threadIdx.x, x.size // columns
    own, each = lane % team, cuda.blockDim.x // team
    for first in range(cuda.blockIdx.x * each, rows, cuda.gridDim.x * each):
        row = first + lane // team
        start, count = row * columns, columns if row < rows else 0
        kept_target, everywhere = real(1.0 - smoothing), real(smoothing / columns)
        top, total, mass_of_target = real(-np.inf), 0.0, 0.0
        for j in range(own, count, team):
            top, kept, more = shares(x[start + j], top)
            total = kept * total + more
            mass_of_target += np.float64(smoothed(targets[start + j], kept_target, everywhere))
        if team > 1:
            top, total, _ = sums_of_team(shared, lane, team, top, total, 0.0)
            mass_of_target = sum_of_team(shared[2], lane, team, mass_of_target)
        if row < rows:
            share = factor * np.float64(weight_of(weights, repeat, row))
            normed = real(share * mass_of_target / mass(top, total))
            kept_target, everywhere = real(share) * kept_target, real(share) * everywhere
            for j in range(own, count, team):
                given = smoothed(targets[start + j], kept_target, everywhere)
                out[start + j] = normed * simd.exp_flushing(below(x[start + j], top)) - given
