"""A scalar update rule over a vector: slots are the rows of a 2-D array."""

import numpy as np

from numgd.jit.portable import portable


@portable
def _gather0(slots, i):
    return ()


@portable
def _gather1(slots, i):
    return (slots[0, i],)


@portable
def _gather2(slots, i):
    return slots[0, i], slots[1, i]


@portable
def _gather3(slots, i):
    return slots[0, i], slots[1, i], slots[2, i]


@portable
def _scatter0(slots, i, values):
    pass


@portable
def _scatter1(slots, i, values):
    slots[0, i] = values[0]


@portable
def _scatter2(slots, i, values):
    slots[0, i] = values[0]
    slots[1, i] = values[1]


@portable
def _scatter3(slots, i, values):
    slots[0, i] = values[0]
    slots[1, i] = values[1]
    slots[2, i] = values[2]


_ACCESS = ((_gather0, _scatter0), (_gather1, _scatter1), (_gather2, _scatter2), (_gather3, _scatter3))


def make_element(rule):
    """Function ``element(i, p, g, slots, c)`` that updates parameter i in place."""
    update = rule.update
    gather, scatter = _ACCESS[len(rule.SLOTS)]

    @portable
    def element(i, p, g, slots, c):
        p[i], values = update(p[i], g[i], gather(slots, i), c)
        scatter(slots, i, values)

    return element


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
