"""Bounds of variables, in either of SciPy's forms."""

import numpy as np


def binding(bounds):
    """The bounds in a form that can be read more than once; None if all are infinite or None."""
    if hasattr(bounds, "__next__"):
        bounds = tuple(bounds)
    return None if bounds is None or _bind_nothing(bounds) else bounds


def _bind_nothing(bounds):
    """Whether all bounds, in either of SciPy's forms, are infinite or None."""
    try:
        if hasattr(bounds, "lb"):
            return bool(np.all(np.equal(bounds.lb, -np.inf)) and np.all(np.equal(bounds.ub, np.inf)))
        return all(low in (None, -np.inf) and high in (None, np.inf) for low, high in bounds)
    except (TypeError, ValueError):
        return False  # `box_of` raises the error


def box_of(bounds, n, dtype):
    """Lower and upper bounds as an array of shape (2, n), from either of SciPy's forms; (2, 0) for none.

    n is None if there is no x0 from which the number of variables is known.
    """
    if bounds is None:
        return np.empty((2, 0), dtype)
    try:
        if hasattr(bounds, "lb"):
            sides = np.atleast_1d(bounds.lb), np.atleast_1d(bounds.ub)
        else:
            sides = zip(*bounds, strict=True)
        low, high = (
            np.array([infinite if value is None else value for value in side], dtype)
            for side, infinite in zip(sides, (-np.inf, np.inf), strict=True)
        )
    except (TypeError, ValueError):
        raise ValueError(
            f"bounds must be a scipy.optimize.Bounds or a sequence of (low, high) pairs; it is {bounds!r:.80}"
        ) from None
    if n is None:
        n = max(low.size, high.size)
    box = np.empty((2, n), dtype)
    for row, side in zip(box, (low, high), strict=True):
        if side.shape not in ((1,), (n,)):
            raise ValueError(
                "The number of bounds is not compatible with the length of `x0`. "
                f"There are {side.size} bounds for {n} variables."
            )
        row[:] = side
    ordered = box[0] <= box[1]
    if not ordered.all():
        if np.isnan(box).any():
            raise ValueError("bounds must not be NaN")
        i = np.flatnonzero(~ordered)[0]
        raise ValueError(
            "An upper bound is less than the corresponding lower bound. "
            f"For x[{i}] they are {box[1, i]:g} and {box[0, i]:g}."
        )
    return box


def clip(x, box):
    """Clip a point, or one point per row, to a box, in place."""
    if box.size:
        np.maximum(x, box[0], out=x)
        np.minimum(x, box[1], out=x)
