"""One step of an update rule over many arrays on the device, and related operations.

Counterpart of `kernels.cpu.rules.step`.  Arrays that follow one another without gaps, as the parameters of
a network do, are one launch; others are one launch each.  Kernels access 16 bytes at once where they can.
"""

from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import float64

from numgd.first_order.apply import (
    coefficients_of,
    exact_options,
    make_add,
    make_tuple,
    make_write_coefficients,
    make_write_sums,
    make_zeros,
    step_coefficients,
    sums_of,
)
from numgd.first_order.treatment import averaged, clipped, noise, treated
from numgd.jit.portable import portable
from numgd.kernels.cuda import memory as device_memory
from numgd.kernels.cuda import target
from numgd.kernels.cuda.lanes import FOUR, ONE
from numgd.kernels.cuda.target import LANES, cuda, kernel, launch, launch_shape

P, G = 0, 1  # columns of a table: parameters and gradients

SUMMING = 16 if target.SIMULATED else 256
"""Threads in a block of a kernel that sums; a power of two."""

_MOST_SUMMING_BLOCKS = 1024

_MOST_BLOCKS = 2**16
"""Most blocks of a step: some dozens of times what a GPU runs at once, so that the last ones take no time."""


class Run(NamedTuple):
    """Arrays that follow one another in memory and are treated alike."""

    array: int  # number of the first one
    first: int  # its place in flat memory
    size: int
    vectors: tuple  # for each column that was asked for

    def fours(self, width, *memories):
        """How many times four numbers can be accessed at once, in these vectors and in flat memories.

        `width` is the length of a row of the memories.
        """
        nbytes = self.vectors[0].dtype.itemsize
        aligned = all(target.can_load4(vector) for vector in (*self.vectors, *memories))
        if aligned and (not memories or self.first * nbytes % 16 == width * nbytes % 16 == 0):
            return self.size // LANES
        return 0


class Table:
    """Arrays on the device.

    Parameters
    ----------
    arrays : list
        Contiguous, of one dtype, on the device.
    """

    def __init__(self, arrays):
        self.dtype = np.dtype(arrays[0].dtype)
        self.count = len(arrays)
        self._sizes = np.array([int(np.prod(a.shape)) for a in arrays], np.int64)
        self.starts = np.concatenate(([0], np.cumsum(self._sizes))).astype(np.int64)
        self.total = int(self.starts[-1])
        self._filled = np.flatnonzero(self._sizes)
        self.vectors = [None, None]
        self._ends = [None, None]  # for each column, whether the memory after an array is not the next one's
        self._runs_of = {}

    def point(self, column, arrays):
        """Make a column, P or G, point to other arrays of the same sizes."""
        vectors = [target.vector_of("params" if column == P else "grads", array) for array in arrays]
        self.vectors[column] = vectors
        first = np.array([target.address_of(vectors[k]) for k in self._filled], np.int64)
        follows = first[:-1] + self._sizes[self._filled[:-1]] * self.dtype.itemsize == first[1:]
        self._ends[column] = ~follows
        self._runs_of = {}

    def point_to_flat(self, column, memory):
        """Make a column point to flat memory."""
        self.point(column, self.views(memory))

    def memory(self, rows=None):
        """Flat memory of zeros, as long as all arrays together; a matrix if a number of rows is given.

        Rows of a matrix begin at multiples of 16 bytes; numbers at their ends belong to no array.
        """
        shape = (self.total,) if rows is None else (rows, -(-self.total // LANES) * LANES)
        found = target.empty(shape, self.dtype)
        device_memory.fill(found, 0)
        return found

    def views(self, memory):
        """Flat memory as one vector for each array."""
        return [memory[first:last] for first, last in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def fetched(self, memory):
        """A copy of flat memory in the host's memory."""
        found = target.fetch(memory)
        return np.ascontiguousarray(found[..., : self.total])

    def assign(self, memory, values):
        """Copy an array in the host's memory to flat memory of its shape, or to that of `memory`."""
        whole = np.zeros(memory.shape, self.dtype)
        whole[..., : self.total] = values
        target.upload(whole, memory)

    def start(self, start, slots, options):
        """Initialise slots by a function made by `make_start`."""
        first = np.empty((slots.shape[0], 1), self.dtype)
        start(first, options)
        for row, value in enumerate(first[:, 0]):
            device_memory.fill(slots[row], value)

    def step(self, rule, slots, options, t, running, change, average=None):
        """One step of a rule over all arrays; see `kernels.cpu.rules.step`."""
        real = self.dtype.type
        rest = (real(change.bound), real(change.decay), real(change.keep))
        factors, width = np.asarray(change.factors, np.float64), slots.shape[1]
        coefficients = self._coefficients(rule, slots, options, t, running, factors, rest)
        function, flat = _make_step(rule, average is not None), slots.reshape(slots.size)
        kept, weights = ((), ()) if average is None else (average[:1], tuple(map(real, average[1:])))
        for run in self._runs((P, G), None if _by_array(rule) else factors):
            own, factor = (coefficients, run.array), real(factors[run.array])
            fours = run.fours(width, *((flat,) if slots.size else ()), *kept)
            arguments = (flat, width, run.first, *own, factor, *rest, fours)
            launch(function, _shape_of_step(fours or run.size), *run.vectors, *arguments, *kept, *weights)

    def _runs(self, columns, factors=None):
        """The `Run`s of arrays in these columns: of equal `factors`, or of single arrays without."""
        if factors is None:
            ends = np.ones(max(self._filled.size - 1, 0), bool)
        else:
            own = factors[self._filled]
            ends = np.logical_or.reduce([own[1:] != own[:-1], *(self._ends[column] for column in columns)])
        key = columns, ends.tobytes()
        if key not in self._runs_of:
            self._runs_of[key] = list(self._find_runs(columns, ends))
        return self._runs_of[key]

    def _find_runs(self, columns, ends):
        if not self._filled.size:
            return
        begins = np.concatenate(([0], np.flatnonzero(ends) + 1, [self._filled.size]))
        for begin, stop in pairwise(begins):
            array, last = int(self._filled[begin]), int(self._filled[stop - 1])
            first, size = int(self.starts[array]), int(self.starts[last + 1] - self.starts[array])
            vectors = (self.vectors[column][array] for column in columns)
            if stop - begin > 1:
                vectors = (target.extended(vector, size) for vector in vectors)
            yield Run(array, first, size, tuple(vectors))

    def _coefficients(self, rule, slots, options, t, running, factors, rest):
        """The coefficients of a step in the dtype: a tuple, or a row for each array in a device matrix."""
        if rule.measure is None:
            return step_coefficients(rule, options, t, self.dtype, running)
        real = self.dtype.type
        options = exact_options(rule, options)
        exact = rule.coefficients(np.float64, options, np.float64(t), running)
        c, flat, width = tuple(map(real, exact)), slots.reshape(slots.size), slots.shape[1]
        runs = self._runs((P, G), None if _by_array(rule) else factors)

        def measure(run, *partial):
            fours = run.fours(width, *((flat,) if slots.size else ()))
            arguments = (flat, width, run.first, c, real(factors[run.array]), *rest, fours, *partial)
            launch(_make_measure(rule), (_summing_blocks(run), SUMMING), *run.vectors, *arguments)

        partial, firsts = self._sums(runs, sums_of(rule), measure)
        if not _by_array(rule):
            sums = np.zeros(sums_of(rule)) if partial is None else target.fetch(partial).sum(axis=0)
            return tuple(map(real, rule.adapt(np.float64, options, exact, tuple(sums), running)))
        if partial is None:
            return None  # there is nothing to step over
        adapted = device_memory.scratch(partial, (self.count, coefficients_of(rule)), self.dtype)
        rows = np.zeros(self.count + 1, np.int64)
        rows[self._filled + 1] = np.diff(firsts)
        places = target.constant(np.cumsum(rows))
        shape = min(self.count, target.MOST_BLOCKS), SUMMING
        launch(_make_adapt(rule), shape, partial, places, options, exact, tuple(running), adapted)
        return adapted

    def _sums(self, runs, count, measure):
        """Call ``measure(run, partial, first)``, which writes a row per block from `first` on, for all runs.

        Returns the matrix `partial`, or None without runs, and the first rows of all runs and of none.
        """
        if not runs:
            return None, np.zeros(1, np.int64)
        firsts = np.cumsum([0, *map(_summing_blocks, runs)])
        partial = device_memory.scratch(runs[0].vectors[0], (int(firsts[-1]), count), np.float64)
        for run, first in zip(runs, firsts[:-1].tolist(), strict=True):
            measure(run, partial, first)
        return partial, firsts

    def add_noise(self, memory, factors, bound, deviation, seed, stream):
        """memory = the gradients times each array's factor, clipped to ±bound, plus noise."""
        real = self.dtype.type
        factors = np.asarray(factors, np.float64)
        for run in self._runs((G,), factors):
            numbers = real(factors[run.array]), real(bound), real(deviation)
            launch(
                _make_add_noise(self.dtype), launch_shape(run.size), *run.vectors, memory, run.first,
                *numbers, np.uint64(seed), stream,
            )  # fmt: skip

    def measure(self):
        """The sum of squares of each array's gradient, and whether all of them are finite."""

        def measure(run, *partial):
            fours = run.fours(0)
            launch(_measure, (_summing_blocks(run), SUMMING), *run.vectors, fours, *partial)

        partial, firsts = self._sums(self._runs((G,)), 2, measure)
        squares = np.zeros(self.count)
        if partial is None:
            return squares, True
        sums = np.add.reduceat(target.fetch(partial), firsts[:-1])
        squares[self._filled] = sums[:, 0]
        return squares, bool(np.all(sums[:, 1] == 0.0))

    def combine(self, column, memory, a, b):
        """memory = a memory + b x for the arrays x that a column points to."""
        for run in self._runs((column,), np.ones(self.count)):
            fours, (x,) = run.fours(0, memory), run.vectors
            self._combine(memory, run.first, a, b, x, 0, run.size, fours)

    def put(self, memory):
        """Copy flat memory to the parameters."""
        for run in self._runs((P,), np.ones(self.count)):
            fours, (p,) = run.fours(0, memory), run.vectors
            self._combine(p, 0, 0.0, 1.0, memory, run.first, run.size, fours)

    def _combine(self, out, out_first, a, b, x, x_first, size, fours):
        real = self.dtype.type
        shape = _shape_of_step(fours or size)
        launch(_combine, shape, out, out_first, real(a), real(b), x, x_first, size, fours)

    def position(self, rule, memory, slots, c):
        """Replace parameters in flat memory by what the rule yields."""
        if self.total:
            shape = launch_shape(self.total)
            launch(_make_position(rule), shape, memory, slots.reshape(slots.size), slots.shape[1], c)


def _shape_of_step(count):
    """Blocks and threads of a kernel that loops over `count` numbers or fours."""
    if target.SIMULATED:
        return launch_shape(count)
    return min(-(-count // target.THREADS), _MOST_BLOCKS), target.THREADS


def _by_array(rule):
    """Whether each array has its own coefficients, computed on the device."""
    return rule.measure is not None and rule.scope == "array"


def _summing_blocks(run):
    """Blocks of a kernel that sums over a run."""
    return min(-(-run.size // (LANES * SUMMING)), _MOST_SUMMING_BLOCKS, target.MOST_BLOCKS)


@portable
def add_up(shared):
    """Add the rows of `shared`, one per thread of a block, to its first row, in a fixed order."""
    lane = cuda.threadIdx.x
    cuda.syncthreads()
    width = SUMMING // 2
    while width > 0:
        if lane < width:
            for number in range(shared.shape[1]):
                shared[lane, number] += shared[lane + width, number]
        cuda.syncthreads()
        width //= 2


@portable
def _number(rows, row, k):
    return rows[row][k]


@portable
def _number_of(matrix, number, row):
    return matrix[row, number]


def _make_load_rows(rule, lanes):
    """Function ``rows((slots, width, i), 0)``: what the slots hold from place i on, a tuple for each slot."""
    load = lanes.load

    @portable
    def row(place, number, _):
        slots, width, i = place
        return load(slots, number * width + i)

    return make_tuple(len(rule.slots), row)


def _make_store_rows(rule, lanes):
    """Function ``store(slots, width, i, results)`` for the results of `_make_update`."""

    def numbers_of(row):
        @portable
        def number(results, k, _):
            return results[k][1][row]

        return make_tuple(lanes.count, number)

    def make(count):
        if count == 0:

            @portable
            def nothing(slots, width, i, results):
                pass

            return nothing
        before, last, numbers, write = make(count - 1), count - 1, numbers_of(count - 1), lanes.store

        @portable
        def store(slots, width, i, results):
            before(slots, width, i, results)
            write(slots, last * width + i, numbers(results, 0))

        return store

    return make(len(rule.slots))


def _make_update(rule, lanes, with_average):
    """Functions that step neighbouring parameters, from place i of p and g and `at` of flat memory on."""
    load, write = lanes.load, lanes.store
    rows_of, store_rows = _make_load_rows(rule, lanes), _make_store_rows(rule, lanes)
    own, change = make_tuple(len(rule.slots), _number), rule.update

    @portable
    def lane(given, k, _):
        p, g, rows, factor, bound, decay, keep, c = given
        one_p, one_g = treated(p[k], g[k], factor, bound, decay, keep)
        return change(one_p, one_g, own(rows, k), c)

    @portable
    def parameter(results, k, _):
        return results[k][0]

    @portable
    def next_average(given, k, _):
        kept, results, old, new = given
        return averaged(kept[k], results[k][0], old, new)

    step, parameters = make_tuple(lanes.count, lane), make_tuple(lanes.count, parameter)
    averages = make_tuple(lanes.count, next_average)

    @portable
    def update(i, p, g, slots, width, at, c, factor, bound, decay, keep):
        rows = rows_of((slots, width, at), 0)
        results = step((load(p, i), load(g, i), rows, factor, bound, decay, keep, c), 0)
        write(p, i, parameters(results, 0))
        store_rows(slots, width, at, results)
        return results

    @portable
    def update_average(average, at, results, old, new):
        write(average, at, averages((load(average, at), results, old, new), 0))

    return update, update_average if with_average else None


@cache
def _make_step(rule, with_average=False):
    """The kernel of one step over a run of arrays, which `first` places in flat memory.

    `c` holds the coefficients or, for a rule with sums over each array, a row of them for each array.
    """
    update4, average4 = _make_update(rule, FOUR, with_average)
    update1, average1 = _make_update(rule, ONE, with_average)
    coefficients = make_tuple(coefficients_of(rule), _number_of if _by_array(rule) else _given)

    if with_average:

        @kernel
        def step(
            p, g, slots, width, first, c, row, factor, bound, decay, keep, fours, average, old, new,
        ):  # fmt: skip
            own = coefficients(c, row)
            for k in range(cuda.grid(1), fours, cuda.gridsize(1)):
                i, at = LANES * k, first + LANES * k
                done = update4(i, p, g, slots, width, at, own, factor, bound, decay, keep)
                average4(average, at, done, old, new)
            for i in range(LANES * fours + cuda.grid(1), p.size, cuda.gridsize(1)):
                one = update1(i, p, g, slots, width, first + i, own, factor, bound, decay, keep)
                average1(average, first + i, one, old, new)

    else:

        @kernel
        def step(p, g, slots, width, first, c, row, factor, bound, decay, keep, fours):
            own = coefficients(c, row)
            for k in range(cuda.grid(1), fours, cuda.gridsize(1)):
                i, at = LANES * k, first + LANES * k
                update4(i, p, g, slots, width, at, own, factor, bound, decay, keep)
            for i in range(LANES * fours + cuda.grid(1), p.size, cuda.gridsize(1)):
                update1(i, p, g, slots, width, first + i, own, factor, bound, decay, keep)

    return step


@portable
def _given(c, number, row):
    return c[number]


def _make_measured(rule, lanes):
    """Function that adds to sums the terms of `lanes.count` neighbouring parameters."""
    load, rows_of = lanes.load, _make_load_rows(rule, lanes)
    own, terms, add = make_tuple(len(rule.slots), _number), rule.measure, make_add(rule)

    @portable
    def lane(given, k, _):
        p, g, rows, factor, bound, decay, keep, c = given
        one_p, one_g = treated(p[k], g[k], factor, bound, decay, keep)
        return terms(one_p, one_g, own(rows, k), c)

    every = make_tuple(lanes.count, lane)

    @portable
    def measured(sums, i, p, g, slots, width, at, c, factor, bound, decay, keep):
        rows = rows_of((slots, width, at), 0)
        found = every((load(p, i), load(g, i), rows, factor, bound, decay, keep, c), 0)
        for k in range(len(found)):
            sums = add((sums, found[k]), 0)
        return sums

    return measured


@cache
def _make_measure(rule):
    """The kernel for each block's sums of what a rule measures."""
    measured4, measured1 = _make_measured(rule, FOUR), _make_measured(rule, ONE)
    count, zeros, write = sums_of(rule), make_zeros(rule), make_write_sums(rule)

    @kernel
    def measure(p, g, slots, width, first, c, factor, bound, decay, keep, fours, partial, first_row):
        shared = cuda.shared.array((SUMMING, count), float64)
        sums = zeros(np.float64, 0)
        for k in range(cuda.grid(1), fours, cuda.gridsize(1)):
            i, at = LANES * k, first + LANES * k
            sums = measured4(sums, i, p, g, slots, width, at, c, factor, bound, decay, keep)
        for i in range(LANES * fours + cuda.grid(1), p.size, cuda.gridsize(1)):
            sums = measured1(sums, i, p, g, slots, width, first + i, c, factor, bound, decay, keep)
        write(shared, cuda.threadIdx.x, sums)
        add_up(shared)
        if cuda.threadIdx.x == 0:
            for number in range(count):
                partial[first_row + cuda.blockIdx.x, number] = shared[0, number]

    return measure


@cache
def _make_adapt(rule):
    """The kernel that adapts coefficients to each array's sums, by a block that adds rows of `partial`."""
    count, zeros, write = sums_of(rule), make_zeros(rule), make_write_sums(rule)
    read, add, own = make_tuple(count, _number_of), make_add(rule), rule.adapt
    write_coefficients = make_write_coefficients(rule)

    @kernel
    def adapt(partial, places, options, exact, running, adapted):
        shared = cuda.shared.array((SUMMING, count), float64)
        for array in range(cuda.blockIdx.x, adapted.shape[0], cuda.gridDim.x):
            sums = zeros(np.float64, 0)
            for k in range(places[array] + cuda.threadIdx.x, places[array + 1], SUMMING):
                sums = add((sums, read(partial, k)), 0)
            write(shared, cuda.threadIdx.x, sums)
            add_up(shared)
            if cuda.threadIdx.x == 0:
                c = own(np.float64, options, exact, read(shared, 0), running)
                write_coefficients(adapted, array, c)
            cuda.syncthreads()

    return adapt


@cache
def _make_position(rule):
    """The kernel that replaces parameters in flat memory by what a rule yields."""
    rows_of, own = _make_load_rows(rule, ONE), make_tuple(len(rule.slots), _number)
    yielded = rule.position

    @kernel
    def position(memory, slots, width, c):
        for i in range(cuda.grid(1), memory.size, cuda.gridsize(1)):
            memory[i] = yielded(memory[i], own(rows_of((slots, width, i), 0), 0), c)

    return position


@cache
def _make_add_noise(dtype):
    real = dtype.type

    @kernel
    def add_noise(g, out, first, factor, bound, deviation, seed, stream):
        for i in range(cuda.grid(1), g.size, cuda.gridsize(1)):
            added = noise(real, deviation, seed, stream, first + i)
            out[first + i] = clipped(g[i], factor, bound) + added

    return add_noise


@kernel
def _combine(out, out_first, a, b, x, x_first, size, fours):
    for k in range(cuda.grid(1), fours, cuda.gridsize(1)):
        i, j = out_first + LANES * k, x_first + LANES * k
        x0, x1, x2, x3 = target.load4(x, j)
        if a != 0:
            k0, k1, k2, k3 = target.load4(out, i)
            x0, x1 = averaged(k0, x0, a, b), averaged(k1, x1, a, b)
            x2, x3 = averaged(k2, x2, a, b), averaged(k3, x3, a, b)
        else:
            x0, x1, x2, x3 = b * x0, b * x1, b * x2, b * x3
        target.store4(out, i, (x0, x1, x2, x3))
    for k in range(LANES * fours + cuda.grid(1), size, cuda.gridsize(1)):
        out[out_first + k] = averaged(out[out_first + k], x[x_first + k], a, b)


@kernel
def _measure(g, fours, partial, first_row):
    """Each block's sum of squares, and its number of elements that are not finite."""
    shared = cuda.shared.array((SUMMING, 2), float64)
    square, broken = 0.0, 0.0
    for k in range(cuda.grid(1), fours, cuda.gridsize(1)):
        for value in target.load4(g, LANES * k):
            square, broken = _square_and_broken(square, broken, value)
    for i in range(LANES * fours + cuda.grid(1), g.size, cuda.gridsize(1)):
        square, broken = _square_and_broken(square, broken, g[i])
    shared[cuda.threadIdx.x, 0] = square
    shared[cuda.threadIdx.x, 1] = broken
    add_up(shared)
    if cuda.threadIdx.x == 0:
        for number in range(2):
            partial[first_row + cuda.blockIdx.x, number] = shared[0, number]


@portable
def _square_and_broken(square, broken, value):
    """The sums of `_measure` with one more number."""
    wide = np.float64(value)
    return square + wide * wide, broken + (0.0 if abs(wide) < np.inf else 1.0)
