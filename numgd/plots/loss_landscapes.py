"""The loss of a network around its parameters, along two directions."""

import copy
from typing import Any

import numpy as np

from numgd.foundations.progress import Progress
from numgd.foundations.ranges import Count, Flag, Positive, Seed, check_arguments, one_of
from numgd.plots.networks import checked_network
from numgd.plots.style import COLOURS, SEQUENTIAL, axes_for

Kind = one_of("contour", "surface")


@check_arguments
def loss_landscape(
    network: Any,
    loss: Any,
    X: Any,
    y: Any,
    *,
    span: Positive = 1.0,
    resolution: Count = 25,
    seed: Seed = 0,
    kind: Kind = "contour",
    progress: Flag = False,
    ax: Any = None,
) -> Any:
    """Draw the loss around a network's parameters, along two random directions normalised by filter.

    Parameters
    ----------
    network : Network
        It is left as it is: losses are those of a copy.
    loss : str or Loss
        As for `Network.loss_and_gradient`.
    X : array_like of shape (N, *input_shape)
    y : array_like
        Labels or targets; see the loss.  The loss is the mean over all samples.
    span : float
        The square reaches from −span to span in both directions; at 1 every filter is changed by as much as
        its own norm.
    resolution : int
        Points per direction, at least 3; there are resolution² evaluations.
    seed : int
        Determines the directions.
    kind : {'contour', 'surface'}
    progress : bool
        Whether to show a progress bar, with the package tqdm.
    ax : matplotlib.axes.Axes, optional
        Where to draw, with ``projection="3d"`` for a surface; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Points where the loss is not finite are left blank.

    Raises
    ------
    TypeError, ValueError
        For X and y of other shapes, labels out of range, a network without weights, a loss that is finite
        nowhere, and other axes.

    Notes
    -----
    A direction consists of normal random numbers; those of each filter (the weights of one output) are scaled
    to the norm of the filter.  Biases and the parameters of norms stay as they are.  The loss is that of
    inference: batch norms use their running statistics, and there is no dropout.  Source: H. Li, Z. Xu,
    G. Taylor, C. Studer and T. Goldstein, Visualizing the loss landscape of neural nets, NeurIPS (2018),
    section 4.

    Examples
    --------
    >>> import numgd
    >>> from numgd import nn, plots
    >>> iris = numgd.datasets.iris()
    >>> network = nn.Network(nn.Dense(3), input_shape=(4,))
    >>> axes = plots.loss_landscape(network, "cross_entropy", iris.X, iris.y, resolution=5)
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('first direction', 'second direction')
    """
    if resolution < 3:
        raise ValueError(f"resolution must be at least 3; it is {resolution}")
    network = checked_network(network)
    X, y = network.checked_data(X, y, loss)
    if len(X) == 0:
        raise ValueError("X contains no samples")
    projection = "3d" if kind == "surface" else "rectilinear"
    if ax is not None:
        axes_for(ax, projection)  # an error comes before the work
    steps = np.linspace(-span, span, resolution)
    values = _losses(network, loss, X, y, steps, directions(network, seed), progress)
    if not values.count():
        raise ValueError("the loss is finite nowhere in this square")
    ax = axes_for(ax, projection, size=(6.0, 4.8))
    (_surface if kind == "surface" else _contour)(ax, steps, values)
    ax.set_xlabel("first direction")
    ax.set_ylabel("second direction")
    return ax


def directions(network: Any, seed: int) -> Any:
    """Two random directions normalised by filter, as an array (2, n); raises ValueError without weights."""
    generator = np.random.default_rng(seed)
    parts: list[Any] = []
    weights = 0
    for name, values in network.named_parameters().items():
        drawn = generator.normal(size=(2, *values.shape))
        if name in network.undecayed or values.ndim < 2:
            parts.append(np.zeros((2, values.size)))
            continue
        weights += values.size
        rows, drawn = np.asarray(values, float).reshape(len(values), -1), drawn.reshape(2, len(values), -1)
        lengths = np.linalg.norm(drawn, axis=-1, keepdims=True)
        drawn *= np.linalg.norm(rows, axis=-1)[:, None] / np.where(lengths == 0, 1.0, lengths)
        parts.append(drawn.reshape(2, -1))
    if not weights:
        raise ValueError("network must have weights")
    return np.concatenate(parts, axis=1)


def _losses(network: Any, loss: Any, X: Any, y: Any, steps: Any, along: Any, progress: bool) -> Any:
    """Losses (second direction, first direction) of a copy of the network, masked where not finite."""
    copied = copy.copy(network)
    centre = np.array(network.parameters, float)
    found = np.empty((len(steps), len(steps)))
    with Progress(progress, None, " points", found.size) as watched, np.errstate(all="ignore"):
        for done, (i, j) in enumerate(np.ndindex(found.shape), 1):
            copied.parameters = centre + steps[j] * along[0] + steps[i] * along[1]
            found[i, j] = copied.loss(copied.forward(X), y, loss)
            watched.reach(done)
    return np.ma.masked_invalid(found)


def _levels(values: Any, count: int) -> tuple[Any, bool]:
    """Levels of contours, and whether they are spaced by ratios."""
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > 10 * low:
        return np.geomspace(low, high, count), True
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, count), False


def _contour(ax: Any, steps: Any, values: Any) -> None:
    from matplotlib.colors import LogNorm, Normalize

    levels, logarithmic = _levels(values, 22)
    norm = (LogNorm if logarithmic else Normalize)(levels[0], levels[-1])
    filled = ax.contourf(steps, steps, values, levels, cmap=SEQUENTIAL, norm=norm)
    ax.plot(0, 0, marker="P", markersize=10, color=COLOURS[1], markeredgecolor="white")
    bar = ax.figure.colorbar(filled, ax=ax, label="loss", ticks=levels[::3], format="%.3g")
    bar.minorticks_off()
    ax.set_aspect("equal")


def _surface(ax: Any, steps: Any, values: Any) -> None:
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.ticker import MaxNLocator

    levels, logarithmic = _levels(values, 2)
    norm = (LogNorm if logarithmic else Normalize)(levels[0], levels[-1])
    first, second = np.meshgrid(steps, steps)
    ax.plot_surface(first, second, values.filled(np.nan), cmap=SEQUENTIAL, norm=norm, rstride=1, cstride=1)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4))
    ax.set_zlabel("loss")
