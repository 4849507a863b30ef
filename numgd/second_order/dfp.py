"""DFP: the first quasi-Newton formula (Nocedal & Wright, eq. 6.15).

R. Fletcher and M. J. D. Powell, "A rapidly convergent descent method for minimization", Computer J. 6
(1963) 163-168, after W. C. Davidon (1959).  It corrects a bad H slowly; with a nearly exact line search,
which is its default, it takes much the same path as BFGS.
"""

from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order import secant
from numgd.second_order.descent import DescentOptions, make_descent


@portable
def weight(real, options, ys, yhy, sbs):
    """Zero: no share of BFGS."""
    return real(0)


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(space, evaluator, secant.make_model(space, weight))


METHOD = Method(
    name="dfp",
    summary="The quasi-Newton method of Davidon, Fletcher and Powell.",
    options=DescentOptions(c2=0.01),
    rows=secant.rows,
    result_fields=secant.result_fields,
    take_hess_inv=secant.take_hess_inv,
    make_solver=make_solver,
)
