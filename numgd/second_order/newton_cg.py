"""Truncated Newton: the Newton system is solved approximately, by conjugate gradients.

Nocedal & Wright, algorithm 7.1, with the accuracy of R. S. Dembo and T. Steihaug, "Truncated-Newton
algorithms for large-scale unconstrained optimization", Math. Programming 26 (1983) 190-212.  If the step
is small enough to stop, the system is solved accurately: an approximate step lacks components along
directions of least curvature.  The Hessian is used only through its products with vectors.
Memory: 8 vectors of length n.
"""

import math
from typing import Annotated, NamedTuple

from numgd.foundations.linalg import epsilon
from numgd.foundations.ranges import Below, Limit, LimitFromOne, NormOrder, OpenFraction, Tolerance
from numgd.foundations.records import Method
from numgd.foundations.status import UNLIMITED
from numgd.jit.portable import portable
from numgd.second_order.descent import AUTOMATIC, SCRATCH_ROWS, Model, make_descent, unit


class NewtonCGOptions(NamedTuple):
    """Options of SciPy's method of this name, and those of the other line-search methods."""

    xtol: Tolerance = 1e-5  # stop when the mean magnitude of a step's components is at most this; 0: never
    gtol: Tolerance = 0.0  # stop when the norm of the gradient is at most this
    norm: NormOrder = math.inf  # order of that norm
    ftol: Tolerance = 0.0  # stop when the relative decrease is at most this; 0: never
    c1: Annotated[OpenFraction, Below("c2")] = 1e-4  # sufficient decrease
    c2: OpenFraction = 0.9  # curvature
    maxiter: Limit = AUTOMATIC  # 200 n
    maxfun: LimitFromOne = UNLIMITED
    maxls: LimitFromOne = 100  # evaluations in one line search


MOST_PRODUCTS = 20
"""Maximum number of products in an iteration, per variable."""


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, the residual, a conjugate direction, and its product."""
    return SCRATCH_ROWS + 3


def make_mean_step_test(space):
    """SciPy's test of Newton-CG: Σ|sᵢ| / n ≤ xtol."""
    power_sum = space.power_sum

    @portable
    def small(s, x, options):
        real = x.dtype.type
        return options.xtol > real(0) and power_sum(s, real(1)) <= options.xtol * real(x.size)

    return small


def make_model(space, evaluator):
    """The model is the Hessian at x, through its products."""
    dot, max_abs, copy, scale = space.dot, space.max_abs, space.copy, space.scale
    axpy, combine = space.axpy, space.combine
    curve, product = evaluator.curve, evaluator.product
    small = make_mean_step_test(space)

    @portable
    def remember(alpha, s, y, g, memory, age, options):
        return age

    @portable
    def direct(problem, x, p, g, memory, age, options):
        real = g.dtype.type
        zero, one = real(0), real(1)
        r, d, hd = memory[0], memory[1], memory[2]
        # d is a direction conjugate to the previous ones, r = ∇²f p + g the residual; both are divided by the
        # largest component of g, so that no square overflows.
        size = max_abs(g)
        copy(r, g)
        scale(r, one / size)
        copy(d, r)
        scale(d, -one)
        copy(p, g)
        scale(p, -one)
        rr = dot(r, r)
        enough = min(real(0.5), math.sqrt(math.sqrt(rr) * size)) * math.sqrt(rr)
        exact = math.sqrt(epsilon(g)) * math.sqrt(rr)
        curve(problem, x, g)
        for count in range(MOST_PRODUCTS * x.size):
            product(problem, x, g, d, hd)
            curvature = dot(d, hd)
            if not abs(curvature) < math.inf:
                p[0] = real(math.nan)
                break
            # If the curvature along d is negative, step as far as for a positive one of the same size.
            alpha = rr / abs(curvature)
            if not alpha < math.inf:
                alpha = one
            if count == 0:
                scale(p, alpha)
            else:
                axpy(p, alpha * size, d)
            if not curvature > zero:
                break
            axpy(r, alpha, hd)
            rr_new = dot(r, r)
            left = math.sqrt(rr_new)
            if left <= enough and (left <= exact or not small(p, x, options)):
                break
            combine(d, rr_new / rr, -one, r)
            rr = rr_new

    return Model(remember, direct)


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(
        space, evaluator, make_model(space, evaluator), guess=unit, step_test=make_mean_step_test, local=True
    )


METHOD = Method(
    name="newton-cg",
    summary="Newton's method by truncated conjugate gradients, with a line search.",
    options=NewtonCGOptions(),
    tolerances=("xtol",),
    curvature="product",
    matrix_free=True,
    over_device_vectors=True,
    rows=rows,
    make_solver=make_solver,
)
