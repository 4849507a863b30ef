"""Value and gradient of a loss over a batch, from what the user gave."""

from functools import lru_cache
from typing import Any, NamedTuple

from numba import njit

from numgd.functions import dispatcher_of
from numgd.jit.portable import OBJECTIVE_FLAGS
from numgd.kernels.cpu.solve import EXACT, JOINT, PAIR
from numgd.objective import Functions, choose


class Loss(NamedTuple):
    """A loss over a batch."""

    joint: Any  # one dispatcher for value and gradient, None where a function is none for Numba
    functions: Functions  # those that are called otherwise
    scheme: Any  # how these give the gradient
    used: dict  # the same in words


def loss_of(fun, jac, first, args, x):
    """The `Loss` of the user's functions; `first`: the first batch."""
    chosen = choose(Functions(fun, jac), (*first, *args), x)
    if chosen.scheme == PAIR:
        return Loss(chosen.functions.pair, chosen.functions, PAIR, chosen.used)
    if chosen.scheme not in (EXACT, JOINT):
        raise ValueError(f"jac is needed: {chosen.used.get('refused', 'differences would cost too much')}")
    dispatchers = [dispatcher_of(given)[0] for given in (fun, jac) if callable(given)]
    joint = None
    if None not in dispatchers:
        joint = dispatchers[0] if chosen.scheme == JOINT else _together(*dispatchers)
    return Loss(joint, chosen.functions, chosen.scheme, chosen.used)


@lru_cache(256)
def _together(fun, jac):
    @njit(**OBJECTIVE_FLAGS)
    def pair(x, *args):
        return fun(x, *args), jac(x, *args)

    return pair
