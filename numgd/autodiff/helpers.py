"""Functions that generated derivatives call: adjoints that take more than one line."""

import math

import numpy as np
from numba import types, vectorize
from numba.extending import overload, register_jitable

from numgd.jit import simd
from numgd.jit.linked import linked
from numgd.jit.making import made_once
from numgd.jit.pointers import stack_vector
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled

SHORT = 256
"""Capacity of a tape before it allocates memory."""

short_tape = stack_vector(types.float64, SHORT)


@register_jitable
def grown(tape, size):
    """A longer tape with the same contents."""
    longer = np.empty(max(size, 2 * tape.size), tape.dtype)
    for i in range(tape.size):  # a slice takes a tenth of a second to compile
        longer[i] = tape[i]
    return longer


@register_jitable
def put(out, vector):
    """Copy a vector to another."""
    for i in range(out.size):
        out[i] = vector[i]


@register_jitable
def length(start, stop, step):
    """Number of items of ``range(start, stop, step)``."""
    if step > 0:
        return max(0, (stop - start + step - 1) // step)
    return max(0, (start - stop - step - 1) // -step)


@register_jitable
def alike(a, b):
    """Whether two arrays have the same shape."""
    return a.shape == b.shape


def single(a):
    """A number or an array in float32; an array that already is, itself."""
    return a.astype(np.float32, copy=False) if np.ndim(a) else np.float32(a)


@overload(single)
def _single(a):
    if not isinstance(a, types.Array):
        return lambda a: np.float32(a)
    if a.dtype == types.float32:
        return lambda a: a
    return lambda a: a.astype(np.float32)


@made_once
def elementwise(name, dtype, readonly):
    """The compiled ``function(values, results)`` of two vectors, and the types of its arguments."""
    scalar = getattr(simd, name)

    @compiled(f"each-{name}-{dtype}", ELEMENTWISE_FLAGS)
    def function(values, results):
        for i in range(results.size):
            results[i] = scalar(values[i])

    real = getattr(types, dtype)
    return function, (types.Array(real, 1, "C", readonly), types.Array(real, 1, "C"))


def _over_arrays(name):
    """One of NumPy's functions, which is vectorised for the elements of an array."""
    numpys = getattr(np, name)

    def function(a):
        return numpys(a)

    def turned(a):
        return function(a.T).T

    def choose(a):
        if not (isinstance(a, types.Array) and isinstance(a.dtype, types.Float) and a.aligned):
            return function
        if a.layout == "F" and a.ndim > 1:
            return turned
        apply = linked(elementwise, name, str(a.dtype), a.layout == "C" and not a.mutable)

        def of_vector(a):
            out = np.empty(a.size, a.dtype)
            apply((a, out))
            return out

        def of_array(a):
            out = np.empty(a.shape, a.dtype)
            apply((a.ravel(), out.ravel()))
            return out

        return of_vector if a.ndim == 1 and a.layout == "C" else of_array

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`numpy.{name}`."
    overload(function)(choose)
    return function


exp, expm1, log, log1p, tanh = map(_over_arrays, ("exp", "expm1", "log", "log1p", "tanh"))


@register_jitable
def times(a, b):
    """The product of two numbers, zero if one of them is zero and the other not finite."""
    product = a * b
    return product if (a != 0.0) & (b != 0.0) else 0.0  # without a branch


@register_jitable
def over(a, b):
    """The ratio of two numbers, zero if both are zero."""
    ratio = a / b
    return ratio if a != 0.0 else 0.0


products, ratios = vectorize(times), vectorize(over)
"""The same for the elements of arrays, which Numba fuses with the surrounding expression into one loop."""


@register_jitable
def sign(a):
    """The sign of a number; NumPy's function does not work on a GPU."""
    return math.copysign(1.0, a) if a < 0 or a > 0 else 0.0 * a


@register_jitable
def product_adjoint(a, g):
    """g times the product of all other elements, for each element."""
    out = np.empty_like(a)
    flat, values = out.ravel(), a.ravel()
    before = g
    for i in range(values.size):
        flat[i] = before
        before *= values[i]
    after = 1.0
    for k in range(values.size):
        i = values.size - 1 - k
        flat[i] *= after
        after *= values[i]
    return flat.reshape(a.shape)


@register_jitable
def solve_transposed(lower, b):
    """The solution x of lowerᵀ x = b for a lower triangular matrix and a matrix b."""
    x = b.copy()
    n, columns = x.shape
    for step in range(n):
        i = n - 1 - step
        pivot = lower[i, i]
        for j in range(columns):
            x[i, j] /= pivot
        for k in range(i):
            factor = lower[i, k]
            for j in range(columns):
                x[k, j] -= factor * x[i, j]
    return x


@register_jitable
def eigh(a):
    """The eigenvalues of a symmetric matrix, and below them an eigenvector in each row."""
    values, vectors = np.linalg.eigh(a)
    out = np.empty((values.size + 1, values.size), values.dtype)
    out[0] = values
    out[1:] = vectors.T
    return out


@register_jitable
def products_without(values, i):
    """The products of all numbers but the i-th, and for each other one, of all but these two."""
    n = values.size
    out = np.ones(n, values.dtype)
    before = out[i]
    for k in range(n):
        if k != i:
            out[k] *= before
            before *= values[k]
    after = out[i]
    for back in range(n):
        k = n - 1 - back
        if k != i:
            out[k] *= after
            after *= values[k]
    out[i] = before
    return out


@register_jitable
def cofactors(a):
    """The matrix of cofactors, the derivative of the determinant, also where that is zero."""
    value = np.linalg.det(a)
    if value != 0.0:
        inverse = np.linalg.inv(a)
        if np.max(np.abs(a)) * np.max(np.abs(inverse)) < 1e4:  # else its errors may be large
            return a.dtype.type(value) * inverse.T
    left, values, right = np.linalg.svd(a)
    sign = np.linalg.det(left) * np.linalg.det(right)
    scaled = np.empty_like(right)
    for i in range(values.size):
        scaled[i] = sign * products_without(values, i)[i] * right[i]
    return np.dot(left, scaled)


@register_jitable
def cofactors_tangent(a, d):
    """The derivative of `cofactors` of a along d."""
    left, values, right = np.linalg.svd(a)
    sign = np.linalg.det(left) * np.linalg.det(right)
    inner = np.dot(left.T, np.dot(d, right.T))
    out = np.zeros_like(inner)
    for i in range(values.size):
        products = products_without(values, i)
        for j in range(values.size):
            if i != j:
                out[i, i] += sign * products[j] * inner[j, j]
                out[i, j] = -sign * products[j] * inner[j, i]
    return np.dot(left, np.dot(out, right))


@register_jitable
def at_first(a, value, g):
    """Zeros, with g at the first place where a equals a value."""
    out = np.zeros(a.size, a.dtype)
    values = a.ravel()
    for i in range(values.size):
        if values[i] == value or values[i] != values[i]:
            out[i] = g
            break
    return out.reshape(a.shape)


@register_jitable
def product_adjoint_tangent(a, g, d):
    """The derivative of `product_adjoint` of a along d."""
    values, changes = a.ravel(), d.ravel()
    out = np.zeros(values.size, a.dtype)
    for i in range(values.size):
        for j in range(values.size):
            if i != j:
                product = g * changes[j]
                for k in range(values.size):
                    if k not in (i, j):
                        product *= values[k]
                out[i] += product
    return out.reshape(a.shape)


@register_jitable
def where_first(a, value, d):
    """The element of d at the first place where a equals a value."""
    values, changes = a.ravel(), d.ravel()
    for i in range(values.size):
        if values[i] == value or values[i] != values[i]:
            return changes[i]
    return 0.0


@register_jitable
def digamma(x):
    """Derivative of the logarithm of the gamma function; Abramowitz & Stegun, 6.3.5, 6.3.7 and 6.3.18."""
    result = 0.0
    if x <= 0.0:
        if x == math.floor(x):
            return math.nan
        result = -math.pi / math.tan(math.pi * x)
        x = 1.0 - x
    while x < 10.0:
        result -= 1.0 / x
        x += 1.0
    z = 1.0 / (x * x)
    tail = 1.0 / 12 - z * (
        1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * 691.0 / 32760)))
    )
    return result + math.log(x) - 0.5 / x - z * tail


@register_jitable
def trigamma(x):
    """Derivative of `digamma`; Abramowitz & Stegun, 6.4.6, 6.4.7 and 6.4.12."""
    result, sign = 0.0, 1.0
    if x <= 0.0:
        if x == math.floor(x):
            return math.nan
        result = (math.pi / math.sin(math.pi * x)) ** 2
        x, sign = 1.0 - x, -1.0
    while x < 12.0:
        result += sign / (x * x)
        x += 1.0
    z = 1.0 / (x * x)
    tail = z * (1.0 / 6 - z * (1.0 / 30 - z * (1.0 / 42 - z * (1.0 / 30 - z * 5.0 / 66))))
    return result + sign * (1.0 / x + 0.5 * z + tail / x)


def diff_adjoint(g):
    """The adjoint of ``np.diff`` along the last axis."""
    out = np.zeros((*g.shape[:-1], g.shape[-1] + 1), g.dtype)
    out[..., 1:] = g
    out[..., :-1] -= g
    return out


@overload(diff_adjoint)
def _diff_adjoint(g):
    if g.ndim == 1:

        def one(g):
            out = np.zeros(g.size + 1, g.dtype)
            out[1:] = g
            for i in range(g.size):
                out[i] -= g[i]
            return out

        return one
    if g.ndim == 2:

        def two(g):
            out = np.zeros((g.shape[0], g.shape[1] + 1), g.dtype)
            out[:, 1:] = g
            for i in range(g.shape[0]):
                for j in range(g.shape[1]):
                    out[i, j] -= g[i, j]
            return out

        return two
    return None


def fit(g, x):
    """The sum of g over the axes along which x was broadcast, in the shape of x."""
    g = np.asarray(g)
    while g.ndim > np.ndim(x):
        g = g.sum(0)
    for axis in range(np.ndim(x)):
        if x.shape[axis] == 1 and g.shape[axis] != 1:
            g = np.expand_dims(g.sum(axis), axis)
    return g


def spread(g, axis, x):
    """g repeated along a new axis, in the shape of x."""
    return np.broadcast_to(np.expand_dims(g, axis), x.shape).copy()


def scatter(x, index, g):
    """Zeros in the shape of x, with the rows of g added at the places of an integer array or a mask."""
    out = np.zeros(x.shape, g.dtype)
    np.add.at(out, index, g)
    return out


def scatter_elements(x, g, *index):
    """Zeros in the shape of x, with the elements of g added at the places of integer arrays, one per axis."""
    out = np.zeros(x.shape, g.dtype)
    np.add.at(out, index, g)
    return out


def kept(tape, top, x):
    """Write the elements of an array to the tape, followed by its shape; returns the tape and its new top."""
    size = top + x.size + x.ndim
    if size > tape.size:
        tape = grown(tape, size)
    tape[top : top + x.size] = x.ravel()
    tape[top + x.size : size] = x.shape
    return tape, size


@overload(fit)
def _fit(g, x):
    if not isinstance(g, types.Array):
        return lambda g, x: g
    if g.ndim > x.ndim:
        return lambda g, x: fit(np.sum(g, 0), x)
    if x.ndim == 1:

        def one(g, x):
            if g.size == x.size:
                return g
            total = np.empty(1, g.dtype)
            total[0] = np.sum(g)
            return total

        return one
    if x.ndim == 2:

        def two(g, x):
            if g.shape == x.shape:
                return g
            out = np.zeros(x.shape, g.dtype)
            rows, columns = min(1, x.shape[0] - 1), min(1, x.shape[1] - 1)
            for i in range(g.shape[0]):
                for j in range(g.shape[1]):
                    out[i * rows, j * columns] += g[i, j]
            return out

        return two

    def more(g, x):
        if g.shape == x.shape:
            return g
        out = np.zeros(x.shape, g.dtype)
        flat = out.ravel()
        for position, value in np.ndenumerate(g):
            place = 0
            for axis in range(x.ndim):
                place = place * x.shape[axis] + (position[axis] if x.shape[axis] > 1 else 0)
            flat[place] += value
        return out

    return more


@overload(spread)
def _spread(g, axis, x):
    if x.ndim == 1:

        def one(g, axis, x):
            return np.full(x.size, g)

        return one
    if x.ndim == 2:

        def two(g, axis, x):
            out = np.empty(x.shape, g.dtype)
            for i in range(x.shape[0]):
                for j in range(x.shape[1]):
                    out[i, j] = g[j] if axis == 0 else g[i]
            return out

        return two

    def more(g, axis, x):
        out = np.empty(x.shape, g.dtype)
        source, flat = np.ascontiguousarray(g).ravel(), out.ravel()
        inner = 1
        for k in range(axis + 1, x.ndim):
            inner *= x.shape[k]
        for i in range(flat.size):
            flat[i] = source[(i // (inner * x.shape[axis])) * inner + i % inner]
        return out

    return more


@overload(scatter)
def _scatter(x, index, g):
    if isinstance(index.dtype, types.Boolean):
        if x.ndim != 1:
            return None

        def by_mask(x, index, g):
            out = np.zeros(x.shape, g.dtype)
            k = 0
            for i in range(index.size):
                if index[i]:
                    out[i] = g[k]
                    k += 1
            return out

        return by_mask

    def by_numbers(x, index, g):
        out = np.zeros(x.shape, g.dtype)
        for k in range(index.size):
            out[index[k]] += g[k]
        return out

    return by_numbers


@overload(scatter_elements)
def _scatter_elements(x, g, *index):
    if len(index) == 1:

        def one(x, g, *index):
            out = np.zeros(x.shape, g.dtype)
            i = np.broadcast_to(index[0], g.shape)
            for place in np.ndindex(g.shape):
                out[i[place]] += g[place]
            return out

        return one
    if len(index) == 2:

        def two(x, g, *index):
            out = np.zeros(x.shape, g.dtype)
            i, j = np.broadcast_to(index[0], g.shape), np.broadcast_to(index[1], g.shape)
            for place in np.ndindex(g.shape):
                out[i[place], j[place]] += g[place]
            return out

        return two
    if len(index) == 3:

        def three(x, g, *index):
            out = np.zeros(x.shape, g.dtype)
            i, j = np.broadcast_to(index[0], g.shape), np.broadcast_to(index[1], g.shape)
            k = np.broadcast_to(index[2], g.shape)
            for place in np.ndindex(g.shape):
                out[i[place], j[place], k[place]] += g[place]
            return out

        return three

    def four(x, g, *index):
        out = np.zeros(x.shape, g.dtype)
        i, j = np.broadcast_to(index[0], g.shape), np.broadcast_to(index[1], g.shape)
        k, m = np.broadcast_to(index[2], g.shape), np.broadcast_to(index[3], g.shape)
        for place in np.ndindex(g.shape):
            out[i[place], j[place], k[place], m[place]] += g[place]
        return out

    return four


@overload(kept)
def _kept(tape, top, x):
    n = x.ndim

    def keep_line(tape, top, x):
        size = top + x.size + 1
        if size > tape.size:
            tape = grown(tape, size)
        tape[top : size - 1] = x
        tape[size - 1] = x.size
        return tape, size

    if n == 1:
        return keep_line

    def keep(tape, top, x):
        size = top + x.size + n
        if size > tape.size:
            tape = grown(tape, size)
        for value in x.flat:
            tape[top] = value
            top += 1
        for axis in range(n):
            tape[top] = x.shape[axis]
            top += 1
        return tape, top

    return keep
