"""Activations, losses, softmax and dropout of `numgd.nn.functional` for arrays on a device."""

import sys

import numpy as np
import pytest
from on_device import sizes

import numgd.nn.functional as F
from numgd.kernels.machines import on_device
from numgd.scalars import ACTIVATIONS

random = np.random.default_rng(23)


def there(device, argument):
    """The same argument on the device."""
    return device.put(argument) if isinstance(argument, np.ndarray) else argument


def here(result):
    """A result in the host's memory."""
    return result.copy_to_host() if on_device(result) else result


def check(device, function, *arguments, rtol=1e-5, **named):
    """Compare a function of device arrays with that of host arrays, and of memory for the result."""
    expected = function(*arguments, **named)
    given = [there(device, argument) for argument in arguments]
    named = {name: there(device, argument) for name, argument in named.items()}
    result = function(*given, **named)
    assert on_device(result) == isinstance(expected, np.ndarray)
    np.testing.assert_allclose(here(result), expected, rtol=rtol, atol=1e-6)
    assert here(result).dtype == expected.dtype
    out = device.empty(np.shape(expected), expected.dtype)
    assert function(*given, **named, out=out) is out
    np.testing.assert_allclose(here(out), expected, rtol=rtol, atol=1e-6)


def numbers(*shape, low=-2.0, high=2.0):
    return random.uniform(low, high, shape).astype(np.float32)


@pytest.mark.parametrize("name", sorted({record.function for record in ACTIVATIONS.values()}))
def test_activations(device, name):
    x, grad = numbers(3, 5), numbers(3, 5)
    check(device, getattr(F, name), x)
    check(device, getattr(F, f"{name}_backward"), grad, x)


def cases():
    """Losses with arguments that suit them, and the shape of their weights."""
    x, labels = numbers(4, 3), np.array([0, 2, 1, 2])
    probabilities, signs = numbers(4, 3, low=0, high=1), np.sign(numbers(4, 3))
    counts = numbers(4, 3, low=0, high=5)
    log_probabilities = np.log(numbers(4, 3, low=0.1, high=1))
    yield "mse_loss", x, numbers(4, 3), {}
    yield "huber_loss", x, numbers(4, 3), {"delta": 0.5}
    yield "soft_margin_loss", x, signs, {}
    yield "kl_div", log_probabilities, probabilities, {}
    yield "binary_cross_entropy", probabilities, probabilities, {}
    yield "binary_cross_entropy_with_logits", x, probabilities, {}
    yield "binary_cross_entropy_with_logits", x, probabilities, {"pos_weight": 2.5}
    yield "binary_cross_entropy_with_logits", x, probabilities, {"pos_weight": numbers(3, low=0)}
    yield "multilabel_soft_margin_loss", x, probabilities, {}
    yield "poisson_nll_loss", x, counts, {"full": True}
    yield "cross_entropy", x, labels, {}
    yield "cross_entropy", x, labels.astype(np.uint8), {"label_smoothing": 0.1, "ignore_index": 2}
    yield "cross_entropy", x, labels, {"weight": numbers(3, low=0), "label_smoothing": 0.1}
    yield "cross_entropy", x, probabilities, {"weight": numbers(3, low=0)}
    yield "nll_loss", log_probabilities, labels, {"weight": numbers(3, low=0), "ignore_index": 1}


@pytest.mark.parametrize(
    "reduction, weighed", [("mean", True), ("none", True), ("sum", False), ("none", False)]
)
@pytest.mark.parametrize("name, x, target, named", [*cases()])
def test_losses(device, name, x, target, named, reduction, weighed):
    loss, backward = getattr(F, name), getattr(F, f"{name}_backward")
    named = {**named, "reduction": reduction}
    if weighed:
        named["sample_weight"] = numbers(4, low=0)
    check(device, loss, x, target, **named)
    shape = np.shape(loss(x, target, **named))
    grad = 0.5 if shape == () else numbers(*shape)
    check(device, backward, grad, x, target, **named)


def test_ignored_rows_may_hold_anything(device):
    x, labels = numbers(3, 4), np.array([1, -100, 2])
    x[1, 2] = np.nan
    check(device, F.cross_entropy, x, labels)
    check(device, F.cross_entropy_backward, 1.0, x, labels)


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_along_axes(device, name, axis):
    x, grad = numbers(2, 3, 5), numbers(2, 3, 5)
    check(device, getattr(F, name), x, axis=axis)
    check(device, getattr(F, f"{name}_backward"), grad, x, axis=axis)


@pytest.mark.parametrize("named", [{"p": 0.3}, {"p": 1.0}, {"p": 0.3, "training": False}])
def test_dropout(device, named):
    check(device, F.dropout, numbers(sizes(70, 10_000)), seed=3, stream=1, rtol=0, **named)


def test_wrong_arguments_are_named(device):
    x, labels = device.put(numbers(2, 3)), device.put(np.array([0, 3]))
    with pytest.raises(ValueError, match="target has labels below 0 or above 2"):
        F.cross_entropy(x, labels)
    with pytest.raises(ValueError, match="target must be −1 or 1 everywhere"):
        F.hinge_loss(x, x)
    with pytest.raises(ValueError, match="sample_weight must be finite and at least 0"):
        F.mse_loss(x, x, sample_weight=device.put(np.array([1, -1], np.float32)))
    with pytest.raises(ValueError, match="out overlaps with an input"):
        F.tanh(x, out=x)
    with pytest.raises(TypeError, match="x must be float32 or float64"):
        F.relu(labels)


# Arrays of other libraries ----------------------------------------------------------------------------------


class Foreign:
    """An array of some other library on a device."""

    def __init__(self, array):
        self.array = array

    def __getattr__(self, name):
        if name.startswith("__") and name not in ("__cuda_array_interface__", "__cuda_ndarray__"):
            raise AttributeError(name)
        return getattr(self.array, name)


def test_arrays_of_any_library(device, monkeypatch):
    asked = []

    class Library:
        def asarray(self, array):
            asked.append(array)
            return Foreign(array)

        def as_tensor(self, array, device):
            asked.append(device)
            return Foreign(array)

    x = numbers(5)
    given, out = Foreign(device.put(x)), Foreign(device.empty(5, np.float32))
    assert type(F.tanh(given)) is type(given.array)  # of no known library
    assert F.tanh(given, out=out) is out
    np.testing.assert_allclose(out.copy_to_host(), np.tanh(x), rtol=1e-6)
    for library in ("cupy", "torch"):
        kind = type("Array", (Foreign,), {"__module__": f"{library}.sub", "device": "cuda:0"})
        monkeypatch.setitem(sys.modules, library, Library())
        result = F.mse_loss(kind(given.array), given, reduction="none")
        assert type(result) is Foreign and asked
        np.testing.assert_array_equal(result.copy_to_host(), np.zeros(5))
        assert isinstance(F.mse_loss(kind(given.array), given), np.float32)
    assert asked[-1] == "cuda:0"


def test_arrays_in_different_places_are_named(device):
    x, there = numbers(4), device.put(numbers(4))
    before = there.copy_to_host()
    with pytest.raises(TypeError, match="target is on the host, but x is on a device"):
        F.mse_loss(there, x)
    with pytest.raises(TypeError, match="x is on the host, but out is on a device"):
        F.relu(x, out=there)
    with pytest.raises(TypeError, match="sample_weight is on the host, but x is on a device"):
        F.mse_loss(there, there, sample_weight=[1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(there.copy_to_host(), before)
