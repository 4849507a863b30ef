"""One step of an update rule over a flat parameter vector, on all cores."""

from functools import cache

from numgd.first_order.apply import make_element
from numgd.jit.parallel import parallel_for
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled


@cache
def update(rule):
    """The compiled driver of a rule, a module of `numgd.first_order.RULES`.

    ``update(rule)(p, g, slots, c)`` updates the parameters `p` (n,) in place by their gradient `g` (n,);
    `slots` (n_slots, n) holds the rule's running quantities and `c` is what `step_coefficients` gives.
    All are of one dtype.
    """
    element = make_element(rule)

    @compiled(f"update-{rule.__name__.rpartition('.')[2]}", ELEMENTWISE_FLAGS)
    def drive(p, g, slots, c):
        parallel_for(element, p.size, p.size, p, g, slots, c)

    return drive
