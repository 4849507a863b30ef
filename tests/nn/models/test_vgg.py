"""VGG: published numbers of parameters and multiply-adds, and its arguments."""

import pytest

from numgd import nn
from numgd.nn import models

SHAPE = (224, 224, 3)

COUNTS = {
    # depth: parameters, with batch norm, 10⁹ multiply-adds; the documentation of torchvision
    11: (132_863_336, 132_868_840, 7.609),
    13: (133_047_848, 133_053_736, 11.308),
    16: (138_357_544, 138_365_992, 15.470),
    19: (143_667_240, 143_678_248, 19.632),
}
MILLIONS = {11: 133, 13: 133, 16: 138, 19: 144}  # table 2 of the paper
BILLIONS = {16: 15.3, 19: 19.6}  # multiply-adds: He et al., CVPR (2016), section 3.3 and section 4.1


@pytest.mark.parametrize("depth", COUNTS)
def test_published_counts(depth):
    parameters, with_norm, multiply_adds = COUNTS[depth]
    plain = nn.summary(models.vgg(depth), SHAPE)
    assert plain.parameters == parameters and plain.states == 0
    assert plain.multiply_adds == pytest.approx(multiply_adds * 1e9, rel=1e-4)
    normed = nn.summary(models.vgg(depth, batch_norm=True), SHAPE)
    assert normed.parameters == with_norm and normed.multiply_adds == plain.multiply_adds
    assert round(plain.parameters / 1e6) == MILLIONS[depth]
    if depth in BILLIONS:
        assert plain.multiply_adds / 1e9 == pytest.approx(BILLIONS[depth], rel=0.02)


@pytest.mark.parametrize("depth", COUNTS)
def test_depth_is_the_number_of_layers_with_weights(depth):
    assert sum(row.parameters > 0 for row in nn.summary(models.vgg(depth), SHAPE).rows) == depth


def test_maps_of_configuration_a():
    """Table 1 of the paper: five maxima, each of half the size."""
    shapes = [row.shape for row in nn.summary(models.vgg(11), SHAPE).rows if row.layer == "MaxPool2d"]
    assert [shape[0] for shape in shapes] == [112, 56, 28, 14, 7]
    channels = [row.shape[2] for row in nn.summary(models.vgg(11), SHAPE).rows if "Conv2d" in row.layer]
    assert channels == [64, 128, 256, 256, 512, 512, 512, 512]


def test_small_images():
    """Convolutions as for large ones, and a classifier of 512 features."""
    convolutions = 9_220_480  # Σ (9 inputs + 1) outputs of configuration A
    found = nn.summary(models.vgg(11, 10, hidden=0), (32, 32, 3))
    assert found.parameters == convolutions + 513 * 10
    found = nn.summary(models.vgg(11, 10, hidden=100), (32, 32, 3))
    assert found.parameters == convolutions + 513 * 100 + 101 * 100 + 101 * 10


def test_width():
    found = nn.summary(models.vgg(11, 10, width=0.125, hidden=64), (32, 32, 3))
    assert found.rows[0].shape == (32, 32, 8)
    assert [row.shape for row in found.rows if row.layer.startswith("Dense")] == [(8,), (8,), (10,)]


def test_names():
    network = models.create("vgg11_bn", 10, (32, 32, 3), width=0.05)
    assert list(network.named_states())[:2] == ["features.1.running_mean", "features.1.running_variance"]
    assert models.create("vgg13", 10, (32, 32, 3), width=0.05).named_states() == {}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: models.vgg(12), ValueError, "depth must be 11, 13, 16 or 19; it is 12"),
        (lambda: models.vgg(16.0), ValueError, "depth must be 11, 13, 16 or 19"),
        (lambda: models.vgg(16, 0), ValueError, "num_classes must be"),
        (lambda: models.vgg(batch_norm=1), TypeError, "batch_norm must be True or False"),
        (lambda: models.vgg(width=-1), ValueError, "width must be"),
        (lambda: models.vgg(hidden=-1), ValueError, "hidden must be"),
        (lambda: models.vgg(dropout=1.0), ValueError, "dropout must lie in"),
        (lambda: nn.summary(models.vgg(11), (16, 16, 3)), ValueError, r"features\.20: MaxPool2d"),
    ],
)
def test_invalid_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()
