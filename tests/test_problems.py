"""Every line-search method on every standard problem, and against SciPy's counts."""

import numpy as np
import pytest
from problems import PROBLEMS, problem
from scipy import optimize

import numgd

METHODS = {"BFGS": "BFGS", "L-BFGS": "L-BFGS-B", "CG": "CG"}
DENSE_LIMIT = 500  # BFGS holds an n×n matrix
OPTIONS = {"ftol": 0.0, "maxiter": 20_000, "maxfun": 100_000}


def grid(each=1):
    """Every method with every problem; all but every so many of the problems are slow."""
    for method in METHODS:
        for i, given in enumerate(PROBLEMS):
            if method != "BFGS" or given.x0.size <= DENSE_LIMIT:
                marks = () if i % each == 0 else pytest.mark.slow
                yield pytest.param(method, given, id=f"{method}-{given.name}", marks=marks)


# Where the gradient test at 1e-5 is met earlier than the value is accurate.
FLAT = {"quartc": 1e-5, "broyden_tridiagonal_500": 2.0}


@pytest.mark.parametrize(("method", "given"), list(grid()))
def test_float64_reaches_the_known_minimum(method, given):
    result = numgd.minimize(given.fun, given.x0, jac=given.jac, method=method, options=OPTIONS)
    # Brown and Dennis' sum is of order 1e5: rounding in f hides the last digits of the gradient test.
    # So it does where jennrich_sampson's exponentials cancel, on CG's path.
    assert result.success or given.name in ("brown_dennis", "jennrich_sampson")
    tolerance = FLAT.get(given.name, 1e-6) * max(1.0, abs(given.minimum))
    assert abs(result.fun - given.minimum) <= tolerance
    assert result.fun <= given.fun(given.x0)
    assert result.fun == given.fun(result.x)
    assert np.array_equal(result.jac, given.jac(result.x))
    if result.status == numgd.Status.CONVERGED_GRADIENT:
        assert np.abs(given.jac(result.x)).max() <= 1e-5


@pytest.mark.parametrize(("method", "given"), list(grid(each=5)))
def test_float32_comes_near_the_known_minimum(method, given):
    x0 = given.x0.astype(np.float32)
    result = numgd.minimize(given.fun, x0, jac=given.jac, method=method, options=OPTIONS)
    assert result.x.dtype == result.jac.dtype == np.float32
    # Criterion of single precision: the value to 2e-3 of its size, or of one where the minimum is small.
    tolerance = max(2e-3, FLAT.get(given.name, 0.0)) * max(1.0, abs(given.minimum))
    assert abs(result.fun - given.minimum) <= tolerance
    assert result.fun <= np.float32(given.fun(x0))
    if result.success and result.status == numgd.Status.CONVERGED_GRADIENT:
        assert np.abs(given.jac(result.x)).max() <= 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_evaluations_are_close_to_scipys(method):
    ratios = []
    for given in PROBLEMS:
        if given.x0.size > 60:
            continue
        ours = numgd.minimize(given.fun, given.x0, jac=given.jac, method=method, options=OPTIONS)
        options = {"gtol": 1e-5, "maxiter": 20_000}
        if method == "L-BFGS":
            options["ftol"] = 0.0
        theirs = optimize.minimize(
            given.fun, given.x0, jac=given.jac, method=METHODS[method], options=options
        )
        if ours.success and theirs.success and abs(ours.fun - theirs.fun) < 1e-6:
            ratios.append(ours.nfev / theirs.nfev)
    assert len(ratios) > 25
    assert np.exp(np.mean(np.log(ratios))) <= 1.1


@pytest.mark.parametrize("name", ["quartic", "cosh_tilted", "booth", "quadratic_tridiag"])
def test_steepest_descent_on_well_conditioned_problems(name):
    given = problem(name)
    result = numgd.minimize(
        given.fun, given.x0, jac=given.jac, method="steepest-descent", options={"maxiter": 20_000}
    )
    assert result.success
    assert abs(result.fun - given.minimum) < 1e-6


RATES = {
    method: {"learning_rate": rate}
    for method, rate in {"gd": 0.1, "momentum": 0.05, "nesterov": 0.05, "rprop": 0.05, "adam": 0.05}.items()
}


@pytest.mark.parametrize(
    ("method", "dtype"),
    [
        *((method, np.float64) for method in RATES),
        *(
            pytest.param(method, np.float32, marks=() if method == "adam" else pytest.mark.slow)
            for method in RATES
        ),
    ],
)
@pytest.mark.parametrize("name", ["cosh_tilted", "booth", "quadratic_tridiag"])
def test_rules_on_well_conditioned_problems(method, name, dtype):
    given = problem(name)
    result = numgd.minimize(
        given.fun, given.x0.astype(dtype), jac=given.jac, method=method, options=RATES[method]
    )
    assert result.success
    assert result.x.dtype == dtype
    assert abs(result.fun - given.minimum) < (1e-6 if dtype == np.float64 else 1e-3)
