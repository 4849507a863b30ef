"""One step of an update rule over many arrays at once, on all cores, and related operations.

A `Table` cuts arrays of one dtype into chunks, and a driver processes the chunks: a hundred small arrays
cost one call, and a large one is shared among the cores.  Memory that belongs to the parameters (slots,
averages) is flat, with the arrays one after the other.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import from_dtype

from numgd.first_order.apply import (
    coefficients_of,
    first_coefficients_of,
    make_adapt,
    make_cast,
    make_tuple,
    make_write_sums,
    make_zeros,
    sums_of,
)
from numgd.first_order.treatment import clipped, make_treated, noise
from numgd.jit.making import made_once
from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import address_of, vector_view
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled, portable

CHUNK = 8192
"""Maximum number of elements of a chunk."""

P, G, FIRST, SIZE, ARRAY = range(5)  # columns of a table's chunks


class Table:
    """Arrays divided into chunks.

    Parameters
    ----------
    arrays : list of numpy.ndarray
        Contiguous, of one dtype.
    """

    def __init__(self, arrays):
        self.dtype = arrays[0].dtype
        self.count = len(arrays)
        sizes = np.array([a.size for a in arrays], np.int64)
        self.starts = np.concatenate(([0], np.cumsum(sizes)))
        self.total = int(self.starts[-1])
        pieces = -(-sizes // CHUNK)
        array = np.repeat(np.arange(self.count), pieces)
        inside = CHUNK * (np.arange(array.size) - np.repeat(np.cumsum(pieces) - pieces, pieces))
        self.chunks = np.zeros((array.size, 5), np.int64)
        self.chunks[:, ARRAY] = array
        self.chunks[:, FIRST] = self.starts[array] + inside
        self.chunks[:, SIZE] = np.minimum(CHUNK, sizes[array] - inside)
        self._array, self._inside = array, inside * self.dtype.itemsize

    def point(self, column, arrays):
        """Make a column, P or G, point to other arrays of the same sizes."""
        addresses = np.array([a.__array_interface__["data"][0] for a in arrays], np.int64)
        self.chunks[:, column] = addresses[self._array] + self._inside

    def point_to_flat(self, column, memory):
        """Make a column point to flat memory."""
        start = memory.__array_interface__["data"][0]
        self.chunks[:, column] = start + self.chunks[:, FIRST] * self.dtype.itemsize

    def memory(self, rows=None):
        """Flat memory for the arrays, filled with zeros; a matrix if a number of rows is given."""
        return np.zeros(self.total if rows is None else (rows, self.total), self.dtype)

    def views(self, memory):
        """Views of flat memory, one vector per array."""
        return [memory[first:last] for first, last in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def fetched(self, memory):
        """A copy of flat memory in the host's memory."""
        return memory.copy()

    def assign(self, memory, values):
        """Copy an array in the host's memory to flat memory of its shape."""
        memory[...] = values

    def start(self, start, slots, options):
        """Give slots their initial values with a function from `make_start`."""
        start(slots, options)

    def step(self, rule, slots, options, t, running, change, average=None):
        """One step of a rule over all arrays.

        Parameters
        ----------
        rule : Rule
        slots : numpy.ndarray
            Of shape (n_slots, total).
        options : NamedTuple
            The rule's options, as floats.
        t : float
            Number of the step: 1, 2, …
        running : numpy.ndarray
            As for `numgd.first_order.apply.step_coefficients`.
        change : Change
        average : tuple, optional
            Flat memory of an average of the parameters and two weights, as for `combine`: it is updated too.
        """
        _make_step(rule, self.dtype)(self.chunks, slots, options, t, running, *change)
        if average is not None:
            self.combine(P, *average)

    def add_noise(self, memory, factors, bound, deviation, seed, stream):
        """memory = the gradients times each array's factor, clipped to ±bound, plus noise."""
        drive = _make_add_noise(self.dtype)
        drive(self.chunks, memory, factors, bound, deviation, np.uint64(seed), stream)

    def measure(self):
        """The sum of squares of each array's gradient, and whether all of them are finite."""
        squares, finite = np.empty(self.count), np.empty(len(self.chunks), np.bool_)
        _make_measure(self.dtype)(self.chunks, self.total, squares, finite)
        return squares, bool(finite.all())

    def combine(self, column, memory, a, b):
        """memory = a memory + b x for the arrays x that a column points to."""
        _make_combine(self.dtype)(self.chunks, column, memory, a, b)

    def position(self, rule, memory, slots, c):
        """Replace parameters in flat memory by what the rule yields."""
        memory[...] = rule.position(memory, tuple(slots), c)

    def put(self, memory):
        """Copy flat memory to the parameters."""
        _make_put(self.dtype)(self.chunks, memory)


class Change(NamedTuple):
    """How gradients and parameters are changed before a rule sees them."""

    factors: Any  # (count,) float64: factor of each array's gradient
    decay: Any  # decay times the parameter is added to its gradient
    keep: Any  # factor of the parameter
    bound: Any  # the largest magnitude of a gradient's element


@made_once
def _make_step(rule, dtype):
    """The compiled driver of a rule for a dtype."""
    real, width = dtype.type, dtype.itemsize
    view = vector_view(from_dtype(dtype))
    change, _ = make_treated(rule, in_rows=True)
    coefficients, cast = rule.coefficients, make_cast(coefficients_of(rule), real)
    rows_of = _make_rows_of(rule, view, width)

    @portable
    def update(k, chunks, slots, c, factors, decay, keep, bound):
        chunk = chunks[k]
        size = chunk[SIZE]
        p, g = view(chunk[P], size), view(chunk[G], size)
        rows = rows_of(slots, chunk)
        factor = real(factors[chunk[ARRAY]])
        for i in range(size):
            p[i] = change(i, p[i], g[i], factor, bound, decay, keep, rows, c)

    if rule.measure is not None:
        return _make_step_by_sums(rule, dtype, update)

    @compiled(rule.code_name("step", rule.name, dtype.name), ELEMENTWISE_FLAGS)
    def drive(chunks, slots, options, t, running, factors, decay, keep, bound):
        c = cast(coefficients(np.float64, options, t, running), 0)
        decay, keep, bound = real(decay), real(keep), real(bound)
        parallel_for(update, chunks.shape[0], slots.shape[1], chunks, slots, c, factors, decay, keep, bound)

    return drive


def _make_rows_of(rule, view, width):
    """Function ``rows_of(slots, chunk)``: a chunk's part of each slot, as a tuple of vectors."""

    @portable
    def row(place, number, _):
        start, stride, size = place
        return view(start + number * stride, size)

    rows = make_tuple(len(rule.slots), row)

    @portable
    def rows_of(slots, chunk):
        start = address_of(slots) + chunk[FIRST] * width
        return rows((start, slots.shape[1] * width, chunk[SIZE]), 0)

    return rows_of


def _make_step_by_sums(rule, dtype, update):
    """The same for a rule whose coefficients depend on sums over each array, or over all arrays."""
    real, width = dtype.type, dtype.itemsize
    view = vector_view(from_dtype(dtype))
    _, measured = make_treated(rule, in_rows=True)
    rows_of = _make_rows_of(rule, view, width)
    coefficients = rule.coefficients
    cast_first = make_cast(first_coefficients_of(rule), real)
    cast = make_cast(coefficients_of(rule), real)
    adapt, adapted_of = make_adapt(rule)
    zeros, write = make_zeros(rule), make_write_sums(rule)
    count, adapted_count, together = sums_of(rule), coefficients_of(rule), rule.scope == "all"

    @portable
    def measure(k, chunks, slots, c, factors, decay, keep, bound, partial):
        chunk = chunks[k]
        size = chunk[SIZE]
        p, g = view(chunk[P], size), view(chunk[G], size)
        rows = rows_of(slots, chunk)
        factor = real(factors[chunk[ARRAY]])
        sums = zeros(np.float64, 0)
        for i in range(size):
            sums = measured(sums, i, p[i], g[i], factor, bound, decay, keep, rows, c)
        write(partial, k, sums)

    @portable
    def update_adapted(k, chunks, slots, adapted, factors, decay, keep, bound):
        c = cast(adapted_of(adapted, 0 if together else chunks[k, ARRAY]), 0)
        update(k, chunks, slots, c, factors, decay, keep, bound)

    @compiled(rule.code_name("step", rule.name, dtype.name), ELEMENTWISE_FLAGS)
    def drive(chunks, slots, options, t, running, factors, decay, keep, bound):
        exact = coefficients(np.float64, options, t, running)
        c = cast_first(exact, 0)
        decay, keep, bound = real(decay), real(keep), real(bound)
        pieces, total = chunks.shape[0], slots.shape[1]
        partial = np.empty((pieces, count))
        parallel_for(measure, pieces, total, chunks, slots, c, factors, decay, keep, bound, partial)
        sums = np.zeros((1 if together else factors.size, count))
        for k in range(pieces):  # in order, for identical results with any number of threads
            row = 0 if together else chunks[k, ARRAY]
            for number in range(count):
                sums[row, number] += partial[k, number]
        adapted = np.empty((sums.shape[0], adapted_count))
        for row in range(sums.shape[0]):
            adapt(adapted, row, options, exact, sums, running)
        parallel_for(
            update_adapted, pieces, total, chunks, slots, adapted, factors, decay, keep, bound
        )  # fmt: skip

    return drive


@made_once
def _make_add_noise(dtype):
    real, view = dtype.type, vector_view(from_dtype(dtype))

    @portable
    def add_noise(k, chunks, memory, factors, bound, deviation, seed, stream):
        chunk = chunks[k]
        g, first = view(chunk[G], chunk[SIZE]), chunk[FIRST]
        factor = real(factors[chunk[ARRAY]])
        for i in range(g.size):
            added = noise(real, deviation, seed, stream, first + i)
            memory[first + i] = clipped(g[i], factor, bound) + added

    @compiled(f"add_noise-{dtype.name}", ELEMENTWISE_FLAGS)
    def drive(chunks, memory, factors, bound, deviation, seed, stream):
        bound, deviation = real(bound), real(deviation)
        parallel_for(
            add_noise, chunks.shape[0], memory.size, chunks, memory, factors, bound, deviation, seed, stream
        )

    return drive


@made_once
def _make_measure(dtype):
    view = vector_view(from_dtype(dtype))

    @portable
    def measure(k, chunks, squares, finite):
        g = view(chunks[k, G], chunks[k, SIZE])
        total, all_finite = 0.0, True
        for i in range(g.size):
            value = np.float64(g[i])
            total += value * value
            all_finite &= abs(value) < math.inf
        squares[k], finite[k] = total, all_finite

    @compiled(f"measure-{dtype.name}")
    def drive(chunks, total, squares, finite):
        partial = np.empty(chunks.shape[0])
        parallel_for(measure, chunks.shape[0], total, chunks, partial, finite)
        squares[:] = 0.0
        for k in range(chunks.shape[0]):  # in order, for identical results with any number of threads
            squares[chunks[k, ARRAY]] += partial[k]

    return drive


@made_once
def _make_combine(dtype):
    real, view = dtype.type, vector_view(from_dtype(dtype))

    @portable
    def combine(k, chunks, column, memory, a, b):
        chunk = chunks[k]
        x, first = view(chunk[column], chunk[SIZE]), chunk[FIRST]
        out = memory[first : first + chunk[SIZE]]
        if a != 0.0:
            for i in range(x.size):
                out[i] = a * out[i] + b * x[i]
        else:  # the memory may hold anything, even NaN
            for i in range(x.size):
                out[i] = b * x[i]

    @compiled(f"combine-{dtype.name}")
    def drive(chunks, column, memory, a, b):
        a, b = real(a), real(b)
        parallel_for(combine, chunks.shape[0], memory.size, chunks, column, memory, a, b)

    return drive


@made_once
def _make_put(dtype):
    view = vector_view(from_dtype(dtype))

    @portable
    def put(k, chunks, memory):
        chunk = chunks[k]
        p, first = view(chunk[P], chunk[SIZE]), chunk[FIRST]
        for i in range(p.size):
            p[i] = memory[first + i]

    @compiled(f"put-{dtype.name}")
    def drive(chunks, memory):
        parallel_for(put, chunks.shape[0], memory.size, chunks, memory)

    return drive
