"""Rules: how an operation is written, and its derivative."""

import re

from numgd.autodiff.program import NotDifferentiable

FUNCTIONS = {}
"""The rule of each function object that user code may call."""

METHODS = {}
"""The rules of array methods, by name."""


class Rule:
    """An operation with one result; the defaults suit functions without a derivative."""

    smooth = False
    cheap = True  # recomputed rather than kept
    cost = 1  # in operations, where it is
    operands = 1  # the number of operands, or the least and the largest number
    shaped_like = None  # position of an operand whose shape the result has
    effect = False  # written even if its result is unused: it has none
    options = ()  # names of further arguments of a call, in order

    def __init__(self, name, pattern, kind):
        self.name, self.pattern, self._kind = name, pattern, kind

    def kind(self, kinds, options):
        """`Kind` of the result; raises TypeError if the operands do not fit."""
        return self._kind(kinds, options)

    def layout(self, kinds, options):
        """The layout of an array result, as in Numba."""
        return "C"

    def text(self, args, op):
        """The operation as source text."""
        return substituted(self.pattern, args, op)

    def blank(self, em, op):
        """Zeros in the shape of the result, as text, if they can be created without the result."""
        return None

    def has_tangent(self, op):
        """Whether forward mode can differentiate an operation."""
        return True

    def simplified(self, args):
        """A cheaper rule that does the same for these operands, and its operands."""
        return self, args


def kept_layout(kinds, options=None):
    """The layout of an array that is computed elementwise from others."""
    layouts = {kind.layout for kind in kinds if kind.ndim}
    return "F" if "F" in layouts and "C" not in layouts else "C"


def substituted(template, args, op, **names):
    """A template with its letters replaced."""
    arrays = any(arg.kind.ndim for arg in op.args)
    names.update(zip("abc", args, strict=False))
    names["M"] = "np" if arrays else "math"
    return re.sub(r"\b([abcgyM])\b(?!\w)", lambda match: names.get(match[1], match[1]), template)


def letters(template):
    """The operands and the result that appear in a template."""
    return set(re.findall(r"\b([abcy])\b", template))


def define(rule, *functions):
    """Register a rule for functions."""
    for function in functions:
        FUNCTIONS[function] = rule
    return rule


class ArrayRule(Rule):
    """An operation with further arguments in its options; its adjoint is a method."""

    smooth = True
    cheap = False
    view = False  # whether the result may share the operand's memory
    linear = False  # whether the tangent is the same operation on the tangents of all operands
    linear_in = ()  # positions of operands for each of which it is
    pattern = ""

    def __init__(self, name):
        self.name = name

    def kind(self, kinds, options):
        return kinds[0]

    def text(self, args, op):
        return self.pattern.format(*args, **op.options)

    def adjoint(self, em, op):
        """Pass the adjoint of the result to the operands."""
        raise NotDifferentiable(f"line {op.line}: {self.name} has no adjoint")

    def tangent(self, em, op):
        """The tangent of the result, as text."""
        if self.linear:
            return self.text([em.dot(arg) for arg in op.args], op)
        if not self.linear_in:
            raise NotDifferentiable(f"line {op.line}: {self.name} has no tangent")
        places = [range(len(op.args))[position] for position in self.linear_in]
        moved = [place for place in places if op.args[place].active] or places[:1]  # else zeros
        return " + ".join(
            self.text([em.dot(arg) if i == place else em.val(arg) for i, arg in enumerate(op.args)], op)
            for place in moved
        )


def rule(*functions, methods=()):
    """Register an instance of a class as the rule of functions and of array methods."""

    def decorate(cls):
        made = cls(cls.__name__.lower())
        for function in functions:
            FUNCTIONS[function] = made
        for method in methods:
            METHODS[method] = made
        return made

    return decorate
