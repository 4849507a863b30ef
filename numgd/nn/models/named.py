"""Models by name."""

from difflib import get_close_matches
from importlib import import_module
from inspect import signature

import numpy as np

from numgd.foundations.ranges import Seed, check_arguments
from numgd.nn.models.entry import Entry
from numgd.nn.network.network import Network

FAMILIES = (
    "alexnet",
    "densenet",
    "googlenet",
    "inception_resnet_v2",
    "inception_v2",
    "inception_v3",
    "inception_v4",
    "lenet",
    "mlp",
    "resnet",
    "resnet_cifar",
    "resnet_v2",
    "resnet_v2_cifar",
    "resnext",
    "vgg",
)
"""Modules of `numgd.nn.models`, each with its `MODELS` by name."""

NAMED: dict[str, Entry] = {
    name: found
    for family in FAMILIES
    for name, found in import_module(f"numgd.nn.models.{family}").MODELS.items()
}
"""All models that have a name."""


def entry(name):
    """The `Entry` of a name; raises TypeError or ValueError, with the nearest names."""
    if not isinstance(name, str):
        raise TypeError(f"name must be that of a model, such as 'resnet50'; it is {name!r}")
    if name in NAMED:
        return NAMED[name]
    near = get_close_matches(name.lower().replace("-", "").replace("_", ""), NAMED, n=3, cutoff=0.5)
    hint = f"near it are {', '.join(map(repr, near))}; " if near else ""
    raise ValueError(f"no model has the name {name!r}: {hint}all are in numgd.nn.models.NAMED")


def check_options(name, options):
    """Raise TypeError unless these are options of a named model; its number of classes is none of them."""
    known = [option for option in signature(entry(name).make).parameters if option != "num_classes"]
    for option in options:
        if option not in known:
            raise TypeError(f"{name} has no option {option!r}; it has {', '.join(known)}")


def default_classes(name):
    """The number of outputs that a named model has unless another is given."""
    return signature(entry(name).make).parameters["num_classes"].default


def model_of(name, num_classes=None, **options):
    """The container of a named model; raises TypeError or ValueError for unknown names and options."""
    found = entry(name)
    check_options(name, options)
    if num_classes is not None:
        options["num_classes"] = num_classes
    return found.make(**{**found.options, **options})


@check_arguments
def create(name, num_classes=None, input_shape=None, *, dtype=np.float32, seed: Seed = 0, **options):
    """A network of a model by its name.

    Parameters
    ----------
    name : str
        A key of `numgd.nn.models.NAMED`, such as 'resnet50'.
    num_classes : int, optional
        Number of outputs; by default that of the model, 1000 or 10.
    input_shape : tuple of int, optional
        Of one image, (height, width, channels); by default what the model is made for.
    dtype : float32 or float64
    seed : int
        Determines the initial parameters.
    **options
        Of the model's function, such as ``width`` or ``variant``.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        For an unknown name (with those nearest to it), arguments outside their ranges, and images that
        are too small (with the layer).

    Examples
    --------
    >>> from numgd import nn
    >>> nn.models.create("lenet5", num_classes=3)
    Network(Sequential, input_shape=(28, 28, 1), float32, 61,111 parameters)
    """
    model = model_of(name, num_classes, **options)
    shape = entry(name).input_shape if input_shape is None else input_shape
    return Network(model, shape, dtype=dtype, seed=seed)
