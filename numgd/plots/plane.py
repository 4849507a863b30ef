"""A function of two variables: its values on a grid, levels between them, and a filled contour plot."""

from typing import Any

import numpy as np

from numgd.solve.bounds import box_of

PALE = 0.45
"""Part of the map's colours in those of a contour plot; the rest is white, on which paths stand out."""

LEAST = 1e-6
"""Least difference from the minimum that a logarithmic scale shows, as a part of the largest one."""


def checked_box(bounds: Any) -> Any:
    """Bounds of the two variables as an array (2, 2): lower ends, upper ends.

    Raises
    ------
    ValueError
        If they are not the bounds of two variables, not finite, or an interval is empty.
    """
    wanted = "bounds must be ((x_low, x_high), (y_low, y_high))"
    try:
        box = box_of(bounds, None, np.float64)
    except ValueError as error:
        raise ValueError(f"{wanted}; it is {bounds!r:.80}") from error
    if box.shape != (2, 2):
        raise ValueError(f"{wanted}; it is {bounds!r:.80}")
    if not np.isfinite(box).all() or not (box[0] < box[1]).all():
        raise ValueError(f"{wanted}, finite, with the lower end first; it is {bounds!r:.80}")
    return box


class Plane:
    """Values of a function on a grid of points of a box.

    Parameters
    ----------
    fun : callable
    args : tuple
    box : numpy.ndarray
        See `checked_box`.
    resolution : int
        Points in each direction.

    Attributes
    ----------
    x, y : numpy.ndarray
        The coordinates, (resolution,) each.
    values : numpy.ma.MaskedArray
        Of shape (resolution, resolution), y first; masked where they are not finite.

    Raises
    ------
    TypeError, ValueError
        If `fun` cannot be called, or its values are finite nowhere.
    """

    def __init__(self, fun: Any, args: Any, box: Any, resolution: int):
        if not callable(fun):
            raise TypeError(f"fun must be callable; it is {fun!r:.80}")
        self.fun, self.args = fun, args if isinstance(args, tuple) else (args,)
        self._failure: Exception | None = None
        self.x, self.y = (np.linspace(low, high, resolution) for low, high in box.T)
        grid = np.stack(np.meshgrid(self.x, self.y), axis=-1)
        self.values = np.ma.masked_invalid(self.at(grid.reshape(-1, 2)).reshape(grid.shape[:2]))
        if not self.values.count():
            raise ValueError("fun is finite nowhere within the bounds") from self._failure

    def at(self, points: Any) -> Any:
        """Values at points (k, 2); NaN where the function divides by zero or leaves its domain."""
        found = np.empty(len(points))
        with np.errstate(all="ignore"):
            for k, point in enumerate(points):
                found[k] = self._value(np.array(point, float))
        return found

    def _value(self, point: Any) -> float:
        try:
            value = self.fun(point, *self.args)
        except (ArithmeticError, ValueError) as error:  # of Python's math, where compiled code returns NaN
            self._failure = error
            return np.nan
        if isinstance(value, tuple):  # with jac=True
            value = value[0]
        try:
            return float(value)
        except TypeError:
            value = np.asarray(value)
            if value.size == 1 and value.dtype.kind in "fiub":
                return float(value.item())
            raise TypeError(f"fun must return a number; it returned {type(value).__name__}") from None


def scale_of(log: Any, values: Any) -> bool:
    """Whether a scale is logarithmic: as it was asked for, or by default as the values suggest."""
    if log is None:
        return skewed(values)
    if not isinstance(log, bool | np.bool_):
        raise TypeError(f"log must be True, False or None; it is {log!r}")
    return bool(log)


def skewed(values: Any) -> bool:
    """Whether most values lie near the minimum, so that levels are better spaced by ratios."""
    spread = values.compressed() - values.min()
    return bool(np.median(spread) < 0.2 * spread.max())


def levels_of(values: Any, levels: Any, log: bool) -> Any:
    """Ascending levels that cover the values, evenly spaced or, from the minimum, by ratios.

    Parameters
    ----------
    values : numpy.ma.MaskedArray
    levels : int or sequence of float
        Their number, or the levels themselves.
    log : bool

    Raises
    ------
    TypeError, ValueError
        If they are neither.
    """
    if isinstance(levels, bool) or not isinstance(levels, int | np.integer):
        try:
            given = np.asarray(levels, float)
        except (TypeError, ValueError):
            raise TypeError(
                f"levels must be a number of levels, or a sequence; it is {levels!r:.80}"
            ) from None
        if given.ndim != 1 or given.size < 2 or not np.isfinite(given).all() or (np.diff(given) <= 0).any():
            raise ValueError(
                f"levels must be at least 2 finite numbers in ascending order; it is {levels!r:.80}"
            )
        return given
    if levels < 2:
        raise ValueError(f"levels must be at least 2; it is {levels}")
    low, high = float(values.min()), float(values.max())
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        return np.linspace(low - 0.5, high + 0.5, levels)
    if not log:
        return np.linspace(low, high, levels)
    spread = values.compressed() - low
    least = max(float(np.quantile(spread, 0.005)), LEAST * (high - low))
    found = low + np.append(0.0, np.geomspace(least, high - low, levels - 1))
    found[-1] = high
    return found


def short(value: float) -> str:
    """A number with three digits, without an exponent if it is of a usual size."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def pale_map(name: str) -> Any:
    """A colour map, mixed with white."""
    import matplotlib
    from matplotlib.colors import ListedColormap

    colours = matplotlib.colormaps[name](np.linspace(0, 1, 256))
    colours[:, :3] = 1 - PALE * (1 - colours[:, :3])
    return ListedColormap(colours)


def draw_contour(ax: Any, plane: Plane, levels: Any, box: Any, image: bool = False) -> None:
    """Draw a filled contour plot and its colour bar.

    As an image without lines it has few colours and is drawn fast, as animations need it.
    """
    from matplotlib.colors import BoundaryNorm

    from numgd.plots.style import SEQUENTIAL

    colours = pale_map(SEQUENTIAL)
    norm = BoundaryNorm(levels, 256)
    beyond = plane.values.min() < levels[0], plane.values.max() > levels[-1]
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}.get(beyond, "both")
    if image:
        # The values belong to the middles of the image's cells.
        sides = [(1.5 * u[0] - 0.5 * u[1], 1.5 * u[-1] - 0.5 * u[-2]) for u in (plane.x, plane.y)]
        filled = ax.imshow(
            plane.values, cmap=colours, norm=norm, origin="lower", aspect="auto",
            extent=(*sides[0], *sides[1]), interpolation="bilinear", interpolation_stage="data",
        )  # fmt: skip
    else:
        filled = ax.contourf(plane.x, plane.y, plane.values, levels, cmap=colours, norm=norm, extend=extend)
        ax.contour(plane.x, plane.y, plane.values, levels[1:-1], colors="#555555", linewidths=0.4, alpha=0.6)
    step = max(1, (len(levels) - 1) // 7)
    bar = ax.figure.colorbar(filled, ax=ax, label="value", ticks=levels[::step])
    bar.ax.yaxis.set_major_formatter(lambda value, place: short(value))
    bar.ax.minorticks_off()
    ax.set(xlim=box[:, 0], ylim=box[:, 1], xlabel="$x_1$", ylabel="$x_2$")
