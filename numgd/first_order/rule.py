"""The definition of an update rule: a record of scalar functions."""

import re
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
    """An update rule, which is both a method of `numgd.minimize` and an optimizer.

    Its functions are portable and compute in the scalar type `real` that is passed to them.

    Attributes
    ----------
    optimizer : str
        Name of the optimizer class.
    formula : str
        Formula of one step for the documentation; η is ``learning_rate``.
    source : str
        Authors and year of the paper.
    options : type
        A NamedTuple of the hyper-parameters with their defaults and, as annotations, their ranges; the first
        is ``learning_rate``.
    slots : tuple of str
        Names of the running quantities that are kept for each parameter.
    coefficients : callable
        ``coefficients(real, options, t, running)``: a tuple of the scalars that all parameters share in step
        t = 1, 2, …  Quantities that depend on all earlier steps may be kept in the array `running` of 4
        numbers.
    update : callable
        ``update(p, g, slots, c) -> (p, slots)`` for one parameter, its gradient, its slots and the
        coefficients `c`.
    initial : callable, optional
        ``initial(real, options)``: the initial values of the slots, by default 0.
    position : callable, optional
        ``position(p, slots, c)``: the rule's current solution, if that is not the parameter p.
    measure : callable, optional
        ``measure(p, g, slots, c)``: a tuple of terms to be summed over parameters before a step.
    adapt : callable, optional
        ``adapt(real, options, c, sums, running)``: the final coefficients of the step, computed from the
        preliminary ones `c` and the sums.
    scope : {'array', 'all'}
        Whether sums are taken over each array, such as a layer's weights, or over all arrays that are stepped
        together.  With ``'array'``, `adapt` must not change `running`.
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
        if not re.fullmatch("[A-Z][A-Za-z0-9]*", self.optimizer) or self.optimizer == "Optimizer":
            raise ValueError(f"optimizer must be the name of a class, as 'SGD'; it is {self.optimizer!r}")
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
            over_device_vectors=True,
            rows=rows,
            make_solver=make_solver,
        )


def _options_type(own):
    """NamedTuple of the loop's and the rule's options, with their ranges and defaults.

    It becomes an attribute of the rule's options type, so that the disk cache can find it by name.
    """
    if "WithLoop" not in vars(own):
        fields = {**LoopOptions()._asdict(), **own()._asdict()}
        made = namedtuple("WithLoop", fields, defaults=fields.values(), module=own.__module__)
        made.__qualname__ = f"{own.__qualname__}.WithLoop"
        made.__annotations__ = {**LoopOptions.__annotations__, **own.__annotations__}
        own.WithLoop = made
    return own.WithLoop
