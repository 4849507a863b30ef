"""Names and shapes of the arrays of torchvision's models, for comparison."""

from importlib import import_module

import pytest

from numgd.nn.exchange.torch_layout import torch_name
from numgd.nn.network.wiring import wired


def torchvision_models():
    """`torchvision.models`; skips the test without torchvision.

    A torchvision that was built for another PyTorch cannot load its compiled operators, of which it needs two
    to be declared when it is imported; the models use none.
    """
    torch = pytest.importorskip("torch")
    try:
        pytest.importorskip("torchvision")
    except RuntimeError:
        operators = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return import_module("torchvision.models")


def shapes_in_torchvision(make):
    """Name to shape of the parameters and running statistics of a module that ``make()`` returns."""
    torch = pytest.importorskip("torch")
    with torch.device("meta"):  # nothing is allocated
        arrays = make().state_dict()
    return {name: tuple(a.shape) for name, a in arrays.items() if not name.endswith("num_batches_tracked")}


def shapes_by_torch_name(model, input_shape):
    """The same of ours, with names and orders of axes as in PyTorch."""
    wiring, found = wired(model, input_shape), {}
    for node in wiring.nodes:
        shapes = [wiring.shapes[i] for i in node.inputs]
        for name, own in {**node.layer.parameters(*shapes), **node.layer.states(*shapes)}.items():
            path, shape = torch_name(model, node, name), own.shape
            assert path not in found, path
            found[path] = (shape[0], shape[3], *shape[1:3]) if len(shape) == 4 else tuple(shape)
    return found
