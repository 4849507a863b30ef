"""AlexNet: published numbers of parameters, multiply-adds and neurons, and its arguments."""

from math import prod

import pytest

from numgd import nn
from numgd.nn import models

SHAPE = (224, 224, 3)


@pytest.mark.parametrize(
    ("variant", "parameters", "multiply_adds"),
    [
        ("torchvision", 61_100_840, 0.714e9),  # the documentation of torchvision
        ("paper", 60_965_224, 724e6),  # Sze et al., Proceedings of the IEEE 105 (2017), table II
    ],
)
def test_published_counts(variant, parameters, multiply_adds):
    found = nn.summary(models.alexnet(variant=variant), SHAPE)
    assert found.parameters == parameters and found.states == 0
    assert found.multiply_adds == pytest.approx(multiply_adds, rel=1e-3)


def test_neurons_of_the_paper():
    """The caption of figure 2 states those of each layer; the first has 55·55·96, by the figure itself."""
    rows = {row.name: row.shape for row in nn.summary(models.alexnet(variant="paper"), SHAPE).rows}
    names = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
    found = [prod(rows[name]) for name in names]
    assert found == [55 * 55 * 96, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]


@pytest.mark.parametrize("variant", ["torchvision", "paper"])
def test_images_of_227_pixels_give_as_many_features(variant):
    model = models.alexnet(variant=variant)
    assert nn.summary(model, (227, 227, 3)).parameters == nn.summary(model, SHAPE).parameters


@pytest.mark.parametrize("variant", ["torchvision", "paper"])
def test_width_and_classes(variant):
    """Channels are even where there are two groups."""
    found = nn.summary(models.alexnet(7, variant=variant, width=0.01), SHAPE)
    channels = [row.shape[2] for row in found.rows if row.layer.startswith("Conv2d")]
    assert channels == ([2, 2, 4, 4, 2] if variant == "paper" else [1, 2, 4, 3, 3])
    assert found.rows[-1].shape == (7,)


def test_names():
    assert models.create("alexnet", 4, width=0.02, dropout=0.0).output_shape == (4,)
    paper = models.create("alexnet_2012", 4, width=0.02)
    assert [name for name in paper.named_parameters() if name.endswith("weight")][::4] == [
        "conv1.weight",
        "conv5.weight",
    ]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: models.alexnet(0), ValueError, "num_classes must be"),
        (lambda: models.alexnet(variant="caffe"), ValueError, "variant must be 'paper' or 'torchvision'"),
        (lambda: models.alexnet(width=0), ValueError, "width must be"),
        (lambda: models.alexnet(dropout=1), ValueError, "dropout must lie in"),
        (lambda: nn.summary(models.alexnet(), (32, 32, 3)), ValueError, r"features\.12: MaxPool2d"),
    ],
)
def test_invalid_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()
