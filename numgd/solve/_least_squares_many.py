"""`least_squares_many`: minimise many sums of squares of one form, on all cores."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from numgd.callables.captured import lift
from numgd.callables.objective import scheme_of
from numgd.callables.residuals import bind_many_residuals, bind_residuals, residual_jacobian, resolve
from numgd.foundations.progress import Progress
from numgd.foundations.ranges import (
    DifferenceSteps,
    Flag,
    LimitFromOne,
    Positive,
    Tolerance,
    check_values,
    parameters_of,
)
from numgd.foundations.schemes import EXACT
from numgd.jit.arguments import row_of_args
from numgd.jit.portable import check_compilation
from numgd.kernels.cpu.solvers.least_squares import FIT_HOST_ROWS, short_memory
from numgd.kernels.cpu.solvers.least_squares_many import FIT_COUNTS, NFEV, NIT, NJEV, STATUS, Data, FitBatch
from numgd.solve._least_squares import Setting, run
from numgd.solve._minimize_many import starting_points, with_shared
from numgd.solve.fit_settings import FREE, fit_method, fit_options, scale_of, steps_of
from numgd.solve.fits_by_rows import (
    Fields,
    Raised,
    boxes,
    check_out,
    check_starts,
    field,
    run_one_by_one,
    run_rows,
)
from numgd.solve.many_summary import summary
from numgd.sums_of_squares.box import move_inside
from numgd.sums_of_squares.evaluator import FitStatus
from numgd.system.html import of_summary
from numgd.system.warn import warn_user


class ManyLeastSquares(NamedTuple):
    """Results of `least_squares_many`: one row per problem."""

    x: Any  # (N, n) solutions
    cost: Any  # (N,) half the sums of squares, or of losses
    grad: Any  # (N, n) gradients of the cost
    optimality: Any  # (N,) largest magnitude of the gradient, as the method measures it
    nit: Any  # (N,) iterations
    nfev: Any  # (N,) evaluations of the residuals, not counting those for differences
    njev: Any  # (N,) evaluations of the Jacobian
    status: Any  # (N,) as for `least_squares`
    success: Any  # (N,) bool

    def __repr__(self):
        """Summary: how many problems were solved, how the others ended, and the spread of the costs."""
        kind = type(self).__name__
        return summary(kind, "problems", self.success, "cost", self.cost, self.nit, self.status, FitStatus)

    def _repr_html_(self):
        return of_summary(repr(self))


_WRITTEN = ("x", "cost", "grad")
_NO_DATA = Data(*(np.empty((0, 0)),) * 3, np.empty((0, 0), bool))


def least_squares_many(
    fun: Callable[..., Any],
    X0: ArrayLike,
    jac: Callable[..., Any] | str | None = None,
    bounds: Any = FREE,
    method: str = "trf",
    ftol: Tolerance | None = 1e-8,
    xtol: Tolerance | None = 1e-8,
    gtol: Tolerance | None = 1e-8,
    x_scale: Any = None,
    loss: str = "linear",
    f_scale: Positive = 1.0,
    diff_step: DifferenceSteps | None = None,
    max_nfev: LimitFromOne | None = None,
    args: Any = (),
    shared: str | int | Sequence[str | int] = (),
    *,
    out: Mapping[str, np.ndarray] | None = None,
    chunk_size: LimitFromOne | None = None,
    progress: Flag = False,
    time_limit: Tolerance | None = None,
) -> ManyLeastSquares:
    """Minimise many sums of squares of one form, on all CPU cores.

    Every problem gives what `least_squares` gives for its row.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` returns the residuals, as for `least_squares`; their number is the same for all
        problems.
    X0 : array_like of shape (N, n)
        One starting point per row.
    jac, method, ftol, xtol, gtol, x_scale, loss, f_scale, diff_step, max_nfev : optional
        As for `least_squares`; `loss` is a string.
    bounds : 2-tuple of array_like or scipy.optimize.Bounds, optional
        Lower and upper bounds of the variables; each may have shape (N, n), with one row per problem.
    args : tuple, optional
        Further arguments of `fun` and `jac`.  Arrays vary along their first axis, of length N: problem i
        receives ``a[i]``.
    shared : sequence of str or int, optional
        The args that are the same for all problems: names of parameters of `fun`, or positions in `args`.
    out : mapping of str to numpy.ndarray, optional
        Arrays for the results ``x``, ``cost`` and ``grad``, float64 and contiguous, such as memory maps.
    chunk_size : int, optional
        Number of problems at a time.  Results do not depend on it.
    progress : bool
        Whether to show how many problems are done, with the package tqdm.
    time_limit : float, optional
        Limit of the solving time in seconds.  Problems that are unfinished then have the status −6.

    Returns
    -------
    ManyLeastSquares
        Arrays ``x, cost, grad, optimality, nit, nfev, njev, status, success``, one row per problem.  A
        problem that fails is reported in its row and does not affect the others.  Statuses are those of
        `least_squares`; −8: after Ctrl-C, not finished.

    Raises
    ------
    TypeError, ValueError
        For invalid input, before anything is evaluated.
    Exception
        Any exception that `fun` raises.

    See Also
    --------
    numgd.curve_fit_many : the same for a model and data with gaps, with covariances.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> def residuals(x, t, y):
    ...     return x[0] * np.exp(-x[1] * t) - y
    >>> t, rates = np.linspace(0.0, 3.0, 20), np.array([0.5, 1.0, 2.0])
    >>> Y = 2.5 * np.exp(-rates[:, None] * t)
    >>> result = numgd.least_squares_many(residuals, np.ones((3, 2)), args=(t, Y), shared="t")
    >>> result.x.round(3)
    array([[2.5, 0.5],
           [2.5, 1. ],
           [2.5, 2. ]])
    """
    if not callable(fun):
        raise TypeError(f"fun must be callable; it is {fun!r}")
    given = {
        "ftol": ftol, "xtol": xtol, "gtol": gtol, "f_scale": f_scale, "diff_step": diff_step,
        "max_nfev": max_nfev, "chunk_size": chunk_size,
    }  # fmt: skip
    ranges = {name: parameters_of(least_squares_many)[name] for name in given}
    checked = check_values(ranges, given)
    ftol, xtol, gtol, f_scale, diff_step, max_nfev, chunk_size = checked.values()
    if callable(loss):
        raise ValueError("loss must be a string in least_squares_many")
    check_compilation()
    X = starting_points(X0).astype(np.float64, copy=False)
    count, n = X.shape
    args = args if isinstance(args, tuple) else (args,)
    args, varies = with_shared(args, shared, fun, count, False)
    chosen = fit_method(method)
    scheme = scheme_of(jac, joint=False)
    scale, adaptive = scale_of(x_scale, chosen, n)
    box = boxes(bounds, n, count)
    if not chosen.bounded and not np.isinf(box).all():
        raise ValueError(f"method {chosen.name!r} takes no bounds; use 'trf' or 'dogbox'")
    options = fit_options(chosen, n, ftol, xtol, gtol, max_nfev, loss, f_scale, adaptive)
    check_starts("X0", X, box)
    check_out(out, _WRITTEN)
    results = Fields(
        field(out, "x", (count, n)),
        np.empty((0, n, n)),
        field(out, "grad", (count, n)),
        np.empty((count, 2)),
        np.empty((count, FIT_COUNTS), np.int64),
    )
    cost = field(out, "cost", (count,))
    results.x[:] = X
    if count:
        with Progress(progress, time_limit, " problems", count) as watched:
            setting = Setting(chosen, scheme, None, None, scale, box, options)
            _solve_all(fun, jac, args, varies, setting, diff_step, results, chunk_size, watched)
    cost[:] = results.cost[:, 0]
    status = results.counts[:, STATUS]
    columns = (results.counts[:, k] for k in (NIT, NFEV, NJEV))
    return ManyLeastSquares(
        results.x, cost, results.gradient, results.cost[:, 1].copy(), *columns, status, status > 0
    )


def _solve_all(fun, jac, args, varies, setting, diff_step, results, chunk_size, progress):
    """Fill the results, from the starting points that they hold."""
    first_args = row_of_args(args, 0) if varies else args
    x, n, box = results.x[0].copy(), results.x.shape[1], setting.box
    call = (x, *first_args)
    (fun, own_jac), numbers = lift((fun, jac if setting.scheme == EXACT else None), (call, call))
    jac, args, first_args = (
        own_jac if setting.scheme == EXACT else jac, (*args, *numbers), (*first_args, *numbers)
    )  # fmt: skip
    slopes, scheme, _ = resolve(
        lambda: residual_jacobian(fun, first_args, x, box[0]), jac, setting.scheme, diff_step is not None
    )
    steps, floor = steps_of(scheme, diff_step, n)
    setting = setting._replace(scheme=scheme, steps=steps, floor=floor)
    short, _ = short_memory(n)
    bound, first = bind_residuals(fun, slopes, scheme, first_args, x, short[-FIT_HOST_ROWS])
    bound.release()
    m = first.size
    if m == 0:
        raise ValueError("fun returned no residuals")
    if setting.method.minpack and m < n:
        raise ValueError(
            f"method {setting.method.name!r} needs as many residuals as variables; there are {m} of {n}: use "
            "'trf'"
        )
    bound = bound.called_back or bind_many_residuals(fun, slopes, scheme, args, x, varies)
    if isinstance(bound, str):
        warn_user(f"{bound}; the problems are solved one after the other")
        _solve_one_by_one(fun, slopes, args, varies, setting, results, progress)
        return
    batch = FitBatch(
        setting.options, bound.address, bound.context, 0, np.zeros(1, np.int64), scheme, steps, floor,
        setting.scale, box, m, 0, setting.method.interior, 0, False, False,
    )  # fmt: skip
    try:
        run_rows(setting, batch, results, _NO_DATA, chunk_size, progress)
    except Raised as error:
        own = row_of_args(args, error.row) if varies else args
        fun(error.x, *own)
        if callable(jac):
            jac(error.x, *own)
        raise RuntimeError(
            f"fun raised an exception for problem {error.row}, and not when it was called again"
        ) from None
    finally:
        bound.release()


def _solve_one_by_one(fun, jac, args, varies, setting, results, progress):
    """Fill the results of residuals that are called back."""
    short, order = short_memory(results.x.shape[1])

    def solve(row, x):
        own = setting._replace(box=setting.box[row if len(setting.box) > 1 else 0])
        if own.method.interior:
            move_inside(x, *own.box, 1e-10)
        own_args = row_of_args(args, row) if varies else args
        bound, first = bind_residuals(fun, jac, own.scheme, own_args, x, short[-FIT_HOST_ROWS])
        return run(own, x, bound, first.size, first, short, order)

    run_one_by_one(results, progress, solve)
