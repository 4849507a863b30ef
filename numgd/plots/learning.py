"""Learning curves: what a training run records per epoch."""

import os
from typing import Any

import numpy as np

from numgd.plots.style import COLOURS

TRAINING, VALIDATION = COLOURS[0], COLOURS[1]
"""Colours of the curves over the two parts of the data."""


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
    from matplotlib.ticker import MaxNLocator

    panels: dict[str, list[Any]] = {"loss": [("training", TRAINING, history.loss)]}
    if np.isfinite(history.validation).any():
        panels["loss"].append(("validation", VALIDATION, history.validation))
    for name, values in history.metrics.items():
        panels[f"{name}, validation"] = [("validation", VALIDATION, values)]
    figure = Figure(figsize=(5.5 * len(panels), 4.4), dpi=150, layout="constrained")
    figure.suptitle(title, fontsize=12)
    for axes, (name, curves) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for label, colour, values in curves:
            epochs = np.arange(1, len(values) + 1)
            axes.plot(epochs, values, color=colour, label=label, linewidth=2, marker="o", markersize=3)
        if best is not None:
            axes.axvline(best, color="#999999", linewidth=1, linestyle=":", label="kept")
        axes.set_xlabel("epoch", fontsize=12)
        axes.set_ylabel(name, fontsize=12)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(labelsize=11)
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=11)
    figure.savefig(path)
