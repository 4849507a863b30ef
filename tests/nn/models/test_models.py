"""Shapes, numbers of parameters, initial numbers and arguments of the models."""

import numpy as np
import pytest
from nn.models.cases import CASES

from numgd import nn
from numgd.nn import models
from numgd.nn.models.digit_bitmaps import digit_bitmaps


def network_of(name, **options):
    case = CASES[name]
    return nn.Network(case.make(**case.options), case.shape, **options)


@pytest.mark.parametrize("name", CASES)
def test_number_of_parameters(name):
    network = network_of(name)
    assert network.parameters.size == CASES[name].parameters, CASES[name].source
    assert network.output_shape == (CASES[name].options.get("num_classes", 10),)


def by_part(network):
    found = {}
    for name, array in network.named_parameters().items():
        part = name.split(".")[0]
        found[part] = found.get(part, 0) + array.size
    return found


def test_parameters_of_lenet_by_layer():
    """Section II.B of the paper states each of these."""
    expected = {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert by_part(network_of("lenet5 1998")) == expected
    expected = {"c1": 156, "c3": 2416, "c5": 48_120, "f6": 10_164, "out": 850}
    assert by_part(network_of("lenet5")) == expected


def test_shapes_of_lenet_1998():
    """The sizes of maps in the paper's figure 2."""
    rows = {row.name: row.shape for row in network_of("lenet5 1998").summary().rows}
    expected = {
        "c1": (28, 28, 6), "s2": (14, 14, 6), "c3": (10, 10, 16), "s4": (5, 5, 16), "c5": (1, 1, 120),
        "f6": (84,), "out": (10,),
    }  # fmt: skip
    assert {name: rows[name] for name in expected} == expected


def test_the_table_of_connections_has_the_stated_structure():
    """Section II.B: six maps take three neighbours, six take four, three take four others, one takes all."""
    table = models.lenet.C3_CONNECTIONS
    cyclic = lambda n: {frozenset((first + k) % 6 for k in range(n)) for first in range(6)}  # noqa: E731
    sets = [frozenset(row) for row in table]
    assert set(sets[:6]) == cyclic(3)
    assert set(sets[6:12]) == cyclic(4)
    assert [len(s) for s in sets[12:]] == [4, 4, 4, 6]
    assert len(set(sets)) == 16 and not set(sets[12:15]) & cyclic(4)
    assert sum(map(len, table)) == 60


def test_initial_weights_of_lenet_1998():
    """Within ±2.4 / fan-in, and close to these ends (appendix A)."""
    network = network_of("lenet5 1998")
    arrays = network.named_parameters()
    for name, fan_in in {"c1": 25, "c5": 400, "f6": 120}.items():
        largest = np.abs(arrays[f"{name}.weight"]).max()
        assert 0.9 * 2.4 / fan_in < largest <= 2.4 / fan_in * (1 + 1e-6)
    kernels = iter(arrays["c3.weight"])
    for row in models.lenet.C3_CONNECTIONS:
        largest = max(np.abs(next(kernels)).max() for _ in row)
        bound = 2.4 / (25 * len(row))
        assert 0.8 * bound < largest <= bound * (1 + 1e-6)
    for name, array in arrays.items():
        if name.endswith((".bias", ".beta")):
            assert not array.any()
        if name.endswith(".gamma"):
            assert (array == 1).all()


def test_digit_bitmaps():
    found = digit_bitmaps()
    assert found.shape == (10, 84) and set(np.unique(found)) == {-1.0, 1.0}
    distances = ((found[:, None] - found) ** 2).sum(-1) / 4  # pixels that differ
    assert distances[~np.eye(10, dtype=bool)].min() >= 4
    images = found.reshape(10, 12, 7)
    np.testing.assert_array_equal(images[0], images[0][:, ::-1])  # 0 and 8 are symmetric, rows are rows
    np.testing.assert_array_equal(images[8], images[8][:, ::-1])


def test_a_network_at_a_bitmap_recognises_its_digit():
    """With F6 forced to a digit's code, that digit's output is the largest, and it is 0."""
    network = network_of("lenet5 1998", dtype=np.float64)
    network.parameters[:] = 0
    for digit, code in enumerate(digit_bitmaps()):
        network.named_parameters()["f6.bias"][:] = 1.5 * np.arctanh(code / 1.7159)
        outputs = network(np.zeros((1, 32, 32, 1)))[0]
        assert outputs.argmax() == digit and outputs[digit] == pytest.approx(0, abs=1e-12)


def test_blocks_start_as_the_identity_if_asked():
    """With γ = 0 at their ends, blocks pass on non-negative numbers unchanged."""
    shape, X = (32, 32, 3), np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    deep, shallow = (
        nn.Network(models.resnet_cifar(depth, zero_gamma=True), shape, dtype=np.float64) for depth in (20, 8)
    )
    for network in (deep, shallow):
        gammas = [g for name, g in network.named_parameters().items() if name.endswith("bn2.gamma")]
        assert len(gammas) == (9 if network is deep else 3) and not np.concatenate(gammas).any()
    for name in ("conv1.weight", "bn1.gamma", "bn1.beta", "fc.weight", "fc.bias"):
        deep.named_parameters()[name][:] = shallow.named_parameters()[name]
    np.testing.assert_array_equal(deep(X), shallow(X))
    plain = nn.Network(models.resnet_cifar(8), shape).named_parameters()
    assert all((array == 1).all() for name, array in plain.items() if name.endswith("gamma"))


def test_convolutions_of_resnets_start_as_he_normal():
    weight = network_of("resnet56").named_parameters()["layer3.1.body.conv1.weight"]
    assert np.std(weight) == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: models.mlp(3), TypeError, "widths must be a sequence; it is 3"),
        (lambda: models.mlp([3, 0]), ValueError, r"widths\[1\] must be .*; it is 0"),
        (lambda: models.mlp([3], 0), ValueError, "num_classes must be"),
        (lambda: models.mlp([3], 2.5), TypeError, "num_classes must be an integer"),
        (lambda: models.mlp([3], activation="what"), ValueError, "activation must be"),
        (lambda: models.mlp([3], dropout=1), ValueError, "dropout must lie in"),
        (lambda: models.mlp([3], batch_norm=1), TypeError, "batch_norm must be True or False"),
        (lambda: models.mlp([3], initialiser="x"), ValueError, "initialiser must be"),
        (lambda: models.lenet5("1999"), ValueError, "variant must be 'common' or '1998'"),
        (lambda: models.lenet5(num_classes=-1), ValueError, "num_classes must be"),
        (lambda: models.lenet5(activation="what"), ValueError, "activation must be"),
        (lambda: models.lenet5(pool="median"), ValueError, "pool must be"),
        (lambda: models.lenet5(padding=-1), ValueError, "padding must be"),
        (lambda: models.lenet5("1998", 9), ValueError, "num_classes must be 10"),
        (lambda: models.lenet5("1998", activation="relu"), ValueError, "activation belongs to"),
        (lambda: models.lenet5("1998", pool="max"), ValueError, "pool belongs to"),
        (lambda: models.lenet5("1998", padding=0), ValueError, "padding belongs to"),
        (lambda: models.resnet_cifar(21), ValueError, "depth must be 6 n"),
        (lambda: models.resnet_cifar(2), ValueError, "depth must be 6 n"),
        (lambda: models.resnet_cifar(20.0), TypeError, "depth must be an integer"),
        (lambda: models.resnet_cifar(20, "C"), ValueError, "shortcut must be 'A' or 'B'"),
        (lambda: models.resnet_cifar(20, width=0), ValueError, "width must be"),
        (lambda: models.resnet_cifar(20, zero_gamma=0), TypeError, "zero_gamma must be True or False"),
    ],
)
def test_invalid_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()
