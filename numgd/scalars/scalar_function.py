"""Activations and losses are records of scalar functions, defined here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from numgd.foundations.records import Record
from numgd.jit.portable import strict


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScalarFunction(Record):
    """A function of numbers together with its derivative.

    Its functions are portable and take the same arguments, of one dtype.  The derivative is taken with
    respect to the first argument; the last is the parameter, which most functions ignore.  The functions are
    `strict`: no sum in them is reordered, whatever the flags of their caller.  NaN gives NaN.

    Attributes
    ----------
    function : str
        Name of the function in `numgd.nn.functional` that computes it.
    formula : str
        Formula of the value for the documentation; c is the parameter.
    value, derivative : callable
    joint : callable, optional
        ``joint(…) -> (value, derivative)`` if the two share an exponential, which it computes once.  The
        results equal those of `value` and `derivative` bit for bit.
    parameter : str, optional
        Name of the parameter in `numgd.nn.functional`.
    default : float
        Default of the parameter.
    range : annotation, optional
        Range of the parameter.
    """

    function: str
    formula: str
    value: Callable
    derivative: Callable
    joint: Callable | None = None
    parameter: str | None = None
    default: float = 0.0
    range: Any = None

    def __iter__(self):
        """Iterate over the value and the derivative, in this order."""
        return iter((self.value, self.derivative))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Activation(ScalarFunction):
    """An activation; its functions are ``f(x, c)``.

    Attributes
    ----------
    keeps_slope : bool
        Whether it has the same slope at x and at its result for x, for parameters ≥ 0: then the gradient can
        be computed from the result, and x need not be kept.
    """

    keeps_slope: bool = False


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Loss(ScalarFunction):
    """The loss of a number x with target y; its functions are ``f(x, y, c)``.

    Attributes
    ----------
    x, target : {None, 'probability', 'sign'}
        What x and y must be: any number, one from 0 to 1, or −1 or 1.
    """

    x: Literal["probability", "sign"] | None = None
    target: Literal["probability", "sign"] | None = None


def parts_of(joint):
    """A joint function's value and derivative as separate functions, each without unneeded work."""

    @strict
    def value(*args):
        return joint(*args)[0]

    @strict
    def derivative(*args):
        return joint(*args)[1]

    return {"value": value, "derivative": derivative, "joint": joint}
