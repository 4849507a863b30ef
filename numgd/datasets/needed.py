"""scikit-learn, which numgd itself does not need."""

from importlib import import_module


def scikit_learn(module, name):
    """A module of scikit-learn for a function of this package; raises ImportError with the remedy."""
    try:
        return import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ImportError(
            f"numgd.datasets.{name} needs scikit-learn, which is missing: pip install scikit-learn"
        ) from error
