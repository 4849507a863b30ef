"""The CUDA drivers under Numba's simulator give what the CPU gives."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cuda_cases import (
    CASES,
    DIFFERENTIATED,
    DIFFERENTIATED_AT,
    DTYPES,
    METHODS,
    SOME,
    TAPE,
    WIDE,
    grid,
    in_dtype,
    options_of,
    quadratic,
    rosenbrock,
)
from numba import njit

import numgd
from numgd.foundations.status import INVALID_INPUT
from numgd.registry import METHODS as ALL_METHODS

pytest.importorskip("numba_cuda")


@njit
def joint_rosenbrock(x):
    g = np.empty_like(x)
    return rosenbrock(x, g), g


@njit
def joint_quadratic(x, centre, weight):
    g = np.empty_like(x)
    return quadratic(x, g, centre, weight), g


JOINT = {"rosenbrock": joint_rosenbrock, "quadratic": joint_quadratic}


@pytest.fixture(scope="module")
def simulated():
    """All that `simulator_checks.py` found."""
    script = Path(__file__).with_name("simulator_checks.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_numgd_imports_no_cuda(simulated):
    assert not simulated["imported_early"]


@pytest.mark.parametrize(("method", "dtype"), grid("float64", default=SOME))
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_solve_many_gives_the_cpu_answers(simulated, case, method, dtype):
    found = simulated["solve"][f"{case.name} {method} {dtype}"]
    # The simulator runs NumPy scalars one by one, the CPU fused multiply-adds: paths part slowly.
    tolerance = 1e-6 if dtype == "float64" else 2e-3
    for row, start in enumerate(case.starts.astype(dtype)):
        args = tuple(a[row] if isinstance(a, np.ndarray) else a for a in in_dtype(case.args, dtype))
        bounds = [(-WIDE, WIDE)] * start.size if ALL_METHODS[method].bounded else None
        expected = numgd.minimize(
            JOINT[case.name], start, args, method, jac=True, bounds=bounds, options=options_of(case, method)
        )
        status, nit, evaluations = found["counts"][row]
        assert status == expected.status
        np.testing.assert_allclose(found["x"][row], expected.x, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(found["fun"][row], expected.fun, rtol=tolerance, atol=tolerance)
        values = np.array(found["jac"][row])
        g = np.empty_like(start)
        case.objective(np.array(found["x"][row], dtype), g, *args)
        np.testing.assert_allclose(values, g, rtol=1e-5, atol=1e-5)  # the gradient belongs to x
        if dtype == "float64" and not ALL_METHODS[method].curvature:  # the host counts what differences take
            assert (nit, evaluations) == (expected.nit, expected.nfev)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_start_that_is_not_finite_spoils_its_own_row_alone(simulated, case, method, dtype):
    found = simulated["solve"][f"{case.name} {method} {dtype}"]
    assert found["counts"][-1] == [INVALID_INPUT, 0, 0]
    assert np.isnan(found["fun"][-1])
    assert np.isfinite(found["fun"][:-1]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DIFFERENTIATED)
def test_gradients_are_those_of_the_cpu(simulated, name, dtype):
    found = simulated["gradient"][f"{name} {dtype} 5"]
    assert max(found["needed"]) <= TAPE
    value_and_grad = numgd.value_and_grad(DIFFERENTIATED[name])
    for row, x in enumerate(DIFFERENTIATED_AT):
        value, gradient = value_and_grad(x, 5)
        tolerance = 1e-13 if dtype == "float64" else 2e-6
        np.testing.assert_allclose(found["values"][row], value, rtol=tolerance)
        np.testing.assert_allclose(found["G"][row], gradient, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tape_that_is_too_short_says_so_and_leaves_the_gradient_alone(simulated, dtype):
    found = simulated["gradient"][f"oscillator {dtype} 50"]
    assert min(found["needed"]) > TAPE
    assert np.all(np.array(found["G"]) == -7)
    expected = [DIFFERENTIATED["oscillator"](x, 50) for x in DIFFERENTIATED_AT]
    np.testing.assert_allclose(found["values"], expected, rtol=1e-13 if dtype == "float64" else 1e-5)
