"""`minimize`: SciPy's front door to numgd's solvers."""

import numpy as np

from numgd.callables.objective import Functions, bind
from numgd.foundations.memory import hessian_memory
from numgd.foundations.progress import UNWATCHED, Progress
from numgd.foundations.ranges import Flag, Tolerance
from numgd.foundations.status import CALLBACK, INVALID_INPUT, TIME_LIMIT
from numgd.jit.pointers import HOLDS_GIL
from numgd.jit.portable import check_compilation
from numgd.kernels.cpu.solvers.host_evaluator import HOST_ROWS, REPORT_SIZE
from numgd.kernels.cpu.solvers.one_problem import entry, scratch
from numgd.solve.bounds import binding, box_of, clip
from numgd.solve.observer import Observer
from numgd.solve.options import settings
from numgd.solve.plan import THREADED_FROM, has_constraints, make_plan, resolve
from numgd.solve.points import earlier_result, starting_point
from numgd.solve.result import make_result
from numgd.solve.scipy_fallback import minimize_by_scipy
from numgd.solve.warm_start import State, resume


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
    constrained = has_constraints(constraints)
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
    bound = bind(plan.functions, plan.scheme, plan.args, x, work[-HOST_ROWS:])
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
    return make_result(plan, x, f, status, nit, report, state, observer)
