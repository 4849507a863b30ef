"""Steepest descent: the direction is the negative gradient (Cauchy, 1847).  Memory: 5 vectors of length n."""

from numgd.foundations.records import Method
from numgd.jit.portable import portable
from numgd.second_order.descent import SCRATCH_ROWS, DescentOptions, Model, make_descent


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's."""
    return SCRATCH_ROWS


def make_model(space):
    """The model remembers nothing."""
    copy, scale = space.copy, space.scale

    @portable
    def remember(alpha, s, y, g, memory, age, options):
        return age

    @portable
    def direct(problem, x, p, g, memory, age, options):
        copy(p, g)
        scale(p, -g.dtype.type(1))

    return Model(remember, direct)


def make_solver(space, evaluator):
    """The solver over a space."""
    return make_descent(space, evaluator, make_model(space))


METHOD = Method(
    name="steepest-descent",
    aliases=("gradient-descent",),
    summary="Steps along the negative gradient, by a line search.",
    options=DescentOptions(),
    matrix_free=True,
    over_device_vectors=True,
    rows=rows,
    make_solver=make_solver,
)
