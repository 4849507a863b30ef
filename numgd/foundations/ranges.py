"""The range of a parameter, stated in its annotation, from which all its checks are derived.

A field of an Options class or a schedule, or an argument of a function, is annotated with one of the ranges
below, as in ``learning_rate: NonNegative = 1e-3``, and may be related to another field, as in
``c1: Annotated[OpenFraction, Below("c2")] = 1e-4``.  The same annotation provides the check of calls from
Python, its error message, and the test of values that compiled code receives at run time.
"""

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cache, cached_property, wraps
from inspect import signature
from numbers import Integral, Real
from types import NoneType
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, cast, get_args, get_type_hints

import numpy as np

from numgd.foundations.status import UNLIMITED
from numgd.jit.portable import portable, strict

F = TypeVar("F", bound=Callable[..., Any])

# Kinds of parameters ---------------------------------------------------------------------------------------


def plain_number(value):
    """The number in a zero-dimensional NumPy array; any other value unchanged."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


@dataclass(frozen=True, repr=False)
class Interval:
    """Real numbers in an interval; an open end at infinity excludes infinity."""

    text: str  # such as "[0, 1)"

    type: ClassVar[Any] = float
    noun: ClassVar[str] = "a number"
    accepted: ClassVar[Any] = Real

    def __repr__(self):  # as shown in the help of a function
        return self.text

    @cached_property
    def ends(self):
        """The lower and the upper end."""
        low, high = self.text[1:-1].split(",")
        return float(low), float(high)

    @cached_property
    def rule(self):
        """What a value must satisfy, as the predicate of an error message."""
        (low, high), finite = self.ends, self.text.endswith("inf)")
        if high < math.inf:
            return f"lie in {self.text}"
        if low == -math.inf:
            return "be finite"
        bound = "positive" if self.text.startswith("(0") else f"at least {low:g}"
        return f"be finite and {bound}" if finite else f"be {bound}"

    def bounds(self, real):
        """Ends of the closed interval that contains the same numbers of a scalar type."""
        low, high = map(real, self.ends)
        if self.text[0] == "(":
            low = np.nextafter(low, real(math.inf))
        if self.text[-1] == ")":
            high = np.nextafter(high, real(-math.inf))
        return low, high

    @cached_property
    def _closed(self):
        return tuple(map(float, self.bounds(np.float64)))

    def holds(self, value):
        """Whether a plain number lies in the interval; NaN does not."""
        low, high = self._closed
        return low <= value <= high

    def outside(self, values):
        """Indices of the numbers in an array (N,) that do not lie in the interval."""
        low, high = self._closed
        return np.flatnonzero(~((low <= values) & (values <= high)))

    def check(self, name, value):
        """The value as a plain number; raises TypeError or ValueError naming it."""
        number = value
        if type(value) is not self.type:
            number = plain_number(value)
            if isinstance(number, bool) or not isinstance(number, self.accepted):
                raise TypeError(f"{name} must be {self.noun}; it is {value!r}")
            try:
                number = self.type(number)
            except OverflowError:  # an integer beyond the largest float
                number = math.nan
        if not self.holds(number):
            raise ValueError(f"{name} must {self.rule}; it is {value!r}")
        return number


@dataclass(frozen=True, repr=False)
class Integers(Interval):
    """Integers in an interval that fit into 64 bits."""

    type: ClassVar[Any] = int
    noun: ClassVar[str] = "an integer"
    accepted: ClassVar[Any] = Integral
    most: int = 2**63 - 1

    def check(self, name, value):
        """The value as an int; raises TypeError or ValueError naming it."""
        number = super().check(name, value)
        if number > self.most:
            raise ValueError(f"{name} must be at most {self.most}; it is {value!r}")
        return number


@dataclass(frozen=True, repr=False)
class Limits(Interval):
    """Upper limits on counts: real numbers, rounded up; a very large number means no limit."""

    def check(self, name, value):
        """The limit as an int; raises TypeError or ValueError naming it."""
        number = super().check(name, value)
        return UNLIMITED if number >= UNLIMITED else math.ceil(number)


@dataclass(frozen=True)
class Flags:
    """True or False."""

    type: ClassVar[Any] = bool

    def check(self, name, value):
        """The value as a bool; raises TypeError for anything else."""
        flag = plain_number(value)
        if not isinstance(flag, bool | np.bool_):
            raise TypeError(f"{name} must be True or False; it is {value!r}")
        return bool(flag)


@dataclass(frozen=True)
class Switches:
    """A switch or a level: True, False or a number, as SciPy accepts for `disp`."""

    type: ClassVar[Any] = int

    def check(self, name, value):
        """The value unchanged; raises TypeError or ValueError for anything else."""
        switch = plain_number(value)
        if not isinstance(switch, bool | np.bool_ | Real):
            raise TypeError(f"{name} must be True, False or a number; it is {value!r}")
        if switch != switch:
            raise ValueError(f"{name} must be True, False or a number; it is {value!r}")
        return switch


@dataclass(frozen=True)
class Names:
    """One of a few values, usually names."""

    names: tuple

    def check(self, name, value):
        """The value; raises ValueError for anything else."""
        if not isinstance(value, str | NoneType | Integral) or value not in self.names:
            *others, last = map(repr, self.names)
            listed = f"{', '.join(others)} or {last}" if others else last
            raise ValueError(f"{name} must be {listed}; it is {value!r}")
        return value


@dataclass(frozen=True)
class Sequences:
    """A sequence of values of one kind."""

    kind: Any
    empty: bool = False  # whether it may be empty

    def check(self, name, value):
        """The values as a tuple; raises TypeError or ValueError naming it."""
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise TypeError(f"{name} must be a sequence; it is {value!r}")
        found = tuple(self.kind.check(f"{name}[{i}]", part) for i, part in enumerate(value))
        if not found and not self.empty:
            raise ValueError(f"{name} must not be empty")
        return found


@dataclass(frozen=True)
class Functions:
    """Callables."""

    def check(self, name, value):
        """The value unchanged; raises TypeError if it cannot be called."""
        if not callable(value):
            raise TypeError(f"{name} must be callable; it is {value!r}")
        return value


@dataclass(frozen=True)
class Steps:
    """Steps of finite differences: finite, non-zero numbers, one for all variables or one for each."""

    def check(self, name, value):
        """The value unchanged; raises TypeError or ValueError naming it."""
        try:
            steps = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"{name} must be a number or one for each variable; it is {value!r}") from None
        if steps.ndim > 1 or not np.all(np.isfinite(steps)) or np.any(steps == 0):
            raise ValueError(f"{name} must be non-zero, finite, and one number or one per variable")
        return value


@dataclass(frozen=True)
class Elsewhere:
    """Any value: the requirement depends on other arguments, and is checked where these are known."""

    def check(self, name, value):
        """The value unchanged."""
        return value


@dataclass(frozen=True)
class OrNone:
    """None, or a value of a kind."""

    kind: Any

    def check(self, name, value):
        """None, or the value as checked by its kind."""
        return None if value is None else self.kind.check(name, value)


@dataclass(frozen=True)
class Below:
    """A relation: the value is below that of another field."""

    other: str
    words = "below"
    holds = staticmethod(operator.lt)


@dataclass(frozen=True)
class AtMost:
    """A relation: the value is at most that of another field."""

    other: str
    words = "at most"
    holds = staticmethod(operator.le)


# The ranges ------------------------------------------------------------------------------------------------

Finite = Annotated[float, Interval("(-inf, inf)")]
NonNegative = Annotated[float, Interval("[0, inf)")]
Positive = Annotated[float, Interval("(0, inf)")]
Tolerance = Annotated[float, Interval("[0, inf]")]  # with inf the test always holds
Extent = Annotated[float, Interval("(0, inf]")]  # inf for no limit
NormOrder = Annotated[float, Interval("[1, inf]")]  # inf for the largest magnitude
Start = Annotated[float, Interval("[0, inf]")]  # a step number, inf for never
Factor = Annotated[float, Interval("[1, inf)")]
UnitInterval = Annotated[float, Interval("[0, 1]")]
Fraction = Annotated[float, Interval("[0, 1)")]
OpenFraction = Annotated[float, Interval("(0, 1)")]
Acceptance = Annotated[float, Interval("[0, 0.25)")]  # SciPy's range of eta
Count = Annotated[int, Integers("[1, inf]")]
Whole = Annotated[int, Integers("[0, inf]")]
Seed = Annotated[int, Integers("[0, inf]", 2**64 - 1)]
Limit = Annotated[int, Limits("[0, inf]")]
LimitFromOne = Annotated[int, Limits("[1, inf]")]
Flag = Annotated[bool, Flags()]
Switch = Annotated[int, Switches()]
DifferenceSteps = Annotated[Any, Steps()]
Called = Annotated[Any, Functions()]
Unchecked = Annotated[Any, Elsewhere()]


def one_of(*names):
    """The range that consists of a few values."""
    return Annotated[str, Names(names)]


def sequence_of(annotation, empty=False):
    """The kind of sequences of values in one range, for use within ``Annotated``."""
    return Sequences(parameter_of(annotation).kind, empty)


# From annotations to checks --------------------------------------------------------------------------------


class Parameter(NamedTuple):
    """The content of an annotation."""

    kind: Any
    relations: tuple = ()


def parameter_of(annotation):
    """The `Parameter` of an annotation; None if it states no range."""
    metadata = getattr(annotation, "__metadata__", None)
    if metadata is not None:
        return Parameter(metadata[0], metadata[1:])
    parts = get_args(annotation)
    if NoneType in parts:
        ranges = [part for part in map(parameter_of, parts) if part is not None]
        return ranges[0]._replace(kind=OrNone(ranges[0].kind)) if ranges else None
    return None


@cache
def parameters_of(owner):
    """The `Parameter` of each field of a class, or argument of a function, that has a range, by name."""
    found = {name: parameter_of(hint) for name, hint in get_type_hints(owner, include_extras=True).items()}
    return {name: parameter for name, parameter in found.items() if parameter is not None}


def checked(name, value, annotation):
    """The value as checked by its range; raises TypeError or ValueError naming it."""
    return annotation.__metadata__[0].check(name, value)


def check_values(ranges, values):
    """The values by name, checked by their ranges; raises TypeError or ValueError naming the one at fault."""
    return {name: ranges[name].kind.check(name, value) for name, value in values.items()}


def check_relations(ranges, values, said=str):
    """Raise ValueError unless all relations between named values hold; messages call them ``said(name)``."""
    for name, parameter in ranges.items():
        for relation in parameter.relations:
            pair = values[name], values[relation.other]
            if not relation.holds(*pair):
                raise ValueError(
                    f"{said(name)} must be {relation.words} {said(relation.other)}; "
                    f"they are {pair[0]:g} and {pair[1]:g}"
                )


def rounded(ranges, values, dtype, said=str):
    """Checked values by name, with the real ones converted to a dtype.

    Raises ValueError if rounding moves a value out of its range: 1 − 1e-9 becomes 1 in float32, which could
    cause a division by zero.
    """
    found = {}
    for name, value in values.items():
        found[name] = value
        if isinstance(value, float):
            with np.errstate(over="ignore"):
                found[name] = dtype.type(value)
            kind = ranges[name].kind
            if not kind.holds(float(found[name])):
                raise ValueError(f"{said(name)} must {kind.rule}; it is {value!r}, in {dtype} {found[name]}")
    return found


def check_fields(instance):
    """Check the fields of a frozen dataclass, and convert them to the types of their ranges."""
    own = parameters_of(type(instance))
    values = {field.name: getattr(instance, field.name) for field in fields(instance)}
    for name, parameter in own.items():
        values[name] = parameter.kind.check(name, values[name])
        object.__setattr__(instance, name, values[name])
    check_relations(own, values)


def check_arguments(function: F) -> F:
    """Decorate a function so that arguments with a range are checked before each call."""
    kinds = {name: parameter.kind for name, parameter in parameters_of(function).items()}
    places = [(i, name) for i, name in enumerate(signature(function).parameters) if name in kinds]

    @wraps(function)
    def call(*args, **kwargs):
        for name in kwargs:
            if name in kinds:
                kwargs[name] = kinds[name].check(name, kwargs[name])
        count = len(args)
        for place, name in places:
            if place < count:
                args = (*args[:place], kinds[name].check(name, args[place]), *args[place + 1 :])
        return function(*args, **kwargs)

    return cast(F, call)


# In compiled code ------------------------------------------------------------------------------------------


def make_within(kind, real):
    """Make ``within(value)``: whether a number of the scalar type `real` lies in an interval."""
    low, high = kind.bounds(real)

    @strict  # under a caller's fast-math flags, NaN could pass the test
    def within(value):
        return low <= value and value <= high

    return within


def make_checked(name, kind, real):
    """Make ``checked(value)``: the value as a `real`, a limit as an integer; otherwise a ValueError."""
    message, limits = f"{name} must {kind.rule}", isinstance(kind, Limits)
    scalar = np.float64 if limits else real
    within = make_within(kind, scalar)

    @portable
    def checked(value):
        if not within(scalar(value)):
            raise ValueError(message)
        return scalar(value)

    @portable
    def checked_limit(value):
        limit = checked(value)
        return UNLIMITED if limit >= UNLIMITED else math.ceil(limit)

    return checked_limit if limits else checked


def make_related(i, relation, j):
    """Make ``related(options)``: whether a relation holds between entries i and j of a tuple."""
    strict = isinstance(relation, Below)

    @portable
    def related(options):
        return options[i] < options[j] or (not strict and options[i] == options[j])

    return related
