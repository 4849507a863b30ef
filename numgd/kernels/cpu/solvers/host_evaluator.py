"""How a solver on the host calls a compiled objective: values, gradients and second derivatives."""

import math
from typing import Any, NamedTuple

from numgd.foundations.curvature import difference_step, make_differences, symmetrize
from numgd.foundations.differences import make_replacement
from numgd.foundations.evaluator import CARRIED, Evaluator
from numgd.foundations.linalg import all_finite, epsilon, is_finite, multiply
from numgd.foundations.schemes import (
    CENTRAL_GRADIENT_DIFFERENCES,
    COMPLEX_STEP,
    FULL_HESSIAN,
    JOINT,
    PAIR,
    SOURCE_HESSIAN,
    SOURCE_PRODUCT,
    TWO_POINT,
    by_differences,
    by_products,
    relative,
    two_sided,
)
from numgd.jit.pointers import (
    WANT_GRADIENT,
    WANT_HESSIAN,
    WANT_PRODUCT,
    WANT_VALUE,
    call_objective,
    call_python,
    interrupted,
)
from numgd.jit.portable import portable, seldom
from numgd.kernels.cpu.solvers.cholesky import cholesky_rows

# Fields of the report that the entry leaves for its caller
NFEV, NJEV, NHEV, F, ITERATION, ASYMMETRY, LAST_F, REPLACED, REPLACED_CURVATURE, REFINED = range(10)
REPORT_SIZE = 10
"""REPLACED and REPLACED_CURVATURE count the entries of derivatives from the source that differences replaced
because they were not finite although the value was.  REFINED is 1 once central differences have replaced
forward ones."""

HOST_CARRIED = CARRIED + 1  # the numbers that the solver carries, and REFINED

HOST_ROWS = 5  # the objective's argument, two moved points of differences, a gradient there, a column


class Problem(NamedTuple):
    """The data that the functions of `make_evaluator` need; solvers only pass it on."""

    function: Any  # address of the compiled objective
    context: Any  # address of its packed args
    scheme: Any  # how the gradient is obtained
    steps: Any  # difference steps, one per variable; empty for defaults that suit the rounding of values
    report: Any
    rows: Any  # (HOST_ROWS, n) scratch
    attention: Any  # how the solve can be interrupted; see `numgd.jit.pointers.interrupted`
    hook: Any  # address of a Python callable that is called in every iteration, 0 for none
    curvature: Any  # how second derivatives are obtained
    matrix: Any  # (n, n) if a solver that uses products computes them from the Hessian, else (0, 0)
    box: Any  # (2, n) lower and upper bounds, (2, 0) where there are none


@portable
def observe(problem, iteration, f):
    """Report an iteration to the caller's hook, if there is one; a non-zero result stops the solver."""
    if interrupted(problem.attention):
        return 1
    if problem.hook == 0:
        return 0
    problem.report[F] = f
    problem.report[ITERATION] = iteration
    return int(call_python(problem.hook, iteration))


def make_call(space):
    """Function ``call(problem, x, g, wanted) -> value`` that calls the compiled objective."""
    copy = space.copy

    def call(problem, x, g, wanted):
        # The user's function gets a copy, so it may overwrite its argument.
        argument = problem.rows[0]
        copy(argument, x)
        if wanted & WANT_VALUE:
            problem.report[NFEV] += 1
        if wanted & WANT_GRADIENT:
            problem.report[NJEV] += 1
        return call_objective(problem.function, argument, g, wanted, problem.context)

    return call


@portable
def bounds(problem):
    """The box that a problem's variables must stay in."""
    return problem.box[0], problem.box[1]


def make_evaluator(space):
    """The host's `Evaluator` over a space."""
    evaluate, value, gradient, slopes = make_gradients(space)
    curve, hessian, product = make_curvature(space, slopes)
    refine = make_refine(slopes)
    return Evaluator(
        evaluate, value, gradient, curve, hessian, product, cholesky_rows, observe, bounds, refine
    )  # fmt: skip


# Gradients -------------------------------------------------------------------------------------------------


def make_objective_differences(space, call):
    """Function ``differences(problem, x, f, g)``: the gradient by differences at x, where the value is f."""
    copy = space.copy

    @seldom
    def differences(problem, x, f, g):
        real = x.dtype.type
        moved = problem.rows[1]
        copy(moved, x)
        both_sides = two_sided(problem.scheme) or problem.report[REFINED] > 0
        usual = epsilon(x) ** (real(1) / real(3 if both_sides else 2))
        boxed = problem.box.size > 0
        for i in range(x.size):
            if interrupted(problem.attention):
                g[i] = real(math.nan)
                return
            central = both_sides
            h = problem.steps[i] if problem.steps.size > 0 else usual
            if relative(problem.scheme):
                # Always forward: a direction that depends on the sign of x would make the gradient jump at 0.
                h *= max(real(1), abs(x[i]))
            if boxed:
                low, high = problem.box[0, i], problem.box[1, i]
                if central and not (x[i] - abs(h) >= low and x[i] + abs(h) <= high):
                    central = False
                if not central and not (x[i] + h >= low and x[i] + h <= high):
                    # Towards the side with more room; in a narrow box the step is shortened to fit.
                    h = min(abs(h), high - x[i]) if high - x[i] > x[i] - low else -min(abs(h), x[i] - low)
                if low == high:
                    g[i] = real(0)
                    continue
            moved[i] = x[i] + h
            ahead = call(problem, moved, g, WANT_VALUE)
            width = moved[i] - x[i]  # the step after rounding
            behind = f
            if central:
                moved[i] = x[i] - h
                behind = call(problem, moved, g, WANT_VALUE)
                width += x[i] - moved[i]
            moved[i] = x[i]
            g[i] = (ahead - behind) / width

    return differences


def make_mend(space, call):
    """Function ``mend(problem, x, f, g)``: replace the non-finite entries of a gradient by differences."""
    copy, dot = space.copy, space.dot

    @seldom
    def apart(problem, x):
        return call(problem, x, problem.rows[1], WANT_VALUE)

    replace = make_replacement(copy, apart)

    @portable
    def mend(problem, x, f, g):
        """Replace non-finite entries of a gradient from the source by differences if f is finite."""
        if not is_finite(dot(g, g)) and is_finite(f) and not all_finite(g):
            problem.report[REPLACED] += replace(problem, x, f, g, problem.box, problem.rows[1])

    return mend


def make_gradients(space):
    """Functions ``evaluate``, ``value`` and ``gradient`` of `Evaluator`, and ``slopes(problem, x, g)``.

    The last is for points whose value is not needed.
    """
    copy = space.copy
    call = portable(make_call(space))
    differences, mend = make_objective_differences(space, call), make_mend(space, call)

    @portable
    def exact_gradient(problem, x, g):
        answer = call(problem, x, g, WANT_GRADIENT)
        if problem.scheme == PAIR:
            mend(problem, x, answer, g)
        elif answer != answer:  # jac divided by zero: g is not a gradient
            g[0] = answer
        if problem.scheme == COMPLEX_STEP:
            problem.report[NFEV] += x.size

    @portable
    def evaluate(problem, x, g):
        if interrupted(problem.attention):  # `observe` will stop the solver
            return x.dtype.type(math.nan)
        joint = problem.scheme == JOINT or problem.scheme == PAIR
        f = call(problem, x, g, WANT_VALUE + WANT_GRADIENT if joint else WANT_VALUE)
        if problem.scheme == PAIR:
            mend(problem, x, f, g)
        if not joint and is_finite(f):  # no gradient is needed at a non-finite value
            if not by_differences(problem.scheme):
                exact_gradient(problem, x, g)
            else:
                differences(problem, x, f, g)
                problem.report[NJEV] += 1
        return f

    @portable
    def value(problem, x):
        if interrupted(problem.attention):
            return x.dtype.type(math.nan)
        f = call(
            problem, x, problem.rows[1], WANT_VALUE + WANT_GRADIENT if problem.scheme == JOINT else WANT_VALUE
        )
        problem.report[LAST_F] = f
        return f

    @portable
    def gradient(problem, x, g):
        if problem.scheme == JOINT:
            copy(g, problem.rows[1])
        elif not by_differences(problem.scheme):
            exact_gradient(problem, x, g)
        else:
            differences(problem, x, x.dtype.type(problem.report[LAST_F]), g)
            problem.report[NJEV] += 1

    @portable
    def slopes(problem, x, g):
        """The gradient at a point whose value is not needed."""
        wanted = WANT_GRADIENT
        if by_differences(problem.scheme):
            wanted = WANT_VALUE
        elif problem.scheme == JOINT:
            wanted = WANT_VALUE + WANT_GRADIENT
        answer = call(problem, x, g, wanted)
        if wanted == WANT_VALUE:
            differences(problem, x, answer, g)
            problem.report[NJEV] += 1
        elif problem.scheme == PAIR:
            mend(problem, x, answer, g)
        elif wanted == WANT_GRADIENT and answer != answer:
            g[0] = answer

    return evaluate, value, gradient, slopes


def make_refine(slopes):
    """Function ``refine(problem, x, g)`` of `Evaluator`."""

    @seldom
    def refine(problem, x, g):
        """Switch to central differences; P. E. Gill, W. Murray and M. H. Wright (1981), section 8.6.1."""
        if problem.scheme != TWO_POINT or problem.steps.size > 0 or problem.report[REFINED] > 0:
            return False
        if interrupted(problem.attention):
            return False
        problem.report[REFINED] = 1
        slopes(problem, x, g)
        return True

    return refine


# Second derivatives ----------------------------------------------------------------------------------------


def make_gradient_differences(space, slopes):
    """Functions ``column`` and ``along`` of `make_differences`, and ``relative_step(problem, x)``."""

    @portable
    def difference_rows(problem):
        return problem.rows[2], problem.rows[3]

    column, along = make_differences(space, slopes, difference_rows)

    @seldom
    def relative_step(problem, x):
        noisy = by_differences(problem.scheme)
        return difference_step(x, noisy, problem.curvature == CENTRAL_GRADIENT_DIFFERENCES)

    return column, along, relative_step


def make_curvature_replacement(column, along, relative_step):
    """Functions that replace the non-finite entries of a Hessian, and of its products, by differences."""

    @seldom
    def replace_column(problem, x, g, H, j):
        """Replace non-finite entries of row and column j of a Hessian by differences of the gradient."""
        spare, h = problem.rows[4], relative_step(problem, x)
        column(problem, x, g, h, True, j, spare)
        for _ in range(2):  # not finite on one side: one-sided differences, either way
            if not all_finite(spare):
                column(problem, x, g, h, False, j, spare)
                h = -h
        for i in range(x.size):
            if not is_finite(H[j, i]):
                H[j, i] = H[i, j] = spare[i]
                problem.report[REPLACED_CURVATURE] += 1

    @seldom
    def replace_product(problem, x, g, p, out):
        """The same for the product of the Hessian with p."""
        spare, h = problem.rows[4], relative_step(problem, x)
        along(problem, x, g, h, True, p, spare)
        for _ in range(2):
            if not all_finite(spare):
                along(problem, x, g, h, False, p, spare)
                h = -h
        for i in range(x.size):
            if not is_finite(out[i]):
                out[i] = spare[i]
                problem.report[REPLACED_CURVATURE] += 1

    return replace_column, replace_product


def make_multiplied(space):
    """Function ``multiplied(problem, x, p, out)``: the Hessian-vector product given by the objective."""
    copy = space.copy
    call_matrix = portable(make_call(space))  # g is a matrix

    @seldom
    def multiplied(problem, x, p, out):
        """out = ∇²f(x) p, as given by the objective."""
        pair = problem.rows[2:4]
        copy(pair[0], p)
        problem.report[NHEV] += 1
        answer = call_matrix(problem, x, pair, WANT_PRODUCT)
        copy(out, pair[1])
        if answer != answer:
            out[0] = answer

    return multiplied


def make_curvature(space, slopes):
    """Functions ``curve``, ``hessian`` and ``product`` of `Evaluator`."""
    copy = space.copy
    call_matrix = portable(make_call(space))  # g is a matrix
    column, along, relative_step = make_gradient_differences(space, slopes)
    replace_column, replace_product = make_curvature_replacement(column, along, relative_step)
    multiplied = make_multiplied(space)

    @seldom
    def hessian(problem, x, g, H):
        real = x.dtype.type
        n = x.size
        interrupted(problem.attention)
        if problem.curvature == FULL_HESSIAN or problem.curvature == SOURCE_HESSIAN:
            copy(problem.rows[1], g)
            problem.report[NHEV] += 1
            answer = call_matrix(problem, x, H, WANT_HESSIAN)
            if answer != answer:
                H[0, 0] = answer
            if problem.curvature == SOURCE_HESSIAN:
                for j in range(n):
                    if not all_finite(H[j]):
                        replace_column(problem, x, g, H, j)
        else:
            central = problem.curvature == CENTRAL_GRADIENT_DIFFERENCES
            unit = problem.rows[1]
            for j in range(n):
                if interrupted(problem.attention):
                    H[0, 0] = real(math.nan)
                    return
                if by_products(problem.curvature):
                    for i in range(n):
                        unit[i] = real(0)
                    unit[j] = real(1)
                    multiplied(problem, x, unit, H[j])
                else:
                    column(problem, x, g, relative_step(problem, x), central, j, H[j])
        asymmetry = symmetrize(H)
        if problem.curvature == FULL_HESSIAN and asymmetry > math.sqrt(epsilon(x)):
            problem.report[ASYMMETRY] = max(problem.report[ASYMMETRY], asymmetry)

    @portable
    def curve(problem, x, g):
        if problem.matrix.size > 0:
            hessian(problem, x, g, problem.matrix)

    @seldom
    def product(problem, x, g, p, out):
        interrupted(problem.attention)
        if problem.matrix.size > 0:
            multiply(out, problem.matrix, p)
        elif by_products(problem.curvature):
            multiplied(problem, x, p, out)
            if problem.curvature == SOURCE_PRODUCT and not all_finite(out):
                replace_product(problem, x, g, p, out)
        else:
            central = problem.curvature == CENTRAL_GRADIENT_DIFFERENCES
            along(problem, x, g, relative_step(problem, x), central, p, out)

    return curve, hessian, product
