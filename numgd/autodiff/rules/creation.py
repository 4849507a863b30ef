"""Derivatives of array creation."""

import numpy as np

from numgd.autodiff.program import Kind, promoted
from numgd.autodiff.rules.base import FUNCTIONS, ArrayRule, kept_layout, rule

DTYPE_NAMES = {"f8": "np.float64", "f4": "np.float32", "i8": "np.int64", "b1": "np.bool_"}


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


FILLED = {getattr(np, name): Filled(name) for name in ("zeros", "ones", "empty")}


class Full(Filled):
    """``np.full``: the last operand is the value."""

    smooth = True
    linear_in = (-1,)

    def kind(self, kinds, options):
        return Kind(options["dtype"] or kinds[-1].dtype, len(kinds) - 1)

    def text(self, args, op):
        *lengths, value = args
        return f"np.full(({', '.join(lengths)},), {value}, {DTYPE_NAMES[op.result.kind.dtype]})"

    def adjoint(self, em, op):
        em.add(op.args[-1], f"np.sum({em.bar(op.result, full=True)})")


FULL = Full("full")


class FilledLike(ArrayRule):
    """``np.zeros_like`` and the like."""

    shaped_like = 0

    options = ("dtype",)

    smooth = False

    def kind(self, kinds, options):
        return Kind(options.get("dtype") or kinds[0].dtype, kinds[0].ndim)

    def layout(self, kinds, options):
        return kept_layout(kinds)

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
    linear_in = (1,)
    pattern = "np.full_like({0}, {1})"

    def layout(self, kinds, options):
        return kept_layout(kinds)

    def adjoint(self, em, op):
        em.add(op.args[1], f"np.sum({em.bar(op.result, full=True)})")


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
    """Evenly spaced numbers, given by the first and the step; their count has no derivative."""

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
