"""`minimize` beside SciPy's own, called alike: what programs that were written for SciPy's depend on."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from scipy import optimize

import numgd

BOTH = [optimize.minimize, numgd.minimize]
CENTRE = [1.0, 1.0]  # a list: what refers to it is called back, and nothing is compiled but the solvers


def fun(x):
    return float(np.sum((x - CENTRE) ** 2))


def jac(x):
    return 2.0 * (x - CENTRE)


def hess(x):
    return 2.0 * np.eye(x.size) + 0.0 * CENTRE[0]


LOW = optimize.Bounds([0.0, 3.0], [1.0, 2.0])


@pytest.mark.parametrize("minimize", BOTH)
@pytest.mark.parametrize(
    ("call", "match"),
    [
        ({"x0": np.ones((2, 2))}, "'x0' must only have one dimension."),
        ({"x0": np.ones((2, 2, 1)), "method": "L-BFGS-B"}, "'x0' must only have one dimension."),
        ({"bounds": [(0, 1)] * 3}, "The number of bounds is not compatible with the length of `x0`."),
        ({"bounds": optimize.Bounds([0] * 3, [1] * 3)}, "The number of bounds is not compatible with the"),
        ({"bounds": [(2, 1), (0, 1)]}, "An upper bound is less than the corresponding lower bound."),
        ({"bounds": LOW}, "An upper bound is less than the corresponding lower bound."),
        ({"bounds": LOW, "method": "SLSQP"}, "An upper bound is less than the corresponding lower bound."),
        (
            {"fun": lambda x: x + CENTRE[0]},
            "The user-provided objective function must return a scalar value.",
        ),
        ({"fun": lambda x: x, "method": "CG"}, "The user-provided objective function must return a scalar"),
        ({"fun": lambda x: [x[0], 1.0]}, "The user-provided objective function must return a scalar value."),
    ],
)
def test_what_makes_no_sense_is_refused_in_the_same_words(minimize, call, match):
    with pytest.raises(ValueError, match=match):
        minimize(**{"fun": fun, "x0": [1.0, 2.0], **call})


TRUST_REGION = ["dogleg", "trust-ncg", "trust-krylov", "trust-exact"]


@pytest.mark.parametrize("method", ["CG", "BFGS", "Newton-CG", *TRUST_REGION])
def test_limits_of_iterations(method, capsys):
    x0 = [-1.2, 1.0]
    second = {"hess": optimize.rosen_hess} if method in ("Newton-CG", *TRUST_REGION) else {}
    category = RuntimeWarning if method in TRUST_REGION else optimize.OptimizeWarning
    for minimize in BOTH:
        call = minimize, optimize.rosen, x0, method, optimize.rosen_der, second
        with pytest.warns(category, match="Maximum number of iterations has been exceeded.") as found:
            result = _solve(*call, {"maxiter": 2.5, "disp": True})
        assert len(found) == 1 and (minimize is not numgd.minimize or found[0].filename == __file__)
        assert result.nit == 3 and result.success is False
        printed = capsys.readouterr().out
        assert "Current function value" in printed and "exceeded" not in printed
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert _solve(*call, {"maxiter": 100.1, "disp": True}).success
            _solve(*call, {"maxiter": 3})
        assert "terminated successfully" in capsys.readouterr().out


def _solve(minimize, fun, x0, method, jac, second, options):
    return minimize(fun, x0, method=method, jac=jac, options=options, **second)


def test_all_variables_fixed_by_bounds():
    for bounds in ([(1, 1), (3, 3)], optimize.Bounds([1, 3], [1, 3])):
        for minimize in BOTH:
            for given in (None, jac, "2-point"):
                result = minimize(fun, [0.0, 0.0], bounds=bounds, jac=given)
                assert np.array_equal(result.x, [1.0, 3.0]) and result.fun == 4.0
                assert result.nfev == 1 and result.success is True
                assert result.message == "All independent variables were fixed by bounds."
    ours, theirs = (minimize(fun, [0.0, 9.0], bounds=[(2, 2), (None, 3)]) for minimize in BOTH[::-1])
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-6)
    assert ours.nfev <= theirs.nfev and "fixed" not in ours.message


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs-b", "nelder-mead", "slsqp", "tnc"])
def test_a_first_value_that_is_nan_is_no_success(method):
    given = {} if method == "nelder-mead" else {"jac": jac}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = numgd.minimize(lambda x: np.nan * fun(x), [1.5, 2.0], method=method, **given)
    assert np.isnan(result.fun) and result.success is False


def test_flags_are_pythons():
    def residuals(x):
        return x - CENTRE

    found = [numgd.minimize(fun, [1.5, 2.0], method=method, jac=jac) for method in ("bfgs", "adam", "slsqp")]
    found += [numgd.minimize(fun, [1.5, 2.0], method=method) for method in ("cobyla", "nelder-mead")]
    found += [numgd.least_squares(residuals, [0.0, 0.0], method=method) for method in ("lm", "trf", "dogbox")]
    found.append(numgd.minimize_multistart(fun, np.ones((2, 2)), jac=jac))
    for result in found:
        assert type(result.success) is bool
        assert isinstance(result.get("nit", 0), int)


class Labelled:
    """As a pandas Series with a label ``x``: an array that has an attribute of that name."""

    x = 5.0

    def __array__(self, dtype=None, copy=None):
        return np.array([0.0, 0.0])


def test_starting_points_of_every_kind():
    for x0 in ([0, 0], (0.0, 0.0), np.zeros(2, np.int8), np.zeros(2, ">f8"), Labelled()):
        for minimize in BOTH:
            result = minimize(fun, x0, jac=jac)
            assert result.x.dtype == np.float64
            np.testing.assert_allclose(result.x, CENTRE, atol=1e-5)
    for minimize in BOTH:
        assert minimize(lambda x: (x[0] - CENTRE[0]) ** 2, 3).x.shape == (1,)


def test_bounds_of_every_kind():
    low, high = [-1.0, -1.0], [0.5, 0.75]
    for make in (
        lambda: zip(low, high, strict=True),
        lambda: np.array([low, high]).T,
        lambda: optimize.Bounds(low, high),
        lambda: [(None, 0.5), (-np.inf, 0.75)],
        lambda: [[-1.0, 0.5], [-1.0, 0.75]],
    ):
        for minimize in BOTH:
            np.testing.assert_allclose(minimize(fun, [0.0, 0.0], jac=jac, bounds=make()).x, high, atol=1e-6)
    zipped = numgd.minimize_multistart(fun, bounds=zip(low, high, strict=True), jac=jac, n_starts=2)
    np.testing.assert_allclose(zipped.x, high, atol=1e-6)


def test_no_gradient_given_in_every_way():
    for none in (None, False, 0):
        for minimize in BOTH:
            np.testing.assert_allclose(minimize(fun, [0.0, 0.0], jac=none).x, CENTRE, atol=1e-5)


def test_tol_gives_way_to_the_option():
    for minimize in BOTH:
        loose = minimize(optimize.rosen, [-1.2, 1.0], jac=optimize.rosen_der, tol=1e-1)
        tight = minimize(
            optimize.rosen, [-1.2, 1.0], jac=optimize.rosen_der, tol=1e-1, options={"gtol": 1e-9}
        )
        assert np.abs(loose.jac).max() > 1e-9 >= np.abs(tight.jac).max()


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "trust-exact", "adam"])
def test_results_can_be_copied_and_kept(method):
    second = {"hess": hess} if method == "trust-exact" else {}
    result = numgd.minimize(fun, [0.0, 0.0], method=method, jac=jac, **second)
    for other in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert set(other) == set(result) and other.success is result.success
        assert np.array_equal(other.x, result.x) and other.message == result.message
        assert "message" in repr(other)
