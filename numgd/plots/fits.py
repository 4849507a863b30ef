"""Fitted curves with their confidence bands, over the data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from numgd.callables.captured import lift
from numgd.callables.residuals import model_jacobian
from numgd.foundations.ranges import OpenFraction, check_arguments
from numgd.plots.style import axes_for, finish, look

POINTS = 300
"""Points of a curve, in addition to those of the data."""

MARGIN = 0.03
"""How far a curve goes beyond the data, as a part of their range."""


@check_arguments
def fit(
    model: Any,
    xdata: Any,
    ydata: Any,
    popt: Any,
    pcov: Any = None,
    *,
    sigma: Any = None,
    confidence: OpenFraction = 0.95,
    ax: Any = None,
) -> Any:
    """Draw data, a model that was fitted to them, and the confidence band of its curve.

    Parameters
    ----------
    model : callable, or mapping of str to callable
        ``model(xdata, *parameters)``, as for `numgd.curve_fit`.  Several models of a mapping are told apart
        by colour and dash, with their labels in the legend; `popt` and `pcov` are then mappings with the same
        labels.
    xdata, ydata : array_like of shape (M,)
    popt : array_like of shape (n,)
        The parameters.
    pcov : array_like of shape (n, n), optional
        Their covariance.  Without it, or if it is not finite, no band is drawn.
    sigma : float, or array_like of shape (M,) or (M, M), optional
        Standard deviations, or the covariance, of `ydata`, as given to `curve_fit`: drawn as error bars.
    confidence : float
        Probability that the band is made for, point by point.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        For data of other shapes, parameters that the model does not take, labels that do not match, and other
        axes.

    Notes
    -----
    The band is that of the delta method: ŷ(x) ± t √(j(x)ᵀ C j(x)) with the derivatives j of the model by its
    parameters, which are exact if the model's source can be differentiated, the covariance C, and the
    quantile t of Student's distribution with M − n degrees of freedom.  It is about the curve, not about
    future data.  Source: G. A. F. Seber and C. J. Wild, Nonlinear Regression, Wiley, 1989, section 5.1.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> from numgd import plots
    >>> def decay(t, a, b):
    ...     return a * np.exp(-b * t)
    >>> t = np.linspace(0, 3, 30)
    >>> y = decay(t, 2.5, 1.3) + 0.05 * np.random.default_rng(0).normal(size=30)
    >>> popt, pcov = numgd.curve_fit(decay, t, y)
    >>> axes = plots.fit(decay, t, y, popt, pcov)
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['data', 'fit', '95 % band']
    """
    models, parameters, covariances = _by_label(model, popt, pcov)
    x, y = _vector("xdata", xdata), _vector("ydata", ydata)
    if x.shape != y.shape:
        raise ValueError(f"xdata and ydata must have the same length; they have {x.size} and {y.size}")
    errors = _errors(sigma, y.size)
    span = float(np.ptp(x)) or 1.0
    ends = x.min() - MARGIN * span, x.max() + MARGIN * span
    grid = np.union1d(np.linspace(*ends, POINTS), x)
    curves = []
    for label, own in models.items():
        values = _vector(f"popt[{label!r}]" if label else "popt", parameters[label])
        covariance = _covariance(label, covariances[label], values.size)
        curve = _values(own, grid, values)
        if not np.isfinite(curve).any():
            raise ValueError(f"{_said(label)} is finite nowhere at the parameters given")
        width = None
        if covariance is not None:
            width = _quantile(confidence, y.size - values.size) * deviations(own, grid, values, covariance)
        curves.append((label, curve, width))
    ax = axes_for(ax)
    neutral = {"color": "#888888", "label": "data", "zorder": 2}
    if errors is None:
        ax.plot(x, y, marker="o", markersize=4, linestyle="none", **neutral)
    else:
        ax.errorbar(x, y, errors, fmt="o", markersize=4, capsize=2, linewidth=1, **neutral)
    for k, (label, curve, width) in enumerate(curves):
        style = look(k)
        ax.plot(grid, curve, label=label or "fit", linewidth=2, zorder=3, **style)
        if width is not None:
            band = f"{label}, " if label else ""
            ax.fill_between(
                grid, curve - width, curve + width, color=style["color"], alpha=0.25, linewidth=0,
                label=f"{band}{100 * confidence:.3g} % band", zorder=1,
            )  # fmt: skip
    ax.set(xlim=ends, xlabel="x", ylabel="y")
    finish(ax)
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda k: labels[k] != "data")
    ax.legend([handles[k] for k in order], [labels[k] for k in order], frameon=False)
    return ax


# What is given ----------------------------------------------------------------------------------------------


def _by_label(model: Any, popt: Any, pcov: Any) -> tuple[dict[str, Any], Any, Any]:
    """Models, parameters and covariances by label."""
    if not isinstance(model, Mapping):
        if not callable(model):
            raise TypeError(f"model must be callable; it is {model!r:.80}")
        return {"": model}, {"": popt}, {"": pcov}
    if not model:
        raise ValueError("model must not be empty")
    for label, own in model.items():
        if not callable(own):
            raise TypeError(f"model[{label!r}] must be callable; it is {own!r:.80}")
    if not isinstance(popt, Mapping) or popt.keys() != model.keys():
        raise ValueError(f"popt must have the labels of model, {list(model)}")
    if pcov is not None and not (isinstance(pcov, Mapping) and pcov.keys() <= model.keys()):
        raise ValueError(f"pcov must have labels of model, {list(model)}")
    found = {label: (pcov or {}).get(label) for label in model}
    return {str(label): own for label, own in model.items()}, _named(popt), _named(found)


def _named(values: Any) -> dict[str, Any]:
    return {str(label): value for label, value in values.items()}


def _vector(name: str, given: Any) -> Any:
    """A finite vector that is not empty."""
    try:
        found = np.asarray(given, float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of numbers; it is {given!r:.80}") from None
    if found.ndim != 1 or not found.size:
        raise ValueError(f"{name} must be a vector that is not empty; its shape is {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite")
    return found


def _errors(sigma: Any, count: int) -> Any:
    """Standard deviations of the data (count,), or None."""
    if sigma is None:
        return None
    try:
        found = np.asarray(sigma, float)
    except (TypeError, ValueError):
        raise TypeError(f"sigma must be an array of numbers; it is {sigma!r:.80}") from None
    if found.shape == (count, count) and count > 1:
        found = np.sqrt(np.diag(found))
    if found.shape not in ((), (1,), (count,)):
        raise ValueError(f"sigma must have the shape ({count},) or ({count}, {count}); it is {found.shape}")
    if not (np.isfinite(found).all() and (found > 0).all()):
        raise ValueError("sigma must be finite and positive")
    return np.broadcast_to(found, (count,))


def _covariance(label: str, given: Any, n: int) -> Any:
    name = f"pcov[{label!r}]" if label else "pcov"
    if given is None:
        return None
    try:
        found = np.asarray(given, float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a matrix; it is {given!r:.80}") from None
    if found.shape != (n, n):
        raise ValueError(f"{name} must have the shape ({n}, {n}); it is {found.shape}")
    return found if np.isfinite(found).all() else None


def _said(label: str) -> str:
    return f"model[{label!r}]" if label else "model"


# The band ---------------------------------------------------------------------------------------------------


def _values(model: Any, x: Any, parameters: Any) -> Any:
    """The curve (k,)."""
    with np.errstate(all="ignore"):
        found = np.asarray(model(x.copy(), *parameters.tolist()), float)
    if found.shape not in ((), x.shape):
        raise ValueError(f"model must return one number for each of xdata, not the shape {found.shape}")
    return np.broadcast_to(found, x.shape)


def deviations(model: Any, x: Any, parameters: Any, covariance: Any) -> Any:
    """Standard deviations (k,) of the curve by the delta method."""
    slopes = derivatives(model, x, parameters)
    return np.sqrt(np.maximum(np.einsum("ki,ij,kj->k", slopes, covariance, slopes), 0.0))


def derivatives(model: Any, x: Any, parameters: Any) -> Any:
    """Derivatives (k, n) of the curve by the parameters: from the source, else by central differences."""
    call = (x, *parameters.tolist())
    (lifted, _), numbers = lift((model, None), (call, call))
    made = model_jacobian(lifted, (x, x, x, *numbers), parameters, np.empty((2, 0)))
    if made.function is not None:
        return np.column_stack(made.function(*call, *numbers))
    columns = []
    for i, value in enumerate(parameters):
        step = np.cbrt(np.finfo(float).eps) * max(1.0, abs(value))
        ahead, behind = parameters.copy(), parameters.copy()
        ahead[i], behind[i] = value + step, value - step
        columns.append((_values(model, x, ahead) - _values(model, x, behind)) / (ahead[i] - behind[i]))
    return np.column_stack(columns)


def _quantile(confidence: float, freedom: int) -> float:
    """The two-sided quantile of Student's distribution; of the normal one without degrees of freedom."""
    from scipy.special import ndtri, stdtrit

    upper = 0.5 + 0.5 * confidence
    return float(stdtrit(freedom, upper)) if freedom > 0 else float(ndtri(upper))
