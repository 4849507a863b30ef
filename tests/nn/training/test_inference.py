"""`predict`, `predict_proba`, `predict_labels`, `evaluate` and the metrics, against loops over samples."""

import numpy as np
import pytest
from scipy import special
from stand_in import TwoLayers, data

from numgd.nn.training import (
    Normalise,
    TopK,
    evaluate,
    fit,
    predict,
    predict_labels,
    predict_proba,
)

X, Y = data(rows=23)


class Reusing(TwoLayers):
    """A network whose outputs are a view of memory that the next call overwrites."""

    memory = np.full((64, 8), np.nan)

    def forward(self, X):
        found = super().forward(X)
        view = self.memory[: len(X), : found.shape[1]]
        self.memory[:] = np.nan
        view[...] = found
        return view


@pytest.mark.parametrize("size", [1, 5, 23, 50])
@pytest.mark.parametrize("normalise", [None, Normalise(0.5, 2.0)])
def test_predict(size, normalise):
    network = Reusing()
    expected = TwoLayers().forward(X if normalise is None else (X - 0.5) / 2)
    options = {"batch_size": size, "normalise": normalise}
    np.testing.assert_allclose(predict(network, X, **options), expected, rtol=1e-12)
    np.testing.assert_allclose(
        predict_proba(network, X, **options), special.softmax(expected, axis=1), rtol=1e-10
    )
    np.testing.assert_array_equal(predict_labels(network, X, **options), expected.argmax(axis=1))


def test_one_output_is_that_of_the_second_class():
    network = TwoLayers(outputs=1)
    outputs = network.forward(X)
    np.testing.assert_allclose(predict_proba(network, X), special.expit(outputs), rtol=1e-10)
    labels = predict_labels(network, X)
    np.testing.assert_array_equal(labels, (special.expit(outputs) > 0.5)[:, 0])
    assert labels.dtype == np.int64 and 0 < labels.sum() < 23


def test_no_samples():
    assert predict(TwoLayers(), X[:0]).shape == predict_proba(TwoLayers(), X[:0]).shape == (0, 3)
    assert predict_labels(TwoLayers(), X[:0]).shape == (0,)
    with pytest.raises(ValueError, match="X contains no samples"):
        evaluate(TwoLayers(), X[:0], Y[:0], loss="cross_entropy")


@pytest.mark.parametrize("size", [1, 5, 50])
def test_evaluate(size):
    network = Reusing()
    outputs = TwoLayers().forward(X)
    losses = special.logsumexp(outputs, axis=1) - outputs[np.arange(23), Y]
    found = evaluate(network, X, Y, loss="cross_entropy", batch_size=size)
    expected = {"loss": losses.mean(), "accuracy": np.mean(outputs.argmax(axis=1) == Y)}
    assert found == pytest.approx(expected)
    assert network.steps == 0


def test_targets_that_are_no_classes_have_no_accuracy():
    network = TwoLayers()
    targets = np.random.default_rng(0).normal(size=(23, 3))
    found = evaluate(network, X, targets, loss="mse")
    assert found == pytest.approx({"loss": np.mean((network.forward(X) - targets) ** 2)})
    history = fit(network, X, targets, loss="mse", validation_data=(X, targets), epochs=2).history
    assert history.metrics == {} and np.isfinite(history.validation).all()


@pytest.mark.parametrize("call", [predict, predict_proba, predict_labels])
def test_wrong_data(call):
    with pytest.raises(ValueError, match="X must have the shape"):
        call(TwoLayers(), X[:, :2])
    with pytest.raises(ValueError, match="batch_size"):
        call(TwoLayers(), X, batch_size=0)
    with pytest.raises(ValueError, match="mean has 2 entries"):
        call(TwoLayers(), X, normalise=Normalise([1, 2], 1))


# Metrics -------------------------------------------------------------------------------------------------


def rank(outputs, label):
    """How many classes come before a class: those with larger outputs, and equal ones of lower number."""
    order = sorted(range(len(outputs)), key=lambda c: (-outputs[c], c))
    return order.index(label)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k(k):
    rng = np.random.default_rng(k)
    outputs, y = rng.integers(0, 6, (200, 9)).astype(float), rng.integers(0, 9, 200)  # with many ties
    expected = np.mean([rank(own, label) < k for own, label in zip(outputs, y, strict=True)])
    assert TopK(k)(outputs, y) == pytest.approx(expected)
    assert TopK(k)(outputs, np.eye(9)[y]) == pytest.approx(expected)
    assert TopK(k)(outputs.reshape(20, 10, 9), y.reshape(20, 10)) == pytest.approx(expected)


def test_nan_is_never_right():
    outputs = np.full((3, 4), np.nan)
    outputs[1] = [5.0, np.nan, 0.0, 0.0]
    for k in (1, 2):
        assert TopK(k)(outputs[[0, 2]], np.array([0, 3])) == 0.0
    assert TopK(1)(outputs[1:2], np.array([0])) == 0.0 and TopK(2)(outputs[1:2], np.array([0])) == 1.0


def test_two_classes_by_one_output():
    outputs, y = np.array([[-1.0], [2.0], [0.5], [-3.0]]), np.array([0, 1, 0, 0])
    assert TopK(1)(outputs, y) == TopK(1)(outputs, y[:, None].astype(float)) == 0.75


def test_metrics_without_classes():
    with pytest.raises(ValueError, match="no classes"):
        TopK(1)(np.zeros((4, 3)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="k must be at least 1"):
        TopK(0)
