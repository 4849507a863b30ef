"""What the parameters of a schedule may be: said in their annotations, and checked by these."""

import math
from collections.abc import Callable
from dataclasses import fields
from numbers import Integral, Real
from typing import Annotated, Any, NamedTuple


class Kind(NamedTuple):
    """A kind of parameter."""

    type: Any  # what it becomes
    accepted: Any  # of which type it must be
    noun: str
    rule: str = ""  # what it must satisfy
    holds: Callable[[Any], bool] = lambda value: True


def _real(rule, holds):
    return Annotated[float, Kind(float, Real, "a number", rule, holds)]


def _integer(low):
    rule = f"be at least {low}"
    return Annotated[int, Kind(int, Integral, "an integer", rule, lambda value: value >= low)]


Rate = _real("be finite and at least 0", lambda value: 0 <= value < math.inf)
Positive = _real("be finite and positive", lambda value: 0 < value < math.inf)
Fraction = _real("lie in [0, 1]", lambda value: 0 <= value <= 1)
Shrinkage = _real("lie in (0, 1)", lambda value: 0 < value < 1)
Count = _integer(1)
Whole = _integer(0)
Flag = Annotated[bool, Kind(bool, bool, "True or False")]


def checked(name, value, annotation):
    """The value as its kind wants it; raises TypeError or ValueError naming it."""
    (kind,) = annotation.__metadata__
    if not isinstance(value, kind.accepted) or isinstance(value, bool) != (kind.type is bool):
        raise TypeError(f"{name} must be {kind.noun}; it is {value!r}")
    if not kind.holds(value):
        raise ValueError(f"{name} must {kind.rule}; it is {value!r}")
    return kind.type(value)


def check_parameters(schedule):
    """Check the fields of a frozen dataclass that are annotated with a kind."""
    for field in fields(schedule):
        if hasattr(field.type, "__metadata__"):
            value = checked(field.name, getattr(schedule, field.name), field.type)
            object.__setattr__(schedule, field.name, value)
