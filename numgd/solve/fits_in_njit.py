"""What `least_squares` and `curve_fit` share inside ``@njit`` code: arguments, and the solve itself."""

import math

import numpy as np
from numba import typeof, types
from numba.core.errors import TypingError

from numgd.autodiff import NotDifferentiable
from numgd.autodiff.derivation import derived
from numgd.callables.objective import scheme_of
from numgd.foundations.agreement import DIFFERS, UNKNOWN
from numgd.foundations.linalg import all_finite
from numgd.foundations.ranges import make_checked, parameters_of
from numgd.foundations.schemes import EXACT, PAIR, SOURCE, THREE_POINT, TWO_POINT
from numgd.foundations.spaces import copy
from numgd.jit.arguments import storage_size, store
from numgd.jit.linked import linked, linked_into
from numgd.jit.once import process_word
from numgd.jit.pointers import address_of, linked_address
from numgd.jit.portable import portable, seldom
from numgd.kernels.cpu.solvers.check_derivatives import COLUMNS, OWN_ROWS, compare_jacobian
from numgd.kernels.cpu.solvers.least_squares import (
    FIT_CALLS,
    FIT_HOST_ROWS,
    FIT_REPLACED,
    FIT_REPORT_SIZE,
    entry,
    signature_of_fit,
)
from numgd.registry import FIT_METHODS
from numgd.solve.fit_settings import EPSILON
from numgd.solve.njit_arguments import given, literal
from numgd.sums_of_squares.box import move_inside
from numgd.sums_of_squares.evaluator import (
    NOT_FINITE_AT_START,
    RESIDUALS,
    FitOptions,
    long_rows,
    short_rows,
)

# Arguments at compile time ---------------------------------------------------------------------------------


def derivative(jac, function, argnum, make):
    """The scheme by which the Jacobian is obtained, and the adapter that ``make(jacobian, scheme)`` returns.

    If no Jacobian is given, it is derived from the source, with respect to the arguments `argnum`, if it can
    be.
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


def is_number(numba_type):
    return isinstance(numba_type, types.Float | types.Integer)


def make_fill(argument, default, name):
    """Function ``fill(out, value)`` for an argument that is a number or a vector, `default` if omitted.

    It returns False for a vector of the wrong length.
    """
    if not given(argument):

        @portable
        def fill(out, value):
            for j in range(out.size):
                out[j] = default
            return True

    elif is_number(argument):

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


def make_fill_box(bounds):
    """Function ``fill_box(box, bounds)``: it returns False for bounds of the wrong length."""
    if not given(bounds):

        @portable
        def fill_box(box, bounds):
            for j in range(box.shape[1]):
                box[0, j], box[1, j] = -math.inf, math.inf
            return True

        return fill_box
    if not (isinstance(bounds, types.BaseTuple) and len(bounds) == 2):
        raise TypingError("bounds must be a pair (lower, upper) inside @njit code")
    fill_lower = make_fill(bounds[0], -math.inf, "bounds")
    fill_upper = make_fill(bounds[1], math.inf, "bounds")

    @portable
    def fill_box(box, bounds):
        return fill_lower(box[0], bounds[0]) and fill_upper(box[1], bounds[1])

    return fill_box


def make_option(argument, default, name, field=None):
    """Function ``option(value)``: a checked field of `FitOptions`, or `default` if omitted."""
    if not given(argument):

        @portable
        def omitted(value):
            return default

        return omitted
    if not is_number(argument):
        raise TypingError(f"{name} must be a number inside @njit code")
    kind = parameters_of(FitOptions)[field or name].kind
    if isinstance(argument, types.Literal):
        kind.check(name, argument.literal_value)
    return make_checked(name, kind, np.float64)


def default_step(scheme):
    return EPSILON ** (1 / 3 if scheme == THREE_POINT else 1 / 2)


# Checks and the solve at run time ---------------------------------------------------------------------------


@portable
def _check_box(x, box):
    for j in range(x.size):
        if not box[0, j] < box[1, j]:
            raise ValueError("bounds: each lower bound must be less than its upper bound")
        if not (x[j] >= box[0, j] and x[j] <= box[1, j]):
            raise ValueError("the starting point is infeasible: it lies outside the bounds")


def jacobian_comparison():
    """The compiled comparison of Jacobians, and the types of its arguments."""
    vector, matrix = np.empty(1), np.empty((1, 1))
    return compare_jacobian(), tuple(map(typeof, (vector, matrix, matrix, 0, 0, vector, matrix)))


def fit_solver(name):
    """The compiled solver of one of numgd's least-squares methods, and the types of its arguments."""
    return entry(FIT_METHODS[name]), signature_of_fit()


def _solver_of(method):
    """Function ``solve(arguments)``, which calls the solver of a method."""
    if method.is_own:
        return linked(fit_solver, method.name)
    return linked_into(entry(method))  # a user's method is known in this process only


def _make_trust(scheme):
    """Function ``trust(x, box, m, function, context)``: the scheme to use, and the evaluations made.

    A Jacobian from the source is compared with differences when the code is first executed.
    """
    word = types.int64
    if scheme != SOURCE:

        @portable
        def trust(x, box, m, function, context):
            return word(scheme), 0

        return trust
    verdict, settle = process_word()
    compare = linked(jacobian_comparison)

    @seldom
    def compared(x, box, m, function, context):
        n = x.size
        short, long = np.empty((OWN_ROWS + FIT_HOST_ROWS, n)), np.empty((COLUMNS + n + 1, m))
        report = np.empty(FIT_REPORT_SIZE)
        return compare((x, short, long, function, context, report, box)), int(report[FIT_CALLS])

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
"""The result of comparing a Jacobian with differences; 0 until it is known."""


def make_solve(method, scheme, adapter, data_type):
    """Function ``solve(x, scale, box, options, m, first, data, steps, floor)``, shared by both interfaces.

    It overwrites x and returns the outcome, `long` and `short`, nfev including the first comparison of the
    Jacobian, and the number of replaced Jacobian entries.  `first` holds the residuals at x, or is empty.
    """
    address = linked_address(adapter)
    size = storage_size(types.Tuple((types.int64, data_type)))
    run, trust = _solver_of(method), _make_trust(scheme)
    word, flag = types.int64, types.boolean  # literal types would cause the solver to be compiled again
    interior = method.interior

    @portable
    def solve(x, scale, box, options, m, first, data, steps, floor):
        n = x.size
        long = np.empty((long_rows(n) + 1, m))
        short = np.empty((short_rows(n) + FIT_HOST_ROWS, n))
        if first.size > 0:
            copy(long[RESIDUALS], first)
        context = np.empty(size, np.uint8)
        store(address_of(context), (word(m), data))
        used, compared = trust(x, box, m, address(), address_of(context))
        report = np.empty(FIT_REPORT_SIZE)
        outcome = run((
            x, scale, long, short, np.empty(n, np.int64), options, flag(first.size > 0), address(),
            address_of(context), used, steps, floor, report, word(0), word(0), box,
        ))  # fmt: skip
        context[:0] = 0  # keeps the packed data alive until here
        if outcome.status == NOT_FINITE_AT_START:
            raise ValueError("the residuals are not finite at the starting point")
        return outcome, long, short, outcome.nfev + compared, int(report[FIT_REPLACED])

    @portable
    def prepare(x, box):
        if not all_finite(x):
            raise ValueError("the starting point must be finite")
        _check_box(x, box)
        if interior:
            move_inside(x, box[0], box[1], 1e-10)

    return prepare, solve
