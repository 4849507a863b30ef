"""Derivatives of reductions: of all elements, or along one axis."""

import numpy as np

from numgd.autodiff.program import Kind
from numgd.autodiff.rules.base import FUNCTIONS, METHODS, ArrayRule, rule


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
        return f"helpers.over(np.mean(({x} - np.mean({x})) * {em.dot(op.args[0])}), {em.val(op.result)})"

    integers = "f8"

    def adjoint(self, em, op):
        a, g = op.args[0], em.bar(op.result)
        x = em.val(a)
        em.add(a, f"helpers.products({g} / ({x}.size * {em.val(op.result)}), {x} - np.mean({x}))")  # 0 at 0


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
