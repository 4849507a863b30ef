"""Fitted models with their confidence bands."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numgd.plots.style import COLOURS, axes_for, finish


def fit(
    model: Callable[..., Any],
    xdata: ArrayLike,
    ydata: ArrayLike,
    popt: ArrayLike,
    pcov: ArrayLike | None = None,
    *,
    sigma: ArrayLike | None = None,
    confidence: float = 0.95,
    ax: Any = None,
) -> Any:
    """Draw data, the model that was fitted to it, and the confidence band of the model.

    Parameters
    ----------
    model : callable
        ``model(x, *parameters)``, as for `numgd.curve_fit`.
    xdata, ydata : array_like of shape (m,)
    popt : array_like of shape (n,)
        The parameters, as `numgd.curve_fit` returns them.
    pcov : array_like of shape (n, n), optional
        Their covariance; without it, or if it is not finite, no band is drawn.
    sigma : float or array_like of shape (m,), optional
        Standard deviations of `ydata`, drawn as error bars.
    confidence : float
        Confidence of the band, between 0 and 1.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        For arguments of the wrong shape or range.

    Notes
    -----
    The band is that of the fitted curve, not of new observations.  By the delta method its half-width is
    t √(g pcov gᵀ), with the gradient g of the model by its parameters (`numgd.jacobian`, or differences if
    the model cannot be differentiated) and Student's quantile t for m − n degrees of freedom.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> def line(x, a, b):
    ...     return a + b * x
    >>> x = np.linspace(0.0, 1.0, 9)
    >>> popt, pcov = numgd.curve_fit(line, x, 1.0 + 2.0 * x + 0.1 * np.cos(9.0 * x))
    >>> ax = numgd.plots.fit(line, x, 1.0 + 2.0 * x + 0.1 * np.cos(9.0 * x), popt, pcov)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['fit', '95 % confidence', 'data']
    """
    x, y, parameters = (np.asarray(values, float) for values in (xdata, ydata, popt))
    if x.ndim != 1 or x.size == 0 or y.shape != x.shape:
        raise ValueError(
            f"xdata and ydata must be vectors of one length; their shapes are {x.shape}, {y.shape}"
        )
    if parameters.ndim != 1:
        raise ValueError(f"popt must be a vector; its shape is {parameters.shape}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1; it is {confidence!r}")
    covariance = None
    if pcov is not None:
        covariance = np.asarray(pcov, float)
        if covariance.shape != 2 * parameters.shape:
            raise ValueError(f"pcov must have shape {2 * parameters.shape}; its shape is {covariance.shape}")
    if sigma is not None and np.shape(sigma) not in ((), x.shape):
        raise ValueError(f"sigma must be a number or have shape {x.shape}; its shape is {np.shape(sigma)}")
    ax = axes_for(ax)
    dense = np.linspace(x.min(), x.max(), 400)
    curve = np.broadcast_to(np.asarray(model(dense, *parameters.tolist()), float), dense.shape)
    ax.plot(dense, curve, color=COLOURS[1], linewidth=2, label="fit")
    if covariance is not None and np.isfinite(covariance).all():
        half = _half_width(model, dense, parameters, covariance, confidence, x.size)
        ax.fill_between(
            dense, curve - half, curve + half, color=COLOURS[1], alpha=0.25, linewidth=0,
            label=f"{100 * confidence:g} % confidence",
        )  # fmt: skip
    if sigma is None:
        ax.plot(x, y, "o", color=COLOURS[0], markersize=4, label="data")
    else:
        ax.errorbar(x, y, sigma, fmt="o", color=COLOURS[0], markersize=4, elinewidth=1, label="data")
    ax.set_xlabel("x")
    ax.set_ylabel("y")
    return finish(ax, legend=True)


def _half_width(
    model: Callable[..., Any], x: np.ndarray, parameters: np.ndarray, covariance: np.ndarray,
    confidence: float, points: int,
) -> np.ndarray:  # fmt: skip
    """Half the width of the confidence band at x."""
    from scipy.special import stdtrit

    slopes = _slopes(model, x, parameters)
    variance = np.einsum("mi,ij,mj->m", slopes, covariance, slopes)
    freedom = points - parameters.size
    quantile = stdtrit(freedom, 0.5 + 0.5 * confidence) if freedom > 0 else math.inf
    return quantile * np.sqrt(np.maximum(variance, 0.0))


def _slopes(model: Callable[..., Any], x: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """The Jacobian (m, n) of the model by its parameters."""
    from numgd.autodiff import NotDifferentiable, jacobian

    numbers = parameters.tolist()
    try:
        columns = jacobian(model, argnum=tuple(range(1, 1 + len(numbers))))(x, *numbers)
        return np.column_stack([np.broadcast_to(column, x.shape) for column in columns])
    except (NotDifferentiable, TypeError, ValueError):
        slopes = np.empty((x.size, len(numbers)))
        for j, number in enumerate(numbers):
            h = np.cbrt(np.finfo(float).eps) * max(1.0, abs(number))
            sides = [model(x, *numbers[:j], number + d, *numbers[j + 1 :]) for d in (h, -h)]
            slopes[:, j] = (np.asarray(sides[0]) - np.asarray(sides[1])) / (2.0 * h)
        return slopes
