"""Consecutive steps of an update rule over batches of data.

The objective reads from ``cursor`` which rows of the data to use: the first one, their number, and whether
these are positions in the order of the epoch.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from numgd.first_order.apply import coefficients_of, first_coefficients_of, make_cast, make_rows, make_zeros
from numgd.first_order.treatment import (
    average_weights,
    clipped,
    make_treated,
    noise,
    noise_deviation,
    noise_stream,
    norm_factor,
    shrinkage,
)
from numgd.foundations.spaces import SERIAL
from numgd.jit.making import made_once
from numgd.jit.pointers import WANT_GRADIENT, WANT_VALUE, call_objective
from numgd.jit.portable import compiled, portable


class Batches(NamedTuple):
    """The batches of one pass through the data."""

    cursor: Any  # (3,) int64
    size: Any  # rows per batch
    rows: Any  # rows of the data that are used
    ordered: Any  # whether rows are taken in the order of the epoch rather than of the data


class Treatment(NamedTuple):
    """Operations in addition to the rule's step; see `numgd.optimizers.Optimizer`."""

    decay: Any  # weight decay: decay times the parameters is added to the gradient
    decoupled: Any  # whether the decay shrinks the parameters themselves instead
    bound: Any  # largest magnitude of a gradient's element
    max_norm: Any  # largest norm of the gradient
    ema: Any  # decay of the exponential average, negative for none
    average_from: Any  # first step of the arithmetic average, 0 for none
    interval: Any  # steps between two updates of the slow weights (lookahead), 0 for none
    alpha: Any  # how far the slow weights move towards the parameters, as a fraction
    noise: Any  # variance of the noise added to the gradient in the first step
    noise_decay: Any
    noise_seed: Any


class Memory(NamedTuple):
    """Vectors of n numbers in addition to the slots; unused ones are empty."""

    average: Any
    slow: Any
    snapshot: Any  # for variance reduction, the point of the full gradient
    full: Any  # the gradient there over all data
    scratch: Any


@made_once
def epoch(rule, dtype):
    """The compiled driver of a rule for a dtype.

    ``epoch(rule, dtype)(x, g, slots, options, rates, running, t, address, context, batches, first, values,
    treatment, memory)`` makes one step for each of ``rates``, over the batches from number `first` on: step k
    has the learning rate ``rates[k]`` and the number ``t + k``.  ``values[k]`` becomes the objective's value.
    Returns the number of steps made, which is smaller if a value or a gradient is not finite.
    """
    real = dtype.type
    change, _ = make_treated(rule, in_rows=True)
    rows_of, coefficients, options_type = make_rows(rule), make_coefficients(rule, dtype), rule.options
    dot, copy = SERIAL.dot, SERIAL.copy

    @compiled(rule.code_name("epoch", rule.name, dtype.name))
    def drive(
        x, g, slots, options, rates, running, t, address, context, batches, first, values, treatment, memory,
    ):  # fmt: skip
        rows = rows_of(slots, 0)
        cursor = batches.cursor
        cursor[2] = batches.ordered
        bound, max_norm = real(treatment.bound), real(treatment.max_norm)
        for k in range(rates.size):
            cursor[0] = (first + k) * batches.size
            cursor[1] = min(batches.size, batches.rows - cursor[0])
            f = call_objective(address, x, g, WANT_VALUE | WANT_GRADIENT, context)
            values[k] = f
            if memory.snapshot.size > 0:
                call_objective(address, memory.snapshot, memory.scratch, WANT_VALUE | WANT_GRADIENT, context)
                for i in range(x.size):
                    g[i] += memory.full[i] - memory.scratch[i]
            square = dot(g, g)
            if not (abs(f) < math.inf and square < math.inf):
                return k
            factor = norm_factor(real, square, max_norm)
            now, limit = t + k, bound
            shares = shrinkage(treatment.decay, treatment.decoupled, rates[k])
            decay, keep = real(shares[0]), real(shares[1])
            if treatment.noise > 0.0:
                deviation = real(noise_deviation(treatment.noise, treatment.noise_decay, now))
                stream = noise_stream(now)
                for i in range(x.size):
                    added = noise(real, deviation, treatment.noise_seed, stream, i)
                    g[i] = clipped(g[i], factor, bound) + added
                factor, limit = real(1), real(math.inf)
            own = options_type(rates[k], *options[1:])
            c = coefficients(x, g, factor, limit, decay, keep, rows, own, now, running)
            for i in range(x.size):
                x[i] = change(i, x[i], g[i], factor, limit, decay, keep, rows, c)
            if treatment.ema >= 0.0 or treatment.average_from > 0:
                weight = real(average_weights(treatment.ema, treatment.average_from, now)[1])
                for i in range(x.size):
                    memory.average[i] += weight * (x[i] - memory.average[i])
            if treatment.interval > 0 and now % treatment.interval == 0:
                for i in range(x.size):
                    memory.slow[i] += real(treatment.alpha) * (x[i] - memory.slow[i])
                copy(x, memory.slow)
        return rates.size

    return drive


def make_coefficients(rule, dtype):
    """Function ``coefficients(x, g, factor, bound, decay, keep, rows, options, t, running)`` of one step."""
    real = dtype.type
    own, cast = rule.coefficients, make_cast(coefficients_of(rule), real)

    @portable
    def plain(x, g, factor, bound, decay, keep, rows, options, t, running):
        return cast(own(np.float64, options, t, running), 0)

    if rule.measure is None:
        return plain
    _, measured = make_treated(rule, in_rows=True)
    adapt, zeros, cast_first = rule.adapt, make_zeros(rule), make_cast(first_coefficients_of(rule), real)

    @portable
    def by_sums(x, g, factor, bound, decay, keep, rows, options, t, running):
        exact = own(np.float64, options, t, running)
        c, sums = cast_first(exact, 0), zeros(np.float64, 0)
        for i in range(x.size):
            sums = measured(sums, i, x[i], g[i], factor, bound, decay, keep, rows, c)
        return cast(adapt(np.float64, options, exact, sums, running), 0)

    return by_sums


@made_once
def mean(dtype):
    """The compiled mean of an objective over all data.

    ``mean(dtype)(x, g, total, address, context, batches)`` returns the value and writes the gradient to
    `total`; `g` is scratch.
    """
    return make_mean(f"mean-{dtype.name}", dtype, _nothing)


@portable
def _nothing(cursor):
    pass


def make_mean(name, dtype, prepare):
    """The same, with ``prepare(cursor, *own)`` called before the objective for each batch."""
    real = dtype.type

    @compiled(name)
    def drive(x, g, total, address, context, batches, *own):
        cursor = batches.cursor
        cursor[2] = batches.ordered
        value = 0.0
        for i in range(x.size):
            total[i] = real(0)
        first = 0
        while first < batches.rows:
            cursor[0] = first
            cursor[1] = min(batches.size, batches.rows - first)
            prepare(cursor, *own)
            share = cursor[1] / batches.rows
            value += share * call_objective(address, x, g, WANT_VALUE | WANT_GRADIENT, context)
            for i in range(x.size):
                total[i] += real(share) * g[i]
            first += batches.size
        return value

    return drive
