"""Derivatives of elementwise operations.

Templates in the operands ``a, b, c``, the result ``y`` and the adjoint ``g`` of the result; ``M`` stands for
`math` where the operands are numbers and for `numpy` where one is an array.
"""

import builtins
import math
import operator
import re

import numpy as np

from numgd.autodiff import helpers
from numgd.autodiff.program import Kind, promoted
from numgd.autodiff.rules.base import FUNCTIONS, Rule, define, kept_layout, substituted


def _guarded(template):
    """A template that is zero where g is zero, even if the other factor is not finite."""
    if template is None:
        return None
    template = re.sub(r"^(-?)g \* (.+)$", r"\1helpers.products(g, \2)", template)
    return re.sub(r"^(-?)g / (.+)$", r"\1helpers.ratios(g, \2)", template)


class Elementwise(Rule):
    """A function of numbers, applied to arrays with broadcasting."""

    def __init__(self, name, pattern, *adjoints, integer=False, cheap=True, scalar=None, cost=1, limits=()):
        self.name, self.pattern, self.adjoints = name, pattern, adjoints
        self.limits = limits or tuple(map(_guarded, adjoints))  # the adjoints that keep limits
        self.operands = len(set(re.findall(r"\b([abc])\b", pattern)))
        self.smooth = any(adjoint is not None for adjoint in adjoints)
        self.integer, self.cheap, self.scalar, self.cost = integer, cheap, scalar, cost

    def kind(self, kinds, options):
        ndim = max(kind.ndim for kind in kinds)
        if self.integer == "bool":
            return Kind("b1", ndim)
        if self.name == "where":
            kinds = kinds[1:]
        dtype = promoted(*(kind.dtype for kind in kinds))
        if dtype == "b1":
            dtype = "i8"
        if dtype == "i8" and not self.integer:
            dtype = "f8"
        return Kind(dtype, ndim)

    def layout(self, kinds, options):
        return kept_layout(kinds)

    def text(self, args, op):
        pattern = self.pattern
        if self.scalar is not None and not op.result.kind.ndim:
            pattern = self.scalar
        return substituted(pattern, args, op)

    def adjoint_template(self, position, op):
        """The adjoint of the operand at a position, in terms of g."""
        adjoints = self.limits if op.limit else self.adjoints
        template = adjoints[position] if position < len(adjoints) else None
        if op.limit == "squares" and position == 0:
            template = self.of_squares
        if template is not None and not op.result.kind.ndim:
            template = template.replace("helpers.products(", "helpers.times(")
            template = template.replace("helpers.ratios(", "helpers.over(")
            template = re.sub(r"np\.where\((.*), (.*), (.*)\)$", r"(\2 if \1 else \3)", template)
            template = template.replace("np.sign(", "helpers.sign(")
        return template


def _unary(name, pattern, adjoint, *functions, **options):
    options.setdefault("cheap", False)
    return define(Elementwise(name, pattern, adjoint, **options), *functions)


ADD = define(Elementwise("add", "a + b", "g", "g", integer=True), np.add, operator.add)
SUBTRACT = define(Elementwise("subtract", "a - b", "g", "-g", integer=True), np.subtract, operator.sub)
SQUARED = define(Elementwise("square", "a * a", "g * 2 * a", integer=True), np.square)


class Multiply(Elementwise):
    """A product; a square if both operands are the same value."""

    def simplified(self, args):
        return (SQUARED, args[:1]) if args[0] is args[1] else (self, args)


MULTIPLY = define(Multiply("multiply", "a * b", "g * b", "g * a", integer=True), np.multiply, operator.mul)
DIVIDE = define(
    Elementwise(
        "divide", "a / b", "g / b", "-g * y / b", cost=4,
        limits=("helpers.ratios(g, b)", "-helpers.products(y, helpers.ratios(g, b))"),
    ),
    np.divide, np.true_divide, operator.truediv,
)  # fmt: skip
FLOOR_DIVIDE = define(Elementwise("floor_divide", "a // b", integer=True), np.floor_divide, operator.floordiv)
MOD = define(
    Elementwise("mod", "a % b", "g", "-g * np.floor(a / b)", integer=True), np.mod, np.remainder, operator.mod
)
FMOD = define(Elementwise("fmod", "M.fmod(a, b)", "g", "-g * np.trunc(a / b)"), np.fmod, math.fmod)
SQUARE = Elementwise("square", "a ** 2", "g * 2 * a", integer=True)


class Power(Elementwise):
    """A power; a square if the exponent is 2, with a shorter derivative for other constants."""

    def simplified(self, args):
        exponent = args[1].constant
        if exponent == 2:
            return SQUARE, args[:1]
        return (CONSTANT_POWER if exponent else self), args


_BY_EXPONENT = "np.where(a > 0, g * y * M.log(a), 0.0)"
POWER = define(
    Power(
        "power", "a ** b", "g * b * a ** (b - 1 + (b == 0))", _BY_EXPONENT, integer=True, cheap=False,
    ),
    np.power, operator.pow, builtins.pow, math.pow,
)  # fmt: skip
CONSTANT_POWER = Elementwise(
    "power", "a ** b", "g * b * a ** (b - 1)", _BY_EXPONENT, integer=True, cheap=False
)
TIMES = define(
    Elementwise(
        "times", "helpers.products(a, b)", "helpers.products(g, b)", "helpers.products(a, g)",
        scalar="helpers.times(a, b)",
    ),
    helpers.times, helpers.products,
)  # fmt: skip
OVER = define(
    Elementwise("over", "helpers.ratios(a, b)", *DIVIDE.limits, scalar="helpers.over(a, b)", cost=4),
    helpers.over, helpers.ratios,
)  # fmt: skip
NEGATIVE = define(Elementwise("negative", "-a", "-g", integer=True), np.negative, operator.neg)
POSITIVE = define(Elementwise("positive", "a * 1", "g", integer=True), np.positive, operator.pos)
ABSOLUTE = define(
    Elementwise("absolute", "np.abs(a)", "g * np.sign(a)", integer=True, scalar="abs(a)"),
    np.abs, np.absolute, np.fabs, math.fabs, builtins.abs,
)  # fmt: skip
MAXIMUM = define(
    Elementwise(
        "maximum", "np.maximum(a, b)", "np.where(a >= b, g, 0.0)", "np.where(a < b, g, 0.0)",
        integer=True, scalar="max(a, b)",
    ),
    np.maximum, np.fmax,
)  # fmt: skip
MINIMUM = define(
    Elementwise(
        "minimum", "np.minimum(a, b)", "np.where(a <= b, g, 0.0)", "np.where(a > b, g, 0.0)",
        integer=True, scalar="min(a, b)",
    ),
    np.minimum, np.fmin,
)  # fmt: skip


class Where(Elementwise):
    """A choice between the elements of two arrays, or numbers."""

    def layout(self, kinds, options):
        condition, *choices = kinds
        if all(kind.ndim for kind in choices):
            return "F" if all(kind.layout == "F" for kind in kinds) else "C"
        return "F" if condition.layout == "F" else "C"


WHERE = Where(
    "where", "np.where(a, b, c)", None, "np.where(a, g, 0.0)", "np.where(a, 0.0, g)",
    integer=True, scalar="(b if a else c)",
)  # fmt: skip
HYPOT = define(
    Elementwise(
        "hypot", "M.hypot(a, b)", "helpers.products(a, helpers.ratios(g, y))",
        "helpers.products(b, helpers.ratios(g, y))", cheap=False,
    ),
    np.hypot, math.hypot,
)  # fmt: skip
ARCTAN2 = define(
    Elementwise(
        "arctan2", "np.arctan2(a, b)", "g * b / (a * a + b * b)", "-g * a / (a * a + b * b)",
        cheap=False, scalar="math.atan2(a, b)",
    ),
    np.arctan2, math.atan2,
)  # fmt: skip
COPYSIGN = define(
    Elementwise("copysign", "M.copysign(a, b)", "g * np.sign(a) * M.copysign(1.0, b)", None),
    np.copysign, math.copysign,
)  # fmt: skip
define(
    Elementwise("logaddexp", "np.logaddexp(a, b)", "g * np.exp(a - y)", "g * np.exp(b - y)", cheap=False),
    np.logaddexp,
)

define(
    Elementwise("logaddexp2", "np.logaddexp2(a, b)", "g * 2.0 ** (a - y)", "g * 2.0 ** (b - y)", cheap=False),
    np.logaddexp2,
)
_unary(
    "sinc",
    "np.sinc(a)",
    # Near 0 by a series, which can be differentiated again.
    "np.where(np.abs(a) < 1e-3, g * a * (3.2469697011334144 * a * a - 3.289868133696453), "
    "g * (M.cos(3.141592653589793 * a) - y) / a)",
    np.sinc,
)


class Logarithm(Elementwise):
    """A logarithm; for 1 + exp(x) its derivative is known even if the exponential overflows."""

    def simplified(self, args):
        inner = args[0]
        if self.name == "log" and getattr(inner.op, "rule", None) is ADD:
            ones = [arg for arg in inner.op.args if arg.constant == 1]
            inner = next((arg for arg in inner.op.args if arg not in ones), inner) if ones else None
        elif self.name == "log":
            return self, args
        apart = all(not value.kind.ndim or value.temporary for value in (inner, *args) if value is not None)
        if inner is None or getattr(inner.op, "rule", None) is not FUNCTIONS[np.exp] or not apart:
            return self, args
        return SOFTPLUS[self.name], [inner.op.args[0], inner, args[0]]


SOFTPLUS = {
    name: Elementwise(
        "softplus", f"helpers.{name}(c)", "g / (1.0 + 1.0 / b)", cheap=False, scalar=f"M.{name}(c)"
    )
    for name in ("log", "log1p")
}
"""Logarithms of 1 + exp(a), with the exponential b and the operand c."""

for _name, _adjoint in {
    "exp": "g * y",
    "expm1": "g * (y + 1.0)",
    "log": "g / a",
    "log1p": "g / (1.0 + a)",
    "tanh": "g * (1.0 - y * y)",
}.items():
    _functions = tuple(getattr(module, _name) for module in (np, math, helpers))
    _class = Logarithm if _name in ("log", "log1p") else Elementwise
    define(_class(_name, f"helpers.{_name}(a)", _adjoint, cheap=False, scalar=f"M.{_name}(a)"), *_functions)
_unary("exp2", "2.0 ** a", "g * y * 0.6931471805599453", np.exp2, getattr(math, "exp2", np.exp2))
_unary("log2", "M.log2(a)", "g / (a * 0.6931471805599453)", np.log2, math.log2)
_unary("log10", "M.log10(a)", "g / (a * 2.302585092994046)", np.log10, math.log10)
SQRT = _unary("sqrt", "M.sqrt(a)", "g * 0.5 / y", np.sqrt, math.sqrt)
SQRT.of_squares = "0.5 * helpers.products(y, helpers.ratios(g, a))"
CONSTANT_POWER.of_squares = "b * helpers.products(y, helpers.ratios(g, a))"
_unary("cbrt", "np.cbrt(a)", "g / (3.0 * y * y)", np.cbrt)
_unary("reciprocal", "1.0 / a", "-g * y * y", np.reciprocal, cheap=True)
_unary("sin", "M.sin(a)", "g * M.cos(a)", np.sin, math.sin)
_unary("cos", "M.cos(a)", "-g * M.sin(a)", np.cos, math.cos)
_unary("tan", "M.tan(a)", "g * (1.0 + y * y)", np.tan, math.tan)
_unary("arcsin", "np.arcsin(a)", "g / M.sqrt(1.0 - a * a)", np.arcsin, math.asin)
_unary("arccos", "np.arccos(a)", "-g / M.sqrt(1.0 - a * a)", np.arccos, math.acos)
_unary("arctan", "np.arctan(a)", "g / (1.0 + a * a)", np.arctan, math.atan)
_unary("sinh", "M.sinh(a)", "g * M.cosh(a)", np.sinh, math.sinh)
_unary("cosh", "M.cosh(a)", "g * M.sinh(a)", np.cosh, math.cosh)
_unary("arcsinh", "np.arcsinh(a)", "g / M.sqrt(a * a + 1.0)", np.arcsinh, math.asinh)
_unary("arccosh", "np.arccosh(a)", "g / M.sqrt(a * a - 1.0)", np.arccosh, math.acosh)
_unary("arctanh", "np.arctanh(a)", "g / (1.0 - a * a)", np.arctanh, math.atanh)
_unary("erf", "math.erf(a)", "g * 1.1283791670955126 * math.exp(-a * a)", math.erf)
_unary("erfc", "math.erfc(a)", "-g * 1.1283791670955126 * math.exp(-a * a)", math.erfc)
_unary("gamma", "math.gamma(a)", "g * y * helpers.digamma(a)", math.gamma)
_unary("lgamma", "math.lgamma(a)", "g * helpers.digamma(a)", math.lgamma)
_unary("degrees", "M.degrees(a)", "g * 57.29577951308232", np.degrees, np.rad2deg, math.degrees, cheap=True)
_unary(
    "radians", "M.radians(a)", "g * 0.017453292519943295", np.radians, np.deg2rad, math.radians, cheap=True
)

_unary("digamma", "helpers.digamma(a)", "g * helpers.trigamma(a)", helpers.digamma)

for _name, _functions in {
    "floor": (np.floor, math.floor),
    "ceil": (np.ceil, math.ceil),
    "trunc": (np.trunc, math.trunc),
    "rint": (np.rint,),
}.items():
    for _function in _functions:
        define(
            Elementwise(_name, f"{'np' if _function.__class__ is np.ufunc else 'math'}.{_name}(a)"), _function
        )

define(Elementwise("sign", "np.sign(a)", scalar="helpers.sign(a)"), np.sign, helpers.sign)
COMPARISONS = {
    name: Elementwise(name, f"a {symbol} b", integer="bool")
    for name, symbol in {
        "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Eq": "==", "NotEq": "!=",
    }.items()
}  # fmt: skip
NOT = Elementwise("not", "not a", integer="bool")
AND = Elementwise("and", "a and b", integer="bool")
OR = Elementwise("or", "a or b", integer="bool")
BITWISE = {
    name: Elementwise(name, f"a {symbol} b", integer=True)
    for name, symbol in {"BitAnd": "&", "BitOr": "|", "BitXor": "^", "LShift": "<<", "RShift": ">>"}.items()
}
INVERT = Elementwise("invert", "~a", integer=True)
for _function in (np.isnan, np.isinf, np.isfinite, math.isnan, math.isinf, math.isfinite):
    define(Elementwise(_function.__name__, f"np.{_function.__name__}(a)", integer="bool"), _function)
define(Elementwise("logical_and", "np.logical_and(a, b)", integer="bool"), np.logical_and)
define(Elementwise("logical_or", "np.logical_or(a, b)", integer="bool"), np.logical_or)
define(Elementwise("logical_not", "np.logical_not(a)", integer="bool"), np.logical_not)


class Conversion(Elementwise):
    """A conversion to a known dtype; the derivative passes through real dtypes."""

    def __init__(self, name, pattern, dtype):
        super().__init__(name, pattern, "g" if dtype[0] == "f" else None)
        self.dtype = dtype

    def kind(self, kinds, options):
        return Kind(self.dtype, kinds[0].ndim)


CONVERSIONS = {
    "f8": define(Conversion("float", "float(a)", "f8"), builtins.float, np.float64),
    "f4": define(Conversion("float32", "np.float32(a)", "f4"), np.float32),
    "i8": define(Conversion("int", "int(a)", "i8"), builtins.int, np.int64, np.int32, np.intp),
    "b1": define(Conversion("bool", "bool(a)", "b1"), builtins.bool, np.bool_),
}
"""Of numbers, by dtype."""

define(Conversion("single", "helpers.single(a)", "f4"), helpers.single)

ASTYPE = {
    dtype: Conversion("astype", f"a.astype({name})", dtype)
    for dtype, name in {"f8": "np.float64", "f4": "np.float32", "i8": "np.int64", "b1": "np.bool_"}.items()
}
"""Of arrays, by dtype."""


# Which operations need a limit (see `numgd.autodiff.limits`) ------------------------------------------

OVERFLOWING = {FUNCTIONS[function] for function in (np.exp, np.expm1, np.exp2, np.sinh, np.cosh)}
"""Functions that may be infinite while values computed from them are finite."""

ROOTS = {SQRT, POWER, CONSTANT_POWER, *map(FUNCTIONS.get, (np.cbrt, np.arcsin, np.arccos))}
"""Functions that are finite where their derivatives are not."""

SQUARES = {SQUARED, SQUARE}
POWERS = {*SQUARES, POWER, CONSTANT_POWER}
SINGULAR = {DIVIDE, ARCTAN2, *ROOTS, *POWERS - SQUARES} | {
    FUNCTIONS[function]
    for function in (
        np.log, np.log1p, np.log2, np.log10, np.reciprocal, np.tan, np.arccosh, np.arctanh, np.logaddexp,
        np.logaddexp2, math.gamma, math.lgamma, helpers.digamma,
    )
}  # fmt: skip
"""Functions whose derivatives are not finite everywhere."""

PRODUCTS = {MULTIPLY, *SQUARES}
LARGE_WITH = {ADD, SUBTRACT, NEGATIVE, POSITIVE, MAXIMUM, MINIMUM, WHERE, *PRODUCTS, POWER, CONSTANT_POWER}
"""Functions that are infinite with their operands."""

CHOICES = {WHERE, MAXIMUM, MINIMUM, TIMES, OVER}
"""Functions that select one operand and ignore the other."""
