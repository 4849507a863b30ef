"""Losses against their formulas, differences and limits."""

import math
import warnings

import numba
import numpy as np
import pytest
import scipy.special

import numgd
import numgd.nn.functional as F
from numgd.kernels.cpu.layers import blocks
from numgd.scalars import LOSSES

REALS = [np.float32, np.float64]
REDUCTIONS = ["mean", "sum", "none"]


def log_expit(x):
    return scipy.special.log_expit(x)


def log_softmax(x):
    return scipy.special.log_softmax(x, -1)


def huber(d, c):
    return np.where(d <= c, 0.5 * d * d, c * (d - 0.5 * c))


def stirling(y):
    y = np.maximum(y, 1)
    return y * np.log(y) - y + np.log(2 * np.pi * y) / 2


FORMULAS = {  # the loss of x and its target y, and the options
    "l1_loss": (lambda x, y: abs(x - y), {}),
    "mse_loss": (lambda x, y: (x - y) ** 2, {}),
    "smooth_l1_loss": (lambda x, y: huber(abs(x - y), 0.7) / 0.7, {"beta": 0.7}),
    "huber_loss": (lambda x, y: huber(abs(x - y), 0.7), {"delta": 0.7}),
    "hinge_loss": (lambda x, y: np.maximum(0, 1 - x * y), {}),
    "hinge_embedding_loss": (lambda x, y: np.where(y > 0, x, np.maximum(0, 0.8 - x)), {"margin": 0.8}),
    "soft_margin_loss": (lambda x, y: -log_expit(x * y), {}),
    "kl_div": (lambda x, y: scipy.special.xlogy(y, y) - y * x, {}),
    "kl_div:log": (lambda x, y: np.exp(y) * (y - x), {"log_target": True}),
    "poisson_nll_loss": (lambda x, y: np.exp(x) - y * x, {}),
    "poisson_nll_loss:rate, full": (
        lambda x, y: x - y * np.log(x + 1e-3) + np.where(y > 1, stirling(y), 0),
        {"log_input": False, "full": True, "eps": 1e-3},
    ),
    "binary_cross_entropy_with_logits:weighed": (
        lambda x, y: -3 * y * log_expit(x) - (1 - y) * log_expit(-x),
        {"pos_weight": 3},
    ),
    "binary_cross_entropy_with_logits": (lambda x, y: -y * log_expit(x) - (1 - y) * log_expit(-x), {}),
    "binary_cross_entropy": (lambda x, y: -y * np.log(x) - (1 - y) * np.log1p(-x), {}),
    "multilabel_soft_margin_loss": (
        lambda x, y: -(y * log_expit(x) + (1 - y) * log_expit(-x)).mean(-1),
        {},
    ),
    "nll_loss": (lambda x, y: -_picked(x, y), {}),
    "cross_entropy": (lambda x, y: -_picked(log_softmax(x), y), {}),
    "cross_entropy:smoothed": (
        lambda x, y: -0.8 * _picked(log_softmax(x), y) - 0.2 * log_softmax(x).mean(-1),
        {"label_smoothing": 0.2},
    ),
    "cross_entropy:mixed": (lambda x, y: -(y * log_softmax(x)).sum(-1), {}),
    "cross_entropy:mixed, smoothed": (
        lambda x, y: -((0.8 * y + 0.2 / x.shape[-1]) * log_softmax(x)).sum(-1),
        {"label_smoothing": 0.2},
    ),
}
CASES = pytest.mark.parametrize("case", FORMULAS)


def _picked(rows, labels):
    return np.take_along_axis(rows, labels[..., None], -1)[..., 0]


def functions(case):
    name, options = case.partition(":")[0], FORMULAS[case][1]
    forward, backward = getattr(F, name), getattr(F, f"{name}_backward")
    return (
        lambda *arrays, **more: forward(*arrays, **options, **more),
        lambda *arrays, **more: backward(*arrays, **options, **more),
    )


def draw(case, shape, real, rng):
    """x, its target, and the shape of the losses."""
    x, y = 3 * rng.normal(size=(2, *shape))
    inner = shape
    if case in ("hinge_loss", "hinge_embedding_loss", "soft_margin_loss"):
        y = np.where(y > 0, 1.0, -1.0)
    elif case == "binary_cross_entropy":
        x, y = rng.uniform(0.01, 0.99, (2, *shape))
    elif case.startswith("poisson"):
        x, y = 0.3 + np.abs(x) if "rate" in case else x, rng.poisson(2, shape).astype(float)
    elif case.startswith("binary_cross_entropy_with_logits") or case == "kl_div":
        y = rng.uniform(0, 1, shape)
    elif case == "multilabel_soft_margin_loss":
        y, inner = (y > 0).astype(float), shape[:-1]
    elif case.startswith("cross_entropy:mixed"):
        y, inner = scipy.special.softmax(y, -1), shape[:-1]
    elif case.startswith("cross_entropy") or case == "nll_loss":
        inner = shape[:-1]
        y = rng.integers(0, shape[-1], inner)
    return x.astype(real), y if y.dtype.kind == "i" else y.astype(real), inner


def reduce(losses, weights, reduction):
    """By the definition."""
    if weights is None:
        weights = np.ones(())
    weights = np.broadcast_to(
        weights.reshape(weights.shape + (1,) * (losses.ndim - weights.ndim)), losses.shape
    )
    total = weights.astype(float) * losses
    return {"none": lambda: total, "sum": total.sum, "mean": lambda: total.sum() / weights.sum()}[reduction]()


def exactly(case, x, y, weights, reduction):
    """By the formula in float64."""
    y = y if y.dtype.kind == "i" else y.astype(float)
    return reduce(FORMULAS[case][0](x.astype(float), y), weights, reduction)


def draw_weights(kind, inner, real, rng):
    shape = {"none": None, "samples": inner[:1], "all": inner}[kind]
    return None if shape is None else rng.integers(0, 4, shape).astype(real) + real(0.25)


def check(case, shape, real, weighting, rng):
    """All reductions, forward and backward."""
    x, y, inner = draw(case, shape, real, rng)
    weights = draw_weights(weighting, inner, real, rng)
    forward, backward = functions(case)
    kept = x.copy(), y.copy()
    tolerance = 2e-6 if real is np.float32 else 1e-12
    for reduction in REDUCTIONS:
        wanted = exactly(case, x, y, weights, reduction)
        out = np.full(wanted.shape, np.nan, real)
        got = forward(x, y, sample_weight=weights, reduction=reduction, out=out)
        assert got is out
        assert np.linalg.norm(got - wanted) <= tolerance * np.linalg.norm(wanted)
        again = forward(x, y, sample_weight=weights, reduction=reduction)
        assert again.dtype == real and np.array_equal(again, out)

        grad = rng.normal(size=wanted.shape) if reduction == "none" else float(rng.normal())
        gradient = np.full(x.shape, np.nan, real)
        if reduction == "none":
            grad = grad.astype(real)
        assert backward(grad, x, y, sample_weight=weights, reduction=reduction, out=gradient) is gradient
        direction = rng.normal(size=x.shape)
        h = 1e-6 if case == "binary_cross_entropy" else 1e-5
        sides = [
            np.sum(grad * exactly(case, x + side * h * direction, y, weights, reduction)) for side in (-1, 1)
        ]
        slope = (sides[1] - sides[0]) / (2 * h)
        # A difference across a kink is wrong by h times the jump of the slope.
        slack = (1e-4 if "l1" in case or "hinge" in case or "huber" in case else 1e-6) + tolerance
        allowed = slack * (1e-3 + np.linalg.norm(gradient)) + np.finfo(real).eps * np.linalg.norm(grad)
        assert abs(np.sum(gradient * direction) - slope) <= allowed
    assert np.array_equal(x, kept[0]) and np.array_equal(y, kept[1])


@pytest.mark.parametrize("weighting", ["none", "samples", "all"])
@CASES
def test_formula_and_derivative(case, weighting):
    check(case, (9, 5, 13), np.float64, weighting, np.random.default_rng(1))


IN_FLOAT32 = ("smooth_l1_loss", "cross_entropy", "cross_entropy:mixed")  # the others in the slow tier


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=() if c in IN_FLOAT32 else pytest.mark.slow) for c in FORMULAS]
)
def test_float32(case):
    check(case, (11, 37), np.float32, "samples", np.random.default_rng(2))


@pytest.mark.slow
@pytest.mark.parametrize("real", REALS)
@CASES
def test_random_shapes(case, real):
    rng = np.random.default_rng(3)
    for _ in range(40):
        shape = tuple(rng.integers(1, 30, size=rng.integers(2, 4)))
        check(case, shape, real, str(rng.choice(["none", "samples", "all"])), rng)


@CASES
def test_long(case):
    rng = np.random.default_rng(4)
    x, y, _ = draw(case, (900, 101), np.float32 if case in IN_FLOAT32 else np.float64, rng)
    forward, _ = functions(case)
    for reduction in ("sum", "mean"):
        wanted = exactly(case, x, y, None, reduction)
        tolerance = 1e-6 if x.dtype == np.float32 else 1e-12
        assert abs(forward(x, y, reduction=reduction) - wanted) <= tolerance * abs(wanted)


@pytest.fixture
def threads():
    before = numba.get_num_threads()
    yield numba.set_num_threads
    numba.set_num_threads(before)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core")
@CASES
def test_same_bits_on_any_number_of_threads(case, threads):
    rng = np.random.default_rng(5)
    real = np.float32 if case in IN_FLOAT32 else np.float64
    x, y, inner = draw(case, (701, 131), real, rng)
    weights = draw_weights("samples", inner, real, rng)
    forward, backward = functions(case)
    results = []
    for count in (1, 2):
        threads(count)
        results.append(
            (
                forward(x, y),
                forward(x, y, sample_weight=weights, reduction="sum"),
                backward(1.0, x, y, sample_weight=weights),
            )
        )
    for one, two in zip(*results, strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("real", [pytest.param(np.float32, marks=pytest.mark.slow), np.float64])
@pytest.mark.parametrize("kind", LOSSES)
def test_interpreted_as_compiled(kind, real):
    rng = np.random.default_rng(6)
    name, parameter = LOSSES[kind].function, LOSSES[kind].parameter
    x, y, _ = draw(name, (40,), real, rng)
    options = {parameter: 0.5} if parameter else {}
    if kind == "kl_div_log":
        options = {"log_target": True}
    elif kind == "poisson_nll":
        x, options = np.abs(x), {"log_input": False, "eps": 0.5}
    values = getattr(F, name)(x, y, reduction="none", **options)
    slopes = getattr(F, f"{name}_backward")(np.ones_like(x), x, y, reduction="none", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for compiled, function in ((values, LOSSES[kind].value), (slopes, LOSSES[kind].derivative)):
            interpreted = np.array([function(u, v, real(0.5)) for u, v in zip(x, y, strict=True)])
            assert interpreted.dtype == real
            eps = np.finfo(real).eps
            np.testing.assert_allclose(compiled, interpreted, rtol=20 * eps, atol=4 * eps)


@pytest.mark.parametrize("kind", LOSSES)
def test_nan_stays(kind):
    nan, one = np.float32(np.nan), np.float32(1)
    for function in LOSSES[kind]:
        assert np.isnan(function(nan, one, one))


def test_ignored_labels():
    """They count as if they were not there, whatever their logits are."""
    infinite = [[np.nan, 3.0], [np.inf, np.inf], [-np.inf, -np.inf]]
    x, labels = np.array([[1.0, 2.0], *infinite]), np.array([0, -100, -100, -100])
    for name, weight in (
        ("cross_entropy", None),
        ("cross_entropy", np.array([0.5, 2.0])),
        ("nll_loss", None),
    ):
        forward, backward = getattr(F, name), getattr(F, f"{name}_backward")
        options = {"weight": weight, **({"label_smoothing": 0.1} if weight is not None else {})}
        assert forward(x, labels, **options) == forward(x[:1], labels[:1], **options)
        slopes = backward(1.0, x, labels, **options)
        assert np.array_equal(slopes[:1], backward(1.0, x[:1], labels[:1], **options))
        assert not slopes[1:].any()
        assert np.isnan(forward(x[1:], labels[1:], **options))
        assert forward(x[1:], labels[1:], reduction="sum", **options) == 0
        assert not backward(1.0, x[1:], labels[1:], **options).any()
        assert forward(x, labels, sample_weight=np.array([3.0, 1.0, 2.0, 1.0]), **options) == pytest.approx(
            forward(x[:1], labels[:1], **options), rel=1e-15
        )


def test_labels_of_a_single_sample():
    x, weight = np.log(np.array([0.2, 0.3, 0.5])), np.array([1.0, 2.0, 3.0])
    for name in ("cross_entropy", "nll_loss"):
        forward = getattr(F, name)
        assert forward(x, np.array(1), weight=weight, reduction="sum") == pytest.approx(-2 * np.log(0.3))
        assert np.isnan(forward(x, np.array(1), weight=weight, ignore_index=1))
        assert not getattr(F, f"{name}_backward")(1.0, x, np.array(-100), weight=weight).any()


@pytest.mark.parametrize("weight", [1e-3, 1e3, 1e5, 1e8])
def test_large_weights_of_positive_terms(weight):
    """Both terms count in float32 too, however different they are."""
    x, t = np.array([20, -20, 20, -5], np.float32), np.array([0.5, 0.5, 0.999, 1], np.float32)
    wide, exact = x.astype(float), t.astype(float)
    wanted = -weight * exact * log_expit(wide) - (1 - exact) * log_expit(-wide)
    found = F.binary_cross_entropy_with_logits(x, t, pos_weight=weight, reduction="none")
    np.testing.assert_allclose(found, wanted, rtol=2e-6)
    wanted = (1 - exact) * scipy.special.expit(wide) - weight * exact * scipy.special.expit(-wide)
    found = F.binary_cross_entropy_with_logits_backward(1.0, x, t, pos_weight=weight, reduction="sum")
    np.testing.assert_allclose(found, wanted, rtol=2e-6)


def test_a_width_of_0_is_the_absolute_error():
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    assert F.smooth_l1_loss(x, y, beta=0) == F.l1_loss(x, y)
    assert np.array_equal(F.smooth_l1_loss_backward(1.0, x, y, beta=0), F.l1_loss_backward(1.0, x, y))


@pytest.mark.parametrize("real", REALS)
def test_large_logits(real):
    """Labels, logits of ±1e4: right, finite, and the slopes too."""
    x = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]], real)
    labels = np.array([1, 0, 2])
    wanted = [2e4, 2e4 + math.log(2), math.log(3)]
    for target in (labels, np.eye(3, dtype=real)[labels]):
        np.testing.assert_allclose(F.cross_entropy(x, target, reduction="none"), wanted, rtol=1e-6)
        slopes = F.cross_entropy_backward(1.0, x, target, reduction="sum")
        np.testing.assert_allclose(slopes, scipy.special.softmax(x, -1) - np.eye(3)[labels], atol=1e-6)
    smoothed = F.cross_entropy(x, labels, label_smoothing=0.3, reduction="none")
    np.testing.assert_allclose(
        smoothed, 0.7 * np.array(wanted) + [3000, 2000 + 0.3 * math.log(2), 0.3 * math.log(3)]
    )
    logits, yes = np.array([1e4, -1e4, 1e4, -1e4], real), np.array([1, 0, 0, 1], real)
    losses = F.binary_cross_entropy_with_logits(logits, yes, reduction="none")
    assert losses.tolist() == [0, 0, 1e4, 1e4]
    slopes = F.binary_cross_entropy_with_logits_backward(1.0, logits, yes, reduction="sum")
    assert slopes.tolist() == [0, 0, 1, -1]


INF = np.inf
LIMITS = {  # x, target, sample weights, the losses and their slopes: the limits of the formulas
    "mse_loss": ([INF, -INF, INF], [0, 0, 0], [1, 1, 0], [INF, INF, 0], [INF, -INF, 0]),
    "l1_loss": ([INF, -INF, INF], [0, 0, 0], [1, 1, 0], [INF, INF, 0], [1, -1, 0]),
    "smooth_l1_loss": ([INF, -INF, INF], [0, 0, 0], [1, 1, 0], [INF, INF, 0], [1, -1, 0]),
    "huber_loss": ([INF, -INF, INF], [0, 0, 0], [1, 1, 0], [INF, INF, 0], [0.7, -0.7, 0]),
    "hinge_loss": ([INF, -INF, INF, -INF], [1, 1, -1, 1], [1, 1, 1, 0], [0, INF, INF, 0], [0, -1, 1, 0]),
    "binary_cross_entropy_with_logits": (
        [INF, INF, INF, -INF, -INF, -INF, INF],
        [1, 0, 0.5, 1, 0, 0.5, 0],
        [1, 1, 1, 1, 1, 1, 0],
        [0, INF, INF, INF, 0, INF, 0],
        [0, 1, 0.5, -1, 0, -0.5, 0],
    ),
    "multilabel_soft_margin_loss": (
        [[INF, -INF], [INF, -INF], [-INF, 0], [INF, INF]],
        [[1, 0], [0, 0], [0, 1], [0, 1]],
        [1, 1, 1, 0],
        [0, INF, math.log(2) / 2, 0],
        [[0, 0], [0.5, 0], [0, -0.25], [0, 0]],
    ),
    "cross_entropy": (
        [[0, -INF, 0], [0, -INF, 0], [INF, 0, -INF], [INF, 0, -INF], [0, -INF, 0]],
        [0, 1, 0, 1, 1],
        [1, 1, 1, 1, 0],
        [math.log(2), INF, 0, INF, 0],
        [[-0.5, 0, 0.5], [0.5, -1, 0.5], [0, 0, 0], [1, -1, 0], [0, 0, 0]],
    ),
    "cross_entropy:smoothed": ([[0, -INF], [INF, 0]], [0, 0], [1, 0], [INF, 0], [[0.1, -0.1], [0, 0]]),
    "cross_entropy:mixed": (
        [[0, -INF, 0], [0, -INF, 0], [INF, 0, 0], [0, -INF, -INF]],
        [[0.5, 0, 0.5], [0.5, 0.5, 0], [1, 0, 0], [0, 1, 0]],
        [1, 1, 1, 0],
        [math.log(2), INF, 0, 0],
        [[0, 0, 0], [0, -0.5, 0.5], [0, 0, 0], [0, 0, 0]],
    ),
}


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("case", LIMITS)
def test_limits(case, real):
    """Infinite logits and losses of weight 0: 0 · ∞ is 0, forward and backward, and no warning."""
    x, target, weights, losses, slopes = (np.array(array, real) for array in LIMITS[case])
    target = target.astype(int) if case in ("cross_entropy", "cross_entropy:smoothed") else target
    forward, backward = functions(case)
    tolerance = 4 * np.finfo(real).eps
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = forward(x, target, sample_weight=weights, reduction="none")
        np.testing.assert_allclose(found, losses, rtol=tolerance)
        found = backward(weights, x, target, reduction="none")
        np.testing.assert_allclose(found, slopes, rtol=tolerance, atol=tolerance)
        found = backward(1.0, x, target, sample_weight=weights, reduction="sum")
        np.testing.assert_allclose(found, slopes, rtol=tolerance, atol=tolerance)
        infinite = np.where(weights == 0, real(INF), real(1))
        found = backward(infinite, x, target, sample_weight=weights, reduction="none")
        np.testing.assert_allclose(found, slopes, rtol=tolerance, atol=tolerance)
        assert forward(x, target, sample_weight=weights, reduction="sum") == losses.sum()
        finite = np.isfinite(losses)
        found = forward(x[finite], target[finite], sample_weight=weights[finite], reduction="sum")
        np.testing.assert_allclose(found, losses[finite].sum(), rtol=tolerance)


@pytest.mark.parametrize("real", REALS)
def test_limits_of_smoothing(real):
    """All of the target's mass on the uniform part: the label's own logit does not count."""
    x = np.array([[0, 0, 0], [0, -INF, 0]], real)
    losses = F.cross_entropy(x, np.array([1, 1]), label_smoothing=1.0, reduction="none")
    np.testing.assert_allclose(losses, [math.log(3), INF], rtol=1e-6)


def test_where_no_limit_is():
    """Several infinite logits, or none but −∞, leave the softmax undetermined."""
    for row in ([INF, INF, 0], [-INF, -INF, -INF], [np.nan, INF, 0]):
        for width in (1, 40):  # short rows and long ones
            x = np.array([row * width if np.isnan(row).any() or row[1] == -INF else row + [0] * width])
            assert np.isnan(F.cross_entropy(x, np.array([0])))
            assert np.isnan(F.cross_entropy_backward(1.0, x, np.array([0]))).all()


@pytest.mark.parametrize("real", REALS)
def test_certain_probabilities(real):
    x, y = np.array([0, 1, 0, 1, 1e-30], real), np.array([0, 1, 1, 0, 0], real)
    losses = F.binary_cross_entropy(x, y, reduction="none")
    np.testing.assert_allclose(losses, [0, 0, 100, 100, 1e-30], rtol=1e-6)
    slopes = F.binary_cross_entropy_backward(1.0, x, y, reduction="sum")
    np.testing.assert_allclose(slopes, [0, 0, -1e12, 1e12, 1e-18], rtol=1e-5)


@pytest.mark.parametrize("real", REALS)
def test_logistic_regression_at_huge_weights(real):
    """No penalty is none, whatever the weights; one that can be computed is; and so are the scores."""
    huge = 0.5 * np.finfo(real).max
    rows = np.array([[1, 0, -1], [4, 4, 4]], real)
    labels = np.array([1, 0])
    w = np.array([huge, -huge, -huge], real)  # the second score overflows to both sides
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for weights in (None, np.array([1, 0], real)):
            assert F.logistic_regression_loss(w, rows, labels, sample_weight=weights) == 0
            gradient = F.logistic_regression_gradient(w, rows, labels, sample_weight=weights)
            assert gradient.tolist() == [0, 0, 0]
            product = F.logistic_regression_hessp(w, w, rows, labels, sample_weight=weights)
            assert product.tolist() == [0, 0, 0]
        w, l2 = w / 8, 4 / huge
        found = F.logistic_regression_loss(w, rows, labels, l2=l2)
        np.testing.assert_allclose(found, 6 * (huge / 64), rtol=1e-6)
        found = F.logistic_regression_gradient(w, rows, labels, l2=l2)
        np.testing.assert_allclose(found, [0.5, -0.5, -0.5], rtol=1e-6)


@CASES
def test_empty_batch(case):
    rng = np.random.default_rng(7)
    x, y, inner = draw(case, (0, 4), np.float64, rng)
    forward, backward = functions(case)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(forward(x, y))
        assert forward(x, y, reduction="sum") == 0
        assert forward(x, y, reduction="none").shape == inner
        assert backward(1.0, x, y).shape == (0, 4)
        assert backward(np.zeros(inner), x, y, reduction="none").shape == (0, 4)


def test_overflow_is_infinite():
    x = np.full(4, 1e38, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert F.l1_loss(x, -x * 0, reduction="sum") == np.inf
        assert F.l1_loss(x, -x * 0, reduction="sum", out=np.zeros((), np.float32)) == np.inf


@pytest.mark.parametrize("integer", [np.int8, np.int32, np.int64, np.uint8, np.uint64])
def test_labels_of_any_integer_dtype(integer):
    x = np.random.default_rng(8).normal(size=(6, 5))
    labels = np.array([0, 4, 2, 2, 1, 3])
    assert F.cross_entropy(x, labels.astype(integer)) == F.cross_entropy(x, labels)


@CASES
def test_strided_arrays(case):
    rng = np.random.default_rng(9)
    x, y, _ = draw(case, (12, 10), np.float64, rng)
    forward, backward = functions(case)
    x, y = x[::2, ::-1], y[::2]
    assert forward(x, y) == forward(x.copy(), y.copy())
    assert np.array_equal(backward(1.0, x, y), backward(1.0, x.copy(), y.copy()))


@CASES
def test_read_only_arrays(case):
    rng = np.random.default_rng(12)
    x, y, inner = draw(case, (6, 4), np.float64, rng)
    weights = draw_weights("samples", inner, np.float64, rng)
    forward, backward = functions(case)
    wanted = forward(x, y, sample_weight=weights), backward(1.0, x, y, sample_weight=weights)
    driver = blocks._drive.signatures
    for array in (x, y, weights):
        array.flags.writeable = False
    assert forward(x, y, sample_weight=weights) == wanted[0]
    assert np.array_equal(backward(1.0, x, y, sample_weight=weights), wanted[1])
    assert blocks._drive.signatures == driver  # nothing was compiled again


@CASES
def test_bad_input(case):
    rng = np.random.default_rng(10)
    x, y, inner = draw(case, (6, 4), np.float64, rng)
    forward, backward = functions(case)
    for wrong in (x.astype(int), x.astype(complex), x.astype(np.float16)):
        with pytest.raises(TypeError, match="x must be float32 or float64"):
            forward(wrong, y)
    with pytest.raises(ValueError, match=r"target has shape .*\(6, 4\)|target has shape \(5"):
        forward(x, y[:5])
    if y.dtype.kind == "f":
        with pytest.raises(TypeError, match="target has dtype float32, but the other arrays have float64"):
            forward(x, y.astype(np.float32))
    with pytest.raises(ValueError, match="reduction must be 'mean', 'sum' or 'none'; it is 'total'"):
        forward(x, y, reduction="total")
    with pytest.raises(ValueError, match=r"out has shape \(3,\), but the result's is \(\)"):
        forward(x, y, out=np.zeros(3))
    read_only = np.zeros(inner)
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="out is read-only"):
        forward(x, y, reduction="none", out=read_only)
    before = x.copy()
    with pytest.raises(ValueError, match="out overlaps with an input"):
        backward(1.0, x, y, out=x)
    assert np.array_equal(x, before)
    with pytest.raises(ValueError, match=r"grad has shape \(6, 4\), but the loss is one number"):
        backward(x, x, y)
    with pytest.raises(ValueError, match="grad has shape"):
        backward(np.ones(3), x, y, reduction="none")
    with pytest.raises(TypeError, match="grad must be a real number"):
        backward(1j, x, y)
    weights = np.ones(6)
    with pytest.raises(ValueError, match=r"sample_weight has shape \(5,\)"):
        forward(x, y, sample_weight=weights[:5])
    with pytest.raises(TypeError, match="sample_weight has dtype float32"):
        forward(x, y, sample_weight=weights.astype(np.float32))
    for value in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="sample_weight must be finite and at least 0"):
            forward(x, y, sample_weight=np.where(np.arange(6) == 3, value, weights))
    with pytest.raises(ValueError, match="sample_weight must not be 0 everywhere"):
        forward(x, y, sample_weight=0 * weights)


@pytest.mark.parametrize("backward", [False, True])
def test_bad_targets(backward):
    x = np.zeros((2, 3))

    def call(name, *arguments, **options):
        if backward:
            getattr(F, f"{name}_backward")(1.0, *arguments, **options)
        else:
            getattr(F, name)(*arguments, **options)

    for labels in ([0, 3], [-1, 0], [0, 2**40]):
        with pytest.raises(ValueError, match="target has labels below 0 or above 2"):
            call("cross_entropy", x, np.array(labels))
    with pytest.raises(TypeError, match=r"target must be integers .* labels; its dtype is float64"):
        call("cross_entropy", x, np.array([0.0, 1.0]))
    with pytest.raises(TypeError, match=r"target must be integers, the labels; its dtype is float64"):
        call("nll_loss", x, np.array([0.0, 1.0]))
    with pytest.raises(TypeError, match="its dtype is bool"):
        call("cross_entropy", x, np.array([True, False]))
    with pytest.raises(ValueError, match=r"target has shape \(3, 2\)"):
        call("cross_entropy", x, np.zeros((3, 2)))
    for value in (-0.1, 1.1, np.nan):
        wrong = np.where(np.arange(6).reshape(2, 3) == 4, value, 0.5)
        for name in (
            "cross_entropy",
            "binary_cross_entropy",
            "binary_cross_entropy_with_logits",
            "multilabel_soft_margin_loss",
        ):
            with pytest.raises(ValueError, match="target must lie between 0 and 1"):
                call(name, x, wrong)
        with pytest.raises(ValueError, match="x must lie between 0 and 1"):
            call("binary_cross_entropy", wrong, x)
        with pytest.raises(ValueError, match=r"label_smoothing must lie in \[0, 1\]"):
            call("cross_entropy", x, np.array([0, 1]), label_smoothing=value)
    with pytest.raises(ValueError, match="target must be −1 or 1"):
        call("hinge_loss", x, x)
    for value in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="beta must be finite and at least 0"):
            call("smooth_l1_loss", x, x, beta=value)
    for value in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="delta must be finite and positive"):
            call("huber_loss", x, x, delta=value)
        with pytest.raises(ValueError, match="pos_weight must be finite and at least 0"):
            call("binary_cross_entropy_with_logits", x, x, pos_weight=value or -INF)
    with pytest.raises(ValueError, match="pos_weight must be finite and at least 0"):
        call("binary_cross_entropy_with_logits", *np.zeros((2, 2, 3), np.float32), pos_weight=1e39)
    with pytest.raises(ValueError, match="target has labels above 2"):
        call("cross_entropy", x, np.array([1, 2**64 - 100], np.uint64))
    with pytest.raises(ValueError, match=r"pos_weight has shape \(2,\)"):
        call("binary_cross_entropy_with_logits", x, x, pos_weight=np.ones(2))
    with pytest.raises(TypeError, match="pos_weight must be a number or an array"):
        call("binary_cross_entropy_with_logits", x, x, pos_weight=[None])
    for name in ("cross_entropy", "nll_loss"):
        labels = np.array([0, 1])
        with pytest.raises(ValueError, match="target has labels below 0 or above 2"):
            call(name, x, labels - 1, ignore_index=255)
        with pytest.raises(ValueError, match=r"weight has shape \(2,\), but x has 3 classes"):
            call(name, x, labels, weight=np.ones(2))
        with pytest.raises(TypeError, match="weight has dtype float32"):
            call(name, x, labels, weight=np.ones(3, np.float32))
        with pytest.raises(ValueError, match="weight must be finite and at least 0"):
            call(name, x, labels, weight=np.array([1, -1, 1.0]))
    with pytest.raises(TypeError, match="beta must be a number"):
        call("smooth_l1_loss", x, x, beta="1")
    for name in ("cross_entropy", "multilabel_soft_margin_loss"):
        with pytest.raises(ValueError, match="x must have a last axis with elements"):
            call(name, np.zeros((2, 0)), np.zeros((2, 0)))


class TestLogisticRegression:
    @staticmethod
    def draw(real, intercept):
        rng = np.random.default_rng(11)
        features = rng.normal(size=(50, 6)).astype(real)
        labels = rng.integers(0, 2, 50)
        weights = rng.uniform(0, 2, 50).astype(real)
        parameters, direction = rng.normal(size=(2, 6 + intercept)).astype(real)
        return parameters, direction, features, labels, weights

    @staticmethod
    def exactly(parameters, features, labels, l1, l2, weights, reduction):
        w, b = parameters[:6], parameters[6:].sum()
        losses = np.logaddexp(0, -(2 * labels - 1) * (features @ w + b))
        return reduce(losses, weights, reduction) + l1 * abs(w).sum() + 0.5 * l2 * w @ w

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("reduction", ["mean", "sum"])
    @pytest.mark.parametrize("intercept", [0, 1])
    @pytest.mark.parametrize("real", REALS)
    def test_formula_and_derivatives(self, real, intercept, reduction, weighted):
        parameters, direction, features, labels, weights = self.draw(real, intercept)
        weights = weights if weighted else None
        options = {"l1": 0.3, "l2": 0.7, "sample_weight": weights, "reduction": reduction}
        exact = [a.astype(float) for a in (parameters, features)]
        d = direction.astype(float)

        def f(p):
            return self.exactly(p, exact[1], labels, 0.3, 0.7, weights, reduction)

        tolerance = 1e-12 if real is np.float64 else 2e-6
        value = F.logistic_regression_loss(parameters, features, labels, **options)
        assert value.dtype == real and abs(value - f(exact[0])) <= tolerance * f(exact[0])
        gradient = F.logistic_regression_gradient(parameters, features, labels, **options)
        assert gradient.dtype == real
        slope = (f(exact[0] + 1e-5 * d) - f(exact[0] - 1e-5 * d)) / 2e-5
        assert abs(gradient @ d - slope) <= (1e-8 + 2 * tolerance) * np.linalg.norm(
            gradient
        ) * np.linalg.norm(d)
        product = F.logistic_regression_hessp(parameters, direction, features, labels, **options)
        exact_options = options | {"sample_weight": None if weights is None else weights.astype(float)}
        sides = [
            F.logistic_regression_gradient(exact[0] + side * 1e-6 * d, exact[1], labels, **exact_options)
            for side in (-1, 1)
        ]
        wanted = (sides[1] - sides[0]) / 2e-6
        assert np.linalg.norm(product - wanted) <= (1e-8 + 2 * tolerance) * np.linalg.norm(wanted)

    def test_out_and_no_samples(self):
        parameters, direction, features, labels, _ = self.draw(np.float64, 1)
        out = np.full(7, np.nan)
        assert F.logistic_regression_gradient(parameters, features, labels, out=out) is out
        assert np.array_equal(out, F.logistic_regression_gradient(parameters, features, labels))
        out = np.full(7, np.nan)
        assert F.logistic_regression_hessp(parameters, direction, features, labels, out=out) is out
        assert not np.isnan(out).any()
        empty = features[:0], labels[:0]
        assert np.isnan(F.logistic_regression_loss(parameters, *empty))
        wanted = 2 * np.abs(parameters[:6]).sum()
        assert F.logistic_regression_loss(parameters, *empty, l1=2.0, reduction="sum") == pytest.approx(
            wanted
        )

    def test_zero_weights_have_no_penalty_slope(self):
        _, _, features, labels, _ = self.draw(np.float64, 0)
        plain = F.logistic_regression_gradient(np.zeros(6), features, labels)
        assert np.array_equal(plain, F.logistic_regression_gradient(np.zeros(6), features, labels, l1=5.0))

    def test_bad_input(self):
        parameters, direction, features, labels, weights = self.draw(np.float64, 0)
        functions = (
            F.logistic_regression_loss,
            F.logistic_regression_gradient,
            lambda p, *rest, **options: F.logistic_regression_hessp(p, direction, *rest, **options),
        )
        for f in functions:
            with pytest.raises(ValueError, match=r"parameters has shape \(5,\); features \(50, 6\) need"):
                f(parameters[:5], features, labels)
            with pytest.raises(TypeError, match="parameters has dtype float32"):
                f(parameters.astype(np.float32), features, labels)
            with pytest.raises(TypeError, match="labels must be integers; the dtype is float64"):
                f(parameters, features, labels.astype(float))
            with pytest.raises(ValueError, match="labels must be 0 or 1"):
                f(parameters, features, 2 * labels)
            with pytest.raises(ValueError, match=r"labels has shape \(49,\), but features has \(50, 6\)"):
                f(parameters, features, labels[:-1])
            with pytest.raises(ValueError, match="l2 must be finite"):
                f(parameters, features, labels, l2=-1.0)
            with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\), but there are 50 samples"):
                f(parameters, features, labels, sample_weight=weights[:3])
            with pytest.raises(ValueError, match="reduction must be 'mean' or 'sum'"):
                f(parameters, features, labels, reduction="none")
        with pytest.raises(ValueError, match="out overlaps"):
            F.logistic_regression_gradient(parameters, features, labels, out=parameters)
        with pytest.raises(ValueError, match=r"direction has shape \(5,\), but parameters has \(6,\)"):
            F.logistic_regression_hessp(parameters, direction[:5], features, labels)


class TestMultinomialLogisticRegression:
    classes = 4

    def draw(self, real, intercepts):
        rng = np.random.default_rng(12)
        features = rng.normal(size=(50, 6)).astype(real)
        labels = rng.integers(0, self.classes, 50)
        weights = rng.uniform(0, 2, 50).astype(real)
        parameters, direction = rng.normal(size=(2, self.classes * (6 + intercepts))).astype(real)
        return parameters, direction, features, labels, weights

    def exactly(self, parameters, features, labels, l1, l2, weights, reduction):
        w, b = parameters[: 6 * self.classes], parameters[6 * self.classes :]
        scores = features @ w.reshape(self.classes, 6).T + (b if b.size else 0)
        losses = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(50), labels]
        return reduce(losses, weights, reduction) + l1 * abs(w).sum() + 0.5 * l2 * w @ w

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("reduction", ["mean", "sum"])
    @pytest.mark.parametrize("intercepts", [0, 1])
    @pytest.mark.parametrize("real", REALS)
    def test_formula_and_derivatives(self, real, intercepts, reduction, weighted):
        parameters, direction, features, labels, weights = self.draw(real, intercepts)
        weights = weights if weighted else None
        options = {"l1": 0.3, "l2": 0.7, "sample_weight": weights, "reduction": reduction}
        args = features, labels, self.classes
        p, a, d = (array.astype(float) for array in (parameters, features, direction))

        def f(point):
            return self.exactly(point, a, labels, 0.3, 0.7, weights, reduction)

        tolerance = 1e-12 if real is np.float64 else 2e-6
        value = F.multinomial_logistic_regression_loss(parameters, *args, **options)
        assert value.dtype == real and abs(value - f(p)) <= tolerance * f(p)
        gradient = F.multinomial_logistic_regression_gradient(parameters, *args, **options)
        assert gradient.dtype == real
        slopes = np.array([(f(p + 1e-6 * e) - f(p - 1e-6 * e)) / 2e-6 for e in np.eye(p.size)])
        assert np.linalg.norm(gradient - slopes) <= (1e-8 + 2 * tolerance) * np.linalg.norm(slopes)
        product = F.multinomial_logistic_regression_hessp(parameters, direction, *args, **options)
        exact_options = options | {"sample_weight": None if weights is None else weights.astype(float)}
        below, above = (
            F.multinomial_logistic_regression_gradient(
                p + side * 1e-6 * d, a, labels, self.classes, **exact_options
            )
            for side in (-1, 1)
        )
        wanted = (above - below) / 2e-6
        assert product.dtype == real
        assert np.linalg.norm(product - wanted) <= (1e-8 + 2 * tolerance) * np.linalg.norm(wanted)

    @pytest.mark.parametrize("intercept", [0, 1])
    def test_two_classes_of_which_one_scores_0_are_the_binary_ones(self, intercept):
        parameters, direction, features, labels, weights = self.draw(np.float64, 0)
        rest = {"sample_weight": weights, "reduction": "sum"}
        w, d = (np.array(vector[: 6 + intercept]) for vector in (parameters, direction))
        both, changed = (
            np.concatenate([np.zeros(6), v[:6], *(([0.0], v[6:]) if intercept else ())]) for v in (w, d)
        )
        second = np.r_[6:12, 13 : 13 + intercept]
        labels = labels % 2
        for name, vectors, pairs in (
            ("loss", (w,), (both,)),
            ("gradient", (w,), (both,)),
            ("hessp", (w, d), (both, changed)),
        ):
            binary = getattr(F, f"logistic_regression_{name}")(*vectors, features, labels, **rest)
            several = getattr(F, f"multinomial_logistic_regression_{name}")(
                *pairs, features, labels, 2, **rest
            )
            found = several if name == "loss" else several[second]
            np.testing.assert_allclose(found, binary, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("real", REALS)
    def test_huge_weights(self, real):
        """Only the differences of scores count, also where the scores overflow."""
        huge = 0.5 * np.finfo(real).max
        rows, labels = np.array([[1, 0, -1], [4, 4, 4]], real), np.array([1, 2])
        w = np.array([[0, 0, 0], [huge, 0, -huge], [huge, huge, huge]], real).ravel()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for weights in (None, np.array([1, 0], real)):
                given = rows, labels, 3
                assert F.multinomial_logistic_regression_loss(w, *given, sample_weight=weights) == 0
                for product in (
                    F.multinomial_logistic_regression_gradient(w, *given, sample_weight=weights),
                    F.multinomial_logistic_regression_hessp(w, w, *given, sample_weight=weights),
                ):
                    assert product.tolist() == [0] * 9

    def test_the_fit_is_scikit_learns(self):
        linear_model = pytest.importorskip("sklearn.linear_model")
        _, _, features, labels, weights = self.draw(np.float64, 1)
        theirs = linear_model.LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000)
        theirs.fit(features, labels, sample_weight=weights)
        start = np.zeros(7 * self.classes)
        given = {"l2": 0.5, "sample_weight": weights, "reduction": "sum"}
        ours = numgd.minimize(
            lambda p: F.multinomial_logistic_regression_loss(p, features, labels, self.classes, **given),
            start,
            method="newton-cg",
            jac=lambda p: F.multinomial_logistic_regression_gradient(
                p, features, labels, self.classes, **given
            ),
            hessp=lambda p, d: F.multinomial_logistic_regression_hessp(
                p, d, features, labels, self.classes, **given
            ),
            options={"gtol": 1e-9},
        )
        size = 6 * self.classes
        np.testing.assert_allclose(ours.x[:size].reshape(theirs.coef_.shape), theirs.coef_, atol=1e-6)
        shift = ours.x[size:] - theirs.intercept_  # only differences of intercepts are determined
        np.testing.assert_allclose(shift, shift.mean(), atol=1e-6)

    def test_out_and_no_samples(self):
        parameters, direction, features, labels, _ = self.draw(np.float64, 1)
        args = features, labels, self.classes
        out = np.full(7 * self.classes, np.nan)
        assert F.multinomial_logistic_regression_gradient(parameters, *args, out=out) is out
        assert np.array_equal(out, F.multinomial_logistic_regression_gradient(parameters, *args))
        assert F.multinomial_logistic_regression_hessp(parameters, direction, *args, out=out) is out
        strided = np.repeat(features, 2, axis=1)[:, ::2], labels.astype(np.int32), self.classes
        product = F.multinomial_logistic_regression_hessp(parameters, direction, *strided)
        assert np.array_equal(out, product)
        empty = features[:0], labels[:0], self.classes
        assert np.isnan(F.multinomial_logistic_regression_loss(parameters, *empty))
        found = F.multinomial_logistic_regression_loss(parameters, *empty, l1=2.0, reduction="sum")
        assert found == pytest.approx(2 * np.abs(parameters[: 6 * self.classes]).sum())

    def test_bad_input(self):
        parameters, direction, features, labels, weights = self.draw(np.float64, 0)
        for f in (
            F.multinomial_logistic_regression_loss,
            F.multinomial_logistic_regression_gradient,
            lambda p, *rest, **options: F.multinomial_logistic_regression_hessp(
                p, direction, *rest, **options
            ),
        ):
            needed = (
                r"parameters has shape \(24,\); features \(50, 6\) and 5 classes need \(30,\), or \(35,\)"
            )
            with pytest.raises(ValueError, match=needed):
                f(parameters, features, labels, 5)
            with pytest.raises(ValueError, match=r"labels must be from 0 to 3, for 4 classes, everywhere"):
                f(parameters, features, labels + 1, 4)
            with pytest.raises(ValueError, match="classes must be at least 1"):
                f(parameters, features, labels, 0)
            with pytest.raises(TypeError, match="labels must be integers; the dtype is float64"):
                f(parameters, features, labels.astype(float), 4)
            with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\), but there are 50 samples"):
                f(parameters, features, labels, 4, sample_weight=weights[:3])
        with pytest.raises(ValueError, match="out overlaps"):
            F.multinomial_logistic_regression_gradient(parameters, features, labels, 4, out=parameters)
        with pytest.raises(ValueError, match=r"direction has shape \(5,\), but parameters has \(24,\)"):
            F.multinomial_logistic_regression_hessp(parameters, direction[:5], features, labels, 4)
