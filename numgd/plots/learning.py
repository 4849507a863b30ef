"""Learning curves: what a training run records per epoch."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from numgd.plots.style import axes_for, finish, look

NEUTRAL = "#888888"
"""Colour of what only marks a place; it can be seen on light and dark backgrounds."""


def learning_curves(history: Any, *, value: str = "loss", best: int | None = None, ax: Any = None) -> Any:
    """Draw the loss, or a metric, of training runs against epochs.

    Parameters
    ----------
    history : TrainingHistory, StochasticHistory, result, or mapping of str to these
        What `Network.fit` or `minimize_stochastic` recorded; of a result its `history`.  Several runs are
        told apart by colour, with their labels in the legend.
    value : str
        'loss' for the loss over the training data (solid) and, if there are any, the validation data
        (dashed); else the name of a metric, which is measured over the validation data.
    best : int, optional
        The epoch whose weights were kept, counted from 1, which is marked.  For a single result it is by
        default its `best_epoch`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If there is no history in what is given or no epoch in it, for a metric that was not recorded, for an
        epoch that there was not, and for other axes.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd import nn, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> network = nn.Network(nn.Dense(2), input_shape=(2,))
    >>> found = network.fit(X, (X[:, 0] > X[:, 1]).astype(int), loss="cross_entropy", epochs=5)
    >>> axes = plots.learning_curves(found)
    >>> len(axes.lines[0].get_xdata()), axes.get_xlabel()
    (5, 'epoch')
    """
    runs, single = _runs(history)
    if single is not None and best is None:
        best = getattr(single, "best_epoch", None)
    curves = []
    for k, (label, run) in enumerate(runs.items()):
        curves += _curves(label, run, value, k)
    longest = max(len(values) for _, values, _ in curves)
    if best is not None and not (isinstance(best, int | np.integer) and 1 <= best <= longest):
        raise ValueError(f"best must be an epoch from 1 to {longest}; it is {best!r}")
    ax = axes_for(ax)
    for label, values, style in curves:
        few = {"marker": "o", "markersize": 3} if len(values) <= 60 else {}
        ax.plot(np.arange(1, len(values) + 1), values, label=label, linewidth=2, **few, **style)
    if best is not None:
        ax.axvline(best, color=NEUTRAL, linewidth=1.2, linestyle="-.", label="kept")
    _label(ax, value)
    return finish(ax, legend=True)


def _runs(given: Any) -> tuple[dict[str, Any], Any]:
    """Histories by label, and what was given if it is a single run."""
    if isinstance(given, Mapping) and not hasattr(given, "status"):  # a result is a mapping, too
        if not given:
            raise ValueError("history must not be empty")
        return {str(label): _history_of(run, f"history[{label!r}]") for label, run in given.items()}, None
    return {"": _history_of(given, "history")}, given


def _history_of(given: Any, name: str) -> Any:
    """The history itself, or that of a result; raises TypeError or ValueError."""
    found = getattr(given, "history", given)
    if not (hasattr(found, "loss") and hasattr(found, "validation")):
        raise TypeError(
            f"{name} must be the history or the result of a training run; it is {type(given).__name__}"
        )
    if len(found.loss) == 0:
        raise ValueError(f"{name} is empty: no epoch was completed")
    return found


def _curves(label: str, run: Any, value: str, k: int) -> list[tuple[str, Any, dict[str, Any]]]:
    """Label, values and style of the curves of a run."""
    alone = not label
    if value == "loss":
        training = {"color": look(0 if alone else k)["color"], "linestyle": "-"}
        found = [("training" if alone else label, run.loss, training)]
        if np.isfinite(run.validation).any():
            held_out = {"color": look(1 if alone else k)["color"], "linestyle": "--"}
            found.append(("validation" if alone else f"{label}, validation", run.validation, held_out))
        return found
    metrics = getattr(run, "metrics", {})
    if value not in metrics:
        known = ", ".join(repr(name) for name in ("loss", *metrics))
        raise ValueError(f"value must be one of {known}; it is {value!r}")
    return [("validation" if alone else label, metrics[value], look(1 if alone else k))]


def _label(ax: Any, value: str) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel("epoch")
    ax.set_ylabel(value if value == "loss" else f"{value}, validation")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_learning(
    history: Any, path: str | os.PathLike[str], title: str = "", best: int | None = None
) -> None:
    """Save curves of the loss and of each metric against epochs, one panel each.

    Parameters
    ----------
    history : numgd.nn.training.TrainingHistory
    path : str or path-like
        Picture to write; its suffix gives the format.
    title : str
    best : int, optional
        The epoch whose weights were kept, which is marked.
    """
    from matplotlib.figure import Figure

    values = ["loss", *history.metrics]
    figure = Figure(figsize=(5.5 * len(values), 4.4), dpi=150, layout="constrained")
    figure.suptitle(title, fontsize=12)
    for ax, value in zip(figure.subplots(1, len(values), squeeze=False)[0], values, strict=True):
        learning_curves(history, value=value, best=best, ax=ax)
    figure.savefig(path)
