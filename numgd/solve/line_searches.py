"""Line searches for use on their own: they find a step length along a direction.

From Python, `armijo`, `strong_wolfe` and `hager_zhang` accept the same functions as `numgd.minimize`.
For ``@njit`` code, `make_search` returns the same searches as compiled functions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from numgd.callables.objective import Functions, bind, choose
from numgd.foundations.ranges import Finite, check_relations, check_values, checked, parameters_of, rounded
from numgd.foundations.spaces import SERIAL
from numgd.jit.portable import SOLVER_FLAGS, check_compilation
from numgd.kernels.cpu.solvers.host_evaluator import HOST_ROWS, NFEV, NJEV, REPORT_SIZE
from numgd.kernels.cpu.solvers.line_search import GRADIENTS, START, Limits, line_search, scratch
from numgd.second_order.backtracking import make_armijo
from numgd.second_order.hager_zhang import make_hager_zhang
from numgd.second_order.line_search import FAILED, WOLFE, make_strong_wolfe
from numgd.solve.plan import difference_steps
from numgd.solve.points import starting_point
from numgd.system.html import of_fields


class LineSearchResult(NamedTuple):
    """The result of a line search.

    Attributes
    ----------
    alpha : float
        The step length; 0.0 if no lower point was found.
    fun : float
        Value at ``x + alpha * direction``.
    jac : numpy.ndarray or None
        Gradient there, shape (n,); None for `armijo`, which does not compute it.
    nfev, njev : int
        Numbers of function and gradient evaluations.
    success : bool
        Whether the conditions of the search hold at the step.
    """

    alpha: Any
    fun: Any
    jac: Any
    nfev: Any
    njev: Any
    success: Any

    def _repr_html_(self):
        return of_fields(type(self).__name__, self._asdict())


def _search(name, fun, x, direction, jac, args, fun0, jac0, alpha, c1, c2, maxls):
    """Check the arguments, bind the objective and run a search."""
    check_compilation()
    if not callable(fun):
        raise TypeError(f"fun must be callable; it is {fun!r}")
    if not isinstance(args, tuple):
        args = (args,)
    x = starting_point(x)
    p = _vector(direction, "direction", x)
    limits = _limits(x.dtype, alpha=alpha, c1=c1, c2=c2, maxls=maxls)
    if (fun0 is None) != (jac0 is None):
        raise ValueError("fun0 and jac0 must be given together")
    if fun0 is not None:
        limits = limits._replace(f0=x.dtype.type(checked("fun0", fun0, Finite)))
    functions, args, scheme, _, _ = choose(Functions(fun, jac), args, x)
    steps, scheme = difference_steps(scheme, x, None, None)
    work = scratch(x.size, x.dtype, HOST_ROWS)
    if jac0 is not None:
        work[START] = _vector(jac0, "jac0", x)
    report = np.empty(REPORT_SIZE)
    bound = bind(functions, scheme, args, x, work[-HOST_ROWS:])
    try:
        slope0, found = line_search(name)(
            x, p, work, limits, bound.address, bound.context, scheme, steps, report
        )
    finally:
        bound.release()
    if slope0 >= 0:
        raise ValueError(f"direction must lead down; the slope along it is {slope0:g}")
    gradient = None
    if name != "armijo":
        gradient = work[START if found.outcome == FAILED else GRADIENTS + found.row].copy()
    return LineSearchResult(
        float(found.alpha), float(found.f), gradient, int(report[NFEV]), int(report[NJEV]),
        found.outcome == WOLFE,
    )  # fmt: skip


def _limits(dtype, **given):
    """`Limits` of a search from a point whose value is unknown."""
    ranges = parameters_of(Limits)
    values = rounded(ranges, check_values(ranges, given), dtype)
    check_relations(ranges, values)
    return Limits(dtype.type(np.nan), **values)


def _vector(values, name, x):
    """`values` as a finite vector like x."""
    vector = np.ascontiguousarray(values, x.dtype)
    if vector.shape != x.shape:
        raise ValueError(f"{name} must have shape {x.shape}; it has {vector.shape}")
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} must be finite")
    return vector


def armijo(
    fun: Callable[..., Any],
    x: ArrayLike,
    direction: ArrayLike,
    jac: Callable[..., Any] | bool | str | None = None,
    args: Any = (),
    *,
    fun0: float | None = None,
    jac0: ArrayLike | None = None,
    alpha: float = 1.0,
    c1: float = 1e-4,
    maxls: int = 100,
) -> LineSearchResult:
    """Find a step that satisfies the sufficient decrease condition, by backtracking.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``, as for `numgd.minimize`.
    x : array_like of shape (n,)
        Where the search starts.
    direction : array_like of shape (n,)
        Search direction p, a descent direction; it need not have unit length.
    jac : callable, bool or str, optional
        The gradient, as for `numgd.minimize`; evaluated only at x, and only if `jac0` is not given.
    args : tuple, optional
        Further arguments of `fun` and `jac`.
    fun0, jac0 : float and array_like of shape (n,), optional
        Value and gradient at x, if they are already known.
    alpha : float, optional
        The first trial step, which is also the longest.
    c1 : float, optional
        Sufficient decrease: f(x + αp) ≤ f(x) + c1 α pᵀ∇f(x).
    maxls : int, optional
        Maximum number of trial steps.

    Returns
    -------
    LineSearchResult

    Raises
    ------
    TypeError, ValueError
        For invalid input.  An exception raised in `fun` or `jac` is passed on unchanged.

    References
    ----------
    J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed., Springer, 2006, section 3.5.

    Examples
    --------
    >>> import numgd
    >>> found = numgd.line_searches.armijo(lambda x: x[0] ** 2, [1.0], [-8.0], lambda x: 2.0 * x)
    >>> found.alpha, found.fun, found.success
    (0.125, 0.0, True)
    """
    (c1,) = check_values(parameters_of(Limits), {"c1": c1}).values()
    return _search("armijo", fun, x, direction, jac, args, fun0, jac0, alpha, c1, 0.5 + c1 / 2, maxls)


def strong_wolfe(
    fun: Callable[..., Any],
    x: ArrayLike,
    direction: ArrayLike,
    jac: Callable[..., Any] | bool | str | None = None,
    args: Any = (),
    *,
    fun0: float | None = None,
    jac0: ArrayLike | None = None,
    alpha: float = 1.0,
    c1: float = 1e-4,
    c2: float = 0.9,
    maxls: int = 100,
) -> LineSearchResult:
    """Find a step that satisfies the strong Wolfe conditions, by the search of Moré and Thuente.

    Parameters
    ----------
    fun, x, direction, args, fun0, jac0, c1
        As for `armijo`.
    jac : callable, bool or str, optional
        The gradient, as for `numgd.minimize`.
    alpha : float, optional
        The first trial step.
    c2 : float, optional
        Curvature: ``|pᵀ∇f(x + αp)| ≤ c2 |pᵀ∇f(x)|``.
    maxls : int, optional
        Maximum number of evaluations.

    Returns
    -------
    LineSearchResult

    Raises
    ------
    TypeError, ValueError
        For invalid input.  An exception raised in `fun` or `jac` is passed on unchanged.

    Notes
    -----
    If the decrease is too small to be seen in rounded values, the approximate Wolfe conditions of Hager and
    Zhang are used.

    References
    ----------
    J. J. Moré and D. J. Thuente, "Line search algorithms with guaranteed sufficient decrease", ACM Trans.
    Math. Softw. 20 (1994), 286-307.

    Examples
    --------
    >>> import numgd
    >>> found = numgd.line_searches.strong_wolfe(lambda x: x[0] ** 2, [1.0], [-8.0], lambda x: 2.0 * x)
    >>> found.alpha, found.fun, found.success
    (0.125, 0.0, True)
    """
    return _search("strong-wolfe", fun, x, direction, jac, args, fun0, jac0, alpha, c1, c2, maxls)


def hager_zhang(
    fun: Callable[..., Any],
    x: ArrayLike,
    direction: ArrayLike,
    jac: Callable[..., Any] | bool | str | None = None,
    args: Any = (),
    *,
    fun0: float | None = None,
    jac0: ArrayLike | None = None,
    alpha: float = 1.0,
    c1: float = 0.1,
    c2: float = 0.9,
    maxls: int = 100,
) -> LineSearchResult:
    """Find a step that satisfies the Wolfe or approximate Wolfe conditions, by the search of CG_DESCENT.

    Parameters
    ----------
    fun, x, direction, jac, args, fun0, jac0, alpha, maxls
        As for `strong_wolfe`.
    c1, c2 : float, optional
        f(x + αp) ≤ f(x) + c1 α s and s(α) ≥ c2 s, or else (2 c1 − 1) s ≥ s(α) ≥ c2 s, with the slopes
        s = pᵀ∇f(x) and s(α) = pᵀ∇f(x + αp).

    Returns
    -------
    LineSearchResult

    Raises
    ------
    TypeError, ValueError
        For invalid input.  An exception raised in `fun` or `jac` is passed on unchanged.

    References
    ----------
    W. W. Hager and H. Zhang, "A new conjugate gradient method with guaranteed descent and an efficient line
    search", SIAM J. Optim. 16 (2005), 170-192.

    Examples
    --------
    >>> import numgd
    >>> found = numgd.line_searches.hager_zhang(lambda x: x[0] ** 2, [1.0], [-8.0], lambda x: 2.0 * x)
    >>> found.alpha, found.fun, found.success
    (0.125, 0.0, True)
    """
    return _search("hager-zhang", fun, x, direction, jac, args, fun0, jac0, alpha, c1, c2, maxls)


def make_search(name: str, evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Make a line search as a compiled function, for use in ``@njit`` code.

    Parameters
    ----------
    name : str
        ``"armijo"``, ``"strong-wolfe"`` or ``"hager-zhang"``.
    evaluate : callable
        An ``@njit`` function ``evaluate(problem, x, gradient) -> value`` that also fills `gradient`; for
        ``"armijo"``, ``evaluate(problem, x) -> value``.  `problem` is the first argument of the search,
        passed on unchanged.

    Returns
    -------
    callable
        ``search(problem, x, f0, slope0, p, alpha, x_trial, gradients, c1, c2, limit)``, for ``"armijo"``
        without `gradients` and `c2`.  It searches along p from x, where the value is f0 and the slope along p
        is slope0 < 0; it tries `alpha` first and makes at most `limit` evaluations.  It returns a NamedTuple
        ``(outcome, alpha, f, row, evaluations)``; outcome 0 means that the conditions hold.  The point found
        is stored in `x_trial` (n,), its gradient in row `row` of `gradients` (2, n).

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from numgd.solve.line_searches import make_search
    >>> @njit
    ... def evaluate(centre, x, gradient):
    ...     gradient[:] = 2.0 * (x - centre)
    ...     return np.sum((x - centre) ** 2)
    >>> search = make_search("strong-wolfe", evaluate)
    >>> @njit
    ... def steepest_descent_step(x, centre):
    ...     trial, gradients = np.empty_like(x), np.empty((2, x.size))
    ...     f0 = evaluate(centre, x, gradients[0])
    ...     p = -gradients[0]
    ...     return search(centre, x, f0, -(p @ p), p, 1.0, trial, gradients, 1e-4, 0.9, 20)
    >>> round(steepest_descent_step(np.zeros(3), np.ones(3)).alpha, 3)
    0.5
    """
    makers = {"armijo": make_armijo, "strong-wolfe": make_strong_wolfe, "hager-zhang": make_hager_zhang}
    if name not in makers:
        raise ValueError(f"name must be one of {', '.join(makers)}; it is {name!r}")
    return njit(**SOLVER_FLAGS)(makers[name](SERIAL, evaluate))
