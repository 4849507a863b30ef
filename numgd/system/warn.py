"""Warnings that point to the user's line, wherever in the package they are issued."""

import sys
import warnings


def warn_user(message, category=RuntimeWarning):
    """Issue a warning at the call that led into numgd."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "numgd":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
