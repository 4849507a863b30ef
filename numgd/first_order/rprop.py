"""Rprop: each parameter has its own step size, and only the sign of the gradient is used.

C. Igel and M. Hüsken, "Improving the Rprop learning algorithm", NC 2000, algorithm iRprop⁻, after
M. Riedmiller and H. Braun, ICNN 1993.
"""

from typing import Annotated, NamedTuple

from numgd.first_order.comparisons import with_sign
from numgd.first_order.rule import Rule
from numgd.foundations.ranges import AtMost, Extent, Factor, NonNegative, UnitInterval
from numgd.jit.portable import portable


class Options(NamedTuple):
    """Hyper-parameters; `learning_rate` is the first step size."""

    learning_rate: NonNegative = 0.01
    decrease_factor: UnitInterval = 0.5
    increase_factor: Factor = 1.2
    min_step_size: Annotated[NonNegative, AtMost("max_step_size")] = 1e-6
    max_step_size: Extent = 50.0


@portable
def initial(real, options):
    """Sign 0, as there is none yet, and the first step size."""
    return real(0), options.learning_rate


@portable
def coefficients(real, options, t, running):
    """0 and 1, the factors and the limits."""
    factors = options.decrease_factor, options.increase_factor
    return (real(0), real(1)) + factors + (options.min_step_size, options.max_step_size)


@portable
def update(p, g, slots, c):
    """One parameter: the step grows while the sign persists; when it flips, it shrinks and θ stays once."""
    zero, one, decrease, increase, least, most = c
    sign = with_sign(one, g)
    agreement = sign * slots[0]
    factor = increase if agreement > 0 else decrease if agreement < 0 else one
    size = min(max(slots[1] * factor, least), most)
    sign = zero if agreement < 0 else sign
    return p - sign * size, (sign, size)


RULE = Rule(
    name="rprop",
    optimizer="Rprop",
    summary="Resilient propagation, for full batches.",
    formula=(
        "θ ← θ − s sign(g); s, from η on, is multiplied by `increase_factor` while the sign stays; "
        "when it turns, by `decrease_factor`, and θ stays once"
    ),
    source="Riedmiller & Braun 1993; Igel & Hüsken 2000, iRprop⁻",
    options=Options,
    slots=("sign", "size"),
    coefficients=coefficients,
    update=update,
    initial=initial,
)
