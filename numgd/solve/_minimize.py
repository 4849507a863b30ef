"""`minimize`: SciPy's front door to numgd's solvers."""

import numpy as np

from numgd.callables.objective import Functions, bind, choose, with_replaced
from numgd.foundations.memory import hessian_memory
from numgd.foundations.progress import UNWATCHED, Progress
from numgd.foundations.ranges import Flag, Tolerance
from numgd.foundations.schemes import (
    EXACT,
    FULL_HESSIAN,
    JOINT,
    PAIR,
    THREE_POINT,
    TWO_POINT,
    WITH_ABSOLUTE_STEPS,
    two_sided,
)
from numgd.foundations.status import CALLBACK, INVALID_INPUT, MESSAGES, SUCCESSES, TIME_LIMIT, UNLIMITED
from numgd.jit.pointers import HOLDS_GIL
from numgd.jit.portable import check_compilation
from numgd.kernels.cpu.solvers.one_problem import (
    ASYMMETRY,
    HOST_ROWS,
    NFEV,
    NHEV,
    NJEV,
    REPLACED,
    REPLACED_CURVATURE,
    REPORT_SIZE,
    entry,
    scratch,
)
from numgd.solve.observer import Observer
from numgd.solve.options import UNBOUNDED_FORM, known_options, method_name, own_method, settings
from numgd.solve.scipy_fallback import minimize_by_scipy
from numgd.solve.warm_start import State, remember_state, resume
from numgd.system.warn import warn_user

THREADED_FROM = 100_000
"""Length of x from which the vector operations of methods without a matrix use all cores."""

_NO_STEPS = {np.dtype(kind): np.empty(0, kind) for kind in (np.float64, np.float32)}


def starting_point(x0):
    """A contiguous copy of x0 as 1-D float64 (float32 where it was); raises for what is no such vector."""
    x = np.asarray(x0)
    if x.dtype.kind not in "fiub":
        if x.dtype.kind == "c":
            raise TypeError("x0 must be real; it is complex")
        raise TypeError(f"x0 must be an array of real numbers; its dtype is {x.dtype}")
    if x.ndim > 1:
        raise ValueError(f"'x0' must only have one dimension. Its shape is {x.shape}.")
    if x.size == 0:
        raise ValueError("x0 must not be empty")
    return np.array(x, real_dtype(x), copy=True, order="C", ndmin=1)


def real_dtype(x):
    """The dtype in which a problem is solved from points given as `x`: float32 where it is, in any order."""
    return np.float32 if x.dtype.kind == "f" and x.dtype.itemsize == 4 else np.float64


def earlier_result(x0):
    """`x0` if it is a result to go on from, else None; an array or a series with a label `x` is none."""
    return x0 if hasattr(x0, "x") and not hasattr(x0, "__array__") else None


def difference_steps(scheme, x, absolute, relative):
    """Steps of a difference scheme, one a variable, and the scheme with them absolute or relative.

    Where none are given, they are empty, and the scheme is as it was.
    """
    if scheme not in (TWO_POINT, THREE_POINT):
        return _NO_STEPS[x.dtype], scheme
    name, value = "eps", absolute
    if relative is not None:
        name, value = "finite_diff_rel_step", relative
    if value is None:
        return _NO_STEPS[x.dtype], scheme
    steps = np.asarray(value, x.dtype)
    if steps.shape not in ((), (1,), x.shape) or not np.all(np.isfinite(steps)) or np.any(steps == 0):
        raise ValueError(f"option {name!r} must be non-zero, finite, and one number or one a variable")
    steps = np.array(np.broadcast_to(steps, x.shape))
    return steps, scheme if relative is not None else WITH_ABSOLUTE_STEPS[scheme]


def prepare_differences(scheme, x, driver, limits):
    """Steps, scheme and limits of a solve that may take its gradient by differences.

    The solver limits points; the caller's ``maxfun`` limits calls, of which a point then takes several.
    """
    if scheme in (EXACT, JOINT, PAIR):
        return _NO_STEPS[x.dtype], scheme, limits
    driver = driver or {}
    steps, scheme = difference_steps(scheme, x, driver.get("eps"), driver.get("finite_diff_rel_step"))
    if getattr(limits, "maxfun", UNLIMITED) < UNLIMITED:
        calls = 1 + x.size * (2 if two_sided(scheme) else 1)
        limits = limits._replace(maxfun=max(1, limits.maxfun // calls))
    return steps, scheme, limits


def minimize(
    fun,
    x0,
    args=(),
    method=None,
    jac=None,
    hess=None,
    hessp=None,
    bounds=None,
    constraints=(),
    tol=None,
    callback=None,
    options=None,
    *,
    progress: Flag = False,
    time_limit: Tolerance | None = None,
):
    """Minimise a scalar function of one or more variables.

    The signature, the defaults and the result are those of `scipy.optimize.minimize`.  A plain or
    ``@njit`` function that Numba can compile is compiled; the solver is compiled once for all functions.
    Can be called from ``@njit`` code too (see Notes).

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``, or ``-> (float, gradient)`` with ``jac=True``.  x is a 1-D array of n
        values that the function may overwrite.  A plain function is compiled, with the plain functions that
        it calls, if it refers to nothing that could change later (module-level scalars yes, arrays no: pass
        data through `args`); otherwise, and where Numba cannot compile it, it is called back.  Numbers that
        it refers to may differ from call to call, as in a loop over closures.
    x0 : array_like of shape (n,), or a result
        Starting point, finite; float32 is kept, every other real dtype becomes float64.  A result of an
        earlier call goes on from its point: with the same method bit for bit as if it had not stopped.
    args : tuple, optional
        Further arguments of `fun`, `jac`, `hess` and `hessp`, of any type.  Compiled code sees arrays of
        another byte order as copies, which it cannot write to.
    method : str, optional
        Case does not matter; default ``'bfgs'``, with bounds ``'l-bfgs-b'``.

        - gradient alone: ``'steepest-descent'``; ``'cg'`` (Polak-Ribière+), ``'cg-fr'``
          (Fletcher-Reeves), ``'cg-hs'`` (Hestenes-Stiefel), ``'cg-dy'`` (Dai-Yuan), ``'cg-hz'``
          (Hager-Zhang); ``'bfgs'``, ``'dfp'``, ``'broyden'`` (option ``phi``), ``'sr1'``; ``'l-bfgs'``;
        - bounds: ``'l-bfgs-b'`` (without bounds it is ``'l-bfgs'``);
        - a smooth function plus ``l1 ‖x‖₁ + ½ l2 ‖x‖²``, the options ``l1`` and ``l2``, with bounds or
          without: ``'owl-qn'``, ``'fista'``;
        - Hessian: ``'newton'``, ``'trust-exact'``, ``'dogleg'``; its products alone: ``'newton-cg'``,
          ``'trust-ncg'``, ``'trust-krylov'``;
        - update rules: ``'gd'``, ``'momentum'``, ``'nesterov'``, ``'asgd'``, ``'rprop'``, ``'adagrad'``,
          ``'adadelta'``, ``'rmsprop'``, ``'rmsprop-momentum'``, ``'rmsprop-centred'``, ``'adam'``,
          ``'amsgrad'``, ``'adamax'``, ``'nadam'``, ``'radam'``, ``'adamw'``, ``'nadamw'``,
          ``'adabelief'``, ``'yogi'``, ``'lion'``, ``'adan'``, ``'lamb'``, ``'lars'``, ``'prodigy'``,
          ``'schedule-free-sgd'``, ``'schedule-free-adamw'``.

        Every other method of SciPy, and every problem with constraints, is solved by SciPy with the
        compiled function.
    jac : callable, bool or str, optional
        ``jac(x, *args)`` gives the gradient, shape (n,).  True: `fun` returns it beside the value.
        ``'autodiff'``: exact, made of the source of `fun` as by `numgd.grad`.  ``'2-point'``, ``'3-point'``,
        ``'cs'``: differences, within the bounds.  Default: ``'autodiff'``; ``'2-point'`` where the source has
        no derivative or option ``eps`` or ``finite_diff_rel_step`` is given.  Unless steps are given,
        ``'2-point'`` takes two-sided differences from the first search on that finds no lower point.
    hess : callable, str or HessianUpdateStrategy, optional
        ``hess(x, *args)`` gives the Hessian, shape (n, n); of one that is not symmetric the symmetric part
        is used, with a warning.  ``'autodiff'``: exact, of the source.  ``'2-point'``, ``'3-point'``:
        differences of the gradient.  One of SciPy's `HessianUpdateStrategy` objects.  Default:
        ``'autodiff'`` where the gradient is that too by default, else ``'2-point'``.
    hessp : callable, optional
        ``hessp(x, p, *args)`` gives the Hessian's product with p, shape (n,); not used if `hess` is given.
    bounds : scipy.optimize.Bounds or sequence of (low, high), optional
        None or infinite for a side without bound; x0 is clipped to them, and nothing outside is evaluated.
        A method that takes none gives way to ``'l-bfgs-b'``, with a warning that also names the options that
        are lost.
    constraints : optional
        As in SciPy, for SciPy's methods.
    tol : float, optional
        Sets ``gtol``; for ``'l-bfgs'`` and ``'l-bfgs-b'`` also ``ftol``, for ``'newton-cg'`` ``xtol``.
    callback : callable, optional
        ``callback(xk)`` or ``callback(*, intermediate_result)``, after every iteration; raising
        StopIteration ends the minimisation with status 99.
    options : dict, optional
        ``gtol``, ``norm``, ``maxiter``, ``maxfun``, ``disp``, ``return_all``, ``eps``,
        ``finite_diff_rel_step``; line-search methods: ``c1``, ``c2``, ``xrtol``, ``ftol``, ``maxls``;
        trust-region methods: ``initial_trust_radius``, ``max_trust_radius``, ``eta``; ``'bfgs'``:
        ``hess_inv0`` (a matrix); ``'l-bfgs'``: ``maxcor``, ``hess_inv0`` (a `LbfgsInvHessProduct`); rules:
        their hyper-parameters (``learning_rate``, ``momentum``, ``beta1``, …).  ``history=True`` adds
        ``result.history`` with arrays ``fun``, ``grad_norm``, ``step`` and ``x``.
    progress : bool
        Whether to show iterations as they are made, with the package tqdm.
    time_limit : float, optional
        Seconds of solving, looked at after each iteration (each call of `fun` in SciPy's methods); the best
        point so far is the result then, with constraints the lowest, which may violate them.

    Returns
    -------
    scipy.optimize.OptimizeResult
        ``x, fun, jac, nit, nfev, njev, status, success, message``; ``nhev`` for methods that use second
        derivatives (calls of `hess` or `hessp`); ``hess_inv`` for ``'bfgs'`` and ``'l-bfgs'``.  ``status``
        is one of `numgd.Status`.  ``derivatives`` is a dict: ``'jac'`` and ``'hess'`` say how these were
        obtained, ``'refused'`` why not from the source, ``'called_back'`` why `fun` is not compiled and what
        to do about it, ``'replaced'`` for how many of their entries, not finite where the value is,
        differences stood in (they count in ``nfev``, not against ``maxfun``).

    Raises
    ------
    TypeError, ValueError
        For input that makes no sense, before anything is evaluated where that can be seen.  An exception
        in `fun`, `jac` or `callback` reaches the caller as itself; a division by zero counts as NaN.

    Notes
    -----
    Derivatives made of the source are compared once, at the first x0 for a function and types, with
    differences along a random direction; where they differ by more than rounding, a warning names the
    function and differences are used.

    What a plain function refers to is read when `minimize` is called.  When it is first compiled it is also
    called once as it is, at x0, to see that both give the same; its indices are checked as Python checks
    them.  An ``@njit`` function keeps its own flags, by default without such checks.

    Inside ``@njit`` code the result is a `MinimizeResult` (a NamedTuple), `fun`, `jac`, `hess` and `hessp`
    are ``@njit`` functions, `method` is a literal, `bounds` an array of shape (n, 2) and `options` a
    dictionary of constants; there are no callbacks or constraints, and Ctrl-C waits for the end.

    References
    ----------
    J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed., Springer, 2006.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> def rosenbrock(x):
    ...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
    >>> result = numgd.minimize(rosenbrock, [-1.2, 1.0], method="BFGS")
    >>> result.success, result.x.round(3)
    (True, array([1., 1.]))
    """
    if not callable(fun):
        raise TypeError(f"fun must be callable; it is {fun!r}")
    if not isinstance(args, tuple):
        args = (args,)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable; it is {callback!r}")
    bounds = binding(bounds)
    constrained = _has_constraints(constraints)
    functions = Functions(fun, jac, hess, hessp)
    method, own, functions, options = resolve(functions, method, bounds is not None, constrained, options)
    if own and not progress and time_limit is None:
        return _minimize(functions, x0, args, method, bounds, tol, callback, options)
    with Progress(progress, time_limit, " iterations" if own else " calls") as watched:
        if own:
            return _minimize(functions, x0, args, method, bounds, tol, callback, options, watched)
        box = None if bounds is None else box_of(bounds, np.size(x0), np.float64)
        return minimize_by_scipy(
            fun, x0, args, method, jac, hess, hessp, bounds, box, constraints, tol, callback, options, watched
        )


def resolve(functions, method, bounded, constrained, options):
    """Which method solves a call, and what it takes of the functions and the options.

    Warns where another method takes over and where a Hessian is not used.

    Parameters
    ----------
    functions : Functions
    method : str, callable or None
    bounded, constrained : bool
    options : dict or None

    Returns
    -------
    method : Method, str or callable
        A `Method` of numgd's, or what SciPy's `minimize` takes.
    own : bool
        Which of the two.
    functions : Functions
    options : dict or None
    """
    if callable(method):
        return method, False, functions, options
    if method is None:
        name = "slsqp" if constrained else "l-bfgs-b" if bounded else "bfgs"
    else:
        name = method_name(method)
    own = own_method(name, bounded)
    if constrained or own is None:
        return name, False, functions, options
    if bounded and own.name != name:
        options = hand_over(name, own, options)
    if own.curvature is None and not (functions.hess is functions.hessp is None):
        warn_user(f"method {name!r} uses no Hessian")
        functions = functions._replace(hess=None, hessp=None)
    return own, True, functions, options


def hand_over(name, own, options):
    """What a method that takes over from another one takes of its options; warns of it and of the others."""
    kept, lost = known_options(own, options, name)
    if lost or UNBOUNDED_FORM.get(own.name) != name:
        without = f", which has no option {', '.join(map(repr, lost))}" if lost else ""
        warn_user(f"method {name!r} takes no bounds; {own.name!r} is used instead{without}")
    return kept


def binding(bounds):
    """Bounds in a form that can be read more than once; None where all are infinite or None."""
    if hasattr(bounds, "__next__"):
        bounds = tuple(bounds)
    return None if bounds is None or _bind_nothing(bounds) else bounds


def _bind_nothing(bounds):
    """Whether all bounds, in either of SciPy's forms, are infinite or None."""
    try:
        if hasattr(bounds, "lb"):
            return bool(np.all(np.equal(bounds.lb, -np.inf)) and np.all(np.equal(bounds.ub, np.inf)))
        return all(low in (None, -np.inf) and high in (None, np.inf) for low, high in bounds)
    except (TypeError, ValueError):
        return False  # `box_of` will say what is wrong


def _has_constraints(constraints):
    try:
        return len(constraints) > 0
    except TypeError:
        return constraints is not None


def box_of(bounds, n, dtype):
    """Lower and upper bounds as an array of shape (2, n), from either of SciPy's forms; (2, 0) for none.

    n is None where there is no x0 that says how many variables there are.
    """
    if bounds is None:
        return np.empty((2, 0), dtype)
    try:
        if hasattr(bounds, "lb"):
            sides = np.atleast_1d(bounds.lb), np.atleast_1d(bounds.ub)
        else:
            sides = zip(*bounds, strict=True)
        low, high = (
            np.array([infinite if value is None else value for value in side], dtype)
            for side, infinite in zip(sides, (-np.inf, np.inf), strict=True)
        )
    except (TypeError, ValueError):
        raise ValueError(
            f"bounds must be a scipy.optimize.Bounds or a sequence of (low, high) pairs; it is {bounds!r:.80}"
        ) from None
    if n is None:
        n = max(low.size, high.size)
    box = np.empty((2, n), dtype)
    for row, side in zip(box, (low, high), strict=True):
        if side.shape not in ((1,), (n,)):
            raise ValueError(
                "The number of bounds is not compatible with the length of `x0`. "
                f"There are {side.size} bounds for {n} variables."
            )
        row[:] = side
    ordered = box[0] <= box[1]
    if not ordered.all():
        if np.isnan(box).any():
            raise ValueError("bounds must not be NaN")
        i = np.flatnonzero(~ordered)[0]
        raise ValueError(
            "An upper bound is less than the corresponding lower bound. "
            f"For x[{i}] they are {box[1, i]:g} and {box[0, i]:g}."
        )
    return box


def clip(x, box):
    """Move points, one or one a row, into a box, in place."""
    if box.size:
        np.maximum(x, box[0], out=x)
        np.minimum(x, box[1], out=x)


def _minimize(functions, x0, args, method, bounds, tol, callback, options, progress=UNWATCHED):
    """Run one of numgd's own methods."""
    check_compilation()
    earlier = earlier_result(x0)
    x = starting_point(x0 if earlier is None else earlier.x)
    n = x.size
    box = box_of(bounds, n, x.dtype)
    clip(x, box)
    wanted = method.curvature
    limits, maxcor, driver = settings(method, x.dtype, tol, options)
    stepped = driver is not None and not (driver["eps"] is driver["finite_diff_rel_step"] is None)
    work, carry = scratch(method, n, maxcor, x.dtype)
    functions, args, scheme, curvature, used = choose(functions, args, x, wanted, box, stepped)
    order = n if curvature == FULL_HESSIAN and wanted == "product" else 0
    watched = callback is not None or progress.watches
    if driver is not None:
        watched = watched or driver["history"] or driver["return_all"]
    steps, scheme, limits = prepare_differences(scheme, x, driver, limits)

    age = resume(method, earlier, driver and driver["hess_inv0"], x, work[:-HOST_ROWS], carry, maxcor)
    report = np.empty(REPORT_SIZE)
    observer, hook = None, 0
    if watched:
        record = driver is not None and bool(driver["history"] or driver["return_all"])
        observer = Observer(x, work[0], report, callback, record, progress)
        hook = id(observer)

    solve = entry(method, n >= THREADED_FROM and method.matrix_free)
    bound = bind(functions, scheme, args, x, work[-HOST_ROWS:])
    if bound.called_back:
        used["called_back"] = bound.called_back
    try:
        status, nit, _, f, age = solve(
            x, work, carry, limits, age, bound.address, bound.context, scheme, steps, report, HOLDS_GIL, hook,
            curvature, hessian_memory((order, order), x.dtype), box,
        )  # fmt: skip
    finally:
        bound.release()
    if status == INVALID_INPUT:
        raise ValueError("x0 must be finite; it holds NaN or inf")
    if status == CALLBACK and observer.late:
        status = TIME_LIMIT
    state = State(method, x.copy(), work[:-HOST_ROWS], carry, age, maxcor)
    message = MESSAGES[status]
    if status in SUCCESSES and box.size and np.array_equal(*box):
        message = "All independent variables were fixed by bounds."
    return _result(x, report, status, message, nit, f, state, driver, observer, used)


def _result(x, report, status, message, nit, f, state, driver, observer, used):
    """SciPy's result object."""
    from scipy.optimize import OptimizeResult

    result = OptimizeResult(
        x=x,
        fun=f,
        jac=state.work[0].copy(),
        nit=nit,
        nfev=int(report[NFEV]),
        njev=int(report[NJEV]),
        status=status,
        success=status in SUCCESSES,
        message=message,
        derivatives=with_replaced(used, jac=report[REPLACED], hess=report[REPLACED_CURVATURE]),
    )
    method = state.method
    if method.curvature:
        result.nhev = int(report[NHEV])
        if report[ASYMMETRY] > 0:
            asymmetry = "hess is not symmetric; its symmetric part was used"
            result.message += f" Note: {asymmetry}."
            warn_user(asymmetry)
    if method.result_fields is not None:
        result.update(method.result_fields(x, state.work, state.age, state.maxcor))
    if driver is not None:
        if driver["return_all"]:
            result.allvecs = observer.iterates
        if driver["history"]:
            result.history = observer.history()
        if driver["disp"]:
            show(result, method)
    remember_state(result, state)
    return result


def show(result, method):
    """Print how a solve ended; as in SciPy a failure's message is a warning."""
    from scipy.optimize import OptimizeWarning

    if result.success or result.status == CALLBACK:
        print(result.message)
    else:
        trusting = hasattr(getattr(method, "options", None), "initial_trust_radius")
        warn_user(result.message, RuntimeWarning if trusting else OptimizeWarning)
    print(f"         Current function value: {result.fun:f}")
    for name, counted in _COUNTS.items():
        if name in result:
            print(f"         {counted}: {result[name]:d}")


_COUNTS = {"nit": "Iterations", "nfev": "Function evaluations", "njev": "Gradient evaluations"}
