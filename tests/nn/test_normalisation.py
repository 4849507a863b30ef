"""Batch, group, layer and local response norm against their formulas and against differences."""

import re
from pathlib import Path

import numpy as np
import pytest
from layer_checks import assert_gradients, assert_same_bits, poisoned, relative

from numgd.nn import functional as F

SHAPES = [(7, 5), (2, 1), (3, 4, 5, 6), (2, 9, 7, 67), (40, 3, 1, 1), (7, 1030)]
DTYPES = [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)]


def drawn(shape, dtype=np.float64, seed=0):
    """x, gradient, gamma, beta, running mean and variance."""
    rng = np.random.default_rng([seed, *shape])
    channels = shape[-1]
    x = rng.normal(rng.normal(0, 3, channels), rng.uniform(0.5, 2, channels), shape)
    vectors = rng.normal(size=(3, channels)), rng.uniform(0.5, 2, channels)
    return tuple(a.astype(dtype) for a in (x, rng.normal(size=shape), *vectors[0], vectors[1]))


def formula(x, gamma, beta, mean, variance, eps=1e-5, relu=False):
    x, gamma, beta, mean, variance = (np.asarray(a, np.float64) for a in (x, gamma, beta, mean, variance))
    y = gamma * (x - mean) / np.sqrt(variance + eps) + beta
    return np.maximum(y, 0) if relu else y


def of_batch(x):
    rows = np.asarray(x, np.float64).reshape(-1, x.shape[-1])
    return rows.mean(axis=0), rows.var(axis=0)


def staged():
    """The derivation of docs/batch_norm.md, as code."""
    text = (Path(__file__).parents[2] / "docs" / "batch_norm.md").read_text()
    names = {}
    exec(re.search(r"```python\n(.*?)```", text, re.S).group(1), names)
    return names["forward"], names["backward"]


# Batch norm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm(shape, dtype, activation):
    x, _, gamma, beta, mean, variance = drawn(shape, dtype)
    given = [a.copy() for a in (x, gamma, beta)]
    running = mean.copy(), variance.copy()
    tolerance = 1e-12 if dtype == np.float64 else 2e-6
    out, statistics = poisoned(shape, dtype), poisoned((2, shape[-1]), np.float64)
    found = F.batch_norm(
        x, gamma, beta, *running,
        training=True, momentum=0.3, activation=activation, statistics=statistics, out=out,
    )  # fmt: skip
    assert found is out
    own = of_batch(x)
    assert relative(out, formula(x, gamma, beta, *own, relu=activation)) < tolerance
    assert relative(statistics, [own[0], 1 / np.sqrt(own[1] + 1e-5)]) < tolerance
    m = x.size / shape[-1]
    assert relative(running[0], 0.7 * mean.astype(float) + 0.3 * own[0]) < tolerance
    assert relative(running[1], 0.7 * variance.astype(float) + 0.3 * own[1] * m / (m - 1)) < tolerance
    out = F.batch_norm(x, gamma, beta, mean, variance, activation=activation, out=poisoned(shape, dtype))
    assert relative(out, formula(x, gamma, beta, mean, variance, relu=activation)) < tolerance
    for before, after in zip(given, (x, gamma, beta), strict=True):
        assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_backward_is_the_staged_derivation(shape, dtype):
    x, grad, gamma, beta, _, _ = drawn(shape, dtype)
    wide = [a.astype(np.float64) for a in (x, grad, gamma, beta)]
    rows, slopes = wide[0].reshape(-1, shape[-1]), wide[1].reshape(-1, shape[-1])
    forward, backward = staged()
    for activation in (None, "relu"):
        y, kept = forward(rows, *wide[2:], 1e-5)
        assert relative(y.reshape(shape), formula(x, gamma, beta, *of_batch(x))) < 1e-12
        passed = slopes * (y > 0) if activation else slopes
        wanted = backward(passed, wide[2], kept)
        out = tuple(poisoned(a.shape, dtype) for a in (x, gamma, beta))
        found = F.batch_norm_backward(grad, x, gamma, beta, activation=activation, out=out)
        assert all(a is b for a, b in zip(found, out, strict=True))
        size = np.linalg.norm(
            wide[1]
        )  # two rows a channel: the gradient of x is the difference of two numbers
        for a, b in zip(found, wanted, strict=True):
            away = np.linalg.norm(a.reshape(b.shape) - b)
            assert away <= (1e-12 if dtype == np.float64 else 2e-6) * max(np.linalg.norm(b), size)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("activation", [None, "relu"])
def test_batch_norm_gradients_are_differences(training, activation):
    x, _, gamma, beta, mean, variance = drawn((3, 4, 2, 5))

    def function(*arrays):
        kept = mean.copy(), variance.copy()
        return F.batch_norm(*arrays, *kept, training=training, activation=activation)

    def gradients(grad):
        return F.batch_norm_backward(
            grad, x, gamma, beta, mean, variance, training=training, activation=activation
        )

    assert_gradients(function, gradients, [x, gamma, beta])


def test_statistics_save_the_pass_over_x():
    x, grad, gamma, beta, _, _ = drawn((4, 6, 6, 10))
    statistics = poisoned((2, 10), np.float64)
    F.batch_norm(x, gamma, beta, training=True, statistics=statistics)
    given = F.batch_norm_backward(grad, x, gamma, beta, statistics=statistics)
    for a, b in zip(given, F.batch_norm_backward(grad, x, gamma, beta), strict=True):
        assert a.tobytes() == b.tobytes()
    moved = statistics + [[1.0], [0.0]]
    other = F.batch_norm_backward(grad, x, gamma, beta, statistics=moved)
    assert relative(other[1], given[1]) > 1e-3  # they are used


@pytest.mark.parametrize("dtype", DTYPES)
def test_mean_far_from_zero_cancels_nothing(dtype):
    rng = np.random.default_rng(3)
    far = 1e8 if dtype == np.float64 else 1e4
    x = (far + rng.normal(size=(1000, 4))).astype(dtype)
    x[:500] += dtype(50)  # blocks of rows with different means
    exact = x.astype(np.longdouble)
    mean, variance = exact.mean(axis=0), exact.var(axis=0)
    wanted = (exact - mean) / np.sqrt(variance + 1e-5)
    # One rounding of the mean in float64 is all that the result may feel.
    tolerance = 1e-7 if dtype == np.float64 else 2e-6
    assert relative(F.batch_norm(x, training=True), wanted.astype(np.float64)) < tolerance
    running = np.zeros(4, dtype), np.zeros(4, dtype)
    F.batch_norm(x, None, None, *running, training=True, momentum=1.0)
    assert relative(running[1], (variance * 1000 / 999).astype(np.float64)) < tolerance


def test_average_over_all_batches():
    """With momentum None; the number of batches is kept with any momentum."""
    rng, number = np.random.default_rng(9), np.zeros(1, np.int64)
    running, batches = (np.zeros(3), np.ones(3)), rng.normal(size=(4, 7, 3))
    for batch in batches:
        F.batch_norm(batch, None, None, *running, training=True, momentum=None, num_batches_tracked=number)
    np.testing.assert_allclose(running[0], batches.mean((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(running[1], batches.var(1, ddof=1).mean(0), rtol=1e-12)
    assert number == 4
    F.batch_norm(batches[0], None, None, *running, training=True, num_batches_tracked=number)
    F.batch_norm(batches[:0, 0], None, None, *running, training=True, num_batches_tracked=number)
    F.batch_norm(batches[0], None, None, *running, num_batches_tracked=number)
    assert number == 5
    before = [array.copy() for array in running]
    for wrong, error in ((None, ValueError), (np.zeros(1), TypeError), (np.zeros(2, int), ValueError),
                         (-np.ones(1, int), ValueError), (np.array(2**63 - 1), ValueError),
                         (3, TypeError)):  # fmt: skip
        with pytest.raises(error, match=r"^num_batches_tracked (is|has|must)"):
            F.batch_norm(
                batches[0], None, None, *running, training=True, momentum=None, num_batches_tracked=wrong
            )
    assert all(np.array_equal(a, b) for a, b in zip(before, running, strict=True))
    F.batch_norm(batches[0], training=True, momentum=None)
    with pytest.raises(TypeError, match=r"^num_batches_tracked is changed in place"):
        F.batch_norm(batches[0], None, None, *running, num_batches_tracked=3)
    alone = number.reshape(())
    F.batch_norm(batches[0], None, None, *running, training=True, num_batches_tracked=alone)
    assert number == 6


def test_constant_channels():
    x, grad, gamma, beta, _, _ = drawn((8, 3, 3, 4))
    x[..., 1], x[..., 3] = 0.1, 1e8
    y = F.batch_norm(x, gamma, beta, training=True)
    assert np.all(y[..., [1, 3]] == beta[[1, 3]])
    grad_x, grad_gamma, grad_beta = F.batch_norm_backward(grad, x, gamma, beta)
    assert np.all(np.isfinite(grad_x))
    assert np.all(grad_gamma[[1, 3]] == 0)
    centred = grad - grad.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(grad_x[..., 1], gamma[1] / np.sqrt(1e-5) * centred[..., 1], rtol=1e-9)
    np.testing.assert_allclose(grad_beta, grad.sum(axis=(0, 1, 2)))


def test_what_is_not_finite_stays_in_its_channel():
    x, grad, gamma, beta, _, _ = drawn((4, 3, 3, 6))
    clean = F.batch_norm(x, gamma, beta, training=True, activation="relu")
    x[1, 2, 0, 2] = np.nan
    y = F.batch_norm(x, gamma, beta, training=True, activation="relu")
    others = [0, 1, 3, 4, 5]
    assert np.all(np.isnan(y[..., 2])) and np.array_equal(y[..., others], clean[..., others])
    grad_x, *_ = F.batch_norm_backward(grad, x, gamma, beta, activation="relu")
    assert np.all(np.isnan(grad_x[..., 2])) and np.all(np.isfinite(grad_x[..., others]))


def test_one_value_a_channel_is_refused_in_training():
    x, running = np.ones((1, 1, 1, 3)), (np.zeros(3), np.ones(3))
    for call in (
        lambda: F.batch_norm(x, None, None, *running, training=True),
        lambda: F.batch_norm_backward(x, x),
    ):
        with pytest.raises(ValueError, match="more than one value per channel"):
            call()
    assert np.all(running[0] == 0) and np.all(running[1] == 1)
    assert F.batch_norm(x, None, None, *running).shape == x.shape
    F.batch_norm_backward(x, x, None, None, *running, training=False)


@pytest.mark.parametrize("shape", [(0, 3), (0, 5, 5, 2), (4, 0, 5, 2), (3, 0), (0, 0)])
def test_empty_arrays(shape):
    x = np.ones(shape)
    channels = shape[-1]
    running = np.full(channels, 2.0), np.full(channels, 3.0)
    statistics = poisoned((2, channels), np.float64)
    assert F.batch_norm(x, None, None, *running, training=True, statistics=statistics).shape == shape
    assert np.all(running[0] == 2) and np.all(running[1] == 3) and np.all(np.isfinite(statistics))
    for found in (F.batch_norm_backward(x, x), F.layer_norm_backward(x, x), F.group_norm_backward(x, x, 1)):
        assert [a.shape for a in found] == [shape, (channels,), (channels,)]
        assert not any(np.any(a) for a in found)
    assert F.batch_norm(x, None, None, *running).shape == shape
    assert F.layer_norm(x).shape == F.group_norm(x, 1).shape == F.local_response_norm(x, 3).shape == shape
    assert F.local_response_norm_backward(x, x, 3).shape == shape


@pytest.mark.parametrize("shape", [(37, 5), (300, 200), (5, 40, 30, 6), (2, 50, 50, 64), (90, 1030)])
def test_same_bits_at_any_thread_count(shape):
    x, grad, gamma, beta, _, _ = drawn(shape)
    assert_same_bits(lambda: F.batch_norm(x, gamma, beta, training=True, activation="relu"))
    assert_same_bits(lambda: F.batch_norm_backward(grad, x, gamma, beta, activation="relu"))
    assert_same_bits(lambda: F.group_norm_backward(grad, x, 1, gamma, beta))
    assert_same_bits(lambda: F.layer_norm_backward(grad, x, gamma))
    assert_same_bits(lambda: F.local_response_norm_backward(grad, x, 3))


def test_arrays_that_are_not_contiguous():
    x, grad, gamma, beta, mean, variance = drawn((6, 4, 4, 8))
    strided = np.asfortranarray(x)[::2, :, ::-1]
    plain = np.ascontiguousarray(strided)
    running = np.stack([mean, variance], axis=1).copy()
    y = F.batch_norm(strided, gamma[::-1], beta, running[:, 0], running[:, 1], training=True)
    assert np.array_equal(y, F.batch_norm(plain, gamma[::-1].copy(), beta, mean, variance, training=True))
    assert np.array_equal(running.T, [mean, variance])
    found = F.batch_norm_backward(grad[::2, :, ::-1], strided, gamma, beta)
    wanted = F.batch_norm_backward(grad[::2, :, ::-1].copy(), plain, gamma, beta)
    assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_fold_batch_norm():
    rng = np.random.default_rng(5)
    weight, bias, gamma, beta, mean = rng.normal(size=(6, 10)), *rng.normal(size=(4, 6))
    variance, x = rng.uniform(0.5, 2, 6), rng.normal(size=(7, 10))
    before = F.dense(x, weight, bias)
    wanted = F.batch_norm(before, gamma, beta, mean, variance, eps=1e-3)
    folded = F.fold_batch_norm(weight, bias, gamma, beta, mean, variance, eps=1e-3)
    assert relative(F.dense(x, *folded), wanted) < 1e-14
    four_axes, other = F.fold_batch_norm(
        weight.reshape(6, 1, 2, 5), bias, gamma, beta, mean, variance, eps=1e-3
    )
    assert np.array_equal(four_axes.reshape(6, 10), folded[0]) and np.array_equal(other, folded[1])
    plain = F.fold_batch_norm(weight, None, None, None, mean, variance)
    assert relative(F.dense(x, *plain), F.batch_norm(x @ weight.T, None, None, mean, variance)) < 1e-14
    single = F.fold_batch_norm(*(a.astype(np.float32) for a in (weight, bias, gamma, beta, mean, variance)))
    assert all(a.dtype == np.float32 for a in single)


# Group and layer norm -------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape, groups", [((3, 5, 4, 6), 3), ((2, 6), 2), ((4, 9, 8), 1), ((2, 30, 30, 64), 64)]
)
def test_group_norm(shape, groups, dtype, activation):
    x, _, gamma, beta, _, _ = drawn(shape, dtype)
    grouped = x.astype(np.float64).reshape(shape[0], -1, groups, shape[-1] // groups)
    mean, variance = grouped.mean(axis=(1, 3), keepdims=True), grouped.var(axis=(1, 3), keepdims=True)
    vectors = (a.reshape(groups, -1) for a in (gamma, beta))
    wanted = formula(grouped, *vectors, mean, variance, relu=activation).reshape(shape)
    found = F.group_norm(x, groups, gamma, beta, activation=activation, out=poisoned(shape, dtype))
    assert relative(found, wanted) < (1e-12 if dtype == np.float64 else 2e-6)


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize(
    "shape, groups", [((3, 5, 2, 6), 2), ((2, 3, 8), 1), ((3, 12), 3), ((2, 7, 7, 4), 4)]
)
def test_group_norm_gradients_are_differences(shape, groups, activation):
    x, _, gamma, beta, _, _ = drawn(shape)
    assert_gradients(
        lambda *arrays: F.group_norm(arrays[0], groups, *arrays[1:], activation=activation),
        lambda grad: F.group_norm_backward(grad, x, groups, gamma, beta, activation=activation),
        [x, gamma, beta],
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(7, 5), (3, 4, 130), (11,), (2, 1)])
def test_layer_norm(shape, dtype):
    x, _, gamma, beta, _, _ = drawn(shape, dtype)
    wide = x.astype(np.float64)
    wanted = formula(x, gamma, beta, wide.mean(-1, keepdims=True), wide.var(-1, keepdims=True))
    found = F.layer_norm(x, gamma, beta, out=poisoned(shape, dtype))
    assert relative(found, wanted) < (1e-12 if dtype == np.float64 else 2e-6)


@pytest.mark.parametrize("shape", [(7, 5), (3, 4, 30), (11,)])
def test_layer_norm_gradients_are_differences(shape):
    x, _, gamma, beta, _, _ = drawn(shape)
    assert_gradients(F.layer_norm, lambda grad: F.layer_norm_backward(grad, x, gamma), [x, gamma, beta])


# Local response normalisation -----------------------------------------------------------------------


def response(x, size, alpha, beta, k):
    """Its definition, number by number."""
    x = np.asarray(x, np.float64)
    y = np.empty_like(x)
    for place in np.ndindex(x.shape):
        c = place[-1]
        window = x[place[:-1]][max(0, c - size // 2) : c + (size - 1) // 2 + 1]
        y[place] = x[place] / (k + alpha / size * np.sum(window**2)) ** beta
    return y


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size, beta", [(5, 0.75), (4, 0.5), (1, 1.0), (3, 0.6), (12, 0.0)])
def test_local_response_norm(size, beta, dtype):
    x = np.random.default_rng(1).normal(size=(3, 2, 9)).astype(dtype)
    found = F.local_response_norm(x, size, 2.0, beta, 1.5, out=poisoned(x.shape, dtype))
    assert relative(found, response(x, size, 2.0, beta, 1.5)) < (1e-12 if dtype == np.float64 else 2e-6)
    if dtype == np.float64:
        assert_gradients(
            lambda x: F.local_response_norm(x, size, 2.0, beta, 1.5),
            lambda grad: [F.local_response_norm_backward(grad, x, size, 2.0, beta, 1.5)],
            [x],
        )


# Bad input ------------------------------------------------------------------------------------------

X = np.ones((4, 3, 3, 2))
V = np.ones(2)
BAD = [
    (lambda: F.batch_norm(X), ValueError, "running_mean and running_variance are needed"),
    (lambda: F.batch_norm(X, V[:1], training=True), ValueError, r"gamma has shape \(1,\).*\(4, 3, 3, 2\)"),
    (lambda: F.batch_norm(X, V, V[:1], training=True), ValueError, r"beta has shape \(1,\).*\(4, 3, 3, 2\)"),
    (lambda: F.batch_norm(X, V.astype(np.float32), training=True), TypeError, "gamma has dtype float32"),
    (lambda: F.batch_norm(X.astype(int), training=True), TypeError, "x must be float32 or float64"),
    (lambda: F.batch_norm(X.astype(complex), training=True), TypeError, "x must be float32 or float64"),
    (lambda: F.batch_norm(np.float64(1), training=True), ValueError, "x must have at least one axis"),
    (lambda: F.batch_norm(X, training=True, eps=0.0), ValueError, "eps must be finite and positive"),
    (lambda: F.batch_norm(X, training=True, eps=-1), ValueError, "eps must be finite and positive"),
    (lambda: F.batch_norm(X, training=True, eps=np.nan), ValueError, "eps must be finite and positive"),
    (lambda: F.batch_norm(X, training=True, momentum=1.5), ValueError, r"momentum must lie in \[0, 1\]"),
    (lambda: F.batch_norm(X, training=True, activation="tanh"), ValueError, "activation must be"),
    (lambda: F.batch_norm(X, None, None, V, -V), ValueError, "running_variance must not be negative"),
    (lambda: F.batch_norm(X, None, None, V.copy(), training=True), ValueError, "given together"),
    (lambda: F.batch_norm(X, V, V, V, V.copy(), training=True), ValueError, "running_mean.*overlaps"),
    (
        lambda: F.batch_norm(X, None, None, [0.0, 0.0], V.copy(), training=True),
        TypeError,
        "running_mean is changed in place",
    ),
    (
        lambda: F.batch_norm(X, None, None, np.zeros(3), V.copy(), training=True),
        ValueError,
        r"running_mean has shape \(3,\)",
    ),
    (lambda: F.batch_norm(X, V, V, V, V, out=X), ValueError, "out overlaps"),
    (lambda: F.batch_norm(X, V, V, V, V, out=np.empty((4, 3, 3))), ValueError, r"out has shape \(4, 3, 3\)"),
    (lambda: F.batch_norm(X, V, V, V, V, out=np.empty(X.shape, np.float32)), TypeError, "out has dtype"),
    (
        lambda: F.batch_norm(X, training=True, statistics=np.empty((2, 3))),
        ValueError,
        r"statistics has shape \(2, 3\)",
    ),
    (lambda: F.batch_norm_backward(X[:2], X), ValueError, r"grad has shape \(2, 3, 3, 2\).*\(4, 3, 3, 2\)"),
    (lambda: F.batch_norm_backward(X, X, out=np.empty(X.shape)), TypeError, "out must be a tuple of 3"),
    (lambda: F.batch_norm_backward(X, X, out=(X, None, None)), ValueError, "out for x overlaps"),
    (lambda: F.batch_norm_backward(X, X, statistics=V[None]), ValueError, r"statistics has shape \(1, 2\)"),
    (lambda: F.group_norm(X, 3), ValueError, r"num_groups 3 does not divide.*\(4, 3, 3, 2\)"),
    (lambda: F.group_norm(X, 0), ValueError, "num_groups must be at least 1"),
    (lambda: F.group_norm(V, 1), ValueError, "x must have at least two axes"),
    (lambda: F.group_norm(X, 1, eps=0), ValueError, "eps must be finite and positive"),
    (lambda: F.layer_norm(X, np.ones(3)), ValueError, r"gamma has shape \(3,\)"),
    (lambda: F.layer_norm(X, eps=-1.0), ValueError, "eps must be finite and positive"),
    (lambda: F.layer_norm_backward(X, X[:3]), ValueError, "grad has shape"),
    (lambda: F.local_response_norm(X, 0), ValueError, "size must be at least 1"),
    (lambda: F.local_response_norm(X, 3, -1.0), ValueError, "alpha must be finite and at least 0"),
    (lambda: F.local_response_norm(X, 3, k=0.0), ValueError, "k must be finite and positive"),
    (lambda: F.local_response_norm(X, 2.5), TypeError, "size must be an integer"),
    (lambda: F.fold_batch_norm(X, None, None, None, V, V), ValueError, r"mean has shape \(2,\).*\(4, 3, 3"),
    (lambda: F.fold_batch_norm(V, None, None, None, V, -V), ValueError, "variance must not be negative"),
    (lambda: F.fold_batch_norm(V, None, None, None, None, V), ValueError, "mean must be given"),
    (lambda: F.fold_batch_norm(V, None, None, None, V, V, eps=0), ValueError, "eps must be finite and pos"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert np.all(X == 1) and np.all(V == 1)


def test_nothing_is_written_before_all_is_checked():
    running, read_only = (np.zeros(2), np.ones(2)), np.empty(X.shape)
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="out is read-only"):
        F.batch_norm(X, None, None, *running, training=True, out=read_only)
    assert np.all(running[0] == 0) and np.all(running[1] == 1)


def test_windows_wider_than_all_channels():
    """They hold no more than all channels, and cost no more."""
    x = np.random.default_rng(1).normal(size=(3, 5))
    for size in (9, 10, 11, 40, 10**9):
        found = F.local_response_norm(x, size, alpha=3.0 * size, beta=0.6, k=0.5)
        expected = x / (0.5 + 3.0 * np.sum(x**2, axis=1, keepdims=True)) ** 0.6
        np.testing.assert_allclose(found, expected, rtol=1e-12)
