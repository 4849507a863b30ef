"""Calls of `numgd.nn.models`, with the images that they are for and the published number of parameters."""

from typing import NamedTuple

from numgd.nn import models


class Case(NamedTuple):
    make: object
    options: dict
    shape: tuple
    parameters: int
    source: str


def _resnet(depth, parameters, source, **options):
    return Case(models.resnet_cifar, {"depth": depth, **options}, (32, 32, 3), parameters, source)


_HE = "He et al. (2016), table 6"

CASES = {
    "mlp": Case(models.mlp, {"widths": [300]}, (28, 28, 1), 238_510, "784·300 + 300 + 300·10 + 10"),
    "mlp deep": Case(
        models.mlp, {"widths": [128, 64], "dropout": 0.2}, (28, 28, 1), 109_386, "Σ (inputs + 1) · outputs"
    ),
    "mlp batch norm": Case(
        models.mlp,
        {"widths": (5, 4), "num_classes": 3, "batch_norm": True, "activation": "tanh"},
        (7,),
        35 + 10 + 20 + 8 + 15,
        "no bias before a norm",
    ),
    "mlp linear": Case(models.mlp, {"widths": (), "num_classes": 3}, (4,), 15, "(inputs + 1) · outputs"),
    "lenet5": Case(models.lenet5, {}, (28, 28, 1), 61_706, "156 + 2416 + 48120 + 10164 + 850"),
    "lenet5 of 32": Case(models.lenet5, {"padding": 0}, (32, 32, 1), 61_706, "the same network"),
    "lenet5 unpadded": Case(
        models.lenet5,
        {"padding": 0, "pool": "average", "activation": "tanh"},
        (28, 28, 1),
        44_426,
        "156 + 2416 + 30840 + 10164 + 850",
    ),
    "lenet5 1998": Case(models.lenet5, {"variant": "1998"}, (32, 32, 1), 60_000, "LeCun et al. (1998), II.B"),
    "resnet20": _resnet(20, 269_722, f"0.27M: {_HE}"),
    "resnet32": _resnet(32, 464_154, f"0.46M: {_HE}"),
    "resnet44": _resnet(44, 658_586, f"0.66M: {_HE}"),
    "resnet56": _resnet(56, 853_018, f"0.85M: {_HE}"),
    "resnet110": _resnet(110, 1_727_962, f"1.7M: {_HE}"),
    "resnet20 B": _resnet(
        20, 272_474, "with two projections of 512 and 2048 weights and their norms", shortcut="B"
    ),
    "resnet8": _resnet(
        8,
        108 + 288 + 864 + 3456 + (32 + 128) + 2 * (3 * 4 + 3 * 8 + 3 * 16) + 51,
        "convolutions, projections, norms, dense",
        shortcut="B",
        width=0.25,
        num_classes=3,
    ),
}
