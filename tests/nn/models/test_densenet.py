"""DenseNet: published numbers of parameters and multiply-adds, and its arguments."""

import pytest

from numgd import nn
from numgd.nn import models

IMAGENET, CIFAR = (224, 224, 3), (32, 32, 3)

COUNTS = {
    # depth: parameters, 10⁹ multiply-adds; the documentation of torchvision
    121: (7_978_856, 2.834),
    161: (28_681_000, 7.728),
    169: (14_149_480, 3.360),
    201: (20_013_928, 4.291),
}

TABLE_2 = {
    # depth, k, bottlenecks, θ: millions of parameters
    (40, 12, False, 1.0): 1.0,
    (100, 12, False, 1.0): 7.0,
    (100, 24, False, 1.0): 27.2,
    (100, 12, True, 0.5): 0.8,
    (250, 24, True, 0.5): 15.3,
    (190, 40, True, 0.5): 25.6,
}


def cifar(depth, growth_rate, bottleneck, compression, **options):
    return models.densenet_cifar(
        depth, growth_rate, bottleneck=bottleneck, compression=compression, **options
    )


@pytest.mark.parametrize("depth", COUNTS)
def test_published_counts(depth):
    parameters, multiply_adds = COUNTS[depth]
    found = nn.summary(models.densenet(depth), IMAGENET)
    assert found.parameters == parameters
    assert found.multiply_adds == pytest.approx(multiply_adds * 1e9, rel=2e-4)


@pytest.mark.parametrize("depth", [*COUNTS, 264])
def test_depth_is_the_number_of_convolutions_and_the_dense_layer(depth):
    """Of the 264 the blocks alone have 2 (6 + 12 + 64 + 48) = 260: the paper's name counts one too few."""
    rows = nn.summary(models.densenet(depth), IMAGENET).rows
    assert sum(row.multiply_adds > 0 for row in rows) == depth + (depth == 264)


def test_sizes_of_maps():
    """Table 1 of the paper."""
    rows = {row.name: row.shape for row in nn.summary(models.densenet(121), IMAGENET).rows}
    assert rows["features.conv0"] == (112, 112, 64) and rows["features.pool0"] == (56, 56, 64)
    ends = {1: (6, 56, 256), 2: (12, 28, 512), 3: (24, 14, 1024), 4: (16, 7, 1024)}
    for block, (layers, size, channels) in ends.items():
        assert rows[f"features.denseblock{block}.denselayer{layers}.concatenate"] == (size, size, channels)
        if block < 4:
            assert rows[f"features.transition{block}.pool"] == (size // 2, size // 2, channels // 2)


@pytest.mark.parametrize("configuration", TABLE_2)
def test_parameters_for_cifar(configuration):
    found = nn.summary(cifar(*configuration), CIFAR)
    assert round(found.parameters / 1e6, 1) == TABLE_2[configuration]
    assert sum(row.multiply_adds > 0 for row in found.rows) == configuration[0]


def by_hand(layers, k, classes):
    """DenseNet for CIFAR without bottlenecks, with θ = 1: convolutions, norms and the dense layer."""
    channels, total = 16, 27 * 16
    for block in range(3):
        for _ in range(layers):
            total += 2 * channels + 9 * channels * k
            channels += k
        if block < 2:
            total += 2 * channels + channels**2
    return total + 2 * channels + (channels + 1) * classes


def test_parameters_of_densenet_40():
    assert nn.summary(models.densenet_cifar(), CIFAR).parameters == by_hand(12, 12, 10) == 1_019_722


def test_compression_rounds_down_and_keeps_a_channel():
    """With 16 + k channels at the end of a block."""
    for compression, kept in ((0.5, 8), (0.3, 5), (0.01, 1)):
        rows = nn.summary(cifar(7, 1, False, compression), CIFAR).rows
        assert next(row.shape for row in rows if row.name == "features.transition1.conv") == (32, 32, kept)


def test_stems():
    small = nn.summary(models.densenet(121, stem="small"), (32, 32, 3)).rows
    assert small[0].shape == (32, 32, 64)
    assert not any("norm0" in row.name or "pool0" in row.name for row in small)


def test_width_multiplies_the_growth_rate():
    narrow = nn.summary(models.densenet(121, width=0.25), IMAGENET).parameters
    assert narrow == nn.summary(models.densenet(121, growth_rate=8), IMAGENET).parameters


@pytest.mark.parametrize("model", [models.densenet, models.densenet_cifar])
def test_dropout_follows_every_convolution_but_the_first(model):
    """Section 4.2 of the paper."""
    paths = [row.name for row in nn.summary(model(dropout=0.2), CIFAR).rows]
    convolutions = [path for path in paths if path.rpartition(".")[2].startswith("conv")]
    convolutions.remove("features.conv0")
    found = [path.replace("dropout", "conv") for path in paths if "dropout" in path]
    assert [path for path in convolutions if not path.endswith("concatenate")] == found


def test_names():
    network = models.create("densenet121", 10, (32, 32, 3), width=0.1)
    assert "features.denseblock4.denselayer16.added.conv2.weight" in network.named_parameters()
    found = {name: models.NAMED[name] for name in models.NAMED if name.startswith("densenet")}
    assert nn.summary(models.densenet_cifar(**found["densenet100_bc"].options), CIFAR).parameters == 769_162
    assert {entry.input_shape for entry in found.values()} == {IMAGENET, CIFAR}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: models.densenet(122), ValueError, "depth must be 121, 161, 169, 201 or 264; it is 122"),
        (lambda: models.densenet(121, 0), ValueError, "num_classes must be"),
        (lambda: models.densenet(121, growth_rate=0), ValueError, "growth_rate must be"),
        (lambda: models.densenet(121, width=0.0), ValueError, "width must be"),
        (lambda: models.densenet(121, stem="large"), ValueError, "stem must be 'imagenet' or 'small'"),
        (lambda: models.densenet(121, dropout=1), ValueError, "dropout must lie in"),
        (lambda: models.densenet_cifar(41), ValueError, "depth must be 3 n .* without bottlenecks; it is 41"),
        (lambda: models.densenet_cifar(4), ValueError, "depth must be 3 n"),
        (lambda: models.densenet_cifar(43, bottleneck=True), ValueError, "depth must be 6 n .* with bott"),
        (lambda: models.densenet_cifar(40, 0), ValueError, "growth_rate must be"),
        (lambda: models.densenet_cifar(bottleneck=0), TypeError, "bottleneck must be True or False"),
        (lambda: models.densenet_cifar(compression=0), ValueError, "compression must lie in"),
        (lambda: models.densenet_cifar(compression=1.1), ValueError, "compression must lie in"),
        (lambda: models.densenet_cifar(num_classes=0), ValueError, "num_classes must be"),
        (lambda: models.densenet_cifar(dropout=-0.1), ValueError, "dropout must lie in"),
    ],
)
def test_invalid_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()
