"""`curve_fit_many`: fit one model to many data sets, on all cores."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from numgd.callables.captured import lift
from numgd.callables.objective import scheme_of
from numgd.callables.residuals import bind_many_models, bind_model, model_jacobian, resolve
from numgd.foundations.progress import Progress
from numgd.foundations.ranges import Flag, LimitFromOne, Tolerance, check_values, parameters_of
from numgd.foundations.schemes import EXACT
from numgd.jit.portable import check_compilation
from numgd.kernels.cpu.solvers.least_squares import FIT_HOST_ROWS, short_memory
from numgd.kernels.cpu.solvers.least_squares_many import (
    FIT_COUNTS,
    NFEV,
    NIT,
    NJEV,
    POINTS,
    STATUS,
    Data,
    FitBatch,
)
from numgd.solve._curve_fit import (
    check_options,
    covariance_of,
    first_guess,
    is_scipys,
    lm_setting,
    parameter_count,
    setting_of,
)
from numgd.solve._least_squares import run
from numgd.solve.fit_settings import FREE, fit_method
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
from numgd.sums_of_squares.evaluator import TOO_FEW, FitStatus
from numgd.system.html import of_summary
from numgd.system.warn import warn_user


class ManyFits(NamedTuple):
    """Results of `curve_fit_many`: one row per fit."""

    popt: Any  # (N, n) parameters
    pcov: Any  # (N, n, n) their covariances, infinite where they cannot be estimated; (0, n, n) if not wanted
    perr: Any  # (N, n) their standard errors; (0, n) if not wanted
    chi2: Any  # (N,) sum of squares of (f(x) - y) / sigma, or twice the cost if a loss is given
    points: Any  # (N,) number of data points that were used
    nit: Any  # (N,) iterations
    nfev: Any  # (N,) evaluations of the model
    njev: Any  # (N,) evaluations of its Jacobian
    status: Any  # (N,) why each fit ended, as for `least_squares`
    success: Any  # (N,) bool

    def __repr__(self):
        """Summary: how many fits succeeded, how the others ended, and the spread of the sums of squares."""
        return summary("ManyFits", "fits", self.success, "chi2", self.chi2, self.nit, self.status, FitStatus)

    def _repr_html_(self):
        return of_summary(repr(self))


_NO_DATA = np.empty((0, 0))
_WRITTEN = ("popt", "pcov", "perr", "chi2")
_OF_ONE_FIT = ("callback", "verbose", "workers", "jac_sparsity", "tr_solver", "tr_options", "col_deriv")


class _Data(NamedTuple):
    """The checked data of all fits, of any real dtype, in memory or on disk."""

    x: Any  # (1 or N, m) or (1 or N, k, m)
    y: Any  # (N, m)
    sigma: Any  # (0, 1 or N, m)
    used: Any  # (0 or N, m)

    def of(self, row):
        """x, y and the weights of the residuals of one fit, without its gaps."""
        x, y = self.x[row if len(self.x) > 1 else 0], np.asarray(self.y[row], np.float64)
        x = np.asarray(x, np.float64)
        used = ~np.isnan(y) & ~np.isnan(x).any(axis=tuple(range(x.ndim - 1)))
        if len(self.used):
            used &= self.used[row]
        weights = np.empty(0)
        if len(self.sigma):
            sigma = np.asarray(self.sigma[row if len(self.sigma) > 1 else 0], np.float64)
            weights = 1.0 / sigma[used]
        return np.ascontiguousarray(x[..., used]), y[used], weights


def curve_fit_many(
    f: Callable[..., Any],
    xdata: ArrayLike,
    ydata: ArrayLike,
    p0: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    absolute_sigma: Flag = False,
    bounds: Any = FREE,
    method: str | None = None,
    jac: Callable[..., Any] | str | None = None,
    *,
    x_per_fit: Flag = False,
    mask: ArrayLike | None = None,
    covariance: Flag = True,
    out: Mapping[str, np.ndarray] | None = None,
    chunk_size: LimitFromOne | None = None,
    progress: Flag = False,
    time_limit: Tolerance | None = None,
    **kwargs: Any,
) -> ManyFits:
    """Fit one model to many data sets by least squares, on all CPU cores.

    Every fit gives what `curve_fit` gives for its row of the data.

    Parameters
    ----------
    f : callable
        ``f(xdata, *parameters)`` returns the model's values for one fit, shape (m,) or a number, as for
        `curve_fit`.
    xdata : array_like of shape (m,) or (k, m)
        The independent variable, the same for all fits; with `x_per_fit`, of shape (N, m) or (N, k, m).
    ydata : array_like of shape (N, m)
        The observed values, one row per fit.  A point where `ydata` or `xdata` is NaN is left out.
    p0 : array_like of shape (n,) or (N, n), optional
        Initial parameters, the same for all fits or one row per fit.  Default as for `curve_fit`.
    sigma : float or array_like of shape (m,) or (N, m), optional
        Standard deviations of `ydata`.
    absolute_sigma : bool
        Whether `sigma` is in absolute units.  By default each covariance is scaled by the reduced sum of
        squares of its fit.
    bounds : 2-tuple of array_like or scipy.optimize.Bounds, optional
        Lower and upper bounds of the parameters; each may have shape (N, n), with one row per fit.
    method, jac : optional
        As for `curve_fit`.
    x_per_fit : bool
        Whether `xdata` has one entry per fit along its first axis.
    mask : array_like of bool, shape (N, m), optional
        Which points are used.
    covariance : bool
        Whether covariances and standard errors are computed.
    out : mapping of str to numpy.ndarray, optional
        Arrays for the results ``popt``, ``pcov``, ``perr`` and ``chi2``, float64 and contiguous, such as
        memory maps.
    chunk_size : int, optional
        Number of fits at a time.  Data of another dtype than float64, or on disk (`numpy.memmap`), is copied
        in chunks; the default copies 64 MiB at a time.  Results do not depend on it.
    progress : bool
        Whether to show how many fits are done, with the package tqdm.
    time_limit : float, optional
        Limit of the solving time in seconds.  Fits that are unfinished then have the status −6.
    **kwargs
        Options of the method, as for `curve_fit`: ``ftol``, ``xtol``, ``gtol``, ``max_nfev`` or ``maxfev``,
        ``loss``, ``f_scale``, ``x_scale``, ``diff_step``; for ``'lm'`` those of `scipy.optimize.leastsq`.

    Returns
    -------
    ManyFits
        Arrays ``popt, pcov, perr, chi2, points, nit, nfev, njev, status, success``, one row per fit.  A fit
        that fails is reported in its row and does not affect the others: its ``popt`` is the best point that
        was reached, and its covariance is infinite.  Statuses are those of `least_squares`; −7: fewer points
        than parameters for ``'lm'``, or none; −8: after Ctrl-C, not finished.

    Raises
    ------
    TypeError, ValueError
        For invalid input, before anything is evaluated.
    Exception
        Any exception that `f` raises.

    Notes
    -----
    Each thread fits one data set at a time, and no memory is allocated per fit, except by `f` itself.
    The results do not depend on the number of threads.  Beyond inputs and results, 33 bytes per fit were
    measured with three parameters.  If Numba cannot compile the model, the fits are made one after another,
    in Python.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> def decay(t, a, b):
    ...     return a * np.exp(-b * t)
    >>> t = np.linspace(0.0, 3.0, 20)
    >>> rates = np.array([0.5, 1.0, 2.0])
    >>> Y = 2.0 * np.exp(-rates[:, None] * t) + 0.01 * np.cos(9.0 * t)
    >>> fits = numgd.curve_fit_many(decay, t, Y)
    >>> fits.popt.round(2)
    array([[2.  , 0.5 ],
           [2.  , 1.  ],
           [2.01, 2.01]])
    >>> bool(fits.success.all()), fits.points
    (True, array([20, 20, 20]))
    """
    if not callable(f):
        raise TypeError(f"f must be callable; it is {f!r}")
    values = {
        "absolute_sigma": absolute_sigma, "x_per_fit": x_per_fit, "covariance": covariance,
        "chunk_size": chunk_size,
    }  # fmt: skip
    ranges = {name: parameters_of(curve_fit_many)[name] for name in values}
    absolute_sigma, x_per_fit, covariance, chunk_size = check_values(ranges, values).values()
    check_compilation()
    data = _checked_data(xdata, ydata, sigma, mask, x_per_fit)
    count, m = data.y.shape
    starts = None if p0 is None else _starts(p0, count)
    n = parameter_count(f) if starts is None else starts.shape[1]
    box = boxes(bounds, n, count)
    bounded = not np.isinf(box).all()
    method = fit_method(method or ("trf" if bounded else "lm"))
    if bounded and not method.bounded:
        raise ValueError(f"method {method.name!r} takes no bounds; use 'trf' or 'dogbox'")
    if method.minpack and n > m:
        raise TypeError(
            f"the number of parameters, {n}, must not exceed the number of data points, {m}, for method "
            f"{method.name!r}: use 'trf'"
        )
    scheme = scheme_of(jac, joint=False)
    check_options(method, kwargs)
    for name in _OF_ONE_FIT:
        if name in kwargs:
            raise ValueError(f"option {name!r} is not available in curve_fit_many")
    if is_scipys(kwargs):
        raise ValueError("loss must be a string in curve_fit_many")
    check_out(out, _WRITTEN)
    results = Fields(
        field(out, "popt", (count, n)),
        field(out, "pcov", (count if covariance else 0, n, n)),
        np.empty((0, n)),
        np.empty((count, 2)),
        np.empty((count, FIT_COUNTS), np.int64),
    )
    perr, chi2 = field(out, "perr", results.covariance.shape[:2]), field(out, "chi2", (count,))
    if starts is None:
        starts = first_guess(None, (box[:, 0], box[:, 1]), bounded, n)
    check_starts("p0", np.atleast_2d(starts), box)
    results.x[:] = starts
    if count:
        with Progress(progress, time_limit, " fits", count) as watched:
            fit = _Fit(f, jac, scheme, method, kwargs, box, data, absolute_sigma)
            _fit_all(fit, results, chunk_size, watched)
    np.sqrt(np.einsum("ijj->ij", results.covariance), out=perr)
    np.multiply(results.cost[:, 0], 2.0, out=chi2)
    status = results.counts[:, STATUS]
    columns = (results.counts[:, k] for k in (POINTS, NIT, NFEV, NJEV))
    return ManyFits(results.x, results.covariance, perr, chi2, *columns, status, status > 0)


def _reals(values, name):
    """An array of real numbers, as it is if it is one."""
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers; its dtype is {array.dtype}")
    return array


def _checked_data(xdata, ydata, sigma, mask, x_per_fit):
    """The `_Data` of a call; raises for what does not fit together."""
    y = _reals(ydata, "ydata")
    if y.ndim != 2 or y.shape[1] == 0:
        raise ValueError(f"ydata must have shape (N, m) with m > 0; its shape is {y.shape}")
    count, m = y.shape
    x = _reals(xdata, "xdata")
    if not x_per_fit:
        x = x[None]
    if x.ndim not in (2, 3) or x.shape[-1] != m or (x_per_fit and len(x) != count):
        first = f"{count}, " if x_per_fit else ""
        hint = "" if x_per_fit or len(x) != 1 or x[0].ndim < 2 else "; for one x per fit give x_per_fit=True"
        raise ValueError(
            f"xdata must have shape ({first}{m}) or ({first}k, {m}); its shape is {np.shape(xdata)}{hint}"
        )
    used = _NO_DATA
    if mask is not None:
        used = np.asarray(mask)
        if used.dtype != bool or used.shape != y.shape:
            raise ValueError(
                f"mask must be booleans of the shape of ydata, {y.shape}; it has {used.shape} of {used.dtype}"
            )
    deviations = _NO_DATA
    if sigma is not None:
        deviations = _reals(sigma, "sigma")
        if deviations.shape not in ((), (1,), (m,), y.shape):
            raise ValueError(f"sigma must have shape ({m},) or {y.shape}; its shape is {deviations.shape}")
        if deviations.ndim < 2:
            deviations = np.array(np.broadcast_to(deviations, (1, m)), np.float64)
        wrong = (deviations == 0) | np.isnan(deviations)
        if len(deviations) == count and wrong.any():
            wrong &= ~np.isnan(y) & (mask is None or used)
        if wrong.any():
            row, i = np.argwhere(wrong)[0]
            where = f"[{row}, {i}]" if len(deviations) > 1 else f"[{i}]"
            raise ValueError(f"sigma must hold neither zeros nor NaN; sigma{where} is {deviations[row, i]}")
    return _Data(x, y, deviations, used)


def _starts(p0, count):
    """Initial parameters as an array (N, n), a view of p0 if that is possible."""
    array = _reals(p0, "p0")
    if array.ndim == 0:
        array = array[None]
    if array.ndim == 1:
        array = np.broadcast_to(array, (count, array.size))
    if array.ndim != 2 or len(array) != count or array.shape[1] == 0:
        raise ValueError(f"p0 must have shape (n,) or ({count}, n); its shape is {np.shape(p0)}")
    return array


class _Fit(NamedTuple):
    """What all fits of a call share, checked."""

    f: Any
    jac: Any
    scheme: Any
    method: Any
    options: Any
    box: Any
    data: Any
    absolute: Any


def _fit_all(fit, results, chunk_size, progress):
    """Fill the results, from the starting points that they hold."""
    f, jac, scheme, method, options, box, data, absolute = fit
    n = results.x.shape[1]
    row = _typical_row(data, n)
    x, of_row = results.x[row].copy(), data.of(row)
    own_box = box[row if len(box) > 1 else 0]
    call = (of_row[0], *x.tolist())
    (f, own_jac), numbers = lift((f, jac if scheme == EXACT else None), (call, call))
    jac, of_row = own_jac if scheme == EXACT else jac, (*of_row, *numbers)
    stepped = options.get("epsfcn") is not None or options.get("diff_step") is not None
    slopes, scheme, _ = resolve(lambda: model_jacobian(f, of_row, x, own_box), jac, scheme, stepped)
    make = lm_setting if method.minpack else setting_of
    setting, _ = make(method, scheme, own_box, n, **options)
    bound = bind_many_models(f, slopes, scheme, of_row, tuple(x.tolist()))
    if isinstance(bound, str):
        warn_user(f"{bound}; the fits are made one after another")
        called_back = fit._replace(f=f, jac=slopes, scheme=scheme)
        _fit_one_by_one(called_back, setting, numbers, results, progress)
        return
    batch = FitBatch(
        setting.options, bound.address, bound.context, 0, np.zeros(1, np.int64), scheme, setting.steps,
        setting.floor, setting.scale, box, data.y.shape[1], math.prod(data.x.shape[1:-1]), method.interior,
        n if method.minpack else 1, method.minpack, absolute,
    )  # fmt: skip
    try:
        run_rows(setting, batch, results, Data(*data), chunk_size, progress)
    except Raised as error:
        xdata, *_ = data.of(error.row)
        f(xdata, *error.x.tolist(), *numbers)
        if callable(jac):
            jac(xdata, *error.x.tolist(), *numbers)
        raise RuntimeError(
            f"f raised an exception for fit {error.row}, and not when it was called again"
        ) from None
    finally:
        bound.release()


def _typical_row(data, n):
    """The first fit that has as many points as parameters; 0 if none has."""
    return next((row for row in range(len(data.y)) if data.of(row)[1].size >= n), 0)


def _fit_one_by_one(fit, setting, numbers, results, progress):
    """Fill the results of a model that is called back."""
    n = results.x.shape[1]
    short, order = short_memory(n)

    def solve(row, x):
        data = fit.data.of(row)
        points = results.counts[row, POINTS] = data[1].size
        if points < (n if fit.method.minpack else 1):
            results.counts[row, STATUS] = TOO_FEW
            return None
        own = setting._replace(box=fit.box[row if len(fit.box) > 1 else 0])
        if fit.method.interior:
            move_inside(x, *own.box, 1e-10)
        parameters = tuple(x.tolist())
        bound = bind_model(fit.f, fit.jac, fit.scheme, (*data, *numbers), parameters, short[-FIT_HOST_ROWS])
        found = run(own, x, bound, points, None, short, order)
        if len(results.covariance) and found.outcome.status > 0:
            results.covariance[row] = covariance_of(found, fit.method, points, fit.absolute)[0]
        return found

    run_one_by_one(results, progress, solve)
