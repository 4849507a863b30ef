"""Numbers of parameters and multiply-adds, shapes, names and arguments of the Inception networks."""

from typing import NamedTuple

import numpy as np
import pytest
from nn.models.in_torchvision import shapes_by_torch_name, shapes_in_torchvision, torchvision_models

import numgd
from numgd import nn
from numgd.nn import models
from numgd.nn.network.wiring import wired


class Published(NamedTuple):
    """What is published about a model."""

    make: object
    options: dict
    size: int
    parameters: int
    multiply_adds: float  # in 10⁹
    source: str


TORCHVISION = "num_params and _ops (GFLOPS, of multiply-adds) of the weights in torchvision 0.28"
TIMM = "timm's module; GMACs in its results/benchmark-infer-amp-nchw-pt110-cu113-rtx3090.csv"

PUBLISHED = {
    "googlenet": Published(models.googlenet, {}, 224, 6_624_904, 1.498, TORCHVISION),
    "inception v3": Published(models.inception_v3, {"auxiliary": True}, 299, 27_161_264, 5.713, TORCHVISION),
    "inception v4": Published(models.inception_v4, {}, 299, 42_679_816, 12.28, TIMM),
    "inception resnet v2": Published(models.inception_resnet_v2, {}, 299, 55_843_464, 13.18, TIMM),
}


def summary_of(make, size, colours=3, **options):
    return nn.summary(make(**options), input_shape=(size, size, colours))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name):
    case = PUBLISHED[name]
    found = summary_of(case.make, case.size, **case.options)
    assert found.parameters == case.parameters, case.source
    assert found.multiply_adds == pytest.approx(1e9 * case.multiply_adds, rel=3e-3), case.source


@pytest.mark.parametrize(
    ("make", "options", "size", "parameters", "source"),
    [
        (models.googlenet, {"auxiliary": True}, 224, 13_004_888, "torchvision's module with aux_logits"),
        (models.googlenet, {"variant": "paper"}, 224, 6_998_552, "Caffe's bvlc_googlenet"),
        (models.inception_v2, {}, 224, 11_295_240, "BN-Inception in `pretrainedmodels`"),
        (models.inception_v3, {}, 299, 23_834_568, "torchvision's module without aux_logits"),
    ],
)
def test_other_counts(make, options, size, parameters, source):
    assert summary_of(make, size, **options).parameters == parameters, source


def test_counts_that_the_papers_state():
    """In round numbers."""
    googlenet = summary_of(models.googlenet, 224, variant="paper")
    assert googlenet.multiply_adds == pytest.approx(1.5e9, rel=0.06)  # Szegedy et al. (2015), section 1
    v3 = summary_of(models.inception_v3, 299)
    assert v3.parameters < 25e6  # Szegedy et al. (2016), abstract
    assert v3.multiply_adds == pytest.approx(5e9, rel=0.15)  # the same
    v2, plain = (
        summary_of(models.inception_v2, 224, variant="paper"),
        summary_of(models.googlenet, 224, variant="paper"),
    )
    # Two convolutions of 3×3 in place of one of 5×5 and other widths: 30% more (Ioffe and Szegedy, appendix).
    assert v2.multiply_adds == pytest.approx(1.3 * plain.multiply_adds, rel=0.1)


TABLE_1 = {
    "conv1": (112, 64, None, None), "conv3": (56, 192, None, None), "maxpool2": (28, 192, None, None),
    "inception3a": (28, 256, 159, 128), "inception3b": (28, 480, 380, 304), "maxpool3": (14, 480, None, None),
    "inception4a": (14, 512, 364, 73), "inception4b": (14, 512, 437, 88), "inception4c": (14, 512, 463, 100),
    "inception4d": (14, 528, 580, 119), "inception4e": (14, 832, 840, 170), "maxpool4": (7, 832, None, None),
    "inception5a": (7, 832, 1072, 54), "inception5b": (7, 1024, 1388, 71), "fc": (None, 1000, 1000, 1),
}  # fmt: skip
"""Szegedy et al. (2015): sizes and channels of results, parameters in 1024, multiply-adds in 10⁶."""


@pytest.mark.parametrize("variant", ["paper", "torchvision"])
def test_sizes_of_googlenet(variant):
    rows = {row.name: row.shape for row in summary_of(models.googlenet, 224, variant=variant).rows}
    for name, (size, channels, _, _) in TABLE_1.items():
        shape = next(rows[f"{name}{end}"] for end in ("", ".concatenate", ".bn") if f"{name}{end}" in rows)
        assert shape == ((channels,) if size is None else (size, size, channels)), name


def test_modules_of_googlenet():
    """Without biases, which the table leaves out; not all of its numbers follow from its filters."""
    rows = summary_of(models.googlenet, 224, variant="paper").rows
    biases = {row.name: row.shape[-1] for row in rows if row.multiply_adds}
    for name, (_, _, parameters, multiply_adds) in TABLE_1.items():
        if parameters is None:
            continue
        inside = [row for row in rows if row.name.split(".")[0] == name]
        weights = sum(row.parameters - biases.get(row.name, 0) for row in inside)
        assert weights / 1024 == pytest.approx(parameters, rel=0.08), name
        total = sum(row.multiply_adds for row in inside) / 1e6
        assert total == pytest.approx(multiply_adds, rel=0.06 if name == "inception5a" else 0.03), name


FIGURES = {
    # Ioffe and Szegedy (2015), figure 5, which gives modules of stride 2 the size before it.
    "inception v2": (models.inception_v2, {"variant": "paper"}, 224, {
        "conv1_7x7_s2.bn": (112, 64), "conv2_3x3.bn": (56, 192), "pool2_3x3_s2": (28, 192),
        "inception_3a": (28, 256), "inception_3b": (28, 320), "inception_3c": (14, 576),
        "inception_4a": (14, 576), "inception_4b": (14, 576), "inception_4c": (14, 576),
        "inception_4d": (14, 576), "inception_4e": (7, 1024), "inception_5a": (7, 1024),
        "inception_5b": (7, 1024),
    }),
    # Szegedy et al. (2016), table 1: inputs of the modules.
    "inception v3": (models.inception_v3, {"auxiliary": True}, 299, {
        "Conv2d_1a_3x3.bn": (149, 32), "Conv2d_2a_3x3.bn": (147, 32), "Conv2d_2b_3x3.bn": (147, 64),
        "maxpool1": (73, 64), "Conv2d_4a_3x3.bn": (71, 192), "Mixed_5d": (35, 288), "Mixed_6a": (17, 768),
        "Mixed_6e": (17, 768), "AuxLogits.pool": (5, 768), "AuxLogits.conv1.bn": (1, 768),
        "Mixed_7a": (8, 1280), "Mixed_7b": (8, 2048), "Mixed_7c": (8, 2048),
    }),
    # Szegedy et al. (2017), figures 3 and 9.
    "inception v4": (models.inception_v4, {}, 299, {
        "features.2.bn": (147, 64), "features.3": (73, 160), "features.4": (71, 192), "features.5": (35, 384),
        "features.9": (35, 384), "features.10": (17, 1024), "features.17": (17, 1024),
        "features.18": (8, 1536), "features.21": (8, 1536),
    }),
    # As published in TF-Slim.
    "inception resnet v2": (models.inception_resnet_v2, {}, 299, {
        "maxpool_5a": (35, 192), "mixed_5b": (35, 320), "repeat.9.add": (35, 320), "mixed_6a": (17, 1088),
        "repeat_1.19.add": (17, 1088), "mixed_7a": (8, 2080), "block8.add": (8, 2080),
        "conv2d_7b.bn": (8, 1536),
    }),
}  # fmt: skip
"""Sizes and channels of results."""


@pytest.mark.parametrize("name", FIGURES)
def test_sizes(name):
    make, options, size, expected = FIGURES[name]
    rows = {row.name: row.shape for row in summary_of(make, size, **options).rows}
    for path, (side, channels) in expected.items():
        assert rows.get(path, rows.get(f"{path}.concatenate")) == (side, side, channels), path


@pytest.mark.parametrize("auxiliary", [False, True])
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_names_and_shapes_in_torchvision(name, auxiliary):
    make = getattr(torchvision_models(), name)
    model, size = getattr(models, name)(auxiliary=auxiliary), 299 if name == "inception_v3" else 224
    found = shapes_by_torch_name(wired(model, (size, size, 3)), model.torch_names)
    assert found == shapes_in_torchvision(lambda: make(aux_logits=auxiliary, init_weights=False))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "inception_v2",
            {
                "conv1_7x7_s2.bias": (64,),
                "conv1_7x7_s2_bn.running_var": (64,),
                "inception_3a_double_3x3_reduce_bn.bias": (64,),
                "inception_4e_double_3x3_2.weight": (256, 256, 3, 3),
                "inception_5b_1x1.weight": (352, 1024, 1, 1),
                "inception_5b_pool_proj_bn.weight": (128,),
                "last_linear.weight": (1000, 1024),
            },
        ),
        (
            "inception_v4",
            {
                "features.3.conv.conv.weight": (96, 64, 3, 3),
                "features.4.branch1.2.conv.weight": (64, 64, 7, 1),
                "features.10.branch0.bn.running_mean": (384,),
                "features.21.branch1_1b.conv.weight": (256, 384, 3, 1),
                "features.21.branch2_3a.bn.weight": (256,),
                "features.21.branch3.1.conv.weight": (256, 1536, 1, 1),
                "last_linear.bias": (1000,),
            },
        ),
        (
            "inception_resnet_v2",
            {
                "conv2d_1a.conv.weight": (32, 3, 3, 3),
                "mixed_5b.branch3.1.bn.weight": (64,),
                "repeat.9.branch2.2.conv.weight": (64, 48, 3, 3),
                "repeat_1.19.conv2d.bias": (1088,),
                "block8.branch1.1.conv.weight": (224, 192, 1, 3),
                "last_linear.weight": (1000, 1536),
            },
        ),
    ],
)
def test_names_in_pretrainedmodels(name, expected):
    model, size = models.NAMED[name].make(), models.NAMED[name].input_shape
    found = shapes_by_torch_name(wired(model, size), model.torch_names)
    assert {path: found.get(path) for path in expected} == expected
    parts = {part for path in found for part in path.split(".")}
    assert not parts & {"body", "branches", "both", "branch_3x3", "branch_double"}


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (models.googlenet, 64),
        (models.inception_v2, 64),
        (models.inception_v3, 75),
        (models.inception_v4, 75),
        (models.inception_resnet_v2, 75),
    ],
)
def test_width(make, size):
    """Weights are about as the square; the last layer has as many inputs as the width says."""
    full, half = (nn.summary(make(num_classes=7, width=w), (size, size, 3)) for w in (1.0, 0.5))
    assert half.parameters == pytest.approx(full.parameters / 4, rel=0.02)
    for width in (1e-9, 0.013, 0.3, 1.7):
        assert nn.summary(make(num_classes=7, width=width), (size, size, 3)).rows[-1].shape == (7,)


@pytest.mark.parametrize("make", [models.googlenet, models.inception_v2])
@pytest.mark.parametrize("size", [8, 9, 28, 32, 33])
def test_small_images(make, size):
    """The first modules have the size of the image."""
    rows = summary_of(make, size, colours=1, stem="small", width=0.1, num_classes=10).rows
    first = next(row for row in rows if row.name.endswith("3a.concatenate"))
    assert first.shape[:2] == (size, size)
    assert rows[-1].shape == (10,)


@pytest.mark.parametrize(
    "make", [models.googlenet, pytest.param(models.inception_v2, marks=pytest.mark.slow)]
)
def test_digits(make):
    digits = numgd.datasets.digits()
    train, test = numgd.datasets.split(digits, seed=0)
    network = nn.Network(make(10, stem="small", width=0.1), (8, 8, 1))
    options = {"optimizer": numgd.Adam(0.01), "epochs": 6, "batch_size": 64}
    network.fit(train.X, train.y, loss="cross_entropy", **options)
    assert network.evaluate(test.X, test.y, loss="cross_entropy")["accuracy"] > 0.8


@pytest.mark.parametrize(
    ("make", "options", "size", "layer"),
    [
        (models.googlenet, {}, 4, "maxpool1"),
        (models.googlenet, {"variant": "paper", "auxiliary": True, "stem": "small"}, 8, "aux1.pool"),
        (models.inception_v3, {}, 74, "Mixed_7a.branch3x3.branch3x3_2.conv"),
        (models.inception_v3, {"auxiliary": True}, 298, "AuxLogits.conv1.conv"),
        (models.inception_v4, {}, 74, "features.18.branch0.1.conv"),
        (models.inception_resnet_v2, {}, 74, "mixed_7a.branch0.1.conv"),
    ],
)
def test_images_that_are_too_small(make, options, size, layer):
    with pytest.raises(ValueError, match=rf"^{layer}: .*(larger|more) than the padded"):
        summary_of(make, size, **options)


def test_residual_branches_are_scaled():
    """Section 3.3 of Szegedy et al. (2017); the last block has neither a factor nor a ReLU."""
    wiring = wired(models.inception_resnet_v2(width=0.1), (75, 75, 3))
    factors = {node.path: node.layer.factor for node in wiring.nodes if isinstance(node.layer, nn.Scale)}
    expected = {f"repeat.{k}": 0.17 for k in range(10)} | {f"repeat_1.{k}": 0.1 for k in range(20)}
    expected |= {f"repeat_2.{k}": 0.2 for k in range(9)} | {"block8": 1.0}
    assert factors == {f"{path}.body.scale": factor for path, factor in expected.items()}
    sums = {node.path: node.activation for node in wiring.nodes if isinstance(node.layer, nn.Add)}
    assert sums.pop("block8.add") is None and set(sums.values()) == {"relu"}


@pytest.mark.parametrize("name", [name for name in models.NAMED if name.startswith(("googlenet", "incep"))])
def test_by_name(name):
    entry = models.NAMED[name]
    found = nn.summary(entry.make(num_classes=3, width=0.1, **entry.options), entry.input_shape)
    assert found.rows[-1].shape == (3,)
    network = models.create(name, 3, entry.input_shape, width=0.05)
    assert network.output_shape == (3,)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: models.googlenet(0), ValueError, "num_classes must be"),
        (lambda: models.googlenet(variant="caffe"), ValueError, "variant must be 'torchvision' or 'paper'"),
        (lambda: models.googlenet(auxiliary=1), TypeError, "auxiliary must be True or False"),
        (lambda: models.googlenet(width=0), ValueError, "width must"),
        (lambda: models.googlenet(width="1"), TypeError, "width must be a number"),
        (lambda: models.googlenet(stem="cifar"), ValueError, "stem must be 'imagenet' or 'small'"),
        (
            lambda: models.inception_v2(variant="torchvision"),
            ValueError,
            "variant must be 'caffe' or 'paper'",
        ),
        (lambda: models.inception_v2(stem=3), ValueError, "stem must be"),
        (lambda: models.inception_v3(10.0), TypeError, "num_classes must be an integer"),
        (lambda: models.inception_v3(dropout=1.0), ValueError, "dropout must lie in"),
        (lambda: models.inception_v4(dropout=-0.1), ValueError, "dropout must lie in"),
        (lambda: models.inception_v4(width=np.inf), ValueError, "width must"),
        (lambda: models.inception_resnet_v2(num_classes=True), TypeError, "num_classes must be an integer"),
        (lambda: models.inception_resnet_v2(width=-1.0), ValueError, "width must"),
    ],
)
def test_invalid_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()
