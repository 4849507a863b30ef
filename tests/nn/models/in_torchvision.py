"""Names and shapes of the arrays of torchvision's models, for comparison."""

import re
from importlib import import_module

import pytest

SUFFIXES = {"gamma": "weight", "beta": "bias", "running_variance": "running_var"}


def torchvision_models():
    """`torchvision.models`; skips the test without torchvision.

    A torchvision that was built for another PyTorch cannot load its compiled operators, of which it needs the
    first to be declared when it is imported; the models use none.
    """
    torch = pytest.importorskip("torch")
    try:
        pytest.importorskip("torchvision")
    except RuntimeError:
        operators = torch.library.Library("torchvision", "FRAGMENT")
        operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return import_module("torchvision.models")


def shapes_in_torchvision(make):
    """Name to shape of the parameters and running statistics of a module that ``make()`` returns."""
    torch = pytest.importorskip("torch")
    with torch.device("meta"):  # nothing is allocated
        arrays = make().state_dict()
    return {name: tuple(a.shape) for name, a in arrays.items() if not name.endswith("num_batches_tracked")}


def shapes_by_torch_name(wiring, rules):
    """The same of ours, with names and orders of axes as in PyTorch."""
    found = {}
    for node in wiring.nodes:
        shapes = [wiring.shapes[i] for i in node.inputs]
        for name, own in {**node.layer.parameters(*shapes), **node.layer.states(*shapes)}.items():
            path = f"{node.path}.{SUFFIXES.get(name, name)}"
            for pattern, replacement in rules:
                path = re.sub(pattern, replacement, path)
            assert path not in found, path
            shape = own.shape
            found[path] = (shape[0], shape[3], *shape[1:3]) if len(shape) == 4 else tuple(shape)
    return found
