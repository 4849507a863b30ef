"""Operations that have no derivative: integers, and arrays that depend on nothing."""

import numpy as np

from numgd.autodiff import helpers
from numgd.autodiff.program import Kind
from numgd.autodiff.rules.base import FUNCTIONS, METHODS, Rule


class Raise(Rule):
    """Termination by an exception."""

    effect = True

    def __init__(self, statement):
        super().__init__("raise", statement, lambda kinds, options: Kind("b1"))

    def text(self, args, op):
        return self.pattern


class Inactive(Rule):
    """An operation that has no derivative: integers, and arrays that depend on nothing."""

    def __init__(self, name, operands, pattern, kind, options=(), cheap=True, shaped_like=None):
        super().__init__(name, pattern, kind)
        self.operands, self.options, self.cheap, self.shaped_like = operands, options, cheap, shaped_like

    def text(self, args, op):
        words = [f", {name}={op.options[name]!r}" for name in self.options if op.options.get(name)]
        pattern = f"{self.pattern[:-1]}{''.join(words)})" if words else self.pattern
        return pattern.format(*args, **op.options)


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
    "searchsorted",
    2,
    "np.searchsorted({0}, {1})",
    lambda kinds, options: Kind("i8", kinds[1].ndim),
    options=("side",),
    cheap=False,
)


def _order(kinds, options):
    if kinds[0].ndim != 1:
        raise TypeError("np.argsort of what is no vector")
    return Kind("i8", 1)


FUNCTIONS[np.argsort] = METHODS["argsort"] = Inactive(
    "argsort", 1, "np.argsort({0})", _order, options=("kind",), cheap=False, shaped_like=0
)
REPEATED = Inactive(
    "repeat", 2, "np.repeat({0}, {1})", lambda kinds, options: Kind(kinds[0].dtype, 1), cheap=False
)
FUNCTIONS[round] = Inactive("round", 1, "round({0})", _integer)
FUNCTIONS[helpers.alike] = Inactive("alike", 2, "helpers.alike({0}, {1})", lambda kinds, options: Kind("b1"))
FUNCTIONS[helpers.length] = Inactive("length", 3, "helpers.length({0}, {1}, {2})", _integer)


class Eye(Inactive):
    """The identity matrix."""

    def text(self, args, op):
        return f"np.eye({', '.join(args)})"


FUNCTIONS[np.eye] = Eye("eye", (1, 2), "", lambda kinds, options: Kind("f8", 2))
FUNCTIONS[np.identity] = Eye("identity", 1, "", lambda kinds, options: Kind("f8", 2))
