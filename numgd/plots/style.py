"""How every plot looks: colours, line styles, axes.

Lines are told apart by colour and by dash or marker, text and ticks take the colours of matplotlib's
settings, and backgrounds stay as they are: plots can be read by the colour-blind and in dark themes.
"""

from collections.abc import Mapping
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
"""Okabe and Ito's palette, which colour-blind readers can distinguish, without its yellow and its black
which vanish on white and on black."""

STYLES = ("-", "--", ":", "-.")
"""Line styles, whose number has no common divisor with that of the colours."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")

SEQUENTIAL = "viridis"
"""Colour map of magnitudes."""

DIVERGING = "PuOr"
"""Colour map of values of both signs."""


def look(k: int) -> dict[str, Any]:
    """Colour and line style of the curve number `k` of a plot."""
    return {"color": COLOURS[k % len(COLOURS)], "linestyle": STYLES[k % len(STYLES)]}


def path_look(k: int) -> dict[str, Any]:
    """As `look`, for paths that are told apart by markers too: dashes only begin with the second pass."""
    return {**look(k), "linestyle": STYLES[k // len(COLOURS) % len(STYLES)]}


def marked(k: int, count: int) -> dict[str, Any]:
    """As `look`, with a marker of its own on about ten of the `count` points."""
    every = max(1, -(-count // 10))
    shift = k * every // 3 % every  # markers of curves on top of each other lie side by side
    return {**look(k), "marker": MARKERS[k % len(MARKERS)], "markevery": (shift, every), "markersize": 5}


def axes_for(ax: Any, projection: str = "rectilinear", *, size: tuple[float, float] = (6.4, 4.4)) -> Any:
    """The axes to draw in: `ax`, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
    projection : {'rectilinear', '3d'}
        What the plot needs.
    size : tuple of float
        Width and height of a new figure, in inches.

    Raises
    ------
    TypeError
        If `ax` is not an axes object.
    ValueError
        If `ax` has another projection.
    """
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None:
        return plt.figure(figsize=size, layout="constrained").add_subplot(projection=projection)
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be matplotlib axes, not {type(ax).__name__}")
    if ax.name != projection:
        wanted = "flat axes" if projection == "rectilinear" else f"axes made with projection={projection!r}"
        raise ValueError(f"ax must be {wanted}, but its projection is {ax.name!r}")
    return ax


def finish(ax: Any, *, legend: bool = False) -> Any:
    """Give flat axes a light grid, no frame above and on the right and, if wanted, a legend; returns them."""
    ax.grid(True, color="#888888", alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    if legend:
        ax.legend(frameon=False)
    return ax


def labelled(name: str, given: Any) -> dict[str, Any]:
    """What a plot shows, by label: `given` if it is a mapping, else `given` alone under an empty label.

    Raises
    ------
    ValueError
        If the mapping is empty.
    """
    if not isinstance(given, Mapping):
        return {"": given}
    if not given:
        raise ValueError(f"{name} must not be empty")
    return {str(label): shown for label, shown in given.items()}
