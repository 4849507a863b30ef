"""ResNet, with and without pre-activation, and ResNeXt: counts as published, options, and arguments.

Counts are those of summaries, which allocate no parameters.
"""

import numpy as np
import pytest

from numgd import nn
from numgd.nn import models

IMAGE = (224, 224, 3)


def counted(make, *arguments, **options):
    return nn.summary(make(*arguments, **options), IMAGE)


@pytest.mark.parametrize(
    ("name", "parameters", "giga_multiply_adds"),
    [
        ("resnet18", 11_689_512, 1.814),
        ("resnet34", 21_797_672, 3.664),
        ("resnet50", 25_557_032, 4.089),
        ("resnet101", 44_549_160, 7.801),
        ("resnet152", 60_192_808, 11.514),
        ("resnext50_32x4d", 25_028_904, 4.230),
        ("resnext101_32x8d", 88_791_336, 16.414),
        ("resnext101_64x4d", 83_455_272, 15.460),
    ],
)
def test_counts_of_torchvision(name, parameters, giga_multiply_adds):
    """`num_params` and `_ops` in the weights' metadata of torchvision 0.28.

    Both count convolutions, those of shortcuts included, and the dense layer; torchvision has three decimals.
    """
    make, shape, options = models.NAMED[name]
    found = nn.summary(make(**options), shape)
    assert found.parameters == parameters
    assert found.multiply_adds / 1e9 == pytest.approx(giga_multiply_adds, abs=0.00051)


@pytest.mark.parametrize(
    ("depth", "stated"), [(18, 1.8e9), (34, 3.6e9), (50, 3.8e9), (101, 7.6e9), (152, 11.3e9)]
)
def test_multiply_adds_of_the_paper(depth, stated):
    """He et al. (2016), table 1.  Counted are all convolutions, projections included, and the dense layer.

    The paper states two or three digits; the largest difference is that of depth 34, 3.66 instead of 3.6.
    """
    paper = counted(models.resnet, depth, variant="paper")
    assert paper.multiply_adds == pytest.approx(stated, rel=0.02)
    assert paper.parameters == counted(models.resnet, depth).parameters


@pytest.mark.parametrize(
    ("model", "parameters", "multiply_adds"),
    [(models.resnet(50), 25.5e6, 4.1e9), (models.resnext(50), 25.0e6, 4.2e9)],
    ids=["ResNet-50", "ResNeXt-50 (32×4d)"],
)
def test_counts_of_the_paper_on_resnext(model, parameters, multiply_adds):
    """Xie et al. (2017), table 1, to two or three digits."""
    found = nn.summary(model, IMAGE)
    assert found.parameters == pytest.approx(parameters, rel=0.005)
    assert found.multiply_adds == pytest.approx(multiply_adds, rel=0.01)


def test_resnext101_has_about_half_of_the_multiply_adds_of_resnet200():
    """ "50% complexity" (Xie et al. (2017), section 1): counted as above, it is 53 or 54 per cent."""
    small = counted(models.resnext, 101).multiply_adds
    assert small == 7_969_996_800
    for large, share in {
        counted(models.resnet, 200): 0.531,
        counted(models.resnet, 200, variant="paper"): 0.539,
        counted(models.resnet_v2, 200): 0.539,
    }.items():
        assert small / large.multiply_adds == pytest.approx(share, abs=0.0005)


@pytest.mark.parametrize(("depth", "numbers"), [(50, 25_613_800), (101, 44_675_560), (152, 60_380_648)])
def test_counts_of_keras(depth, numbers):
    """`count_params()` of ResNet50V2, ResNet101V2 and ResNet152V2, with the moving statistics."""
    found = counted(models.resnet_v2, depth, variant="keras")
    assert found.parameters + found.states == numbers


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152, 200])
def test_pre_activation_has_no_norms_of_projections(depth):
    """The norm at the end of a block has become that at the beginning of the next one, or the last norm."""
    projections = [128, 256, 512] if depth < 50 else [256, 512, 1024, 2048]
    first, second = counted(models.resnet, depth, variant="paper"), counted(models.resnet_v2, depth)
    assert first.parameters - second.parameters == 2 * sum(projections)
    assert first.states - second.states == 2 * sum(projections)
    assert first.multiply_adds == second.multiply_adds


@pytest.mark.parametrize(
    ("model", "ends"),
    [
        (models.resnet(34), [56, 28, 14, 7]),
        (models.resnet(200), [56, 28, 14, 7]),
        (models.resnet_v2(101), [56, 28, 14, 7]),
        (models.resnet_v2(50, variant="keras"), [28, 14, 7, 7]),
    ],
    ids=["34", "200", "101, version 2", "50, Keras"],
)
def test_sizes_of_images(model, ends):
    """Table 1 of the paper; in Keras the last block of a stage has the stride."""
    shapes = {row.name.split(".")[0]: row.shape for row in nn.summary(model, IMAGE).rows}
    assert [shapes[f"layer{stage}"][0] for stage in (1, 2, 3, 4)] == ends
    assert shapes["conv1"] == (112, 112, 64) and shapes["maxpool"] == (56, 56, 64)


@pytest.mark.parametrize(("depth", "millions"), [(164, 1.7), (1001, 10.2)])
def test_parameters_of_pre_activation_for_cifar(depth, millions):
    """As stated by S. Zagoruyko and N. Komodakis, Wide residual networks, BMVC (2016), table 5."""
    found = nn.summary(models.resnet_v2_cifar(depth), (32, 32, 3))
    assert found.parameters / 1e6 == pytest.approx(millions, rel=0.015)


def test_depth_is_the_number_of_layers_with_weights():
    """Shortcuts do not count."""
    families = [getattr(models, name) for name in models.__all__ if name.startswith("res")]
    for name, (make, shape, options) in models.NAMED.items():
        if make in families:
            rows = nn.summary(make(**options), shape).rows
            weighted = [
                row
                for row in rows
                if row.layer.startswith(("Conv2d", "Dense")) and "shortcut" not in row.name
            ]
            assert len(weighted) == options["depth"], name


@pytest.mark.parametrize(
    ("model", "channels"),
    [
        (models.resnet(50, width=0.5), [32, 32, 128, 64, 256, 128, 512, 256, 1024]),
        (models.resnet(50, width=1.26), [81, 81, 324, 162, 648, 324, 1296, 648, 2592]),
        (models.resnet_v2(50, width=0.5), [32, 32, 128, 64, 256, 128, 512, 256, 1024]),
        (models.resnext(50, width=0.5), [32, 64, 128, 128, 256, 256, 512, 512, 1024]),
        (models.resnet(101, width=0.001), [1, 1, 4, 2, 8, 4, 16, 8, 32]),
    ],
    ids=["ResNet", "rounded", "version 2", "ResNeXt", "at least one"],
)
def test_width_multiplies_all_numbers_of_channels(model, channels):
    rows = {row.name.replace(".body", ""): row.shape for row in nn.summary(model, (64, 64, 3)).rows}
    names = ["conv1", *(f"layer{s}.0.conv{c}" for s in (1, 2, 3, 4) for c in (1, 3))]
    assert [rows[name][2] for name in names] == channels


@pytest.mark.parametrize("size", [8, 32, 64])
@pytest.mark.parametrize("make", [models.resnet, models.resnet_v2, models.resnext])
def test_small_stem(make, size):
    rows = nn.summary(make(50, 10, stem="small"), (size, size, 1)).rows
    shapes = {row.name.split(".")[0]: row.shape for row in rows}
    assert shapes["conv1"] == (size, size, 64) and "maxpool" not in shapes
    assert shapes["layer4"] == (size // 8, size // 8, 2048) and rows[-1].shape == (10,)


@pytest.mark.parametrize(
    ("make", "depth", "last", "blocks"),
    [(models.resnet, 18, "bn2", 8), (models.resnet, 50, "bn3", 16), (models.resnext, 50, "bn3", 16)],
)
def test_zero_gamma(make, depth, last, blocks):
    """The last norm of each block starts with γ = 0, and no other."""
    model = make(depth, 3, width=0.05, stem="small", zero_gamma=True)
    gammas = {
        name: array
        for name, array in nn.Network(model, (8, 8, 3)).named_parameters().items()
        if name.endswith("gamma")
    }
    zero = [name for name, array in gammas.items() if not array.any()]
    assert len(zero) == blocks and all(f".body.{last}." in name for name in zero)
    assert all((gammas[name] == 1).all() for name in gammas if name not in zero)


def test_weights_start_as_he_normal():
    network = nn.Network(models.resnext(50, width=0.5, stem="small"), (8, 8, 3))
    arrays = network.named_parameters()
    for name, inputs in {"layer3.1.body.conv2": 9 * 8, "layer4.0.shortcut.0": 512, "fc": 1024}.items():
        assert np.std(arrays[f"{name}.weight"]) == pytest.approx(np.sqrt(2 / inputs), rel=0.02)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: models.resnet(51), ValueError, "depth must be 18, 34, 50, 101, 152 or 200; it is 51"),
        (lambda: models.resnet("50"), ValueError, "depth must be"),
        (lambda: models.resnet(50, 0), ValueError, "num_classes must be"),
        (lambda: models.resnet(50, variant="keras"), ValueError, "variant must be 'torchvision' or 'paper'"),
        (lambda: models.resnet(50, width=0), ValueError, "width must be"),
        (lambda: models.resnet(50, width=float("inf")), ValueError, "width must be"),
        (lambda: models.resnet(50, stem="cifar"), ValueError, "stem must be 'imagenet' or 'small'"),
        (lambda: models.resnet(50, zero_gamma=1), TypeError, "zero_gamma must be True or False"),
        (lambda: models.resnet_v2(20), ValueError, "depth must be"),
        (
            lambda: models.resnet_v2(50, variant="torchvision"),
            ValueError,
            "variant must be 'paper' or 'keras'",
        ),
        (lambda: models.resnet_v2(34, variant="keras"), ValueError, "variant 'keras' has no depth 34"),
        (lambda: models.resnet_v2(50, width="1"), TypeError, "width must be a number"),
        (lambda: models.resnet_v2_cifar(2), ValueError, "depth must be 9 n"),
        (lambda: models.resnet_v2_cifar(111), ValueError, "depth must be 9 n .* it is 111"),
        (lambda: models.resnext(18), ValueError, "depth must be 50, 101, 152 or 200"),
        (lambda: models.resnext(50, cardinality=0), ValueError, "cardinality must be"),
        (lambda: models.resnext(50, base_width=1.5), TypeError, "base_width must be an integer"),
        (lambda: models.create("resnet50_v2"), ValueError, "near it are .*'resnet50v2'"),
    ],
)
def test_invalid_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()
