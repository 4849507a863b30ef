"""Many fits in chunks of rows: what `curve_fit_many` and `least_squares_many` share."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from numgd.foundations.progress import Progress
from numgd.jit import background
from numgd.jit.threads import start, threads
from numgd.kernels.cpu.solvers.least_squares_many import (
    NFEV,
    NIT,
    NJEV,
    RAISED,
    REPLACEMENTS,
    STATUS,
    Data,
    fit_many,
    scratch_fits,
)
from numgd.solve._least_squares import NotFiniteAtStart
from numgd.solve.fit_settings import FREE, fit_box
from numgd.sums_of_squares.evaluator import GOING_ON, INTERRUPTED, NOT_FINITE_AT_START, TIME_LIMIT
from numgd.system.warn import warn_user

CHUNK_BYTES = 2**26
"""Size of what is copied of the data at a time, if it has another dtype or is on disk."""


class Raised(Exception):
    """A function raised an exception for a row, at a point."""

    def __init__(self, row, x):
        super().__init__(row, x)
        self.row, self.x = row, x


class Fields(NamedTuple):
    """Where the results of the fits go; each has a row per fit, or none if it is not wanted."""

    x: Any  # (N, n), on entry the starting points
    covariance: Any  # (N or 0, n, n)
    gradient: Any  # (N or 0, n)
    cost: Any  # (N, 2) half the sum of squares, and the optimality
    counts: Any  # (N, FIT_COUNTS)


def field(out, name, shape, dtype=np.float64):
    """The array for a result: the one in `out`, checked, or a new one.

    Raises
    ------
    TypeError, ValueError
        If the array in `out` has another shape or dtype, cannot be written to, or is not contiguous.
    """
    if out is None or name not in out:
        return np.empty(shape, dtype)
    array = out[name]
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        raise TypeError(f"out[{name!r}] must be a {np.dtype(dtype).name} array; it is {_kind(array)}")
    if array.shape != shape:
        raise ValueError(f"out[{name!r}] must have shape {shape}; its shape is {array.shape}")
    if not (array.flags.c_contiguous and array.flags.writeable):
        raise ValueError(f"out[{name!r}] must be contiguous and writable")
    return array


def _kind(array):
    return f"of {array.dtype}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"


def check_out(out, names):
    """Raise if `out` is not a mapping of some of the names."""
    if out is None:
        return
    if not isinstance(out, Mapping):
        raise TypeError(f"out must be a mapping of names to arrays; it is a {type(out).__name__}")
    for name in out:
        if name not in names:
            raise ValueError(f"out: there is no result {name!r}; there are {', '.join(names)}")


def boxes(bounds, n, count):
    """Bounds as an array (1, 2, n), or (N, 2, n) if they differ between fits; raises for invalid ones."""
    if bounds is FREE:
        return fit_box(FREE, n)[None]
    try:
        low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
        sides = [np.asarray(side, float) for side in (low, high)]
    except (TypeError, ValueError):
        raise ValueError(
            f"bounds must be a pair (lower, upper) or a Bounds; they are {bounds!r:.80}"
        ) from None
    if max(side.ndim for side in sides) < 2:
        return fit_box(bounds, n)[None]
    found = np.empty((count, 2, n))
    for place, (name, side) in enumerate(zip(("lower", "upper"), sides, strict=True)):
        if side.shape not in ((), (1,), (n,), (count, n)):
            raise ValueError(
                f"bounds: the {name} ones must be {n} or {(count, n)}; their shape is {side.shape}"
            )
        found[:, place] = side
    crossed = np.argwhere(~(found[:, 0] < found[:, 1]))
    if crossed.size:
        row, j = crossed[0]
        raise ValueError(
            f"bounds: the lower bound of parameter {j} must be less than the upper one for every fit; for "
            f"fit {row} they are {found[row, 0, j]} and {found[row, 1, j]}"
        )
    return found


def check_starts(name, X, box):
    """Raise if a starting point (N, n) is not finite or lies outside its bounds, naming its row."""
    low, high = box[:, 0], box[:, 1]
    for reason, wrong in (
        ("must be finite", ~np.isfinite(X)),
        ("is infeasible: it lies outside the bounds", (low > X) | (high < X)),
    ):
        rows = np.flatnonzero(wrong.any(axis=1))
        if rows.size:
            raise ValueError(f"{name}[{rows[0]}] {reason}; it is {X[rows[0]]}")


def native_rows(array, rows):
    """Some rows of an array as a contiguous 2-D float64 array; all of it if it has one row or none."""
    part = array[rows] if len(array) > 1 else array
    return np.ascontiguousarray(np.asarray(part), np.float64).reshape(len(part), math.prod(array.shape[1:]))


def chunk_rows(chunk_size, count, data):
    """Number of fits at a time."""
    if chunk_size is not None:
        return chunk_size
    copied = sum(
        math.prod(array.shape[1:]) * 8
        for array in data
        if len(array) > 1 and (array.dtype != np.float64 or not array.flags.c_contiguous or is_on_disk(array))
    )
    return max(1, min(count, CHUNK_BYTES // copied if copied else count))


def is_on_disk(array):
    """Whether an array, or the one that it is a view of, is a memory map."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def run_rows(setting, batch, fields, data, chunk_size, progress: Progress):
    """Fit all rows; fills the `Fields`.

    Parameters
    ----------
    setting : numgd.solve._least_squares.Setting
    batch : FitBatch
    fields : Fields
    data : Data
        Arrays of any real dtype, in memory or on disk; x may have further axes.
    chunk_size : int or None
    progress : Progress

    Warns
    -----
    RuntimeWarning
        If the user interrupts the fits.  Those that are unfinished then have the status INTERRUPTED.

    Raises
    ------
    Raised
        If a function raised an exception.
    """
    _reset(fields)
    count, n = fields.x.shape
    drive = fit_many(setting.method)
    scratch = scratch_fits(threads(), n, batch.size, max(1, batch.parts))
    step = chunk_rows(chunk_size, count, data)
    if progress.watches:  # one-time setup must not count against the time limit
        start()
        _drive(drive, fields, slice(0, 0), data, scratch, batch)
        progress.left()

    def watch():
        progress.reach(np.count_nonzero(fields.counts[:, STATUS] != GOING_ON))
        if progress.is_over():
            batch.halt[0] = 1

    stopped = False
    for first in range(0, count, step):
        rows = slice(first, min(first + step, count))

        def work(rows=rows):
            _drive(drive, fields, rows, data, scratch, batch)

        try:
            background.run(work, batch.halt, watch if progress.watches else None)
        except KeyboardInterrupt:
            stopped = True
        if batch.halt[0]:
            break
    counts = fields.counts
    raised = np.flatnonzero(counts[:, STATUS] == RAISED)
    if raised.size:
        raise Raised(raised[0], fields.x[raised[0]].copy())
    status = counts[:, STATUS]
    status[(status == GOING_ON) | (status == TIME_LIMIT)] = INTERRUPTED if stopped else TIME_LIMIT
    if stopped:
        _warn_of_interrupt()


def run_one_by_one(fields, progress, solve):
    """Solve all rows in Python; fills the `Fields`, apart from covariances.

    Parameters
    ----------
    fields : Fields
    progress : Progress
    solve : callable
        ``solve(row, x)`` solves a row from x, which it overwrites, and returns a `Fit`; None if it has set
        the status itself.

    Warns
    -----
    RuntimeWarning
        As for `run_rows`.
    """
    _reset(fields)
    status = fields.counts[:, STATUS]
    for row, x in enumerate(fields.x):
        if progress.is_over():
            status[row:] = TIME_LIMIT
            break
        try:
            found = solve(row, x)
        except NotFiniteAtStart:
            status[row] = NOT_FINITE_AT_START
        except KeyboardInterrupt:
            status[row:] = INTERRUPTED
            _warn_of_interrupt()
            break
        else:
            if found is not None:
                outcome = found.outcome
                fields.cost[row] = outcome.cost, outcome.optimality
                fields.counts[row, [STATUS, NIT, NFEV, NJEV]] = outcome[:4]
                fields.counts[row, REPLACEMENTS] = found.replaced
                fields.gradient[row : row + 1] = found.gradient
        progress.reach(row + 1)


def _warn_of_interrupt():
    warn_user(f"interrupted: what was not finished has the status {INTERRUPTED}")


def _reset(fields):
    """Mark all rows as not solved."""
    fields.counts[:] = 0
    fields.counts[:, STATUS] = GOING_ON
    fields.cost[:] = fields.gradient[:] = math.nan
    fields.covariance[:] = math.inf


def _drive(drive, fields, rows, data, scratch, batch):
    """Fit some of the rows."""
    used = np.ascontiguousarray(np.asarray(data.used[rows]), np.bool_)
    own = Data(*(native_rows(array, rows) for array in data[:3]), used)
    box = batch.box[rows] if len(batch.box) > 1 else batch.box
    results = [np.asarray(array)[rows] for array in fields]
    drive(*results, own, scratch, batch._replace(first=rows.start, box=box))
