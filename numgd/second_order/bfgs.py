"""BFGS: the inverse Hessian from differences of gradients (Nocedal & Wright, algorithm 6.1)."""

from numgd.jit.portable import portable
from numgd.linalg import multiply, rank_two_update, set_identity
from numgd.second_order.descent import DescentOptions, Model
from numgd.second_order.line_search import epsilon

OPTIONS = DescentOptions()
UNIT_STEP = False


@portable
def memory_rows(n, maxcor):
    """Rows of scratch memory beyond the loop's own: H y, and the matrix H."""
    return 1 + n


def make_model(space):
    """The model is the n×n matrix H ≈ (∇²f)⁻¹, updated in n² operations."""
    dot, copy, scale = space.dot, space.copy, space.scale

    @portable
    def remember(s, y, g, memory, age):
        one = g.dtype.type(1)
        u, H = memory[0], memory[1:]
        ys = dot(y, s)
        if not ys > epsilon(y) * dot(y, y) * epsilon(y):
            return age
        if age == 0:
            set_identity(H, one)
        # (I − s yᵀ/yᵀs) H (I − y sᵀ/yᵀs) + s sᵀ/yᵀs, eq. 6.17, multiplied out.
        multiply(u, H, y)
        rank_two_update(H, (one + dot(y, u) / ys) / ys, s, -one / ys, u)
        return age + 1

    @portable
    def direct(p, g, memory, age):
        if age == 0:
            copy(p, g)
        else:
            multiply(p, memory[1:], g)
        scale(p, -g.dtype.type(1))

    return Model(remember, direct)
