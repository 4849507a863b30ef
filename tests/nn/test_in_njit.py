"""Operations inside ``@njit`` functions and derivatives, against the functions in Python and differences."""

import numpy as np
import pytest
from numba import njit

import numgd
import numgd.nn.functional as F
from numgd.autodiff import NotDifferentiable
from numgd.nn.functional.in_njit import KNOWN

rng = np.random.default_rng(3)
X, TARGET = rng.uniform(0.1, 0.9, (5, 4)), rng.uniform(0.1, 0.9, (5, 4))
IMAGES, LABELS = rng.normal(size=(3, 6, 6, 2)), np.array([0, 2, 1])
SIGNALS, VOLUMES = rng.normal(size=(2, 7, 2)), rng.normal(size=(1, 4, 4, 4, 2))

FURTHER = {
    "adaptive_avg_pool2d": {"output_size": 2},
    "avg_pool2d": {"kernel_size": 2},
    "batch_norm": {"training": True},
    "avg_pool1d": {"kernel_size": 2, "x": SIGNALS},
    "avg_pool3d": {"kernel_size": 2, "x": VOLUMES},
    "conv1d": {"weight": rng.normal(size=(3, 3, 2)), "x": SIGNALS},
    "conv3d": {"weight": rng.normal(size=(3, 2, 2, 2, 2)), "bias": rng.normal(size=3), "x": VOLUMES},
    "conv2d": {"weight": rng.normal(size=(4, 3, 3, 2)), "activation": "relu6"},
    "conv2d_transpose": {"weight": rng.normal(size=(2, 3, 3, 4))},
    "cross_entropy": {"x": X, "target": np.array([0, 3, 1, 2, 0])},
    "dense": {"x": X, "weight": rng.normal(size=(3, 4)), "bias": rng.normal(size=3), "activation": "relu"},
    "dropout": {"x": X, "seed": 5},
    "flatten": {},
    "global_avg_pool2d": {},
    "group_norm": {"num_groups": 2, "gamma": rng.normal(size=2)},
    "local_response_norm": {"size": 3},
    "max_pool1d": {"kernel_size": 2, "x": SIGNALS},
    "max_pool2d": {"kernel_size": 2},
    "max_pool3d": {"kernel_size": 2, "x": VOLUMES},
    "nll_loss": {"x": X, "target": np.array([0, 3, 1, 2, 0])},
    "pad": {"padding": 1, "mode": "reflect"},
    "prelu": {"weight": rng.normal(size=2)},
    "upsample": {"scale_factor": 2},
}
"""The arguments of operations on images, which are x if there is no other, and of some others."""


def call(operation, x, **arguments):
    """The operation's result, and its gradients for the sum of the result."""
    known = KNOWN[operation]
    result = known.operation.forward(x, **arguments)
    reduced = "reduction" in known.parameters and arguments.get("reduction") != "none"
    axes = 0 if reduced else known.operation.axes(x.ndim)
    np.testing.assert_array_equal(known.value(axes, x, **arguments), result)
    grad = np.ones_like(result)
    return result, known.slopes(grad if axes else 1.0, result, x=x, **arguments)


@pytest.mark.parametrize("operation", KNOWN)
def test_every_operation_has_the_declared_axes_and_gradients(operation):
    known = KNOWN[operation]
    arguments = {"x": IMAGES, **FURTHER[operation]} if operation in FURTHER else {"x": X}
    if "target" in known.parameters:
        arguments = {"target": TARGET, **arguments}
    if operation in ("hinge_loss", "hinge_embedding_loss", "soft_margin_loss", "multilabel_soft_margin_loss"):
        arguments["target"] = np.where(TARGET > 0.5, 1.0, 0.0 if "label" in operation else -1.0)
    x = arguments.pop("x")
    for reduction in ("mean", "none") if "reduction" in known.parameters else (None,):
        given = arguments if reduction is None else {**arguments, "reduction": reduction}
        _, slopes = call(operation, x, **given)
        direction = rng.normal(size=x.shape)
        ahead, behind = (np.sum(known.operation.forward(x + h * direction, **given)) for h in (1e-6, -1e-6))
        expected = (ahead - behind) / 2e-6
        assert np.sum(slopes[0] * direction) == pytest.approx(expected, rel=1e-6, abs=1e-7)
        assert len(slopes) == sum(name == "x" or name in given for name in known.gradients)


def network(kernel, bias, gamma, weight, images, labels):
    y = F.conv2d(images, kernel, bias, padding="same", activation="leaky_relu")
    y = F.batch_norm(y, gamma, training=True)
    y = F.flatten(F.max_pool2d(y, 2, stride=(2, 2)))
    return F.cross_entropy(F.dense(y, weight), labels, label_smoothing=0.1)


PARAMETERS = [rng.normal(size=shape) for shape in ((2, 3, 3, 2), (2,), (2,), (3, 18))]


@pytest.mark.slow
def test_a_network_can_be_differentiated_and_compiled():
    gradients = numgd.grad(network, (0, 1, 2, 3))(*PARAMETERS, IMAGES, LABELS)
    for number, gradient in enumerate(gradients):
        direction = rng.normal(size=gradient.shape)
        moved = ([*PARAMETERS] for _ in range(2))
        values = []
        for step, parameters in zip((1e-6, -1e-6), moved, strict=True):
            parameters[number] = parameters[number] + step * direction
            values.append(network(*parameters, IMAGES, LABELS))
        ahead, behind = values
        assert np.sum(gradient * direction) == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-8)
    assert njit(network)(*PARAMETERS, IMAGES, LABELS) == network(*PARAMETERS, IMAGES, LABELS)


def test_solvers_use_the_gradients_of_operations():
    def loss(w, x, y):
        return F.mse_loss(F.dense(x, w.reshape(1, 4)), y, reduction="sum")

    w = np.arange(4.0)
    result = numgd.minimize(loss, np.zeros(4), args=(X, (X @ w).reshape(5, 1)))
    assert result.derivatives["jac"] == "autodiff"
    np.testing.assert_allclose(result.x, w, atol=1e-5)


def test_single_precision_stays():
    gradient = numgd.grad(lambda x: np.sum(F.relu(x)))(np.array([-1.0, 2.0], np.float32))
    assert gradient.dtype == np.float32
    np.testing.assert_array_equal(gradient, [0.0, 1.0])


def test_arguments_may_be_variables_except_those_that_determine_types():
    @njit
    def in_njit(x, slope, padding):
        return F.leaky_relu(F.pad(x, padding), negative_slope=slope)

    expected = F.leaky_relu(F.pad(IMAGES, (1, 2)), negative_slope=0.3)
    np.testing.assert_array_equal(in_njit(IMAGES, 0.3, (1, 2)), expected)
    gradient = numgd.grad(lambda x, slope: np.sum(F.leaky_relu(x, negative_slope=slope)))
    np.testing.assert_array_equal(gradient(np.array([-1.0, 2.0]), 0.3), [0.3, 1.0])
    with pytest.raises(
        NotDifferentiable, match="backward of leaky_relu returns no cotangent of negative_slope"
    ):
        numgd.grad(lambda x, slope: np.sum(F.leaky_relu(x, negative_slope=slope)), 1)(X, 0.3)
    with pytest.raises(Exception, match="mse_loss: reduction must be a constant in compiled code"):
        njit(lambda x, reduction: F.mse_loss(x, x, reduction=reduction))(X, "sum")
    with pytest.raises(Exception, match="relu: x must be an array of float32 or float64; it is int64"):
        njit(lambda x: F.relu(x))(3)


def test_errors_are_those_of_the_functions():
    gradient = numgd.grad(lambda w: np.sum(F.dense(X, w)))
    with pytest.raises(
        ValueError, match=r"^weight has shape \(3, 5\), which does not fit x of shape \(5, 4\)"
    ):
        gradient(np.ones((3, 5)))
    with pytest.raises(NotDifferentiable, match="a call of 'relu' with these arguments"):
        numgd.grad(lambda x: np.sum(F.relu(x, out=x)))(X)
    with pytest.raises(NotDifferentiable, match="the gradient of 'softplus'"):
        numgd.hessp(lambda x: np.sum(F.softplus(x)))(X[0], X[0])


def test_the_names_of_versions_tell_their_options():
    versions = [KNOWN["avg_pool2d"].version(("x",), {"kernel_size": size}) for size in (2, (2, 2), -2, 3)]
    assert len({version.custom_derivative.name for version in versions}) == 4
    assert KNOWN["avg_pool2d"].version(("x",), {"kernel_size": 2, "padding": 0}) is versions[0]


@pytest.mark.parametrize("options", [{}, {"training": False}])
def test_batch_norm_at_inference(options):
    """By default the running statistics are constants, though the gradient's own default is training."""
    mean, variance = np.array([0.1, 0.2]), np.array([1.0, 2.0])
    x = np.random.default_rng(0).normal(size=(4, 2))
    if options:
        gradient = numgd.grad(lambda x, m, v: np.sum(F.batch_norm(x, None, None, m, v, training=False) ** 2))
    else:
        gradient = numgd.grad(lambda x, m, v: np.sum(F.batch_norm(x, None, None, m, v) ** 2))
    np.testing.assert_allclose(gradient(x, mean, variance), 2 * (x - mean) / (variance + 1e-5), rtol=1e-12)
