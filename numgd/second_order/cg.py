"""Nonlinear conjugate gradients, Polak-Ribière+ (Nocedal & Wright, Numerical Optimization, eq. 5.45)."""

from numgd.jit.portable import portable
from numgd.second_order.descent import DescentOptions, Model

OPTIONS = DescentOptions(c2=0.4)
UNIT_STEP = False


@portable
def memory_rows(n, maxcor):
    """Rows of scratch memory beyond the loop's own: the last direction."""
    return 1


def make_model(space):
    """β = max(0, yᵀg / ‖g_old‖²); a direction that hardly descends starts again from −g."""
    dot, copy, scale, axpy, combine = space.dot, space.copy, space.scale, space.axpy, space.combine

    @portable
    def remember(s, y, g, memory, age):
        real = g.dtype.type
        yg = dot(y, g)
        combine(y, -real(1), real(1), g)  # the loop needs y no more: y becomes the old gradient
        gg_old = dot(y, y)
        beta = real(0)
        if gg_old > real(0):
            beta = max(beta, yg / gg_old)
        scale(memory[0], beta)
        return age + 1

    @portable
    def direct(p, g, memory, age):
        real = g.dtype.type
        previous = memory[0]
        copy(p, g)
        scale(p, -real(1))
        if age > 0:
            axpy(p, real(1), previous)
            if dot(p, g) > real(-0.01) * dot(g, g):
                combine(p, real(0), -real(1), g)
        copy(previous, p)

    return Model(remember, direct)
