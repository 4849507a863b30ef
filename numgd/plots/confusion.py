"""Confusion matrices."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numgd.plots.style import SEQUENTIAL, axes_for

MOST_NUMBERS = 30
"""Most classes for which numbers stand in the cells, and names at every row."""


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Sequence[Any] | None = None,
    normalise: bool = False,
    ax: Any = None,
) -> Any:
    """Draw how often each class was taken for each other one.

    Parameters
    ----------
    y_true, y_pred : array_like of int, of shape (N,)
        The classes and what was predicted, counted from 0.
    labels : sequence of str, optional
        Names of all classes; by default their numbers, up to the largest one in `y_true` and `y_pred`.
    normalise : bool
        Whether the cells hold shares of their row (of the samples of a class) instead of counts.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Row i, column j is class i predicted as class j.  Numbers stand in the cells for up to 30 classes;
        rows of classes without samples are left blank in a normalised matrix.

    Raises
    ------
    TypeError, ValueError
        For labels that are no integers, out of range, of different number or none at all, and other axes.

    Examples
    --------
    >>> from numgd import plots
    >>> axes = plots.confusion_matrix([0, 0, 1, 1, 1], [0, 1, 1, 1, 0], labels=["cat", "dog"])
    >>> [text.get_text() for text in axes.texts]
    ['1', '1', '1', '2']
    """
    true, predicted = _classes("y_true", y_true), _classes("y_pred", y_pred)
    if true.shape != predicted.shape:
        raise ValueError(
            f"y_true and y_pred must be of equal length; they have {true.size} and {predicted.size}"
        )
    if true.size == 0:
        raise ValueError("y_true must not be empty")
    count = int(max(true.max(), predicted.max())) + 1 if labels is None else len(labels)
    for name, given in (("y_true", true), ("y_pred", predicted)):
        outside = given[(given < 0) | (given >= count)]
        if outside.size:
            raise ValueError(f"{name} must be labels from 0 to {count - 1}; one is {outside[0]}")
    names = [str(name) for name in (range(count) if labels is None else labels)]
    matrix = np.bincount(true * count + predicted, minlength=count * count).reshape(count, count)
    if normalise:
        with np.errstate(invalid="ignore"):
            matrix = matrix / matrix.sum(axis=1, keepdims=True)
    return _draw(np.ma.masked_invalid(matrix), names, normalise, ax)


def _classes(name: str, given: Any) -> Any:
    """Labels as a vector of int64; raises TypeError or ValueError."""
    found = np.asarray(given)
    if found.ndim != 1:
        hint = "; the most probable classes are outputs.argmax(axis=1)" if found.ndim == 2 else ""
        raise ValueError(f"{name} must have shape (N,); it has {found.shape}{hint}")
    if found.size and found.dtype.kind not in "iub":
        raise TypeError(f"{name} must be integer labels; its dtype is {found.dtype}")
    return found.astype(np.int64)


def _draw(matrix: Any, names: list[str], normalise: bool, ax: Any) -> Any:
    count = len(names)
    side = float(np.clip(1.6 + 0.42 * count, 3.2, 9.0))
    ax = axes_for(ax, size=(side, side))
    image = ax.imshow(matrix, cmap=SEQUENTIAL, vmin=0.0, vmax=1.0 if normalise else max(1, matrix.max()))
    if count <= MOST_NUMBERS:
        _write_numbers(ax, image, matrix, normalise)
        long = max(map(len, names)) > 3
        ax.set_xticks(range(count), names, rotation=45 if long else 0, ha="right" if long else "center")
        ax.set_yticks(range(count), names)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def _write_numbers(ax: Any, image: Any, matrix: Any, normalise: bool) -> None:
    """The numbers in the cells, in black or white, whichever can be read better."""
    size = min(10.0, 130.0 / len(matrix) + 2.0)
    for i, j in np.ndindex(matrix.shape):
        if matrix[i, j] is not np.ma.masked:
            number = f"{matrix[i, j]:.2f}" if normalise else f"{matrix[i, j]}"
            colour = "black" if luminance(image.to_rgba(matrix[i, j])) > 0.179 else "white"
            faint = 0.5 if matrix[i, j] == 0 else 1.0  # so that mistakes stand out
            ax.text(j, i, number, ha="center", va="center", color=colour, alpha=faint, fontsize=size)


def luminance(colour: Any) -> float:
    """Relative luminance of a colour in sRGB; black text has more contrast from 0.179 on (WCAG 2.2)."""
    parts = np.asarray(colour[:3], float)
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
