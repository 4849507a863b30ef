"""`minimize_multistart`: minimise one function from many starting points and keep the best minimum."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numgd.callables.objective import Functions
from numgd.foundations.progress import Progress
from numgd.foundations.ranges import Called, Count, Flag, Tolerance, check_values, one_of, parameters_of
from numgd.foundations.status import MESSAGES, TIME_LIMIT
from numgd.solve._minimize import minimize
from numgd.solve._minimize_many import gather, one_by_one, solve_rows, starting_points, without_disp
from numgd.solve.bounds import binding, box_of, clip
from numgd.solve.options import known_options
from numgd.solve.plan import THREADED_FROM, resolve
from numgd.solve.result import show

SAME_MINIMUM = 1e-3
"""Two solutions count as one minimum if no variable differs by more than this times the widest range."""

MOST_STARTS = 2**31 - 1
"""The largest number of starts that may be drawn."""


def minimize_multistart(
    fun: Called,
    X0: ArrayLike | None = None,
    args: Any = (),
    method: str | Callable[..., Any] | None = None,
    jac: Callable[..., Any] | bool | str | None = None,
    hess: Any = None,
    hessp: Callable[..., Any] | None = None,
    bounds: Any = None,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    n_starts: Count = 64,
    seed: int | np.random.Generator | None = 0,
    sampling: one_of("sobol", "uniform") = "sobol",
    progress: Flag = False,
    time_limit: Tolerance | None = None,
) -> Any:
    """Minimise a function from many starting points, on all CPU cores, and keep the best minimum.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``, as for `minimize`.
    X0 : array_like of shape (N, n), optional
        One starting point per row, finite; float32 is kept, every other real dtype becomes float64.  If it is
        not given, the starts are drawn within `bounds`, which must then be finite.
    args : tuple, optional
        Further arguments of `fun`, the same for all starts.
    method, jac, hess, hessp, bounds, tol, options : optional
        As for `minimize`; ``disp``, ``history`` and ``return_all`` apply to the best start only.
    n_starts : int, optional
        Number of starts to draw.
    seed : int, numpy.random.Generator or None, optional
        As for `numpy.random.default_rng`: the same integer gives the same starts.
    sampling : {'sobol', 'uniform'}, optional
        Points of a scrambled Sobol sequence, which cover the box more evenly, or independent uniform points.
    progress : bool
        Whether to show how many starts are done, with the package tqdm.
    time_limit : float, optional
        Limit of the solving time in seconds; unfinished starts then end as in `minimize_many`.

    Returns
    -------
    scipy.optimize.OptimizeResult
        What `minimize` returns for the best start: the one with the lowest value among those that succeeded,
        or among all if none did; NaN is never the best.  ``nfev``, ``njev`` and ``nhev`` are sums over all
        starts.  Further fields:

        - ``starts``: the starting points, shape (N, n), within the bounds;
        - ``all``: a `ManyResult`, one row per start;
        - ``distinct``: the number of different minima found.  Solutions of starts that succeeded count as one
          minimum if no variable differs by more than a thousandth of the widest range of the starts.

    Raises
    ------
    TypeError, ValueError
        For invalid input, where possible before anything is evaluated.
    Exception
        Any exception that `fun` raises, for any start.

    Notes
    -----
    Every start gives, bit for bit, the result that `minimize` gives there, with any number of threads.
    numgd's methods solve the starts in parallel, one per thread, and then solve the best one again for its
    full result, which is not included in the counts.  Functions that are called back and SciPy's methods are
    run one start after the other.

    References
    ----------
    A. B. Owen, Scrambling Sobol' and Niederreiter-Xing points, J. Complexity 14 (1998), 466-489.

    Examples
    --------
    >>> import numgd
    >>> def six_hump_camel(x):
    ...     a, b = x[0] ** 2, x[1] ** 2
    ...     return (4 - 2.1 * a + a * a / 3) * a + x[0] * x[1] + (4 * b - 4) * b
    >>> result = numgd.minimize_multistart(six_hump_camel, bounds=[(-2, 2), (-1, 1)], n_starts=128)
    >>> round(result.fun, 4), result.distinct, result.all.x.shape
    (-1.0316, 6, (128, 2))
    """
    ranges = parameters_of(minimize_multistart)
    check_values(ranges, {"fun": fun, "n_starts": n_starts, "sampling": sampling})
    if not isinstance(args, tuple):
        args = (args,)
    bounds = binding(bounds)
    if n_starts > MOST_STARTS:
        raise ValueError(f"n_starts must be at most {MOST_STARTS}; it is {n_starts}")
    generator = _generator(seed)
    starts = _drawn(bounds, int(n_starts), generator, sampling) if X0 is None else _given(X0)
    box = box_of(bounds, starts.shape[1], starts.dtype)
    clip(starts, box)

    options, disp = without_disp(options)
    functions = Functions(fun, jac, hess, hessp)
    method, own, functions, options = resolve(functions, method, bounds is not None, False, options)
    found = results = None

    def solve(x, options, left=None):
        return minimize(
            fun, x, args, method.name if own else method, jac, functions.hess, functions.hessp, bounds,
            tol=tol, options=options, time_limit=left,
        )  # fmt: skip

    with Progress(progress, time_limit, " starts", len(starts)) as watched:
        if own and starts.shape[1] < THREADED_FROM:  # longer vectors keep all cores busy by themselves
            found = solve_rows(functions, starts, args, method, tol, options, False, watched, box)
            options, _ = known_options(method, options)  # `solve_rows` has warned of the others
        if found is None or isinstance(found, str):
            results = [solve(x, options, left) for _, x, left in one_by_one(starts, watched)]
            found = gather(results)
    best = _best(found)
    if results:
        result = results[best]
    elif found.status[best] == TIME_LIMIT:  # no time is left for further iterations
        result = solve(found.x[best], {**(options or {}), "maxiter": 0})
        result.update(status=TIME_LIMIT, message=MESSAGES[TIME_LIMIT], nit=int(found.nit[best]))
    else:
        result = solve(starts[best], options)
    sums = {name: int(getattr(found, name).sum()) for name in ("nfev", "njev", "nhev") if name in result}
    success, distinct = bool(found.success[best]), _count_distinct(found, starts)
    result.update(sums, success=success, starts=starts, all=found, distinct=distinct)
    if disp:
        show(result, method)
    return result


# The starts -----------------------------------------------------------------------------------------------


def _drawn(bounds, count, seed, sampling):
    """Starts within finite bounds, shape (count, n)."""
    if bounds is None:
        raise ValueError("bounds must be given, and finite, where X0 is not")
    low, high = box = box_of(bounds, None, np.float64)
    infinite = np.flatnonzero(~np.isfinite(box).all(axis=0))
    if infinite.size:
        i = infinite[0]
        raise ValueError(
            f"bounds must be finite where X0 is not given; for x[{i}] they are {low[i]:g} and {high[i]:g}"
        )
    fractions = SAMPLINGS[sampling](count, low.size, seed)
    return low * (1.0 - fractions) + high * fractions


def _sobol(count, n, seed):
    """The first `count` points of a scrambled Sobol sequence in the unit cube of n dimensions."""
    from scipy.stats import qmc

    if n > qmc.Sobol.MAXDIM:
        raise ValueError(
            f"sampling 'sobol' has {qmc.Sobol.MAXDIM} dimensions at most, not {n}; use 'uniform'"
        )
    # The sequence is balanced after a power of two points; a shorter one is the beginning of a longer one.
    return qmc.Sobol(n, seed=seed).random_base2((count - 1).bit_length())[:count]


def _uniform(count, n, seed):
    """Independent uniform points of the unit cube."""
    return seed.uniform(size=(count, n))


SAMPLINGS = {"sobol": _sobol, "uniform": _uniform}


def _given(X0):
    """A copy of the given starts, shape (N, n)."""
    starts = starting_points(X0).copy()
    if len(starts) == 0:
        raise ValueError("X0 must hold at least one starting point")
    infinite = np.flatnonzero(~np.isfinite(starts).all(axis=1))
    if infinite.size:
        raise ValueError(f"X0 must be finite; row {infinite[0]} holds NaN or inf")
    return starts


def _generator(seed):
    """The generator that draws the starts."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"seed must be a non-negative integer, a Generator or None; it is {seed!r}"
        ) from None


# The results ----------------------------------------------------------------------------------------------


def _best(found):
    """The row with the lowest value among those that succeeded, else among all; NaN comes last."""
    return np.lexsort((found.fun, ~found.success))[0]


def _count_distinct(found, starts):
    """The number of different minima among the solutions that succeeded."""
    from scipy.spatial import KDTree

    points = found.x[found.success]
    if len(points) == 0:
        return 0
    distance = SAME_MINIMUM * np.ptp(starts, axis=0).max()
    tree, counted, count = KDTree(points), np.zeros(len(points), bool), 0
    for i, point in enumerate(points):
        if not counted[i]:
            counted[tree.query_ball_point(point, distance, p=np.inf)] = True
            count += 1
    return count
