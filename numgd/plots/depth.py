"""Distributions through the depth of a network: of activations, and of gradients."""

from typing import Any

import numpy as np

from numgd.plots.networks import checked_network, page_of
from numgd.plots.style import COLOURS, axes_for, finish

FEWEST_BINS, MOST_BINS = 16, 80

HEIGHT = 0.85
"""Of a layer's distribution, as a part of the distance between two layers."""


def activation_histograms(
    network: Any, X: Any, *, page: int = 1, training: bool = False, ax: Any = None
) -> Any:
    """Draw the distribution of each layer's output, from the first layer (top) to the last.

    Parameters
    ----------
    network : Network
        It is left as it is.
    X : array_like of shape (N, *input_shape)
        Samples that are passed through it.
    page : int
        Of a network with more than 30 layers, which 30 to draw: 1 for the first.
    training : bool
        Whether batch norms take the statistics of X, and dropout drops, as in training.  A network that has
        not been trained yet has no running statistics worth looking at.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one filled curve per layer, scaled to the same height.  Numbers that are exactly 0 (of ReLU,
        mostly) are left out of the curve; their share stands at the right.

    Raises
    ------
    TypeError, ValueError
        For an X of another shape or without samples, a page that does not exist (the error says how many
        there are), and other axes.

    Notes
    -----
    Layers that only pass numbers on, such as `Flatten`, are not drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd import nn, plots
    >>> model = nn.Sequential(*(nn.Dense(50, activation="sigmoid") for _ in range(4)))
    >>> network = nn.Network(model, input_shape=(50,))
    >>> axes = plots.activation_histograms(network, np.random.default_rng(0).normal(size=(100, 50)))
    >>> [label.get_text() for label in axes.get_yticklabels()][:2]
    ['0', '0.sigmoid']
    """
    network = checked_network(network)
    nodes = network.wiring.needed(bool(training))
    names = [node.path for node in nodes if not node.layer.passes(bool(training))]
    shown, title = page_of(names, page)
    found = network.activations(X, shown, training=training)
    return _draw(list(found.items()), title, "activation", False, ax)


def gradient_histograms(network: Any, loss: Any, X: Any, y: Any, *, page: int = 1, ax: Any = None) -> Any:
    """Draw the distribution of the gradient's magnitudes in each layer, from the first (top) to the last.

    Parameters
    ----------
    network : Network
        It is left as it is.
    loss : str or Loss
        As for `Network.loss_and_gradient`.
    X : array_like of shape (N, *input_shape)
    y : array_like
        Labels or targets; see the loss.
    page : int
        Of a network with more than 30 arrays of weights, which 30 to draw: 1 for the first.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one filled curve per array of weights, scaled to the same height, over a logarithmic axis.
        Derivatives that are exactly 0 are left out of the curve; their share stands at the right.

    Raises
    ------
    TypeError, ValueError
        For X and y of other shapes, labels out of range, a network without parameters, a page that does not
        exist (the error says how many there are), and other axes.

    Notes
    -----
    The loss is the mean over all of X in training mode, as in `fit`.  Biases and the parameters of norms are
    not drawn, unless there are no others.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd import nn, plots
    >>> model = nn.Sequential(*(nn.Dense(20, activation="sigmoid") for _ in range(6)), nn.Dense(2))
    >>> network = nn.Network(model, input_shape=(20,))
    >>> X = np.random.default_rng(0).normal(size=(100, 20))
    >>> axes = plots.gradient_histograms(network, "cross_entropy", X, (X[:, 0] > 0).astype(int))
    >>> axes.get_xscale(), [label.get_text() for label in axes.get_yticklabels()][:2]
    ('log', ['0.weight', '1.weight'])
    """
    network = checked_network(network)
    views = network.named_parameters()
    names = [name for name in views if name not in network.undecayed] or list(views)
    if not names:
        raise ValueError("network must have parameters")
    shown, title = page_of(names, page)
    flat = network.objective(loss, X, y).jac(network.parameters)
    found, first = {}, 0
    for name, view in views.items():
        found[name] = flat[first : first + view.size]
        first += view.size
    return _draw([(name, found[name]) for name in shown], title, "|gradient|", True, ax)


def _draw(rows: list[tuple[str, Any]], title: str, what: str, logarithmic: bool, ax: Any) -> Any:
    """One distribution above the other."""
    prepared = [_prepared(values, logarithmic) for _, values in rows]
    ends = _ends([values for values, _ in prepared], logarithmic)
    ax = axes_for(ax, size=(6.8, 1.2 + 0.3 * max(len(rows), 4)))
    spaced = np.geomspace if logarithmic else np.linspace
    beside = ax.get_yaxis_transform()
    for k, (values, remark) in enumerate(prepared):
        bins = int(np.clip(2 * np.sqrt(values.size), FEWEST_BINS, MOST_BINS))
        counts, edges = np.histogram(values, spaced(*ends, bins + 1))
        heights = np.append(HEIGHT * counts / max(1, counts.max()), 0.0)
        ax.fill_between(edges, k - heights, k, step="post", color=COLOURS[0], linewidth=0)
        if remark:
            ax.text(1.01, k, remark, transform=beside, va="bottom", fontsize="x-small")
    if logarithmic:
        ax.set_xscale("log")
    ax.set_xlim(*ends)
    ax.set_ylim(len(rows) - 0.6, -1.1)
    ax.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize="small")
    ax.set_xlabel(what)
    if title:
        ax.set_title(title, fontsize="medium")
    return finish(ax)


def _prepared(values: Any, logarithmic: bool) -> tuple[Any, str]:
    """The numbers to draw as a vector, and a remark about those that are left out."""
    values = np.asarray(values).ravel()
    if logarithmic:
        values = np.abs(values)
    zero, finite = values == 0, np.isfinite(values)
    parts = (("zero", zero), ("not finite", ~finite))
    remarks = [f"{_percent(part.mean())} {word}" for word, part in parts if part.any()]
    return values[finite & ~zero], ", ".join(remarks)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"


def _ends(rows: list[Any], logarithmic: bool) -> tuple[float, float]:
    """The ends of the axis, between which nearly all numbers of every layer lie."""
    rows = [values for values in rows if values.size]
    if not rows:
        return (0.1, 1.0) if logarithmic else (-1.0, 1.0)
    quantiles = np.array([np.quantile(values, (0.002, 0.998)) for values in rows], float)
    low, high = float(quantiles[:, 0].min()), float(quantiles[:, 1].max())
    if logarithmic:
        low, high = max(low / 1.5, 1e-300), high * 1.5
        return (low, high) if low < high else (low / 2, low * 2)
    margin = 0.04 * (high - low) or 0.5 * abs(high) or 1.0
    return low - margin, high + margin
