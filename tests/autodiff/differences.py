"""
Derivatives by central differences and Richardson extrapolation, with an estimate of their error.

References
----------
.. [1] C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Adv. Eng. Softw. 4 (1982), 75-76.
"""

from typing import NamedTuple

import numpy as np

SHRINK = 1.6  # from one step to the next
ROWS = 14
STEPS = (0.1, 0.01, 0.001)  # first steps that are tried, relative to max(|x|, 0.3)


class Difference(NamedTuple):
    """A derivative and how far it may be off."""

    value: np.ndarray
    error: np.ndarray


def richardson(f, args, argnum=0):
    """
    Derivative of a scalar function with respect to one argument.

    Returns
    -------
    Difference
        Both of the argument's shape.
    """
    found = richardson_jacobian(f, args, argnum)
    if found.value.shape[0] != 1:
        raise ValueError(f"a scalar function was expected, not one of {found.value.shape[0]} values")
    shape = np.shape(args[argnum])
    return Difference(found.value.reshape(shape), found.error.reshape(shape))


def richardson_jacobian(f, args, argnum=0):
    """
    Derivative of a function with respect to one argument, all flattened: shape (size of f, size of argument).

    For each component the first step is the one that leaves the smallest estimate of the error.
    """
    x = np.asarray(args[argnum], dtype=np.float64)
    columns = [_column(f, args, argnum, k) for k in range(x.size)]
    return Difference(
        np.stack([column.value for column in columns], axis=1),
        np.stack([column.error for column in columns], axis=1),
    )


def _column(f, args, argnum, k):
    x = np.asarray(args[argnum], dtype=np.float64)
    size = max(abs(float(x.flat[k])), 0.3)
    best = None
    for first in STEPS:
        found = ridders(lambda h: _evaluated(f, args, argnum, k, h), first * size)
        if best is None:
            best = found
        else:
            better = found.error < best.error
            best = Difference(
                np.where(better, found.value, best.value), np.where(better, found.error, best.error)
            )
    return best


def ridders(line, first):
    """Derivative of ``line(h)``, a vector, at zero."""
    h = first
    row = [_central(line, h)]
    best = Difference(row[0], np.full(row[0].shape, np.inf))
    for _ in range(1, ROWS):
        h /= SHRINK
        above, row = row, [_central(line, h)]
        factor = 1.0
        for j, before in enumerate(above):
            factor *= SHRINK**2
            row.append((factor * row[j] - before) / (factor - 1.0))
            with np.errstate(invalid="ignore"):
                error = np.maximum(np.abs(row[j + 1] - row[j]), np.abs(row[j + 1] - before))
            better = error < best.error  # false for NaN, as where a step leaves the domain
            best = Difference(np.where(better, row[j + 1], best.value), np.where(better, error, best.error))
    return best


def _central(line, h):
    with np.errstate(all="ignore"):
        return (line(h) - line(-h)) / (2.0 * h)


def _evaluated(f, args, argnum, k, h):
    moved = [value.copy() if isinstance(value, np.ndarray) else value for value in args]
    if isinstance(moved[argnum], np.ndarray):
        moved[argnum] = moved[argnum].astype(np.float64)
        moved[argnum].flat[k] += h
    else:
        moved[argnum] = float(moved[argnum]) + h
    try:
        return np.ravel(np.asarray(f(*moved), dtype=np.float64)).copy()
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError):  # a step out of the domain
        return np.atleast_1d(np.nan)
