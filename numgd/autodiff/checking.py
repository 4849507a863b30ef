"""Comparison of a gradient with differences."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numgd.autodiff.derivative import grad

WORST = 5  # components that a report names


class GradientCheck(NamedTuple):
    """The result of `check_grad`; as text, a report of the worst components."""

    error: float
    """Largest difference of a component, relative to the largest magnitude in the gradient."""
    gradient: NDArray[np.float64]
    differences: NDArray[np.float64]
    worst: list[int]
    """Indices of the components that differ most, the worst first."""

    def __str__(self) -> str:
        lines = [f"largest relative error {self.error:.2e}"]
        lines.append(f"{'component':>12} {'gradient':>24} {'differences':>24}")
        gradient, differences = np.ravel(self.gradient), np.ravel(self.differences)
        lines += [f"{i:12d} {gradient[i]:24.16g} {differences[i]:24.16g}" for i in self.worst]
        return "\n".join(lines)


def check_grad(
    f: Callable[..., Any], x: ArrayLike, *args: Any, jac: Callable[..., Any] | None = None
) -> GradientCheck:
    """Compare a gradient with central differences.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` returns a real number.
    x : array_like or float
        The point at which to compare; f must be smooth there.
    *args
        Further arguments.
    jac : callable, optional
        ``jac(x, *args)`` returns the gradient to check; ``numgd.grad(f)`` by default.

    Returns
    -------
    GradientCheck
        `error` is about 1e-9 for a correct gradient in float64 of a function that is neither badly scaled
        nor noisy, and about 1 for a wrong one; ``print`` shows the worst components.

    Raises
    ------
    TypeError, ValueError
        If f or jac is not callable, x is not real and finite, or the gradient has another shape than x.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> check = numgd.check_grad(lambda x: np.sum(x**3), [1.0, 2.0])
    >>> check.error < 1e-8
    True
    >>> wrong = numgd.check_grad(lambda x: np.sum(x**3), [1.0, 2.0], jac=lambda x: 3.0 * x)
    >>> wrong.worst[0], wrong.error > 0.1
    (1, True)
    """
    if not callable(f):
        raise TypeError(f"f must be callable; it is {f!r}")
    if jac is not None and not callable(jac):
        raise TypeError(f"jac must be callable or None; it is {jac!r}")
    try:
        at = np.array(x, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"x must be real numbers; it is {x!r}") from None
    if not at.size or not np.isfinite(at).all():
        raise ValueError("x must be finite and not empty")
    number = at.ndim == 0

    def point(values):
        return float(values) if number else values

    gradient = np.asarray((jac or grad(f))(point(at.copy()), *args), np.float64)
    if gradient.shape != at.shape:
        raise ValueError(f"the gradient has shape {gradient.shape}, x has {at.shape}")
    differences = np.empty(at.shape)
    for place in np.ndindex(at.shape):
        differences[place] = _slope(f, at, place, point, args)
    size = max(np.abs(differences).max(), np.abs(gradient).max())
    apart = np.abs(gradient - differences)
    apart = np.where(np.isfinite(apart), apart, np.inf)
    error = float(apart.max() / size) if size > 0 else 0.0
    order = np.argsort(-apart, axis=None)[:WORST]
    return GradientCheck(error, gradient, differences, [int(i) for i in order])


def _slope(f, x, place, point, args):
    """The derivative along one component: two central differences, extrapolated to step zero."""
    slopes = []
    for share in (1.0, 0.5):
        step = share * 4.0 * np.finfo(float).eps ** 0.25 * max(1.0, abs(x[place]))
        ahead, behind = x.copy(), x.copy()
        ahead[place] += step
        behind[place] -= step
        change = ahead[place] - behind[place]
        slopes.append((float(f(point(ahead), *args)) - float(f(point(behind), *args))) / change)
    return slopes[1] + (slopes[1] - slopes[0]) / 3.0
