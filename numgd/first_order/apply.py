"""A scalar update rule over a vector: slots are the rows of a 2-D array."""

import math

import numpy as np

from numgd.foundations.random import normal
from numgd.jit.portable import portable


@portable
def _nothing(*_):
    return ()


def make_tuple(count, item):
    """Function ``make(x, k)``: the tuple of ``item(x, 0, k)`` … ``item(x, count - 1, k)``."""
    if count == 0:
        return _nothing
    before, last = make_tuple(count - 1, item), count - 1

    @portable
    def make(x, k):
        return before(x, k) + (item(x, last, k),)

    return make


@portable
def _element(slots, row, i):
    return slots[row, i]


@portable
def _set_element(slots, row, i, value):
    slots[row, i] = value


@portable
def _element_of_row(rows, row, i):
    return rows[row][i]


@portable
def _set_element_of_row(rows, row, i, value):
    rows[row][i] = value


@portable
def _row(slots, row, _):
    return slots[row]


def make_rows(rule):
    """Function ``rows(slots, 0)``: the rows of a rule's slots as a tuple; not on a device."""
    return make_tuple(len(rule.SLOTS), _row)


def make_change(rule, in_rows=False):
    """Function ``change(i, p, g, slots, c) -> p`` for parameter i, a number, and its gradient.

    `slots` is a matrix, or with `in_rows` a tuple of vectors.
    """
    update = rule.update
    gather = make_tuple(len(rule.SLOTS), _element_of_row if in_rows else _element)
    scatter = _make_scatter(len(rule.SLOTS), _set_element_of_row if in_rows else _set_element)

    @portable
    def change(i, p, g, slots, c):
        p, values = update(p, g, gather(slots, i), c)
        scatter(slots, i, values)
        return p

    return change


def _make_scatter(count, set_item):
    if count == 0:
        return _nothing
    before, last = _make_scatter(count - 1, set_item), count - 1

    @portable
    def scatter(slots, i, values):
        before(slots, i, values)
        set_item(slots, last, i, values[last])

    return scatter


@portable
def clipped(g, factor, bound):
    """A gradient's element times a factor, within ±bound."""
    slope = factor * g
    slope = bound if slope > bound else slope
    return -bound if slope < -bound else slope


@portable
def noise_stream(t, group=0):
    """The stream of random numbers of step t, for a group of arrays."""
    return np.uint64(t) | np.uint64(group) << np.uint64(40)


@portable
def noise(real, deviation, seed, stream, i):
    """What is added to element i of a gradient: a normal number of a standard deviation."""
    return deviation * normal(real, seed, stream, np.uint64(i))


@portable
def noise_deviation(variance, decay, t):
    """Standard deviation at step t = 1, 2, …; Neelakantan et al., arXiv:1511.06807, equation 1."""
    return math.sqrt(variance / t**decay)


def make_element(rule):
    """Function ``element(i, p, g, slots, c)`` that updates parameter i of a vector in place."""
    change = make_change(rule)

    @portable
    def element(i, p, g, slots, c):
        p[i] = change(i, p[i], g[i], slots, c)

    return element


def make_cast(count, real):
    """Function ``cast(values, 0)``: a tuple of `count` numbers in the scalar type `real`."""

    @portable
    def item(values, k, _):
        return real(values[k])

    return make_tuple(count, item)


def make_start(rule):
    """Function ``start(slots, options)`` that gives the slots their first values: `rule.initial`, else 0."""
    if not hasattr(rule, "initial"):

        @portable
        def start(slots, options):
            for row in range(slots.shape[0]):
                for i in range(slots.shape[1]):
                    slots[row, i] = 0

        return start

    initial = rule.initial

    @portable
    def start(slots, options):
        values = initial(slots.dtype.type, options)
        for row in range(slots.shape[0]):
            for i in range(slots.shape[1]):
                slots[row, i] = values[row]

    return start


def make_apply(rule):
    """Function ``apply(p, g, slots, c)`` that updates all parameters in one thread."""
    element = make_element(rule)

    @portable
    def apply(p, g, slots, c):
        for i in range(p.size):
            element(i, p, g, slots, c)

    return apply


def step_coefficients(rule, options, t, dtype, running):
    """Coefficients of step t = 1, 2, … in a dtype, for the drivers `kernels.*.update`.

    They are computed in float64: in float32, 1 − β and 1 − βᵗ would have three digits.  `running` (CARRIED,)
    is the same float64 array for all steps of a run.
    """
    exact = rule.Options(*(np.float64(value) for value in options))
    coefficients = rule.coefficients(np.float64, exact, np.float64(t), running)
    return tuple(np.dtype(dtype).type(value) for value in coefficients)
