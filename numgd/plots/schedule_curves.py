"""Learning rates by step."""

from typing import Any

import numpy as np

from numgd.plots.style import axes_for, finish, labelled, look


def schedule(schedules: Any, steps: int, *, log: bool = False, ax: Any = None) -> Any:
    """Draw learning rates against steps.

    Parameters
    ----------
    schedules : schedule or mapping of str to schedule
        Those of `numgd.schedules`, or any function from the number of a step, from 1 on, to a learning rate.
    steps : int
    log : bool
        Whether the learning rates have a logarithmic axis.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If a schedule cannot be called, or `steps` is not a positive integer.

    Examples
    --------
    >>> import numgd
    >>> ax = numgd.plots.schedule({"cosine": numgd.schedules.Cosine(0.1, 100)}, 100)
    >>> ax.lines[0].get_ydata()[[0, 50]]
    array([0.1 , 0.05])
    """
    if not isinstance(steps, int | np.integer) or steps < 1:
        raise ValueError(f"steps must be a positive integer; it is {steps!r}")
    shown = labelled("schedules", schedules)
    for label, one in shown.items():
        if not callable(one):
            raise TypeError(f"the schedule {label!r} must be callable; it is {one!r}")
    ax = axes_for(ax)
    t = np.arange(1, steps + 1)
    for k, (label, one) in enumerate(shown.items()):
        ax.plot(t, [float(one(int(step))) for step in t], label=label or None, linewidth=2, **look(k))
    if log:
        ax.set_yscale("log")
    ax.set_xlabel("step")
    ax.set_ylabel("learning rate")
    return finish(ax, legend=any(shown))
