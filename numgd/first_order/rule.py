"""What an update rule is: a record of scalar functions."""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from numgd.first_order.descent import SCRATCH_ROWS, LoopOptions, make_rule_descent
from numgd.foundations.records import Method, Record
from numgd.jit.portable import portable


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Rule(Record):
    """An update rule; every one is a method of `numgd.minimize` and an optimizer too.

    Its functions are portable, and compute in the scalar type `real` that they are given.

    Attributes
    ----------
    optimizer : str
        Name of the optimizer class.
    formula : str
        One step, as the documentation shows it; η is ``learning_rate``.
    source : str
        Authors and year of the paper.
    options : type
        A NamedTuple of the hyper-parameters with their defaults and, as annotations, their ranges; the first
        is ``learning_rate``.
    slots : tuple of str
        Names of the running quantities that are kept for each parameter.
    coefficients : callable
        ``coefficients(real, options, t, running)``: a tuple of the scalars that all parameters share at step
        t = 1, 2, …  What depends on all steps before may be kept in the array `running`, of 4 numbers.
    update : callable
        ``update(p, g, slots, c) -> (p, slots)`` for one parameter, its gradient, its slots and `c`, the
        coefficients.
    initial : callable, optional
        ``initial(real, options)``: the first values of the slots, which are 0 without.
    position : callable, optional
        ``position(p, slots, c)``: the point that the rule stands for where that is not the parameter p.
    measure : callable, optional
        ``measure(p, g, slots, c)``: a tuple of what is summed over parameters before a step.
    adapt : callable, optional
        ``adapt(real, options, c, sums, running)``: the coefficients of the step, made of those and the sums.
    scope : {'array', 'all'}
        Whether sums are taken over each array, a layer's weights say, or over all that are stepped together.
        With ``'array'``, `adapt` must leave `running` alone.
    """

    optimizer: str
    formula: str
    source: str
    options: Any
    slots: tuple[str, ...]
    coefficients: Callable
    update: Callable
    initial: Callable | None = None
    position: Callable | None = None
    measure: Callable | None = None
    adapt: Callable | None = None
    scope: Literal["array", "all"] = "array"

    def __post_init__(self):
        super().__post_init__()
        if self.options._fields[:1] != ("learning_rate",):
            raise ValueError("options must begin with learning_rate")
        if (self.measure is None) != (self.adapt is None):
            raise ValueError("measure and adapt go together")
        if self.scope not in ("array", "all"):
            raise ValueError(f"scope must be 'array' or 'all'; it is {self.scope!r}")

    @cached_property
    def method(self):
        """The rule as a minimisation method."""
        count = SCRATCH_ROWS + len(self.slots)

        @portable
        def rows(n, maxcor):
            return count

        def make_solver(space, evaluator):
            return make_rule_descent(space, evaluator, self)

        return Method(
            name=self.name,
            summary=self.summary,
            aliases=self.aliases,
            options=_options_type(self.options)(),
            rows=rows,
            make_solver=make_solver,
        )


def _options_type(own):
    """NamedTuple of the loop's options and the rule's, with their ranges and defaults.

    It becomes an attribute of the rule's, where the disk cache finds it again by its name.
    """
    if "WithLoop" not in vars(own):
        fields = {**LoopOptions()._asdict(), **own()._asdict()}
        made = namedtuple("WithLoop", fields, defaults=fields.values(), module=own.__module__)
        made.__qualname__ = f"{own.__qualname__}.WithLoop"
        made.__annotations__ = {**LoopOptions.__annotations__, **own.__annotations__}
        own.WithLoop = made
    return own.WithLoop
