"""An animation of several methods that advance together over the contours of a function."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import rcParams
from matplotlib.animation import FuncAnimation

from numgd.foundations.ranges import Count, Positive, check_arguments, one_of
from numgd.plots.landscapes import CASING
from numgd.plots.plane import Plane, checked_box, draw_contour, levels_of, scale_of
from numgd.plots.runs import ASKED, Path, name_of, runs_of
from numgd.plots.style import MARKERS, axes_for, path_look

Against = one_of("evaluation", "iteration")

UNEVEN = 10
"""From this ratio of the longest to the shortest run on, frames are spaced by ratios."""


class Race(FuncAnimation):
    """A matplotlib animation that notebooks show with controls."""

    _draw_was_started: bool

    def __init__(self, ax: Any, *args: Any, **kwargs: Any):
        super().__init__(ax.figure, *args, **kwargs)
        self.ax = ax
        self._draw_was_started = True  # no warning if it is not shown

    def save(self, filename: Any, writer: Any = None, *args: Any, **kwargs: Any) -> None:
        """As `matplotlib.animation.Animation.save`, with Pillow as the writer of GIF files."""
        if writer is None and str(filename).lower().endswith(".gif"):
            writer = "pillow"
        super().save(filename, writer, *args, **kwargs)

    def _repr_html_(self) -> str:
        found = super()._repr_html_() if rcParams["animation.html"] != "none" else self.to_jshtml()
        plt.close(self.ax.figure)  # or the notebook would also show its last frame
        return found


@check_arguments
def race(
    fun: Any,
    bounds: Any,
    results: Any,
    *,
    args: Any = (),
    seconds: Positive = 6,
    against: Against = "evaluation",
    log: bool | None = None,
    resolution: Count = 150,
    frames_per_second: Count = 10,
    ax: Any = None,
) -> Any:
    """Animate how methods approach the minimum, side by side.

    Parameters
    ----------
    fun, bounds, args, resolution, log
        As for `landscape`.
    results : result, history, array_like of shape (k, 2), or mapping of str to these
        The methods, by label: results that were made with ``options={'history': True}``, or, with
        ``against='iteration'``, points.  Their present values are shown in the legend.
    seconds : float
        Duration.
    against : {'evaluation', 'iteration'}
        What advances evenly: evaluations of the function, or iterations.  If one method needs more than ten
        times as many as another, their number grows by a constant factor from frame to frame.
    frames_per_second : int
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        A notebook shows it with controls; its ``save("race.gif")`` writes it to a file, and ``to_jshtml()``
        or ``to_html5_video()`` (the latter by ffmpeg) gives it as HTML.  Its axes are ``animation.ax``.

    Raises
    ------
    TypeError, ValueError
        As for `landscape`, and for a duration of more than 1,000 frames.

    Examples
    --------
    >>> import numgd
    >>> from numgd import plots
    >>> def bowl(x):
    ...     return x[0] ** 2 + 10 * x[1] ** 2
    >>> runs = {
    ...     name: numgd.minimize(bowl, [4.0, 1.0], method=name, options={"history": True})
    ...     for name in ("bfgs", "steepest-descent")
    ... }
    >>> animation = plots.race(bowl, [(-5, 5), (-2, 2)], runs, seconds=0.5, frames_per_second=4)
    >>> animation.to_jshtml().count("data:image/png")
    2
    """
    box = checked_box(bounds)
    if resolution < 3:
        raise ValueError(f"resolution must be at least 3; it is {resolution}")
    frames = max(2, round(seconds * frames_per_second))
    if frames > 1000:
        raise ValueError(f"seconds and frames_per_second give {frames} frames; 1,000 are the most")
    paths = [Path(label, given) for label, given in runs_of(results).items()]
    counts = [_counts(path, against) for path in paths]
    if ax is not None:
        axes_for(ax)  # an error comes before the work
    plane = Plane(fun, args, box, resolution)
    levels = levels_of(plane.values, 25, scale_of(log, plane.values))
    values = [plane.at(path.points) if path.values is None else path.values for path in paths]
    ax = axes_for(ax, size=(6.4, 5.0))
    draw_contour(ax, plane, levels, box, image=True)
    lines = [_Runner(ax, k, *parts) for k, parts in enumerate(zip(paths, counts, values, strict=True))]
    handles = [line.head for line in lines]
    texts = ax.legend(handles=handles, framealpha=0.9, loc=_emptiest(paths, box)).get_texts()
    word = "evaluations" if against == "evaluation" else "iterations"

    def draw(moment: float) -> list[Any]:
        changed = [ax.set_title(f"{moment:.0f} {word}", fontsize="medium")]
        for line, text in zip(lines, texts, strict=True):
            text.set_text(line.advance(moment))
            changed += [line.trail, line.head, line.casing, text]
        return changed

    def start() -> list[Any]:
        return draw(0.0)

    draw(0.0)
    ax.figure.draw_without_rendering()
    ax.figure.set_layout_engine("none")  # it stays as it is: the layout would take most of the time
    moments = _moments([float(own[-1]) for own in counts], frames)
    return Race(
        ax, draw, moments, start, interval=1000 / frames_per_second, repeat=False,
        cache_frame_data=False,
    )  # fmt: skip


def _counts(path: Path, against: str) -> Any:
    """When each point of a path was reached, ascending from 0."""
    if against == "iteration":
        return np.arange(len(path.points), dtype=float)
    if path.counts is None:
        raise ValueError(
            f"{name_of(path.label)} does not hold numbers of evaluations: give a result made with {ASKED}, "
            "or against='iteration'"
        )
    return np.asarray(path.counts, float)


def _moments(ends: list[float], frames: int) -> list[float]:
    """The moments of the frames, from the start to the end of the longest run."""
    longest, shortest = max(*ends, 1.0), max(min(ends), 1.0)
    if longest > UNEVEN * shortest:
        return [0.0, *np.geomspace(1.0, longest, frames - 1)]
    return list(np.linspace(0.0, longest, frames))


def _emptiest(paths: list[Path], box: Any) -> str:
    """The corner in which the paths have the fewest points."""
    points = np.concatenate([path.points for path in paths])
    upper, right = (points[:, i] > box[:, i].mean() for i in (1, 0))
    corners = {
        "upper right": upper & right,
        "upper left": upper & ~right,
        "lower left": ~upper & ~right,
        "lower right": ~upper & right,
    }
    return min(corners, key=lambda corner: int(corners[corner].sum()))


class _Runner:
    """What is drawn of one method: its trail, its head and the number it has reached."""

    def __init__(self, ax: Any, k: int, path: Path, counts: Any, values: Any):
        self.path, self.counts, self.values = path, counts, values
        style = path_look(k)
        (self.casing,) = ax.plot([], [], color="white", linewidth=3.2, zorder=4.9, gid="casing")
        (self.trail,) = ax.plot([], [], linewidth=1.8, zorder=5 + k / 100, **style)
        (self.head,) = ax.plot(
            [], [], marker=MARKERS[k % len(MARKERS)], markersize=7, markeredgecolor=CASING,
            linewidth=1.8, zorder=6, label=path.label or "_head", **style,
        )  # fmt: skip
        if not path.label:
            self.head.set_label("value")

    def advance(self, moment: float) -> str:
        """Go to where the method was at a moment; returns the text of the legend."""
        points, counts = self.path.points, self.counts
        reached = max(1, int(np.searchsorted(counts, moment, side="right")))
        here = [np.interp(moment, counts, column) for column in points.T]
        trail = np.vstack([points[:reached], here]).T
        for line in (self.casing, self.trail):
            line.set_data(*trail)
        self.head.set_data([here[0]], [here[1]])
        return f"{self.path.label or 'value'}: {self.values[reached - 1]:.2e}"
