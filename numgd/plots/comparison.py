"""Plots, drawn without touching the caller's matplotlib state."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from numgd.plots.style import finish, look

FLOOR = 1e-13
"""Distance from the minimum below which only rounding errors are left."""


def picture_formats() -> list[str]:
    """Suffixes of the supported picture formats, without the dot."""
    from matplotlib.backend_bases import FigureCanvasBase

    return sorted(FigureCanvasBase.get_supported_filetypes())


def draw_convergence(comparisons: Sequence[Any], path: str | os.PathLike[str]) -> None:
    """Save curves of loss − lowest loss against evaluations, one panel per comparison.

    Parameters
    ----------
    comparisons : sequence of numgd.cli.comparison.Comparison
    path : str or path-like
        Picture to write; its suffix gives the format.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import StrMethodFormatter

    figure = Figure(figsize=(6.5 * len(comparisons), 5.6), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(comparisons), squeeze=False)[0]
    methods = list(dict.fromkeys(run.method for comparison in comparisons for run in comparison.runs))
    looks = {method: look(k) for k, method in enumerate(methods)}
    circle: dict[str, Any] = {
        "marker": "o",
        "markersize": 6.5,
        "markerfacecolor": "none",
        "linestyle": "none",
    }
    for panel, comparison in zip(panels, comparisons, strict=True):
        for run in comparison.runs:
            gap = np.maximum(run.losses - comparison.lowest, FLOOR / 100)
            evaluations = np.arange(1, gap.size + 1)
            if run.library == "SciPy":  # where both libraries take the same path, circles lie on the line
                shown = np.unique(np.geomspace(1, gap.size, 16).astype(int)) - 1
                colour = looks[run.method]["color"]
                panel.plot(evaluations[shown], gap[shown], color=colour, markeredgewidth=1.3, **circle)
            else:
                panel.plot(evaluations, gap, linewidth=2, **looks[run.method])
        panel.set_title(comparison.problem.title, fontsize=12)
        panel.set_xlabel("evaluations of loss and gradient", fontsize=12)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_ylim(bottom=max(panel.get_ylim()[0], FLOOR))
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.tick_params(labelsize=11)
        finish(panel)
    panels[0].set_ylabel("loss − lowest loss", fontsize=12)
    entries = [Line2D([], [], linewidth=2.5, label=method, **looks[method]) for method in methods]
    entries.append(Line2D([], [], color="#444444", label="same method in SciPy", **circle))
    figure.legend(
        handles=entries, loc="outside lower center", ncols=len(entries), frameon=False, fontsize=11
    )  # fmt: skip
    figure.savefig(path)
