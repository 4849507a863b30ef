"""Calls of the public surface, made from the records, that together need all machine code of numgd.

They are small: their purpose is that what they need is compiled.  A new method, rule, operation or algorithm
is in the catalogue through its record.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from scipy import sparse

from numgd import nn
from numgd.nn import functional
from numgd.optimizers import of_rule
from numgd.registry import ALIASES, FIT_METHODS, METHODS, RULES
from numgd.solve import line_searches
from numgd.solve._curve_fit_many import curve_fit_many
from numgd.solve._least_squares_many import least_squares_many
from numgd.solve._minimize_many import minimize_many
from numgd.solve._minimize_multistart import minimize_multistart
from numgd.solve._minimize_stochastic import minimize_stochastic
from numgd.solve.curve_fit_in_njit import curve_fit
from numgd.solve.least_squares_in_njit import least_squares
from numgd.solve.minimize_in_njit import minimize
from numgd.solve.plan import THREADED_FROM

DTYPES = ("float64", "float32")


class Call(NamedTuple):
    """A call of the catalogue."""

    name: str  # kind/record/dtype
    run: Callable[[], object]


def calls(dtypes=DTYPES):
    """All calls of the catalogue, by name.

    Parameters
    ----------
    dtypes : sequence of str
        Only calls with these.
    """
    found = []
    for dtype in dtypes:
        for kind, makers in _KINDS.items():
            for name, run in makers(dtype):
                found.append(Call(f"{kind}/{name}/{dtype}", run))
    return {call.name: call for call in found}


def selected(parts, dtypes=DTYPES):
    """The names of the calls that any of the given parts names, in the catalogue's order.

    Parameters
    ----------
    parts : sequence of str
        Each is a kind of call, a record, or a call: ``"nn"``, ``"bfgs"`` or ``"minimize/bfgs/float64"``.
    dtypes : sequence of str

    Raises
    ------
    ValueError
        If a part names no call.
    """
    table = calls(dtypes)
    wanted = set()
    for part in parts:
        lower = part.lower()
        known = ALIASES.get(lower, lower)
        matching = {name for name in table if known == name or known in name.split("/")}
        if not matching:
            kinds = ", ".join(_KINDS)
            raise ValueError(f"{part!r} names nothing in the catalogue; parts are records and kinds: {kinds}")
        wanted |= matching
    return [name for name in table if name in wanted]


# Objectives ------------------------------------------------------------------------------------------------


def _bowl(x):
    """|x|² and its gradient."""
    return np.sum(x * x), x + x


def _plain_bowl(x):
    """|x|², whose gradient is derived from this text."""
    return np.sum(x * x)


def _uncompilable(x):
    """|x|² by a function that Numba cannot compile."""
    return float(sum(str(number) and number * number for number in x.tolist()))


def _one_iteration(method, n):
    bounds = [(0, None)] * n if METHODS[method].bounded else None
    return {"method": method, "jac": True, "bounds": bounds, "options": {"maxiter": 1}}


# minimize --------------------------------------------------------------------------------------------------


def _minimize(dtype):
    for method in METHODS:
        yield method, partial(minimize, _bowl, np.ones(2, dtype), **_one_iteration(method, 2))
    for method in ("bfgs", "trust-exact"):  # derivatives by differentiation are compared with differences
        yield f"{method}-derived", partial(minimize, _plain_bowl, np.ones(2, dtype), method=method)
    yield "called-back", partial(minimize, _uncompilable, np.ones(2, dtype))


def _minimize_threads(dtype):
    for method, record in METHODS.items():
        if record.matrix_free:
            n = THREADED_FROM
            yield method, partial(minimize, _bowl, np.ones(n, dtype), **_one_iteration(method, n))


def _minimize_many(dtype):
    for method, record in METHODS.items():
        starts = np.ones((2, 2), dtype)
        if record.bounded:
            yield method, partial(minimize_multistart, _bowl, starts, **_one_iteration(method, 2))
        else:
            options: dict[str, Any] = {"maxiter": 1}
            yield method, partial(minimize_many, _bowl, starts, method=method, jac=True, options=options)


def _inside_njit(dtype):
    vector, real = np.ones(2, dtype), np.dtype(dtype).type
    fun, residuals, line = njit(_plain_bowl), njit(_residuals), njit(_line)

    # What compares derivatives with differences is called from such code only.
    @njit
    def minima(x):
        first = minimize(fun, x, method="bfgs").fun
        return first + minimize(fun, x, method="newton").fun + minimize(fun, x, method="trust-ncg").fun

    @njit
    def fits(t, x):
        return least_squares(residuals, x).cost, curve_fit(line, t, real(2.0) * t)

    yield "minimize", partial(minima, vector)
    if dtype == "float64":  # fits are computed in float64
        yield "fit", partial(fits, np.arange(5.0), vector)


def _line_search(dtype):
    x = np.ones(2, dtype)
    for search in (line_searches.armijo, line_searches.strong_wolfe, line_searches.hager_zhang):
        yield search.__name__, partial(search, _plain_bowl, x, -x)


# Fits ------------------------------------------------------------------------------------------------------


def _residuals(x):
    return x - 0.5


def _uncompilable_residuals(x):
    return [number - 0.5 for number in x.tolist() if str(number)]


def _residuals_1(x, y):
    return x - y


def _residuals_2(x, t, y):
    return x * t - y


def _identity(x, *args):
    return np.eye(x.size)


def _line(t, a, b):
    return a * t + b


_MODELS = (
    lambda t, a: a * t,
    _line,
    lambda t, a, b, c: a * t + b + c / t,
    lambda t, a, b, c, d: a * t + b + c / t + d * t * t,
    lambda t, a, b, c, d, e: a * t + b + c / t + d * t * t + e * t * t * t,
    lambda t, a, b, c, d, e, f: a * t + b + c / t + d * t * t + e * t * t * t + f / (t * t),
)
"""Models of one to six parameters, in which they are linear."""


def _slopes_of(n):
    """A matrix with as many columns as a model has parameters, which are independent."""

    def slopes(t, *parameters):
        columns = np.empty((t.size, n))
        for i in range(t.size):
            for j in range(n):
                columns[i, j] = t[i] ** j
        return columns

    return slopes


def _exp(t, a):
    return np.exp(a * t)


def _expm1(t, a):
    return np.expm1(a * t)


def _log(t, a):
    return np.log(a * t)


def _log1p(t, a):
    return np.log1p(a * t)


def _tanh(t, a):
    return np.tanh(a * t)


_FUNCTIONS = (_exp, _expm1, _log, _log1p, _tanh)
"""Models with the functions whose derivatives are vectorised."""


def _fit(dtype):
    for method in FIT_METHODS:
        yield method, partial(least_squares, _residuals, np.ones(2, dtype), method=method)
    yield "called-back", partial(least_squares, _uncompilable_residuals, np.ones(2, dtype))
    if dtype == "float32":  # fits are computed in float64
        return
    # The code around a user's functions is the same for all functions of the same types.
    t = np.arange(1.0, 9.0)
    for count, residuals in enumerate((_residuals, _residuals_1, _residuals_2)):
        for scheme, jac in {"derived": None, "2-point": "2-point", "given": _identity}.items():
            given: dict[str, Any] = {"args": (t,) * count, "jac": jac, "method": "gn"}
            yield f"{scheme}-{count}", partial(least_squares, residuals, np.ones(8), **given)
    for model in _MODELS:
        n = model.__code__.co_argcount - 1
        for scheme, jac in {"derived": None, "2-point": "2-point", "given": _slopes_of(n)}.items():
            yield f"curve-{scheme}-{n}", partial(curve_fit, model, t, np.sqrt(t), jac=jac)
        yield f"curves-{n}", partial(curve_fit_many, model, t, np.sqrt((t, t)))
    rows = np.array((t, t))
    for count, residuals in enumerate((_residuals, _residuals_1, _residuals_2)):
        given = {"args": (t, rows)[2 - count :], "shared": [0] if count == 2 else (), "method": "gn"}
        yield f"many-{count}", partial(least_squares_many, residuals, np.ones((2, 8)), **given)
    for function in _FUNCTIONS:
        yield f"curve-{function.__name__}", partial(curve_fit, function, t / 9.0, t)


# Rules -----------------------------------------------------------------------------------------------------


def _step(dtype):
    for rule in RULES:
        yield rule, partial(_step_of, rule, dtype, {})
    treatments: dict[str, Any] = {"clip_global_norm": 1.0, "noise": 0.1, "ema": 0.9, "lookahead": (2, 0.5)}
    yield "treated", partial(_step_of, "gd", dtype, treatments)


def _step_of(rule, dtype, treatments):
    p = np.ones(3, dtype)
    optimizer = of_rule(rule)(**treatments)
    for _ in range(2):
        optimizer.step([p], [p.copy()])


def _mean_square(x, rows):
    return np.mean((rows @ x - 1.0) ** 2)


def _sparse_square(x, indptr, indices, values):
    total = 0.0
    for row in range(indptr.size - 1):
        predicted = 0.0
        for k in range(indptr[row], indptr[row + 1]):
            predicted += values[k] * x[indices[k]]
        total += (predicted - 1.0) ** 2
    return total / (indptr.size - 1)


def _stochastic(dtype):
    given: dict[str, Any] = {"epochs": 1, "batch_size": 2}
    for rule in RULES:
        rows = np.eye(4, 3, dtype=dtype)
        yield rule, partial(minimize_stochastic, _mean_square, np.ones(3, dtype), rows, method=rule, **given)


def _sparse(dtype):
    given: dict[str, Any] = {"epochs": 1, "batch_size": 2}
    for rule, record in RULES.items():
        if record.scope == "array" and record.measure is None:
            rows = sparse.csr_array(np.eye(4, 3, dtype=dtype))
            yield (
                rule,
                partial(minimize_stochastic, _sparse_square, np.ones(3, dtype), rows, method=rule, **given),
            )


# Networks --------------------------------------------------------------------------------------------------


def _operations(dtype):
    for name, operation in functional.OPERATIONS.items():
        yield name, partial(operation.exercise, np.dtype(dtype).type)


def _networks(dtype):
    """Steps of the models, and of a network of what these lack."""
    others = nn.Sequential(
        nn.Concat(nn.Identity(), nn.Conv2dTranspose(4, 3, padding=1)),
        nn.BatchNorm(),  # which no layer absorbs in inference
        nn.GroupNorm(2),
        nn.LocalResponseNorm(3),
        nn.Flatten(),
        nn.Dense(8),
        nn.Graph(a=nn.LayerNorm(), b=(nn.Softmax(), "input"), sum=(nn.Add(), "a", "b", "input")),
        nn.Dropout(0.1),
        nn.Dense(3),
    )
    yield "lenet5", partial(_train, nn.models.lenet5(padding=0), (28, 28, 1), "cross_entropy", dtype)
    yield "lenet5-1998", partial(_train, nn.models.lenet5("1998"), (32, 32, 1), nn.MAPCriterion(1.0), dtype)
    yield "resnet_cifar", partial(_train, nn.models.resnet_cifar(8), (8, 8, 3), "cross_entropy", dtype)
    yield "layers", partial(_train, others, (5, 5, 4), "cross_entropy", dtype)


def _train(model, input_shape, loss, dtype):
    """A step with a small batch and with a larger one, and inference."""
    network = nn.Network(model, input_shape, dtype=dtype)
    for batch in (2, 16):
        X = np.zeros((batch, *input_shape), dtype)
        network.loss_and_gradient(X, np.arange(batch) % 3, loss)
    network(X)


_KINDS = {
    "minimize": _minimize,
    "threads": _minimize_threads,
    "many": _minimize_many,
    "njit": _inside_njit,
    "line-search": _line_search,
    "fit": _fit,
    "step": _step,
    "stochastic": _stochastic,
    "sparse": _sparse,
    "nn": _operations,
    "network": _networks,
}
"""Functions ``f(dtype)`` that yield names and calls, by kind."""
