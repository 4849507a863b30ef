"""Curves of convergence: how far from the minimum, by iteration, evaluation or time."""

from typing import Any

import numpy as np

from numgd.plots.histories import history_of
from numgd.plots.style import axes_for, finish, labelled, look

_VALUES = {"fun": "f − lowest f", "gradient": "largest |gradient|", "step": "length of the step"}
_AGAINST = {"iteration": "iteration", "evaluation": "evaluations of the function", "time": "seconds"}


def convergence(
    results: Any,
    *,
    value: str = "fun",
    against: str = "iteration",
    minimum: float | None = None,
    ax: Any = None,
) -> Any:
    """Draw how minimisations converge, on a logarithmic axis.

    Parameters
    ----------
    results : result or mapping of str to result
        Results of `numgd.minimize` with ``options={"history": True}``, or of `numgd.minimize_stochastic`,
        whose epochs count as iterations; with labels for the legend.
    value : {'fun', 'gradient', 'step'}
        What is drawn: the value above `minimum`, the largest magnitude of the gradient, or the length of the
        step.
    against : {'iteration', 'evaluation', 'time'}
    minimum : float, optional
        The lowest value of the function; the lowest of all results by default.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If a result has no history, or its history does not hold what is asked for.

    Examples
    --------
    >>> import numgd
    >>> def bowl(x):
    ...     return x[0] ** 2 + 10.0 * x[1] ** 2
    >>> runs = {
    ...     method: numgd.minimize(bowl, [1.0, 1.0], method=method, options={"history": True})
    ...     for method in ("BFGS", "steepest-descent")
    ... }
    >>> ax = numgd.plots.convergence(runs)
    >>> [line.get_label() for line in ax.lines]
    ['BFGS', 'steepest-descent']
    """
    for name, given, known in (("value", value, _VALUES), ("against", against, _AGAINST)):
        if given not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}; it is {given!r}")
    shown = {
        label: _curve(label, history_of(label, result), value, against)
        for label, result in labelled("results", results).items()
    }
    if value == "fun":
        finite = [y[np.isfinite(y)].min() for _, y in shown.values() if np.isfinite(y).any()]
        lowest = (min(finite) if finite else 0.0) if minimum is None else float(minimum)
        shown = {label: (x, y - lowest) for label, (x, y) in shown.items()}
    ax = axes_for(ax)
    for k, (label, (x, y)) in enumerate(shown.items()):
        # What is not positive has no logarithm: the lowest value itself, and the first step.
        ax.plot(x, np.where(y > 0, y, np.nan), label=label or None, linewidth=2, **look(k))
    ax.set_yscale("log")
    ax.set_xlabel(_AGAINST[against])
    ax.set_ylabel(_VALUES[value] if minimum is None or value != "fun" else "f − minimum")
    return finish(ax, legend=any(shown))


def _curve(label: str, history: Any, value: str, against: str) -> tuple[np.ndarray, np.ndarray]:
    """Abscissas and ordinates of a history."""
    epochs = hasattr(history, "loss")
    y = {"fun": "loss"}.get(value) if epochs else {"gradient": "grad_norm"}.get(value, value)
    x = {"iteration": "", "evaluation": "nfev", "time": "seconds"}[against]
    for asked, field in ((value, y), (against, x)):
        if field is None or (field and not hasattr(history, field)):
            raise ValueError(
                f"the history of the result {label!r} does not hold {asked!r}: it is one of epochs"
            )
    ordinates = np.asarray(getattr(history, str(y)), float)
    first = 1 if epochs else 0
    return getattr(history, x) if x else np.arange(first, first + ordinates.size), ordinates
