"""Warnings that point at the user's line, from wherever in the package they are given."""

import sys
import warnings


def warn_user(message, category=RuntimeWarning):
    """Give a warning at the call that led into numgd."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "numgd":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
