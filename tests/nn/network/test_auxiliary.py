"""Auxiliary classifiers: their loss in training, and that inference does without them."""

import copy
import pickle

import numpy as np
import pytest

import numgd
from numgd import nn

IMAGE, CLASSES, BATCH = (6, 5, 2), 3, 7


def head(*parts):
    return nn.Sequential(*parts, nn.Flatten(), nn.Dense(CLASSES))


def model(*auxiliary):
    """A network whose parts have the same paths with and without auxiliary classifiers."""
    first, second, *_ = (*auxiliary, None, None)
    parts = {
        "conv1": nn.Conv2d(4, 3, padding=1),
        "aux1": first,
        "conv2": nn.Conv2d(5, 3),
        "aux2": second,
        "bn2": nn.BatchNorm(activation="relu"),
        "flatten": nn.Flatten(),
        "fc": nn.Dense(CLASSES),
    }
    return nn.Sequential(**{name: part for name, part in parts.items() if part is not None})


HEADS = {
    "dense": [nn.Auxiliary(head(), 0.7)],
    "conv": [nn.Auxiliary(head(nn.AvgPool2d(2), nn.Conv2d(2, 1, activation="tanh")), 0.3)],
    "batch norm first": [nn.Auxiliary(head(nn.BatchNorm(activation="relu")), 0.4)],
    "batch norm": [nn.Auxiliary(head(nn.Conv2d(3, 2, bias=False), nn.BatchNorm(activation="relu")), 2.0)],
    "dropout": [nn.Auxiliary(head(nn.Dropout(0.4)), 0.3), nn.Auxiliary(head(nn.Dropout(0.0)), 0.1)],
    "two": [nn.Auxiliary(head(), 0.25), nn.Auxiliary(head(nn.MaxPool2d(2)), 0.5)],
    "within another": [nn.Auxiliary(head(nn.Auxiliary(head(nn.MaxPool2d(2)), 0.5)), 0.25)],
}


def made(parts, dtype=np.float64, seed=0):
    network = nn.Network(model(*parts), IMAGE, dtype=dtype, seed=seed)
    random = np.random.default_rng(seed + 1)
    network.parameters += 0.1 * random.normal(size=network.parameters.size)
    return network, random.normal(size=(BATCH, *IMAGE)), random.integers(0, CLASSES, BATCH)


def weights_of(part, path=""):
    """The weights of the auxiliary classifiers of a model by path."""
    found = {path: part.weight} if isinstance(part, nn.Auxiliary) else {}
    for name, inner in getattr(part, "parts", {}).items():
        within = path if name == "head" else f"{path}.{name}".lstrip(".")
        found |= weights_of(inner, within)
    return found


@pytest.mark.parametrize("name", HEADS)
def test_gradient_against_differences(name):
    network, X, y = made(HEADS[name])

    def loss():
        return network.loss_and_gradient(X, y, "cross_entropy", seed=3)

    loss()
    gradients = {key: array.copy() for key, array in network.named_gradients().items()}
    random, start = np.random.default_rng(2), network.parameters.copy()
    for key, view in network.named_parameters().items():
        direction, values = random.normal(size=view.shape), []
        for step in (1e-6, -1e-6):
            view += step * direction
            values.append(loss())
            network.parameters[:] = start
        expected = (values[0] - values[1]) / 2e-6
        assert np.vdot(direction, gradients[key]) == pytest.approx(expected, rel=2e-6, abs=2e-8), key
        assert np.abs(gradients[key]).max() > 1e-8 or not key.endswith("weight"), key


def with_arrays_of(network, part):
    """A network of another model, with the parameters and states of this one where it has them."""
    other = nn.Network(part, IMAGE, dtype=network.dtype)
    arrays = network.state_dict()
    other.load_state_dict({name: arrays[name] for name in other.state_dict()})
    return other


@pytest.mark.parametrize("name", ["dense", "conv", "two", "batch norm", "batch norm first"])
def test_the_loss_is_the_sum_of_weighted_losses(name):
    """Each classifier alone is a network of its own."""
    network, X, y = made(HEADS[name])
    value = network.loss_and_gradient(X, y, "cross_entropy")
    gradient = {key: array.copy() for key, array in network.named_gradients().items()}
    expected, sums = 0.0, {key: np.zeros_like(array) for key, array in gradient.items()}
    for path, weight in {"fc": 1.0, **weights_of(network.model)}.items():
        parts = dict(network.model.parts)
        kept = list(parts)[: list(parts).index(path) + 1]
        found = {key: parts[key] for key in kept if not isinstance(parts[key], nn.Auxiliary)}
        if path != "fc":
            found[path] = parts[path].parts["head"]
        alone = with_arrays_of(network, nn.Sequential(**found))
        expected += weight * alone.loss_and_gradient(X, y, "cross_entropy")
        for key, array in alone.named_gradients().items():
            sums[key] += weight * array
    assert value == pytest.approx(expected, rel=1e-13)
    for key, array in gradient.items():
        np.testing.assert_allclose(array, sums[key], rtol=1e-10, atol=1e-14, err_msg=key)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", HEADS)
def test_inference_is_the_same_with_and_without(name, dtype):
    network, X, y = made(HEADS[name], dtype)
    network.loss_and_gradient(X, y, "cross_entropy")  # the running statistics are no longer the first ones
    plain = with_arrays_of(network, model())
    np.testing.assert_array_equal(network(X), plain(X))
    assert network.evaluate(X, y, loss="cross_entropy") == plain.evaluate(X, y, loss="cross_entropy")
    assert network.summary().multiply_adds == plain.summary().multiply_adds
    assert network.summary().parameters > plain.summary().parameters


def test_inference_does_not_compute_the_classifiers():
    """Numbers that would make every result NaN have no influence."""
    network, X, _ = made(HEADS["two"])
    expected = network(X)
    for key, array in network.named_parameters().items():
        if key.startswith("aux"):
            array[...] = np.nan
    np.testing.assert_array_equal(network(X), expected)
    small, large = network._plan(BATCH), network._plan(BATCH, nn.CrossEntropy())
    assert small.nbytes < large.nbytes


def test_dropout_of_a_classifier_follows_the_seed():
    network, X, y = made(HEADS["dropout"])
    losses = [network.loss_and_gradient(X, y, "cross_entropy", seed) for seed in (1, 2, 1)]
    assert losses[0] == losses[2] != losses[1]


def test_statistics_of_a_classifier_are_updated_in_training():
    network, X, y = made(HEADS["batch norm"])
    states = network.named_states()
    assert "aux1.1.running_mean" in states
    network(X)
    assert not states["aux1.1.running_mean"].any()
    network.loss_and_gradient(X, y, "cross_entropy")
    assert states["aux1.1.running_mean"].all()


def test_a_classifier_of_the_output_itself():
    """Its weight adds to that of the output, which is 1."""
    dense = nn.Sequential(nn.Flatten(), nn.Dense(CLASSES))
    once = nn.Network(dense, IMAGE, dtype=np.float64)
    _, X, y = made([])
    expected = once.loss_and_gradient(X, y, "cross_entropy")
    for found in (
        nn.Sequential(nn.Flatten(), nn.Dense(CLASSES), nn.Auxiliary(nn.Identity(), 0.5)),
        nn.Sequential(
            nn.Flatten(), nn.Dense(CLASSES), *[nn.Auxiliary(nn.Identity(), 0.25) for _ in range(2)]
        ),
    ):
        network = nn.Network(found, IMAGE, dtype=np.float64)
        assert network.loss_and_gradient(X, y, "cross_entropy") == pytest.approx(1.5 * expected, rel=1e-14)
        np.testing.assert_allclose(network.gradient, 1.5 * once.gradient, rtol=1e-12, atol=1e-15)


def test_a_classifier_of_an_inner_value():
    """The value is compared with the targets, and other layers take it too."""
    part = nn.Sequential(
        nn.Flatten(),
        nn.Dense(CLASSES),
        nn.Auxiliary(nn.Identity(), 0.5),
        nn.Activation("relu"),
        nn.Dense(CLASSES),
    )
    network = nn.Network(part, IMAGE, dtype=np.float64)
    _, X, y = made([])
    value = network.loss_and_gradient(X, y, "cross_entropy")
    arrays = network.named_parameters()
    inner = X.reshape(BATCH, -1) @ arrays["1.weight"].T
    outer = np.maximum(inner, 0) @ arrays["4.weight"].T
    expected = network.loss(outer, y, "cross_entropy") + 0.5 * network.loss(inner, y, "cross_entropy")
    assert value == pytest.approx(expected, rel=1e-13)
    direction = np.random.default_rng(0).normal(size=network.parameters.size)
    slope, start = np.vdot(network.gradient, direction), network.parameters.copy()
    values = []
    for step in (1e-6, -1e-6):
        network.parameters[:] = start + step * direction
        values.append(network.loss_and_gradient(X, y, "cross_entropy"))
    assert slope == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)


@pytest.mark.parametrize("loss", ["mse", nn.CrossEntropy(label_smoothing=0.1)])
def test_other_losses(loss):
    network, X, y = made(HEADS["dense"])
    if loss == "mse":
        y = np.random.default_rng(5).normal(size=(BATCH, CLASSES))
    plain, alone = with_arrays_of(network, model()), network.model.parts["aux1"].parts["head"]
    beside = nn.Sequential(conv1=network.model.parts["conv1"], aux1=alone)
    beside = with_arrays_of(network, beside)
    expected = plain.loss_and_gradient(X, y, loss) + 0.7 * beside.loss_and_gradient(X, y, loss)
    assert network.loss_and_gradient(X, y, loss) == pytest.approx(expected, rel=1e-13)


def test_training_counts_the_classifiers_and_evaluation_does_not():
    network, _, _ = made(HEADS["two"])
    random = np.random.default_rng(4)
    y = np.arange(90) % CLASSES
    X = 0.3 * random.normal(size=(90, *IMAGE))
    X[np.arange(90), 2 * (y % 3)] += 1.0  # a row for each class
    value = network.loss_and_gradient(X, y, "cross_entropy")
    plain = with_arrays_of(network, model()).loss_and_gradient(X, y, "cross_entropy")
    assert value > 1.3 * plain  # about 1 + 0.25 + 0.5 times as much
    options = {"loss": "cross_entropy", "validation_data": (X, y), "optimizer": numgd.Adam(0.01)}
    history = network.fit(X, y, epochs=1, batch_size=90, **options).history
    assert history.loss[0] == pytest.approx(value, rel=1e-12)  # before the step
    history = network.fit(X, y, epochs=15, batch_size=30, **options).history
    evaluated = network.evaluate(X, y, loss="cross_entropy")
    assert evaluated["accuracy"] > 0.95
    assert history.validation[-1] == pytest.approx(evaluated["loss"], rel=1e-12)
    assert evaluated["loss"] == pytest.approx(network.loss(network(X), y, "cross_entropy"), rel=1e-12)


def test_objective_counts_the_classifiers():
    network, X, y = made(HEADS["dense"])
    objective = network.objective("cross_entropy", X, y)
    assert objective(network.parameters) == network.loss_and_gradient(X, y, "cross_entropy")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_copies(copied):
    network, X, y = made(HEADS["two"])
    expected = network.loss_and_gradient(X, y, "cross_entropy")
    other = copied(network)
    assert other.loss_and_gradient(X, y, "cross_entropy") == expected
    np.testing.assert_array_equal(other.gradient, network.gradient)
    assert weights_of(other.model) == {"aux1": 0.25, "aux2": 0.5}


def test_a_batch_that_is_too_small_for_a_norm_of_a_classifier():
    part = nn.Sequential(nn.Dense(4), nn.Auxiliary(nn.Sequential(nn.BatchNorm(), nn.Dense(2))), nn.Dense(2))
    network = nn.Network(part, (3,))
    assert network(np.ones((1, 3))).shape == (1, 2)
    with pytest.raises(ValueError, match=r"^1\.0: BatchNorm.* one value per channel"):
        network.loss_and_gradient(np.ones((1, 3)), [0], "cross_entropy")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.Auxiliary(nn.Dense(3), 0), ValueError, "weight must"),
        (lambda: nn.Auxiliary(nn.Dense(3), "1"), TypeError, "weight must be a number"),
        (lambda: nn.Auxiliary(nn.Dense), TypeError, r"part 'head' must be a layer .*Dense\(…\)"),
        (lambda: nn.Auxiliary(3), TypeError, "part 'head' must be a layer"),
        (
            lambda: nn.Network(
                nn.Sequential(nn.Dense(4), aux=nn.Auxiliary(nn.Dense(2)), out=nn.Dense(3)), (5,)
            ),
            ValueError,
            r"^aux: an auxiliary classifier must have .* shape, \(3,\); it has \(2,\)",
        ),
        (
            lambda: nn.Network(nn.Graph(a=nn.Dense(2), b=(nn.Auxiliary(nn.Dense(2)), "a", "input")), (5,)),
            ValueError,
            "b: Auxiliary takes one input, got 2",
        ),
        (
            lambda: nn.Network(nn.Sequential(nn.Auxiliary(nn.Conv2d(2, 3)), nn.Dense(2)), (5,)),
            ValueError,
            "^0: Conv2d.* takes images",
        ),
    ],
)
def test_invalid_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()
