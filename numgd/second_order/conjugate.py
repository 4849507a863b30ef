"""The common part of nonlinear conjugate-gradient methods: p = −g + β d, and when to restart from −g.

W. W. Hager and H. Zhang, "A survey of nonlinear conjugate gradient methods", Pacific J. Optim. 2 (2006)
35-58, lists the formulas for β.  Memory: 6 vectors of length n.
"""

from numgd.jit.portable import portable
from numgd.second_order.descent import SCRATCH_ROWS, Model

OVERLAP = 0.5
"""Restart threshold; Powell's 0.2 restarts more often and needs a tenth more evaluations."""


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, and the last direction times β."""
    return SCRATCH_ROWS + 1


def make_model(space, make_beta, overlap=OVERLAP):
    """The model is β d.

    ``make_beta(space)`` returns ``beta(alpha, s, y, g, gg, gg_old, yg)``; s = α d is the last step, and gg,
    gg_old and yg are gᵀg of the new gradient and of the old one, and yᵀg.  If successive gradients overlap,
    |gᵀg_old| ≥ overlap · gᵀg, β is 0: M. J. D. Powell, "Restart procedures for the conjugate gradient
    method", Math. Programming 12 (1977) 241-254.  A direction that hardly descends is replaced by −g too.
    """
    dot, copy, scale, axpy, combine = space.dot, space.copy, space.scale, space.axpy, space.combine
    beta = make_beta(space)

    @portable
    def remember(alpha, s, y, g, memory, age, options):
        real = g.dtype.type
        gg, yg = dot(g, g), dot(y, g)
        combine(y, -real(1), real(1), g)
        gg_old = dot(y, y)
        combine(y, -real(1), real(1), g)
        share = real(0)
        if abs(gg - yg) < real(overlap) * gg:
            share = beta(alpha, s, y, g, gg, gg_old, yg) / alpha
        copy(memory[0], s)
        scale(memory[0], share)
        return age + 1

    @portable
    def direct(problem, x, p, g, memory, age, options):
        real = g.dtype.type
        copy(p, g)
        scale(p, -real(1))
        if age > 0:
            axpy(p, real(1), memory[0])
            if dot(p, g) > real(-0.01) * dot(g, g):
                copy(p, g)
                scale(p, -real(1))

    return Model(remember, direct)
