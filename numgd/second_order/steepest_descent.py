"""Steepest descent: the direction is the negative gradient (Cauchy, 1847)."""

from numgd.jit.portable import portable
from numgd.second_order.descent import DescentOptions, Model

OPTIONS = DescentOptions()
UNIT_STEP = False


@portable
def memory_rows(n, maxcor):
    """Rows of scratch memory beyond the loop's own."""
    return 0


def make_model(space):
    """Nothing is remembered."""
    copy, scale = space.copy, space.scale

    @portable
    def remember(s, y, g, memory, age):
        return age

    @portable
    def direct(p, g, memory, age):
        copy(p, g)
        scale(p, -g.dtype.type(1))

    return Model(remember, direct)
