"""The vector space of a device: vectors that never leave it, for solvers that run interpreted.

Two things keep the traffic small without the solvers knowing of it.  A sum stays on the device as a `Scalar`
until the solver looks at its value; coefficients of later kernels are read there, so the recursion of L-BFGS
runs without waiting for a number.  And the last linear combination is launched only when something needs it: a
scaling or a sum over its result then joins the same pass.
"""

import operator
from typing import Any, NamedTuple
from weakref import WeakSet

import numpy as np

from numgd.foundations.spaces import Space
from numgd.kernels.cuda import target, vector_kernels

ZERO, ONE = 0, 1
"""Places of these numbers among the numbers of a `Solve`."""

CAPACITY = 512
"""Numbers that stay on the device at a time."""


class Solve:
    """What the vectors of one solve share: numbers on the device, scratch memory, and the pending combination.

    Parameters
    ----------
    size : int
        Length of the vectors.
    dtype : numpy.dtype
    """

    def __init__(self, size, dtype):
        self.size, self.dtype = size, np.dtype(dtype)
        first = np.zeros(CAPACITY, self.dtype)
        first[ONE] = 1
        self.numbers = target.to_device(first)
        self.partial = target.empty((2, target.MOST_BLOCKS), np.float64)
        self.partial_real = target.empty((2, target.MOST_BLOCKS), self.dtype)
        self.arrived = target.to_device(np.zeros(2, np.int32))
        self.unit = Coefficient(self.dtype.type(1), ONE, ZERO, 0)
        self.pending: Combination | None = None
        self._free = list(range(CAPACITY - 1, ONE, -1))
        self._unread: WeakSet = WeakSet()

    def vector(self, array=None):
        """A `Vector` over a device array, by default a new one."""
        return Vector(self, target.empty(self.size, self.dtype) if array is None else array)

    def place(self):
        """A free place for a number, as a `Scalar` that is its value."""
        if not self._free:
            self.fetch()
        place = Place(self, self._free.pop())
        self._unread.add(place)
        return Scalar(place, None, self.dtype.type(1), False)

    def release(self, index):
        """Let a place be used again."""
        self._free.append(index)

    def fetch(self):
        """Read all numbers that are on the device: this waits for it."""
        if self.pending is not None and self.pending.held:
            self.launch_pending()  # its coefficients give up their places
        values = target.fetch(self.numbers)
        for place in list(self._unread):
            place.take(values[place.index])
        self._unread.clear()

    def coefficient(self, a):
        """A number or a `Scalar` as a `Coefficient`."""
        if isinstance(a, Scalar) and not a.known:
            return a.coefficient()
        return Coefficient(self.dtype.type(value_of(a)), ONE, ZERO, 0)

    def shape(self, together=target.LANES):
        """Blocks and threads of a kernel over the vectors whose threads access some elements together."""
        return target.launch_shape((self.size + together - 1) // together)

    def fours(self, *vectors):
        """Groups of four numbers that may be accessed at once."""
        return self.size // target.LANES if all(vector.aligned for vector in vectors) else 0

    def plan(self, out, a, u, b=None, v=None, held=()):
        """Let out = a u + b v follow; it is launched when something needs it."""
        self.launch_pending()
        self.pending = Combination(out, a, u, b, v, held)

    def launch_pending(self):
        """Launch the pending combination, if there is one."""
        if self.pending is not None:
            self._launch(self.pending)
            self.pending = None

    def pending_dot(self, z):
        """Launch the pending combination together with the sum of products of its result and z."""
        made = self.place()
        pending, self.pending = self.pending, None
        assert pending is not None
        self._launch(pending, z, made)
        return made

    def _launch(self, combination, z=None, made=None):
        """Launch a combination; with a place also the sum of products of its result and z."""
        out, a, u, b, v, _ = combination
        terms = (out, u) if v is None else (out, u, v)
        arguments = [*(term.array for term in terms), self.numbers, *a, *(() if v is None else b)]
        if made is None:
            kernel = vector_kernels.scaled if v is None else vector_kernels.combined
        else:
            kernel = vector_kernels.scaled_dot if v is None else vector_kernels.combined_dot
            arguments += [z.array, int(z is out), self.partial, self.arrived, made.index]
            terms = (*terms, z)
        target.launch(kernel, self.shape(), *arguments, self.fours(*terms))

    def sum(self, kernel, arguments, vectors):
        """Launch a kernel of a sum over vectors, which is returned."""
        made = self.place()
        target.launch(
            kernel, self.shape(), *arguments, self.numbers, self.partial, self.arrived, made.index,
            self.fours(*vectors),
        )  # fmt: skip
        return made


class Coefficient(NamedTuple):
    """How a kernel computes a coefficient: see `vector_kernels.coefficient`."""

    factor: Any
    plus: int
    minus: int
    inverse: int

    @property
    def known(self):
        """Whether it does not depend on results that are on the device."""
        return self.plus == ONE


class Combination(NamedTuple):
    """out = a u + b v, or a u if v is None; `held` are the scalars whose places the coefficients refer to."""

    out: Any
    a: Any
    u: Any
    b: Any
    v: Any
    held: tuple


class Vector:
    """A vector of a device, of the length and dtype of its `Solve`."""

    __slots__ = ("aligned", "array", "dtype", "itemsize", "shape", "size", "solve")

    def __init__(self, solve, array):
        self.solve, self.array = solve, array
        self.size, self.dtype = int(array.size), solve.dtype
        self.shape, self.itemsize = (self.size,), solve.dtype.itemsize
        self.aligned = target.can_load4(array) if self.size else True

    def __setitem__(self, i, value):
        self.solve.launch_pending()
        target.launch(vector_kernels.set_number, (1, 1), self.array, i, self.dtype.type(value))


class Rows:
    """Rows of scratch memory: vectors that are allocated when they are first used, or numbers of the host.

    ``rows[i]`` is a `Vector`, ``rows[i:j]`` shares its memory, ``rows[i, j]`` is a number that the solver keeps.
    """

    def __init__(self, solve, count):
        self._solve = solve
        self._cells, self._numbers, self._range = {}, {}, range(count)
        self.dtype = solve.dtype

    @property
    def shape(self):
        """Number of rows, and the length of each."""
        return len(self._range), self._solve.size

    def __getitem__(self, key):
        if isinstance(key, slice):
            part = object.__new__(Rows)
            part.__dict__.update(self.__dict__, _range=self._range[key])
            return part
        if isinstance(key, tuple):
            return self._numbers[self._range[key[0]], key[1]]
        row = self._range[key]
        if row not in self._cells:
            self._cells[row] = self._solve.vector()
        return self._cells[row]

    def __setitem__(self, key, value):
        self._numbers[self._range[key[0]], key[1]] = value


# Numbers on the device --------------------------------------------------------------------------------------


class Place:
    """Where a number is on the device; its value in the host's memory once it was fetched."""

    __slots__ = ("__weakref__", "index", "solve", "value")

    def __init__(self, solve, index):
        self.solve, self.index, self.value = solve, index, None

    def take(self, value):
        """Keep the value, and give up the place."""
        self.value = value
        self.solve.release(self.index)

    def read(self):
        """The value."""
        if self.value is None:
            self.solve.fetch()
        return self.value

    def __del__(self):
        if self.value is None:
            self.solve.release(self.index)


class Scalar:
    """A number that stays on the device until its value is needed: factor (plus − minus), or factor / plus.

    Negation, multiples, differences and reciprocals stay there too; everything else takes the value, a NumPy
    scalar.
    """

    __slots__ = ("_factor", "_inverse", "_minus", "_plus")
    __array_ufunc__ = None  # NumPy's scalars leave operations to this class

    def __init__(self, plus, minus, factor, inverse):
        self._plus, self._minus, self._factor, self._inverse = plus, minus, factor, inverse

    @property
    def known(self):
        """Whether the value is in the host's memory."""
        return self._plus.value is not None and (self._minus is None or self._minus.value is not None)

    @property
    def index(self):
        """The place of a number that was just made."""
        return self._plus.index

    @property
    def value(self):
        """The value."""
        value = self._plus.read()
        if self._minus is not None:
            value = value - self._minus.read()
        return self._factor / value if self._inverse else self._factor * value

    def coefficient(self):
        """The number as kernels take it, in part or in whole from the device."""
        if self._plus.value is not None or (self._minus is not None and self._minus.value is not None):
            return Coefficient(self.value, ONE, ZERO, 0)  # a part has already been fetched
        minus = ZERO if self._minus is None else self._minus.index
        return Coefficient(self._factor, self._plus.index, minus, int(self._inverse))

    @property
    def _plain(self):
        return self._minus is None and not self._inverse and self._factor == 1

    def __neg__(self):
        return Scalar(self._plus, self._minus, -self._factor, self._inverse)

    def __sub__(self, other):
        if isinstance(other, Scalar) and self._plain and other._plain and not (self.known or other.known):
            return Scalar(self._plus, other._plus, self._factor, False)
        return self.value - value_of(other)

    def __rtruediv__(self, other):
        if self._plain and not self.known and not isinstance(other, Scalar):
            return Scalar(self._plus, None, self._factor.dtype.type(other), True)
        return value_of(other) / self.value

    def __float__(self):
        return float(self.value)

    def __abs__(self):
        return abs(self.value)

    def __bool__(self):
        return bool(self.value)

    __hash__ = None  # type: ignore[assignment]


def value_of(number):
    """The value of a number or a `Scalar`."""
    return number.value if isinstance(number, Scalar) else number


def _by_values(name, swapped):
    """An operation of `Scalar` on the values."""
    compute = getattr(operator, name)

    def operate(self, other):
        if swapped:
            return compute(value_of(other), self.value)
        return compute(self.value, value_of(other))

    return operate


for _name in ("add", "mul", "truediv", "pow", "lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Scalar, f"__{_name}__", _by_values(_name, False))
for _name in ("add", "sub", "mul", "pow"):
    setattr(Scalar, f"__r{_name}__", _by_values(_name, True))


# The space --------------------------------------------------------------------------------------------------


def dot(x, y):
    """Σ xᵢ yᵢ."""
    solve = x.solve
    if solve.pending is not None:
        if y is solve.pending.out:
            return solve.pending_dot(x)
        if x is solve.pending.out:
            return solve.pending_dot(y)
    return solve.sum(vector_kernels.dot, (x.array, y.array), (x, y))


def max_abs(x):
    """max |xᵢ|, NaN if any is NaN."""
    solve = x.solve
    solve.launch_pending()
    made = solve.place()
    target.launch(
        vector_kernels.max_abs, solve.shape(), x.array, solve.numbers, solve.partial_real, solve.arrived,
        made.index, solve.fours(x),
    )  # fmt: skip
    return made


def power_sum(x, order):
    """Σ |xᵢ|^order."""
    x.solve.launch_pending()
    return x.solve.sum(vector_kernels.power_sum, (x.array, x.dtype.type(order)), (x,))


def copy(out, x):
    """out = x."""
    out.solve.plan(out, out.solve.unit, x)


def _held(*numbers):
    """Those numbers that are on the device."""
    return tuple(number for number in numbers if isinstance(number, Scalar) and not number.known)


def _one_known_term(solve, out):
    """The pending combination if it is out = a u with a known a, so that more can be done in the same pass."""
    pending = solve.pending
    single = pending is not None and pending.out is out and pending.v is None and pending.a.known
    return pending if single else None


def scale(x, a):
    """x = a x."""
    solve = x.solve
    held, a, before = _held(a), solve.coefficient(a), _one_known_term(solve, x)
    if before is not None:
        solve.pending = before._replace(a=a._replace(factor=a.factor * before.a.factor), held=held)
    else:
        solve.plan(x, a, x, held=held)


def axpy(y, a, x):
    """y = y + a x."""
    combine(y, y.dtype.type(1), a, x)


def step(out, x, a, p):
    """out = x + a p."""
    out.solve.plan(out, out.solve.unit, x, out.solve.coefficient(a), p, _held(a))


def combine(y, a, b, x):
    """y = a y + b x."""
    solve = y.solve
    held = _held(a, b)
    a, b, before = solve.coefficient(a), solve.coefficient(b), _one_known_term(solve, y)
    if before is not None and x is not y:
        solve.pending = Combination(y, a._replace(factor=a.factor * before.a.factor), before.u, b, x, held)
    else:
        solve.plan(y, a, y, b, x, held)


def form(function):
    """The form of a solver's own function, or factory of functions, over the vectors of a device."""
    from numgd.kernels.cuda.vector_forms import FORMS

    return FORMS[function]


DEVICE = Space(dot, max_abs, power_sum, copy, scale, axpy, step, combine, form)
