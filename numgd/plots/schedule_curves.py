"""Learning rates by step."""

from typing import Any

import numpy as np

from numgd.foundations.ranges import Count, Flag, check_arguments
from numgd.plots.style import axes_for, finish, labelled, marked
from numgd.schedules import as_schedule
from numgd.schedules.schedule import rates_of_steps


@check_arguments
def schedule(schedules: Any, steps: Count, *, log: Flag = False, ax: Any = None) -> Any:
    """Draw the learning rates of schedules.

    Parameters
    ----------
    schedules : schedule, callable or float, or mapping of str to these
        From `numgd.schedules`, or functions of the number of the step; see `numgd.schedules.as_schedule`.
        Those of a mapping are told apart by colour and marker, with their labels in the legend.
    steps : int
        Number of steps, counted from 1.
    log : bool
        Whether the learning rates have a logarithmic axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a schedule, for learning rates that are negative or not finite, and other axes.

    Notes
    -----
    Schedules that observe the loss, such as `ReduceOnPlateau`, are drawn as they are at present.

    Examples
    --------
    >>> from numgd import plots
    >>> from numgd.schedules import Cosine, Exponential
    >>> axes = plots.schedule({"cosine": Cosine(0.1, 100), "exponential": Exponential(0.1, 0.97)}, 100)
    >>> [round(float(line.get_ydata()[-1]), 3) for line in axes.lines]
    [0.0, 0.005]
    """
    found = {}
    for label, given in labelled("schedules", schedules).items():
        name = f"schedules[{label!r}]" if label else "schedules"
        if not callable(given) and (isinstance(given, bool) or not isinstance(given, int | float)):
            raise TypeError(f"{name} must be a schedule, a function or a number; it is {given!r:.80}")
        found[label] = rates_of_steps(as_schedule(given), 1, steps)
    ax = axes_for(ax)
    numbers = np.arange(1, steps + 1)
    for k, (label, rates) in enumerate(found.items()):
        ax.plot(numbers, rates, label=label or "_schedule", linewidth=2, **marked(k, steps))
    if log:
        ax.set_yscale("log")
    ax.set(xlabel="step", ylabel="learning rate")
    return finish(ax, legend=any(found))
