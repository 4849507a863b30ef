"""Functions of two variables, as contours or a surface, with the paths of methods."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from numgd.plots.histories import path_of
from numgd.plots.style import MARKERS, SEQUENTIAL, axes_for, finish, labelled, look

LEVELS = 30


def landscape(
    fun: Callable[..., Any],
    bounds: Sequence[Sequence[float]],
    results: Any = None,
    *,
    args: tuple[Any, ...] = (),
    kind: str = "contour",
    resolution: int = 200,
    log: bool = False,
    ax: Any = None,
) -> Any:
    """Draw a function of two variables, and the paths that methods took on it.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float`` with x of shape (2,).
    bounds : sequence of two pairs
        Lowest and highest value of each variable.
    results : result or mapping of str to result, optional
        Results of `numgd.minimize` with ``options={"history": True}``, with labels for the legend.
    args : tuple
        Further arguments of `fun`.
    kind : {'contour', 'surface'}
        A surface needs axes made with ``projection="3d"``.
    resolution : int
        Number of points along each axis.
    log : bool
        Whether levels are spaced by the logarithm of the value above the lowest one, for steep functions.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        For invalid arguments, a function that is finite nowhere, and results without history or of another
        number of variables.

    Notes
    -----
    Where the function is not finite, nothing is drawn.  Paths are cut off at the bounds.

    Examples
    --------
    >>> import numgd
    >>> def bowl(x):
    ...     return x[0] ** 2 + 10.0 * x[1] ** 2
    >>> run = numgd.minimize(bowl, [1.0, 1.0], options={"history": True})
    >>> ax = numgd.plots.landscape(bowl, [(-2, 2), (-2, 2)], {"BFGS": run})
    >>> ax.lines[0].get_label()
    'BFGS'
    """
    if kind not in ("contour", "surface"):
        raise ValueError(f"kind must be 'contour' or 'surface'; it is {kind!r}")
    paths = {} if results is None else labelled("results", results)
    points = {label: path_of(label, result) for label, result in paths.items()}
    X, Y, Z = grid(fun, bounds, args, resolution)
    height = np.log10(Z - Z.min() + 1e-6 * max(np.ptp(Z), 1e-300)) if log else Z
    if kind == "contour":
        ax = axes_for(ax)
        ax.contour(X, Y, height, LEVELS, cmap=SEQUENTIAL, linewidths=0.8, alpha=0.8)
        finish(ax)
        ax.grid(False)
    else:
        ax = axes_for(ax, "3d")
        ax.plot_surface(X, Y, height, cmap=SEQUENTIAL, alpha=0.6, linewidth=0)
        ax.set_zlabel("log f" if log else "f")
    for k, (label, path) in enumerate(points.items()):
        inside = ((path >= [X.min(), Y.min()]) & (path <= [X.max(), Y.max()])).all(axis=1)
        style = {"label": label or None, "marker": MARKERS[k % len(MARKERS)], "markersize": 4, **look(k)}
        if kind == "contour":
            ax.plot(*path.T, linewidth=1.5, **style)
        else:
            on = path[inside]
            values = _values(fun, on, args)
            ax.plot(
                *on.T, np.log10(values - Z.min() + 1e-6 * np.ptp(Z)) if log else values, zorder=9, **style
            )
    ax.set_xlim(float(X.min()), float(X.max()))
    ax.set_ylim(float(Y.min()), float(Y.max()))
    ax.set_xlabel("x₀")
    ax.set_ylabel("x₁")
    if any(points):
        ax.legend(frameon=False)
    return ax


def grid(fun: Callable[..., Any], bounds: Any, args: tuple[Any, ...], resolution: int) -> Any:
    """A grid over the bounds, and the values there, with those masked that are not finite.

    Raises
    ------
    TypeError, ValueError
        For invalid arguments, or if no value is finite.
    """
    try:
        sides = np.asarray(bounds, float)
    except (TypeError, ValueError):
        sides = np.empty(0)
    if sides.shape != (2, 2) or not np.isfinite(sides).all() or not (sides[:, 0] < sides[:, 1]).all():
        raise ValueError(f"bounds must be two pairs (lowest, highest) of finite numbers; they are {bounds!r}")
    if not callable(fun):
        raise TypeError(f"fun must be callable; it is {fun!r}")
    if not isinstance(resolution, int) or resolution < 2:
        raise ValueError(f"resolution must be an integer above 1; it is {resolution!r}")
    X, Y = np.meshgrid(*(np.linspace(low, high, resolution) for low, high in sides))
    values = _values(fun, np.column_stack([X.ravel(), Y.ravel()]), args)
    if not np.isfinite(values).any():
        raise ValueError("fun is not finite anywhere within the bounds")
    return X, Y, np.ma.masked_invalid(values.reshape(X.shape))


def _values(fun: Callable[..., Any], points: np.ndarray, args: tuple[Any, ...]) -> np.ndarray:
    """The function at points; NaN where it divides by zero."""
    values = np.empty(len(points))
    with np.errstate(all="ignore"):
        for k, point in enumerate(points):
            try:
                values[k] = fun(point.copy(), *args)
            except ZeroDivisionError:
                values[k] = np.nan
    return values
