"""Performance profiles: how methods compare over a set of problems."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numgd.plots.style import axes_for, finish, look


def performance_profile(costs: ArrayLike, labels: Sequence[str], *, ax: Any = None) -> Any:
    """Draw the share of problems that each method solves within a factor of the cheapest method's cost.

    Parameters
    ----------
    costs : array_like of shape (problems, methods)
        Positive costs, such as evaluations or seconds; infinite where a method failed.
    labels : sequence of str
        Names of the methods.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        The curve of a method is the share ρ(τ) of problems whose cost is at most τ times the lowest one.

    Raises
    ------
    ValueError
        For costs of another shape, or that are not positive, and if no method solves any problem.

    References
    ----------
    .. [1] E. D. Dolan and J. J. Moré, Benchmarking optimization software with performance profiles,
       Mathematical Programming 91 (2002), 201-213.

    Examples
    --------
    >>> import numgd
    >>> ax = numgd.plots.performance_profile([[10, 20], [30, 15], [40, float("inf")]], ["BFGS", "CG"])
    >>> [line.get_label() for line in ax.lines]
    ['BFGS', 'CG']
    """
    table = np.asarray(costs, float)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"costs must have shape (problems, methods); their shape is {table.shape}")
    if len(labels) != table.shape[1]:
        raise ValueError(f"labels must name the {table.shape[1]} methods; there are {len(labels)}")
    if not (table > 0).all():
        raise ValueError("costs must be positive, and infinite where a method failed")
    solved = table[np.isfinite(table).any(axis=1)]
    if len(solved) == 0:
        raise ValueError("costs: no method solved any problem")
    ratios = solved / solved.min(axis=1, keepdims=True)
    largest = max(2.0, 1.05 * ratios[np.isfinite(ratios)].max())
    ax = axes_for(ax)
    for k, label in enumerate(labels):
        own = np.sort(ratios[np.isfinite(ratios[:, k]), k])
        share = np.arange(1, own.size + 1) / len(table)
        edges = np.concatenate([[1.0], own, [largest]])
        heights = np.concatenate([[0.0], share, share[-1:] if own.size else [0.0]])
        ax.step(edges, heights, where="post", label=str(label), linewidth=2, **look(k))
    ax.set_xscale("log")
    ax.set_xlim(1.0, largest)
    ax.set_ylim(0.0, 1.03)
    ax.set_xlabel("cost over the lowest cost, τ")
    ax.set_ylabel("share of problems")
    return finish(ax, legend=True)
