"""Progress bars and time limits."""

import time

from numgd.foundations.ranges import Flag, Tolerance, checked


class Progress:
    """An optional progress bar (package tqdm) and an optional time limit.

    Parameters
    ----------
    progress : bool
        Whether to show a bar.
    time_limit : float or None
        Seconds, counted from the first reading of the clock: earlier compilation is not included.
    unit : str
    total : int, optional
        Total number of units.

    Attributes
    ----------
    watches : bool
        Whether there is a bar or a limit.
    """

    def __init__(self, progress, time_limit, unit, total=None):
        self._limit = self._end = self._bar = None
        if time_limit is not None:
            self._limit = checked("time_limit", time_limit, Tolerance)
        self.watches = checked("progress", progress, Flag) or time_limit is not None
        if progress:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, unit=unit)

    def left(self):
        """Remaining seconds; None without a limit."""
        if self._limit is None:
            return None
        if self._end is None:
            self._end = time.perf_counter() + self._limit
        return max(0.0, self._end - time.perf_counter())

    def is_over(self):
        """Whether the time limit has been reached."""
        return self.left() == 0.0

    def reach(self, count, **values):
        """Report that `count` units are done; `values` are numbers to show, or None."""
        if self._bar is not None:
            shown = {name: f"{value:.4g}" for name, value in values.items() if value is not None}
            self._bar.set_postfix(shown, refresh=False)
            self._bar.update(count - self._bar.n)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._bar is not None:
            self._bar.close()


UNWATCHED = Progress(False, None, "")
"""No bar and no limit."""


def watched_by(progress, time_limit, unit):
    """The `Progress` of a call; `UNWATCHED` if neither is asked for."""
    if progress is False and time_limit is None:
        return UNWATCHED
    return Progress(progress, time_limit, unit)
