"""The histories of the results that are drawn."""

from typing import Any

import numpy as np


def history_of(label: str, result: Any) -> Any:
    """The history of a result.

    Raises
    ------
    ValueError
        If the result has none, naming the option that records it, or an empty one.
    """
    which = f"the result {label!r}" if label else "the result"
    history = getattr(result, "history", None)
    if history is None:
        raise ValueError(f"{which} has no history: give options={{'history': True}} to minimize")
    if len(history[0]) == 0:
        raise ValueError(f"the history of {which} is empty")
    return history


def path_of(label: str, result: Any) -> np.ndarray:
    """The iterates of a result of a function of two variables, (nit + 1, 2); raises if it has others."""
    history = history_of(label, result)
    points = getattr(history, "x", None)
    if points is None:
        raise ValueError(f"the history of the result {label!r} holds no points: it is one of epochs")
    if points.shape[1] != 2:
        raise ValueError(f"results must be of functions of two variables; {label!r} has {points.shape[1]}")
    return points
