"""Derivatives of reductions, products, rearrangements and linear algebra."""

import numpy as np

from numgd.autodiff import helpers
from numgd.autodiff.program import Kind, NotDifferentiable, promoted
from numgd.autodiff.rules import FUNCTIONS, Rule

METHODS = {}
"""Rules of array methods by their name."""


def real(dtype):
    return "f4" if dtype == "f4" else "f8"


class ArrayRule(Rule):
    """An operation with parameters in its options; its adjoint is a method."""

    smooth = True
    cheap = False
    view = False  # whether the result may share the operand's memory
    linear = False  # whether the tangent is the same operation on the operands' tangents
    pattern = ""

    def __init__(self, name):
        self.name = name

    def kind(self, kinds, options):
        return kinds[0]

    def text(self, args, op):
        return self.pattern.format(*args, **op.options)

    def adjoint(self, em, op):
        """Pass the adjoint of the result on to the operands."""
        raise NotDifferentiable(f"line {op.line}: {self.name} has no adjoint")

    def tangent(self, em, op):
        """The tangent of the result, as text."""
        if self.linear:
            return self.text([em.dot(arg) for arg in op.args], op)
        raise NotDifferentiable(f"line {op.line}: {self.name} has no tangent")


def rule(*functions, methods=()):
    """Make a rule of a class, for functions and for methods of arrays."""

    def decorate(cls):
        made = cls(cls.__name__.lower())
        for function in functions:
            FUNCTIONS[function] = made
        for method in methods:
            METHODS[method] = made
        return made

    return decorate


class Inactive(Rule):
    """An operation that has no derivative: integers, and arrays that depend on nothing."""

    def __init__(self, name, operands, pattern, kind):
        super().__init__(name, pattern, kind)
        self.operands = operands

    def text(self, args, op):
        return self.pattern.format(*args, **op.options)


def _integer(kinds, options):
    return Kind("i8")


SHAPE = Inactive("shape", 1, "{0}.shape[{axis}]", _integer)
SIZE = Inactive("size", 1, "{0}.size", _integer)
for _name, _kind in {
    "argmax": Kind("i8"),
    "argmin": Kind("i8"),
    "any": Kind("b1"),
    "all": Kind("b1"),
}.items():
    METHODS[_name] = Inactive(_name, 1, f"np.{_name}({{0}})", lambda kinds, options, kind=_kind: kind)
    FUNCTIONS[getattr(np, _name)] = METHODS[_name]
FUNCTIONS[np.searchsorted] = Inactive(
    "searchsorted", 2, "np.searchsorted({0}, {1})", lambda kinds, options: Kind("i8", kinds[1].ndim)
)
FUNCTIONS[round] = Inactive("round", 1, "round({0})", _integer)
FUNCTIONS[helpers.length] = Inactive("length", 3, "helpers.length({0}, {1}, {2})", _integer)


# Reductions ---------------------------------------------------------------------------------------------


class Reduction(ArrayRule):
    """Of all elements, or along one axis."""

    options = ("axis",)

    def kind(self, kinds, options):
        (kind,) = kinds
        dtype = kind.dtype if kind.real else self.integers
        axis = options.get("axis")
        if not (axis is None or isinstance(axis, int)):
            raise TypeError(f"np.{self.name} along {axis}")
        return Kind(dtype, 0 if axis is None else kind.ndim - 1)

    integers = "i8"

    def text(self, args, op):
        axis = op.options.get("axis")
        if axis is None:
            return f"np.{self.name}({args[0]})"
        return f"np.{self.name}({args[0]}, {axis})"


@rule(np.sum, methods=("sum",))
class Sum(Reduction):
    linear = True

    def adjoint(self, em, op):
        (a,) = op.args
        axis = op.options.get("axis")
        if axis is None:
            em.add_uniform(a, em.bar(op.result))
        else:
            em.add(a, f"helpers.spread({em.bar(op.result, full=True)}, {axis}, {em.like(a)})")


@rule(np.mean, methods=("mean",))
class Mean(Reduction):
    linear = True

    integers = "f8"

    def adjoint(self, em, op):
        (a,) = op.args
        em.add_uniform(a, f"{em.bar(op.result)} / {em.like(a)}.size")


@rule(np.prod, methods=("prod",))
class Prod(Reduction):
    def tangent(self, em, op):
        return f"np.sum(helpers.product_adjoint({em.val(op.args[0])}, 1.0) * {em.dot(op.args[0])})"

    def adjoint(self, em, op):
        (a,) = op.args
        em.add(a, f"helpers.product_adjoint({em.val(a)}, {em.bar(op.result)})")


@rule(np.var, methods=("var",))
class Var(Reduction):
    def tangent(self, em, op):
        x = em.val(op.args[0])
        return f"2.0 * np.mean(({x} - np.mean({x})) * {em.dot(op.args[0])})"

    integers = "f8"

    def adjoint(self, em, op):
        a, g = op.args[0], em.bar(op.result)
        x = em.val(a)
        em.add(a, f"(2.0 * {g} / {x}.size) * ({x} - np.mean({x}))")


@rule(np.std, methods=("std",))
class Std(Reduction):
    def tangent(self, em, op):
        x = em.val(op.args[0])
        return f"np.mean(({x} - np.mean({x})) * {em.dot(op.args[0])}) / {em.val(op.result)}"

    integers = "f8"

    def adjoint(self, em, op):
        a, g = op.args[0], em.bar(op.result)
        x = em.val(a)
        em.add(a, f"({g} / ({x}.size * {em.val(op.result)})) * ({x} - np.mean({x}))")


class Extreme(Reduction):
    """The first of the largest or smallest elements gets the whole derivative."""

    def tangent(self, em, op):
        return f"helpers.where_first({em.val(op.args[0])}, {em.val(op.result)}, {em.dot(op.args[0])})"

    def adjoint(self, em, op):
        (a,) = op.args
        em.add(a, f"helpers.at_first({em.val(a)}, {em.val(op.result)}, {em.bar(op.result)})")


for _name, _functions in {"max": (np.max, np.amax), "min": (np.min, np.amin)}.items():
    METHODS[_name] = Extreme(_name)
    for _function in _functions:
        FUNCTIONS[_function] = METHODS[_name]


# Products -----------------------------------------------------------------------------------------------


def bilinear(name, em, op):
    """The tangent of a product."""
    a, b = op.args
    terms = []
    if a.active:
        terms.append(f"{name}({em.dot(a)}, {em.val(b)})")
    if b.active:
        terms.append(f"{name}({em.val(a)}, {em.dot(b)})")
    return " + ".join(terms)


@rule(np.dot, methods=("dot",))
class Dot(ArrayRule):
    operands = 2
    pattern = "np.dot({0}, {1})"

    def tangent(self, em, op):
        return bilinear("np.dot", em, op)

    def kind(self, kinds, options):
        a, b = kinds
        if not (a.ndim in (1, 2) and b.ndim in (1, 2)):
            raise TypeError("a product of arrays of these dimensions")
        return Kind(promoted(a.dtype, b.dtype), a.ndim + b.ndim - 2)

    def adjoint(self, em, op):
        a, b = op.args
        g = em.bar(op.result, full=True)
        if op.result.kind.dtype == "f4":
            g = f"np.float32({g})" if not op.result.kind.ndim else f"{g}.astype(np.float32)"
        ranks = (a.kind.ndim, b.kind.ndim)
        if a.active:
            y = em.val(b)
            em.add(a, {
                (1, 1): f"{g} * {y}",
                (2, 1): f"np.outer({g}, {y})",
                (1, 2): f"np.dot({y}, {g})",
                (2, 2): f"np.dot({g}, {y}.T)",
            }[ranks])  # fmt: skip
        if b.active:
            x = em.val(a)
            em.add(b, {
                (1, 1): f"{g} * {x}",
                (2, 1): f"np.dot({g}, {x})",
                (1, 2): f"np.outer({x}, {g})",
                (2, 2): f"np.dot({x}.T, {g})",
            }[ranks])  # fmt: skip


DOT = FUNCTIONS[np.matmul] = FUNCTIONS[np.vdot] = Dot


@rule(np.outer)
class Outer(ArrayRule):
    operands = 2
    pattern = "np.outer({0}, {1})"

    def tangent(self, em, op):
        return bilinear("np.outer", em, op)

    def kind(self, kinds, options):
        if any(kind.ndim != 1 for kind in kinds):
            raise TypeError("np.outer of what is no vector")
        return Kind(promoted(*(kind.dtype for kind in kinds)), 2)

    def adjoint(self, em, op):
        a, b = op.args
        g = em.bar(op.result, full=True)
        if a.active:
            em.add(a, f"np.dot({g}, {em.val(b)})")
        if b.active:
            em.add(b, f"np.dot({em.val(a)}, {g})")


# Rearrangements -----------------------------------------------------------------------------------------


@rule(np.transpose, methods=("transpose",))
class Transpose(ArrayRule):
    cheap = view = linear = True

    def text(self, args, op):
        axes = op.options.get("axes")
        return f"{args[0]}.T" if axes is None else f"np.transpose({args[0]}, {axes})"

    def adjoint(self, em, op):
        axes, g = op.options.get("axes"), em.bar(op.result, full=True)
        if axes is None:
            em.add(op.args[0], f"{g}.T")
        else:
            em.add(op.args[0], f"np.transpose({g}, {tuple(int(i) for i in np.argsort(axes))})")


TRANSPOSE = Transpose


class Reshape(ArrayRule):
    """The array is the first operand, the lengths are the others."""

    cheap = view = linear = True

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype, len(kinds) - 1)

    def tangent(self, em, op):
        return self.text([em.dot(op.args[0]), *(em.val(arg) for arg in op.args[1:])], op)

    def text(self, args, op):
        lengths = ", ".join(args[1:]) + ("," if len(args) == 2 else "")
        return f"{args[0]}.reshape(({lengths}))"

    def adjoint(self, em, op):
        a = op.args[0]
        g = em.bar(op.result, full=True)
        em.add(a, f"np.ascontiguousarray({g}).reshape({em.like(a)}.shape)")


RESHAPE = Reshape("reshape")


class Ravel(Reshape):
    """All elements in a row."""

    def __init__(self, name):
        super().__init__(name)
        self.view = name == "ravel"

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype, 1)

    def text(self, args, op):
        return f"{args[0]}.{self.name}()"


for _name in ("ravel", "flatten"):
    METHODS[_name] = Ravel(_name)
FUNCTIONS[np.ravel] = METHODS["ravel"]


@rule(np.copy, methods=("copy",))
class Copy(ArrayRule):
    shaped_like = 0
    linear = True

    pattern = "{0}.copy()"

    def adjoint(self, em, op):
        em.add(op.args[0], em.bar(op.result, full=True))


COPY = Copy


@rule(np.ascontiguousarray, np.asarray)
class Contiguous(ArrayRule):
    shaped_like = 0
    view = linear = True
    pattern = "np.ascontiguousarray({0})"

    def adjoint(self, em, op):
        em.add(op.args[0], em.bar(op.result, full=True))


@rule(np.concatenate)
class Concatenate(ArrayRule):
    """Of arrays along an axis."""

    linear = True

    def kind(self, kinds, options):
        return Kind(promoted(*(kind.dtype for kind in kinds)), kinds[0].ndim)

    def text(self, args, op):
        axis = op.options.get("axis", 0)
        return f"np.concatenate(({', '.join(args)},), {axis})"

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

    def text(self, args, op):
        return f"np.stack(({', '.join(args)},), {op.options.get('axis', 0)})"

    def adjoint(self, em, op):
        axis, g = op.options.get("axis", 0), em.bar(op.result, full=True)
        for i, a in enumerate(op.args):
            if a.active:
                em.add(a, f"{g}[{', '.join([':'] * axis + [str(i)])}]")


STACK = Stack("stack")


class FromNumbers(ArrayRule):
    """``np.array`` of numbers in a list, or in lists of the same length (option `columns`)."""

    linear = True

    def kind(self, kinds, options):
        dtype = promoted(*(kind.dtype for kind in kinds))
        return Kind(options.get("dtype") or dtype, 1 if options["columns"] is None else 2)

    def text(self, args, op):
        columns, dtype = op.options["columns"], op.options.get("dtype")
        tail = {None: "", "f8": ", np.float64", "f4": ", np.float32", "i8": ", np.int64"}[dtype]
        if columns is None:
            return f"np.array([{', '.join(args)}]{tail})"
        rows = [", ".join(args[i : i + columns]) for i in range(0, len(args), columns)]
        return f"np.array([{', '.join(f'[{row}]' for row in rows)}]{tail})"

    def adjoint(self, em, op):
        columns, g = op.options["columns"], em.bar(op.result, full=True)
        for i, a in enumerate(op.args):
            if a.active:
                em.add(a, f"{g}[{i}]" if columns is None else f"{g}[{i // columns}, {i % columns}]")


FROM_NUMBERS = FromNumbers("array")


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


@rule(np.trace)
class Trace(ArrayRule):
    linear = True

    pattern = "np.trace({0})"

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype)

    def adjoint(self, em, op):
        (a,) = op.args
        x = em.like(a)
        em.add(a, f"{em.bar(op.result)} * np.eye({x}.shape[0], {x}.shape[1])")


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


# Arrays from nothing --------------------------------------------------------------------------------------


class Filled(ArrayRule):
    """``np.zeros``, ``np.ones``, ``np.empty``: the operands are the lengths; option `dtype`."""

    smooth = False

    def kind(self, kinds, options):
        return Kind(options["dtype"], len(kinds))

    def text(self, args, op):
        lengths = f"({', '.join(args)},)" if len(args) != 1 else args[0]
        return f"np.{self.name}({lengths}, {DTYPE_NAMES[op.options['dtype']]})"

    def blank(self, em, op):
        lengths = ", ".join(em.val(arg) for arg in op.args[: op.result.kind.ndim])
        return f"np.zeros(({lengths},), {DTYPE_NAMES[op.result.kind.dtype]})"


DTYPE_NAMES = {"f8": "np.float64", "f4": "np.float32", "i8": "np.int64", "b1": "np.bool_"}

FILLED = {getattr(np, name): Filled(name) for name in ("zeros", "ones", "empty")}


class Full(Filled):
    """``np.full``: the last operand is the value."""

    smooth = True

    def kind(self, kinds, options):
        return Kind(options["dtype"] or kinds[-1].dtype, len(kinds) - 1)

    def text(self, args, op):
        *lengths, value = args
        return f"np.full(({', '.join(lengths)},), {value}, {DTYPE_NAMES[op.result.kind.dtype]})"

    def adjoint(self, em, op):
        em.add(op.args[-1], f"np.sum({em.bar(op.result, full=True)})")

    def tangent(self, em, op):
        *lengths, value = op.args
        return self.text([*(em.val(length) for length in lengths), em.dot(value)], op)


FULL = Full("full")


class FilledLike(ArrayRule):
    """``np.zeros_like`` and the like."""

    shaped_like = 0

    options = ("dtype",)

    smooth = False

    def kind(self, kinds, options):
        return Kind(options.get("dtype") or kinds[0].dtype, kinds[0].ndim)

    def text(self, args, op):
        dtype = op.options.get("dtype")
        return f"np.{self.name}({args[0]}{', ' + DTYPE_NAMES[dtype] if dtype else ''})"

    def blank(self, em, op):
        return f"np.zeros_like({em.val(op.args[0])}, {DTYPE_NAMES[op.result.kind.dtype]})"


for _name in ("zeros_like", "ones_like", "empty_like"):
    FUNCTIONS[getattr(np, _name)] = FilledLike(_name)


class FullLike(ArrayRule):
    """``np.full_like``."""

    shaped_like = 0

    operands = 2

    def text(self, args, op):
        return f"np.full_like({args[0]}, {args[1]})"

    def adjoint(self, em, op):
        if op.args[1].active:
            em.add(op.args[1], f"np.sum({em.bar(op.result, full=True)})")

    def tangent(self, em, op):
        return f"np.full_like({em.val(op.args[0])}, {em.dot(op.args[1])})"


FUNCTIONS[np.full_like] = FullLike("full_like")


@rule(np.linspace)
class Linspace(ArrayRule):
    operands = 3
    pattern = "np.linspace({0}, {1}, {2})"

    def kind(self, kinds, options):
        return Kind("f8", 1)

    def adjoint(self, em, op):
        first, last, count = op.args
        g, n = em.bar(op.result, full=True), em.val(count)
        if first.active:
            em.add(first, f"np.dot({g}, np.linspace(1.0, 0.0, {n}))")
        if last.active:
            em.add(last, f"np.dot({g}, np.linspace(0.0, 1.0, {n}))")

    def tangent(self, em, op):
        first, last, count = op.args
        return f"np.linspace({em.dot(first)}, {em.dot(last)}, {em.val(count)})"


class Arange(ArrayRule):
    """Evenly spaced numbers, which follow their first and the step; how many there are has no derivative."""

    operands = (1, 3)
    options = ("dtype",)

    def kind(self, kinds, options):
        dtype = promoted("i8", *(kind.dtype for kind in kinds))
        return Kind(options.get("dtype") or dtype, 1)

    def text(self, args, op):
        dtype = op.options.get("dtype")
        return f"np.arange({', '.join(args)}{f', dtype={DTYPE_NAMES[dtype]}' if dtype else ''})"

    def adjoint(self, em, op):
        g = em.bar(op.result, full=True)
        if len(op.args) > 1:
            em.add(op.args[0], f"np.sum({g})")
        if len(op.args) > 2:
            em.add(op.args[2], f"np.dot({g}, np.arange({g}.size, dtype=np.float64))")

    def tangent(self, em, op):
        y = em.val(op.result)
        terms = [f"np.zeros_like({y})"]
        if len(op.args) > 1:
            terms.append(em.dot(op.args[0]))
        if len(op.args) > 2:
            terms.append(f"{em.dot(op.args[2])} * np.arange({y}.size, dtype=np.float64)")
        return " + ".join(terms)


FUNCTIONS[np.arange] = Arange("arange")


class Eye(Inactive):
    """The identity matrix."""

    def text(self, args, op):
        return f"np.eye({', '.join(args)})"


FUNCTIONS[np.eye] = Eye("eye", (1, 2), "", lambda kinds, options: Kind("f8", 2))
FUNCTIONS[np.identity] = Eye("identity", 1, "", lambda kinds, options: Kind("f8", 2))
