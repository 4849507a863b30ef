"""Models from the literature, one family per file: functions that return a container for `Network`."""

from numgd.nn.models.alexnet import alexnet
from numgd.nn.models.densenet import densenet, densenet_cifar
from numgd.nn.models.file import Recipe, load, save
from numgd.nn.models.googlenet import googlenet
from numgd.nn.models.inception_resnet_v2 import inception_resnet_v2
from numgd.nn.models.inception_v2 import inception_v2
from numgd.nn.models.inception_v3 import inception_v3
from numgd.nn.models.inception_v4 import inception_v4
from numgd.nn.models.lenet import lenet5
from numgd.nn.models.mlp import mlp
from numgd.nn.models.named import NAMED, create
from numgd.nn.models.resnet import resnet
from numgd.nn.models.resnet_cifar import resnet_cifar
from numgd.nn.models.resnet_v2 import resnet_v2
from numgd.nn.models.resnet_v2_cifar import resnet_v2_cifar
from numgd.nn.models.resnext import resnext
from numgd.nn.models.vgg import vgg

__all__ = [
    "NAMED",
    "Recipe",
    "alexnet",
    "create",
    "densenet",
    "densenet_cifar",
    "googlenet",
    "inception_resnet_v2",
    "inception_v2",
    "inception_v3",
    "inception_v4",
    "lenet5",
    "load",
    "mlp",
    "resnet",
    "resnet_cifar",
    "resnet_v2",
    "resnet_v2_cifar",
    "resnext",
    "save",
    "vgg",
]
