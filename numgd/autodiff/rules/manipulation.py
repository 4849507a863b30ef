"""Derivatives of array manipulation: the same elements in another order or place, and running sums."""

import numpy as np

from numgd.autodiff.program import Kind, promoted
from numgd.autodiff.rules.base import FUNCTIONS, METHODS, ArrayRule, kept_layout, rule


@rule(np.transpose, methods=("transpose",))
class Transpose(ArrayRule):
    cheap = view = linear = True

    def text(self, args, op):
        axes = op.options.get("axes")
        return f"{args[0]}.T" if axes is None else f"np.transpose({args[0]}, {axes})"

    def layout(self, kinds, options):
        return {"C": "F", "F": "C"}.get(kinds[0].layout, "A") if options.get("axes") is None else "A"

    def adjoint(self, em, op):
        axes, g = op.options.get("axes"), em.bar(op.result, full=True)
        if axes is None:
            em.add(op.args[0], f"{g}.T")
        else:
            em.add(op.args[0], f"np.transpose({g}, {tuple(int(i) for i in np.argsort(axes))})")


TRANSPOSE = Transpose


class Reshape(ArrayRule):
    """The array is the first operand, the lengths are the others; a view of an array in C order."""

    cheap = view = True
    linear_in = (0,)

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype, len(kinds) - 1)

    def lengths(self, args):
        """The shape of the result, as text."""
        return f"({', '.join(args[1:])}{',' if len(args) == 2 else ''})"

    def text(self, args, op):
        return f"{args[0]}.reshape({self.lengths(args)})"

    def adjoint(self, em, op):
        a = op.args[0]
        g = em.bar(op.result, full=True)
        em.add(a, f"np.ascontiguousarray({g}).reshape({em.like(a)}.shape)")

    def tangent(self, em, op):
        # The tangent of an array that is written to has the same layout as the array; others need not.
        d, lengths = em.dot(op.args[0]), [em.val(arg) for arg in op.args[1:]]
        return self.text([d if em.writes(op.result) else f"np.ascontiguousarray({d})", *lengths], op)

    def simplified(self, args):
        return (RESHAPED if args[0].kind.layout != "C" else self), args


class Reshaped(Reshape):
    """Reshaping an array that is not in C order: NumPy copies in most cases, Numba does not by itself."""

    cheap = view = False

    def layout(self, kinds, options):
        return "A"

    def text(self, args, op):
        return f"np.ascontiguousarray({args[0]}).reshape({self.lengths(args)})"

    def tangent(self, em, op):
        return self.text([em.dot(op.args[0]), *(em.val(arg) for arg in op.args[1:])], op)

    def simplified(self, args):
        return self, args


RESHAPE, RESHAPED = Reshape("reshape"), Reshaped("reshape")


class Ravel(Reshape):
    """All elements as a vector: a view of an array in C order."""

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype, 1)

    def lengths(self, args):
        return f"{args[0]}.size"

    def simplified(self, args):
        return (FLATTEN if args[0].kind.layout != "C" else self), args


class Flatten(Ravel):
    """All elements as a vector, in a new array."""

    cheap = view = False

    def text(self, args, op):
        return f"{args[0]}.flatten()"

    def tangent(self, em, op):
        return self.text([em.dot(op.args[0])], op)

    def simplified(self, args):
        return self, args


RAVEL = FUNCTIONS[np.ravel] = METHODS["ravel"] = Ravel("ravel")
FLATTEN = METHODS["flatten"] = Flatten("flatten")


@rule(methods=("copy",))
class Copy(ArrayRule):
    shaped_like = 0
    linear = True

    pattern = "{0}.copy()"

    def adjoint(self, em, op):
        em.add(op.args[0], em.bar(op.result, full=True))


COPY = Copy


class CopyInOrder(type(COPY)):
    """``np.copy``, which preserves the order of an array."""

    pattern = "np.copy({0})"

    def layout(self, kinds, options):
        return kept_layout(kinds)


COPY_IN_ORDER = CopyInOrder("copy")


@rule(np.concatenate)
class Concatenate(ArrayRule):
    """Of arrays along an axis."""

    linear = True

    def kind(self, kinds, options):
        return Kind(promoted(*(kind.dtype for kind in kinds)), kinds[0].ndim)

    def text(self, args, op):
        axis = op.options.get("axis", 0)
        return f"np.concatenate(({', '.join(args)},), {axis})"

    def layout(self, kinds, options):
        return "F" if all(kind.layout == "F" for kind in kinds) else "C"

    def adjoint(self, em, op):
        axis, g = op.options.get("axis", 0), em.bar(op.result, full=True)
        before = [":"] * (axis % op.result.kind.ndim)
        start = "0"
        for a in op.args:
            end = f"{start} + {em.like(a)}.shape[{axis}]" if start != "0" else f"{em.like(a)}.shape[{axis}]"
            if a.active:
                em.add(a, f"{g}[{', '.join([*before, f'{start}:{end}'])}]")
            start = end


CONCATENATE = Concatenate


class Stack(ArrayRule):
    """Of arrays along a new axis."""

    linear = True

    def kind(self, kinds, options):
        return Kind(promoted(*(kind.dtype for kind in kinds)), kinds[0].ndim + 1)

    def layout(self, kinds, options):
        return "F" if all(kind.layout == "F" for kind in kinds) else "C"

    def text(self, args, op):
        return f"np.stack(({', '.join(args)},), {op.options.get('axis', 0)})"

    def adjoint(self, em, op):
        axis, g = op.options.get("axis", 0), em.bar(op.result, full=True)
        for i, a in enumerate(op.args):
            if a.active:
                em.add(a, f"{g}[{', '.join([':'] * axis + [str(i)])}]")


STACK = Stack("stack")


@rule(np.roll)
class Roll(ArrayRule):
    """The elements moved by a number of places, the last ones to the front."""

    operands = 2
    shaped_like = 0
    linear_in = (0,)
    pattern = "np.roll({0}, {1})"

    def adjoint(self, em, op):
        a, places = op.args
        em.add(a, f"np.roll({em.bar(op.result, full=True)}, -{em.val(places)})")


@rule(np.cumsum, methods=("cumsum",))
class Cumsum(ArrayRule):
    shaped_like = 0
    linear = True

    pattern = "np.cumsum({0})"

    def kind(self, kinds, options):
        if kinds[0].ndim > 1:
            raise TypeError("np.cumsum of more axes")
        return kinds[0]

    def adjoint(self, em, op):
        em.add(op.args[0], f"np.cumsum({em.bar(op.result, full=True)}[::-1])[::-1]")


@rule(np.diff)
class Diff(ArrayRule):
    linear = True

    pattern = "np.diff({0})"

    def kind(self, kinds, options):
        if kinds[0].ndim > 2:
            raise TypeError("np.diff of more axes")
        return kinds[0]

    def adjoint(self, em, op):
        em.add(op.args[0], f"helpers.diff_adjoint({em.bar(op.result, full=True)})")


@rule(np.diag)
class Diag(ArrayRule):
    linear = True

    pattern = "np.diag({0})"

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype, 3 - kinds[0].ndim)

    def adjoint(self, em, op):
        em.add(op.args[0], f"np.diag({em.bar(op.result, full=True)})")


class Triangle(ArrayRule):
    """A triangle of a matrix."""

    shaped_like = 0

    options = ("k",)

    linear = True

    def text(self, args, op):
        return f"np.{self.name}({args[0]}, {op.options.get('k', 0)})"

    def adjoint(self, em, op):
        em.add(op.args[0], f"np.{self.name}({em.bar(op.result, full=True)}, {op.options.get('k', 0)})")


for _name in ("tril", "triu"):
    FUNCTIONS[getattr(np, _name)] = Triangle(_name)
