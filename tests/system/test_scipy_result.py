"""Results are SciPy's, without importing `scipy.optimize`."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import OptimizeResult

import numgd
from numgd.system.scipy_result import Result

FIELDS = {"x": np.array([1.0, 2.0]), "fun": 0.5, "success": True, "message": "done", "nit": 3}


def alike(some, other):
    return some.keys() == other.keys() and all(np.array_equal(some[name], other[name]) for name in some)


def test_it_is_scipys_result_for_all_that_asks():
    ours, theirs = Result(FIELDS), OptimizeResult(FIELDS)
    assert isinstance(ours, OptimizeResult) and isinstance(ours, dict) and not isinstance(ours, list)
    assert repr(ours) == repr(theirs) and str(Result()) == str(OptimizeResult())
    assert dir(ours) == dir(theirs)
    for result in (ours, theirs):
        result.fun = 1.5
        result["nfev"] = 7
        del result.nit
        assert result.fun == result["fun"] == 1.5 and result.nfev == 7 and "nit" not in result
        with pytest.raises(AttributeError, match="nit"):
            result.nit  # noqa: B018
        with pytest.raises(KeyError, match="nit"):
            del result.nit
        assert getattr(result, "nit", None) is None and {**result} == dict(result)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda result: pickle.loads(pickle.dumps(result))]
)
def test_copies_are_scipys(duplicate):
    ours = numgd.minimize(lambda x: (x[0] - 1.0) ** 2 + x[1] ** 4, [3.0, 1.0], options={"maxiter": 2})
    made = duplicate(ours)
    assert type(made) is OptimizeResult and alike(made, ours)
    fun = lambda x: (x[0] - 1.0) ** 2 + x[1] ** 4  # noqa: E731
    resumed = [numgd.minimize(fun, start) for start in (ours, made)]  # the state of the solver is copied too
    assert alike(*resumed) and resumed[0].nit > 0


def test_a_solve_does_not_import_scipys_optimizers():
    code = (
        "import sys, numgd, numpy as np\n"
        "result = numgd.minimize(lambda x: (x[0] - 1.0) ** 2, [3.0])\n"
        "fit = numgd.least_squares(lambda x: np.array([x[0] - 1.0]), [3.0])\n"
        "assert result.success and result['fun'] < 1e-9 and fit.success and 'x' in fit\n"
        "assert 'scipy.optimize' not in sys.modules\n"
        "from scipy.optimize import OptimizeResult\n"
        "assert isinstance(result, OptimizeResult) and isinstance(fit, OptimizeResult)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_result_that_contains_itself_is_copied():
    ours = Result(FIELDS)
    ours.me = ours
    made = copy.deepcopy(ours)
    assert type(made) is OptimizeResult and made.me is made
