"""Two fits to real data by methods of numgd and SciPy, with the same compiled loss and gradient."""

import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from numgd.solve._minimize import minimize

GTOL = 1e-6
"""All methods stop at this largest magnitude of the gradient, and on no other test."""

REPEATS = 11
"""Number of calls whose median time is taken."""

METHODS = ("steepest-descent", "cg", "bfgs", "l-bfgs", "newton", "gd", "momentum", "adam")
"""The methods that are shown."""

PEERS = {"bfgs": "BFGS", "l-bfgs": "L-BFGS-B", "cg": "CG"}
"""SciPy's names of the methods that both libraries provide."""


class Problem(NamedTuple):
    """A loss to minimise over data."""

    title: str
    fun: Any  # fun(x, *args) -> (loss, gradient), @njit
    x0: Any
    args: tuple[Any, ...]
    rule_options: dict[str, dict[str, float]]  # hyper-parameters of the update rules, by method


class Run(NamedTuple):
    """The result of one method of one library on a problem."""

    library: str
    method: str
    x: Any
    loss: float
    grad_norm: float  # largest magnitude
    iterations: int
    evaluations: int
    converged: bool
    seconds: float  # median of warm calls
    losses: Any  # (evaluations,) the lowest loss after each evaluation


class Comparison(NamedTuple):
    """All runs on one problem."""

    problem: Problem
    lowest: float  # the loss at the minimum, to rounding
    runs: list[Run]


@njit
def logistic_loss(weights, features, labels, strength):
    """Mean log loss of labels ±1, plus strength/2 · |w|² (all weights but the last, the intercept)."""
    count = labels.size
    margins = labels * (features @ weights)
    slopes = np.empty(count)  # derivative of the loss by the score, one per sample
    loss = 0.0
    for i in range(count):
        # log(1 + exp(−m)) and its derivative, with an exponential that cannot overflow
        decay = math.exp(-abs(margins[i]))
        loss += max(-margins[i], 0.0) + math.log1p(decay)
        slopes[i] = -labels[i] * (decay if margins[i] > 0.0 else 1.0) / (1.0 + decay)
    gradient = slopes @ features / count
    gradient[:-1] += strength * weights[:-1]
    return loss / count + 0.5 * strength * np.sum(weights[:-1] ** 2), gradient


@njit
def growth_loss(parameters, length, width):
    """Mean squared error of the curve width = top / (1 + exp(−steepness · (length − middle)))."""
    top, steepness, middle = parameters
    gradient = np.zeros(3)
    loss = 0.0
    for i in range(length.size):
        share = 1.0 / (1.0 + math.exp(-steepness * (length[i] - middle)))
        residual = top * share - width[i]
        loss += residual**2
        slope = 2.0 * residual * top * share * (1.0 - share)
        gradient[0] += 2.0 * residual * share
        gradient[1] += slope * (length[i] - middle)
        gradient[2] -= slope * steepness
    return loss / length.size, gradient / length.size


def breast_cancer() -> Problem:
    """Logistic regression on 569 tumours: 30 standardised features and an intercept."""
    from sklearn.datasets import load_breast_cancer

    features, target = load_breast_cancer(return_X_y=True)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    features = np.column_stack((features, np.ones(len(features))))
    labels = 2.0 * target - 1.0
    strength = 1.0 / len(labels)  # scikit-learn's default, C = 1
    return Problem(
        f"Logistic regression, breast cancer data ({len(labels)} samples, {features.shape[1]} weights)",
        logistic_loss,
        np.zeros(features.shape[1]),
        (features, labels, strength),
        {
            "gd": {"learning_rate": 0.5},
            "momentum": {"learning_rate": 0.5, "momentum": 0.9},
            "adam": {"learning_rate": 0.1},
        },
    )


def iris_petals() -> Problem:
    """Nonlinear least squares on 150 flowers: petal width as a logistic curve of petal length."""
    from sklearn.datasets import load_iris

    flowers = load_iris().data
    length, width = flowers[:, 2].copy(), flowers[:, 3].copy()
    return Problem(
        f"Growth curve, iris petals ({len(length)} samples, 3 parameters)",
        growth_loss,
        np.ones(3),
        (length, width),
        {
            "gd": {"learning_rate": 1.0},
            "momentum": {"learning_rate": 0.1, "momentum": 0.9},
            "adam": {"learning_rate": 0.1},
        },
    )


PROBLEMS = (breast_cancer, iris_petals)
"""Functions that load the data of a problem; they raise ImportError without scikit-learn."""


def compare(problem: Problem) -> Comparison:
    """Run every method of both libraries on a problem.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Comparison
        The runs of numgd in the order of METHODS, each followed by SciPy's run of the same method.
    """
    from threadpoolctl import threadpool_limits

    calls = _calls(problem)
    # One BLAS thread: more would slow down both libraries at these sizes, SciPy's L-BFGS-B most of all.
    with threadpool_limits(1, user_api="blas"):
        for call in calls.values():  # compile, and load the data into the caches
            call(problem.fun)
        seconds = _medians({key: partial(call, problem.fun) for key, call in calls.items()})
    runs = [_run(*key, call, problem, seconds[key]) for key, call in calls.items()]
    tight = {"gtol": 0.0, "maxiter": 1000}
    lowest = minimize(problem.fun, problem.x0, problem.args, "bfgs", True, options=tight).fun
    return Comparison(problem, min(lowest, *(run.loss for run in runs)), runs)


def _calls(problem: Problem) -> dict[tuple[str, str], Callable[..., Any]]:
    """Functions ``call(fun) -> OptimizeResult`` for all methods, by library and method."""
    from scipy import optimize

    calls: dict[tuple[str, str], Callable[..., Any]] = {}
    for method in METHODS:
        options = {"gtol": GTOL, **problem.rule_options.get(method, {})}
        if method == "l-bfgs":
            options["ftol"] = 0.0
        common = {"x0": problem.x0, "args": problem.args, "jac": True, "options": options}
        calls["numgd", method] = partial(minimize, method=method, **common)
        if method in PEERS:
            calls["SciPy", method] = partial(optimize.minimize, method=PEERS[method], **common)
    return calls


def _medians(calls: dict[tuple[str, str], Callable[[], Any]]) -> dict[tuple[str, str], float]:
    """Median time of each call; the calls take turns, so that a busy moment affects them equally."""
    times: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
    for _ in range(REPEATS):
        for key, call in calls.items():
            start = time.perf_counter()
            call()
            times[key].append(time.perf_counter() - start)
    return {key: statistics.median(values) for key, values in times.items()}


def _run(library: str, method: str, call: Callable[..., Any], problem: Problem, seconds: float) -> Run:
    """The result of a call, and the losses along its path, recorded in one more call."""
    result = call(problem.fun)
    losses: list[float] = []

    def recorded(x, *args):
        loss, gradient = problem.fun(x, *args)
        losses.append(loss)
        return loss, gradient

    call(recorded)
    return Run(
        library=library,
        method=method,
        x=result.x,
        loss=float(result.fun),
        grad_norm=float(np.max(np.abs(result.jac))),
        iterations=int(result.nit),
        evaluations=int(result.nfev),
        converged=bool(result.success),
        seconds=seconds,
        losses=np.minimum.accumulate(losses),
    )
