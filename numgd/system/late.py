"""Packages that take long to import, imported when they are first needed."""

from functools import cache
from importlib import import_module


@cache
def optimize():
    """`scipy.optimize`, which takes as long to import as everything else together."""
    return import_module("scipy.optimize")
