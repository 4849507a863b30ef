"""One problem on a device: the solver runs interpreted on the host, its vectors are the device's.

Counterpart of `kernels.cpu.solvers.one_problem`.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from numgd.foundations.curvature import difference_step, make_differences
from numgd.foundations.evaluator import CARRIED, Evaluator, not_provided
from numgd.foundations.status import INVALID_INPUT, Outcome
from numgd.kernels.cuda import target, vector_kernels
from numgd.kernels.cuda.vectors import DEVICE, Rows, Solve, copy, max_abs
from numgd.kernels.machines import on_device

OWN_ROWS = 5
"""Vectors beside those of a method: the user's argument, a kept gradient, two of differences, a direction."""


class Functions(NamedTuple):
    """The user's functions of device arrays."""

    fun: Any  # fun(x, *args) -> value; with `joint`, -> (value, gradient)
    jac: Any = None  # jac(x, *args) -> gradient
    hessp: Any = None  # hessp(x, p, *args) -> product
    pair: Any = None  # pair(x, out, *args) -> value; writes the gradient to out
    joint: bool = False
    args: tuple = ()


class Problem:
    """A problem over the vectors of a `Solve`: calls and counts the user's functions.

    Parameters
    ----------
    solve : Solve
    functions : Functions
    in_kind : callable
        ``in_kind(array)``: a device array as one of the library whose arrays the functions take.
    box : tuple of Vector
        Lower and upper bounds, empty without.
    hook : callable or None
        ``hook(iteration)``, called at the start and in every iteration; a true result stops the solver.
    """

    def __init__(self, solve, functions, in_kind, box, hook=None):
        self.solve, self.functions, self.in_kind, self.box, self.hook = solve, functions, in_kind, box, hook
        self.rows = Rows(solve, OWN_ROWS)
        self.nfev = self.njev = self.nhev = 0
        self.f = None
        self._errors = np.geterr()

    def call(self, function, *arguments):
        """Call the user's function with NumPy's error handling as it was; its arguments are complete."""
        self.solve.launch_pending()
        with np.errstate(**self._errors):
            return function(*arguments, *self.functions.args)

    def argument(self, x, row=0):
        """A copy of a vector for the user's function, which may overwrite it."""
        out = self.rows[row]
        copy(out, x)
        return self.in_kind(out.array)

    def both(self, x, g):
        """The value at x; the gradient is written to g."""
        self.nfev, self.njev = self.nfev + 1, self.njev + 1
        functions = self.functions
        if functions.pair is not None:
            return self.number(self.call(functions.pair, self.argument(x), self.in_kind(g.array)))
        answer = self.call(functions.fun, self.argument(x))
        try:
            f, gradient = answer
        except (TypeError, ValueError):
            raise TypeError(
                f"fun must return (value, gradient) when jac is True; it returned {described(answer)}"
            ) from None
        f = self.number(f)
        self.take(g, gradient, "fun", "gradient")
        return f

    def value_alone(self, x):
        """The value at x."""
        self.nfev += 1
        return self.number(self.call(self.functions.fun, self.argument(x)))

    def gradient_alone(self, x, g):
        """Write the gradient at x to g."""
        self.njev += 1
        self.take(g, self.call(self.functions.jac, self.argument(x)), "jac", "gradient")

    @property
    def together(self):
        """Whether value and gradient come from one call."""
        return self.functions.joint or self.functions.pair is not None

    def take(self, out, answer, name, what):
        """out = a vector that the user's function returned."""
        if not on_device(answer):
            raise TypeError(
                f"{name} must return a {what} on the device, as x is; it returned {described(answer)}"
            )
        array = target.as_device(f"the {what} that {name} returns", answer)
        if array.dtype != self.solve.dtype:
            raise TypeError(
                f"{name} must return a {what} of dtype {self.solve.dtype}, as x0; "
                f"it returned {described(array)}"
            )
        if array.size != self.solve.size:
            raise ValueError(
                f"{name} must return a {what} of length {self.solve.size}; it returned {described(array)}"
            )
        copy(out, self.solve.vector(array.reshape(array.size)))

    def number(self, value):
        """A value that the user's function returned; one that is on the device stays there."""
        if on_device(value):
            array = target.as_device("the value that fun returns", value)
            if array.size != 1 or array.dtype.kind not in "fiu":
                raise ValueError(
                    "The user-provided objective function must return a scalar value. "
                    f"fun returned {described(array)}."
                )
            made = self.solve.place()
            arguments = self.solve.numbers, made.index, target.extended(array, 1)
            target.launch(vector_kernels.take_number, (1, 1), *arguments)
            return made
        if hasattr(value, "item"):
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, float | int):
            raise TypeError(f"fun must return a real number; it returned {described(value)}")
        return self.solve.dtype.type(value)


def described(value):
    """A returned value in an error message."""
    if value is None:
        return "None: has it a `return`?"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        place = "on the device" if on_device(value) else "in the host's memory"
        return f"an array of shape {tuple(value.shape)} and dtype {value.dtype} {place}"
    return f"{value!r:.60} ({type(value).__name__})"


# The evaluator ----------------------------------------------------------------------------------------------


def evaluate(problem, x, g):
    """The value at x; the gradient is written to g, where the value is finite."""
    if problem.together:
        return problem.both(x, g)
    f = problem.value_alone(x)
    if abs(f) < np.inf:
        problem.gradient_alone(x, g)
    return f


def value(problem, x):
    """The value at x; a gradient that comes with it is kept."""
    return problem.both(x, problem.rows[1]) if problem.together else problem.value_alone(x)


def gradient(problem, x, g):
    """Write the gradient to g, at the point of the last `value`."""
    if problem.together:
        copy(g, problem.rows[1])
    else:
        problem.gradient_alone(x, g)


def slopes(problem, x, g):
    """Write the gradient to g, at a point whose value is not needed."""
    if problem.together:
        problem.both(x, g)
    else:
        problem.gradient_alone(x, g)


def _difference_rows(problem):
    return problem.rows[2], problem.rows[3]


_, along = make_differences(DEVICE, slopes, _difference_rows)


def product(problem, x, g, p, out):
    """out = ∇²f(x) p, by the user's function or from differences of the gradient."""
    if problem.functions.hessp is None:
        along(problem, x, g, difference_step(x, False, False), False, p, out)
        return
    problem.nhev += 1
    answer = problem.call(problem.functions.hessp, problem.argument(x), problem.argument(p, 4))
    problem.take(out, answer, "hessp", "product")


def observe(problem, iteration, f):
    """Report an iteration to the hook, if there is one."""
    if problem.hook is None:
        return 0
    problem.f = f
    problem.solve.launch_pending()
    return int(problem.hook(iteration))


def bounds(problem):
    """The box that a problem's variables must stay in."""
    return problem.box


EVALUATOR = Evaluator(
    evaluate, value, gradient, not_provided, not_provided, product, not_provided, observe, bounds
)


@cache
def entry(method):
    """The solver of a method over a device's vectors.

    ``entry(method)(problem, x, work, options)`` overwrites the `Vector` x with the solution and row 0 of
    `work`, from `scratch`, with the gradient there, and returns an `Outcome`.
    """
    solver = method.make_solver(DEVICE, EVALUATOR)

    def solve(problem, x, work, options):
        carry = np.full(CARRIED, np.nan, x.dtype)
        with np.errstate(all="ignore"):
            if not max_abs(x) < np.inf:
                return Outcome(INVALID_INPUT, 0, 0, x.dtype.type(np.nan), 0)
            outcome = solver(problem, x, work, carry, options, 0)
            x.solve.launch_pending()
            return outcome._replace(f=float(outcome.f))

    return solve


def scratch(method, solve, maxcor):
    """Scratch memory for `entry`; its rows are allocated when they are first used."""
    return Rows(solve, method.rows(solve.size, maxcor))


def start(x0):
    """A `Solve`, a copy of the starting point as a `Vector` of it, and a function ``in_kind(array)``.

    The last one makes a device array one of the library that x0 is of.

    Raises TypeError or ValueError if x0 is not a contiguous vector of float32 or float64.
    """
    array = target.as_device("x0", x0)
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"x0 must be float32 or float64 on a device; its dtype is {array.dtype}")
    if len(array.shape) != 1:
        raise ValueError(f"'x0' must only have one dimension. Its shape is {tuple(array.shape)}.")
    if array.size == 0:
        raise ValueError("x0 must not be empty")
    solve = Solve(int(array.size), array.dtype)
    x = solve.vector()
    copy(x, solve.vector(array))
    solve.launch_pending()
    return solve, x, partial(target.in_kind, like=x0)


def sides(solve, box):
    """Bounds (2, n), or (2, 0), of the host as vectors."""
    return tuple(solve.vector(target.to_device(side)) for side in box)


def copied(in_kind, vector):
    """A copy of a `Vector` as an array of the user's library."""
    out = vector.solve.vector()
    copy(out, vector)
    vector.solve.launch_pending()
    return in_kind(out.array)
