"""Plots of results, histories and networks, with matplotlib.

Each function takes the axes to draw in as ``ax``, makes a figure if there are none, and returns the axes.
"""

from importlib import import_module

_HOMES = {
    "activation_histograms": "depth",
    "confusion_matrix": "confusion",
    "convergence": "convergence_curves",
    "feature_maps": "images",
    "filters": "images",
    "fit": "fits",
    "gradient_histograms": "depth",
    "landscape": "landscapes",
    "learning_curves": "learning",
    "loss_landscape": "loss_landscapes",
    "performance_profile": "profiles",
    "race": "races",
    "schedule": "schedule_curves",
}
"""Public name to the module that is imported from when the name is first asked for."""


def __getattr__(name):
    if name == "__all__":
        return sorted(_HOMES)
    if name in _HOMES:
        return getattr(import_module(f"numgd.plots.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'numgd.plots' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_HOMES})
