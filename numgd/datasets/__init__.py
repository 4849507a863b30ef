"""Data sets: those that scikit-learn carries, MNIST and CIFAR from local files, and synthetic ones.

Nothing is downloaded.
"""

from numgd.datasets._mnist import fashion_mnist, mnist
from numgd.datasets._ravine import Ravine, ravine
from numgd.datasets._shapes import shapes
from numgd.datasets._spirals import spirals
from numgd.datasets.cifar import cifar10, cifar100
from numgd.datasets.dataset import Dataset
from numgd.datasets.idx import read_idx
from numgd.datasets.scikit_learn import breast_cancer, diabetes, digits, iris, linnerud, wine
from numgd.datasets.splitting import folds, split

__all__ = [
    "Dataset",
    "Ravine",
    "breast_cancer",
    "cifar10",
    "cifar100",
    "diabetes",
    "digits",
    "fashion_mnist",
    "folds",
    "iris",
    "linnerud",
    "mnist",
    "ravine",
    "read_idx",
    "shapes",
    "spirals",
    "split",
    "wine",
]
