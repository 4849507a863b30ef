"""Losses against PyTorch in float64, on random shapes, options and values, forward and backward."""

import numpy as np
import pytest

import numgd.nn.functional as F
from numgd.scalars import LOSSES

CASES = [
    *dict.fromkeys(
        loss.function for loss in LOSSES.values() if loss.name != "hinge"
    ),  # which PyTorch has not
    "multilabel_soft_margin_loss",
    "labels",
    "probabilities",
]


def check(seed, reals=(np.float32, np.float64)):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    case = CASES[seed % len(CASES)]
    name = "cross_entropy" if case in ("labels", "probabilities") else case
    real = reals[rng.integers(len(reals))]
    reduction = ("mean", "sum", "none")[rng.integers(3)]
    shape = tuple(rng.integers(1, 50, size=rng.integers(1, 4)))
    if name in ("cross_entropy", "multilabel_soft_margin_loss") and len(shape) == 1:
        shape += (7,)
    if case == "probabilities" and shape[-1] == 1:
        shape = (*shape[:-1], 2)  # the gradient for one class is 0, and ours its rounding error
    x, y = rng.normal(size=(2, *shape)) * rng.choice([0.1, 1, 10, 1e4])
    options = {}
    if name == "smooth_l1_loss":
        options = {"beta": float(rng.uniform(0.01, 3))}
    elif name == "hinge_embedding_loss":
        options = {"margin": float(rng.uniform(0.1, 3))}
    elif name == "kl_div":
        options = {"log_target": bool(rng.integers(2))}
    elif name == "huber_loss":
        options = {"delta": float(rng.uniform(0.01, 3))}
    elif name == "binary_cross_entropy_with_logits" and rng.integers(3):
        options = {"pos_weight": rng.uniform(0, 3, shape[-1:]).round(1)}
    elif name == "poisson_nll_loss":
        options = {"log_input": bool(rng.integers(2)), "full": bool(rng.integers(2)), "eps": 1e-3}
    elif name == "cross_entropy":
        options = {"label_smoothing": float(rng.choice([0, 0.1, 0.5]))}
    if case == "labels":
        y = rng.integers(0, shape[-1], shape[:-1])
    elif case in ("soft_margin_loss", "hinge_embedding_loss"):
        x, y = np.clip(x, -300, 300), np.where(y > 0, 1.0, -1.0)  # PyTorch's exponential overflows
    elif options.get("log_target"):
        y = np.minimum(y, 0.0)
    elif case in ("probabilities", "binary_cross_entropy_with_logits", "kl_div"):
        y = rng.uniform(size=shape)
    elif case == "binary_cross_entropy":
        x, y = rng.uniform(1e-3, 1 - 1e-3, (2, *shape))
    elif case == "multilabel_soft_margin_loss":
        y = rng.integers(0, 2, shape).astype(float)
    elif case == "poisson_nll_loss":
        x, y = np.clip(x, -20, 20) if options["log_input"] else np.abs(x), rng.poisson(3, shape).astype(float)
    x, y = x.astype(real), y if case == "labels" else y.astype(real)
    given = torch.tensor(x.astype(float), requires_grad=True)
    target = torch.tensor(y if case == "labels" else y.astype(float))
    if case == "labels":  # PyTorch's classes are the second axis
        flat = given.reshape(-1, shape[-1]), target.reshape(-1)
        value = torch.nn.functional.cross_entropy(*flat, reduction=reduction, **options)
    elif case == "probabilities":
        flat = given.reshape(-1, shape[-1]), target.reshape(-1, shape[-1])
        value = torch.nn.functional.cross_entropy(*flat, reduction=reduction, **options)
    elif name == "multilabel_soft_margin_loss":
        flat = given.reshape(-1, shape[-1]), target.reshape(-1, shape[-1])
        value = torch.nn.functional.multilabel_soft_margin_loss(*flat, reduction=reduction)
    else:
        told = {
            key: torch.tensor(value) if isinstance(value, np.ndarray) else value
            for key, value in options.items()
        }
        value = getattr(torch.nn.functional, name)(given, target, reduction=reduction, **told)
    got = getattr(F, name)(x, y, reduction=reduction, **options)
    if reduction == "none":
        value = value.reshape(got.shape)
        grad = rng.normal(size=got.shape).astype(real)
    else:
        grad = float(np.float32(rng.normal()))
    value.backward(torch.tensor(grad, dtype=torch.float64))
    gradient = getattr(F, f"{name}_backward")(grad, x, y, reduction=reduction, **options)
    tolerance = 1e-12 if real is np.float64 else 2e-6
    for found, wanted in ((got, value.detach().numpy()), (gradient, given.grad.numpy())):
        floor = 1e-2 * np.finfo(real).eps * np.linalg.norm(grad)  # all right, where p is nearly the target
        allowed = tolerance * np.linalg.norm(wanted) + floor
        assert np.linalg.norm(found - wanted) <= allowed, (case, shape, real, reduction, options)


def test_random_cases():
    for seed in range(90):
        check(seed, (np.float64,))


def check_classes(seed, reals):
    """Weights of classes, ignored labels and smoothing in all combinations, also of images."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    real = reals[rng.integers(len(reals))]
    reduction = ("mean", "sum", "none")[rng.integers(3)]
    shape = (*rng.integers(1, 9, size=rng.integers(1, 4)), int(rng.integers(2, 30)))
    name = ("cross_entropy", "nll_loss")[rng.integers(2)]
    options = {"label_smoothing": float(rng.choice([0, 0.1, 0.5]))} if name == "cross_entropy" else {}
    weight = rng.uniform(0.1, 2, shape[-1]).round(1).astype(real) if rng.integers(3) else None
    mixed = name == "cross_entropy" and rng.integers(4) == 0
    x = rng.normal(size=shape).astype(real)
    if mixed:
        y = rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(real)
    else:
        y = rng.integers(0, shape[-1], shape[:-1])
        ignored = int(rng.choice([-100, 255, 0, shape[-1] - 1]))
        y[rng.random(y.shape) < rng.choice([0, 0.3, 1.0], p=[0.3, 0.6, 0.1])] = ignored
        options["ignore_index"] = ignored
    given = torch.tensor(x.astype(float), requires_grad=True)
    target = torch.tensor(y.astype(float) if mixed else y)
    value = getattr(torch.nn.functional, name)(
        given.reshape(-1, shape[-1]), target.reshape((-1, *target.shape[len(shape) - 1 :])),
        weight=None if weight is None else torch.tensor(weight.astype(float)), reduction=reduction, **options,
    )  # fmt: skip
    got = getattr(F, name)(x, y, weight=weight, reduction=reduction, **options)
    value = value.reshape(got.shape)
    grad = rng.normal(size=got.shape).astype(real) if reduction == "none" else 0.75
    value.backward(torch.tensor(grad, dtype=torch.float64))
    gradient = getattr(F, f"{name}_backward")(grad, x, y, weight=weight, reduction=reduction, **options)
    tolerance = 1e-13 if real is np.float64 else 1e-6
    wanted = value.detach().numpy(), given.grad.numpy()
    for found, expected in zip((got, gradient), wanted, strict=True):
        allowed = tolerance * (1 + np.abs(expected))
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected), err_msg=f"{seed}")
        assert (np.isnan(found) | (np.abs(found - expected) <= allowed)).all(), (seed, options, reduction)


def test_random_classes():
    for seed in range(150):
        check_classes(seed, (np.float64,))


@pytest.mark.slow
def test_500_random_classes():
    for seed in range(1000, 1500):
        check_classes(seed, (np.float32, np.float64))


@pytest.mark.slow
def test_500_random_cases():
    for seed in range(1000, 1500):
        check(seed)
