"""One step of an update rule over many arrays on the device, and related operations.

Counterpart of `kernels.cpu.rules.step`, with one kernel launch per array.
"""

import math
from functools import cache

import numpy as np
from numba import float64

from numgd.first_order.apply import (
    exact_options,
    make_write_sums,
    make_zeros,
    step_coefficients,
    sums_of,
)
from numgd.first_order.treatment import clipped, make_treated, noise
from numgd.jit.portable import portable
from numgd.kernels.cuda.target import THREADS, cuda, launch_shape

P, G = 0, 1  # columns of a table: parameters and gradients


class Table:
    """Arrays on the device.

    Parameters
    ----------
    arrays : list
        Contiguous, of one dtype, with ``__cuda_array_interface__``.
    """

    def __init__(self, arrays):
        self.dtype = np.dtype(arrays[0].dtype)
        self.count = len(arrays)
        sizes = [int(np.prod(a.shape)) for a in arrays]
        self.starts = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
        self.total = int(self.starts[-1])
        self.vectors = [None, None]

    def point(self, column, arrays):
        """Make a column, P or G, point to other arrays of the same sizes."""
        self.vectors[column] = [_vector(array) for array in arrays]

    def point_to_flat(self, column, memory):
        """Make a column point to flat memory."""
        self.vectors[column] = self.views(memory)

    def memory(self, rows=None):
        """Flat memory of zeros, as long as all arrays together; a matrix if a number of rows is given."""
        return cuda.to_device(np.zeros(self.total if rows is None else (rows, self.total), self.dtype))

    def views(self, memory):
        """Flat memory as one vector for each array."""
        return [memory[first:last] for first, last in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def start(self, start, slots, options):
        """Initialise slots by a function made by `make_start`."""
        first = np.empty(slots.shape, self.dtype)
        start(first, options)
        slots.copy_to_device(first)

    def step(self, rule, slots, options, t, running, change):
        """One step of a rule over all arrays; see `kernels.cpu.rules.step`."""
        real = self.dtype.type
        rest = (real(change.bound), real(change.decay), real(change.keep))
        kernel = _make_step(rule)
        coefficients = self._coefficients(rule, slots, options, t, running, change.factors, rest)
        for k, (p, g) in enumerate(zip(*self.vectors, strict=True)):
            if p.size:
                own = slots[:, self.starts[k] : self.starts[k + 1]]
                factor = real(change.factors[k])
                kernel[launch_shape(p.size)](p, g, own, coefficients[k], factor, *rest)

    def _coefficients(self, rule, slots, options, t, running, factors, rest):
        """The coefficients for each array, in its dtype."""
        if rule.measure is None:
            return [step_coefficients(rule, options, t, self.dtype, running)] * self.count
        real = self.dtype.type
        options = exact_options(rule, options)
        exact = rule.coefficients(np.float64, options, np.float64(t), running)
        c = tuple(map(real, exact))
        kernel, count = _make_measure(rule), sums_of(rule)
        sums = np.zeros((self.count, count))
        for k, (p, g) in enumerate(zip(*self.vectors, strict=True)):
            if p.size:
                own = slots[:, self.starts[k] : self.starts[k + 1]]
                shape = launch_shape(p.size)
                partial = cuda.device_array((count, shape[0]))
                kernel[shape](p, g, own, c, real(factors[k]), *rest, partial)
                sums[k] = partial.copy_to_host().sum(axis=1)
        if rule.scope == "all":
            sums = sums.sum(axis=0, keepdims=True)
        found = [
            tuple(map(real, rule.adapt(np.float64, options, exact, tuple(own), running))) for own in sums
        ]
        return found * self.count if rule.scope == "all" else found

    def add_noise(self, memory, factors, bound, deviation, seed, stream):
        """memory = the gradients times each array's factor, clipped to ±bound, plus noise."""
        real = self.dtype.type
        kernel = _make_add_noise(self.dtype)
        for k, g in enumerate(self.vectors[G]):
            if g.size:
                out = memory[self.starts[k] : self.starts[k + 1]]
                numbers = real(factors[k]), real(bound), real(deviation)
                kernel[launch_shape(g.size)](g, out, *numbers, np.uint64(seed), stream, self.starts[k])

    def measure(self):
        """The sum of squares of each array's gradient, and whether all of them are finite."""
        squares, finite = np.zeros(self.count), True
        for k, g in enumerate(self.vectors[G]):
            if g.size:
                shape = launch_shape(g.size)
                partial = cuda.device_array((2, shape[0]))
                _measure[shape](g, partial)
                sums = partial.copy_to_host()
                squares[k] = sums[0].sum()
                finite = finite and bool(np.all(sums[1] == 0.0))
        return squares, finite

    def combine(self, column, memory, a, b):
        """memory = a memory + b x for the arrays x that a column points to."""
        a, b = self.dtype.type(a), self.dtype.type(b)
        for out, x in zip(self.views(memory), self.vectors[column], strict=True):
            if x.size:
                _combine[launch_shape(x.size)](out, a, b, x)

    def put(self, memory):
        """Copy flat memory to the parameters."""
        one = self.dtype.type(1)
        for p, x in zip(self.vectors[P], self.views(memory), strict=True):
            if x.size:
                _combine[launch_shape(x.size)](p, one - one, one, x)


@portable
def add_up(shared, partial):
    """Sum the rows of `shared`, one per thread of a block, into the block's column of `partial`."""
    lane = cuda.threadIdx.x
    cuda.syncthreads()
    width = THREADS // 2
    while width > 0:
        if lane < width:
            for number in range(shared.shape[1]):
                shared[lane, number] += shared[lane + width, number]
        cuda.syncthreads()
        width //= 2
    if lane == 0:
        for number in range(shared.shape[1]):
            partial[number, cuda.blockIdx.x] = shared[0, number]


def _vector(array):
    """An array on the device as a vector of the same memory."""
    vector = cuda.as_cuda_array(array)
    if not vector.is_c_contiguous():
        raise ValueError("arrays on the device must be contiguous")
    return vector.reshape(vector.size)


@cache
def _make_step(rule):
    change, _ = make_treated(rule)

    @cuda.jit
    def kernel(p, g, slots, c, factor, bound, decay, keep):
        for i in range(cuda.grid(1), p.size, cuda.gridsize(1)):
            p[i] = change(i, p[i], g[i], factor, bound, decay, keep, slots, c)

    return kernel


@cache
def _make_measure(rule):
    """The kernel for each block's sums of what a rule measures."""
    _, measured = make_treated(rule)
    count, zeros, write = sums_of(rule), make_zeros(rule), make_write_sums(rule)

    @cuda.jit
    def kernel(p, g, slots, c, factor, bound, decay, keep, partial):
        shared = cuda.shared.array((THREADS, count), float64)
        sums = zeros(np.float64, 0)
        for i in range(cuda.grid(1), p.size, cuda.gridsize(1)):
            sums = measured(sums, i, p[i], g[i], factor, bound, decay, keep, slots, c)
        write(shared, cuda.threadIdx.x, sums)
        add_up(shared, partial)

    return kernel


@cache
def _make_add_noise(dtype):
    real = dtype.type

    @cuda.jit
    def kernel(g, out, factor, bound, deviation, seed, stream, first):
        for i in range(cuda.grid(1), g.size, cuda.gridsize(1)):
            out[i] = clipped(g[i], factor, bound) + noise(real, deviation, seed, stream, first + i)

    return kernel


@cuda.jit
def _combine(out, a, b, x):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        out[i] = a * out[i] + b * x[i] if a != 0 else b * x[i]


@cuda.jit
def _measure(g, partial):
    """Each block's sum of squares, and its number of elements that are not finite."""
    shared = cuda.shared.array((THREADS, 2), float64)
    own, own_broken = 0.0, 0.0
    for i in range(cuda.grid(1), g.size, cuda.gridsize(1)):
        value = float64(g[i])
        own += value * value
        own_broken += 0.0 if abs(value) < math.inf else 1.0
    shared[cuda.threadIdx.x, 0] = own
    shared[cuda.threadIdx.x, 1] = own_broken
    add_up(shared, partial)
