"""`numgd.minimize_stochastic` and L-BFGS against scikit-learn and PyTorch, all cores, warm.

Logistic regression, 200 000 x 50 made-up samples, float64, with an L2 term: the time that stochastic
gradient descent with batches of one takes to a loss of 0.1 % above the minimum, against scikit-learn's
`SGDClassifier`.  Of each library that schedule is taken, among those tried, which is fastest to it; the time
is that of a fresh run of the number of epochs that it needs, with the last loss in numgd's.  Then L-BFGS on
all data, against `LogisticRegression(solver="lbfgs")`, to the same gradient norm; its objective is one pass
over the data on all cores, written with `prange`.

A perceptron 784-128-10, batches of 64, Adam, float32: an epoch of 12 800 samples against the eager loop of
PyTorch.  numgd's time is the difference of two runs, of eleven epochs and of one, over ten.
"""

import math
import os
import time
import warnings

import numpy as np
import torch
from numba import njit, prange
from sklearn.linear_model import LogisticRegression, SGDClassifier
from timing import Ratios, duration, heading, interleaved

import numgd

SAMPLES, FEATURES, WEIGHT = 200_000, 50, 1e-4
ABOVE = 1.001
MOST_EPOCHS = 40
ROUNDS = 5
HIDDEN, BATCH, IMAGES = 128, 64, 12_800


@njit(fastmath=True)
def logistic(x, A, y, weight):
    """Mean logistic loss of labels ±1, and an L2 term."""
    total = 0.0
    for i in range(y.size):
        z = 0.0
        for j in range(x.size):
            z += A[i, j] * x[j]
        total += math.log1p(math.exp(-y[i] * z))
    square = 0.0
    for j in range(x.size):
        square += x[j] * x[j]
    return total / y.size + 0.5 * weight * square


@njit(parallel=True, fastmath=True)
def logistic_on_all_cores(x, A, y, weight):
    """The same and its gradient, in one pass over the data."""
    blocks = 64
    losses, gradients = np.empty(blocks), np.empty((blocks, x.size))
    for block in prange(blocks):
        loss, gradient = 0.0, gradients[block]
        for j in range(x.size):
            gradient[j] = 0.0
        for i in range(block * y.size // blocks, (block + 1) * y.size // blocks):
            z = 0.0
            for j in range(x.size):
                z += A[i, j] * x[j]
            t = math.exp(-y[i] * z)
            loss += math.log1p(t)
            slope = -y[i] * t / (1.0 + t)
            for j in range(x.size):
                gradient[j] += slope * A[i, j]
        losses[block] = loss
    value, gradient = 0.0, np.empty_like(x)
    for j in range(x.size):
        value += 0.5 * weight * x[j] * x[j]
        gradient[j] = weight * x[j]
    for block in range(blocks):
        value += losses[block] / y.size
        for j in range(x.size):
            gradient[j] += gradients[block, j] / y.size
    return value, gradient


@njit(fastmath=True)
def perceptron(x, images, labels):
    """Mean cross-entropy of a network with one hidden layer."""
    pixels, first = images.shape[1], images.shape[1] * HIDDEN
    second = first + HIDDEN
    weights = x[:first].reshape(pixels, HIDDEN)
    hidden = np.maximum(np.dot(images, weights) + x[first:second], np.float32(0.0))
    scores = np.dot(hidden, x[second : second + 10 * HIDDEN].reshape(HIDDEN, 10)) + x[second + 10 * HIDDEN :]
    total = 0.0
    for i in range(labels.size):
        top = scores[i, 0]
        for k in range(1, 10):
            top = max(top, scores[i, k])
        exponentials = 0.0
        for k in range(10):
            exponentials += math.exp(scores[i, k] - top)
        total += math.log(exponentials) + top - scores[i, labels[i]]
    return total / labels.size


def fastest(runs, goal, loss):
    """The run that reaches a loss first, and the epochs that it needs; each is ``run(epochs)``."""
    found = {}
    for name, run in runs.items():
        for epochs in (1, 2, 3, 5, 8, 13, 20, MOST_EPOCHS):
            before = time.perf_counter()
            x = run(epochs)
            seconds = time.perf_counter() - before
            if loss(x) <= goal:
                found[name] = (seconds, epochs)
                break
    if not found:
        return None, MOST_EPOCHS
    name = min(found, key=lambda name: found[name][0])
    print(f"  fastest of {len(runs)}: {name}, {found[name][1]} epochs")
    return runs[name], found[name][1]


def schedule(rate, decay):
    """An inverse-time schedule."""
    return lambda t: rate / (1.0 + rate * decay * t)


def descent(ratios):
    """Batches of one."""
    rng = np.random.default_rng(3)
    A = rng.normal(size=(SAMPLES, FEATURES))
    truth = rng.normal(size=FEATURES) / 5.0
    y = np.where(rng.random(SAMPLES) < 1.0 / (1.0 + np.exp(-A @ truth)), 1.0, -1.0)
    start = np.zeros(FEATURES)
    exact = numgd.minimize(logistic, start, (A, y, WEIGHT), method="l-bfgs", tol=1e-8)
    print(f"logistic regression {SAMPLES:,} x {FEATURES}, minimum {exact.fun:.6f}")

    def ours(rate, decay, average):
        def run(epochs):
            options = {"learning_rate": schedule(rate, decay)}
            if average:
                options["average_from"] = SAMPLES // 10
            found = numgd.minimize_stochastic(
                logistic, start, (A, y), (WEIGHT,), method="gd", batch_size=1, epochs=epochs, options=options
            )
            return found.averaged if average else found.x

        return run

    def theirs(rate, eta0, average):
        def run(epochs):
            model = SGDClassifier(
                loss="log_loss", alpha=WEIGHT, max_iter=epochs, tol=None, fit_intercept=False, random_state=1,
                learning_rate=rate, eta0=eta0, average=SAMPLES // 10 if average else False,
            )  # fmt: skip
            return model.fit(A, y).coef_[0]

        return run

    def loss(x):
        return logistic(x, A, y, WEIGHT)

    own = {
        f"rate {rate}, decay {decay}, average {average}": ours(rate, decay, average)
        for rate in (0.003, 0.01, 0.03)
        for decay in (0.0, 0.001, 0.01, 0.1)
        for average in (False, True)
    }
    other = {"optimal": theirs("optimal", 0.01, False), "optimal, average": theirs("optimal", 0.01, True)}
    other |= {
        f"{kind} {eta0}, average {average}": theirs(kind, eta0, average)
        for kind in ("constant", "invscaling")
        for eta0 in (0.001, 0.003, 0.01, 0.03, 0.1)
        for average in (False, True)
    }
    goal = ABOVE * exact.fun
    calls = {}
    for name, runs in (("numgd", own), ("scikit-learn", other)):
        print(name)
        run, epochs = fastest(runs, goal, loss)
        calls[name] = None if run is None else lambda run=run, epochs=epochs: run(epochs)
    if None in calls.values():
        print("the goal was not reached by", [name for name, call in calls.items() if call is None])
    else:
        timings = interleaved(calls, ROUNDS)
        ratio = timings["scikit-learn"].median / timings["numgd"].median
        ratios.add("logistic regression by batches of one, to 0.1 % above the minimum", ratio, 1.5)
    model = LogisticRegression(C=1.0 / (WEIGHT * SAMPLES), fit_intercept=False, tol=1e-6, max_iter=1000)
    model.fit(A, y)
    norm = np.abs(numgd.grad(logistic)(model.coef_[0], A, y, WEIGHT)).max()
    options = {"gtol": float(norm), "ftol": 0.0}
    calls = {
        "numgd": lambda: numgd.minimize(
            logistic_on_all_cores, start, (A, y, WEIGHT), "l-bfgs", jac=True, options=options
        ),
        "scikit-learn": lambda: model.fit(A, y),
    }
    timings = interleaved(calls, ROUNDS)
    reached = np.abs(calls["numgd"]().jac).max()
    print(f"gradient norms: numgd {reached:.1e}, scikit-learn {norm:.1e}")
    for name, timing in timings.items():
        print(f"  {name}: {timing}")
    ratio = timings["scikit-learn"].median / timings["numgd"].median
    ratios.add("logistic regression by L-BFGS, to the same gradient norm", ratio, 2)


def network(ratios):
    """A perceptron."""
    rng = np.random.default_rng(4)
    images = rng.normal(size=(IMAGES, 784)).astype(np.float32)
    labels = rng.integers(0, 10, IMAGES)
    size = 784 * HIDDEN + HIDDEN + HIDDEN * 10 + 10
    start = (0.05 * rng.normal(size=size)).astype(np.float32)
    model = torch.nn.Sequential(torch.nn.Linear(784, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10))
    optimizer, criterion = torch.optim.Adam(model.parameters()), torch.nn.CrossEntropyLoss()
    inputs, targets = torch.tensor(images), torch.tensor(labels)

    def theirs():
        order = torch.randperm(IMAGES)
        for first in range(0, IMAGES, BATCH):
            rows = order[first : first + BATCH]
            optimizer.zero_grad()
            criterion(model(inputs[rows]), targets[rows]).backward()
            optimizer.step()

    def ours(epochs):
        return numgd.minimize_stochastic(
            perceptron, start, (images, labels), method="adam", batch_size=BATCH, epochs=epochs
        )

    calls = {"one": lambda: ours(1), "eleven": lambda: ours(11), "PyTorch": theirs}
    timings = interleaved(calls, 2 * ROUNDS)
    epoch = (timings["eleven"].median - timings["one"].median) / 10
    print(f"perceptron, an epoch: numgd {duration(epoch)}, PyTorch {timings['PyTorch']}")
    ratios.add("perceptron 784-128-10, an epoch by batches of 64", timings["PyTorch"].median / epoch, 2)


def main():
    """Run all parts."""
    heading(
        "Stochastic steps and L-BFGS: numgd vs scikit-learn and PyTorch; all cores", "scikit-learn", "torch"
    )
    torch.set_num_threads(os.cpu_count())
    warnings.simplefilter("ignore")
    ratios = Ratios()
    descent(ratios)
    network(ratios)
    ratios.show()


if __name__ == "__main__":
    main()
