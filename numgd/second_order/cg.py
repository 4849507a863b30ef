"""Nonlinear conjugate gradients, Polak-Ribière+ (Nocedal & Wright, Numerical Optimization, eq. 5.45)."""

from numgd.jit.portable import portable
from numgd.second_order.descent import SCRATCH_ROWS, DescentOptions, Model, make_descent

OPTIONS = DescentOptions(c2=0.4)
MATRIX_FREE = True


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, and the last direction."""
    return SCRATCH_ROWS + 1


def make_model(space):
    """β = max(0, yᵀg / ‖g_old‖²); a direction that hardly descends starts again from −g."""
    dot, copy, scale, axpy, combine = space.dot, space.copy, space.scale, space.axpy, space.combine

    @portable
    def remember(alpha, s, y, g, memory, age, options):
        real = g.dtype.type
        yg = dot(y, g)
        combine(y, -real(1), real(1), g)  # y becomes the old gradient
        gg_old = dot(y, y)
        beta = real(0)
        if gg_old > real(0):
            beta = max(beta, yg / gg_old)
        copy(memory[0], s)
        scale(memory[0], beta / alpha)
        return age + 1

    @portable
    def direct(problem, x, p, g, memory, age, options):
        real = g.dtype.type
        copy(p, g)
        scale(p, -real(1))
        if age > 0:
            axpy(p, real(1), memory[0])
            if dot(p, g) > real(-0.01) * dot(g, g):
                combine(p, real(0), -real(1), g)

    return Model(remember, direct)


def make_solver(space, access):
    """The solver over a space."""
    return make_descent(space, access, make_model(space), unit_step=False)
