"""Neural networks: layers, containers, networks, models, and what layers compute (`functional`)."""

from importlib import import_module

_HOMES = {
    "numgd.nn.layers": (
        "Activation", "AdaptiveAvgPool2d", "Add", "AvgPool2d", "BatchNorm", "ChannelScale", "Concatenate",
        "ConnectedConv2d", "Conv2d", "Conv2dTranspose", "Dense", "Dropout", "Flatten", "GlobalAvgPool2d",
        "GroupNorm", "Layer", "LayerNorm", "LocalResponseNorm", "MaxPool2d", "PaddedShortcut", "RadialBasis",
        "Scale", "ScaledTanh", "Softmax",
    ),
    "numgd.nn.containers": ("Auxiliary", "Concat", "Graph", "Identity", "Residual", "Sequential"),
    "numgd.nn.exchange.onnx.export": ("export_onnx",),
    "numgd.nn.exchange.onnx.importing": ("import_onnx",),
    "numgd.nn.losses": ("CrossEntropy", "ElementwiseLoss", "MAPCriterion"),
    "numgd.nn.network.network": ("Network",),
    "numgd.nn.network.summary": ("summary",),
}  # fmt: skip
"""Module to the public names that are imported from it when they are first used."""

_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = ("functional", "initialisers", "losses", "models", "training")


def __getattr__(name):
    if name == "__all__":
        return sorted({*_MODULES, *_MODULE_OF})
    if name in _MODULES:
        return import_module(f"numgd.nn.{name}")
    if name in _MODULE_OF:
        return getattr(import_module(_MODULE_OF[name]), name)
    raise AttributeError(f"module 'numgd.nn' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_MODULES, *_MODULE_OF})
