"""`minimize_many` on a CUDA device: one thread per problem, the function compiled into the kernel."""

from importlib import import_module

import numpy as np

from numgd.autodiff import NotDifferentiable
from numgd.callables.objective import scheme_of
from numgd.foundations.schemes import EXACT, JOINT, PAIR, THREE_POINT, TWO_POINT
from numgd.jit.arguments import Shared
from numgd.jit.compilable import error_line, name_of
from numgd.kernels.machines import on_device
from numgd.solve.options import settings
from numgd.solve.points import real_dtype


def wanted_on_device(X0, device):
    """Whether a call is for the device; raises for an unknown one."""
    if device is None:
        return on_device(X0)
    if device == "cuda":
        return True
    raise ValueError(f"device must be 'cuda' or None; it is {device!r}")


def check_arguments(method, hess, hessp, progress, time_limit, options):
    """Raise for what a kernel does not do, naming it."""
    if not method.on_device:
        raise ValueError(f"method {method.name!r} does not run on the device: {_WHY_NOT}")
    if not (hess is None and hessp is None):
        raise ValueError(
            "hess and hessp are not used on the device: second derivatives are differences of the gradient"
        )
    if progress:
        raise ValueError("progress is not available on the device: a kernel reports nothing until it ends")
    if time_limit is not None:
        raise ValueError("time_limit is not available on the device: a kernel cannot be stopped")
    for name in ("eps", "finite_diff_rel_step", "hess_inv0"):
        if isinstance(options, dict) and options.get(name) is not None:
            raise ValueError(f"option {name!r} is not available on the device")


_WHY_NOT = "its solver passes parts of its scratch memory between functions, which kernels cannot"


def starting_points_on_device(X0):
    """X0 as a contiguous device array (N, n) of float32 or float64, which is not written to."""
    target = _drivers("target")
    if not on_device(X0):
        X = np.asarray(X0)
        _check(X)
        return target.to_device(np.ascontiguousarray(X, real_dtype(X)))
    X = target.as_device("X0", X0)
    _check(X)
    if X.dtype not in (np.float32, np.float64):
        raise TypeError(f"X0 must be float32 or float64 on the device; its dtype is {X.dtype}")
    return X


def _check(X):
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X0 must be an array of real numbers; its dtype is {X.dtype}")
    if X.ndim != 2 or X.shape[1] == 0:
        raise ValueError(f"X0 must have shape (N, n) with n > 0; its shape is {X.shape}")


def solve_on_device(fun, jac, X0, args, method, tol, options, varies, box=None):
    """Minimise from every row of X0, on the device.

    Parameters
    ----------
    fun, jac : callable and callable, str, bool or None
    X0 : array of shape (N, n)
        In the host's memory or on the device.
    args : tuple
        Shared ones are `Shared`; other arrays vary along their first axis.
    method : Method
    tol, options : optional
        As for `minimize`.
    varies : bool
        Whether any of the args does.
    box : numpy.ndarray of shape (2, n), optional
        Lower and upper bounds.

    Returns
    -------
    tuple
        The fields of `ManyResult`: arrays of the kind of X0.
    """
    _drivers("check").check_device()
    many, target = _drivers("solvers.many_problems"), _drivers("target")
    starts = starting_points_on_device(X0)
    count, n = starts.shape
    dtype = np.dtype(starts.dtype)
    found = settings(method, dtype, tol, options)
    X, J = many.copied(starts), target.to_device(np.full((count, n), np.nan, dtype))
    values = target.empty((count,), dtype)
    counts = target.empty((count, 3), np.int64)
    objective = None
    if count:
        sample, places, given = _placed(args, varies, dtype, X0)
        first = np.array(target.fetch(starts[:1]), copy=True).reshape(n)
        objective = _objective(fun, jac, first, sample)
        _run(fun, method, objective, starts, X, J, values, counts, found, places, given, sample, first, box)
    calls, gradients = (1, 1) if objective is None else (objective.calls, objective.gradients)
    nit, nfev, njev, none, status, success = many.counted(counts, calls, gradients)
    fields = (X, values, J, nit, nfev, njev, none, none, status, success)
    if on_device(X0):
        return tuple(target.in_kind(field, X0) for field in fields)
    return tuple(target.fetch(field) for field in fields)


def _run(fun, method, objective, starts, X, J, values, counts, found, places, given, sample, first, box):
    """Solve; again with a longer tape of gradients if it turns out to be too short for some problem."""
    many, target, row_of_args, objectives, memory = (
        _drivers("solvers.many_problems"), _drivers("target"), _drivers("solvers.row_of_args"),
        _drivers("solvers.objectives"), _drivers("memory"),
    )  # fmt: skip
    count, n = X.shape
    bounds = target.to_device(np.empty((2, 0), X.dtype) if box is None else np.asarray(box, X.dtype))
    drive = many.solve_many(method, objective.function)
    length = objectives.tape_at(objective, first, sample)
    rows = many.rows_of(method)(n, found.maxcor) + many.OWN_ROWS
    while True:
        lanes = many.lanes_for(count, rows * n + length, X.dtype)
        work = many.scratch_many(method, count, n, found.maxcor, X.dtype, lanes)
        own, own_places = (), ()
        if objective.taped:
            needed = target.to_device(np.zeros(1, np.int64))
            own = target.empty((max(1, length), lanes), X.dtype), needed
            own_places = row_of_args.LANE, row_of_args.SHARED
        try:
            drive(X, J, work, found.options, (*own, *given), bounds, values, counts, (*own_places, *places))
        except Exception as error:
            if not _of_the_compiler(error):
                raise
            raise TypeError(f"{name_of(fun)} cannot run on the device: {error_line(error)}") from error
        longest = int(target.fetch(needed)[0]) if objective.taped else 0
        if longest <= max(1, length):
            return
        length = 2 * longest
        memory.copy(starts, X)


def _of_the_compiler(error):
    """Whether an error says that Numba cannot compile something, unlike one of the driver."""
    module = type(error).__module__
    return module.startswith("numba.") and module.endswith(".errors")


def _objective(fun, jac, x, args):
    """The objective for kernels of a user's function."""
    objectives = _drivers("solvers.objectives")
    scheme = scheme_of(jac)
    if hasattr(fun, "value_and_gradient"):
        raise TypeError("fun cannot run on the device in minimize_many: it is an object, not a function")
    if scheme == EXACT:
        return objectives.by_functions(fun, jac, x, args)
    if scheme == JOINT:
        return objectives.by_joint(fun, x, args)
    if scheme in (TWO_POINT, THREE_POINT):
        return objectives.by_differences(fun, scheme == THREE_POINT, x, args)
    if scheme != PAIR:
        raise ValueError("jac='cs' does not run on the device: give None, '2-point' or '3-point'")
    try:
        return objectives.by_source(fun, x, args)
    except NotDifferentiable as error:
        raise TypeError(
            f"{name_of(fun)} cannot run on the device with a gradient from its source: {error} "
            "(kernels need loops over elements, whose source is found; or give jac)"
        ) from error


def _placed(args, varies, dtype, X0):
    """The args of the first problem on the host, where problems find theirs, and the args on the device."""
    many, target, row_of_args = (
        _drivers("solvers.many_problems"), _drivers("target"), _drivers("solvers.row_of_args")
    )  # fmt: skip
    sample, places, given = [], [], []
    for k, value in enumerate(args):
        shared = isinstance(value, Shared)
        value = value.value if shared else value
        if not (isinstance(value, np.ndarray) or on_device(value)):
            number = _plain(k, value, dtype)
            sample.append(number)
            places.append(row_of_args.SHARED)
            given.append(number)
            continue
        if isinstance(value, np.ndarray) and value.dtype.kind not in "fiub":
            raise TypeError(f"args[{k}] must hold real numbers on the device; its dtype is {value.dtype}")
        if isinstance(value, np.ndarray) and not shared and value.ndim > 1 and value.strides[0] == 0:
            value, shared = value[0], True
        there = target.as_device(f"args[{k}]", value) if on_device(value) else target.to_device(value)
        if shared:
            sample.append(target.fetch(there))
            places.append(row_of_args.SHARED)
            given.append(there)
            continue
        sample.append(target.fetch(there[:1])[0])
        places.append(row_of_args.ROW if there.ndim == 1 else row_of_args.COLUMN)
        given.append(there if there.ndim == 1 else many.by_columns(there))
    return tuple(sample), tuple(places), tuple(given)


def _plain(k, value, dtype):
    """A number among the args; a Python float gets the dtype of X0, as in arithmetic with arrays of it."""
    if isinstance(value, bool | int | np.bool_ | np.integer | np.floating) and not isinstance(value, float):
        return value
    if isinstance(value, float):
        return dtype.type(value)
    if isinstance(value, tuple):
        return tuple(_plain(k, part, dtype) for part in value)
    raise TypeError(
        f"args[{k}] must be a real number, a tuple of them or an array on the device; it is {value!r}"
    )


def _drivers(name):
    """A module of the device's drivers, which are imported when they are first used."""
    return import_module(f"numgd.kernels.cuda.{name}")
