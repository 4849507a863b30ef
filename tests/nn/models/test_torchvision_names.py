"""The arrays of models that torchvision has too have its names and shapes."""

import pytest
from nn.models.in_torchvision import shapes_by_torch_name, shapes_in_torchvision, torchvision_models

from numgd.nn import models

NAMES = (
    "alexnet",
    *(f"vgg{depth}{suffix}" for depth in (11, 13, 16, 19) for suffix in ("", "_bn")),
    *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)),
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    *(f"densenet{depth}" for depth in (121, 161, 169, 201)),
)


@pytest.mark.parametrize("name", NAMES)
def test_names_and_shapes(name):
    make, shape, options = models.NAMED[name]
    theirs = getattr(torchvision_models(), name)
    assert shapes_by_torch_name(make(**options), shape) == shapes_in_torchvision(theirs)


@pytest.mark.parametrize("auxiliary", [False, True])
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_names_and_shapes_with_auxiliary_classifiers(name, auxiliary):
    make, shape, options = models.NAMED[name]
    theirs = getattr(torchvision_models(), name)
    found = shapes_by_torch_name(make(**options, auxiliary=auxiliary), shape)
    assert found == shapes_in_torchvision(lambda: theirs(aux_logits=auxiliary, init_weights=False))
