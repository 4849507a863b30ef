"""`minimize_many`: minimise one function from many starting points or for many data sets, on all cores."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from numgd.callables.objective import Functions, bind_compiled
from numgd.foundations.progress import Progress
from numgd.foundations.ranges import Flag, Tolerance
from numgd.foundations.status import RAISED, SUCCESSES, Status
from numgd.jit import background
from numgd.jit.arguments import Shared, row_of_args
from numgd.jit.threads import start, threads
from numgd.kernels.cpu.solvers.many_problems import Batch, scratch_many, solve_many
from numgd.kernels.machines import Drivers, on_device
from numgd.solve._many_on_device import check_arguments, solve_on_device, wanted_on_device
from numgd.solve._minimize import minimize
from numgd.solve.many_summary import summary
from numgd.solve.options import find_method, known_options, settings
from numgd.solve.plan import make_plan
from numgd.solve.points import real_dtype
from numgd.system.html import of_summary
from numgd.system.warn import warn_user


class ManyResult(NamedTuple):
    """Results of `minimize_many`: one row per problem."""

    x: Any  # (N, n) solutions
    fun: Any  # (N,) values
    jac: Any  # (N, n) gradients
    nit: Any  # (N,) iterations
    nfev: Any  # (N,) calls of the function
    njev: Any  # (N,) gradients
    nhev: Any  # (N,) calls of hess or hessp
    replaced: Any  # (N,) derivative entries from the source that were not finite and replaced by differences
    status: Any  # (N,) values of `numgd.Status`
    success: Any  # (N,) bool

    def __repr__(self):
        """Summary: how many problems were solved, how the others ended, and the spread of the values."""
        _, fun, _, nit, *_, status, success = map(np.asarray, map(_in_host_memory, self))
        return summary("ManyResult", "problems", success, "fun", fun, nit, status, Status)

    def _repr_html_(self):
        return of_summary(repr(self))


def _in_host_memory(array):
    """An array, or a copy of one that lives on a GPU."""
    return Drivers("memory").fetched(array)


def minimize_many(
    fun: Callable[..., Any],
    X0: ArrayLike,
    args: Any = (),
    method: str = "BFGS",
    jac: Callable[..., Any] | bool | str | None = None,
    hess: Any = None,
    hessp: Callable[..., Any] | None = None,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    shared: str | int | Sequence[str | int] = (),
    *,
    progress: Flag = False,
    time_limit: Tolerance | None = None,
    device: str | None = None,
) -> ManyResult:
    """Minimise one function from many starting points, or for many data sets, on all CPU cores or a GPU.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``, as for `minimize`.
    X0 : array_like of shape (N, n)
        One starting point per row; float32 is kept, every other real dtype becomes float64.
    args : tuple, optional
        Further arguments of `fun`.  Arrays vary along their first axis, of length N: problem i receives
        ``a[i]``.  An array that all problems share must be named in `shared`, or expanded to N entries by
        `numpy.broadcast_to`, which copies nothing.  All other arguments are the same for all problems.
    method, jac, hess, hessp, tol, options : optional
        As for `minimize`, with numgd's own methods only.  ``disp`` prints one summary; ``history`` and
        ``return_all`` are not available.
    shared : sequence of str or int, optional
        The args that are the same for all problems, whatever their shape: names of parameters of `fun`, or
        positions in `args`.
    progress : bool
        Whether to show how many problems are done, with the package tqdm.
    time_limit : float, optional
        Limit of the solving time in seconds.  Problems that are unfinished then end with `Status.TIME_LIMIT`
        at their best point so far; those not yet started keep their starting point, with value NaN.
    device : {None, 'cuda'}, optional
        ``'cuda'`` copies `X0` to the GPU, solves there and copies the results back; see the notes.  It is
        implied by an `X0` that lives on a GPU, as an array of Numba, CuPy or PyTorch.

    Returns
    -------
    ManyResult
        Arrays ``x, fun, jac, nit, nfev, njev, nhev, replaced, status, success``, one row per problem.  A
        failure is reported in the row of its problem and does not affect the others.  They are arrays of
        the kind of `X0`, and stay on the GPU if it lives there.

    Raises
    ------
    TypeError, ValueError
        For invalid input, before anything is evaluated; on a GPU also for a function that cannot be
        compiled for it.
    ImportError, RuntimeError
        If there is no GPU to use, saying what is missing.
    Exception
        Any exception that `fun` raises.  The other problems are then abandoned, as after Ctrl-C, within one
        call of `fun`.

    Notes
    -----
    The results do not depend on the number of threads.  If Numba cannot compile the function, the problems
    are solved one after the other.

    On a GPU, each thread solves one problem at a time, with the function compiled into the kernel.  It must
    be written as loops over elements (``for i in range(t.size)``), and allocate nothing but arrays of
    constant length.  Its gradient is made from its source; `jac` may be a function that returns a tuple of n
    numbers, by functions of `math`, True for one that returns value and tuple, ``'2-point'`` or
    ``'3-point'``.  Second derivatives
    are differences of the gradient, whose evaluations are not counted.  A value and its gradient are computed
    together, so `njev` is `nfev`, or 0 with differences.  Python floats in `args` get the dtype of `X0`.
    `hess`, `hessp`, `progress` and `time_limit` are not available, and an exception is not seen.

    Examples
    --------
    >>> import numgd, numba, numpy as np
    >>> @numba.njit
    ... def distance(x, centre):
    ...     return ((x - centre) ** 2).sum()
    >>> centres = np.arange(6.0).reshape(3, 2)
    >>> numgd.minimize_many(distance, np.zeros((3, 2)), args=(centres,)).x.round(6)
    array([[0., 1.],
           [2., 3.],
           [4., 5.]])

    Three straight lines through data at the same five times:

    >>> def misfit(x, y, t):
    ...     return np.sum((x[0] + x[1] * t - y) ** 2)
    >>> t, Y = np.arange(5.0), np.outer([1.0, 2.0, 3.0], np.arange(5.0))
    >>> numgd.minimize_many(misfit, np.zeros((3, 2)), args=(Y, t), shared=["t"]).x[:, 1].round(6)
    array([1., 2., 3.])
    """
    if not callable(fun):
        raise TypeError(f"fun must be callable; it is {fun!r}")
    on_gpu = wanted_on_device(X0, device)
    X: Any = X0 if on_gpu and on_device(X0) else starting_points(X0)
    args = args if isinstance(args, tuple) else (args,)
    args, varies = with_shared(args, shared, fun, len(X), on_gpu)
    options, disp = _own_options(options)
    method = find_method(method)
    if on_gpu:
        check_arguments(method, hess, hessp, progress, time_limit, options)
        found = ManyResult(*solve_on_device(fun, jac, X, args, method, tol, options, varies))
        if disp:
            _print_summary(ManyResult(*map(_in_host_memory, found)))
        return found
    functions = Functions(fun, jac, hess, hessp)
    with Progress(progress, time_limit, " problems", len(X)) as watched:
        found = _solve(functions, X, args, method, tol, options, varies, watched)
    if disp:
        _print_summary(found)
    return found


def _solve(functions, X, args, method, tol, options, varies, progress):
    fun, jac, hess, hessp = functions[:4]
    found = solve_rows(functions, X, args, method, tol, options, varies, progress)
    if isinstance(found, str):
        warn_user(f"{found}; the problems are solved one after the other")
    if found is None or isinstance(found, str):
        options, _ = known_options(method, options)  # it has warned of the others
        found = gather(
            minimize(
                fun, x, row_of_args(args, row) if varies else args, method.name, jac, hess, hessp, tol=tol,
                options=options, time_limit=left,
            )
            for row, x, left in one_by_one(X, progress)
        )  # fmt: skip
    return found


def one_by_one(starts, progress):
    """Yield the row number and the position of each start, and the seconds that are left."""
    for row, x in enumerate(starts):
        yield row, x, progress.left()
        progress.reach(row + 1)


def with_shared(args, shared, fun, count, on_gpu):
    """The args with the shared ones marked as such, and whether any of the others is an array.

    Raises an error that names the argument if an array is not shared and does not have `count` entries.
    """
    names = _names_of_args(fun)
    shared = {_position(place, names, len(args)) for place in _as_sequence(shared)}
    varies = False
    for k, value in enumerate(args):
        if on_device(value) and not on_gpu:
            raise ValueError(f"args[{k}] lives on a GPU, and X0 does not: give device='cuda', or copy it")
        if k in shared or not (isinstance(value, np.ndarray) or on_device(value)):
            continue
        varies = True
        if value.ndim == 0 or value.shape[0] != count:
            name = names[k] if k < len(names) else f"args[{k}]"
            place = repr(name) if k < len(names) else k
            raise ValueError(
                f"args[{k}] must have one entry for each of the {count} rows of X0; its shape is "
                f"{value.shape}: if all rows share it, give shared=[{place}], or "
                f"np.broadcast_to({name}, ({count}, *np.shape({name}))) in its place"
            )
    if not varies:
        return args, False
    return tuple(Shared(value) if k in shared else value for k, value in enumerate(args)), True


def _names_of_args(fun):
    """Names of a function's parameters after x, as far as they are known."""
    try:
        parameters = list(inspect.signature(getattr(fun, "py_func", fun)).parameters.values())[1:]
    except (TypeError, ValueError):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(parameter.name for parameter in parameters if parameter.kind in kinds)


def _as_sequence(shared):
    if isinstance(shared, str | Integral):
        return (shared,)
    try:
        return tuple(shared)
    except TypeError:
        raise TypeError(f"shared must be a sequence of names or positions; it is {shared!r}") from None


def _position(place, names, count):
    """The position in args that an entry of `shared` refers to."""
    if isinstance(place, str):
        if place in names[:count]:
            return names.index(place)
        raise ValueError(
            f"shared: fun has no parameter {place!r} in args; it has {', '.join(names) or 'none'}"
        )
    if isinstance(place, bool) or not isinstance(place, Integral):
        raise TypeError(f"shared must hold names or positions; it holds {place!r}")
    if not 0 <= place < count:
        raise ValueError(f"shared: there is no args[{place}]; args has {count}")
    return int(place)


def _own_options(options):
    """`without_disp`; raises for options that only make sense for a single solve."""
    for name in ("history", "return_all"):
        if isinstance(options, dict) and options.get(name):
            raise ValueError(f"option {name!r} is not available in minimize_many")
    return without_disp(options)


def without_disp(options):
    """The options without ``disp``, and its value."""
    if not isinstance(options, dict):
        return options, False  # None, or `settings` raises the error
    options = dict(options)
    return options, options.pop("disp", False)


def _print_summary(found):
    """Print one summary of all problems."""
    print(
        f"{np.count_nonzero(found.success)} of {len(found.x)} problems were solved.\n"
        f"         Iterations: {found.nit.sum():d}\n"
        f"         Function evaluations: {found.nfev.sum():d}\n"
        f"         Gradient evaluations: {found.njev.sum():d}"
    )


def starting_points(X0):
    """X0 as a contiguous array (N, n) of float64, or float32 if it was; raises if it cannot be one."""
    X = np.asarray(X0)
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X0 must be an array of real numbers; its dtype is {X.dtype}")
    if X.ndim != 2 or X.shape[1] == 0:
        raise ValueError(f"X0 must have shape (N, n) with n > 0; its shape is {X.shape}")
    return np.ascontiguousarray(X, real_dtype(X))


def solve_rows(given, starts, args, method, tol, options, varies, progress, box=None):
    """Minimise from every row of `starts` with one of numgd's methods, on all cores.

    Parameters
    ----------
    given : Functions
        The user's `fun`, `jac`, `hess` and `hessp`.
    starts : numpy.ndarray of shape (N, n)
    args : tuple
    method : Method
    tol, options : optional
        As for `minimize`.
    varies : bool
        Whether the arrays in args vary along their first axis instead of being the same for all rows.
    progress : Progress
    box : numpy.ndarray of shape (2, n), optional
        Lower and upper bounds.

    Returns
    -------
    ManyResult, str or None
        None if only `minimize` can solve the problems, as with ``hess_inv0``.  A `str`, which states the
        reason, if a function has to be called back.
    """
    count, n = starts.shape
    dtype = starts.dtype
    found = settings(method, dtype, tol, options)
    if count == 0:
        return _result(starts.copy(), np.empty(0, dtype), starts.copy(), np.empty((0, 6), np.int64))
    if found.driver is not None and found.driver["hess_inv0"] is not None:
        return None
    box = np.empty((2, 0), dtype) if box is None else box
    plan = make_plan(method, found, given, args, starts[0], box, varies)
    bound = bind_compiled(plan.functions, plan.scheme, plan.args, starts[0], varies)
    if isinstance(bound, str):
        return bound

    X, J = starts.copy(), np.full_like(starts, np.nan)
    values = np.full(count, np.nan, dtype)
    counts = np.zeros((count, 6), np.int64)
    counts[:, 0] = _NOT_DONE
    halt = np.zeros(1, np.int64)
    memory = scratch_many(method, threads(), n, plan.maxcor, dtype, plan.order)
    batch = Batch(
        plan.options, bound.address, bound.context, varies, halt, plan.scheme, plan.steps, plan.curvature, box
    )
    drive = solve_many(method, memory, batch)

    def work(rows=slice(None)):
        drive(X[rows], J[rows], values[rows], counts[rows], *memory, batch)

    def watch():
        progress.reach(np.count_nonzero(counts[:, 0] != _NOT_DONE))
        if progress.is_over():
            halt[0] = 1

    try:
        if progress.watches:
            # One-time setup must not count against the time limit.
            start()
            work(slice(0))
            progress.left()
        background.run(work, halt, watch if progress.watches else None)
    finally:
        bound.release()
    raised = np.flatnonzero(counts[:, 0] == RAISED)
    if raised.size:
        row = raised[0]
        _raise_again(given, J[row], row_of_args(args, row) if varies else args)
        minimize(
            given.fun, starts[row], row_of_args(args, row) if varies else args, method.name, given.jac,
            given.hess, given.hessp, bounds=box.T if box.size else None, tol=tol, options=options,
        )  # fmt: skip
        raise RuntimeError(
            f"a function raised an exception for problem {row}, and not when it was called again"
        )
    return _result(X, values, J, counts)


def _raise_again(functions, x, args):
    """Call the functions at the point where an exception was raised, so that it reaches the caller."""
    for function in functions[:3]:
        if callable(function):
            function(x.copy(), *args)


_NOT_DONE = -1
"""Status of an unfinished problem."""


def _result(X, values, J, counts):
    status = counts[:, 0]
    success = np.isin(status, list(SUCCESSES))
    return ManyResult(X, values, J, *counts.T[1:], status, success)


def gather(results):
    """Results of `minimize` as one `ManyResult`; what a SciPy method does not report is NaN or 0."""
    rows = [
        (
            result.x,
            result.x.dtype.type(result.fun),
            _gradient(result),
            *(result.get(name, 0) for name in ("nit", "nfev", "njev", "nhev")),
            sum(result.get("derivatives", {}).get("replaced", {}).values()),
            result.get("status", 0),
            bool(result.success and not np.isnan(result.fun)),
        )
        for result in results
    ]
    return ManyResult(*map(np.array, zip(*rows, strict=True)))


def _gradient(result):
    """The gradient in a result; SciPy's 'trust-constr' stores it under another name."""
    gradient = result.get("grad", result.get("jac"))
    return gradient if np.shape(gradient) == result.x.shape else np.full_like(result.x, np.nan)
