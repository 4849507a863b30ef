"""Neural networks: what their layers compute (`numgd.nn.functional`), and training (`numgd.nn.training`)."""

from importlib import import_module

_MODULES = ("functional", "training")


def __getattr__(name):
    if name in _MODULES:  # imported on first use
        return import_module(f"numgd.nn.{name}")
    raise AttributeError(f"module 'numgd.nn' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_MODULES})
