"""`minimize` inside the user's ``@njit`` functions, including ``prange`` loops."""

from typing import Any, NamedTuple

import numpy as np
from numba import typeof, types
from numba.core.errors import TypingError
from numba.extending import overload

from numgd.autodiff import NotDifferentiable
from numgd.autodiff.derivation import derived
from numgd.callables.objective import Functions, asks_for_source, curvature_of, make_adapter, scheme_of
from numgd.foundations.agreement import AGREES, DIFFERS
from numgd.foundations.ranges import Tolerance, make_checked, make_related, parameter_of, parameters_of
from numgd.foundations.records import Method
from numgd.foundations.schemes import (
    EXACT,
    FULL_HESSIAN,
    GRADIENT_DIFFERENCES,
    HESSIAN_PRODUCT,
    NO_CURVATURE,
    PAIR,
    SOURCE_HESSIAN,
    SOURCE_PRODUCT,
    TWO_POINT,
)
from numgd.foundations.status import CONVERGED_FUNCTION, CONVERGED_GRADIENT, CONVERGED_STEP
from numgd.jit.arguments import loader, replace_entry, storage_size, store
from numgd.jit.inner import InnerCompiler
from numgd.jit.linked import linked, linked_into
from numgd.jit.once import process_word
from numgd.jit.overloads import refresh
from numgd.jit.pointers import address_of, linked_address
from numgd.jit.portable import portable, seldom
from numgd.kernels.cpu.solvers.check_derivatives import compare_curvature, compare_gradient
from numgd.kernels.cpu.solvers.host_evaluator import (
    HOST_ROWS,
    NFEV,
    NHEV,
    NJEV,
    REPLACED,
    REPLACED_CURVATURE,
)
from numgd.kernels.cpu.solvers.one_problem import allocator, entry, signature_of
from numgd.registry import METHODS
from numgd.solve._minimize import minimize
from numgd.solve.njit_arguments import dispatcher, given, literal, refuse, tuple_type
from numgd.solve.options import DRIVER_OPTIONS, default_settings, method_name, own_method, settings
from numgd.solve.plan import hand_over
from numgd.system.html import of_fields


class MinimizeResult(NamedTuple):
    """Result of `minimize` inside compiled code; the fields have the same meaning as SciPy's."""

    x: Any  # (n,) solution
    fun: Any  # value there
    jac: Any  # (n,) gradient there
    nit: Any
    nfev: Any
    njev: Any
    nhev: Any  # calls of hess or hessp
    replaced: Any  # derivative entries from the source that were not finite and replaced by differences
    status: Any  # a `numgd.Status`
    success: Any

    def _repr_html_(self):
        return of_fields(type(self).__name__, self._asdict())


def _options(argument):
    """The options whose values are known at compile time, and the names of the others.

    Numba knows the names in a dictionary of mixed types, and the values in one of integers.  It knows neither
    in a dictionary of floats; the names are then None.
    """
    if not given(argument):
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


def _make_fill(limits, names, dtype):
    """Function ``fill(options, values)``: the options with the values known only at run time, checked."""
    parameters, known = parameters_of(type(limits)), limits._fields

    @portable
    def unchanged(options, values):
        return options

    def with_entry(before, position, name, checked):
        @portable
        def fill(options, values):
            return replace_entry(before(options, values), position, checked(values[name]))

        return fill

    def with_entry_if_given(before, position, name, checked):
        @portable
        def fill(options, values):
            filled = before(options, values)
            if name in values:
                filled = replace_entry(filled, position, checked(values[name]))
            return filled

        return fill

    def with_relation(before, related, message):
        @portable
        def fill(options, values):
            filled = before(options, values)
            if not related(filled):
                raise ValueError(message)
            return filled

        return fill

    fill = unchanged
    for name in known if names is None else names:
        if name not in known:
            raise TypingError(f"numgd.minimize: unknown option {name!r}, or one that must be an integer")
        checked = make_checked(f"numgd.minimize: option {name!r}", parameters[name].kind, dtype.type)
        fill = (with_entry_if_given if names is None else with_entry)(fill, known.index(name), name, checked)
    for name, parameter in parameters.items():
        for relation in parameter.relations:
            if names is None or {name, relation.other}.intersection(names):
                related = make_related(known.index(name), relation, known.index(relation.other))
                message = f"option {name!r} must be {relation.words} option {relation.other!r}"
                fill = with_relation(fill, related, f"numgd.minimize: {message}")
    if names is not None:
        return fill

    @portable
    def fill_known(options, values):
        for name in values:
            if name not in known:
                raise ValueError("numgd.minimize: options has a name that the method does not know")
        return fill(options, values)

    return fill_known


def _make_tolerance(method, dtype, limits, tol):
    """Function ``apply(options, tol)``: the options with `tol` applied as in SciPy."""
    if not given(tol):

        @portable
        def apply(options, tol):
            return options

        return apply
    checked = make_checked("numgd.minimize: tol", parameter_of(Tolerance).kind, dtype.type)
    names = method.tolerances
    first, last = limits._fields.index(names[0]), limits._fields.index(names[-1])

    @portable
    def apply(options, tol):
        tolerance = checked(tol)
        return replace_entry(replace_entry(options, first, tolerance), last, tolerance)

    return apply


_RIGHT, _GRADIENT_DIFFERS, _CURVATURE_DIFFERS = 1, 2, 3
"""The result of comparing derivatives with differences; 0 until it is known."""


def _make_trust(scheme, curvature, dtype):
    """Function ``trust(x, box, function, context)``: the scheme and the curvature to use, nfev, njev, nhev.

    Derivatives from the source are compared with differences when the code is first executed; the counts
    returned are the evaluations that this takes.  If they disagree, differences are used instead.
    """
    word = types.int64
    by_source = curvature in (SOURCE_HESSIAN, SOURCE_PRODUCT)
    if scheme != PAIR and not by_source:

        @portable
        def trust(x, box, function, context):
            return word(scheme), word(curvature), 0, 0, 0

        return trust
    verdict, settle = process_word()
    compare = _make_comparison(scheme, curvature, dtype)
    other = GRADIENT_DIFFERENCES if by_source else curvature

    @portable
    def trust(x, box, function, context):
        found = verdict()
        nfev = njev = nhev = 0
        if found == 0:
            found, known, nfev, njev, nhev = compare(x, box, function, context)
            if known:
                settle(found)
        first = word(TWO_POINT if found == _GRADIENT_DIFFERS else scheme)
        second = word(curvature if found == _RIGHT else other)
        return first, second, nfev, njev, nhev

    return trust


def gradient_comparison(dtype):
    """The compiled comparison of gradients for a dtype, and the types of its arguments."""
    vector, matrix = np.empty(1, dtype), np.empty((1, 1), dtype)
    return compare_gradient(), tuple(map(typeof, (vector, 0, 0, matrix)))


def curvature_comparison(dtype):
    """The same for second derivatives."""
    vector, matrix = np.empty(1, dtype), np.empty((1, 1), dtype)
    return compare_curvature(), tuple(map(typeof, (vector, 0, 0, 0, 0, matrix)))


def _make_comparison(scheme, curvature, dtype):
    """Function ``compare(x, box, function, context)``: the result, whether it is final, nfev, njev, nhev."""
    by_source = curvature in (SOURCE_HESSIAN, SOURCE_PRODUCT)
    by_gradient = linked(gradient_comparison, dtype.name) if scheme == PAIR else None
    by_curvature = linked(curvature_comparison, dtype.name) if by_source else None
    word, keeps_matrix = types.int64, curvature == SOURCE_HESSIAN

    @portable
    def compare_first(x, function, context, box):
        return by_gradient((x, function, context, box))

    @portable
    def compare_second(x, function, context, box):
        return by_curvature((x, word(x.size if keeps_matrix else 0), function, context, word(scheme), box))

    comparisons = ((_GRADIENT_DIFFERS, compare_first), (_CURVATURE_DIFFERS, compare_second))
    wanted = [pair for pair, needed in zip(comparisons, (by_gradient, by_curvature), strict=True) if needed]
    (first_verdict, first), (last_verdict, last) = wanted[0], wanted[-1]
    both = len(wanted) > 1

    @seldom
    def compare(x, box, function, context):
        outcome, nfev, njev, nhev = first(x, function, context, box)
        if outcome == DIFFERS:
            return first_verdict, True, nfev, njev, nhev
        known = outcome == AGREES
        if both:
            outcome, more_nfev, more_njev, more_nhev = last(x, function, context, box)
            nfev, njev, nhev = nfev + more_nfev, njev + more_njev, nhev + more_nhev
            if outcome == DIFFERS:
                return last_verdict, known, nfev, njev, nhev
            known = known and outcome == AGREES
        return _RIGHT, known, nfev, njev, nhev

    return compare


def _curvature(method, hess, hessp):
    """Functions behind `hess` and `hessp`, and how curvature is obtained."""
    if method.curvature is None:
        if given(hess) or given(hessp):
            raise TypingError(f"numgd.minimize: method {method.name!r} uses no Hessian")
        return {}, NO_CURVATURE
    if isinstance(hess, types.Dispatcher):
        return {"hess": hess.dispatcher}, FULL_HESSIAN
    if given(hess):
        return {}, curvature_of(literal(hess, "numgd.minimize: hess"), None)
    if given(hessp):
        return {"hessp": dispatcher(hessp, "numgd.minimize: hessp")}, HESSIAN_PRODUCT
    return {}, curvature_of(None, None)


def _derivatives(functions, scheme, curvature, modes, explicit, make):
    """The functions, with derivatives from the source where none are given and the source allows it.

    `modes` are the fields of `Functions` to derive from the source, `explicit` those that are required;
    ``make(functions, scheme)`` returns the compiled objective or None.  Returns the scheme, how curvature is
    obtained, and that objective.
    """
    kinds = {"hess": SOURCE_HESSIAN, "hessp": SOURCE_PRODUCT}
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
def _fill_box(box, bounds, x):
    """Write the bounds in rows, and clip x to them."""
    if bounds.shape != (x.size, 2):
        raise ValueError("numgd.minimize: bounds must have shape (n, 2)")
    for i in range(x.size):
        box[0, i], box[1, i] = bounds[i]
        if not box[0, i] <= box[1, i]:
            raise ValueError("numgd.minimize: bounds must have low <= high")
        x[i] = min(max(x[i], box[0, i]), box[1, i])


@portable
def _no_box(box, bounds, x):
    pass


def _method_and_jac(method, jac, bounded):
    """The method and gradient from the arguments `method` and `jac`: as requested, and as used."""
    name = method_name(literal(method, "numgd.minimize: method") or ("l-bfgs-b" if bounded else "bfgs"))
    asked, found = name, own_method(name, bounded)
    if found is None:
        raise TypingError(f"numgd.minimize: this method cannot run inside @njit code; use {tuple(METHODS)}")
    if not given(jac):
        return asked, found, None, PAIR
    if isinstance(jac, types.Dispatcher):
        return asked, found, jac.dispatcher, EXACT
    if isinstance(jac, types.Boolean | types.StringLiteral | types.BooleanLiteral):
        return asked, found, None, scheme_of(literal(jac, "numgd.minimize: jac"))
    raise TypingError(
        "numgd.minimize: jac must be an @njit function, True, 'autodiff', '2-point', '3-point' or 'cs'"
    )


class _Call(NamedTuple):
    """What the types of a call come to."""

    method: Method
    dtype: np.dtype
    options: Any  # those that are known at compile time, and defaults
    maxcor: int
    run_time_options: Any  # names of the others; None if they are not known either
    scheme: int
    curvature: int
    adapter: Any  # the compiled objective
    args_type: types.BaseTuple
    is_tuple: bool
    bounded: bool


def _modes(method, jac, hess, scheme, second):
    """The fields of `Functions` to derive from the source, and those of them that the caller asks for."""
    modes = ["pair"] if scheme == PAIR else []
    exact = isinstance(hess, types.StringLiteral) and asks_for_source(hess.literal_value)
    if method.curvature and (exact or (modes and not second and not given(hess))):
        modes.append("hess" if method.curvature == "hessian" else "hessp")
    explicit = (["pair"] if modes[:1] == ["pair"] and given(jac) else []) + (modes[-1:] if exact else [])
    return modes, explicit


def _resolve(fun, x0, args, method, jac, hess, hessp, bounds, options):
    """The `_Call` of arguments of these types."""
    if not (isinstance(x0, types.Array) and x0.ndim == 1):
        raise TypingError("numgd.minimize: x0 must be a 1-D array inside @njit code")
    real = types.float32 if x0.dtype == types.float32 else types.float64
    dtype = np.dtype(real.name)
    bounded = given(bounds)
    if bounded and not (isinstance(bounds, types.Array) and bounds.ndim == 2):
        raise TypingError("numgd.minimize: bounds must be an array of shape (n, 2) inside @njit code")
    asked, chosen, gradient, scheme = _method_and_jac(method, jac, bounded)
    second, curvature = _curvature(chosen, hess, hessp)
    modes, explicit = _modes(chosen, jac, hess, scheme, second)
    known, unknown = _options(options)
    if bounded and chosen.name != asked:
        known = hand_over(asked, chosen, known)
    limits, maxcor, _ = settings(chosen, dtype, None, known)
    unavailable = sorted(set(known) & DRIVER_OPTIONS)
    if unavailable:
        raise TypingError(f"numgd.minimize: options {unavailable} are not available inside @njit code")
    args_type, is_tuple = tuple_type(args)
    vector = types.Array(real, 1, "C")

    def make(functions, scheme):
        return make_adapter(functions, scheme, loader(args_type), args_type, vector)

    functions = Functions(dispatcher(fun, "numgd.minimize: fun"), gradient, **second)
    scheme, curvature, adapter = _derivatives(functions, scheme, curvature, modes, explicit, make)
    if adapter is None:
        raise TypingError(
            "numgd.minimize: fun(x, *args) must compile and return a real number (with jac=True: a number "
            "and a 1-D array), jac(x, *args) a 1-D array"
        )
    return _Call(
        chosen, dtype, limits, maxcor, unknown, scheme, curvature, adapter, args_type, is_tuple, bounded
    )  # fmt: skip


def _make_run(call, tol):
    """Function ``run(x0, args, bounds, tol, options)``, which does the call."""
    method, dtype, limits, maxcor = call.method, call.dtype, call.options, call.maxcor
    is_tuple, size, address = call.is_tuple, storage_size(call.args_type), linked_address(call.adapter)
    fill = _make_fill(limits, call.run_time_options, dtype)
    with_tolerance = _make_tolerance(method, dtype, limits, tol)
    trust = _make_trust(call.scheme, call.curvature, dtype)
    keeps_matrix = method.curvature == "product" and call.curvature == FULL_HESSIAN
    rows, fill_box, bounded = method.rows, _fill_box if call.bounded else _no_box, call.bounded
    solve, allocate = _solver_of(method, dtype), linked(memory_of, dtype.name)
    word = types.int64  # literal types would cause the solver to be compiled again

    @portable
    def run(x0, args, bounds, tol, options):
        n = x0.size
        if n == 0:
            raise ValueError("x0 must not be empty")
        x, work, carried, report, matrix, box, context = allocate((
            word(n), word(rows(n, maxcor) + HOST_ROWS), word(n if keeps_matrix else 0),
            word(n if bounded else 0), word(size),
        ))  # fmt: skip
        for i in range(n):
            x[i] = x0[i]
        fill_box(box, bounds, x)
        store(address_of(context), args if is_tuple else (args,))
        ending = with_tolerance(fill(limits, options), tol)
        used, second, nfev, njev, nhev = trust(x, box, address(), address_of(context))
        outcome = solve((
            x, work, carried, ending, word(0), address(), address_of(context),
            used, x[:0], report, word(0), word(0), second, matrix, box,
        ))  # fmt: skip
        context[:0] = 0  # keeps the packed args alive until here
        status = outcome.status
        success = status in (CONVERGED_GRADIENT, CONVERGED_FUNCTION, CONVERGED_STEP)
        return MinimizeResult(
            x, outcome.f, work[0], outcome.nit, nfev + word(report[NFEV]), njev + word(report[NJEV]),
            nhev + word(report[NHEV]), word(report[REPLACED] + report[REPLACED_CURVATURE]), status, success,
        )  # fmt: skip

    return run


def memory_of(dtype):
    """The compiled `allocator` of a dtype, and the types of its arguments."""
    return allocator(np.dtype(dtype)), (types.int64,) * 5


def solver_of(name, dtype):
    """The compiled solver of one of numgd's methods for a dtype, and the types of its arguments."""
    method, dtype = METHODS[name], np.dtype(dtype)
    return entry(method), signature_of(method, default_settings(method, dtype).options, dtype)


def _solver_of(method, dtype):
    """Function ``solve(arguments)``, which calls the solver of a method."""
    if method.is_own:
        return linked(solver_of, method.name, dtype.name)
    return linked_into(entry(method))  # a user's method is known in this process only


@overload(minimize, prefer_literal=True, jit_options={"forceinline": True, "pipeline_class": InnerCompiler})
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
    refuse("numgd.minimize", constraints=constraints, callback=callback)
    run = _make_run(_resolve(fun, x0, args, method, jac, hess, hessp, bounds, options), tol)

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
        return run(x0, args, bounds, tol, options)

    return implementation


refresh()
