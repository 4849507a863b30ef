"""Contours or the surface of a function of two variables, with the paths of methods."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numgd.foundations.ranges import Count, Flag, check_arguments, one_of
from numgd.plots.plane import LEAST, Plane, checked_box, draw_contour, levels_of, scale_of
from numgd.plots.runs import Path, runs_of
from numgd.plots.style import SEQUENTIAL, axes_for, look, marked, path_look

Kind = one_of("contour", "surface")

FEW = 40
"""Iterates up to which each one has a marker."""

CASING = "#222222"
"""Edge of lines and markers on coloured ground."""


@check_arguments
def landscape(
    fun: Any,
    bounds: Any,
    results: Any = None,
    *,
    args: Any = (),
    kind: Kind = "contour",
    evaluations: Flag = False,
    levels: int | Sequence[float] = 25,
    resolution: Count = 150,
    log: bool | None = None,
    ax: Any = None,
) -> Any:
    """Draw a function of two variables, and the paths of methods over it.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float`` with x of shape (2,), called as it is at resolution² points; of a tuple
        ``(value, gradient)`` the value is drawn.
    bounds : sequence of (low, high), or scipy.optimize.Bounds
        What to draw: ``((x_low, x_high), (y_low, y_high))``.
    results : result, history, array_like of shape (k, 2), or mapping of str to these, optional
        Whose paths to draw, with their labels in the legend: results that were made with
        ``options={'history': True}``, or points.  What lies outside the bounds is cut off.
    args : tuple, optional
        Further arguments of `fun`.
    kind : {'contour', 'surface'}
    evaluations : bool
        Whether to draw every point at which the function was evaluated, too; of results that were made with
        ``options={'history': 'evaluations'}``.
    levels : int or sequence of float
        Contours, or their number.
    resolution : int
        Points in each direction, at least 3.
    log : bool, optional
        Whether levels, or the height of a surface, are spaced by the ratio of the differences from the
        minimum.  By default, if most values lie near the minimum.
    ax : matplotlib.axes.Axes, optional
        Where to draw, with ``projection="3d"`` for a surface; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Points where the function is not finite are left blank.

    Raises
    ------
    TypeError, ValueError
        For bounds of another form, a function that is finite nowhere in them, results without a history or
        of other than two variables, and other axes.

    Examples
    --------
    >>> import numgd
    >>> from numgd import plots
    >>> def rosenbrock(x):
    ...     return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    >>> paths = {
    ...     name: numgd.minimize(rosenbrock, [-1.2, 1.0], method=name, options={"history": True})
    ...     for name in ("bfgs", "newton")
    ... }
    >>> axes = plots.landscape(rosenbrock, [(-2, 2), (-1, 3)], paths)
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['bfgs', 'newton']
    """
    box = checked_box(bounds)
    if resolution < 3:
        raise ValueError(f"resolution must be at least 3; it is {resolution}")
    runs = {} if results is None else runs_of(results)
    paths = [Path(label, given, evaluations) for label, given in runs.items()]
    projection = "3d" if kind == "surface" else "rectilinear"
    if ax is not None:
        axes_for(ax, projection)  # an error comes before the work
    plane = Plane(fun, args, box, resolution)
    log = scale_of(log, plane.values)
    contours = levels_of(plane.values, levels, log)
    ax = axes_for(ax, projection, size=(6.4, 5.0))
    if kind == "surface":
        _surface(ax, plane, paths, box, log, evaluations)
    else:
        draw_contour(ax, plane, contours, box)
        for k, path in enumerate(paths):
            _path(ax, k, path, (path.points,), (path.evaluated,) if evaluations else None)
    if any(path.label for path in paths):
        legend = ax.legend(framealpha=0.9)
        legend.set_zorder(20)
    return ax


def _path(ax: Any, k: int, path: Path, along: Any, evaluated: Any) -> None:
    """One path, its start and its end, and the evaluated points; coordinates are columns of the arrays."""
    columns = np.column_stack(along).T
    draw_path(ax, k, columns, path.label)
    if evaluated is not None:
        points = np.column_stack(evaluated).T
        marks = {"marker": "o", "markersize": 3.5, "markeredgecolor": CASING, "markeredgewidth": 0.6}
        colour = look(k)["color"]
        ax.plot(*points, color=colour, linestyle="none", zorder=4.95, gid="evaluations", **marks)


def draw_path(ax: Any, k: int, columns: Any, label: str) -> Any:
    """Draw the path number k, given by its coordinates (2 or 3, count); returns its line."""
    style = {**marked(k, columns.shape[1]), **path_look(k)}
    if columns.shape[1] <= FEW:
        style["markevery"] = 1
    style = {**style, "linewidth": 1.8, "markeredgecolor": CASING, "markeredgewidth": 0.6}
    ax.plot(*columns, color="white", linewidth=3.2, zorder=4.9, gid="casing")
    (line,) = ax.plot(*columns, label=label or "_path", zorder=5 + k / 100, **style)
    edge = {"markeredgecolor": CASING, "linestyle": "none", "color": style["color"]}
    ax.plot(*columns[:, :1], marker="o", markersize=9, zorder=6, gid="start", **edge)
    ax.plot(*columns[:, -1:], marker="*", markersize=15, zorder=7, gid="end", **edge)
    return line


def _surface(ax: Any, plane: Plane, paths: list[Path], box: Any, log: bool, evaluations: bool) -> None:
    """The surface, with paths that lie on it."""
    heights = [plane.at(path.points) if path.values is None else path.values for path in paths]
    clouds = [plane.at(path.evaluated) if evaluations else np.empty(0) for path in paths]
    least = float(plane.values.min())
    for values in (*heights, *clouds):
        finite = values[np.isfinite(values)]
        least = min(least, float(finite.min())) if finite.size else least
    floor = LEAST * float(plane.values.max() - least) or 1.0

    def height(values: Any) -> Any:
        values = np.asarray(np.ma.filled(values, np.nan), float)
        return np.log10(np.maximum(values - least, floor)) if log else values

    first, second = np.meshgrid(plane.x, plane.y)
    stride = max(1, len(plane.x) // 75)
    ax.computed_zorder = False  # paths lie over the surface
    ax.plot_surface(
        first, second, height(plane.values), cmap=SEQUENTIAL, rstride=stride, cstride=stride, alpha=0.85,
        linewidth=0, zorder=1,
    )  # fmt: skip
    for k, (path, own, cloud) in enumerate(zip(paths, heights, clouds, strict=True)):
        line = _inside(path.points, box), height(own)
        points = (_inside(path.evaluated, box), height(cloud)) if evaluations else None
        _path(ax, k, path, line, points)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=box[:, 0], ylim=box[:, 1])
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0.5, 0.5, 0.5, 0.08))  # on light and on dark grounds
    ax.set_zlabel(r"$\log_{10}$(value $-$ least)" if log else "value")


def _inside(points: Any, box: Any) -> Any:
    """The points, with NaN for those outside the box: axes in space do not cut lines off."""
    outside = ((points < box[0]) | (points > box[1])).any(axis=1)
    return np.where(outside[:, None], np.nan, points)
