"""Neural networks: the functions that their layers compute (`numgd.nn.functional`)."""

from importlib import import_module


def __getattr__(name):
    if name == "functional":  # imported on first use
        return import_module("numgd.nn.functional")
    raise AttributeError(f"module 'numgd.nn' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), "functional"})
