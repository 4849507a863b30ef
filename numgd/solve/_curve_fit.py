"""`curve_fit`: SciPy's interface for fitting a model to data."""

import inspect
import math
from functools import lru_cache
from types import FunctionType
from typing import NamedTuple

import numpy as np
from numba.core.registry import CPUDispatcher

from numgd.callables.captured import lift
from numgd.callables.objective import scheme_of, with_replaced
from numgd.callables.residuals import NotDense, bind_model, compile_model, model_jacobian, resolve
from numgd.foundations.progress import watched_by
from numgd.foundations.ranges import (
    Flag,
    Limit,
    NonNegative,
    Positive,
    Switch,
    Tolerance,
    Unchecked,
    parameters_of,
)
from numgd.foundations.schemes import EXACT, PAIR, SOURCE
from numgd.jit.portable import check_compilation
from numgd.kernels.cpu.solvers.least_squares import FIT_HOST_ROWS, estimate, finite, short_memory
from numgd.solve._least_squares import NOT_WATCHED, Setting, least_squares, place, run
from numgd.solve.fit_settings import (
    FREE,
    fit_box,
    fit_method,
    fit_options,
    scale_of,
    steps_of,
)
from numgd.sums_of_squares.covariance import variance_of
from numgd.sums_of_squares.evaluator import (
    BOTH,
    BY_FUNCTION,
    BY_GRADIENT,
    BY_STEP,
    MAX_NFEV,
    MESSAGES,
    FitOptions,
)
from numgd.system.warn import warn_user

LM_TOLERANCE = 1.49012e-8
"""Default of ftol and xtol for method 'lm', as in SciPy's `leastsq`."""


class LmOptions(NamedTuple):
    """Options of SciPy's `leastsq`."""

    ftol: Tolerance = LM_TOLERANCE
    xtol: Tolerance = LM_TOLERANCE
    gtol: Tolerance = 0.0
    maxfev: Limit = 0  # 0: depends on the number of parameters
    epsfcn: NonNegative | None = None
    factor: Positive = 100.0
    diag: Unchecked = None  # checked together with the parameters
    col_deriv: Switch = 0


_OPTIONS = frozenset(
    ("ftol", "xtol", "gtol", "x_scale", "loss", "f_scale", "diff_step", "tr_solver", "tr_options")
    + ("jac_sparsity", "max_nfev", "maxfev", "verbose", "callback", "workers")
)
_LM_RANGES, _RANGES = parameters_of(LmOptions), dict(parameters_of(least_squares))
_RANGES["maxfev"] = _RANGES["max_nfev"]
_MINPACK = {BY_FUNCTION: 1, BY_STEP: 2, BOTH: 3, BY_GRADIENT: 4}

_NO_WEIGHTS = np.empty(0)


def curve_fit(
    f,
    xdata,
    ydata,
    p0=None,
    sigma=None,
    absolute_sigma=False,
    check_finite=None,
    bounds=FREE,
    method=None,
    jac=None,
    *,
    full_output=False,
    nan_policy=None,
    progress: Flag = False,
    time_limit: Tolerance | None = None,
    **kwargs,
):
    """Fit a model to data by least squares.

    The signature, the defaults and the results are those of `scipy.optimize.curve_fit`.  The model is
    compiled if Numba can compile it; the solver is compiled once for all models.  `curve_fit` can also be
    called from ``@njit`` code (see Notes).

    Parameters
    ----------
    f : callable
        ``f(xdata, *parameters)`` returns the model's values, shape (m,) or a number.  It is compiled or
        called back under the same conditions as in `numgd.minimize`.
    xdata : array_like or object
        The independent variable, usually of shape (m,) or (k, m).  It is passed as a float64 array; an object
        that is not an array, list or tuple is passed unchanged, and the model is then called back.
    ydata : array_like of shape (m,)
        The observed values.
    p0 : array_like of shape (n,), optional
        Initial parameters.  By default ones, or values inside `bounds`, as many as `f` has arguments besides
        `xdata`.
    sigma : float, array_like of shape (m,) or (m, m), optional
        Standard deviations of `ydata`, or their covariance matrix.
    absolute_sigma : bool, optional
        Whether `sigma` is in absolute units.  By default `pcov` is scaled by the reduced sum of squares.
    check_finite : bool, optional
        Whether NaN and infinity in the data raise ValueError.  Default True unless `nan_policy` is given.
    bounds : 2-tuple of array_like or scipy.optimize.Bounds, optional
        Lower and upper bounds of the parameters.
    method : str, optional
        ``'lm'`` (default without bounds), ``'trf'`` (default with bounds), ``'dogbox'``, ``'gn'``: see
        `numgd.least_squares`.
    jac : callable or str, optional
        ``jac(xdata, *parameters)`` returns the model's Jacobian, shape (m, n).  ``'2-point'``, ``'3-point'``,
        ``'cs'``: differences.  ``'autodiff'``: derived from the source of `f`, as by `numgd.jacobian`.  The
        default is ``'autodiff'``, or ``'2-point'`` if the source cannot be differentiated or a difference
        step is given.
    full_output : bool, optional
        Whether to return `infodict`, `mesg` and `ier` too.
    nan_policy : {None, 'raise', 'omit'}, optional
        How to handle NaN in the data.
    progress, time_limit : optional
        As for `numgd.least_squares`; a fit that reaches the time limit raises RuntimeError.
    **kwargs
        For ``'lm'``, the options of `scipy.optimize.leastsq`: ``ftol`` and ``xtol`` (1.49012e-8), ``gtol``
        (0), ``maxfev``, ``epsfcn``, ``factor``, ``diag``; for the others, those of `numgd.least_squares`.

    Returns
    -------
    popt : numpy.ndarray of shape (n,)
        The parameters.
    pcov : numpy.ndarray of shape (n, n)
        Their covariance, from the Jacobian at `popt`; infinite if it cannot be estimated.
    infodict, mesg, ier : dict, str, int
        Only with `full_output`.  `infodict` has ``nfev``, ``fvec``, ``derivatives`` (how the Jacobian was
        obtained), and for ``'lm'`` also ``fjac``, ``ipvt`` and ``qtf``.  `mesg` says how the fit ended; `ier`
        is 1 to 4.

    Raises
    ------
    TypeError, ValueError
        For invalid input, and for a model that is not finite at `p0`.
    RuntimeError
        If the fit fails.

    Warns
    -----
    scipy.optimize.OptimizeWarning
        If the covariance cannot be estimated: there are no more data points than parameters, a standard
        deviation would be more than 6.7e7 times its parameter (or 1), or, for ``'lm'``, the Jacobian does not
        have full rank to working precision.  In the last case the other methods use the pseudo-inverse.

    Notes
    -----
    Inside ``@njit`` code `f` and `jac` are ``@njit`` functions, `xdata` and `ydata` are float64 arrays, the
    names of methods and schemes are literals, and the result is ``(popt, pcov)``.  `full_output` and
    `nan_policy` are not available; of the further options, only ``ftol``, ``xtol``, ``gtol`` and ``maxfev``
    are.  A covariance that cannot be estimated is infinite, without a warning.

    References
    ----------
    .. [1] J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed., Springer, 2006, chapter 10.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> def decay(t, a, b):
    ...     return a * np.exp(-b * t)
    >>> t = np.linspace(0.0, 3.0, 20)
    >>> y = decay(t, 2.5, 1.3) + 0.01 * np.cos(9.0 * t)
    >>> popt, pcov = numgd.curve_fit(decay, t, y)
    >>> popt.round(2), np.sqrt(np.diag(pcov)).round(3)
    (array([2.5, 1.3]), array([0.006, 0.005]))
    """
    if not callable(f):
        raise TypeError(f"f must be callable; it is {f!r}")
    check_compilation()
    if "args" in kwargs:
        raise ValueError("'args' is not an option of curve_fit: bind further arguments in f")
    n = parameter_count(f) if p0 is None else np.size(p0)
    if n == 0:
        raise ValueError("p0 must not be empty")
    box = fit_box(bounds, n)
    bounded = bounds is not FREE and not np.isinf(box).all()
    if method is None:
        method = "trf" if bounded else "lm"
    method = fit_method(method)
    if bounded and not method.bounded:
        raise ValueError(f"method {method.name!r} takes no bounds; use 'trf' or 'dogbox'")
    scheme = scheme_of(jac, joint=False)
    x = first_guess(p0, box, bounded, n)

    if check_finite is None:
        check_finite = nan_policy is None
    xdata, ydata, sigma = _data(xdata, ydata, sigma, check_finite, nan_policy)
    data = (xdata, ydata, _NO_WEIGHTS if sigma is None else weights_of(sigma, ydata.size))
    if method.minpack and n > ydata.size:
        raise TypeError(
            f"the number of parameters, {n}, must not exceed the number of data points, {ydata.size}, for "
            f"method {method.name!r}: use 'trf'"
        )
    check_options(method, kwargs)

    def hand_over():
        if progress or time_limit is not None:
            raise ValueError(NOT_WATCHED)
        return _by_scipy(
            f, data, x, scheme, jac, sigma=sigma, absolute_sigma=absolute_sigma, bounds=bounds,
            method=method.name, full_output=full_output, **kwargs,
        )  # fmt: skip

    if kwargs and is_scipys(kwargs):
        return hand_over()
    make = lm_setting if method.minpack else setting_of
    stepped = kwargs.get("epsfcn") is not None or kwargs.get("diff_step") is not None
    call = (xdata, *x.tolist())
    (f, own_jac), numbers = lift((f, jac if scheme == EXACT else None), (call, call))
    jac, data = own_jac if scheme == EXACT else jac, (*data, *numbers)
    slopes, scheme, used = resolve(lambda: model_jacobian(f, data, x, box), jac, scheme, stepped)
    if kwargs or bounded:
        setting, maxfev = make(method, scheme, box, n, **kwargs)
    else:
        setting, maxfev = _remembered(make, method, scheme, n)
    if bounded:
        place(setting, x, "p0")

    short, order = short_memory(n)
    bound = bind_model(f, slopes, scheme, data, tuple(x.tolist()), short[-FIT_HOST_ROWS])
    if bound.called_back:
        used["called_back"] = bound.called_back
    callback, verbose = kwargs.get("callback"), kwargs.get("verbose", 0)
    try:
        with watched_by(progress, time_limit, " iterations") as watched:
            fit = run(setting, x, bound, ydata.size, None, short, order, callback, verbose, watched)
    except NotDense:
        return hand_over()
    return _answer(fit, method, ydata.size, absolute_sigma, full_output, used, maxfev)


def check_options(method, kwargs):
    """Replace the values of a method's options by checked ones; raises for unknown options."""
    known, ranges = (_LM_RANGES, _LM_RANGES) if method.minpack else (_OPTIONS, _RANGES)
    for name, value in kwargs.items():
        if name not in known:
            raise TypeError(f"curve_fit got an option {name!r} that method {method.name!r} does not know")
        if name in ranges:
            kwargs[name] = ranges[name].kind.check(name, value)


def _answer(fit, method, m, absolute_sigma, full_output, used, maxfev):
    """What `curve_fit` returns for m data points; raises RuntimeError for a fit that failed.

    A covariance that cannot be estimated is infinite, and a warning is given.
    """
    outcome, n = fit.outcome, fit.x.size
    status = outcome.status
    if status <= 0:
        message = MESSAGES[status]
        if status == MAX_NFEV and maxfev is not None:
            message = f"Number of calls to function has reached maxfev = {maxfev}."
        raise RuntimeError("Optimal parameters not found: " + message)
    pcov, certain, A, pivots, projected = covariance_of(fit, method, m, absolute_sigma)
    if not certain:
        _warn_of_covariance()
    if not full_output:
        return fit.x, pcov
    details = {
        "nfev": fit.calls if method.minpack else outcome.nfev,
        "fvec": fit.fun,
        "derivatives": with_replaced(used, jac=fit.replaced),
    }
    if method.minpack:  # the factorised Jacobian under the names of `leastsq`
        details |= {"fjac": A, "ipvt": pivots.astype(np.int32), "qtf": projected[:n]}
    return fit.x, pcov, details, MESSAGES[status], _MINPACK[status] if method.minpack else status


def covariance_of(fit, method, m, absolute_sigma):
    """The covariance of a fit to m data points, infinite if it cannot be estimated, and whether it can be.

    The further results are those of `estimate`: the factorised Jacobian, its pivots, and Qᵀ times the
    residuals.
    """
    n = fit.x.size
    variance, known = variance_of(fit.outcome.cost, m, n, absolute_sigma)
    pcov, full, certain, A, pivots, projected = estimate(fit.columns, fit.fun, fit.x, variance)
    certain = bool(known and certain and (full or not method.minpack))
    if not certain:
        pcov.fill(math.inf)
    return pcov, certain, A, pivots, projected


def parameter_count(f):
    """The number of parameters of a model; raises ValueError if it cannot be determined."""
    function = f.py_func if isinstance(f, CPUDispatcher) else f
    if isinstance(function, FunctionType):
        code = function.__code__
        variable, found = code.co_flags & inspect.CO_VARARGS, code.co_argcount
    else:
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            parameters = ()
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        found = sum(parameter.kind in positional for parameter in parameters)
        variable = any(parameter.kind == inspect.Parameter.VAR_POSITIONAL for parameter in parameters)
    if variable or found < 2:
        raise ValueError("p0 must be given: the number of parameters cannot be told from f")
    return found - 1


def first_guess(p0, box, bounded, n):
    """The initial parameters as a new float64 array."""
    if p0 is None:
        if not bounded:
            return np.ones(n)
        lower, upper = box
        with np.errstate(invalid="ignore"):  # −inf + inf, which is not used
            between = 0.5 * (lower + upper)
        guess = np.where(np.isfinite(lower), lower + 1.0, np.where(np.isfinite(upper), upper - 1.0, 1.0))
        return np.where(np.isfinite(lower) & np.isfinite(upper), between, guess)
    try:
        x = np.array(p0, np.float64).ravel()
    except (TypeError, ValueError):
        raise TypeError(f"p0 must be real numbers; it is {p0!r}") from None
    if not np.isfinite(x).all():
        raise ValueError("p0 must be finite; it holds NaN or inf")
    return x


def _numbers(values, name):
    if type(values) is np.ndarray and values.dtype == np.float64 and values.flags.carray:
        return values
    try:
        array = np.require(values, np.float64, ("C", "A"))
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be real numbers; it is {values!r:.60}") from None
    return array


def _data(xdata, ydata, sigma, check_finite, nan_policy):
    """The data as float64 arrays, checked; sigma may be None."""
    if nan_policy not in (None, "raise", "omit"):
        raise ValueError(f"nan_policy must be None, 'raise' or 'omit'; it is {nan_policy!r}")
    ydata = _numbers(ydata, "ydata")
    if ydata.ndim == 0:
        ydata = ydata.reshape(1)
    if ydata.size == 0:
        raise ValueError("ydata must not be empty")
    if ydata.ndim > 1:
        raise ValueError(f"ydata must be one-dimensional; its shape is {ydata.shape}")
    if isinstance(xdata, list | tuple | np.ndarray):
        xdata = _numbers(xdata, "xdata")
    if sigma is not None:
        sigma = _numbers(sigma, "sigma")
    pairs = (("ydata", ydata), ("xdata", xdata))
    if check_finite:
        for name, values in pairs:
            if isinstance(values, np.ndarray) and not finite(values.ravel()):
                raise ValueError(f"{name} must be finite; it holds NaN or inf")
    if nan_policy is None:
        return xdata, ydata, sigma
    missing = np.isnan(ydata)
    if isinstance(xdata, np.ndarray):
        missing = missing | np.isnan(xdata).any(axis=tuple(range(xdata.ndim - 1)))
    if missing.any():
        if nan_policy == "raise":
            raise ValueError("xdata or ydata holds NaN, and nan_policy is 'raise'")
        kept = ~missing
        if isinstance(xdata, np.ndarray):
            xdata = np.ascontiguousarray(xdata[..., kept])
        if sigma is not None and sigma.shape == ydata.shape:
            sigma = sigma[kept]
        elif sigma is not None and sigma.shape == ydata.shape * 2:
            sigma = sigma[np.ix_(kept, kept)]
        ydata = ydata[kept]
        if ydata.size == 0:
            raise ValueError("ydata must not be empty; there is nothing but NaN")
    return xdata, ydata, sigma


def weights_of(sigma, m):
    """The factors of the residuals, (m,), or the lower Cholesky factor of their covariance, (m, m)."""
    if sigma.size == 1 or sigma.shape == (m,):
        if not np.all(sigma != 0.0) or np.isnan(sigma).any():
            raise ValueError("sigma must hold neither zeros nor NaN")
        return np.array(np.broadcast_to(1.0 / sigma.ravel(), m))
    if sigma.shape != (m, m):
        raise ValueError(f"sigma must have shape ({m},) or ({m}, {m}); it has {sigma.shape}")
    try:
        return np.linalg.cholesky(sigma)
    except np.linalg.LinAlgError:
        raise ValueError("sigma must be positive definite") from None


@lru_cache(64)
def _remembered(make, method, scheme, n):
    """The setting that `make` returns without bounds and options, cached."""
    return make(method, scheme, fit_box(FREE, n), n)


def lm_setting(
    method, scheme, box, n, ftol=LM_TOLERANCE, xtol=LM_TOLERANCE, gtol=0.0, maxfev=0, epsfcn=None,
    factor=100.0, diag=None, col_deriv=0,
):  # fmt: skip
    """The `Setting` of 'lm' from the options of SciPy's `leastsq`, and the maximum number of calls."""
    exact = scheme in (EXACT, SOURCE)
    calls = 1 if exact else n + 1
    most = (100 if exact else 200) * (n + 1)
    maxfev = maxfev or most
    scale, adaptive = scale_of(None if diag is None else 1.0 / _numbers(diag, "diag"), method, n)
    relative = None if epsfcn is None else math.sqrt(epsfcn)
    steps, _ = steps_of(scheme, relative or None, n)
    options = FitOptions(
        ftol,
        xtol,
        gtol,
        max(1, maxfev // calls),
        0,
        1.0,
        factor,
        adaptive,
    )
    return Setting(method, scheme, steps, 0.0, scale, box, options), maxfev


def setting_of(
    method, scheme, box, n, ftol=1e-8, xtol=1e-8, gtol=1e-8, x_scale=None, loss="linear", f_scale=1.0,
    diff_step=None, max_nfev=None, maxfev=None, **_,
):  # fmt: skip
    """The `Setting` of the other methods from the options of `least_squares`, and None."""
    scale, adaptive = scale_of(x_scale, method, n)
    limit = max_nfev if max_nfev is not None else maxfev
    options = fit_options(method, n, ftol, xtol, gtol, limit, loss, f_scale, adaptive)
    return Setting(method, scheme, *steps_of(scheme, diff_step, n), scale, box, options), None


def is_scipys(kwargs):
    """Whether the options request something that only SciPy supports."""
    return (
        kwargs.get("tr_solver") == "lsmr"
        or kwargs.get("jac_sparsity") is not None
        or kwargs.get("workers") is not None
        or callable(kwargs.get("loss"))
        or bool(kwargs.get("col_deriv"))
    )


def _by_scipy(f, data, x, scheme, jac, **given):
    """Fit by SciPy's `curve_fit`, with the model compiled if Numba can compile it."""
    from scipy import optimize

    if given["method"] == "gn":
        raise ValueError("method 'gn' takes no callable loss, jac_sparsity, workers or tr_solver='lsmr'")
    found = compile_model(f, jac if scheme == EXACT else None, scheme, data, tuple(x.tolist()))
    if not isinstance(found, str):
        f = found.functions.fun
        jac = found.functions.jac if scheme == EXACT else jac
    if scheme == PAIR:
        jac = None
    return optimize.curve_fit(f, *data[:2], x, jac=jac, check_finite=False, **given)


def _warn_of_covariance():
    from scipy.optimize import OptimizeWarning

    warn_user("Covariance of the parameters could not be estimated", OptimizeWarning)
