"""What plots of networks have in common: checks of what they are given, and pages of layers."""

from typing import Any

from numgd.nn.network.checks import unknown_path
from numgd.nn.network.network import Network

LAYERS_OF_PAGE = 30
"""Most layers in one figure."""


def checked_network(network: Any) -> Any:
    """The network, or a copy on the host of one that lives on a GPU; raises TypeError for anything else."""
    if not isinstance(network, Network):
        raise TypeError(f"network must be a numgd.nn.Network; it is {type(network).__name__}")
    return network.on_host()


def page_of(names: list[str], page: Any) -> tuple[list[str], str]:
    """The names of a page, counted from 1, and its title; raises ValueError if there is no such page."""
    pages = -(-len(names) // LAYERS_OF_PAGE)
    if isinstance(page, bool) or not isinstance(page, int) or not 1 <= page <= pages:
        there = "there is one page" if pages == 1 else f"there are {pages} pages"
        raise ValueError(f"page must be an integer from 1 to {pages}, as {there}; it is {page!r}")
    first = (page - 1) * LAYERS_OF_PAGE
    shown = names[first : first + LAYERS_OF_PAGE]
    if pages == 1:
        return shown, ""
    return shown, f"layers {first + 1}-{first + len(shown)} of {len(names)}, page {page} of {pages}"


def chosen_layer(layer: Any, suitable: list[str], known: list[str], what: str) -> str:
    """The path of a layer, the first suitable one if None is given.

    Raises
    ------
    TypeError, ValueError
        For a layer that does not exist, and for one that is not suitable: the error says `what` it lacks, and
        which layers have it.
    """
    others = ", ".join(map(repr, suitable[:8])) + (", …" if len(suitable) > 8 else "")
    if layer is None:
        if not suitable:
            raise ValueError(f"network: no layer has {what}")
        return suitable[0]
    if not isinstance(layer, str):
        raise TypeError(f"layer must be the path of a layer, such as {known[0]!r}; it is {layer!r}")
    if layer not in known:
        raise ValueError(f"layer: {unknown_path(layer, known)}")
    if layer not in suitable:
        raise ValueError(
            f"layer {layer!r} has no {what}; " + (f"there are {others}" if others else "no layer has")
        )
    return layer
