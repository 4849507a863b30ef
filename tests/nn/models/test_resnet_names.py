"""The arrays of ResNet and ResNeXt have torchvision's names and shapes, and mean the same."""

import re

import numpy as np
import pytest

from numgd import nn
from numgd.nn import models
from numgd.nn.network.wiring import wired

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

NAMES = (
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
    "resnext101_64x4d",
)  # fmt: skip
SUFFIXES = {"gamma": "weight", "beta": "bias", "running_variance": "running_var"}


def name_in_torch(name, rules):
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    path, _, last = name.rpartition(".")
    return f"{path}.{SUFFIXES.get(last, last)}"


def shape_in_torch(shape):
    return (shape[0], shape[3], *shape[1:3]) if len(shape) == 4 else tuple(shape)


def described(model, shape):
    """The shapes of all arrays by their names in PyTorch, without allocating any."""
    found, wiring = [], wired(model, shape)
    for node in wiring.nodes:
        taken = [wiring.shapes[i] for i in node.inputs]
        for name, own in {**node.layer.parameters(*taken), **node.layer.states(*taken)}.items():
            path = name_in_torch(f"{node.path}.{name}", model.torch_names)
            found.append((path, shape_in_torch(own.shape)))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_names_and_shapes(name):
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)().state_dict()
    make, shape, options = models.NAMED[name]
    ours = described(make(**options), shape)
    assert len(ours) == len(dict(ours))
    assert dict(ours) == {
        path: tuple(tensor.shape) for path, tensor in theirs.items() if "num_batches" not in path
    }


@pytest.mark.parametrize(
    "name", ["resnet18", *(pytest.param(n, marks=pytest.mark.slow) for n in ("resnet50", "resnext50_32x4d"))]
)
def test_same_outputs(name):
    """With torchvision's arrays, inference gives torchvision's outputs."""
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, name)(num_classes=10).double().eval()
    make, _, options = models.NAMED[name]
    network = nn.Network(make(**options, num_classes=10), (64, 64, 3), dtype=np.float64)
    arrays = theirs.state_dict()
    for tensor in arrays.values():
        if tensor.ndim == 1:
            tensor.mul_(0.9).add_(0.1 * torch.rand_like(tensor))  # statistics, γ and β too
    for path, array in {**network.named_parameters(), **network.named_states()}.items():
        tensor = arrays[name_in_torch(path, network.model.torch_names)].numpy()
        array[...] = np.moveaxis(tensor, 1, 3) if tensor.ndim == 4 else tensor
    X = np.random.default_rng(0).normal(size=(2, 64, 64, 3))
    with torch.no_grad():
        wanted = theirs(torch.tensor(np.moveaxis(X, 3, 1))).numpy()
    assert np.linalg.norm(network(X) - wanted) <= 1e-10 * np.linalg.norm(wanted)
