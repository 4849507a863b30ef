"""Derivatives of reductions, products, rearrangements and linear algebra."""

import numpy as np

from numgd.autodiff import helpers
from numgd.autodiff.program import Kind, NotDifferentiable, promoted
from numgd.autodiff.rules import FUNCTIONS, Rule

METHODS = {}
"""Rules of array methods by their name."""


def _real(dtype):
    return "f4" if dtype == "f4" else "f8"


class ArrayRule(Rule):
    """An operation with parameters in its options; its adjoint is a method."""

    smooth = True
    cheap = False
    view = False  # whether the result may share the operand's memory
    linear = False  # whether the tangent is the same operation on the operands' tangents
    pattern = ""

    def __init__(self, name, **fixed):
        self.name = name
        self.fixed = fixed

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

    def __init__(self, name, pattern, kind):
        super().__init__(name, pattern, kind)

    def text(self, args, op):
        return self.pattern.format(*args, **op.options)


def _inactive(pattern, kind, *functions):
    for function in functions:
        FUNCTIONS[function] = Inactive(function.__name__, pattern, kind)


SHAPE = Inactive("shape", "{0}.shape[{axis}]", lambda kinds, options: Kind("i8"))
SIZE = Inactive("size", "{0}.size", lambda kinds, options: Kind("i8"))
for _name in ("argmax", "argmin"):
    METHODS[_name] = Inactive(_name, f"np.{_name}({{0}})", lambda kinds, options: Kind("i8"))
    FUNCTIONS[getattr(np, _name)] = METHODS[_name]
for _name in ("any", "all"):
    METHODS[_name] = Inactive(_name, f"np.{_name}({{0}})", lambda kinds, options: Kind("b1"))
    FUNCTIONS[getattr(np, _name)] = METHODS[_name]
_inactive("np.searchsorted({0}, {1})", lambda kinds, options: Kind("i8", kinds[1].ndim), np.searchsorted)
_inactive("round({0})", lambda kinds, options: Kind("i8"), round)


# Reductions ---------------------------------------------------------------------------------------------


class Reduction(ArrayRule):
    """Of all elements, or along one axis."""

    def kind(self, kinds, options):
        (kind,) = kinds
        dtype = kind.dtype if kind.real else self.integers
        axis = options.get("axis")
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
            em.add(a, f"helpers.spread({em.bar(op.result, full=True)}, {axis}, {em.val(a)})")


@rule(np.mean, methods=("mean",))
class Mean(Reduction):
    linear = True

    integers = "f8"

    def adjoint(self, em, op):
        (a,) = op.args
        em.add_uniform(a, f"{em.bar(op.result)} / {em.val(a)}.size")


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
        em.add(a, f"np.ascontiguousarray({g}).reshape({em.val(a)}.shape)")


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
    linear = True

    pattern = "{0}.copy()"

    def adjoint(self, em, op):
        em.add(op.args[0], em.bar(op.result, full=True))


COPY = Copy


@rule(np.ascontiguousarray, np.asarray)
class Contiguous(ArrayRule):
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
            end = f"{start} + {em.val(a)}.shape[{axis}]" if start != "0" else f"{em.val(a)}.shape[{axis}]"
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
    linear = True

    pattern = "np.cumsum({0})"

    def adjoint(self, em, op):
        em.add(op.args[0], f"np.cumsum({em.bar(op.result, full=True)}[::-1])[::-1]")


@rule(np.diff)
class Diff(ArrayRule):
    linear = True

    pattern = "np.diff({0})"

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
        x = em.val(a)
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

    smooth = False

    def kind(self, kinds, options):
        return Kind(options.get("dtype") or kinds[0].dtype, kinds[0].ndim)

    def text(self, args, op):
        dtype = op.options.get("dtype")
        return f"np.{self.name}({args[0]}{', ' + DTYPE_NAMES[dtype] if dtype else ''})"


for _name in ("zeros_like", "ones_like", "empty_like"):
    FUNCTIONS[getattr(np, _name)] = FilledLike(_name)


class FullLike(ArrayRule):
    """``np.full_like``."""

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


class Arange(Inactive):
    def text(self, args, op):
        return f"np.arange({', '.join(args)})"


FUNCTIONS[np.arange] = Arange(
    "arange", "", lambda kinds, options: Kind(_or_integer(promoted(*(k.dtype for k in kinds))), 1)
)


def _or_integer(dtype):
    return "f8" if dtype == "f8" else "i8"


class Eye(Inactive):
    def text(self, args, op):
        return f"np.eye({', '.join(args)})"


FUNCTIONS[np.eye] = FUNCTIONS[np.identity] = Eye("eye", "", lambda kinds, options: Kind("f8", 2))


# Linear algebra -------------------------------------------------------------------------------------------


@rule(np.linalg.norm)
class Norm(ArrayRule):
    pattern = "np.linalg.norm({0})"

    def kind(self, kinds, options):
        return Kind(_real(kinds[0].dtype))

    def adjoint(self, em, op):
        (a,) = op.args
        em.add(a, f"({em.bar(op.result)} / {em.val(op.result)}) * {em.val(a)}")

    def tangent(self, em, op):
        (a,) = op.args
        return f"np.sum({em.val(a)} * {em.dot(a)}) / {em.val(op.result)}"


@rule(np.linalg.solve)
class Solve(ArrayRule):
    pattern = "np.linalg.solve({0}, {1})"

    def kind(self, kinds, options):
        return Kind(_real(promoted(*(kind.dtype for kind in kinds))), kinds[1].ndim)

    def adjoint(self, em, op):
        a, b = op.args
        g, y = em.bar(op.result, full=True), em.val(op.result)
        back = em.name(f"np.linalg.solve({em.val(a)}.T, {g})")
        if b.active:
            em.add(b, back)
        if a.active:
            em.add(a, f"-np.outer({back}, {y})" if b.kind.ndim == 1 else f"-np.dot({back}, {y}.T)")

    def tangent(self, em, op):
        a, b = op.args
        terms = [em.dot(b)] if b.active else []
        if a.active:
            terms.append(f"-np.dot({em.dot(a)}, {em.val(op.result)})")
        return f"np.linalg.solve({em.val(a)}, {' + '.join(terms)})"


@rule(np.linalg.inv)
class Inv(ArrayRule):
    pattern = "np.linalg.inv({0})"

    def adjoint(self, em, op):
        g, y = em.bar(op.result, full=True), em.val(op.result)
        em.add(op.args[0], f"-np.dot({y}.T, np.dot({g}, {y}.T))")

    def tangent(self, em, op):
        y = em.val(op.result)
        return f"-np.dot({y}, np.dot({em.dot(op.args[0])}, {y}))"


@rule(np.linalg.det)
class Det(ArrayRule):
    pattern = "np.linalg.det({0})"

    def kind(self, kinds, options):
        return Kind(_real(kinds[0].dtype))

    def adjoint(self, em, op):
        (a,) = op.args
        em.add(a, f"({em.bar(op.result)} * {em.val(op.result)}) * np.linalg.inv({em.val(a)}).T")

    def tangent(self, em, op):
        a = op.args[0]
        return f"{em.val(op.result)} * np.trace(np.linalg.solve({em.val(a)}, {em.dot(a)}))"


class Slogdet(ArrayRule):
    """One part of ``np.linalg.slogdet``: the sign (0) or the logarithm (1)."""

    def kind(self, kinds, options):
        return Kind(_real(kinds[0].dtype))

    def text(self, args, op):
        return f"np.linalg.slogdet({args[0]})[{op.options['part']}]"

    def adjoint(self, em, op):
        if op.options["part"] == 1:
            em.add(op.args[0], f"{em.bar(op.result)} * np.linalg.inv({em.val(op.args[0])}).T")

    def tangent(self, em, op):
        a = op.args[0]
        if op.options["part"] == 0:
            return "0.0"
        return f"np.trace(np.linalg.solve({em.val(a)}, {em.dot(a)}))"


SLOGDET = Slogdet("slogdet")


@rule(np.linalg.cholesky)
class Cholesky(ArrayRule):
    """LAPACK reads the lower triangle only, which therefore gets the whole derivative."""

    pattern = "np.linalg.cholesky({0})"

    def adjoint(self, em, op):  # I. Murray, arXiv:1602.07527, eq. 10
        g, y = em.bar(op.result, full=True), em.val(op.result)
        product = em.name(f"np.dot({y}.T, {g})")
        inner = em.name(f"np.tril({product}) - 0.5 * np.diag(np.diag({product}))")
        half = em.name(f"np.linalg.solve({y}.T, {inner})")
        whole = em.name(f"np.linalg.solve({y}.T, {half}.T)")
        em.add(op.args[0], f"np.tril({whole}) + np.tril({whole}.T) - np.diag(np.diag({whole}))")

    def tangent(self, em, op):  # eq. 8
        y, d = em.val(op.result), em.dot(op.args[0])
        low = em.name(f"np.tril({d})")
        whole = em.name(f"{low} + {low}.T - np.diag(np.diag({low}))")
        half = em.name(f"np.linalg.solve({y}, {whole})")
        inner = em.name(f"np.linalg.solve({y}, {half}.T)")
        return f"np.dot({y}, np.tril({inner}) - 0.5 * np.diag(np.diag({inner})))"


# What generated derivatives call ------------------------------------------------------------------------


class Grown(ArrayRule):
    """A longer tape."""

    def text(self, args, op):
        return f"helpers.grown({args[0]}, {args[1]})"

    def tangent(self, em, op):
        return f"helpers.grown({em.dot(op.args[0])}, {em.val(op.args[1])})"


FUNCTIONS[helpers.grown] = Grown("grown")


class Fit(ArrayRule):
    """A sum over broadcast axes."""

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype, kinds[1].ndim)

    def text(self, args, op):
        return f"helpers.fit({args[0]}, {args[1]})"

    def tangent(self, em, op):
        return f"helpers.fit({em.dot(op.args[0])}, {em.val(op.args[1])})"


FUNCTIONS[helpers.fit] = Fit("fit")


class Spread(ArrayRule):
    """Repeated along an axis."""

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype, kinds[2].ndim)

    def text(self, args, op):
        return f"helpers.spread({args[0]}, {args[1]}, {args[2]})"

    def tangent(self, em, op):
        return f"helpers.spread({em.dot(op.args[0])}, {em.val(op.args[1])}, {em.val(op.args[2])})"


FUNCTIONS[helpers.spread] = Spread("spread")


class Scatter(ArrayRule):
    """Rows added where an index points to."""

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

    def text(self, args, op):
        return f"helpers.at_first({args[0]}, {args[1]}, {args[2]})"

    def tangent(self, em, op):
        a, value, g = op.args
        return f"helpers.at_first({em.val(a)}, {em.val(value)}, {em.dot(g)})"


FUNCTIONS[helpers.at_first] = AtFirst("at_first")


class ProductAdjoint(ArrayRule):
    """Products of all other elements."""

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
FUNCTIONS[helpers.length] = Inactive(
    "length", "helpers.length({0}, {1}, {2})", lambda kinds, options: Kind("i8")
)
