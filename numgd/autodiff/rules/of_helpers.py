"""Derivatives of the helpers of generated derivatives, for second derivatives."""

from numgd.autodiff import helpers
from numgd.autodiff.program import Kind
from numgd.autodiff.rules.base import ArrayRule, define
from numgd.autodiff.rules.inactive import Inactive
from numgd.autodiff.rules.linear_algebra import LinearSystem


class Helper(ArrayRule):
    """A helper that is linear in some of its operands.

    Parameters
    ----------
    function : function
        Of `numgd.autodiff.helpers`.
    operands : int
    linear_in : tuple of int
    ranked_by : int
        The operand that determines the rank of the result.
    """

    def __init__(self, function, operands, linear_in, ranked_by=0):
        name = function.__name__
        super().__init__(name)
        self.operands, self.linear_in, self.ranked_by = operands, linear_in, ranked_by
        self.pattern = f"helpers.{name}({', '.join(f'{{{i}}}' for i in range(operands))})"
        define(self, function)

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype, kinds[self.ranked_by].ndim)


Helper(helpers.grown, 2, (0,))


class Fit(Helper):
    """A sum over broadcast axes; without any, the array as it is."""

    def layout(self, kinds, options):
        return kinds[0].layout if kinds[0].layout == "C" else "A"


Fit(helpers.fit, 2, (0,), ranked_by=1)
Helper(helpers.spread, 3, (0,), ranked_by=2)
Helper(helpers.scatter, 3, (2,))


class ScatterElements(ArrayRule):
    """Zeros, with numbers added at the places of arrays of integers, one for each axis."""

    operands = (3, 6)
    shaped_like = 0
    linear_in = (1,)

    def text(self, args, op):
        return f"helpers.scatter_elements({', '.join(args)})"


define(ScatterElements("scatter_elements"), helpers.scatter_elements)
Helper(helpers.diff_adjoint, 1, (0,))
Helper(helpers.at_first, 3, (2,))


class SolveTransposed(LinearSystem):
    """The solution of a triangular system."""

    pattern = "helpers.solve_transposed({0}, {1})"
    matrix = "np.tril({0}).T"

    def kind(self, kinds, options):
        return kinds[1]


define(SolveTransposed("solve_transposed"), helpers.solve_transposed)


class ProductAdjoint(Helper):
    """Products of all other elements."""

    def tangent(self, em, op):
        a, g = op.args
        terms = [super().tangent(em, op)] if g.active else []
        if a.active:
            terms.append(f"helpers.product_adjoint_tangent({em.val(a)}, {em.val(g)}, {em.dot(a)})")
        return " + ".join(terms)


ProductAdjoint(helpers.product_adjoint, 2, (1,))


class KeptTape(ArrayRule):
    """The tape with an array appended; its tangent holds the tangent of the array."""

    operands = 3
    pattern = "helpers.kept({0}, {1}, {2})[0]"

    def tangent(self, em, op):
        tape, top, array = op.args
        return self.text([em.dot(tape), em.val(top), em.dot(array)], op)


class ShortTape(ArrayRule):
    """The initial tape; the tape of a second derivative also holds the tangents of its content."""

    smooth = False
    operands = 0
    pattern = "helpers.short_tape()"

    def kind(self, kinds, options):
        return Kind("f8", 1)

    def blank(self, em, op):
        return f"np.zeros({helpers.SHORT})"


define(ShortTape("short_tape"), helpers.short_tape)
KEPT_TAPE = KeptTape("kept")
KEPT_TOP = Inactive("kept_top", 2, "{0} + {1}.size + {1}.ndim", lambda kinds, options: Kind("i8"))
