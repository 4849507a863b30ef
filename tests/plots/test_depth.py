"""Distributions through depth: rows, their order, and the shares that are left out."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from numgd import nn, plots

X = np.random.default_rng(0).normal(size=(60, 8))
Y = (X[:, 0] > 0).astype(int)


def deep(depth, activation="tanh"):
    model = nn.Sequential(*(nn.Dense(8, activation=activation) for _ in range(depth)), nn.Dense(2))
    return nn.Network(model, (8,), dtype=np.float64)


def names(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def outline(axes, k):
    """Where a row's curve is above its base, and its height there."""
    points = axes.collections[k].get_paths()[0].vertices
    heights = k - points[:, 1]
    return points[heights > 0, 0], heights.max()


def test_activations_of_each_layer_from_the_top():
    network = deep(3)
    before = network.parameters.copy(), network.gradient.copy()
    axes = plots.activation_histograms(network, X)
    expected = ["0", "0.tanh", "1", "1.tanh", "2", "2.tanh", "3"]
    assert names(axes) == expected and len(axes.collections) == 7
    bottom, top = axes.get_ylim()
    assert bottom > 6 > 0 > top
    assert axes.get_title() == "" and axes.get_xlabel() == "activation"
    found = network.activations(X)
    for k, name in enumerate(expected):
        places, height = outline(axes, k)
        width = np.diff(axes.get_xlim())[0] / 16
        low, high = np.quantile(found[name], (0.01, 0.99))
        assert places.min() <= low and places.max() >= high, name
        assert places.min() >= found[name].min() - width and places.max() <= found[name].max() + width
        assert height == pytest.approx(0.85)
    np.testing.assert_array_equal(network.parameters, before[0])
    np.testing.assert_array_equal(network.gradient, before[1])


def test_zeros_and_numbers_that_are_not_finite_are_told():
    network = nn.Network(nn.Sequential(nn.Dense(4), nn.Activation("relu"), nn.Flatten(), nn.Dense(2)), (4,))
    weight, bias = network.named_parameters()["0.weight"], network.named_parameters()["0.bias"]
    weight[:], bias[:] = np.eye(4), [1.0, 1.0, 1.0, -1.0]
    network.named_parameters()["3.bias"][0] = np.nan
    axes = plots.activation_histograms(network, np.zeros((10, 4)))
    assert names(axes) == ["0", "3"]  # `Flatten` passes its input on
    told = {round(text.get_position()[1]): text.get_text() for text in axes.texts}
    assert told == {0: "25 % zero", 1: "50 % not finite"}


def test_training_mode_takes_the_statistics_of_the_samples():
    network = nn.Network(nn.Sequential(nn.Dense(50), nn.BatchNorm()), (8,))
    inference = plots.activation_histograms(network, 100 * X)
    training = plots.activation_histograms(network, 100 * X, training=True)
    assert np.abs(outline(training, 1)[0]).max() < 12 < np.abs(outline(inference, 1)[0]).max()


def test_gradients_of_the_weights_over_a_logarithmic_axis():
    network = deep(2)
    before = network.parameters.copy(), network.gradient.copy()
    axes = plots.gradient_histograms(network, "cross_entropy", X, Y)
    assert names(axes) == ["0.weight", "1.weight", "2.weight"]
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "|gradient|"
    np.testing.assert_array_equal(network.parameters, before[0])
    np.testing.assert_array_equal(network.gradient, before[1])
    network.loss_and_gradient(X, Y, "cross_entropy")
    for k, name in enumerate(names(axes)):
        sizes, (places, _) = np.abs(network.named_gradients()[name]), outline(axes, k)
        assert places.min() <= np.quantile(sizes, 0.1) and places.max() >= np.quantile(sizes, 0.9)
        assert places.max() <= 2 * sizes.max()


def test_gradients_leave_running_statistics_alone():
    network = nn.Network(nn.Sequential(nn.Dense(4), nn.BatchNorm(), nn.Dense(2)), (8,))
    state = network.state.copy()
    axes = plots.gradient_histograms(network, "cross_entropy", X, Y)
    assert names(axes) == ["0.weight", "2.weight"]
    np.testing.assert_array_equal(network.state, state)
    norm = nn.Network(nn.BatchNorm(), (8,))
    assert names(plots.gradient_histograms(norm, "mse", X, X)) == ["batchnorm.gamma", "batchnorm.beta"]


def test_vanished_gradients():
    network = deep(2)
    network.named_parameters()["2.weight"][:] = 0.0
    axes = plots.gradient_histograms(network, "cross_entropy", X, Y)
    assert [text.get_text() for text in axes.texts] == ["100 % zero", "100 % zero"]


def test_pages():
    network = deep(64)
    axes = plots.gradient_histograms(network, "cross_entropy", X, Y, page=2)
    assert names(axes) == [f"{k}.weight" for k in range(30, 60)]
    assert axes.get_title() == "layers 31-60 of 65, page 2 of 3"
    last = plots.activation_histograms(network, X, page=5)
    assert names(last) == ["60", "60.tanh", "61", "61.tanh", "62", "62.tanh", "63", "63.tanh", "64"]
    assert last.get_title() == "layers 121-129 of 129, page 5 of 5"
    own = plt.figure().add_subplot()
    assert plots.activation_histograms(network, X, ax=own) is own and len(own.collections) == 30


REFUSED = {
    "page after the last": (
        lambda: plots.activation_histograms(deep(64), X, page=6),
        ValueError,
        "there are 5 pages; it is 6",
    ),
    "page of gradients": (
        lambda: plots.gradient_histograms(deep(2), "cross_entropy", X, Y, page=2),
        ValueError,
        "page must be an integer from 1 to 1, as there is one page; it is 2",
    ),
    "page zero": (lambda: plots.activation_histograms(deep(1), X, page=0), ValueError, "from 1 to 1"),
    "page as text": (lambda: plots.activation_histograms(deep(1), X, page="1"), ValueError, "from 1 to 1"),
    "no network": (lambda: plots.activation_histograms(nn.Dense(1), X), TypeError, "it is Dense"),
    "shape": (
        lambda: plots.activation_histograms(deep(1), X[:, :3]),
        ValueError,
        r"X must have shape \(N, 8\)",
    ),
    "no samples": (lambda: plots.activation_histograms(deep(1), X[:0]), ValueError, "X contains no samples"),
    "labels": (
        lambda: plots.gradient_histograms(deep(1), "cross_entropy", X, Y + 1),
        ValueError,
        "labels from 0 to 1",
    ),
    "loss": (lambda: plots.gradient_histograms(deep(1), "mean", X, Y), ValueError, "loss must be one of"),
    "no parameters": (
        lambda: plots.gradient_histograms(nn.Network(nn.Flatten(), (8,)), "mse", X, X),
        ValueError,
        "network must have parameters",
    ),
    "projection": (
        lambda: plots.activation_histograms(deep(1), X, ax=plt.subplot(projection="3d")),
        ValueError,
        "flat axes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()
