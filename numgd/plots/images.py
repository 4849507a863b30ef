"""Mosaics of what a convolution has learnt, and of what it answers to an image."""

from typing import Any

import numpy as np

from numgd.plots.mosaics import MOST, columns_for, draw, mosaic
from numgd.plots.networks import checked_network, chosen_layer
from numgd.plots.style import DIVERGING, SEQUENTIAL, axes_for

FEW = 16
"""Most input channels that are shown one beside the other."""


def filters(network: Any, layer: str | None = None, *, ax: Any = None) -> Any:
    """Draw the weights of a convolution.

    Parameters
    ----------
    network : Network
    layer : str, optional
        Path of the convolution, as `Network.summary` lists it; by default the first one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one image.  Filters of three channels are shown in colour, grey for 0.  With one channel there
        is a picture for each filter; with up to 16 a column for each filter and a row for each channel that
        it takes; with more, each picture is the mean over the channels.  At most 256 pictures are drawn.

    Raises
    ------
    TypeError, ValueError
        For a layer that does not exist (with the names nearest to it) or has no filters (with those that
        have), and other axes.

    Examples
    --------
    >>> from numgd import nn, plots
    >>> network = nn.Network(nn.models.lenet5(), input_shape=(28, 28, 1))
    >>> axes = plots.filters(network)
    >>> axes.images[0].get_array().shape
    (11, 23)
    """
    network = checked_network(network)
    arrays = _filters_of(network)
    layer = chosen_layer(layer, list(arrays), [node.path for node in network.wiring.nodes], "filters")
    weights = np.asarray(arrays[layer], float)
    count, height, width, channels = weights.shape
    if channels == 3:
        return _in_colour(layer, weights, ax)
    if channels == 1 or channels > FEW:
        remark = "" if channels == 1 else "means over channels"
        tiles, drawn = weights[:MOST].mean(axis=-1), min(count, MOST)
        columns = columns_for(drawn)
    else:
        columns = drawn = min(count, MOST // channels)
        tiles = weights[:drawn].transpose(3, 0, 1, 2).reshape(-1, height, width)
        remark = "a column for each"
    largest = _largest(tiles)
    whole = np.ma.masked_invalid(mosaic(tiles, columns))
    title = _title(layer, weights, drawn, remark, largest)
    ax = axes_for(ax, size=_size(whole))
    return draw(ax, whole, title, cmap=DIVERGING, vmin=-largest, vmax=largest)


def _in_colour(layer: str, weights: Any, ax: Any) -> Any:
    """Draw filters of three channels: grey for 0, transparent where they are not finite."""
    finite, largest = np.isfinite(weights), _largest(weights)
    colour = np.where(finite, 0.5 + 0.5 * np.where(finite, weights, 0.0) / largest, 0.0)
    tiles = np.concatenate([colour, finite.all(-1, keepdims=True)], axis=-1)[:MOST]
    whole = mosaic(tiles, columns_for(len(tiles)))
    return draw(axes_for(ax, size=_size(whole)), whole, _title(layer, weights, len(tiles), "RGB", largest))


def _largest(weights: Any) -> float:
    """The largest magnitude, 1 if all are zero."""
    return float(np.abs(weights).max(initial=0.0, where=np.isfinite(weights))) or 1.0


def _title(layer: str, weights: Any, drawn: int, remark: str, largest: float) -> str:
    """What a picture of filters shows: shape, how many of them, and the range of its colours."""
    count, height, width, channels = weights.shape
    size = f"{count} {'filter' if count == 1 else 'filters'} of {height}×{width}"
    if channels > 1:
        size += f"×{channels}"
    first = f"the first {drawn}" if drawn < count else ""
    return ", ".join(filter(None, (f"{layer}: {size}", remark, first, f"±{largest:.2g}")))


def feature_maps(network: Any, x: Any, layer: str | None = None, *, ax: Any = None) -> Any:
    """Draw the channels of a layer's output for one image.

    Parameters
    ----------
    network : Network
        It computes in inference and is left as it is.
    x : array_like of shape input_shape, or (1, *input_shape)
        The image.
    layer : str, optional
        Path of a layer whose output is an image, as `Network.summary` lists it; by default the first one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one image, in which all channels have the same colour scale.  At most 256 are drawn; numbers
        that are not finite are left blank.

    Raises
    ------
    TypeError, ValueError
        For an image of another shape, a layer that does not exist (with the names nearest to it) or whose
        output is no image (with those whose output is one), and other axes.

    Examples
    --------
    >>> import numgd
    >>> from numgd import nn, plots
    >>> model = nn.Sequential(nn.Conv2d(6, 3, activation="relu"), nn.Flatten(), nn.Dense(10))
    >>> network = nn.Network(model, input_shape=(8, 8, 1))
    >>> axes = plots.feature_maps(network, numgd.datasets.digits().X[0])
    >>> axes.images[0].get_array().shape
    (13, 27)
    """
    network = checked_network(network)
    nodes, shapes = network.wiring.needed(training=False), network.wiring.shapes
    images = [node.path for node in nodes if len(shapes[node.output]) == 3]
    layer = chosen_layer(layer, images, [node.path for node in nodes], "image as its output")
    x = np.asarray(x)
    if x.shape not in (network.input_shape, (1, *network.input_shape)):
        raise ValueError(f"x must be one sample of shape {network.input_shape}; it has shape {x.shape}")
    maps = network.activations(x.reshape(1, *network.input_shape), layer)[layer][0]
    height, width, channels = maps.shape
    tiles = np.moveaxis(maps.astype(float), -1, 0)[:MOST]
    whole = np.ma.masked_invalid(mosaic(tiles, columns_for(len(tiles))))
    size = "1 channel" if channels == 1 else f"{channels} channels"
    title = f"{layer}: {size} of {height}×{width}"
    if len(tiles) < channels:
        title += f", the first {len(tiles)}"
    if whole.count():
        title += f", {whole.min():.2g} to {whole.max():.2g}"
    return draw(axes_for(ax, size=_size(whole)), whole, title, cmap=SEQUENTIAL)


def _filters_of(network: Any) -> dict[str, Any]:
    """Path to weights (filters, height, width, channels), of layers that convolve."""
    found = {}
    for node in network.wiring.nodes:
        weight = network.parameters_of(node).get("weight")
        if weight is not None and weight.ndim == 4:
            found[node.path] = weight
    return found


def _size(whole: Any) -> tuple[float, float]:
    """Width and height of a figure for a mosaic, in inches."""
    height, width = whole.shape[:2]
    return 6.4, float(np.clip(6.4 * height / width, 1.2, 8.0)) + 0.4
