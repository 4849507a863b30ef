"""Checks of optimizer states, which may come from anywhere."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import numpy as np

from numgd.foundations.evaluator import CARRIED
from numgd.foundations.ranges import Integers, checked

STEPS = Annotated[int, Integers("[0, inf]", 2**53)]
"""Step numbers: rules compute with them as float64."""

_NUMBERS = ("rule", "t", "accumulated")
_MEMORIES = ("average", "slow", "sum")


class State(NamedTuple):
    """The parts of a state."""

    t: Any  # steps made
    accumulated: Any  # gradients accumulated so far for the next step
    groups: Any  # for each group of arrays, a dictionary of copies of its memory
    schedule: Any  # a dictionary: the state of the learning-rate schedule


def checked_state(given, rule_name, slots, accumulate):
    """The parts of a state from `Optimizer.state_dict`; raises ValueError for anything else.

    Parameters
    ----------
    given : dict
    rule_name : str
    slots : int
        Number of slots that the rule keeps per parameter.
    accumulate : int
        Number of gradients per step.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"state must be a dictionary; it is {type(given).__name__}")
    if given.get("rule") != rule_name:
        raise ValueError(f"state belongs to the rule {given.get('rule')!r:.80}, not to {rule_name!r}")
    t, accumulated = (_count(given, name) for name in ("t", "accumulated"))
    if accumulated >= max(1, accumulate):
        raise ValueError(f"state: {accumulated} gradients are accumulated, but accumulate is {accumulate}")
    groups, schedule = {}, {}
    for name, value in given.items():
        owner, _, own = name.partition(".") if isinstance(name, str) else ("", "", "")
        if owner == "schedule" and own:
            schedule[own] = value
        elif owner.isdecimal() and own:
            groups.setdefault(int(owner), {})[own] = _real(name, value)
        elif name not in _NUMBERS:
            raise ValueError(f"state has an unknown entry {name!r:.80}")
    if sorted(groups) != list(range(len(groups))) or (not groups and (t or accumulated)):
        raise ValueError("state lacks arrays")
    for number, arrays in groups.items():
        _check_group(f"state: group {number}", arrays, slots, accumulated)
    return State(t, accumulated, [groups[number] for number in range(len(groups))], schedule)


def _count(given, name):
    try:
        return checked(f"state: {name}", given.get(name), STEPS)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _real(name, value):
    """A copy of a float32 or float64 array."""
    try:
        array = np.array(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"state: {name} is not an array: {error}") from None
    if array.dtype not in (np.float32, np.float64):
        raise ValueError(f"state: {name} must be float32 or float64; its dtype is {array.dtype}")
    return array


def _check_group(name, arrays, slots, accumulated):
    """Raise unless the arrays of a group are complete and their shapes match."""
    wanted = ["slots", "running", *(["sum"] if accumulated else [])]
    missing = [own for own in wanted if own not in arrays]
    unknown = [own for own in arrays if own not in ("slots", "running", *_MEMORIES)]
    if missing:
        raise ValueError(f"{name} lacks {', '.join(missing)}")
    if unknown:
        raise ValueError(f"{name} has an unknown entry {unknown[0]!r:.80}")
    shape = arrays["slots"].shape
    if len(shape) != 2 or shape[0] != slots:
        raise ValueError(f"{name}: slots must have {slots} rows; its shape is {shape}")
    expected = {"running": (CARRIED,), **dict.fromkeys(_MEMORIES, shape[1:])}
    for own, array in arrays.items():
        if own != "slots" and array.shape != expected[own]:
            raise ValueError(f"{name}: {own} must have the shape {expected[own]}; it has {array.shape}")
