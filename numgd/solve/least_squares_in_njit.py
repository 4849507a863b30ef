"""`least_squares` inside the user's ``@njit`` functions, including ``prange`` loops."""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

from numgd.callables.residuals.adapter import as_it_is, make_residual_adapter, make_take
from numgd.callables.residuals.compiled import VECTOR
from numgd.jit.inner import InnerCompiler
from numgd.jit.overloads import refresh
from numgd.jit.portable import portable
from numgd.solve._least_squares import least_squares
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
from numgd.solve.njit_arguments import dispatcher, given, literal, refuse, tuple_type
from numgd.sums_of_squares.evaluator import ACTIVE, GRADIENT, JACOBIAN, RESIDUALS, FitOptions
from numgd.sums_of_squares.losses import LOSSES
from numgd.system.html import of_fields


class LeastSquaresResult(NamedTuple):
    """Result of `least_squares` inside compiled code; the fields have the same meaning as SciPy's."""

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
    replaced: Any  # Jacobian entries from the source that were not finite and replaced by differences

    def _repr_html_(self):
        return of_fields(type(self).__name__, self._asdict())


def _method_of(method, loss, bounded):
    """The method and the code of the loss."""
    chosen = fit_method(literal(method, "method", "trf"))
    kind = literal(loss, "loss", "linear")
    if kind not in LOSSES or (kind != "linear" and not chosen.robust):
        message = f"method {chosen.name!r} has no loss {kind!r} inside @njit code"
        raise TypingError(f"numgd.least_squares: {message}")
    if bounded and not chosen.bounded:
        message = f"method {chosen.name!r} takes no bounds; use 'trf' or 'dogbox'"
        raise TypingError(f"numgd.least_squares: {message}")
    return chosen, LOSSES[kind]


def _make_options(loss, adaptive, ftol, xtol, gtol, f_scale, max_nfev):
    """Function ``options_of(n, ftol, xtol, gtol, f_scale, max_nfev)``: the checked options of the solver."""
    relative, absolute = make_option(ftol, 1e-8, "ftol"), make_option(xtol, 1e-8, "xtol")
    slope, margin = make_option(gtol, 1e-8, "gtol"), make_option(f_scale, 1.0, "f_scale")
    limit = make_option(max_nfev, 0, "max_nfev")
    flag, word = types.boolean, types.int64

    @portable
    def options_of(n, ftol, xtol, gtol, f_scale, max_nfev):
        evaluations = word(limit(max_nfev))
        return FitOptions(
            relative(ftol), absolute(xtol), slope(gtol), evaluations if evaluations > 0 else word(100 * n),
            word(loss), margin(f_scale), 100.0, flag(adaptive),
        )  # fmt: skip

    return options_of


def _make_start(method, scheme, x_scale, bounds, diff_step):
    """Function ``start(x0, x_scale, bounds, diff_step)``: x, the scale, the difference steps and the box."""
    adaptive = method.minpack if not given(x_scale) else isinstance(x_scale, types.StringLiteral)
    if isinstance(x_scale, types.StringLiteral) and x_scale.literal_value != "jac":
        raise TypingError("numgd.least_squares: x_scale must be None, 'jac' or positive numbers")
    fill_scale = make_fill(None if adaptive else x_scale, 1.0, "x_scale")
    fill_steps = make_fill(diff_step, default_step(scheme), "diff_step")
    fill_box = make_fill_box(bounds)

    @portable
    def start(x0, x_scale, bounds, diff_step):
        n = x0.size
        if n == 0:
            raise ValueError("x0 must not be empty")
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
        return x, scale, steps, box

    return start, adaptive


def _make_first(answer, needs_all):
    """Function ``first_of(answer, n)``: the residuals at the starting point as a vector, checked."""
    take = make_take(answer, as_it_is, False)
    single = is_number(answer)

    @portable
    def size_of(answer):
        return 1 if single else len(answer)

    @portable
    def first_of(answer, n):
        m = size_of(answer)
        if m == 0 or (needs_all and m < n):
            raise ValueError("there must be residuals, and for method 'lm' as many as variables")
        first = np.empty(m)
        take(first, answer)
        return first

    return first_of


@portable
def _result(x, outcome, long, short, nfev, replaced):
    n = x.size
    active = np.empty(n, np.int64)
    for j in range(n):
        active[j] = int(short[ACTIVE, j])
    return LeastSquaresResult(
        x, outcome.cost, long[RESIDUALS].copy(), long[JACOBIAN : JACOBIAN + n].T.copy(),
        short[GRADIENT].copy(), outcome.optimality, active, nfev, outcome.njev, outcome.status,
        outcome.status > 0, replaced,
    )  # fmt: skip


@overload(
    least_squares, prefer_literal=True, jit_options={"forceinline": True, "pipeline_class": InnerCompiler}
)
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
    refuse(
        "numgd.least_squares", tr_solver=tr_solver, tr_options=tr_options, jac_sparsity=jac_sparsity,
        verbose=verbose, kwargs=kwargs, callback=callback, workers=workers,
    )  # fmt: skip
    if not (isinstance(x0, types.Array) and x0.ndim == 1):
        raise TypingError("numgd.least_squares: x0 must be a 1-D array inside @njit code")
    chosen, loss_code = _method_of(method, loss, given(bounds))
    args_type, is_tuple = tuple_type(args)
    function = dispatcher(fun, "fun")

    def make(jacobian, scheme):
        return make_residual_adapter(function, jacobian, scheme, args_type, VECTOR)

    stepped = given(diff_step) and not given(jac)
    scheme, adapter = derivative(types.literal("2-point") if stepped else jac, function, 0, make)
    if adapter is None:
        raise TypingError(
            "numgd.least_squares: fun(x, *args) must compile and return residuals, jac(x, *args) a 2-D array"
        )
    floor = 0.0 if given(diff_step) else 1.0
    start, adaptive = _make_start(chosen, scheme, x_scale, bounds, diff_step)
    options_of = _make_options(loss_code, adaptive, ftol, xtol, gtol, f_scale, max_nfev)
    first_of = _make_first(function.overloads[(VECTOR, *args_type)].signature.return_type, chosen.minpack)
    prepare, solve = make_solve(chosen, scheme, adapter, args_type)

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
        options = options_of(x0.size, ftol, xtol, gtol, f_scale, max_nfev)
        x, scale, steps, box = start(x0, x_scale, bounds, diff_step)
        prepare(x, box)
        data = args if is_tuple else (args,)
        first = first_of(fun(x.copy(), *data), x.size)
        outcome, long, short, nfev, replaced = solve(
            x, scale, box, options, first.size, first, data, steps, floor
        )  # fmt: skip
        return _result(x, outcome, long, short, nfev, replaced)

    return implementation


refresh()
