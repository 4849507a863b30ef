"""Data sets: MNIST and CIFAR from local files.

Nothing is downloaded.
"""

from numgd.datasets._mnist import fashion_mnist, mnist
from numgd.datasets.cifar import cifar10, cifar100
from numgd.datasets.dataset import Dataset
from numgd.datasets.idx import read_idx

__all__ = [
    "Dataset",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "mnist",
    "read_idx",
]
