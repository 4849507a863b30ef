"""How fast methods approach the minimum: curves over logarithmic axes."""

from typing import Any

import numpy as np

from numgd.foundations.ranges import check_arguments, one_of
from numgd.plots.runs import ASKED, history_of, name_of, runs_of
from numgd.plots.style import axes_for, finish, marked

Value = one_of("fun", "gradient", "step")
Against = one_of("iteration", "evaluation", "time")

_COLUMNS = {"fun": "fun", "gradient": "grad_norm", "step": "step"}
_LABELS = {"gradient": "largest magnitude of the gradient", "step": "length of the step"}
_TIMES = {"iteration": "iteration", "evaluation": "evaluations of the function", "time": "seconds"}


@check_arguments
def convergence(
    results: Any,
    *,
    value: Value = "fun",
    against: Against = "iteration",
    minimum: float | None = None,
    ax: Any = None,
) -> Any:
    """Draw how runs approach the minimum, over a logarithmic axis.

    Parameters
    ----------
    results : result, history, or mapping of str to these
        Results that were made with ``options={'history': True}``, or those of `minimize_stochastic`, which
        have one row per epoch.  Runs are told apart by colour and marker, with their labels in the legend.
    value : {'fun', 'gradient', 'step'}
        The difference of the value from `minimum`, the largest magnitude of the gradient, or the Euclidean
        length of the step.
    against : {'iteration', 'evaluation', 'time'}
        Iterations or epochs; evaluations of the function; seconds without those of compiling.
    minimum : float, optional
        The least value, for ``value='fun'``.  By default the lowest value of all runs; the curve of the run
        that attains it then falls too fast at its end.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Its lines hold the numbers.  Numbers that are 0 or less are not drawn, nor those that are not finite.

    Raises
    ------
    TypeError, ValueError
        For results without a history, or with an empty one, a `minimum` that is above a value that was found
        or not finite, for what a history does not hold, and for other axes.

    Examples
    --------
    >>> import numgd
    >>> from numgd import plots
    >>> def bowl(x):
    ...     return x[0] ** 2 + 10 * x[1] ** 4
    >>> options = {"history": True}
    >>> runs = {
    ...     name: numgd.minimize(bowl, [3.0, 1.0], method=name, options=options) for name in ("bfgs", "cg")
    ... }
    >>> axes = plots.convergence(runs, minimum=0.0)
    >>> axes.get_yscale(), len(axes.lines[0].get_xdata()) == runs["bfgs"].nit + 1
    ('log', True)
    """
    histories = {label: history_of(label, given) for label, given in runs_of(results).items()}
    curves = {label: _column(label, history, value) for label, history in histories.items()}
    times = {label: _times(label, history, against) for label, history in histories.items()}
    if value == "fun":
        least = _least(curves, minimum)
        curves = {label: values - least for label, values in curves.items()}
    elif minimum is not None:
        raise ValueError("minimum is that of the values: it needs value='fun'")
    if not any((values > 0).any() for values in curves.values()):
        raise ValueError("results hold nothing above zero to draw on a logarithmic axis")
    ax = axes_for(ax)
    for k, (label, values) in enumerate(curves.items()):
        shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
        ax.plot(times[label], shown, label=label or "_run", linewidth=2, **marked(k, len(values)))
    ax.set_yscale("log")
    ax.set_xlabel(_time_label(histories, against))
    ax.set_ylabel(_LABELS.get(value) or f"value − {'minimum' if minimum is not None else 'lowest value'}")
    return finish(ax, legend=any(curves))


def _is_stochastic(history: Any) -> bool:
    return hasattr(history, "loss")


def _column(label: str, history: Any, value: str) -> Any:
    """The numbers of a history."""
    if not _is_stochastic(history):
        return np.asarray(getattr(history, _COLUMNS[value]), float)
    if value != "fun":
        raise ValueError(f"{name_of(label)} is of a stochastic run, of which value={value!r} is not recorded")
    return np.asarray(history.loss, float)


def _times(label: str, history: Any, against: str) -> Any:
    """When the numbers of a history were reached."""
    first = int(_is_stochastic(history))  # of whose epochs each row is an end; the start is not a row
    if against == "iteration":
        return np.arange(first, first + len(history[0]))
    found = getattr(history, "nfev" if against == "evaluation" else "seconds", None)
    if found is None:
        remedy = "" if first else f": solve with {ASKED}"
        raise ValueError(f"the history of {name_of(label)} does not hold {_TIMES[against]}{remedy}")
    return np.asarray(found)


def _least(curves: dict[str, Any], minimum: float | None) -> float:
    """The value that counts as the minimum."""
    finite = [values[np.isfinite(values)] for values in curves.values()]
    lowest = min((float(values.min()) for values in finite if values.size), default=np.nan)
    if np.isnan(lowest):
        raise ValueError("results hold no finite value")
    if minimum is None:
        return lowest
    try:
        least = float(minimum)
    except (TypeError, ValueError):
        raise TypeError(f"minimum must be a number; it is {minimum!r:.80}") from None
    if not np.isfinite(least):
        raise ValueError(f"minimum must be finite; it is {minimum!r}")
    if lowest < least - 1e-9 * max(1.0, abs(least)):
        raise ValueError(f"minimum must not lie above the lowest value, {lowest:.10g}; it is {least:.10g}")
    return least


def _time_label(histories: dict[str, Any], against: str) -> str:
    if against != "iteration":
        return _TIMES[against]
    kinds = {_is_stochastic(history) for history in histories.values()}
    return " or ".join("epoch" if stochastic else "iteration" for stochastic in sorted(kinds))
