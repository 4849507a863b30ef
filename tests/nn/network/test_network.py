"""Networks: bad input, names, files, seeds, plans and their memory, threads and processes."""

import copy
import gc
import hashlib
import pickle
import subprocess
import sys
import threading
import tracemalloc

import numba
import numpy as np
import pytest
from layer_checks import assert_same_bits
from nn.network.models import MODELS
from numba.core.runtime import _nrt_python as allocator

from numgd import nn
from numgd.kernels.cpu.layers import conv
from numgd.kernels.cpu.layers.conv import choose
from numgd.nn.network import network as networks

IMAGE = (8, 8, 3)


def classifier(dtype=np.float32, seed=0, **dense):
    model = nn.Sequential(
        conv=nn.Conv2d(8, 3, padding=1, bias=False),
        norm=nn.BatchNorm(activation="relu"),
        pool=nn.MaxPool2d(2),
        flat=nn.Flatten(),
        drop=nn.Dropout(0.3),
        out=nn.Dense(4, **dense),
    )
    return nn.Network(model, IMAGE, dtype=dtype, seed=seed)


def images(count=6, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, *IMAGE)), random.integers(0, 4, count)


# Bad input ------------------------------------------------------------------------------------------------

UNCHAINED = {
    "dense of images": (
        lambda: nn.Sequential(a=nn.Conv2d(4, 3), b=nn.Dense(2)),
        r"^b: Dense\(.*takes vectors.*Flatten.*got shape \(6, 6, 4\)",
    ),
    "conv of vectors": (
        lambda: nn.Sequential(nn.Flatten(), nn.Sequential(nn.Conv2d(4, 3))),
        r"^1\.0: Conv2d\(.*takes images.*got shape \(192,\)",
    ),
    "window too large": (
        lambda: nn.Sequential(nn.MaxPool2d(2), nn.Residual(nn.Sequential(inner=nn.Conv2d(4, 5)))),
        r"^1\.body\.inner: Conv2d\(channels=4",
    ),
    "pool too large": (lambda: nn.Sequential(p=nn.MaxPool2d(9)), r"^p: MaxPool2d\("),
    "groups": (lambda: nn.Sequential(g=nn.Conv2d(4, 1, groups=2)), r"^g: Conv2d\(.*groups"),
    "group norm": (
        lambda: nn.Sequential(n=nn.GroupNorm(2)),
        r"^n: GroupNorm\(.*takes a multiple of 2 channels, got shape \(8, 8, 3\)",
    ),
    "residual": (
        lambda: nn.Sequential(r=nn.Residual(nn.Conv2d(4, 3))),
        r"^r\.add: Add\(.*one shape, got \(6, 6, 4\), \(8, 8, 3\)",
    ),
    "concat": (
        lambda: nn.Sequential(c=nn.Concat(nn.Identity(), nn.Conv2d(4, 3))),
        r"^c\.concatenate: Concatenate\(.*got \(8, 8, 3\), \(6, 6, 4\)",
    ),
    "two inputs": (
        lambda: nn.Graph(a=nn.Conv2d(3, 1), b=(nn.Conv2d(2, 1), "a", "input")),
        r"^b: Conv2d\(.*takes one input, got 2",
    ),
    "two inputs of a container": (
        lambda: nn.Graph(a=nn.Conv2d(3, 1), b=(nn.Residual(nn.Conv2d(3, 1)), "a", "input")),
        r"^b: Residual takes one input, got 2",
    ),
    "one addend": (lambda: nn.Sequential(nn.Add()), r"^0: Add\(.*two or more inputs"),
    "two layers of one path": (
        lambda: nn.Concat(nn.Identity(), concatenate=nn.Conv2d(1, 1)),
        r"^concatenate: two layers have this path",
    ),
}


@pytest.mark.parametrize("name", UNCHAINED)
def test_shapes_that_do_not_chain(name):
    make, message = UNCHAINED[name]
    with pytest.raises(ValueError, match=message):
        nn.Network(make(), IMAGE)


MISBUILT = {
    "no layer": (lambda: nn.Sequential(3), TypeError, "part '0' must be a layer or container; it is 3"),
    "a class": (lambda: nn.Sequential(nn.Flatten), TypeError, r"a layer is an object: Flatten\("),
    "nothing": (lambda: nn.Sequential(), ValueError, "at least one part"),
    "a dot": (lambda: nn.Sequential(**{"a.b": nn.Flatten()}), ValueError, "no dots"),
    "two of a name": (
        lambda: nn.Sequential(nn.Flatten(), **{"0": nn.Dense(1)}),
        ValueError,
        "'0' is the name",
    ),
    "unknown source": (lambda: nn.Graph(a=(nn.Flatten(), "b")), ValueError, "'a' takes 'b', but before it"),
    "named input": (lambda: nn.Graph(input=nn.Flatten()), ValueError, "name of the input"),
    "activation": (lambda: nn.Dense(3, activation="rely"), ValueError, "activation"),
    "features": (lambda: nn.Dense(0), ValueError, "features"),
    "initialiser": (lambda: nn.Conv2d(3, 3, initialiser="he"), ValueError, "initialiser"),
    "kernel": (lambda: nn.Conv2d(3, 0), ValueError, "kernel_size"),
    "dropout": (lambda: nn.Dropout(1.5), ValueError, "p must"),
    "parameter of none": (lambda: nn.Activation("relu", 0.1), ValueError, "has no parameter"),
    "transposed groups": (lambda: nn.Conv2dTranspose(3, 2, groups=2), ValueError, "multiple of groups=2"),
    "no model": (lambda: nn.Network("dense", (3,)), TypeError, "model must be a layer or container"),
    "input shape": (lambda: nn.Network(nn.Dense(1), (0,)), ValueError, "input_shape must consist"),
    "fractional shape": (lambda: nn.Network(nn.Dense(1), (2.5,)), ValueError, "input_shape must consist"),
    "number as shape": (lambda: nn.Network(nn.Dense(1), 3), TypeError, "input_shape must be a tuple"),
    "dtype": (
        lambda: nn.Network(nn.Dense(1), (3,), dtype=int),
        TypeError,
        "dtype must be float32 or float64",
    ),
    "seed": (lambda: nn.Network(nn.Dense(1), (3,), seed=-1), ValueError, "seed"),
}


@pytest.mark.parametrize("name", MISBUILT)
def test_what_cannot_be_built(name):
    make, kind, message = MISBUILT[name]
    with pytest.raises(kind, match=message):
        make()


@pytest.fixture(scope="module")
def network():
    return classifier()


X, Y = images()
NAN = X.copy()
NAN[4, 2, 2, 1] = np.nan
HUGE = X.copy()
HUGE[3, 0, 0, 0] = 1e300

DATA = {
    "shape": (X[:, :, :4], Y, "cross_entropy", ValueError, r"X must have shape \(N, 8, 8, 3\)"),
    "one sample": (X[0], Y, "cross_entropy", ValueError, r"X must have shape \(N, 8, 8, 3\)"),
    "complex": (X + 0j, Y, "cross_entropy", TypeError, "X must hold real numbers"),
    "strings": (X.astype(str), Y, "cross_entropy", TypeError, "X must hold real numbers"),
    "real labels": (X, Y + 0.0, "cross_entropy", TypeError, "y must be integer labels"),
    "one-hot labels": (X, np.eye(4, dtype=int)[Y], "cross_entropy", ValueError, r"y has shape \(6, 4\)"),
    "label too large": (X, Y * 0 + 4, "cross_entropy", ValueError, "labels from 0 to 3; one is 4"),
    "negative label": (X, Y * 0 - 1, "cross_entropy", ValueError, "labels from 0 to 3; one is -1"),
    "huge label": (X, np.full(6, 2**63, np.uint64), "cross_entropy", ValueError, "labels from 0 to 3"),
    "too few labels": (X, Y[1:], "cross_entropy", ValueError, r"y has shape \(5,\)"),
    "no samples": (X[:0], Y[:0], "cross_entropy", ValueError, "X contains no samples"),
    "targets": (X, np.zeros((6, 3)), "mse", ValueError, r"y has shape \(6, 3\)"),
    "targets that are not finite": (X, np.full((6, 4), np.inf), "mse", ValueError, "y must be finite"),
    "no sign": (X, np.zeros((6, 4)), "hinge", ValueError, "y must be -1 or 1"),
    "no sign of embedding": (X, np.zeros((6, 4)), "hinge_embedding", ValueError, "y must be -1 or 1"),
    "no probability": (
        X, np.full((6, 4), 1.5), "binary_cross_entropy_with_logits", ValueError, "from 0 to 1",
    ),
    "no loss": (X, Y, None, TypeError, "loss must be a name or an object"),
    "unknown loss": (X, Y, "entropy", ValueError, "loss must be one of 'cross_entropy', "),
}  # fmt: skip


@pytest.mark.parametrize("name", DATA)
def test_bad_data(network, name):
    given, wanted, loss, kind, message = DATA[name]
    before = network.state_dict()
    with pytest.raises(kind, match=message):
        network.loss_and_gradient(given, wanted, loss)
    with pytest.raises(kind, match=message):
        network.fit(given, wanted, loss=loss, epochs=1)
    for key, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


def test_numbers_that_are_not_finite(network):
    for given, message in (
        (NAN, "sample 4 holds NaN"),
        (HUGE, "sample 3 holds NaN, inf or more than float32"),
    ):
        for call in (
            lambda X: network.fit(X, Y, loss="cross_entropy", epochs=1),
            lambda X: network.objective("cross_entropy", X, Y),
            lambda X: network.predict(X),
        ):
            with pytest.raises(ValueError, match=message):
                call(given)


def test_seeds_of_a_step(network):
    for seed in (-1, 2**64):
        with pytest.raises(ValueError, match="seed"):
            network.loss_and_gradient(X, Y, "cross_entropy", seed=seed)
    with pytest.raises(TypeError, match="seed"):
        network.loss_and_gradient(X, Y, "cross_entropy", seed=1.5)
    assert network.loss_and_gradient(X, Y, "cross_entropy", seed=2**64 - 1) > 0


def test_batch_norm_needs_several_values():
    network = nn.Network(nn.Sequential(nn.Dense(3), inner=nn.BatchNorm()), (5,))
    with pytest.raises(ValueError, match=r"^inner: BatchNorm\(.*has one value per channel in a batch of one"):
        network.loss_and_gradient(np.zeros((1, 5)), [1], "cross_entropy")
    assert network(np.zeros((1, 5))).shape == (1, 3)
    of_images = classifier()  # whose images have several values per channel
    assert of_images.loss_and_gradient(X[:1], Y[:1], "cross_entropy") > 0


def test_no_samples(network):
    assert network(X[:0]).shape == (0, 4)
    assert network.predict(X[:0]).shape == (0, 4)


# Names, files and copies ----------------------------------------------------------------------------------


def test_assignment_copies():
    network, other = classifier(), classifier(seed=1)
    memory, view = network.parameters, network.named_parameters()["out.weight"]
    network.parameters = other.parameters.astype(np.float64)
    assert network.parameters is memory
    np.testing.assert_array_equal(view, other.named_parameters()["out.weight"])
    network.parameters += 1
    assert network.parameters is memory
    np.testing.assert_array_equal(network.parameters, other.parameters + 1)
    with pytest.raises(ValueError, match="parameters must have shape"):
        network.parameters = np.zeros(3)
    with pytest.raises(ValueError, match="parameters must have shape"):
        network.parameters = 0.0
    with pytest.raises(TypeError, match="parameters must hold real numbers"):
        network.parameters = np.zeros(network.parameters.size, complex)
    np.testing.assert_array_equal(network.parameters, other.parameters + 1)


def spoilt(state, name, array):
    return {**state, name: array}


STATES = {
    "missing": (lambda s: {k: s[k] for k in s if k != "out.bias"}, ValueError, r"missing \['out.bias'\]"),
    "unknown": (lambda s: spoilt(s, "more", np.zeros(1)), ValueError, r"unknown \['more'\]"),
    "shape": (lambda s: spoilt(s, "out.bias", np.zeros(5)), ValueError, r"'out.bias' has shape \(5,\)"),
    "complex": (
        lambda s: spoilt(s, "out.bias", np.zeros(4, complex)),
        TypeError,
        "'out.bias' must hold real",
    ),
    "too large": (
        lambda s: spoilt(s, "out.bias", [0, np.inf, 1e300, 0]),
        ValueError,
        "'out.bias' holds numbers beyond 3.4e\\+38, the largest of float32",
    ),
    "words": (lambda s: spoilt(s, "out.bias", ["a"] * 4), TypeError, "'out.bias' must hold real"),
    "list": (lambda s: list(s), TypeError, "arrays must be a dictionary"),
}


@pytest.mark.parametrize("name", STATES)
def test_arrays_that_do_not_fit(name):
    network = classifier()
    spoil, kind, message = STATES[name]
    state, before = classifier(seed=3).state_dict(), network.state_dict()
    with pytest.raises(kind, match=message):
        network.load_state_dict(spoil(state))
    for key, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_files(tmp_path, suffix, dtype):
    path = tmp_path / f"network.{suffix}"
    network, other = classifier(dtype), classifier(dtype, seed=9)
    network.loss_and_gradient(X, Y, "cross_entropy")  # running statistics
    network.save(path)
    other.load(path)
    np.testing.assert_array_equal(other(X), network(X))
    stranger = nn.Network(nn.Dense(2), (3,))
    before = stranger.parameters.copy()
    with pytest.raises(ValueError, match=r"do not fit the network: missing \['dense.weight', 'dense.bias'\]"):
        stranger.load(path)
    np.testing.assert_array_equal(stranger.parameters, before)
    path.write_bytes(path.read_bytes()[:-40])
    kept = other.state_dict()
    with pytest.raises((OSError, ValueError)):
        other.load(path)
    for key, array in other.state_dict().items():
        np.testing.assert_array_equal(array, kept[key])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_copies(copied):
    network = classifier(np.float64)
    expected = network.loss_and_gradient(X, Y, "cross_entropy", seed=1)  # with a plan
    outputs = network(X)
    other = copied(network)
    np.testing.assert_array_equal(other.gradient, network.gradient)
    np.testing.assert_array_equal(other(X), outputs)
    assert other.loss_and_gradient(X, Y, "cross_entropy", seed=1) == expected
    other.parameters += 1
    np.testing.assert_array_equal(network(X), outputs)
    assert not np.shares_memory(other.parameters, network.parameters)


def test_summary():
    model = nn.Sequential(
        nn.Conv2d(6, 5, activation="relu"), nn.MaxPool2d(2), nn.Conv2d(16, 5, activation="relu"),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dense(120, activation="relu"), nn.Dense(84, activation="relu"),
        nn.Dense(10),
    )  # fmt: skip
    network = nn.Network(model, (32, 32, 1))  # LeNet-5, whose counts are known
    summary = network.summary()
    assert summary.parameters == network.parameters.size == 61_706
    assert summary.multiply_adds == 28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10
    text = str(summary)
    assert "61,706" in text
    assert "28×28×6" in text
    widths = {len(line) for line in text.splitlines() if set(line) == {"-"}}
    assert max(map(len, text.splitlines()[1:])) in widths
    html = network._repr_html_()
    assert html.count("<tr>") == len(summary.rows) + 2
    assert ">61,706</td>" in html
    odd = nn.Network(nn.Sequential(**{"<b>": nn.Dense(1)}), (2,))
    assert "<b>" not in odd._repr_html_()
    assert "&lt;b&gt;" in odd._repr_html_()


def test_undecayed():
    assert set(classifier().undecayed) == {"norm.gamma", "norm.beta", "out.bias"}


# Seeds and initialisers -----------------------------------------------------------------------------------


def test_seeds():
    np.testing.assert_array_equal(classifier(seed=5).parameters, classifier(seed=5).parameters)
    one, other = classifier(seed=5), classifier(seed=6)
    assert not np.array_equal(one.parameters, other.parameters)
    one.reset(6)
    np.testing.assert_array_equal(one.parameters, other.parameters)
    twins = nn.Network(nn.Sequential(a=nn.Dense(4), b=nn.Dense(4)), (4,)).named_parameters()
    assert not np.array_equal(twins["a.weight"], twins["b.weight"])


def test_a_layer_in_two_places_has_two_weights():
    layer = nn.Dense(4)
    network = nn.Network(nn.Sequential(layer, layer), (4,))
    assert list(network.named_parameters()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


FANS = {
    "dense": (nn.Dense, (300,), 300, 200, ()),
    "conv": (nn.Conv2d, (7, 7, 60), 540, 1800, (3,)),
}
VARIANCES = {
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "xavier": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
}


@pytest.mark.parametrize("layer", FANS)
@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize("name", VARIANCES)
def test_variances(name, kind, layer):
    make, shape, fan_in, fan_out, kernel = FANS[layer]
    network = nn.Network(make(200, *kernel, initialiser=f"{name}_{kind}"), shape, dtype=np.float64, seed=1)
    weight, bias = network.named_parameters().values()
    expected = VARIANCES[name](fan_in, fan_out)
    assert weight.var() == pytest.approx(expected, rel=0.03)  # of 60,000 numbers or more
    assert abs(weight.mean()) < 4 * np.sqrt(expected / weight.size)
    fourth = np.mean(weight**4) / expected**2
    assert fourth == pytest.approx(1.8 if kind == "uniform" else 3.0, rel=0.1)
    assert not bias.any()


@pytest.mark.parametrize("features", [5, 40])
def test_orthogonal(features):
    network = nn.Network(nn.Dense(features, initialiser="orthogonal"), (20,), dtype=np.float64)
    weight = network.named_parameters()["dense.weight"]
    product = weight @ weight.T if features < 20 else weight.T @ weight
    np.testing.assert_allclose(product, np.eye(min(features, 20)), atol=1e-12)


# Passes: nothing of the numbers at the time of recording may remain ----------------------------------------


def assert_follows(model, shape, dtype, batch=3):
    """A pass planned while all parameters are 0 computes the same as one planned with the final ones."""
    random = np.random.default_rng(1)
    early, late = (nn.Network(model, shape, dtype=dtype) for _ in range(2))
    late.parameters = random.normal(size=late.parameters.size)
    early.parameters[:] = 0
    X = random.normal(size=(batch, *shape)).astype(dtype)
    target = random.normal(size=(batch, *late.output_shape)).astype(dtype)
    early(0 * X)
    early.loss_and_gradient(0 * X, 0 * target, "mse")
    early.parameters, early.state = late.parameters, late.state
    np.testing.assert_array_equal(early(X), late(X))
    assert early.loss_and_gradient(X, target, "mse") == late.loss_and_gradient(X, target, "mse")
    np.testing.assert_array_equal(early.gradient, late.gradient)


@pytest.mark.parametrize("channels", [1, 2, 4, 8, 24])
@pytest.mark.parametrize("kernel, stride", [(2, 2), (3, 1), (4, 2)])
def test_biases_of_transposed_convolutions(channels, kernel, stride):
    """They were ignored where they were 0 when the pass was recorded."""
    assert_follows(nn.Conv2dTranspose(channels, kernel, stride), (5, 6, 16), np.float64)


GEOMETRIES = [
    (nn.Conv2d(16, 1), (6, 7, 16)),
    (nn.Conv2d(16, 3, padding=1), (9, 7, 16)),
    (nn.Conv2d(8, 5, stride=2, padding=2, activation="relu"), (11, 12, 3)),
    (nn.Conv2d(16, 3, padding=1, groups="depthwise"), (9, 17, 16)),
    (nn.Conv2d(16, (3, 2), groups=4, dilation=2), (9, 8, 16)),
]


@pytest.mark.parametrize("name", [n for n, record in conv.ALGORITHMS.items() if record.work is not None])
def test_any_algorithm_may_be_chosen(name, monkeypatch):
    algorithm, used, chosen = conv.ALGORITHMS[name], [], choose.choose

    def this_one(operation, layer, *result):
        if algorithm.reason_against(layer) is not None:
            return chosen(operation, layer, *result)
        used.append(operation)
        return algorithm

    monkeypatch.setattr(choose, "choose", this_one)
    for layer, shape in GEOMETRIES:
        assert_follows(nn.Sequential(nn.Conv2d(shape[-1], 1), layer), shape, np.float32)
    assert len(set(used)) == 3


def test_the_input_several_times_and_as_output():
    X = np.random.default_rng(2).normal(size=(4, 3))
    for model, expected in (
        (nn.Identity(), X),
        (nn.Dropout(0.5), X),
        (nn.Sequential(nn.Flatten(), nn.Identity()), X),
        (nn.Residual(nn.Identity()), 2 * X),
        (nn.Concat(nn.Identity(), nn.Flatten(), nn.Activation("relu")), np.c_[X, X, np.maximum(X, 0)]),
        (nn.Graph(a=(nn.Add(), "input", "input", "input"), b=nn.Activation("relu")), np.maximum(3 * X, 0)),
    ):
        network = nn.Network(model, (3,), dtype=np.float64)
        np.testing.assert_allclose(network(X), expected, rtol=1e-15)
        loss = network.loss_and_gradient(X, np.zeros_like(expected), "mse", seed=1)
        if not isinstance(model, nn.Dropout):
            assert loss == pytest.approx(np.mean(expected**2))
        assert network.gradient.size == 0


SHARED = {
    "a value twice among several": nn.Graph(
        a=nn.Dense(3), b=(nn.Dense(3), "input"), s=(nn.Add(), "a", "a", "b"), o=nn.Dense(2)
    ),
    "sums that share an addend": nn.Graph(
        x=nn.Dense(3), z=(nn.Dense(3), "input"), w=(nn.Dense(3), "input"), s=(nn.Add(), "x", "z"),
        t=(nn.Add(), "x", "w"), both=(nn.Concatenate(), "s", "t"), o=nn.Dense(2),
    ),
    "sums of sums": nn.Graph(
        a=nn.Dense(3), b=(nn.Add(), "a", "a"), c=(nn.Add("relu"), "b", "a", "b"), d=(nn.Add(), "c", "b", "a"),
        o=nn.Dense(2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_gradients_that_several_values_share(name):
    network = nn.Network(SHARED[name], (4,), dtype=np.float64)
    random = np.random.default_rng(1)
    network.parameters += 0.1 * random.normal(size=network.parameters.size)
    X, target = random.normal(size=(5, 4)), random.normal(size=(5, 2))
    network.loss_and_gradient(X, target, "mse")
    gradient, start, step = network.gradient.copy(), network.parameters.copy(), 1e-6
    for i in range(start.size):
        ends = []
        for sign in (1, -1):
            network.parameters = start
            network.parameters[i] += sign * step
            ends.append(network.loss_and_gradient(X, target, "mse"))
        assert gradient[i] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6, abs=1e-8)


def test_an_interrupted_plan_changes_nothing(monkeypatch):
    network, expected = classifier(), classifier().loss_and_gradient(X, Y, "cross_entropy")
    before = network.state_dict()

    def interrupted(layer, at):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(nn.MaxPool2d, "forward", interrupted)  # after the batch norm, which updates its state
        with pytest.raises(KeyboardInterrupt):
            network.loss_and_gradient(X, Y, "cross_entropy")
    for key, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[key])
    assert network.loss_and_gradient(X, Y, "cross_entropy") == expected


# Plans, memory and chunks ---------------------------------------------------------------------------------


def test_plans_are_kept():
    network = nn.Network(nn.Dense(2), (3,))
    samples = np.ones((20, 3))
    expected = [network(samples[:k]) for k in range(1, 20)]
    assert len(network._plans) == networks.MOST_PLANS
    plan = network._plan(19)
    assert network._plan(19) is plan
    for k in range(1, 20):
        np.testing.assert_array_equal(network(samples[:k]), expected[k - 1])
    network.loss_and_gradient(samples, np.zeros((20, 2)), nn.ElementwiseLoss("mse"))
    first = network._plan(20, nn.ElementwiseLoss("mse"))
    network.loss_and_gradient(samples, np.zeros((20, 2)), "mse")
    assert network._plan(20, nn.ElementwiseLoss("mse")) is first


def test_values_share_memory():
    depth, width = 12, (16, 16, 8)
    model = nn.Sequential(*[nn.Conv2d(8, 3, padding=1, activation="relu") for _ in range(depth)])
    network = nn.Network(model, width)
    value = 4 * np.prod(width) * 4
    inference = network._plan(4)
    assert inference.nbytes <= 4 * value + 4096  # the input, the output, and two between which layers compute
    training = network._plan(4, nn.ElementwiseLoss("mse"))
    assert training.nbytes <= (depth + 4) * value + 4096  # all outputs, but only some gradients
    blocks = {id(tensor.block): tensor.block.nbytes for tensor in training._tensors}
    assert training.nbytes < 0.7 * sum(blocks.values())


def test_plans_and_networks_are_freed_at_once():
    from weakref import ref

    network = classifier()
    network(X)
    network.loss_and_gradient(X, Y, "cross_entropy")
    seen = [ref(network), *(ref(plan) for plan in network._plans.values())]
    del network
    assert [found() for found in seen] == [None] * 3


@pytest.mark.parametrize("chunk", [1, 7])
def test_chunks(chunk, monkeypatch):
    many, _ = images(20)
    expected = classifier(np.float64)(many)
    monkeypatch.setattr(networks, "CHUNK_BYTES", chunk * 8 * 8 * 8 * 8)
    network = classifier(np.float64)
    assert network.chunk == chunk
    np.testing.assert_allclose(network(many), expected, rtol=1e-12)


def test_large_images_are_taken_few_at_a_time():
    network = nn.Network(nn.Conv2d(64, 3, padding=1), (224, 224, 3))
    assert network.chunk == 20


def test_steps_allocate_nothing():
    network = nn.Network(nn.Sequential(nn.Dense(8, activation="tanh"), nn.Dropout(0.1), nn.Dense(2)), (4,))
    X = np.ones((3, 4), np.float32)
    y = np.array([0, 1, 1])

    def kept():
        return allocator.memsys_get_stats_alloc() - allocator.memsys_get_stats_free()

    def steps(count):
        for seed in range(count):
            network.loss_and_gradient(X, y, "cross_entropy", seed)

    steps(100)
    allocator.memsys_enable_stats()
    before = kept()
    tracemalloc.start()
    steps(100)
    gc.collect()
    start, _ = tracemalloc.get_traced_memory()
    steps(10_000)
    gc.collect()
    end, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    after = kept()
    allocator.memsys_disable_stats()
    assert end - start < 5_000  # bytes: less than one per step
    assert after == before


# Threads and processes ------------------------------------------------------------------------------------

LARGE = {
    "conv": nn.Sequential(nn.Conv2d(24, 3, padding=1, activation="relu"), nn.Conv2d(24, 3, stride=2)),
    "norms": nn.Sequential(
        nn.Conv2d(24, 1, bias=False), nn.BatchNorm(activation="relu"), nn.GroupNorm(4), nn.LayerNorm(),
        nn.LocalResponseNorm(3),
    ),
    "depthwise": nn.Sequential(nn.Conv2d(32, 1), nn.Conv2d(32, 3, padding=1, groups="depthwise")),
    "pools": nn.Sequential(nn.Conv2d(16, 5), nn.MaxPool2d(3, 2), nn.Dropout(0.2), nn.AvgPool2d(2)),
    "transposed": nn.Sequential(nn.Conv2d(16, 3, 2), nn.Conv2dTranspose(3, 4, 2)),
    "dense": nn.Sequential(nn.Flatten(), nn.Dense(64, activation="gelu"), nn.Dense(32)),
    "merged": nn.Sequential(
        nn.Concat(nn.Conv2d(8, 1), nn.Identity()), nn.Residual(nn.Conv2d(11, 3, padding=1))
    ),
}  # fmt: skip
SIZE = (30, 28, 3)


def large(name, dtype):
    random = np.random.default_rng(3)
    network = nn.Network(LARGE[name], SIZE, dtype=dtype)
    network.parameters += 0.1 * random.normal(size=network.parameters.size)
    X = random.normal(size=(9, *SIZE)).astype(dtype)
    return network, X, random.normal(size=(9, *network.output_shape)).astype(dtype)


def everything(network, X, target):
    """The outputs, the loss and the gradient."""
    outputs = network(X), network(X[:1])
    loss = network.loss_and_gradient(X, target, "mse", seed=5)
    return *outputs, np.array(loss), network.gradient


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LARGE)
def test_same_bits_for_any_number_of_threads(name, dtype):
    made = large(name, dtype)
    before = made[0].state_dict()

    def call():
        made[0].load_state_dict(before)
        return everything(*made)

    assert_same_bits(call)


def digest():
    """Of what the networks of all layers compute after some steps."""
    found = hashlib.sha256()
    for name in ("pools", "norms", "transposed"):
        network, X, target = large(name, np.float32)
        for _ in range(3):
            for array in everything(network, X, target):
                found.update(array.tobytes())
            network.parameters -= 0.1 * network.gradient
    return found.hexdigest()


def test_the_same_bits_in_the_next_process():
    code = "from nn.network.test_network import digest; print(digest())"
    again = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert again.stdout.split()[-1] == digest()


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core")
def test_a_batch_of_one_uses_all_cores():
    """The work is shared among as many tasks as there are threads, also after it was planned for one."""
    network = nn.Network(nn.Conv2d(32, 3), (40, 40, 3))
    X = np.ones((1, 40, 40, 3))
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        network(X)
        numba.set_num_threads(2)
        network(X)
    finally:
        numba.set_num_threads(before)
    alone, shared = (workers(plan) for plan in network._plans.values())
    assert alone == 1
    assert shared == 2


def workers(plan):
    """Threads that the first convolution of a plan uses."""
    found = [a.workers for _, given in plan._program._calls for a in given if hasattr(a, "workers")]
    return found[0]


def in_threads(*calls):
    """Run functions at the same time; exceptions are raised."""
    failures = []

    def guarded(call):
        try:
            call()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_one_network_in_several_threads():
    network, together = classifier(np.float64), threading.Barrier(4)
    batches = [images(16, seed=seed) for seed in range(4)]
    points = [network.parameters + seed for seed in range(4)]
    expected = [network(X) for X, _ in batches]
    objectives = [network.objective("cross_entropy", *batch) for batch in batches]
    values = [objective(x) for objective, x in zip(objectives, points, strict=True)]

    def use(k):
        together.wait(10)
        for _ in range(100):
            np.testing.assert_array_equal(network(batches[k][0]), expected[k])
            assert objectives[k](points[k]) == values[k]

    in_threads(*(lambda k=k: use(k) for k in range(4)))


def test_networks_in_several_threads():
    made = [(classifier(seed=k), *images(6 + k, seed=k)) for k in range(3)]

    def train(network, X, y):
        found = []
        for seed in range(60):
            found.append(network.loss_and_gradient(X, y, "cross_entropy", seed))
            network.parameters -= np.float32(0.05) * network.gradient
        return found

    expected = [train(classifier(seed=k), X, y) for k, (_, X, y) in enumerate(made)]
    found = [None] * 3

    def work(k):
        found[k] = train(*made[k])

    in_threads(*(lambda k=k: work(k) for k in range(3)))
    assert found == expected


def test_models_cover_every_layer():
    """The tests over `MODELS` are about all of them."""
    used = set()
    for shape, model in MODELS.values():
        used |= {type(node.layer).__name__ for node in nn.Network(model, shape).wiring.nodes}
    public = {name for name, home in nn._MODULE_OF.items() if home == "numgd.nn.layers"}
    assert public - used == {"Layer"}
