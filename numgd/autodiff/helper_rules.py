"""Derivatives of what generated derivatives call: they are differentiated again for second derivatives."""

from numgd.autodiff import helpers
from numgd.autodiff.array_rules import ArrayRule, Inactive
from numgd.autodiff.program import Kind
from numgd.autodiff.rules import FUNCTIONS


class Grown(ArrayRule):
    """A longer tape."""

    operands = 2

    def text(self, args, op):
        return f"helpers.grown({args[0]}, {args[1]})"

    def tangent(self, em, op):
        return f"helpers.grown({em.dot(op.args[0])}, {em.val(op.args[1])})"


FUNCTIONS[helpers.grown] = Grown("grown")


class Fit(ArrayRule):
    """A sum over broadcast axes."""

    operands = 2

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype, kinds[1].ndim)

    def text(self, args, op):
        return f"helpers.fit({args[0]}, {args[1]})"

    def tangent(self, em, op):
        return f"helpers.fit({em.dot(op.args[0])}, {em.val(op.args[1])})"


FUNCTIONS[helpers.fit] = Fit("fit")


class Spread(ArrayRule):
    """Repeated along an axis."""

    operands = 3

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype, kinds[2].ndim)

    def text(self, args, op):
        return f"helpers.spread({args[0]}, {args[1]}, {args[2]})"

    def tangent(self, em, op):
        return f"helpers.spread({em.dot(op.args[0])}, {em.val(op.args[1])}, {em.val(op.args[2])})"


FUNCTIONS[helpers.spread] = Spread("spread")


class SolveTransposed(ArrayRule):
    """The solution of a triangular system."""

    shaped_like = 1
    operands = 2

    def kind(self, kinds, options):
        return kinds[1]

    def text(self, args, op):
        return f"helpers.solve_transposed({args[0]}, {args[1]})"

    def tangent(self, em, op):
        lower, b = op.args
        terms = [em.dot(b)] if b.active else []
        if lower.active:
            terms.append(f"-np.dot(np.tril({em.dot(lower)}).T, {em.val(op.result)})")
        return f"helpers.solve_transposed({em.val(lower)}, {' + '.join(terms)})"


FUNCTIONS[helpers.solve_transposed] = SolveTransposed("solve_transposed")


class Scatter(ArrayRule):
    """Rows added where an index points to."""

    operands = 3

    def text(self, args, op):
        return f"helpers.scatter({args[0]}, {args[1]}, {args[2]})"

    def tangent(self, em, op):
        a, index, g = op.args
        return f"helpers.scatter({em.val(a)}, {em.val(index)}, {em.dot(g)})"


FUNCTIONS[helpers.scatter] = Scatter("scatter")


class DiffAdjoint(ArrayRule):
    linear = True
    pattern = "helpers.diff_adjoint({0})"


FUNCTIONS[helpers.diff_adjoint] = DiffAdjoint("diff_adjoint")


class AtFirst(ArrayRule):
    """A number at the place of an extreme."""

    operands = 3

    def text(self, args, op):
        return f"helpers.at_first({args[0]}, {args[1]}, {args[2]})"

    def tangent(self, em, op):
        a, value, g = op.args
        return f"helpers.at_first({em.val(a)}, {em.val(value)}, {em.dot(g)})"


FUNCTIONS[helpers.at_first] = AtFirst("at_first")


class ProductAdjoint(ArrayRule):
    """Products of all other elements."""

    operands = 2

    def text(self, args, op):
        return f"helpers.product_adjoint({args[0]}, {args[1]})"

    def tangent(self, em, op):
        a, g = op.args
        terms = []
        if a.active:
            terms.append(f"helpers.product_adjoint_tangent({em.val(a)}, {em.val(g)}, {em.dot(a)})")
        if g.active:
            terms.append(f"helpers.product_adjoint({em.val(a)}, {em.dot(g)})")
        return " + ".join(terms)


FUNCTIONS[helpers.product_adjoint] = ProductAdjoint("product_adjoint")


class KeptTape(ArrayRule):
    """The tape with an array behind what it held, whose tangent holds the array's."""

    operands = 3

    def text(self, args, op):
        return f"helpers.kept({args[0]}, {args[1]}, {args[2]})[0]"

    def tangent(self, em, op):
        tape, top, array = op.args
        return f"helpers.kept({em.dot(tape)}, {em.val(top)}, {em.dot(array)})[0]"


KEPT_TAPE = KeptTape("kept")
KEPT_TOP = Inactive("kept_top", 2, "{0} + {1}.size + {1}.ndim", lambda kinds, options: Kind("i8"))
