"""Networks of named models in files that hold what the network is made from: `save` and `load`."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from numgd.foundations import files
from numgd.foundations.ranges import Count, Seed, check_arguments, check_fields
from numgd.nn.exchange.misfit import misfit
from numgd.nn.models.named import check_options, create, default_classes, entry, model_of
from numgd.nn.network.checks import checked_dtype, checked_shape
from numgd.nn.network.network import Network
from numgd.nn.network.texts import RECIPE
from numgd.nn.network.wiring import wired
from numgd.nn.training.augmentation import Normalise

_VERSION = 1


@dataclass(frozen=True)
class Recipe:
    """What a network of a named model is made from, and how its inputs and outputs are to be read.

    Parameters
    ----------
    name : str
        A key of `numgd.nn.models.NAMED`.
    num_classes : int, optional
        Number of outputs; by default that of the model.
    input_shape : tuple of int, optional
        Of one sample; by default what the model is made for.
    dtype : float32 or float64
    options : dict, optional
        Of the model's function: numbers, strings, True, False, None, and sequences of these.
    classes : sequence of str, optional
        Names of the classes, one for each output.
    normalise : Normalise, optional
        What `fit` was given, and `predict` needs.

    Raises
    ------
    TypeError, ValueError
        For an unknown model and for arguments outside their ranges.

    Examples
    --------
    >>> from numgd import nn
    >>> recipe = nn.models.Recipe("resnet20", input_shape=(8, 8, 1), options={"width": 0.25})
    >>> recipe.network(seed=1)
    Network(Sequential, input_shape=(8, 8, 1), float32, 17,254 parameters)
    """

    name: str
    num_classes: Count | None = None
    input_shape: Any = None
    dtype: Any = "float32"
    options: Mapping = field(default_factory=dict)
    classes: Any = ()
    normalise: Normalise | None = None

    def __post_init__(self):
        check_fields(self)
        shape = entry(self.name).input_shape if self.input_shape is None else self.input_shape
        object.__setattr__(self, "input_shape", checked_shape(shape))
        object.__setattr__(self, "dtype", checked_dtype(self.dtype).name)
        object.__setattr__(self, "options", _checked_options(self.options))
        check_options(self.name, self.options)
        outputs = default_classes(self.name) if self.num_classes is None else self.num_classes
        object.__setattr__(self, "classes", _checked_classes(self.classes, outputs))
        if self.normalise is not None:
            if not isinstance(self.normalise, Normalise):
                raise TypeError(f"normalise must be a Normalise or None; it is {self.normalise!r:.80}")
            self.normalise.check(self.input_shape[-1])

    def model(self):
        """The container, without parameters."""
        return model_of(self.name, self.num_classes, **self.options)

    @check_arguments
    def network(self, seed: Seed = 0):
        """A new `Network`, whose initial parameters the seed determines."""
        return create(
            self.name, self.num_classes, self.input_shape, dtype=self.dtype, seed=seed, **self.options
        )


def save(path, network, recipe):
    """Write a network with its recipe to a file, from which `load` makes it again.

    The arrays have the names that `Network.save` gives them, so that `Network.load` and `numgd.load` read
    the file too.

    Parameters
    ----------
    path : str or path-like
        Ends with ``.npz`` or ``.safetensors``; see `numgd.save`.
    network : Network
    recipe : Recipe
        What the network is made from.

    Raises
    ------
    TypeError, ValueError
        If the recipe is that of another network; nothing is written then.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numgd import nn
    >>> recipe = nn.models.Recipe("lenet5", num_classes=3, classes=["cat", "dog", "frog"])
    >>> path = pathlib.Path(tempfile.mkdtemp(), "pets.npz")
    >>> nn.models.save(path, recipe.network(), recipe)
    >>> network, recipe = nn.models.load(path)
    >>> network, recipe.classes
    (Network(Sequential, input_shape=(28, 28, 1), float32, 61,111 parameters), ('cat', 'dog', 'frog'))
    """
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network; it is {network!r:.80}")
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe; it is {recipe!r:.80}")
    arrays = network.state_dict()
    if network.input_shape != recipe.input_shape:
        raise ValueError(f"recipe has input_shape {recipe.input_shape}, the network {network.input_shape}")
    if network.dtype != recipe.dtype:
        raise ValueError(f"recipe has dtype {recipe.dtype}, the network {network.dtype}")
    _check_arrays(arrays, recipe)
    files.write(path, arrays, {RECIPE: json.dumps({"version": _VERSION, **asdict(recipe)})})


def load(path):
    """Make a network from a file that `save` wrote; nothing in it is executed.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    network : Network
    recipe : Recipe
        Give its `normalise` to ``network.predict``.

    Raises
    ------
    OSError, ValueError
        If the file is missing, damaged or without a recipe.

    Examples
    --------
    >>> import numpy as np, pathlib, tempfile
    >>> from numgd import nn
    >>> recipe = nn.models.Recipe("mlp", 2, (4,), options={"widths": (8,)})
    >>> network = recipe.network(seed=5)
    >>> path = pathlib.Path(tempfile.mkdtemp(), "small.npz")
    >>> nn.models.save(path, network, recipe)
    >>> X = np.ones((3, 4))
    >>> bool(np.all(nn.models.load(path)[0].predict(X) == network.predict(X)))
    True
    """
    arrays, recipe = _read(path, mmap=False)
    network = recipe.network()
    try:
        network.load_state_dict(arrays)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error
    return network, recipe


def recipe_of(path):
    """The recipe in a file that `save` wrote, as `load` returns it; the arrays' numbers are not read."""
    return _read(path, mmap=True)[1]


def _read(path, mmap):
    """Arrays and recipe of a file, which fit each other: only then is memory taken for a network."""
    arrays, texts = files.read(path, mmap, texts=(RECIPE,))
    if RECIPE not in texts:
        raise ValueError(f"{os.fspath(path)} does not say of which model its arrays are")
    try:
        recipe = _recipe_from(texts[RECIPE])
        _check_arrays(arrays, recipe)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        said = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{os.fspath(path)} is not a file of a model: {said}") from error
    return arrays, recipe


def _recipe_from(text):
    """The recipe in the text of a file."""
    found = json.loads(text)
    if not isinstance(found, dict) or found.pop("version", None) != _VERSION:
        raise ValueError("its version is unknown")
    if found["normalise"] is not None:
        found["normalise"] = Normalise(**found["normalise"])
    return Recipe(**found)


def _check_arrays(arrays, recipe):
    """Raise ValueError unless arrays have the names and shapes that the recipe gives them."""
    wiring = wired(recipe.model(), recipe.input_shape)
    wanted = {}
    for node in wiring.nodes:
        shapes = [wiring.shapes[i] for i in node.inputs]
        for name, own in (node.layer.parameters(*shapes) | node.layer.states(*shapes)).items():
            wanted[f"{node.path}.{name}"] = tuple(own.shape)
    found = misfit(wanted, arrays, ignored=lambda name: False, owner="recipe")
    if found is not None:
        raise ValueError(f"the arrays do not fit the recipe: {found}")


def _checked_options(options):
    """The options as a dictionary of plain values; raises TypeError for others."""
    if not isinstance(options, Mapping):
        raise TypeError(f"options must be a dictionary; it is {options!r:.80}")
    for name, value in options.items():
        if not isinstance(name, str) or not _is_plain(value):
            raise TypeError(f"options[{name!r}] cannot be stored: {value!r:.80}")
    return {name: _as_tuples(value) for name, value in options.items()}


def _is_plain(value):
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _as_tuples(value):
    """A plain value whose sequences are tuples, whether it comes from a file or not."""
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def _checked_classes(classes, outputs):
    """The names of the classes as a tuple; raises TypeError or ValueError."""
    names = tuple(classes) if isinstance(classes, Iterable) else (classes,)
    if isinstance(classes, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"classes must be a sequence of strings; it is {classes!r:.80}")
    if names and len(names) != outputs:
        raise ValueError(f"classes has {len(names)} names for {outputs} classes")
    return names
