"""`least_squares` and `curve_fit` inside the user's own ``@njit`` functions, under ``prange`` too."""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

from numgd.autodiff import NotDifferentiable
from numgd.autodiff.derivation import derived
from numgd.callables.objective import scheme_of
from numgd.callables.residuals.adapter import as_it_is, make_model_adapter, make_residual_adapter, make_take
from numgd.callables.residuals.compiled import VECTOR
from numgd.foundations.agreement import DIFFERS, UNKNOWN
from numgd.foundations.linalg import all_finite, cholesky, is_finite
from numgd.foundations.ranges import make_checked, parameters_of
from numgd.foundations.schemes import EXACT, PAIR, SOURCE, THREE_POINT, TWO_POINT
from numgd.foundations.spaces import copy
from numgd.jit.arguments import storage_size, store, stored_type
from numgd.jit.inner import InnerCompiler
from numgd.jit.once import process_word
from numgd.jit.overloads import refresh
from numgd.jit.pointers import address_of, linked_address
from numgd.jit.portable import portable, seldom
from numgd.kernels.cpu.solvers.check_derivatives import COLUMNS, OWN_ROWS, compare_jacobian
from numgd.kernels.cpu.solvers.least_squares import CALLS, HOST_ROWS, REPLACED, REPORT_SIZE, entry, estimate
from numgd.solve._curve_fit import LM_TOLERANCE, curve_fit, parameter_count
from numgd.solve._least_squares import least_squares
from numgd.solve.fit_settings import EPSILON, fit_method
from numgd.solve.njit_arguments import dispatcher, given, literal
from numgd.sums_of_squares.box import move_inside
from numgd.sums_of_squares.evaluator import (
    ACTIVE,
    GRADIENT,
    JACOBIAN,
    NOT_FINITE_AT_START,
    RESIDUALS,
    FitOptions,
    long_rows,
    short_rows,
)
from numgd.sums_of_squares.losses import LOSSES

INNER = {"pipeline_class": InnerCompiler}
"""How the implementations are compiled: they are only ever linked into the caller's function."""


class LeastSquaresResult(NamedTuple):
    """Result of `least_squares` inside compiled code; the fields mean what SciPy's mean."""

    x: Any  # (n,) solution
    cost: Any
    fun: Any  # (m,) residuals there
    jac: Any  # (m, n) Jacobian there
    grad: Any  # (n,)
    optimality: Any
    active_mask: Any  # (n,) integers
    nfev: Any
    njev: Any
    status: Any
    success: Any
    replaced: Any  # entries of a Jacobian made of the source that were not finite, and are differences


# What the arguments are, when compiling --------------------------------------------------------------------


def _refuse(**arguments):
    for name, argument in arguments.items():
        if given(argument) and argument not in (types.Tuple(()), types.literal(0)):
            raise TypingError(f"{name} is not available inside @njit code")


def _derivative(jac, function, argnum, make):
    """The scheme by which the Jacobian is obtained, and the adapter that ``make(jacobian, scheme)`` gives.

    Where no Jacobian is given it is made of the source, by the arguments `argnum`, if it can be.
    """
    if isinstance(jac, types.Dispatcher):
        return EXACT, make(jac.dispatcher, EXACT)
    scheme = scheme_of(literal(jac, "jac", None), joint=False)
    if scheme != PAIR:
        return scheme, make(None, scheme)
    try:
        adapter = make(derived("jacobian", function, argnum), EXACT)
    except NotDifferentiable:
        adapter = None
    if adapter is not None or given(jac):
        return SOURCE, adapter
    return TWO_POINT, make(None, TWO_POINT)


def _is_number(numba_type):
    return isinstance(numba_type, types.Float | types.Integer)


def _make_fill(argument, default, name):
    """Function ``fill(out, value)`` for an argument that is one number or a vector, `default` where omitted.

    It returns False for a vector of another length.
    """
    if not given(argument):

        @portable
        def fill(out, value):
            for j in range(out.size):
                out[j] = default
            return True

    elif _is_number(argument):

        @portable
        def fill(out, value):
            for j in range(out.size):
                out[j] = value
            return True

    elif isinstance(argument, types.Array) and argument.ndim == 1:

        @portable
        def fill(out, value):
            if value.size != out.size:
                return False
            for j in range(out.size):
                out[j] = value[j]
            return True

    else:
        raise TypingError(f"{name} must be a number or a vector inside @njit code")
    return fill


def _make_fill_box(bounds):
    """Function ``fill_box(box, bounds)``, and whether bounds were given."""
    if not given(bounds):

        @portable
        def fill_box(box, bounds):
            for j in range(box.shape[1]):
                box[0, j], box[1, j] = -math.inf, math.inf
            return True

        return fill_box, False
    if not (isinstance(bounds, types.BaseTuple) and len(bounds) == 2):
        raise TypingError("bounds must be a pair (lower, upper) inside @njit code")
    fill_lower = _make_fill(bounds[0], -math.inf, "bounds")
    fill_upper = _make_fill(bounds[1], math.inf, "bounds")

    @portable
    def fill_box(box, bounds):
        return fill_lower(box[0], bounds[0]) and fill_upper(box[1], bounds[1])

    return fill_box, True


def _make_option(argument, default, name, field=None):
    """Function ``option(value)``: a checked field of `FitOptions`, or `default` where it was omitted."""
    if not given(argument):

        @portable
        def omitted(value):
            return default

        return omitted
    if not _is_number(argument):
        raise TypingError(f"{name} must be a number inside @njit code")
    kind = parameters_of(FitOptions)[field or name].kind
    if isinstance(argument, types.Literal):
        kind.check(name, argument.literal_value)
    return make_checked(name, kind, np.float64)


def _default_step(scheme):
    return EPSILON ** (1 / 3 if scheme == THREE_POINT else 1 / 2)


# Checks and the solve, when running -------------------------------------------------------------------------


@portable
def _check_box(x, box):
    for j in range(x.size):
        if not box[0, j] < box[1, j]:
            raise ValueError("bounds: each lower bound must be less than its upper bound")
        if not (x[j] >= box[0, j] and x[j] <= box[1, j]):
            raise ValueError("the starting point is infeasible: it lies outside the bounds")


def _make_trust(scheme):
    """Function ``trust(x, box, m, function, context)``: the scheme to use, and what it took to know.

    A Jacobian made of the source is compared with differences when the code is first executed.
    """
    word = types.int64
    if scheme != SOURCE:

        @portable
        def trust(x, box, m, function, context):
            return word(scheme), 0

        return trust
    verdict, settle = process_word()
    compare = compare_jacobian()

    @seldom
    def compared(x, box, m, function, context):
        n = x.size
        short, long = np.empty((OWN_ROWS + HOST_ROWS, n)), np.empty((COLUMNS + n + 1, m))
        report = np.empty(REPORT_SIZE)
        return compare(x, short, long, function, context, report, box), int(report[CALLS])

    @portable
    def trust(x, box, m, function, context):
        found, calls = verdict(), 0
        if found == 0:
            outcome, calls = compared(x, box, m, function, context)
            found = _DIFFERS if outcome == DIFFERS else _RIGHT
            if outcome != UNKNOWN:
                settle(found)
        return word(TWO_POINT if found == _DIFFERS else SOURCE), calls

    return trust


_RIGHT, _DIFFERS = 1, 2
"""What the comparison of a Jacobian with differences said; 0 as long as nothing is known."""


def _make_solve(method, scheme, adapter, data_type):
    """Function ``solve(x, scale, box, options, m, first, data, steps, floor)``, shared by both front doors.

    It overwrites x and returns the outcome, `long` and `short`, nfev with what the first comparison of the
    Jacobian took, and how many entries of it were replaced.  `first` is the residuals at x, or empty.
    """
    address = linked_address(adapter)
    size = storage_size(types.Tuple((types.int64, data_type)))
    run, trust = entry(method), _make_trust(scheme)
    word, flag = types.int64, types.boolean  # literals would have the solver compiled for themselves
    interior = method.interior

    @portable
    def solve(x, scale, box, options, m, first, data, steps, floor):
        n = x.size
        long = np.empty((long_rows(n) + 1, m))
        short = np.empty((short_rows(n) + HOST_ROWS, n))
        if first.size > 0:
            copy(long[RESIDUALS], first)
        context = np.empty(size, np.uint8)
        store(address_of(context), (word(m), data))
        used, compared = trust(x, box, m, address(), address_of(context))
        report = np.empty(REPORT_SIZE)
        outcome = run(
            x, scale, long, short, np.empty(n, np.int64), options, flag(first.size > 0), address(),
            address_of(context), used, steps, floor, report, word(0), word(0), box,
        )  # fmt: skip
        context[:0] = 0  # the packed data live until here
        if outcome.status == NOT_FINITE_AT_START:
            raise ValueError("the residuals are not finite at the starting point")
        return outcome, long, short, outcome.nfev + compared, int(report[REPLACED])

    @portable
    def prepare(x, box):
        if not all_finite(x):
            raise ValueError("the starting point must be finite")
        _check_box(x, box)
        if interior:
            move_inside(x, box[0], box[1], 1e-10)

    return prepare, solve


@overload(least_squares, prefer_literal=True, jit_options=INNER)
def _least_squares_in_njit(
    fun,
    x0,
    jac=None,
    bounds=None,
    method="trf",
    ftol=1e-8,
    xtol=1e-8,
    gtol=1e-8,
    x_scale=None,
    loss="linear",
    f_scale=1.0,
    diff_step=None,
    tr_solver=None,
    tr_options=None,
    jac_sparsity=None,
    max_nfev=None,
    verbose=0,
    args=(),
    kwargs=None,
    callback=None,
    workers=None,
):
    _refuse(
        tr_solver=tr_solver, tr_options=tr_options, jac_sparsity=jac_sparsity, verbose=verbose, kwargs=kwargs,
        callback=callback, workers=workers,
    )  # fmt: skip
    if not (isinstance(x0, types.Array) and x0.ndim == 1):
        raise TypingError("numgd.least_squares: x0 must be a 1-D array inside @njit code")
    chosen = fit_method(literal(method, "method", "trf"))
    kind = literal(loss, "loss", "linear")
    if kind not in LOSSES or (kind != "linear" and not chosen.robust):
        message = f"method {chosen.name!r} has no loss {kind!r} inside @njit code"
        raise TypingError(f"numgd.least_squares: {message}")
    loss_code = LOSSES[kind]
    fill_box, bounded = _make_fill_box(bounds)
    if bounded and not chosen.bounded:
        message = f"method {chosen.name!r} takes no bounds; use 'trf' or 'dogbox'"
        raise TypingError(f"numgd.least_squares: {message}")
    adaptive = chosen.minpack if not given(x_scale) else isinstance(x_scale, types.StringLiteral)
    if isinstance(x_scale, types.StringLiteral) and x_scale.literal_value != "jac":
        raise TypingError("numgd.least_squares: x_scale must be None, 'jac' or positive numbers")
    fill_scale = _make_fill(None if adaptive else x_scale, 1.0, "x_scale")
    floor = 0.0 if given(diff_step) else 1.0
    relative, absolute = _make_option(ftol, 1e-8, "ftol"), _make_option(xtol, 1e-8, "xtol")
    slope, margin = _make_option(gtol, 1e-8, "gtol"), _make_option(f_scale, 1.0, "f_scale")
    limit = _make_option(max_nfev, 0, "max_nfev")
    flag, word, needs_all = types.boolean, types.int64, chosen.minpack

    args_type = args.value if isinstance(args, types.Omitted) else args
    is_tuple = isinstance(args_type, types.BaseTuple) or args_type == ()
    args_type = types.Tuple(()) if args_type == () else args_type
    args_type = stored_type(args_type if is_tuple else types.Tuple((args_type,)))
    function = dispatcher(fun, "fun")

    def make(jacobian, scheme):
        return make_residual_adapter(function, jacobian, scheme, args_type, VECTOR)

    stepped = given(diff_step) and not given(jac)
    scheme, adapter = _derivative(types.literal("2-point") if stepped else jac, function, 0, make)
    fill_steps = _make_fill(diff_step, _default_step(scheme), "diff_step")
    if adapter is None:
        raise TypingError(
            "numgd.least_squares: fun(x, *args) must compile and return residuals, jac(x, *args) a 2-D array"
        )
    answer = function.overloads[(VECTOR, *args_type)].signature.return_type
    take = make_take(answer, as_it_is, False)
    single = _is_number(answer)

    @portable
    def size_of(answer):
        return 1 if single else len(answer)

    prepare, solve = _make_solve(chosen, scheme, adapter, args_type)

    def implementation(
        fun,
        x0,
        jac=None,
        bounds=None,
        method="trf",
        ftol=1e-8,
        xtol=1e-8,
        gtol=1e-8,
        x_scale=None,
        loss="linear",
        f_scale=1.0,
        diff_step=None,
        tr_solver=None,
        tr_options=None,
        jac_sparsity=None,
        max_nfev=None,
        verbose=0,
        args=(),
        kwargs=None,
        callback=None,
        workers=None,
    ):
        n = x0.size
        if n == 0:
            raise ValueError("x0 must not be empty")
        evaluations = word(limit(max_nfev))
        options = FitOptions(
            relative(ftol), absolute(xtol), slope(gtol), evaluations if evaluations > 0 else word(100 * n),
            word(loss_code), margin(f_scale), 100.0, flag(adaptive),
        )  # fmt: skip
        x, scale, steps, box = np.empty(n), np.empty(n), np.empty(n), np.empty((2, n))
        for j in range(n):
            x[j] = x0[j]
        if not (fill_scale(scale, x_scale) and fill_steps(steps, diff_step) and fill_box(box, bounds)):
            raise ValueError("x_scale, diff_step and bounds must be numbers or as long as x0")
        for j in range(n):
            if not (scale[j] > 0.0 and scale[j] < math.inf):
                raise ValueError("x_scale must be positive and finite")
            if not (abs(steps[j]) > 0.0 and abs(steps[j]) < math.inf):
                raise ValueError("diff_step must be non-zero and finite")
        prepare(x, box)
        data = args if is_tuple else (args,)
        answer = fun(x.copy(), *data)
        m = size_of(answer)
        if m == 0 or (needs_all and m < n):
            raise ValueError("there must be residuals, and for method 'lm' as many as variables")
        first = np.empty(m)
        take(first, answer)
        outcome, long, short, nfev, replaced = solve(x, scale, box, options, m, first, data, steps, floor)
        columns = long[JACOBIAN : JACOBIAN + n]
        active = np.empty(n, np.int64)
        for j in range(n):
            active[j] = int(short[ACTIVE, j])
        return LeastSquaresResult(
            x, outcome.cost, long[RESIDUALS].copy(), columns.T.copy(), short[GRADIENT].copy(),
            outcome.optimality, active, nfev, outcome.njev, outcome.status, outcome.status > 0, replaced,
        )  # fmt: skip

    return implementation


@portable
def every_finite(values):
    """Whether no entry of an array is NaN or infinite."""
    finite = True
    for value in values.flat:
        finite &= is_finite(value)
    return finite


def _make_weights(sigma):
    """Function ``weights(sigma, m)``: factors of the residuals, or their covariance's Cholesky factor."""
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
        fill = _make_fill(sigma, 1.0, "sigma")

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
    """Function ``guess(x, p0, box)``: write the parameters to start from."""
    if given(p0):
        fill = _make_fill(p0, 1.0, "p0")
        if _is_number(p0) and n != 1:
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


@overload(curve_fit, prefer_literal=True, jit_options=INNER)
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
    fill_box, bounded = _make_fill_box(bounds)
    chosen = fit_method(literal(method, "method", "trf" if bounded else "lm"))
    if bounded and not chosen.bounded:
        raise TypingError(f"numgd.curve_fit: method {chosen.name!r} takes no bounds; use 'trf' or 'dogbox'")
    lm = chosen.minpack
    tolerance = LM_TOLERANCE if lm else 1e-8
    relative, absolute = _make_option(ftol, tolerance, "ftol"), _make_option(xtol, tolerance, "xtol")
    slope = _make_option(gtol, 0.0 if lm else 1e-8, "gtol")
    flag, word = types.boolean, types.int64
    checked = literal(check_finite, "check_finite", True)
    weights = _make_weights(sigma)
    guess = _make_guess(p0, n)
    matrix = isinstance(sigma, types.Array) and sigma.ndim == 2
    weights_type = types.Array(types.float64, 2 if matrix else 1, "C")
    data_type = types.Tuple((xdata, VECTOR, weights_type))

    def make(jacobian, scheme):
        return make_model_adapter(function, jacobian, scheme, n, data_type, VECTOR)

    scheme, adapter = _derivative(jac, function, tuple(range(1, n + 1)), make)
    exact = scheme in (EXACT, SOURCE)
    calls = (1 if exact else n + 1) if lm else 1
    default_limit = (100 * (n + 1) if exact else 200 * (n + 1)) if lm else 100 * n
    limit = _make_option(maxfev, default_limit, "maxfev", "max_nfev")
    step, floor = _default_step(scheme), 0.0 if lm else 1.0
    if adapter is None:
        raise TypingError(
            "numgd.curve_fit: f(xdata, *parameters) must compile and return a 1-D array, jac a 2-D array"
        )
    prepare, solve = _make_solve(chosen, scheme, adapter, data_type)

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
        y = np.empty(m)
        for i in range(m):
            y[i] = ydata[i]
        if checked and not (all_finite(y) and every_finite(xdata)):
            raise ValueError("xdata and ydata must be finite")
        x, box = np.empty(n), np.empty((2, n))
        if not fill_box(box, bounds):
            raise ValueError("bounds must be numbers or as long as the parameters")
        guess(x, p0, box)
        prepare(x, box)
        most = max(word(1), word(limit(maxfev)) // word(calls))
        options = FitOptions(
            relative(ftol), absolute(xtol), slope(gtol), most, word(0), 1.0, 100.0, flag(lm)
        )  # fmt: skip
        data = (xdata, y, weights(sigma, m))
        scale, steps = np.empty(n), np.empty(n)
        for j in range(n):
            scale[j], steps[j] = 1.0, step
        outcome, long, _, _, _ = solve(x, scale, box, options, m, np.empty(0), data, steps, floor)
        if outcome.status <= 0:
            raise RuntimeError("numgd.curve_fit: optimal parameters not found")
        known = absolute_sigma or m > n
        variance = 1.0 if absolute_sigma or not known else 2.0 * outcome.cost / (m - n)
        columns = long[JACOBIAN : JACOBIAN + n]
        pcov, full, certain, _, _, _ = estimate(columns, long[RESIDUALS], x, variance)
        if not (known and certain and (full or not lm)):
            pcov[:] = math.inf
        return x, pcov

    return implementation


refresh()
