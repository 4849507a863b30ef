"""Application of a scalar update rule to a vector: slots are the rows of a 2-D array."""

from functools import cache

import numpy as np

from numgd.foundations.evaluator import CARRIED
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


@portable
def _number_of_row(matrix, k, row):
    return matrix[row, k]


@portable
def _set_number_of_row(matrix, k, row, value):
    matrix[row, k] = value


def make_rows(rule):
    """Function ``rows(slots, 0)``: the rows of a rule's slots as a tuple; not for use on a device."""
    return make_tuple(len(rule.slots), _row)


def make_change(rule, in_rows=False):
    """Function ``change(i, p, g, slots, c) -> p`` for the value p and the gradient g of parameter i.

    `slots` is a matrix or, with `in_rows`, a tuple of vectors.
    """
    update = rule.update
    gather = make_tuple(len(rule.slots), _element_of_row if in_rows else _element)
    scatter = _make_scatter(len(rule.slots), _set_element_of_row if in_rows else _set_element)

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


def make_element(rule):
    """Function ``element(i, p, g, slots, c)`` that updates parameter i of a vector in place."""
    change = make_change(rule)

    @portable
    def element(i, p, g, slots, c):
        p[i] = change(i, p[i], g[i], slots, c)

    return element


def make_cast(count, real):
    """Function ``cast(values, 0)``: a tuple of `count` numbers converted to the scalar type `real`."""

    @portable
    def item(values, k, _):
        return real(values[k])

    return make_tuple(count, item)


def make_start(rule):
    """Function ``start(slots, options)`` that sets the slots to their initial values: `rule.initial` or 0."""
    if rule.initial is None:

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


def make_adapt(rule):
    """Functions that store the coefficients adapted to the sums of several arrays.

    ``adapt(adapted, row, options, c, sums, running)`` writes the coefficients for a row of `sums` to the
    same row of `adapted`; ``adapted_of(adapted, row)`` reads them.
    """
    own = rule.adapt
    sums_in = make_tuple(sums_of(rule), _number_of_row)
    read = make_tuple(coefficients_of(rule), _number_of_row)
    write = _make_scatter(coefficients_of(rule), _set_number_of_row)

    @portable
    def adapt(adapted, row, options, c, sums, running):
        write(adapted, row, own(np.float64, options, c, sums_in(sums, row), running))

    return adapt, read


def make_write_sums(rule):
    """Function ``write(sums, row, values)`` that writes a tuple of sums to a row of a matrix."""
    return _make_scatter(sums_of(rule), _set_number_of_row)


def make_write_coefficients(rule):
    """Function ``write(matrix, row, c)`` that writes the coefficients of an update to a row of a matrix."""
    return _make_scatter(coefficients_of(rule), _set_number_of_row)


def make_zeros(rule):
    """Function ``zeros(real, 0)``: the sums over no parameters."""
    return make_tuple(sums_of(rule), _zero)


def make_add(rule):
    """Function ``add((sums, terms), 0)``: the sums with one more term each."""
    return make_tuple(sums_of(rule), _sum)


def make_measure(rule, in_rows=False):
    """Function ``measured(sums, i, p, g, slots, c)``: `sums` plus the contribution of parameter i."""
    measure = rule.measure
    gather = make_tuple(len(rule.slots), _element_of_row if in_rows else _element)
    add = make_add(rule)

    @portable
    def measured(sums, i, p, g, slots, c):
        return add((sums, measure(p, g, gather(slots, i), c)), 0)

    return measured


@portable
def _sum(pair, k, _):
    return pair[0][k] + pair[1][k]


def _first_step(rule):
    """Options, coefficients and running quantities of a first step, used to count them."""
    options, running = exact_options(rule, rule.options()), np.zeros(CARRIED)
    return options, rule.coefficients(np.float64, options, np.float64(1), running), running


@cache
def first_coefficients_of(rule):
    """Number of coefficients of a rule before they are adapted to sums."""
    return len(_first_step(rule)[1])


@cache
def sums_of(rule):
    """Number of sums over parameters that a rule needs."""
    if rule.measure is None:
        return 0
    one = np.float64(1)
    return len(rule.measure(one, one, (one,) * len(rule.slots), _first_step(rule)[1]))


@cache
def coefficients_of(rule):
    """Number of coefficients that a rule's update takes."""
    options, c, running = _first_step(rule)
    if rule.adapt is not None:
        c = rule.adapt(np.float64, options, c, (np.float64(1),) * sums_of(rule), running)
    return len(c)


def make_apply(rule):
    """Function ``apply(p, g, slots, options, t, running)``: one step for all parameters in one thread."""
    element, coefficients = make_element(rule), rule.coefficients
    if rule.measure is None:

        @portable
        def apply(p, g, slots, options, t, running):
            c = coefficients(p.dtype.type, options, t, running)
            for i in range(p.size):
                element(i, p, g, slots, c)

        return apply
    measured, adapt = make_measure(rule), rule.adapt
    zeros = make_zeros(rule)

    @portable
    def apply_by_sums(p, g, slots, options, t, running):
        real = p.dtype.type
        c = coefficients(real, options, t, running)
        sums = zeros(real, 0)
        for i in range(p.size):
            sums = measured(sums, i, p[i], g[i], slots, c)
        c = adapt(real, options, c, sums, running)
        for i in range(p.size):
            element(i, p, g, slots, c)

    return apply_by_sums


@portable
def _zero(real, k, _):
    return real(0)


def exact_options(rule, options):
    """A rule's options in float64."""
    return rule.options(*(np.float64(value) for value in options))


def step_coefficients(rule, options, t, dtype, running):
    """Coefficients of step t = 1, 2, … in a dtype, for drivers on the host, before `adapt` is applied.

    They are computed in float64: in float32, 1 − β and 1 − βᵗ would have only three correct digits.
    `running` (CARRIED,) is the same float64 array for all steps of a run.
    """
    coefficients = rule.coefficients(np.float64, exact_options(rule, options), np.float64(t), running)
    return tuple(np.dtype(dtype).type(value) for value in coefficients)
