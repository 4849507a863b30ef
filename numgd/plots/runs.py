"""What minimisations recorded, as plots need it: by label, checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from numgd.plots.style import labelled

ASKED = "options={'history': True}"
ASKED_FOR_EVALUATIONS = "options={'history': 'evaluations'}"


def runs_of(results: Any) -> dict[str, Any]:
    """Results, histories or paths by label; a single one has an empty label.

    Raises
    ------
    ValueError
        If there are none.
    """
    single = hasattr(results, "fun") or not isinstance(results, Mapping)  # a result is a mapping, too
    return {"": results} if single else labelled("results", results)


def name_of(label: str) -> str:
    """What error messages call the run of a label."""
    return f"results[{label!r}]" if label else "results"


def history_of(label: str, given: Any) -> Any:
    """The history of a result, or what is given if it is a history itself.

    Raises
    ------
    TypeError, ValueError
        If there is none (the error names the option that records it), or it is empty.
    """
    history = given
    if hasattr(given, "fun") and hasattr(given, "x") and not hasattr(given, "_fields"):  # a result
        history = getattr(given, "history", None)
        if history is None:
            raise ValueError(
                f"{name_of(label)} has no history: solve with {ASKED} (SciPy's own methods record none)"
            )
    if not (hasattr(history, "fun") or hasattr(history, "loss")):
        raise TypeError(
            f"{name_of(label)} must be a result with a history, made with {ASKED}; "
            f"it is {type(given).__name__}"
        )
    if len(history[0]) == 0:
        raise ValueError(f"the history of {name_of(label)} is empty")
    return history


class Path:
    """The path of a run through the plane, and the points at which the function was evaluated.

    Parameters
    ----------
    label : str
    given : result, history or array_like of shape (k, 2)
    evaluations : bool
        Whether evaluated points are needed.

    Raises
    ------
    TypeError, ValueError
        If there is no path of two variables, or there are no evaluated points although these are needed.
    """

    def __init__(self, label: str, given: Any, evaluations: bool = False):
        self.label = label
        self.values = self.evaluated = self.counts = None
        name = name_of(label)
        if isinstance(given, np.ndarray | list) or (isinstance(given, tuple) and not _is_record(given)):
            self.points = self._checked(given)
        else:
            history = history_of(label, given)
            if not hasattr(history, "x"):
                raise ValueError(
                    f"{name} has no path: its history has no points; give them as an array (k, 2), "
                    "collected by a callback"
                )
            self.points, self.values = self._checked(history.x), np.asarray(history.fun, float)
            self.counts, self.evaluated = history.nfev, history.evaluated
        if evaluations:
            if self.evaluated is None:
                raise ValueError(f"{name} has no evaluated points: solve with {ASKED_FOR_EVALUATIONS}")
            self.evaluated = np.asarray(self.evaluated, float)

    def _checked(self, points: Any) -> Any:
        name = name_of(self.label)
        try:
            found = np.asarray(points, float)
        except (TypeError, ValueError):
            raise TypeError(f"{name} must be a result with a history, or an array (k, 2)") from None
        if found.ndim != 2 or found.shape[1] != 2:
            shape = f"{found.shape[1]} variables" if found.ndim == 2 else f"shape {found.shape}"
            raise ValueError(f"{name} must be a path of 2 variables; it has {shape}")
        if len(found) == 0:
            raise ValueError(f"{name} must not be empty")
        return found


def _is_record(given: Any) -> bool:
    return hasattr(given, "_fields")
