"""`minimize` inside the user's own ``@njit`` functions, under ``prange`` too."""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

from numgd.access import CARRIED
from numgd.autodiff import NotDifferentiable
from numgd.autodiff.derivation import derived
from numgd.jit.arguments import loader, replace_entry, storage_size, store, stored_type
from numgd.jit.pointers import address_of, linked_address
from numgd.jit.portable import portable
from numgd.kernels.cpu.solve import (
    EXACT,
    FULL_HESSIAN,
    HESSIAN_PRODUCT,
    HOST_ROWS,
    NFEV,
    NHEV,
    NJEV,
    NO_CURVATURE,
    PAIR,
    REPORT_SIZE,
    THREE_POINT,
    TWO_POINT,
    entry,
    make_rows,
)
from numgd.minimize import hand_over, minimize
from numgd.objective import Functions, asks_for_source, curvature_of, make_adapter, scheme_of
from numgd.options import DRIVER_OPTIONS, METHODS, method_name, own_method, settings
from numgd.second_order import trait
from numgd.second_order.descent import AUTOMATIC
from numgd.status import CONVERGED_FUNCTION, CONVERGED_GRADIENT, CONVERGED_STEP


class MinimizeResult(NamedTuple):
    """Result of `minimize` inside compiled code; the fields mean what SciPy's mean."""

    x: Any  # (n,) solution
    fun: Any  # value there
    jac: Any  # (n,) gradient there
    nit: Any
    nfev: Any
    njev: Any
    nhev: Any  # calls of hess or hessp
    status: Any  # a `numgd.Status`
    success: Any


def _given(argument):
    """Whether an argument was given: it is neither omitted nor None."""
    return argument is not None and not isinstance(argument, types.Omitted | types.NoneType)


def _constant(argument, name):
    """The compile-time value of an argument that must be a literal."""
    if not _given(argument):
        return None
    if isinstance(argument, types.Literal):
        return argument.literal_value
    raise TypingError(f"numgd.minimize: {name} must be a literal inside @njit code")


def _function(argument, name):
    """The dispatcher that an argument stands for."""
    if isinstance(argument, types.Dispatcher):
        return argument.dispatcher
    raise TypingError(f"numgd.minimize: {name} must be an @njit function inside @njit code")


def _options(argument):
    """The options whose values are known when compiling, and the names of those that are not.

    Numba knows the names in a dictionary of mixed types, and the values in one of integers; of one of floats
    it knows neither: its names are then None.
    """
    if not _given(argument):
        return {}, ()
    if isinstance(argument, types.LiteralStrKeyDict):
        values = {key.literal_value: value for key, value in argument.literal_value.items()}
        known = {k: v.literal_value for k, v in values.items() if isinstance(v, types.Literal)}
        return known, tuple(name for name in values if name not in known)
    if isinstance(argument, types.DictType) and argument.key_type == types.unicode_type:
        if argument.initial_value is not None:
            return dict(argument.initial_value), ()
        return {}, None
    raise TypingError("numgd.minimize: options must be a dictionary with names as keys")


def _make_fill(limits, names):
    """Function ``fill(options, given)``: the options with the values that are known only at run time."""

    @portable
    def unchanged(options, given):
        return options

    def with_entry(before, position, name):
        @portable
        def fill(options, given):
            return replace_entry(before(options, given), position, given[name])

        return fill

    def with_entry_if_given(before, position, name):
        @portable
        def fill(options, given):
            filled = before(options, given)
            if name in given:
                filled = replace_entry(filled, position, given[name])
            return filled

        return fill

    fill = unchanged
    for name in limits._fields if names is None else names:
        if name not in limits._fields:
            raise TypingError(f"numgd.minimize: unknown option {name!r}, or one that must be an integer")
        position = limits._fields.index(name)
        fill = (with_entry_if_given if names is None else with_entry)(fill, position, name)
    if names is not None:
        return fill
    known = limits._fields

    @portable
    def checked(options, given):
        for name in given:
            if name not in known:
                raise ValueError("numgd.minimize: options has a name that the method does not know")
        return fill(options, given)

    return checked


def _make_range_check(limits):
    """Function ``in_range(options)``: whether the values that were given at run time make sense."""

    @portable
    def loop_in_range(options):
        return (
            options.gtol >= 0 and options.norm >= 1 and options.maxfun >= 1 and options.maxiter >= AUTOMATIC
        )

    @portable
    def search_in_range(options):
        return (
            loop_in_range(options)
            and options.c1 > 0
            and options.c1 < options.c2
            and options.c2 < 1
            and options.ftol >= 0
            and options.xrtol >= 0
            and options.maxls >= 1
        )

    return search_in_range if "c1" in limits._fields else loop_in_range


def _make_tolerance(method, dtype, limits, tol):
    """Function ``apply(options, tol)``: the options with SciPy's meaning of `tol`."""
    if not _given(tol):

        @portable
        def apply(options, tol):
            return options

        return apply
    real = dtype.type
    names = trait(method, "TOLERANCES", ("gtol",))
    first, last = limits._fields.index(names[0]), limits._fields.index(names[-1])

    @portable
    def apply(options, tol):
        return replace_entry(replace_entry(options, first, real(tol)), last, real(tol))

    return apply


def _make_steps(scheme, dtype):
    """Function ``steps(n)``: the default difference steps, empty where the gradient is exact."""
    differs = scheme in (TWO_POINT, THREE_POINT)
    step = dtype.type(np.finfo(dtype).eps ** (1 / 2 if scheme == TWO_POINT else 1 / 3))

    @portable
    def steps(n):
        return np.full(n if differs else 0, step)

    return steps


def _curvature(method, hess, hessp):
    """Functions behind `hess` and `hessp`, and how curvature is obtained."""
    if trait(method, "CURVATURE") is None:
        if _given(hess) or _given(hessp):
            raise TypingError(f"numgd.minimize: method {method!r} uses no Hessian")
        return {}, NO_CURVATURE
    if isinstance(hess, types.Dispatcher):
        return {"hess": hess.dispatcher}, FULL_HESSIAN
    if _given(hess):
        return {}, curvature_of(_constant(hess, "hess"), None)
    if _given(hessp):
        return {"hessp": _function(hessp, "hessp")}, HESSIAN_PRODUCT
    return {}, curvature_of(None, None)


def _derivatives(functions, scheme, curvature, modes, explicit, make):
    """The functions with derivatives of the source where none are given, as far as there are any.

    `modes` are the fields of `Functions` that the source is asked for, `explicit` those without which there
    is no solution; ``make(functions, scheme)`` gives the compiled objective or None.  Returns the scheme, how
    curvature is obtained, and that objective.
    """
    kinds = {"hess": FULL_HESSIAN, "hessp": HESSIAN_PRODUCT}
    names = {"pair": "value_and_grad_to", "hess": "hessian", "hessp": "hessp"}
    while True:
        try:
            found = {field: derived(names[field], functions.fun, 0) for field in modes}
            adapter = make(functions._replace(**found), scheme)
        except NotDifferentiable:
            adapter = None
        if adapter is not None or not set(modes) - set(explicit):
            return scheme, kinds.get(modes[-1], curvature) if modes else curvature, adapter
        *modes, given_up = modes
        if given_up == "pair":
            scheme = TWO_POINT


@portable
def _make_box(bounds, x):
    """The bounds in rows, and x clipped to them."""
    if bounds.shape != (x.size, 2):
        raise ValueError("numgd.minimize: bounds must have shape (n, 2)")
    box = np.empty((2, x.size), x.dtype)
    for i in range(x.size):
        box[0, i], box[1, i] = bounds[i]
        if not box[0, i] <= box[1, i]:
            raise ValueError("numgd.minimize: bounds must have low <= high")
        x[i] = min(max(x[i], box[0, i]), box[1, i])
    return box


@portable
def _no_box(bounds, x):
    return np.empty((2, 0), x.dtype)


def _method_and_jac(method, jac, bounded):
    """Names and functions behind the arguments `method` and `jac`: what was asked for, what solves it."""
    name = method_name(_constant(method, "method") or ("l-bfgs-b" if bounded else "bfgs"))
    asked, name = name, own_method(name, bounded)
    if bounded and not trait(name, "BOUNDED"):
        name = None
    if name not in METHODS:
        raise TypingError(f"numgd.minimize: this method cannot run inside @njit code; use {METHODS}")
    if not _given(jac):
        return asked, name, None, PAIR
    if isinstance(jac, types.Dispatcher):
        return asked, name, jac.dispatcher, EXACT
    if isinstance(jac, types.Boolean | types.StringLiteral | types.BooleanLiteral):
        return asked, name, None, scheme_of(_constant(jac, "jac"))
    raise TypingError(
        "numgd.minimize: jac must be an @njit function, True, 'autodiff', '2-point', '3-point' or 'cs'"
    )


@overload(minimize, prefer_literal=True)
def _minimize_in_njit(
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
):
    if constraints not in ((), types.Tuple(())) and _given(constraints):
        raise TypingError("numgd.minimize: constraints is not available inside @njit code")
    if _given(callback):
        raise TypingError("numgd.minimize: callback is not available inside @njit code")
    if not (isinstance(x0, types.Array) and x0.ndim == 1):
        raise TypingError("numgd.minimize: x0 must be a 1-D array inside @njit code")
    real = types.float32 if x0.dtype == types.float32 else types.float64
    dtype = np.dtype(real.name)
    bounded = _given(bounds)
    if bounded and not (isinstance(bounds, types.Array) and bounds.ndim == 2):
        raise TypingError("numgd.minimize: bounds must be an array of shape (n, 2) inside @njit code")
    asked, method_key, gradient, scheme = _method_and_jac(method, jac, bounded)
    second, curvature = _curvature(method_key, hess, hessp)
    wanted = trait(method_key, "CURVATURE")
    modes = ["pair"] if scheme == PAIR else []
    exact = isinstance(hess, types.StringLiteral) and asks_for_source(hess.literal_value)
    if wanted and (exact or (modes and not second and not _given(hess))):
        modes.append("hess" if wanted == "hessian" else "hessp")
    explicit = (["pair"] if modes[:1] == ["pair"] and _given(jac) else []) + (modes[-1:] if exact else [])
    known, unknown = _options(options)
    if bounded and method_key != asked:
        known = hand_over(asked, method_key, known, stacklevel=2)
    limits, maxcor, _ = settings(method_key, dtype, None, known)
    unavailable = sorted(set(known) & DRIVER_OPTIONS)
    if unavailable:
        raise TypingError(f"numgd.minimize: options {unavailable} are not available inside @njit code")
    fill = _make_fill(limits, unknown)
    in_range = _make_range_check(limits)
    with_tolerance = _make_tolerance(method_key, dtype, limits, tol)
    word, flag = types.int64, types.boolean  # literals would have the solver compiled for themselves

    args_type = args.value if isinstance(args, types.Omitted) else args
    is_tuple = isinstance(args_type, types.BaseTuple) or args_type == ()
    args_type = types.Tuple(()) if args_type == () else args_type
    if not is_tuple:
        args_type = types.Tuple((args_type,))
    args_type = stored_type(args_type)
    vector = types.Array(real, 1, "C")

    def make(functions, scheme):
        return make_adapter(functions, scheme, loader(args_type), args_type, vector)

    functions = Functions(_function(fun, "fun"), gradient, **second)
    scheme, curvature, adapter = _derivatives(functions, scheme, curvature, modes, explicit, make)
    steps = _make_steps(scheme, dtype)
    keeps_matrix = wanted == "product" and curvature == FULL_HESSIAN
    if adapter is None:
        raise TypingError(
            "numgd.minimize: fun(x, *args) must compile and return a real number (with jac=True: a number "
            "and a 1-D array), jac(x, *args) a 1-D array"
        )
    address = linked_address(adapter)
    size = storage_size(args_type)
    rows = make_rows(method_key)
    solve = entry(method_key)
    make_box = _make_box if bounded else _no_box

    def implementation(
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
    ):
        n = x0.size
        if n == 0:
            raise ValueError("x0 must not be empty")
        x = np.empty(n, dtype)
        for i in range(n):
            x[i] = x0[i]
        box = make_box(bounds, x)
        order = n if keeps_matrix else 0
        work = np.empty((rows(n, maxcor) + HOST_ROWS, n), dtype)
        report = np.empty(REPORT_SIZE)
        context = np.empty(size, np.uint8)
        store(address_of(context), args if is_tuple else (args,))
        ending = with_tolerance(fill(limits, options), tol)
        if not in_range(ending):
            raise ValueError("numgd.minimize: an option or tol is out of range")
        outcome = solve(
            x, work, np.full(CARRIED, np.nan, dtype), ending, word(0), address(), address_of(context),
            word(scheme), steps(n), report, flag(False), word(0), word(curvature),
            np.empty((order, order), dtype), box,
        )  # fmt: skip
        context[:0] = 0  # the packed args live until here
        status = outcome.status
        success = status in (CONVERGED_GRADIENT, CONVERGED_FUNCTION, CONVERGED_STEP)
        return MinimizeResult(
            x, outcome.f, work[0], outcome.nit, int(report[NFEV]), int(report[NJEV]), int(report[NHEV]),
            status, success,
        )  # fmt: skip

    return implementation
