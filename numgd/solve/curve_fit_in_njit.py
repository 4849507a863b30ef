"""`curve_fit` inside the user's ``@njit`` functions, including ``prange`` loops."""

import math

import numpy as np
from numba import typeof, types
from numba.core.errors import TypingError
from numba.extending import overload

from numgd.callables.residuals.adapter import make_model_adapter
from numgd.callables.residuals.compiled import VECTOR
from numgd.foundations.linalg import all_finite, cholesky, is_finite
from numgd.foundations.schemes import EXACT, SOURCE
from numgd.jit.inner import InnerCompiler
from numgd.jit.linked import linked
from numgd.jit.overloads import refresh
from numgd.jit.portable import portable
from numgd.kernels.cpu.solvers.least_squares import estimate
from numgd.solve._curve_fit import LM_TOLERANCE, curve_fit, parameter_count
from numgd.solve.fit_settings import fit_method
from numgd.solve.fits_in_njit import (
    default_step,
    derivative,
    is_number,
    make_fill,
    make_fill_box,
    make_option,
    make_solve,
)
from numgd.solve.njit_arguments import dispatcher, given, literal
from numgd.sums_of_squares.covariance import variance_of
from numgd.sums_of_squares.evaluator import JACOBIAN, RESIDUALS, FitOptions


@portable
def every_finite(values):
    """Whether all entries of an array are finite."""
    finite = True
    for value in values.flat:
        finite &= is_finite(value)
    return finite


def _make_weights(sigma):
    """Function ``weights(sigma, m)``: residual factors, or the Cholesky factor of their covariance."""
    if not given(sigma):

        @portable
        def weights(sigma, m):
            return np.empty(0)

    elif isinstance(sigma, types.Array) and sigma.ndim == 2:

        @portable
        def weights(sigma, m):
            if sigma.shape[0] != m or sigma.shape[1] != m:
                raise ValueError("sigma must have as many rows and columns as ydata has values")
            factor = np.empty((m, m))
            for i in range(m):
                for k in range(m):
                    factor[i, k] = sigma[i, k]
            if not cholesky(factor):
                raise ValueError("sigma must be positive definite")
            return factor

    else:
        fill = make_fill(sigma, 1.0, "sigma")

        @portable
        def weights(sigma, m):
            factors = np.empty(m)
            if not fill(factors, sigma):
                raise ValueError("sigma must be a number or as long as ydata")
            for i in range(m):
                if not abs(factors[i]) > 0.0:
                    raise ValueError("sigma must hold neither zeros nor NaN")
                factors[i] = 1.0 / factors[i]
            return factors

    return weights


def _make_guess(p0, n):
    """Function ``guess(x, p0, box)``, which writes the initial parameters to x."""
    if given(p0):
        fill = make_fill(p0, 1.0, "p0")
        if is_number(p0) and n != 1:
            raise TypingError("numgd.curve_fit: p0 must have as many values as f has parameters")

        @portable
        def guess(x, p0, box):
            if not fill(x, p0):
                raise ValueError("p0 must have as many values as f has parameters")

    else:

        @portable
        def guess(x, p0, box):
            for j in range(x.size):
                low, high = box[0, j], box[1, j]
                if low > -math.inf and high < math.inf:
                    x[j] = 0.5 * (low + high)
                elif low > -math.inf:
                    x[j] = low + 1.0
                elif high < math.inf:
                    x[j] = high - 1.0
                else:
                    x[j] = 1.0

    return guess


def _make_data(sigma, checked):
    """Function ``data_of(xdata, ydata, sigma)``: the residuals' data; and the types of all but `xdata`."""
    weights = _make_weights(sigma)
    matrix = isinstance(sigma, types.Array) and sigma.ndim == 2

    @portable
    def data_of(xdata, ydata, sigma):
        m = ydata.size
        y = np.empty(m)
        for i in range(m):
            y[i] = ydata[i]
        if checked and not (all_finite(y) and every_finite(xdata)):
            raise ValueError("xdata and ydata must be finite")
        return xdata, y, weights(sigma, m)

    return data_of, (VECTOR, types.Array(types.float64, 2 if matrix else 1, "C"))


def _make_options(method, scheme, n, ftol, xtol, gtol, maxfev):
    """Function ``options_of(ftol, xtol, gtol, maxfev)``: the checked options of the solver."""
    lm, exact = method.minpack, scheme in (EXACT, SOURCE)
    tolerance = LM_TOLERANCE if lm else 1e-8
    relative, absolute = make_option(ftol, tolerance, "ftol"), make_option(xtol, tolerance, "xtol")
    slope = make_option(gtol, 0.0 if lm else 1e-8, "gtol")
    calls = (1 if exact else n + 1) if lm else 1
    default_limit = (100 * (n + 1) if exact else 200 * (n + 1)) if lm else 100 * n
    limit = make_option(maxfev, default_limit, "maxfev", "max_nfev")
    flag, word = types.boolean, types.int64

    @portable
    def options_of(ftol, xtol, gtol, maxfev):
        most = max(word(1), word(limit(maxfev)) // word(calls))
        return FitOptions(relative(ftol), absolute(xtol), slope(gtol), most, word(0), 1.0, 100.0, flag(lm))

    return options_of


def covariance_estimate():
    """The compiled estimate of a covariance, and the types of its arguments."""
    vector, matrix = np.empty(1), np.empty((1, 1))
    return estimate, tuple(map(typeof, (matrix, vector, vector, 0.0)))


def _make_covariance(lm):
    """Function ``covariance(x, cost, long, absolute_sigma)``: infinite where the data do not determine it."""
    estimated = linked(covariance_estimate)

    @portable
    def covariance(x, cost, long, absolute_sigma):
        n, m = x.size, long.shape[1]
        variance, known = variance_of(cost, m, n, absolute_sigma)
        columns = long[JACOBIAN : JACOBIAN + n]
        pcov, full, certain, _, _, _ = estimated((columns, long[RESIDUALS], x, variance))
        if not (known and certain and (full or not lm)):
            pcov[:] = math.inf
        return pcov

    return covariance


@overload(curve_fit, prefer_literal=True, jit_options={"forceinline": True, "pipeline_class": InnerCompiler})
def _curve_fit_in_njit(
    f,
    xdata,
    ydata,
    p0=None,
    sigma=None,
    absolute_sigma=False,
    check_finite=None,
    bounds=None,
    method=None,
    jac=None,
    ftol=None,
    xtol=None,
    gtol=None,
    maxfev=None,
):
    if not (isinstance(ydata, types.Array) and ydata.ndim == 1):
        raise TypingError("numgd.curve_fit: ydata must be a 1-D array inside @njit code")
    if not (isinstance(xdata, types.Array) and xdata.dtype == types.float64):
        raise TypingError("numgd.curve_fit: xdata must be a float64 array inside @njit code")
    function = dispatcher(f, "f")
    try:
        n = parameter_count(function)
    except ValueError:
        raise TypingError("numgd.curve_fit: f must name its parameters inside @njit code") from None
    bounded = given(bounds)
    chosen = fit_method(literal(method, "method", "trf" if bounded else "lm"))
    if bounded and not chosen.bounded:
        raise TypingError(f"numgd.curve_fit: method {chosen.name!r} takes no bounds; use 'trf' or 'dogbox'")
    lm = chosen.minpack
    fill_box, guess = make_fill_box(bounds), _make_guess(p0, n)
    data_of, stored = _make_data(sigma, literal(check_finite, "check_finite", True))
    data_type = types.Tuple((xdata, *stored))

    def make(jacobian, scheme):
        return make_model_adapter(function, jacobian, scheme, n, data_type, VECTOR)

    scheme, adapter = derivative(jac, function, tuple(range(1, n + 1)), make)
    if adapter is None:
        raise TypingError(
            "numgd.curve_fit: f(xdata, *parameters) must compile and return a 1-D array, jac a 2-D array"
        )
    step, floor = default_step(scheme), 0.0 if lm else 1.0
    options_of = _make_options(chosen, scheme, n, ftol, xtol, gtol, maxfev)
    prepare, solve = make_solve(chosen, scheme, adapter, data_type)
    covariance = _make_covariance(lm)

    def implementation(
        f,
        xdata,
        ydata,
        p0=None,
        sigma=None,
        absolute_sigma=False,
        check_finite=None,
        bounds=None,
        method=None,
        jac=None,
        ftol=None,
        xtol=None,
        gtol=None,
        maxfev=None,
    ):
        m = ydata.size
        if m == 0:
            raise ValueError("ydata must not be empty")
        if lm and n > m:
            raise ValueError("method 'lm' needs as many data as parameters")
        data = data_of(xdata, ydata, sigma)
        x, box = np.empty(n), np.empty((2, n))
        if not fill_box(box, bounds):
            raise ValueError("bounds must be numbers or as long as the parameters")
        guess(x, p0, box)
        prepare(x, box)
        options = options_of(ftol, xtol, gtol, maxfev)
        scale, steps = np.ones(n), np.full(n, step)
        outcome, long, _, _, _ = solve(x, scale, box, options, m, np.empty(0), data, steps, floor)
        if outcome.status <= 0:
            raise RuntimeError("numgd.curve_fit: optimal parameters not found")
        return x, covariance(x, outcome.cost, long, absolute_sigma)

    return implementation


refresh()
