"""`minimize`: SciPy's interface to numgd's solvers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from numgd.callables.objective import Functions, bind
from numgd.foundations.memory import hessian_memory
from numgd.foundations.progress import UNWATCHED, watched_by
from numgd.foundations.ranges import Flag, Tolerance
from numgd.foundations.status import CALLBACK, INVALID_INPUT, TIME_LIMIT
from numgd.jit.pointers import HOLDS_GIL
from numgd.jit.portable import check_compilation
from numgd.kernels.cpu.solvers.host_evaluator import HOST_ROWS, REPORT_SIZE
from numgd.kernels.cpu.solvers.one_problem import entry, scratch
from numgd.kernels.machines import on_device
from numgd.solve._minimize_on_device import minimize_on_device
from numgd.solve.bounds import binding, box_of, clip
from numgd.solve.observer import Observer
from numgd.solve.options import settings
from numgd.solve.plan import THREADED_FROM, has_constraints, make_plan, resolve
from numgd.solve.points import earlier_result, starting_point
from numgd.solve.result import make_result
from numgd.solve.scipy_fallback import minimize_by_scipy
from numgd.solve.warm_start import State, resume


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str | Callable[..., Any] | None = None,
    jac: Callable[..., Any] | bool | str | None = None,
    hess: Any = None,
    hessp: Callable[..., Any] | None = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    progress: Flag = False,
    time_limit: Tolerance | None = None,
) -> Any:
    """Minimise a scalar function of one or more variables.

    The signature, the defaults and the result are those of `scipy.optimize.minimize`.  A plain or
    ``@njit`` function is compiled if Numba can compile it; the solver is compiled once for all functions.
    `minimize` can also be called from ``@njit`` code (see Notes).

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``, or ``-> (float, gradient)`` with ``jac=True``.  x is a 1-D array of n
        values that the function may overwrite.  A plain function is compiled, together with the plain
        functions that it calls, if it refers to nothing that could change later: module-level scalars are
        allowed, arrays are not (pass data through `args`).  Otherwise, or if Numba cannot compile it, it is
        called back as Python code.  The numbers it refers to may differ between calls of `minimize`, as in a
        loop over closures.
    x0 : array_like of shape (n,), or a result
        Starting point, finite; float32 is kept, every other real dtype becomes float64.  The result of an
        earlier call continues from its point; with the same method, bit for bit as if it had not stopped.
        If x0 lives on a GPU, the problem is solved there (see Notes).
    args : tuple, optional
        Further arguments of `fun`, `jac`, `hess` and `hessp`, of any type.  Arrays that are not in native
        byte order are passed to compiled code as read-only copies.
    method : str, optional
        Not case-sensitive.  The default is ``'bfgs'``, or ``'l-bfgs-b'`` with bounds.

        - gradient only: ``'steepest-descent'``; ``'cg'`` (Polak-Ribière+), ``'cg-fr'``
          (Fletcher-Reeves), ``'cg-hs'`` (Hestenes-Stiefel), ``'cg-dy'`` (Dai-Yuan), ``'cg-hz'``
          (Hager-Zhang); ``'bfgs'``, ``'dfp'``, ``'broyden'`` (option ``phi``), ``'sr1'``; ``'l-bfgs'``;
        - bounds: ``'l-bfgs-b'`` (the same as ``'l-bfgs'`` without bounds);
        - a smooth function plus ``l1 ‖x‖₁ + ½ l2 ‖x‖²``, with the options ``l1`` and ``l2``, with or
          without bounds: ``'owl-qn'``, ``'fista'``;
        - Hessian: ``'newton'``, ``'trust-exact'``, ``'dogleg'``; Hessian-vector products only:
          ``'newton-cg'``, ``'trust-ncg'``, ``'trust-krylov'``;
        - update rules: ``'gd'``, ``'momentum'``, ``'nesterov'``, ``'asgd'``, ``'rprop'``, ``'adagrad'``,
          ``'adadelta'``, ``'rmsprop'``, ``'rmsprop-momentum'``, ``'rmsprop-centred'``, ``'adam'``,
          ``'amsgrad'``, ``'adamax'``, ``'nadam'``, ``'radam'``, ``'adamw'``, ``'nadamw'``,
          ``'adabelief'``, ``'yogi'``, ``'lion'``, ``'adan'``, ``'lamb'``, ``'lars'``, ``'prodigy'``,
          ``'schedule-free-sgd'``, ``'schedule-free-adamw'``.

        SciPy's other methods, and all problems with constraints, are solved by SciPy with the compiled
        function.
    jac : callable, bool or str, optional
        ``jac(x, *args)`` returns the gradient, shape (n,).  True: `fun` returns ``(value, gradient)``.
        ``'autodiff'``: exact, derived from the source of `fun` as by `numgd.grad`.  ``'2-point'``,
        ``'3-point'``, ``'cs'``: finite differences or the complex step, within the bounds.  The default is
        ``'autodiff'``, or ``'2-point'`` if the source cannot be differentiated or the option ``eps`` or
        ``finite_diff_rel_step`` is given.  Unless steps are given, ``'2-point'`` switches to two-sided
        differences after the first search that finds no lower point.
    hess : callable, str or HessianUpdateStrategy, optional
        ``hess(x, *args)`` returns the Hessian, shape (n, n).  If it is not symmetric, its symmetric part is
        used, with a warning.  ``'autodiff'``: exact, derived from the source.  ``'2-point'``, ``'3-point'``:
        differences of the gradient.  One of SciPy's `HessianUpdateStrategy` objects is accepted too.  The
        default is ``'autodiff'`` if the gradient is also ``'autodiff'`` by default, else ``'2-point'``.
    hessp : callable, optional
        ``hessp(x, p, *args)`` returns the product of the Hessian with p, shape (n,); not used if `hess` is
        given.
    bounds : scipy.optimize.Bounds or sequence of (low, high), optional
        Use None or infinity for a side without a bound.  x0 is clipped to the bounds, and the function is
        never evaluated outside them.  A method without support for bounds is replaced by ``'l-bfgs-b'``,
        with a warning that also names the options that are dropped.
    constraints : optional
        As in SciPy; only for SciPy's methods.
    tol : float, optional
        Sets ``gtol``; for ``'l-bfgs'`` and ``'l-bfgs-b'`` also ``ftol``, for ``'newton-cg'`` ``xtol``.
    callback : callable, optional
        ``callback(xk)`` or ``callback(*, intermediate_result)``, called after every iteration; raising
        StopIteration ends the minimisation with status 99.
    options : dict, optional
        ``gtol``, ``norm``, ``maxiter``, ``maxfun``, ``disp``, ``return_all``, ``eps``,
        ``finite_diff_rel_step``; line-search methods: ``c1``, ``c2``, ``xrtol``, ``ftol``, ``maxls``;
        trust-region methods: ``initial_trust_radius``, ``max_trust_radius``, ``eta``; ``'bfgs'``:
        ``hess_inv0`` (a matrix); ``'l-bfgs'``: ``maxcor``, ``hess_inv0`` (a `LbfgsInvHessProduct`); update
        rules: their hyper-parameters (``learning_rate``, ``momentum``, ``beta1``, …).  ``history=True`` adds
        ``result.history`` with arrays ``fun``, ``grad_norm``, ``step``, ``x``, ``nfev`` and ``seconds``, one
        row per iteration.  ``history='evaluations'`` also records every point at which `fun` was evaluated,
        as ``result.history.evaluated``, and its values as ``evaluated_fun``; each evaluation then takes
        microseconds more.
    progress : bool
        Whether to show the progress of the iterations, with the package tqdm.
    time_limit : float, optional
        Limit of the solving time in seconds, checked after each iteration (in SciPy's methods, at each call
        of `fun`).  The result is then the best point so far; with constraints, the point with the lowest
        value, which may violate them.

    Returns
    -------
    scipy.optimize.OptimizeResult
        ``x, fun, jac, nit, nfev, njev, status, success, message``; ``nhev`` for methods that use second
        derivatives (calls of `hess` or `hessp`); ``hess_inv`` for ``'bfgs'`` and ``'l-bfgs'``.  ``status``
        is one of `numgd.Status`.  ``derivatives`` is a dict.  ``'jac'`` and ``'hess'`` say how these were
        obtained, ``'refused'`` says why they could not be derived from the source, and ``'called_back'`` says
        why `fun` is not compiled and what to do about it.  ``'replaced'`` gives the number of their entries
        that were not finite although the value was, and were replaced by differences; these evaluations
        count in ``nfev``, not against ``maxfun``.

    Raises
    ------
    TypeError, ValueError
        For invalid input, where possible before anything is evaluated.  An exception raised in `fun`, `jac`
        or `callback` is passed on unchanged; a division by zero counts as NaN.

    Notes
    -----
    Derivatives obtained from the source are compared with differences along a random direction, once for
    each function and argument types, at the first x0.  If they differ by more than rounding, a warning names
    the function and differences are used.

    The values that a plain function refers to are read when `minimize` is called.  When the function is first
    compiled, it is also called once as plain Python, at x0, to check that both give the same value.  Its
    indices are checked as in Python.  An ``@njit`` function keeps its own flags, by default without index
    checks.

    If x0 is an array of Numba, CuPy or PyTorch on a GPU, float32 or float64, all vectors stay there: `fun`,
    `jac`, `hessp` and `callback` get arrays of that library, and the result holds such arrays.  The default
    method is then ``'l-bfgs'``, or ``'owl-qn'`` with bounds.  Methods that hold a matrix, ``'trust-krylov'``,
    ``'l-bfgs-b'`` with bounds, and those of SciPy are refused.  The gradient must be given: as `jac`, with
    ``jac=True``, or by an object `fun` with a method ``value_and_gradient(x, out, *args)`` that writes it to
    `out` and returns the value.  A value may stay on the device as an array of one element.  Products with
    the Hessian are differences of the gradient unless `hessp` is given.  A result continues from its point
    alone.  Work is launched on the default stream.

    Inside ``@njit`` code the result is a `MinimizeResult` (a NamedTuple), `fun`, `jac`, `hess` and `hessp`
    are ``@njit`` functions, `method` is a literal, `bounds` an array of shape (n, 2) and `options` a
    dictionary of constants.  Callbacks and constraints are not available, and Ctrl-C takes effect only when
    the solve has ended.

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
    if not isinstance(args, tuple):
        args = (args,)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable; it is {callback!r}")
    point = x0.x if earlier_result(x0) is not None else x0
    if on_device(point):
        return minimize_on_device(
            fun, point, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options, progress,
            time_limit,
        )  # fmt: skip
    if not callable(fun):
        raise TypeError(f"fun must be callable; it is {fun!r}")
    bounds = binding(bounds)
    constrained = has_constraints(constraints)
    functions = Functions(fun, jac, hess, hessp)
    method, own, functions, options = resolve(functions, method, bounds is not None, constrained, options)
    if own and not progress and time_limit is None:
        return _minimize(functions, x0, args, method, bounds, tol, callback, options)
    with watched_by(progress, time_limit, " iterations" if own else " calls") as watched:
        if own:
            return _minimize(functions, x0, args, method, bounds, tol, callback, options, watched)
        box = None if bounds is None else box_of(bounds, np.size(x0), np.float64)
        return minimize_by_scipy(
            fun, x0, args, method, jac, hess, hessp, bounds, box, constraints, tol, callback, options, watched
        )


def _minimize(functions, x0, args, method, bounds, tol, callback, options, progress=UNWATCHED):
    """Run one of numgd's own methods."""
    check_compilation()
    earlier = earlier_result(x0)
    x = starting_point(x0 if earlier is None else earlier.x)
    box = box_of(bounds, x.size, x.dtype)
    clip(x, box)
    found = settings(method, x.dtype, tol, options)
    maxcor = found.maxcor
    work, carry = scratch(method, x.size, maxcor, x.dtype)
    plan = make_plan(method, found, functions, args, x, box)
    hess_inv0 = plan.driver and plan.driver["hess_inv0"]
    age = resume(method, earlier, hess_inv0, x, work[:-HOST_ROWS], carry, maxcor)
    report = np.empty(REPORT_SIZE)
    observer, hook = None, 0
    if callback is not None or progress.watches or plan.records:
        observer = Observer(x, work[0], report, callback, plan.records, progress)
        hook = id(observer)
    solve = entry(method, x.size >= THREADED_FROM and method.matrix_free)
    matrix = hessian_memory((plan.order, plan.order), x.dtype)
    bound = bind(plan.functions, plan.scheme, plan.args, x, work[-HOST_ROWS:], plan.records_evaluations)
    if bound.called_back:
        plan.used["called_back"] = bound.called_back
    try:
        status, nit, _, f, age = solve(
            x, work, carry, plan.options, age, bound.address, bound.context, plan.scheme, plan.steps, report,
            HOLDS_GIL, hook, plan.curvature, matrix, box,
        )  # fmt: skip
    finally:
        bound.release()
    if status == INVALID_INPUT:
        raise ValueError("x0 must be finite; it holds NaN or inf")
    if status == CALLBACK and observer.late:
        status = TIME_LIMIT
    state = State(method.name, x.copy(), work[:-HOST_ROWS], carry, age, maxcor)
    return make_result(plan, x, f, status, nit, report, state, observer, bound.evaluations)
