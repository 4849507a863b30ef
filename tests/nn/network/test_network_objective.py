"""Networks as objectives of minimisers, and the protocol that makes them one."""

import numpy as np
import pytest
from scipy import optimize, special

import numgd
from numgd import nn

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3))
Y = np.sin(X @ [1.0, -0.5, 0.3])[:, None] + 0.5
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)


def smooth(dtype=np.float64, seed=1):
    model = nn.Sequential(nn.Dense(6, activation="tanh"), nn.Dense(1))
    return nn.Network(model, (3,), dtype=dtype, seed=seed)


def by_hand(x):
    """The mean squared error of `smooth` at x."""
    weight, bias, out, last = x[:18].reshape(6, 3), x[18:24], x[24:30], x[30]
    return np.mean((np.tanh(X @ weight.T + bias) @ out + last - Y[:, 0]) ** 2)


@pytest.fixture(scope="module")
def objective():
    return smooth().objective("mse", X, Y)


def point(seed=2):
    return np.random.default_rng(seed).normal(size=31)


def differences(function, x, step=1e-5):
    """Central differences along all axes, on a new last axis."""
    ends = [(function(x + step * e), function(x - step * e)) for e in np.eye(x.size)]
    return np.stack([(a - b) / (2 * step) for a, b in ends], -1)


def test_value_and_derivatives(objective):
    x = point()
    assert objective(x) == pytest.approx(by_hand(x), rel=1e-13)
    np.testing.assert_allclose(objective.jac(x), differences(by_hand, x), rtol=1e-7, atol=1e-9)
    hessian = differences(objective.jac, x)
    for seed, length in enumerate([1.0, 1e-8, 1e6]):
        p = length * np.random.default_rng(seed).normal(size=31)
        expected = hessian @ p
        error = np.linalg.norm(objective.hessp(x, p) - expected) / np.linalg.norm(expected)
        assert error < 1e-6
    np.testing.assert_array_equal(objective.hessp(x, np.zeros(31)), np.zeros(31))


def test_hessp_at_integers(objective):
    x, p = np.ones(31, int), np.arange(31)
    np.testing.assert_array_equal(objective.hessp(x, p), objective.hessp(x.astype(float), p.astype(float)))


def test_value_and_gradient_writes_to_out(objective):
    x, out = point(), np.full(31, np.nan)
    assert objective.value_and_gradient(x, out) == objective(x)
    np.testing.assert_array_equal(out, objective.jac(x))
    assert objective.value_and_gradient(x, None) == objective(x)


def test_dtypes():
    network = smooth(np.float32)
    objective = network.objective("mse", X, Y)
    for dtype in (np.float32, np.float64):
        gradient = objective.jac(point().astype(dtype))
        assert gradient.dtype == dtype
        np.testing.assert_allclose(gradient, differences(by_hand, point()), rtol=2e-4, atol=1e-5)


def test_the_network_is_not_changed():
    model = nn.Sequential(nn.Dense(5), nn.BatchNorm(activation="relu"), nn.Dropout(0.3), nn.Dense(2))
    network = nn.Network(model, (3,), dtype=np.float64)
    network.loss_and_gradient(X, LABELS, "cross_entropy")
    before = [a.copy() for a in (network.parameters, network.gradient, network.state)]
    objective = network.objective("cross_entropy", X, LABELS, seed=3)
    x = network.parameters + 1
    first = objective(x), objective.jac(x)
    assert objective(x) == first[0]  # the same dropout
    np.testing.assert_array_equal(objective.jac(x), first[1])
    with pytest.raises(ValueError, match="x has shape"):
        objective(x[1:])
    for array, kept in zip((network.parameters, network.gradient, network.state), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    assert network.objective("cross_entropy", X, LABELS, seed=2**64 - 1)(x) > 0


def test_an_exception_leaves_the_network_as_it_was(monkeypatch):
    network = smooth()
    objective, before = network.objective("mse", X, Y), network.parameters.copy()

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(network, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        objective(point())
    np.testing.assert_array_equal(network.parameters, before)


def test_many_samples_in_chunks():
    random = np.random.default_rng(4)
    many, wanted = random.normal(size=(600, 3)), random.normal(size=(600, 1))
    network, x = smooth(), point()
    objective = network.objective("mse", many, wanted)
    network.parameters = x
    whole = network.step(many, wanted, nn.ElementwiseLoss("mse"))
    gradient = np.empty(31)
    assert objective.value_and_gradient(x, gradient) == pytest.approx(whole, rel=1e-13)
    np.testing.assert_allclose(gradient, network.gradient, rtol=1e-11, atol=1e-14)


def test_batch_statistics_are_those_of_all_samples():
    random = np.random.default_rng(5)
    many, wanted = random.normal(size=(300, 3)), random.normal(size=(300, 3))
    network = nn.Network(nn.BatchNorm(), (3,), dtype=np.float64)
    standard = (many - many.mean(0)) / np.sqrt(many.var(0) + 1e-5)
    value = network.objective("mse", many, wanted)(network.parameters)
    assert value == pytest.approx(np.mean((standard - wanted) ** 2), rel=1e-12)


@pytest.mark.parametrize("method", ["l-bfgs", "newton-cg", "bfgs", "trust-ncg", "cg"])
def test_minimize(method, objective):
    x0 = objective.network.parameters
    found = numgd.minimize(objective, x0, method=method, options={"maxiter": 150})
    assert found.fun < 0.02 < objective(x0)
    assert found.fun == pytest.approx(by_hand(found.x), rel=1e-10)


def test_minimize_takes_data_as_args():
    network = smooth()
    found = numgd.minimize(network.objective("mse"), network.parameters, args=(X, Y), method="l-bfgs")
    assert found.fun < 0.02


@pytest.mark.parametrize("method", ["L-BFGS-B", "Newton-CG", "trust-krylov"])
def test_scipy(method, objective):
    hessp = {} if method == "L-BFGS-B" else {"hessp": objective.hessp}
    found = optimize.minimize(
        objective, objective.network.parameters, jac=objective.jac, method=method, **hessp,
        options={"maxiter": 100},
    )  # fmt: skip
    assert found.fun < 0.02
    assert found.fun == pytest.approx(by_hand(found.x), rel=1e-10)


def test_minimize_stochastic():
    network = nn.Network(nn.Sequential(nn.Dense(8, activation="tanh"), nn.Dense(2)), (3,), dtype=np.float64)
    objective = network.objective("cross_entropy")
    start = network.parameters.copy()
    found = numgd.minimize_stochastic(
        objective, start, (X, LABELS), batch_size=8, epochs=60, options={"learning_rate": 0.02}
    )
    assert objective(found.x, X, LABELS) < 0.5 * objective(start, X, LABELS)
    network.parameters = found.x
    logits = network(X)
    expected = np.mean(special.logsumexp(logits, 1) - logits[np.arange(40), LABELS])
    assert objective(found.x, X, LABELS) == pytest.approx(expected, rel=1e-12)


def test_bad_input():
    network = smooth()
    with pytest.raises(ValueError, match="X and y must be given together"):
        network.objective("mse", X)
    with pytest.raises(TypeError, match=r"takes \(x, X, y\); it got 1 argument"):
        network.objective("mse")(point(), X)
    with pytest.raises(ValueError, match="but X has 40 samples"):
        network.objective("mse", X, Y[1:])
    with pytest.raises(ValueError, match="X contains no samples"):
        network.objective("mse", X[:0], Y[:0])
    with pytest.raises(ValueError, match="seed"):
        network.objective("mse", X, Y, seed=-1)


class Quadratic:
    """An objective by the protocol alone: ½ (x − 1)ᵀ A (x − 1) for a diagonal A."""

    A = np.array([1.0, 10.0, 100.0])

    def __init__(self):
        self.values = self.gradients = self.products = 0

    def __call__(self, x):
        self.values += 1
        return 0.5 * np.sum(self.A * (x - 1) ** 2)

    def value_and_gradient(self, x, out):
        self.gradients += 1
        out[:] = self.A * (x - 1)
        return 0.5 * np.sum(self.A * (x - 1) ** 2)


class WithProducts(Quadratic):
    def hessp(self, x, p):
        self.products += 1
        return self.A * p


@pytest.mark.parametrize("method", ["l-bfgs", "bfgs", "cg", "newton-cg", "adam"])
@pytest.mark.parametrize("make", [Quadratic, WithProducts])
def test_the_protocol_of_any_object(method, make):
    objective = make()
    options = {"maxiter": 3000, "learning_rate": 0.1} if method == "adam" else {}
    found = numgd.minimize(objective, np.zeros(3), method=method, options=options)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)
    assert objective.gradients >= found.njev > 0
    if method == "newton-cg":
        assert (objective.products > 0) == (make is WithProducts)


def test_an_exception_of_the_protocol_passes_through():
    class Failing(Quadratic):
        def value_and_gradient(self, x, out):
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        numgd.minimize(Failing(), np.zeros(3), method="bfgs")
