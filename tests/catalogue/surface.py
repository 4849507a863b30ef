"""Ordinary calls of the public surface, as users make them; prints the numgd functions that were compiled.

Functions that are made from the user's, and code for the types of the user's `args`, do not count.
"""

import doctest
import inspect
import sys
import warnings

import numpy as np
from numba import njit
from scipy import sparse

import numgd
import numgd.nn.functional as F
from numgd import line_searches, nn
from numgd.jit.cache import uses
from numgd.registry import FIT_METHODS, METHODS, RULES

OF_USERS_TYPES = {"arguments-pack", "arguments-unpack"}


def valley(x, scale):
    total = 0.0
    for i in range(x.size - 1):
        total += scale * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def slopes(x, scale):
    g = np.zeros_like(x)
    for i in range(x.size - 1):
        t = x[i + 1] - x[i] ** 2
        g[i] += -4.0 * scale * x[i] * t - 2.0 * (1.0 - x[i])
        g[i + 1] += 2.0 * scale * t
    return g


def called_back(x):
    return float(sum(float(str(number)) ** 2 for number in x))


def decay(t, a, b, c):
    return a * np.exp(-b * t) + c


def decay_residuals(x, t, y):
    return x[0] * np.exp(-x[1] * t) + x[2] - y


def residuals(x):
    return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def loss(x, features, targets):
    return np.mean((features @ x - targets) ** 2)


def sparse_loss(x, indptr, indices, values, targets):
    total = 0.0
    for row in range(indptr.size - 1):
        predicted = 0.0
        for k in range(indptr[row], indptr[row + 1]):
            predicted += values[k] * x[indices[k]]
        total += (predicted - targets[row]) ** 2
    return total / (indptr.size - 1)


def minimisations(dtype):
    for name, method in METHODS.items():
        x0 = np.array([-1.2, 1.3, -1.2], dtype)
        given = {"method": name, "options": {"maxiter": 5}}
        numgd.minimize(valley, x0, (10.0,), **given)
        numgd.minimize(valley, x0, (10.0,), jac=slopes, callback=lambda xk: None, tol=1e-3, **given)
        numgd.minimize(valley, x0, (10.0,), jac="2-point", **given)
        if method.bounded:
            numgd.minimize(valley, x0, (10.0,), bounds=[(-2, 2), (0, None), (None, None)], **given)
        numgd.minimize_many(valley, np.tile(x0, (4, 1)), (10.0,), **given)
    numgd.minimize(called_back, x0)
    numgd.minimize(valley, x0, (10.0,), method="trust-exact", jac=slopes, hess="2-point")
    numgd.minimize(valley, x0, (10.0,), method="newton-cg", jac=slopes)
    numgd.minimize_multistart(valley, None, (10.0,), bounds=[(-2, 2)] * 3, n_starts=8)
    numgd.minimize(valley, np.zeros(200_000, dtype), (1.0,), method="l-bfgs", options={"maxiter": 2})
    for search in (line_searches.armijo, line_searches.strong_wolfe, line_searches.hager_zhang):
        search(valley, x0, -slopes(x0, 10.0), args=(10.0,))


def fits(dtype):
    t = np.linspace(0, 3, 40, dtype=dtype)
    y = decay(t, 2.5, 1.3, 0.5)
    numgd.curve_fit(decay, t, y)
    numgd.curve_fit(decay, t, y, sigma=np.full(40, 0.1, dtype), absolute_sigma=True, p0=[1, 1, 1])
    numgd.curve_fit(decay, t, y, bounds=(0, 5))
    numgd.curve_fit_many(decay, t, np.array([y, y]), sigma=np.full(40, 0.1, dtype))
    given = {"args": (np.linspace(0, 3, 40), np.array([y, y], np.float64)), "shared": "t"}
    numgd.least_squares_many(decay_residuals, np.ones((2, 3), dtype), **given)
    for method in FIT_METHODS:
        numgd.least_squares(residuals, np.array([2.0, 2.0], dtype), method=method)
        numgd.least_squares(residuals, [2.0, 2.0], jac="2-point", method=method)
    numgd.least_squares(residuals, [2.0, 2.0], bounds=([0, 0], [3, 3]), loss="soft_l1")
    numgd.least_squares(lambda x: [float(str(number)) for number in x], [2.0, 2.0])


def training(dtype):
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(50, 4)).astype(dtype), rng.normal(size=50).astype(dtype)
    for name, rule in RULES.items():
        optimizer = numgd.optimizers.of_rule(name)()
        parameters = {"w": features.copy(), "b": targets.copy()}
        for _ in range(2):
            optimizer.step(parameters, {"w": features, "b": targets})
        numgd.optimizers.of_rule(name)().step([targets.copy()], [targets])
        given = {"method": name, "epochs": 2, "batch_size": 8}
        numgd.minimize_stochastic(loss, np.zeros(4, dtype), (features, targets), **given)
        if rule.measure is None:
            rows = sparse.csr_matrix(features)
            numgd.minimize_stochastic(sparse_loss, np.zeros(4, dtype), (rows, targets), **given)
    treatments = {"clip_value": 1, "clip_norm": 1, "clip_global_norm": 1, "accumulate": 2}
    averages = {"ema": 0.9, "lookahead": (2, 0.5), "noise": 0.1}
    numgd.Adam(**treatments, **averages).step([targets.copy()], [targets])
    numgd.SGD(0.1, nonfinite="skip", average_from=1).step([targets.copy()], [targets])


@njit
def minimum_inside(x):
    return numgd.minimize(compiled_bowl, x, method="newton").fun + numgd.minimize(compiled_bowl, x).fun


@njit
def fit_inside(t, y):
    return numgd.curve_fit(compiled_line, t, y)


@njit
def compiled_bowl(x):
    return np.sum((x - 1.5) ** 2)


@njit
def compiled_line(t, a, b):
    return a * t + b


def inside_njit(dtype):
    minimum_inside(np.zeros(3, dtype))
    fit_inside(np.arange(6.0), 2.0 * np.arange(6.0))


def layers(dtype):
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.normal(size=shape).astype(dtype)

    x = draw(4, 14, 14, 3)
    # a network in the manner of LeNet, forward and backward
    first, second, last = draw(16, 5, 5, 3), draw(32, 3, 3, 16), draw(10, 32)
    a = F.conv2d(x, first, draw(16), padding="same", activation="relu")
    b = F.max_pool2d(a, 2)
    c = F.batch_norm(F.conv2d(b, second, padding="same"), draw(32), draw(32), training=True)
    d = F.flatten(F.avg_pool2d(F.relu(c), 7))
    logits = F.dense(d, last, draw(10))
    grad = F.cross_entropy_backward(1.0, logits, np.array([1, 2, 3, 4]))
    F.cross_entropy(logits, np.array([1, 2, 3, 4]), label_smoothing=0.1)
    F.nll_loss_backward(1.0, F.log_softmax(logits), np.array([1, 2, 3, 4]), weight=draw(10) ** 2)
    F.dense_backward(grad, d, last)
    F.conv2d_backward(draw(*a.shape), x, first, padding="same")
    F.conv2d_backward(draw(4, 7, 7, 32), b, second, padding="same")
    F.max_pool2d_backward(b, a, 2)
    # LeNet's own layers, on more images
    images, kernel = draw(8, 28, 28, 1), draw(6, 5, 5, 1)
    y = F.conv2d(images, kernel, draw(6), padding=2, activation="relu")
    F.conv2d_backward(y, images, kernel, padding=2)
    y = F.conv2d(draw(8, 14, 14, 6), draw(16, 5, 5, 6), activation="relu")
    F.conv2d_backward(y, draw(8, 14, 14, 6), draw(16, 5, 5, 6))
    F.conv2d_backward(draw(16, 32, 32, 32), draw(16, 32, 32, 32), draw(32, 3, 3, 32), padding=1)
    for name, operation in F.OPERATIONS.items():
        of_scores = not name.startswith(("cross", "logistic", "multinomial", "nll"))
        if name.endswith(("_loss", "entropy", "logits")) and of_scores:
            value, target = np.full((4, 3), 0.25, dtype), np.ones((4, 3), dtype)
            operation.backward(operation.forward(value, target), value, target)
    for size, groups, stride in ((3, 64, 1), (3, 64, 2), (1, 1, 1), (3, 4, 1), (7, 1, 2)):
        image, weight = draw(2, 14, 14, 64), draw(64, size, size, 64 // groups)
        y = F.conv2d(image, weight, stride=stride, groups=groups, padding=size // 2)
        F.conv2d_backward(y, image, weight, stride=stride, groups=groups, padding=size // 2)
    F.conv2d_transpose(draw(2, 7, 7, 8), draw(8, 4, 4, 3), stride=2, padding=1)


def networks(dtype):
    draw = np.random.default_rng(5).normal
    models = {
        (28, 28, 1): nn.models.lenet5(),
        (32, 32, 1): nn.models.lenet5("1998"),
        (16, 16, 3): nn.models.resnet_cifar(8, shortcut="B"),
        (8, 8, 3): nn.models.resnet_cifar(8),
        (16, 16, 1): nn.models.resnet_v2(50, 4, variant="keras", width=1 / 16, stem="small"),
        (32, 32, 3): nn.models.resnext(50, 4, cardinality=8, width=1 / 8),
        (6,): nn.models.mlp([8, 5], 4, dropout=0.2, batch_norm=True),
        (6, 6, 2): nn.Sequential(
            nn.Concat(nn.Identity(), nn.Conv2d(3, 1, activation="relu")),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Dense(4),
        ),
    }
    for shape, model in models.items():
        network = nn.Network(model, shape, dtype=dtype)
        X, y = draw(size=(20, *shape)).astype(dtype), np.arange(20) % 4
        network.fit(X, y, loss="cross_entropy", epochs=1, batch_size=8, validation_data=(X, y))
        network.predict_proba(X[:1])


NOT_HERE = ("device_gradient", "register", "load", "save", "export_onnx", "import_onnx")
"""Names whose examples need further packages, or leave something behind."""


def examples():
    """The examples of all public docstrings."""
    modules = (numgd, numgd.autodiff, numgd.line_searches, numgd.schedules, nn, F)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for module in modules:
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if name in NOT_HERE or inspect.ismodule(thing):
                continue
            home = sys.modules.get(getattr(thing, "__module__", ""), module)
            for test in doctest.DocTestFinder(recurse=False).find(thing, name, module=home, globs={}):
                runner.run(test)
    assert runner.failures == 0 and runner.tries > 100


def main():
    warnings.simplefilter("ignore")
    for dtype in ("float64", "float32"):
        minimisations(dtype)
        fits(dtype)
        training(dtype)
        layers(dtype)
        networks(dtype)
        inside_njit(dtype)
    examples()
    compiled = [use for use in uses if use.source == "compiler" and use.recipe is not None]
    shipped = [use for use in uses if use.source == "package"]
    print(len(shipped), "from the package")
    for use in compiled:
        if use.name not in OF_USERS_TYPES:
            print("compiled:", use.name, use.signature)


if __name__ == "__main__":
    main()
