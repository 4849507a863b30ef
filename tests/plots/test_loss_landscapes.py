"""Loss landscapes: directions, losses, and networks that stay as they are."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from numgd import nn, plots
from numgd.plots import loss_landscapes
from numgd.plots.loss_landscapes import directions

X = np.random.default_rng(0).normal(size=(40, 6))
Y = (X[:, 0] > 0).astype(int)


def made(dtype=np.float64):
    model = nn.Sequential(nn.Dense(5), nn.BatchNorm(activation="relu"), nn.Dropout(0.5), nn.Dense(2))
    network = nn.Network(model, (6,), dtype=dtype, seed=1)
    network.state[:] = np.random.default_rng(2).uniform(0.5, 1.5, network.state.size)
    network.parameters += 0.1
    return network


def values_of(monkeypatch, *arguments, **options):
    """Steps and losses that are drawn."""
    seen = {}
    with monkeypatch.context() as patched:
        patched.setattr(loss_landscapes, "_contour", lambda ax, steps, values: seen.update(s=steps, v=values))
        plots.loss_landscape(*arguments, **options)
    return seen["s"], seen["v"]


def test_directions_are_normalised_by_filter():
    model = nn.Sequential(nn.Conv2d(4, 3), nn.BatchNorm(), nn.Flatten(), nn.Dense(3))
    network = nn.Network(model, (5, 5, 2))
    network.named_parameters()["0.weight"][2] = 0.0
    first, second = directions(network, 0)
    weights = {name: values.copy() for name, values in network.named_parameters().items()}
    for along in (first, second):
        network.parameters = along
        for name, values in network.named_parameters().items():
            if name in ("0.weight", "3.weight"):
                lengths = [np.linalg.norm(row) for row in values]
                expected = [np.linalg.norm(row) for row in weights[name]]
                np.testing.assert_allclose(lengths, expected, rtol=1e-5)
            else:
                assert not values.any(), name
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert abs(cosine) < 0.3 and not np.array_equal(first, directions(network, 1)[0])


def test_losses_are_those_of_inference_at_the_points(monkeypatch):
    network = made()
    steps, values = values_of(monkeypatch, network, "cross_entropy", X, Y, span=0.8, resolution=5, seed=4)
    np.testing.assert_allclose(steps, [-0.8, -0.4, 0.0, 0.4, 0.8], atol=1e-15)
    first, second = directions(network, 4)
    assert values[2, 2] == pytest.approx(network.evaluate(X, Y, loss="cross_entropy")["loss"], rel=1e-12)
    other = made()
    for i, j in ((0, 3), (4, 1)):
        other.parameters = network.parameters + steps[j] * first + steps[i] * second
        expected = other.evaluate(X, Y, loss="cross_entropy")["loss"]
        assert values[i, j] == pytest.approx(expected, rel=1e-12)


def test_contours():
    axes = plots.loss_landscape(made(), "cross_entropy", X, Y, resolution=4, span=0.5)
    filled = axes.collections[0]
    assert axes.get_xlim() == axes.get_ylim() == (-0.5, 0.5)
    assert list(axes.lines[0].get_xdata()) == [0] and len(filled.levels) > 10
    bar = filled.colorbar
    assert bar.ax.get_ylabel() == "loss"


def test_a_surface():
    axes = plots.loss_landscape(made(), "cross_entropy", X, Y, resolution=4, kind="surface")
    assert axes.name == "3d" and axes.get_zlabel() == "loss" and len(axes.collections) == 1
    own = plt.figure().add_subplot(projection="3d")
    assert (
        plots.loss_landscape(made(), "mse", X, np.zeros((40, 2)), resolution=3, kind="surface", ax=own) is own
    )


def kept_as_it_is(network):
    vectors = network.parameters, network.gradient, network.state
    copies = [vector.copy() for vector in vectors]

    def check():
        for vector, copy in zip(vectors, copies, strict=True):
            np.testing.assert_array_equal(vector, copy)

    return check


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_the_network_stays_as_it_is_after_an_interruption(kind, monkeypatch):
    network = made()
    check, evaluations = kept_as_it_is(network), []
    forward = nn.Network.forward

    def interrupted(self, X):
        evaluations.append(self)
        if len(evaluations) == 5:
            raise kind
        return forward(self, X)

    monkeypatch.setattr(nn.Network, "forward", interrupted)
    with pytest.raises(kind):
        plots.loss_landscape(network, "cross_entropy", X, Y, resolution=3)
    assert len(evaluations) == 5
    check()


def test_the_network_stays_as_it_is():
    network = made(np.float32)
    check = kept_as_it_is(network)
    with network.frozen():
        plots.loss_landscape(network, "cross_entropy", X, Y, resolution=3)
    check()


def test_losses_that_are_not_finite_are_masked(monkeypatch):
    network = made(np.float32)
    network.named_parameters()["3.weight"][:] *= 1e18 / np.abs(network(X)).max()  # whose squares still fit
    _, values = values_of(monkeypatch, network, "mse", X, np.zeros((40, 2)), resolution=3, span=100.0)
    assert values.mask.sum() == 8 and not values.mask[1, 1]
    figures = plt.get_fignums()
    with pytest.raises(ValueError, match="finite nowhere"):
        network.named_parameters()["3.bias"][:] = np.nan
        plots.loss_landscape(network, "cross_entropy", X, Y, resolution=3)
    assert plt.get_fignums() == figures


def test_blank_parts_and_constant_losses_are_drawn(monkeypatch):
    def losses(values):
        monkeypatch.setattr(loss_landscapes, "_losses", lambda *_: np.ma.masked_invalid(values))

    for values in (np.ones((3, 3)), np.where(np.eye(3) > 0, np.nan, 2.0), np.diag([np.nan, 1.0, 100.0])):
        losses(values)
        for kind in ("contour", "surface"):
            axes = plots.loss_landscape(made(), "cross_entropy", X, Y, resolution=3, kind=kind)
            axes.figure.canvas.draw()


REFUSED = {
    "shape": (
        lambda: plots.loss_landscape(made(), "cross_entropy", X[:, :2], Y),
        ValueError,
        "X must have shape",
    ),
    "labels": (
        lambda: plots.loss_landscape(made(), "cross_entropy", X, Y + 1),
        ValueError,
        "labels from 0 to 1",
    ),
    "no samples": (
        lambda: plots.loss_landscape(made(), "cross_entropy", X[:0], Y[:0]),
        ValueError,
        "X contains no samples",
    ),
    "loss": (lambda: plots.loss_landscape(made(), "mean", X, Y), ValueError, "loss must be one of"),
    "no network": (lambda: plots.loss_landscape(None, "mse", X, Y), TypeError, "it is NoneType"),
    "no weights": (
        lambda: plots.loss_landscape(nn.Network(nn.BatchNorm(), (6,)), "mse", X, X),
        ValueError,
        "have weights",
    ),
    "span": (lambda: plots.loss_landscape(made(), "mse", X, Y, span=0.0), ValueError, "span"),
    "resolution": (lambda: plots.loss_landscape(made(), "mse", X, Y, resolution=2), ValueError, "at least 3"),
    "kind": (lambda: plots.loss_landscape(made(), "mse", X, Y, kind="map"), ValueError, "kind must be"),
    "flat axes for a surface": (
        lambda: plots.loss_landscape(made(), "cross_entropy", X, Y, kind="surface", ax=plt.subplot()),
        ValueError,
        "projection='3d'",
    ),
    "a surface's axes": (
        lambda: plots.loss_landscape(made(), "cross_entropy", X, Y, ax=plt.subplot(projection="3d")),
        ValueError,
        "flat axes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()
