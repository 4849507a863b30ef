"""An animated race of methods on a landscape."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from numgd.plots.histories import history_of, path_of
from numgd.plots.landscapes import landscape
from numgd.plots.style import MARKERS, labelled, look

FRAMES_PER_SECOND = 15


def race(
    fun: Callable[..., Any],
    bounds: Sequence[Sequence[float]],
    results: Any,
    *,
    args: tuple[Any, ...] = (),
    seconds: float = 6.0,
    log: bool = False,
    ax: Any = None,
) -> Any:
    """Animate the paths of several methods on a function of two variables.

    All start together, and each frame shows how far each has come after the same number of evaluations of
    the function.

    Parameters
    ----------
    fun, bounds, results, args, log, ax
        As for `numgd.plots.landscape`.
    seconds : float
        How long the animation lasts.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        ``save("race.gif", writer="pillow")`` writes a picture, ``to_jshtml()`` gives HTML, which a notebook
        shows by itself.  Its axes are ``animation.ax``.

    Raises
    ------
    TypeError, ValueError
        As for `numgd.plots.landscape`.

    Examples
    --------
    >>> import numgd
    >>> def bowl(x):
    ...     return x[0] ** 2 + 10.0 * x[1] ** 2
    >>> runs = {
    ...     method: numgd.minimize(bowl, [1.0, 1.0], method=method, options={"history": True})
    ...     for method in ("BFGS", "steepest-descent")
    ... }
    >>> animation = numgd.plots.race(bowl, [(-2, 2), (-2, 2)], runs, seconds=1.0)
    >>> len(animation.ax.lines)
    2
    >>> animation.save("race.gif", writer="pillow")  # doctest: +SKIP
    """
    from matplotlib.animation import FuncAnimation

    if not (isinstance(seconds, int | float) and seconds > 0):
        raise ValueError(f"seconds must be a positive number; it is {seconds!r}")
    runs = labelled("results", results)
    paths = {label: path_of(label, result) for label, result in runs.items()}
    histories = {label: history_of(label, result) for label, result in runs.items()}
    ax = landscape(fun, bounds, args=args, log=log, ax=ax)
    lines = {
        label: ax.plot([], [], marker=MARKERS[k % len(MARKERS)], markersize=4, linewidth=1.5, **look(k))[0]
        for k, label in enumerate(paths)
    }
    legend = ax.legend(lines.values(), list(paths), frameon=False, loc="upper right")
    most = max(int(history.nfev[-1]) for history in histories.values())
    frames = max(2, round(FRAMES_PER_SECOND * seconds))
    evaluations = np.unique(np.linspace(1, most, frames).round().astype(int))

    def draw(count: int) -> list[Any]:
        for text, (label, line) in zip(legend.get_texts(), lines.items(), strict=True):
            reached = max(1, int(np.searchsorted(histories[label].nfev, count, side="right")))
            line.set_data(*paths[label][:reached].T)
            text.set_text(f"{label}  {histories[label].fun[reached - 1]:.3g}")
        ax.set_title(f"{count} evaluations")
        return [*lines.values(), *legend.get_texts(), ax.title]

    class Race(FuncAnimation):
        """An animation that a notebook shows."""

        ax: Any
        _draw_was_started: bool

        def _repr_html_(self) -> str:
            return self.to_jshtml(default_mode="once")

    draw(evaluations[-1])
    animation = Race(ax.figure, draw, frames=evaluations, interval=1000 * seconds / len(evaluations))
    animation._draw_was_started = True  # no warning if it is not shown
    animation.ax = ax
    return animation
