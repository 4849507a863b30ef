"""How arrays by name differ from those of a network."""

from typing import NamedTuple

import numpy as np

MOST_LISTED = 5
"""Names, or shapes, that are listed."""


class Misfit(NamedTuple):
    """What differs.

    Attributes
    ----------
    missing, unknown : list of str
    shapes : dict
        Of arrays with another shape: name to the shape that is given and the one that is wanted.
    owner : str
        What wants them, such as 'network'.
    """

    missing: list
    unknown: list
    shapes: dict
    owner: str

    def __str__(self):
        said = [
            f"{what} {names[:MOST_LISTED]}" + _and_more(names)
            for what, names in (("missing", self.missing), ("unknown", self.unknown))
            if names
        ]
        listed = list(self.shapes.items())[:MOST_LISTED]
        shapes = [f"{name!r} has shape {given}, the {self.owner}'s is {own}" for name, (given, own) in listed]
        return "; ".join([*said, *shapes]) + _and_more(self.shapes)


def misfit(wanted, arrays, ignored, owner="network"):
    """How arrays differ from those that are wanted.

    Parameters
    ----------
    wanted : dict of str to tuple
        Shapes by name.
    arrays : dict of str to array_like
    ignored : callable
        Whether an unknown name is no fault.
    owner : str
        What wants them, for the message.

    Returns
    -------
    Misfit or None
        None if the arrays fit.
    """
    common = [name for name in wanted if name in arrays]
    shapes = {name: (tuple(np.shape(arrays[name])), wanted[name]) for name in common}
    found = Misfit(
        [name for name in wanted if name not in arrays],
        [name for name in arrays if name not in wanted and not ignored(name)],
        {name: (given, own) for name, (given, own) in shapes.items() if given != own},
        owner,
    )
    return found if found.missing or found.unknown or found.shapes else None


def number_of_outputs(found, places, wiring):
    """The numbers of outputs, given and the network's, if nothing else differs; else None."""
    last = _layers_of_outputs(wiring)
    of_last = all(places[name].own.rpartition(".")[0] in last for name in found.shapes)
    along_first = all(given[1:] == own[1:] and given for given, own in found.shapes.values())
    if found.missing or found.unknown or not (of_last and along_first):
        return None
    given, own = next(iter(found.shapes.values()))
    return given[0], own[0]


def _layers_of_outputs(wiring):
    """Paths of the last layers with parameters, those of auxiliary classifiers included."""
    producers, found = {node.output: node for node in wiring.nodes}, set()
    for value in (wiring.output, *wiring.auxiliary):
        while value in producers:
            node = producers[value]
            if node.layer.parameters(*(wiring.shapes[i] for i in node.inputs)):
                found.add(node.path)
                break
            value = node.inputs[0]
    return found


def _and_more(names):
    return f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
