"""Performance profiles: which of several methods is fast, and how often."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numgd.plots.style import MARKERS, axes_for, finish, look


def performance_profile(costs: Any, labels: Sequence[str], *, ax: Any = None) -> Any:
    """Draw for each method the fraction of problems that it solves within a multiple of the least cost.

    Parameters
    ----------
    costs : array_like of shape (problems, methods)
        Positive costs, such as evaluations or seconds; inf where a method failed.
    labels : sequence of str
        The name of each method.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one line per method, in the order of the columns: over τ, on a logarithmic axis, the fraction of
        all problems that the method solves at a cost of at most τ times that of the best method for the
        problem.  At τ = 1 it is the fraction for which the method is the best one; at the right end, the
        fraction that it solves at all.

    Raises
    ------
    TypeError, ValueError
        For costs that are not positive, NaN, or not a matrix, for another number of labels, and other axes.

    References
    ----------
    E. D. Dolan and J. J. Moré, Benchmarking optimization software with performance profiles, Mathematical
    Programming 91 (2002), 201-213.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd import plots
    >>> axes = plots.performance_profile([[10, 20], [30, 15], [40, np.inf]], ["bfgs", "cg"])
    >>> [float(line.get_ydata()[0]) for line in axes.lines]
    [0.6666666666666666, 0.3333333333333333]
    """
    costs = _checked(costs)
    labels = [str(label) for label in labels] if not isinstance(labels, str) else [labels]
    if len(labels) != costs.shape[1]:
        raise ValueError(
            f"labels must name {costs.shape[1]} methods, one per column; there are {len(labels)}"
        )
    ratios = ratios_of(costs)
    if not np.isfinite(ratios).any():
        raise ValueError("costs are infinite throughout: no method solves any problem")
    end = max(1.1, 1.05 * float(ratios[np.isfinite(ratios)].max()))
    ax = axes_for(ax)
    for k, label in enumerate(labels):
        own = np.sort(ratios[np.isfinite(ratios[:, k]), k])
        places = np.concatenate([[1.0], own, [end]])
        heights = np.searchsorted(own, places, side="right") / len(ratios)
        marker = {"marker": MARKERS[k % len(MARKERS)], "markersize": 5, "clip_on": False}
        every = max(1, -(-places.size // 10))
        ax.step(places, heights, where="post", label=label, linewidth=2, markevery=every, **look(k), **marker)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(lambda value, place: f"{value:.3g}")
    ax.set(xlim=(1.0, end), ylim=(0.0, 1.02))
    ax.set(xlabel="τ: cost at most τ times the least", ylabel="fraction of problems solved")
    return finish(ax, legend=True)


def _checked(costs: Any) -> Any:
    try:
        found = np.asarray(costs, float)
    except (TypeError, ValueError):
        raise TypeError("costs must be an array of numbers (problems, methods)") from None
    if found.ndim != 2 or not found.size:
        raise ValueError(f"costs must have the shape (problems, methods); it is {found.shape}")
    wrong = np.argwhere(~(found > 0))  # NaN, too
    if wrong.size:
        i, j = wrong[0]
        raise ValueError(
            f"costs must be positive, inf where a method failed; costs[{i}, {j}] is {found[i, j]:g}"
        )
    return found


def ratios_of(costs: Any) -> Any:
    """Costs as multiples of the least one of their problem; inf where there is none."""
    least = costs.min(axis=1, keepdims=True)
    return np.where(np.isfinite(costs), costs / np.where(np.isfinite(least), least, 1.0), np.inf)
