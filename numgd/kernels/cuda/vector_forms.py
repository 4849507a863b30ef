"""The loops over elements in solvers and update rules, for the vectors of a device.

A thread runs the solver's own function on its share of the elements, every k-th one of k threads.
"""

from functools import cache

import numpy as np
from numba import float64

from numgd.first_order import apply
from numgd.kernels.cuda import memory, target
from numgd.kernels.cuda.target import cuda, kernel
from numgd.kernels.cuda.vector_kernels import WIDEST, make_gather
from numgd.second_order import box, fista, l1, owlqn, stopping

# Elementwise functions --------------------------------------------------------------------------------------


@kernel
def _clip(x, lower, upper):
    i, k = cuda.grid(1), cuda.gridsize(1)
    box.clip(x[i::k], lower[i::k], upper[i::k])


@kernel
def _project(out, x, a, g, lower, upper):
    i, k = cuda.grid(1), cuda.gridsize(1)
    box.projected_gradient(out[i::k], x[i::k], a, g[i::k], lower[i::k], upper[i::k])


@kernel
def _land(out, x, lower, upper):
    i, k = cuda.grid(1), cuda.gridsize(1)
    box.land(out[i::k], x[i::k], lower[i::k], upper[i::k])


@kernel
def _subgradient(out, x, g, strength, lower, upper):
    i, k = cuda.grid(1), cuda.gridsize(1)
    l1.minimum_norm_subgradient(out[i::k], x[i::k], g[i::k], strength, lower[i::k], upper[i::k])


@kernel
def _soft_threshold(out, x, a, g, threshold):
    i, k = cuda.grid(1), cuda.gridsize(1)
    l1.soft_threshold(out[i::k], x[i::k], a, g[i::k], threshold)


@kernel
def _align(p, x, v):
    i, k = cuda.grid(1), cuda.gridsize(1)
    owlqn.align(p[i::k], x[i::k], v[i::k])


@kernel
def _stay_on_bounds(p, x, v, lower, upper):
    i, k = cuda.grid(1), cuda.gridsize(1)
    owlqn.stay_on_bounds(p[i::k], x[i::k], v[i::k], lower[i::k], upper[i::k])


@kernel
def _leave_out(y, s, x, lower, upper):
    i, k = cuda.grid(1), cuda.gridsize(1)
    owlqn.leave_out(y[i::k], s[i::k], x[i::k], lower[i::k], upper[i::k])


@kernel
def _orthant_step(out, x, alpha, p):
    i, k = cuda.grid(1), cuda.gridsize(1)
    owlqn.orthant_step(out[i::k], x[i::k], alpha, p[i::k])


def _solve_of(arguments):
    return next(argument.solve for argument in arguments if hasattr(argument, "solve"))


def _numbers(arguments, dtype):
    """Arguments as kernels take them."""
    return [a.array if hasattr(a, "solve") else dtype.type(a) for a in arguments]


def _elementwise(function, box_alone=False):
    """The driver of a kernel; with `box_alone` it has nothing to do without bounds, its last argument."""

    def drive(*arguments):
        if box_alone and arguments[-1].size == 0:
            return
        solve = _solve_of(arguments)
        solve.launch_pending()
        target.launch(function, solve.shape(1), *_numbers(arguments, solve.dtype))

    return drive


# Sums -------------------------------------------------------------------------------------------------------


add_up = make_gather(lambda a, b: a + b)


@kernel
def _absolute_sum(x, numbers, partial, arrived, place):
    shared = cuda.shared.array(WIDEST, float64)
    i, k = cuda.grid(1), cuda.gridsize(1)
    add_up(float64(l1.absolute_sum(x[i::k])), 0.0, shared, partial, arrived, 0, numbers, place)


@kernel
def _directional(v, x_trial, x, numbers, partial, arrived, place):
    shared = cuda.shared.array(WIDEST, float64)
    i, k = cuda.grid(1), cuda.gridsize(1)
    own = owlqn.directional(v[i::k], x_trial[i::k], x[i::k])
    add_up(float64(own), 0.0, shared, partial, arrived, 0, numbers, place)


@kernel
def _turns(y, x_trial, x, numbers, partial, arrived, place):
    shared = cuda.shared.array(WIDEST, float64)
    i, k = cuda.grid(1), cuda.gridsize(1)
    own = fista.turns(y[i::k], x_trial[i::k], x[i::k])
    add_up(float64(own), 0.0, shared, partial, arrived, 0, numbers, place)


@kernel
def _steep(g, x, f, numbers, partial, arrived, place):
    """The number of threads in whose share the gradient is not small relative to the value."""
    shared = cuda.shared.array(WIDEST, float64)
    i, k = cuda.grid(1), cuda.gridsize(1)
    own = 0.0 if stopping.flat(g[i::k], x[i::k], f) else 1.0
    add_up(own, 0.0, shared, partial, arrived, 0, numbers, place)


@kernel
def _expansion(g, x_trial, x, numbers, partial, arrived, place, place_b):
    shared = cuda.shared.array(WIDEST, float64)
    i, k = cuda.grid(1), cuda.gridsize(1)
    linear, square = fista.expansion(g[i::k], x_trial[i::k], x[i::k])
    add_up(float64(linear), 0.0, shared, partial, arrived, 0, numbers, place)
    cuda.syncthreads()
    add_up(float64(square), 0.0, shared, partial, arrived, 1, numbers, place_b)


def _sums(function, count=1):
    """The driver of a kernel with sums."""

    def drive(*arguments):
        solve = _solve_of(arguments)
        solve.launch_pending()
        made = [solve.place() for _ in range(count)]
        places = [one.index for one in made]
        target.launch(
            function, solve.shape(1), *_numbers(arguments, solve.dtype), solve.numbers, solve.partial,
            solve.arrived, *places,
        )  # fmt: skip
        return made[0] if count == 1 else tuple(made)

    return drive


_count_steep = _sums(_steep)


def _flat(g, x, f):
    """As `stopping.flat`."""
    return _count_steep(g, x, f) == 0


# Update rules -----------------------------------------------------------------------------------------------


def _memory_of(slots):
    """The rows of slots as arrays; one that is not used where there is none, as no kernel takes nothing."""
    return tuple(slots[row].array for row in range(slots.shape[0]))


def _make_start(rule):
    """As `apply.make_start`."""

    def start(slots, options):
        count = slots.shape[0]
        values = (0,) * count if rule.initial is None else rule.initial(slots.dtype.type, options)
        for row in range(count):
            memory.fill(slots[row].array, slots.dtype.type(values[row]))

    return start


@cache
def _step_kernel(rule):
    change = apply.make_change(rule, in_rows=True)

    @kernel
    def step(p, g, slots, c):
        for i in range(cuda.grid(1), p.size, cuda.gridsize(1)):
            p[i] = change(i, p[i], g[i], slots, c)

    return step


@cache
def _measure_kernel(rule):
    """The kernel for the sums that a rule needs; column k of `partial` is that of sum k."""
    measured, count = apply.make_measure(rule, in_rows=True), apply.sums_of(rule)
    zeros, write = apply.make_zeros(rule), apply.make_write_sums(rule)

    @kernel
    def measure(p, g, slots, c, partial):
        shared = cuda.shared.array((WIDEST, count), float64)
        lane = cuda.threadIdx.x
        sums = zeros(np.float64, 0)
        for i in range(cuda.grid(1), p.size, cuda.gridsize(1)):
            sums = measured(sums, i, p[i], g[i], slots, c)
        write(shared, lane, sums)
        cuda.syncthreads()
        width = cuda.blockDim.x // 2
        while width > 0:
            if lane < width:
                for number in range(count):
                    shared[lane, number] += shared[lane + width, number]
            cuda.syncthreads()
            width //= 2
        if lane == 0:
            for number in range(count):
                partial[cuda.blockIdx.x, number] = shared[0, number]

    return measure


def _make_apply(rule):
    """As `apply.make_apply`; the sums of rules that need some are read on the host, once per step."""

    def step(p, g, slots, options, t, running):
        solve = p.solve
        solve.launch_pending()
        real = p.dtype.type
        c = tuple(map(real, rule.coefficients(real, options, t, running)))
        rows = _memory_of(slots) or (g.array,)  # a kernel takes no empty tuple
        shape = solve.shape(1)
        if rule.measure is not None:
            partial = target.empty((shape[0], apply.sums_of(rule)), np.float64)
            target.launch(_measure_kernel(rule), shape, p.array, g.array, rows, c, partial)
            sums = tuple(map(real, target.fetch(partial).sum(axis=0)))
            c = tuple(map(real, rule.adapt(real, options, c, sums, running)))
        target.launch(_step_kernel(rule), shape, p.array, g.array, rows, c)

    return step


FORMS = {
    apply.make_apply: _make_apply,
    apply.make_start: _make_start,
    box.clip: _elementwise(_clip, box_alone=True),
    box.land: _elementwise(_land, box_alone=True),
    box.projected_gradient: _elementwise(_project),
    fista.expansion: _sums(_expansion, 2),
    fista.turns: _sums(_turns),
    l1.absolute_sum: _sums(_absolute_sum),
    l1.minimum_norm_subgradient: _elementwise(_subgradient),
    l1.soft_threshold: _elementwise(_soft_threshold),
    owlqn.align: _elementwise(_align),
    owlqn.directional: _sums(_directional),
    owlqn.leave_out: _elementwise(_leave_out, box_alone=True),
    owlqn.orthant_step: _elementwise(_orthant_step),
    owlqn.stay_on_bounds: _elementwise(_stay_on_bounds, box_alone=True),
    stopping.flat: _flat,
}
"""The form of each function over a device's vectors."""
