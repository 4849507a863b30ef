"""`least_squares`: SciPy's interface to numgd's least-squares solvers."""

import inspect
from typing import Any, NamedTuple

import numpy as np

from numgd.callables.captured import lift
from numgd.callables.objective import scheme_of, with_replaced
from numgd.callables.residuals import NotDense, bind_residuals, compile_residuals, residual_jacobian, resolve
from numgd.foundations.progress import UNWATCHED, watched_by
from numgd.foundations.ranges import (
    Called,
    DifferenceSteps,
    Flag,
    LimitFromOne,
    Positive,
    Tolerance,
    check_values,
    one_of,
    parameters_of,
)
from numgd.foundations.schemes import EXACT, PAIR
from numgd.jit.arguments import native
from numgd.jit.pointers import HOLDS_GIL
from numgd.jit.portable import check_compilation
from numgd.kernels.cpu.solvers.least_squares import (
    FIT_CALLS,
    FIT_HOST_ROWS,
    FIT_REPLACED,
    FIT_REPORT_SIZE,
    entry,
    long_memory,
    short_memory,
)
from numgd.solve.fit_observer import FitObserver
from numgd.solve.fit_settings import FREE, fit_box, fit_method, fit_options, scale_of, steps_of
from numgd.solve.points import starting_point
from numgd.sums_of_squares.box import move_inside
from numgd.sums_of_squares.evaluator import (
    ACTIVE,
    CALLBACK,
    GRADIENT,
    JACOBIAN,
    MESSAGES,
    NOT_FINITE_AT_START,
    RESIDUALS,
    TIME_LIMIT,
)
from numgd.system.scipy_result import Result


class NotFiniteAtStart(ValueError):
    """The residuals are not finite at the starting point."""


class Setting(NamedTuple):
    """Everything a solve needs except the function, checked."""

    method: Any
    scheme: Any
    steps: Any  # relative difference steps
    floor: Any  # smaller variables count as having this magnitude when steps are computed
    scale: Any  # (n,) sizes of typical changes
    box: Any  # (2, n)
    options: Any  # FitOptions


NOT_WATCHED = (
    "progress and time_limit are not available with a callable loss, jac_sparsity, workers, "
    "tr_solver='lsmr' or a sparse Jacobian, which SciPy solves"
)


class Fit(NamedTuple):
    """The outcome of a solve."""

    outcome: Any
    x: Any
    fun: Any  # (m,) residuals
    columns: Any  # (n, m) Jacobian by columns, weighted by the loss
    gradient: Any
    active: Any
    calls: Any  # of the function, including those for differences
    replaced: Any  # number of entries of a Jacobian from the source that were replaced by differences
    observer: Any


def fit_start(x0):
    """A copy of x0 as a 1-D float64 array; raises if it is not a finite vector."""
    x = starting_point(x0).astype(np.float64, copy=False)
    if not np.isfinite(x).all():
        raise ValueError("x0 must be finite; it holds NaN or inf")
    return x


def place(setting, x, name="x0"):
    """Check that x lies within the bounds, and move it strictly inside if the method requires it."""
    lower, upper = setting.box
    if not (np.all(x >= lower) and np.all(x <= upper)):
        raise ValueError(f"{name} is infeasible: it lies outside the bounds")
    if setting.method.interior:
        move_inside(x, lower, upper, 1e-10)


def run(setting, x, bound, m, first, short, order, callback=None, verbose=0, progress=UNWATCHED):
    """Solve from x; `bound` are the m residuals with their data, `first` their values at x or None.

    Overwrites x.  `short` and `order` are scratch memory, of which the residuals read one row.  Raises
    ValueError if the residuals are not finite at x.
    """
    n = x.size
    long = long_memory(n, m)
    if first is not None:
        long[RESIDUALS] = first
    report = np.empty(FIT_REPORT_SIZE)
    observer, hook = None, 0
    if callback is not None or verbose or progress.watches:
        observer = FitObserver(x, long, report, callback, verbose, progress)
        hook = id(observer)
    solve = entry(setting.method)
    try:
        outcome = solve(
            x, setting.scale, long, short, order, setting.options, first is not None, bound.address,
            bound.context, setting.scheme, setting.steps, setting.floor, report, HOLDS_GIL, hook, setting.box,
        )  # fmt: skip
    finally:
        bound.release()
    if outcome[0] == NOT_FINITE_AT_START:
        raise NotFiniteAtStart("the residuals are not finite at the starting point")
    if outcome[0] == CALLBACK and observer.late:
        outcome = outcome._replace(status=TIME_LIMIT)
    columns = long[JACOBIAN : JACOBIAN + n]
    residuals, gradient = long[RESIDUALS].copy(), short[GRADIENT].copy()
    return Fit(
        outcome, x, residuals, columns, gradient, short[ACTIVE], int(report[FIT_CALLS]),
        int(report[FIT_REPLACED]), observer,
    )  # fmt: skip


def least_squares(
    fun: Called,
    x0,
    jac=None,
    bounds=FREE,
    method="trf",
    ftol: Tolerance | None = 1e-8,
    xtol: Tolerance | None = 1e-8,
    gtol: Tolerance | None = 1e-8,
    x_scale=None,
    loss="linear",
    f_scale: Positive = 1.0,
    diff_step: DifferenceSteps | None = None,
    tr_solver: one_of(None, "exact", "lsmr") = None,
    tr_options=None,
    jac_sparsity=None,
    max_nfev: LimitFromOne | None = None,
    verbose: one_of(0, 1, 2) = 0,
    args=(),
    kwargs=None,
    callback: Called | None = None,
    workers=None,
    *,
    progress: Flag = False,
    time_limit: Tolerance | None = None,
):
    """Minimise half the sum of squares, or of robust losses, of the residuals of a function.

    The signature, the defaults and the result are those of `scipy.optimize.least_squares`.  The function is
    compiled if Numba can compile it; the solver is compiled once for all functions.  `least_squares` can also
    be called from ``@njit`` code (see Notes).

    Parameters
    ----------
    fun : callable
        ``fun(x, *args, **kwargs)`` returns the residuals, shape (m,) or a number.  It is compiled or called
        back under the same conditions as in `numgd.minimize`.
    x0 : array_like of shape (n,)
        Starting point, finite and within the bounds.  Computations are in float64.
    jac : callable or str, optional
        ``jac(x, *args, **kwargs)`` returns the Jacobian, shape (m, n).  ``'2-point'``, ``'3-point'``,
        ``'cs'``: differences, which never leave the bounds.  ``'autodiff'``: derived from the source of
        `fun`, as by `numgd.jacobian`.  The default is ``'autodiff'``, or ``'2-point'`` if the source cannot
        be differentiated or `diff_step` is given.
    bounds : 2-tuple of array_like or scipy.optimize.Bounds, optional
        Lower and upper bounds, each one number or one per variable; infinite for no bound.  Only for
        ``'trf'`` and ``'dogbox'``.
    method : str, optional
        ``'trf'`` (default): trust region reflective [2]_; ``'dogbox'``: dogleg in rectangular trust regions
        [3]_; ``'lm'``: Levenberg-Marquardt [1]_, without bounds, m ≥ n; ``'gn'``: Gauss-Newton with a line
        search, without bounds.
    ftol, xtol, gtol : float or None, optional
        Tolerances for the relative decrease, the relative step and the gradient, as in SciPy; None disables a
        test (not for ``'lm'``).
    x_scale : None, array_like or 'jac', optional
        Characteristic scale of each variable; ``'jac'`` takes the scales from the Jacobian.  None means
        ``'jac'`` for ``'lm'`` and 1 for the other methods.
    loss : str or callable, optional
        ``'linear'`` (default), ``'soft_l1'``, ``'huber'``, ``'cauchy'``, ``'arctan'``; not for ``'lm'``.
    f_scale : float, optional
        Scale of the residuals in a robust loss: those well below it count in full.
    diff_step : array_like, optional
        Relative step of the differences.
    max_nfev : int, optional
        Maximum number of evaluations, not counting those for differences.  Default 100 n.
    verbose : {0, 1, 2}, optional
        1 prints how the solve ended, 2 also prints every iteration.
    args, kwargs : tuple and dict, optional
        Further arguments of `fun` and `jac`.
    progress : bool
        Whether to show the progress of the iterations, with the package tqdm.
    time_limit : float, optional
        Limit of the solving time in seconds, checked after each accepted step.  The result is then the point
        reached, with status −6.
    callback : callable, optional
        ``callback(x)`` or ``callback(*, intermediate_result)``, called after every accepted step; raising
        StopIteration ends the solve with status −2.
    tr_solver, tr_options, jac_sparsity, workers : optional
        As in SciPy.  With ``tr_solver='lsmr'``, `jac_sparsity`, `workers`, a callable loss, or a Jacobian
        that is sparse or a LinearOperator, SciPy solves the problem with the compiled function.

    Returns
    -------
    scipy.optimize.OptimizeResult
        ``x, cost, fun, jac, grad, optimality, active_mask, nfev, njev, status, message, success``.  `jac` is
        evaluated at `x` and weighted by the loss; `nfev` does not count the evaluations for differences.
        ``derivatives`` says how the Jacobian was obtained, why it could not be derived from the source, and
        how many of its entries were not finite although the residuals were, and were replaced by differences
        (``'replaced'``).  `status` is one of SciPy's, or −3: the Jacobian is not finite, −4: the line search
        found no lower point, −5: the tolerances cannot be met because of rounding.

    Raises
    ------
    TypeError, ValueError
        For invalid input, and for residuals that are not finite at `x0`.  An exception raised in `fun`, `jac`
        or `callback` is passed on unchanged.

    Notes
    -----
    If the residuals are not finite at a trial point, the step is shortened; in a difference, the step is
    taken in the opposite direction.

    Inside ``@njit`` code the result is a `LeastSquaresResult` (a NamedTuple), `fun` and `jac` are ``@njit``
    functions, and `method`, `loss` and the name of a difference scheme are literals.  Keyword arguments of
    `fun` and callbacks are not available.

    References
    ----------
    .. [1] J. J. Moré, The Levenberg-Marquardt algorithm: implementation and theory, Lecture Notes in
       Mathematics 630 (1978), 105-116.
    .. [2] M. A. Branch, T. F. Coleman and Y. Li, A subspace, interior, and conjugate gradient method for
       large-scale bound-constrained minimization problems, SIAM J. Sci. Comput. 21 (1999), 1-23.
    .. [3] C. Voglis and I. E. Lagaris, A rectangular trust region dogleg approach for unconstrained and bound
       constrained nonlinear optimization, WSEAS International Conference on Applied Mathematics, 2004.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> def residuals(x, t, y):
    ...     return x[0] * np.exp(-x[1] * t) - y
    >>> t = np.linspace(0.0, 3.0, 20)
    >>> y = 2.5 * np.exp(-1.3 * t)
    >>> result = numgd.least_squares(residuals, [1.0, 1.0], args=(t, y))
    >>> result.success, result.x.round(3)
    (True, array([2.5, 1.3]))
    """
    ftol, xtol, gtol, f_scale, max_nfev, diff_step, *_ = check_values(
        parameters_of(least_squares),
        {
            "ftol": ftol, "xtol": xtol, "gtol": gtol, "f_scale": f_scale, "max_nfev": max_nfev,
            "diff_step": diff_step, "fun": fun, "callback": callback, "verbose": verbose,
            "tr_solver": tr_solver,
        },
    ).values()  # fmt: skip
    if not isinstance(args, tuple):
        args = (args,)
    method = fit_method(method)
    scheme = scheme_of(jac, joint=False)
    x = fit_start(x0)
    if kwargs:
        fun, jac, args = _without_keywords(fun, jac, args, kwargs)

    def hand_over():
        if progress or time_limit is not None:
            raise ValueError(NOT_WATCHED)
        return _by_scipy(
            fun, x, jac, args, scheme, ftol, xtol, gtol, bounds=bounds, method=method.name, x_scale=x_scale,
            loss=loss, f_scale=f_scale, diff_step=diff_step, tr_solver=tr_solver, tr_options=tr_options,
            jac_sparsity=jac_sparsity, max_nfev=max_nfev, verbose=verbose, callback=callback, workers=workers,
        )  # fmt: skip

    if tr_solver == "lsmr" or jac_sparsity is not None or workers is not None or callable(loss):
        return hand_over()
    check_compilation()
    n = x.size
    scale, adaptive = scale_of(x_scale, method, n)
    box = fit_box(bounds, n)
    options = fit_options(method, n, ftol, xtol, gtol, max_nfev, loss, f_scale, adaptive)
    (fun, own_jac), numbers = lift((fun, jac if scheme == EXACT else None), ((x, *args), (x, *args)))
    jac, args = own_jac if scheme == EXACT else jac, (*args, *numbers)
    slopes, scheme, used = resolve(
        lambda: residual_jacobian(fun, args, x, box), jac, scheme, diff_step is not None
    )
    setting = Setting(method, scheme, *steps_of(scheme, diff_step, n), scale, box, options)
    if not method.bounded and not np.isinf(setting.box).all():
        raise ValueError(f"method {method.name!r} takes no bounds; use 'trf' or 'dogbox'")
    place(setting, x)
    short, order = short_memory(n)
    bound, first = bind_residuals(fun, slopes, scheme, args, x, short[-FIT_HOST_ROWS])
    if bound.called_back:
        used["called_back"] = bound.called_back
    try:
        if first.size == 0:
            raise ValueError("fun returned no residuals")
        if method.minpack and first.size < n:
            raise ValueError(
                f"method {method.name!r} needs as many residuals as variables; there are {first.size} of "
                f"{n}: use 'trf'"
            )
        with watched_by(progress, time_limit, " iterations") as watched:
            fit = run(setting, x, bound, first.size, first, short, order, callback, verbose, watched)
    except NotDense:
        return hand_over()
    finally:
        bound.release()
    return _result(fit, verbose, used)


def _result(fit, verbose, used):
    """SciPy's result object."""
    status, _, nfev, njev, cost, optimality = fit.outcome
    if verbose:
        print(
            f"{MESSAGES[status]}\n"
            f"Function evaluations {nfev}, initial cost {fit.observer.first_cost:.4e}, "
            f"final cost {cost:.4e}, first-order optimality {optimality:.2e}."
        )
    return Result(
        x=fit.x,
        cost=cost,
        fun=fit.fun,
        jac=np.ascontiguousarray(fit.columns.T),
        grad=fit.gradient,
        optimality=optimality,
        active_mask=fit.active.astype(int),
        nfev=nfev,
        njev=njev,
        status=status,
        message=MESSAGES[status],
        success=status > 0,
        derivatives=with_replaced(used, jac=fit.replaced),
    )


def _without_keywords(fun, jac, args, kwargs):
    """The functions with positional args only; keywords that have no position are bound to them."""
    functions = (fun, jac) if callable(jac) else (fun,)
    try:
        calls = [inspect.signature(function).bind(None, *args, **kwargs) for function in functions]
    except ValueError:  # a function without a signature
        calls = []
    positions = [call.args[1:] for call in calls if not call.kwargs]
    if len(positions) == len(functions) and all(map(_identical, positions, positions[:1] * len(positions))):
        return fun, jac, positions[0]

    def with_keywords(function):
        return lambda x, *args: function(x, *args, **kwargs)

    return with_keywords(fun), with_keywords(jac) if callable(jac) else jac, args


def _identical(some, others):
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def _by_scipy(fun, x, jac, args, scheme, ftol, xtol, gtol, **given):
    """Solve by SciPy, with the functions compiled if Numba can compile them."""
    from scipy import optimize

    if given["method"] == "gn":
        raise ValueError(
            "method 'gn' takes no callable loss, jac_sparsity, workers, tr_solver='lsmr' or sparse Jacobian"
        )
    found = compile_residuals(fun, jac if scheme == EXACT else None, scheme, args, x)
    if not isinstance(found, str):
        fun = found.functions.fun
        jac, args = found.functions.jac if scheme == EXACT else jac, native(args)
    given = {name: value for name, value in given.items() if value is not None}
    if scheme == PAIR:
        jac = "2-point"
    return optimize.least_squares(fun, x, jac, ftol=ftol, xtol=xtol, gtol=gtol, args=args, **given)
