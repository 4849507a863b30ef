"""Weights of networks in and out: dictionaries of arrays and files, in numgd's layout or PyTorch's."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from numgd.foundations.files import read, save
from numgd.foundations.ranges import one_of
from numgd.nn.exchange.misfit import misfit, number_of_outputs
from numgd.nn.exchange.places import own_layout
from numgd.nn.exchange.torch_layout import torch_layout
from numgd.nn.network.checks import real_numbers
from numgd.nn.network.texts import RECIPE

LAYOUTS = {"numgd": own_layout, "torch": torch_layout}
"""Functions from a network to `Place` by name."""

LayoutName = one_of(*LAYOUTS)

PICKLES = (".pt", ".pth")
"""Suffixes of PyTorch's own files."""

COUNTER = "num_batches_tracked"
"""PyTorch's count of batches, which numgd does not have; PyTorch starts at 0 where it is missing."""


def arrays_of(network, layout):
    """Copies of all parameters and states by their names in a layout."""
    return {name: place.read() for name, place in LAYOUTS[layout](network.on_host()).items()}


def put_arrays(network, arrays, layout, ignore):
    """Take parameters and states from arrays by their names in a layout; all of them or none."""
    if not isinstance(arrays, Mapping):
        raise TypeError(f"arrays must be a dictionary of arrays by name; it is a {type(arrays).__name__}")
    ignore = checked_prefixes(ignore)
    host = network.on_host()
    places = LAYOUTS[layout](host)
    numbers = {name: _numbers(name, arrays[name]) for name in places if name in arrays}
    found = misfit(_shapes(places), arrays, _ignored(layout, ignore))
    if found is not None:
        hint = _other_layout(network, arrays, layout, ignore) or _other_classes(network, found, places)
        raise ValueError(f"the arrays do not fit the network: {found}{hint}")
    for name, array in numbers.items():
        _check_magnitude(name, array, network.dtype)
    for name, place in places.items():
        place.write(numbers[name])
    network.parameters, network.state = host.parameters, host.state


def save_weights(network, path, layout):
    """Write `arrays_of` to a file."""
    save(path, arrays_of(network, layout))


def load_weights(network, path, layout, ignore):
    """`put_arrays` with those of a file; errors name it."""
    ignore = checked_prefixes(ignore)
    if Path(path).suffix.lower() in PICKLES:
        raise ValueError(_about_pickles(Path(path)))
    arrays, _ = read(path, texts=(RECIPE,))
    try:
        put_arrays(network, arrays, layout, ignore)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def checked_prefixes(given):
    """Beginnings of names as a tuple; raises TypeError."""
    if not isinstance(given, tuple | list) or not all(isinstance(prefix, str) for prefix in given):
        raise TypeError(f"ignore must be a tuple of beginnings of names, such as ('aux.',); it is {given!r}")
    return tuple(given)


def _numbers(name, given):
    """What is given for a name as an array of real numbers; raises TypeError."""
    given = given.detach() if hasattr(given, "detach") else given  # a tensor that requires its gradient
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        hint = "; of a tensor, give tensor.float().cpu()" if hasattr(given, "cpu") else ""
        raise TypeError(f"{name!r} cannot be read as an array: {error}{hint}") from None
    return real_numbers(repr(name), array)


def _check_magnitude(name, array, dtype):
    """Raise ValueError for finite numbers that a dtype cannot hold."""
    if array.dtype.kind == "f" and array.dtype.itemsize > dtype.itemsize:
        largest = np.finfo(dtype).max
        if (np.isfinite(array) & (np.abs(array) > largest)).any():
            raise ValueError(f"{name!r} holds numbers beyond {largest:.3g}, the largest of {dtype}")


def _shapes(places):
    return {name: place.view.shape for name, place in places.items()}


def _ignored(layout, prefixes):
    """Whether an unknown name is no fault."""

    def ignored(name):
        counts = layout == "torch" and str(name).endswith(COUNTER)
        return counts or str(name).startswith(prefixes)

    return ignored


def _other_layout(network, arrays, layout, ignore):
    """A hint if the arrays fit in another layout."""
    for other in LAYOUTS.keys() - {layout}:
        try:
            fits = misfit(_shapes(LAYOUTS[other](network)), arrays, _ignored(other, ignore)) is None
        except ValueError:  # the network has no such layout
            continue
        if fits:
            return f": they fit with layout={other!r}"
    return ""


def _other_classes(network, found, places):
    """A hint if the arrays are of a network with another number of classes."""
    counts = number_of_outputs(found, places, network.wiring)
    if counts is None:
        return ""
    return f": the arrays are of a network with {counts[0]} classes, this one has {counts[1]}"


def _about_pickles(path):
    new = str(path.with_suffix(".safetensors"))
    return (
        f"{path} is a pickle, which could run any code, so it is not read; convert it in PyTorch: "
        f"safetensors.torch.save_file(torch.load({str(path)!r}, weights_only=True), {new!r})"
    )
