"""Models from the literature, one family per file: functions that return a container for `Network`."""

from numgd.nn.models.file import Recipe, load, save
from numgd.nn.models.lenet import lenet5
from numgd.nn.models.mlp import mlp
from numgd.nn.models.named import NAMED, create
from numgd.nn.models.resnet_cifar import resnet_cifar

__all__ = ["NAMED", "Recipe", "create", "lenet5", "load", "mlp", "resnet_cifar", "save"]
