"""Value and gradient of a loss over a batch, from the user's functions."""

from functools import lru_cache
from typing import Any, NamedTuple

from numba import njit

from numgd.callables.objective import Functions, choose
from numgd.callables.objective.adapter import fill
from numgd.foundations.schemes import EXACT, JOINT, PAIR
from numgd.jit.compilable import dispatcher_of
from numgd.jit.portable import OBJECTIVE_FLAGS


class Loss(NamedTuple):
    """A loss over a batch."""

    pair: Any  # pair(x, gradient, *batch, *args) -> value; None if Numba cannot compile a function
    functions: Functions  # those that are called if there is no `pair`
    args: tuple  # their arguments after the batch: the user's args, and numbers that the functions captured
    scheme: Any  # how they give the gradient
    used: dict  # the same in words


def loss_of(fun, jac, first, args, x):
    """The `Loss` of the user's functions; `first` is the first batch."""
    chosen = choose(Functions(fun, jac), (*first, *args), x)
    args = chosen.args[len(first) :]
    if chosen.scheme == PAIR and dispatcher_of(chosen.functions.pair)[0] is None:
        return Loss(None, chosen.functions, args, PAIR, chosen.used)
    if chosen.scheme == PAIR:
        return Loss(chosen.functions.pair, chosen.functions, args, PAIR, chosen.used)
    if chosen.scheme not in (EXACT, JOINT):
        raise ValueError(f"jac is needed: {chosen.used.get('refused', 'differences would cost too much')}")
    dispatchers = [dispatcher_of(given)[0] for given in chosen.functions[:2] if given is not None]
    pair = None
    if None not in dispatchers:
        pair = (_split if chosen.scheme == JOINT else _together)(*dispatchers)
    return Loss(pair, chosen.functions, args, chosen.scheme, chosen.used)


@lru_cache(256)
def _split(joint):
    @njit(**OBJECTIVE_FLAGS)
    def pair(x, gradient, *args):
        value, slopes = joint(x, *args)
        fill(gradient, slopes)
        return value

    return pair


@lru_cache(256)
def _together(fun, jac):
    @njit(**OBJECTIVE_FLAGS)
    def pair(x, gradient, *args):
        fill(gradient, jac(x, *args))
        return fun(x, *args)

    return pair
