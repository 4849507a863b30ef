"""The functions of `numgd.jit.simd` against higher precision; in the slow tier, for all float32 numbers."""

import math
import re
import warnings
from functools import cache

import numpy as np
import pytest
import scipy.special
from numba import config, njit

from numgd.jit import coefficients, simd
from numgd.jit.portable import SOLVER_FLAGS

# name: units in the last place in float32 and float64, as the docstrings state them
BOUNDS = {
    "exp": (1.1, 1.1),
    "expm1": (1.7, 2.4),
    "tanh": (2.7, 3.0),
    "sigmoid": (2.5, 2.6),
    "log": (1.0, 1.3),
    "log1p": (1.5, 1.6),
}
REORDERING = {**SOLVER_FLAGS, "fastmath": {"reassoc", "contract", "nsz", "arcp"}}
ALL_SINGLES = 2**32
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-40, -1e-40, 88.7, 89.0, -103.9]
SPECIAL += [-87.5, 0.9, -0.95, 5.0, -100.0, 100.0, 1e-10, 1e300, -1e300, 800.0, -800.0, 5e-324, 709.5, 1e-310]


@cache
def over_array(name):
    function = getattr(simd, name)

    @njit(**REORDERING)
    def run(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return run


def _sigmoid(x):
    z = np.exp(-abs(x))
    return np.where(x > 0, 1, z) / (1 + z)


DOUBLES = {
    "exp": np.exp,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "log": np.log,
    "log1p": np.log1p,
}


@njit(error_model="numpy")
def worst_single(out, exact):
    """The largest error of float32 results in ulp, and how many have another sign, inf or NaN."""
    worst, wrong = 0.0, 0
    for i in range(out.size):
        got = np.float64(out[i])
        nearest = np.float64(np.float32(exact[i]))
        if exact[i] != exact[i] or got != got:
            wrong += (exact[i] != exact[i]) != (got != got)
        elif math.isinf(nearest) or math.isinf(got) or exact[i] == 0.0:
            wrong += got != nearest or math.copysign(1.0, got) != math.copysign(1.0, exact[i])
        else:
            unit = 2.0 ** max(math.frexp(abs(exact[i]))[1] - 24, -149)
            worst = max(worst, abs(got - exact[i]) / unit)
    return worst, wrong


def check_singles(name, start, stop, step):
    bits = np.arange(start, stop, step, dtype=np.int64).astype(np.uint32)
    x = bits.view(np.float32)
    out = np.full_like(x, 7.0)
    over_array(name)(x, out)
    with np.errstate(all="ignore"):
        exact = DOUBLES[name](x.astype(np.float64))
    worst, wrong = worst_single(out, exact)
    assert wrong == 0
    assert worst <= BOUNDS[name][0]


@pytest.mark.parametrize("name", BOUNDS)
def test_float32_sample(name):
    check_singles(name, 0, ALL_SINGLES, 9973)


@pytest.mark.slow
@pytest.mark.parametrize("name", BOUNDS)
def test_float32_whole_range(name):
    size = 2**24
    for start in range(0, ALL_SINGLES, size):
        check_singles(name, start, start + size, 1)


def check_doubles(name, count):
    rng = np.random.default_rng(3)
    n = count // 6
    x = np.concatenate(
        [
            rng.uniform(-1, 1, n),
            rng.uniform(-6, 6, n),
            rng.uniform(-40, 40, n),
            rng.uniform(-750, 720, n),
            1 + rng.uniform(-1e-3, 1e-3, n),
            np.exp(rng.uniform(-740, 700, n)) * rng.choice([-1, 1], n),
        ]
    )
    x = abs(x) if name == "log" else np.where(x <= -1, -x, x) if name == "log1p" else x
    out = np.full_like(x, 7.0)
    over_array(name)(x, out)
    with np.errstate(all="ignore"):
        exact = DOUBLES[name](x.astype(np.longdouble))
        nearest = exact.astype(np.float64)
        finite = np.isfinite(nearest)
        unit = np.spacing(np.maximum(abs(nearest), np.finfo(float).tiny))
        worst = float(np.max((abs(out - exact) / unit)[finite]))
    assert np.array_equal(out[~finite], nearest[~finite], equal_nan=True)
    assert worst <= BOUNDS[name][1]


LONG_ENOUGH = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="no longer type than float64")


@LONG_ENOUGH
@pytest.mark.parametrize("name", BOUNDS)
def test_float64_sample(name):
    check_doubles(name, 30_000)


@LONG_ENOUGH
@pytest.mark.slow
@pytest.mark.parametrize("name", BOUNDS)
def test_float64_large_sample(name):
    check_doubles(name, 20_000_000)


MILLS = (7.0, 10.0)
MILLS_ENDS = (14.5, 38.7)


def check_mills(real, x):
    """Mills' ratio against SciPy's, whose own error in float64 is up to three units."""
    bound, unsure = (MILLS[0], 0.0) if real is np.float32 else (MILLS[1], 3.0)
    out = np.empty_like(x)
    over_array("mills")(x, out)
    exact = np.sqrt(np.pi / 2) * scipy.special.erfcx(x.astype(np.float64) / np.sqrt(2))
    assert np.max(abs(out - exact) / np.spacing(exact.astype(real))) <= bound + unsure


@pytest.mark.parametrize(("real", "end"), [(np.float32, MILLS_ENDS[0]), (np.float64, MILLS_ENDS[1])])
def test_mills_ratio(real, end):
    rng = np.random.default_rng(8)
    check_mills(real, np.concatenate([[0.0], rng.uniform(0.0, end, 100_000), [end]]).astype(real))
    assert np.isnan(simd.mills(real(np.nan)))
    assert type(simd.mills(real(1))) is real


@pytest.mark.slow
def test_mills_ratio_of_all_float32():
    last, size = int(np.float32(MILLS_ENDS[0]).view(np.uint32)), 2**24
    for start in range(0, last + 1, size):
        check_mills(
            np.float32, np.arange(start, min(start + size, last + 1), dtype=np.uint32).view(np.float32)
        )


@pytest.mark.parametrize(("name", "bounds"), [*BOUNDS.items(), ("mills", MILLS)])
def test_docstrings_state_the_bounds(name, bounds):
    found = re.search(r"([\d.]+) and ([\d.]+) units in the last place", getattr(simd, name).__doc__)
    assert (float(found[1]), float(found[2])) == bounds


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("name", BOUNDS)
def test_interpreted_without_warnings(name, real):
    rng = np.random.default_rng(5)
    with np.errstate(over="ignore"):
        x = np.concatenate([np.array(SPECIAL).astype(real), rng.uniform(-90, 90, 50).astype(real)])
    compiled = np.full_like(x, 7.0)
    over_array(name)(x, compiled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = [getattr(simd, name)(v) for v in x]
    assert all(type(v) is real for v in results)
    results = np.array(results)
    assert np.array_equal(np.isnan(results), np.isnan(compiled))
    assert np.array_equal(np.signbit(results)[results == 0], np.signbit(compiled)[results == 0])
    finite = np.isfinite(compiled)
    assert np.array_equal(results[~finite], compiled[~finite], equal_nan=True)
    unit = np.spacing(abs(compiled[finite]))
    assert np.all(abs(results[finite] - compiled[finite]) <= 4 * unit)


@pytest.mark.skipif(config.BOUNDSCHECK == 1, reason="a loop that may raise has no vectors")
@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*BOUNDS, "mills"])
def test_loops_vectorise(name, real):
    run = over_array(name)
    x = np.ones(3, real)
    run(x, x.copy())
    code = "\n".join(run.inspect_llvm().values())
    kind = "float" if real is np.float32 else "double"
    assert re.search(rf"= fmul contract <\d+ x {kind}>", code)
    assert "@expf" not in code and "@exp(" not in code


def test_maximum():
    rng = np.random.default_rng(9)
    largest = njit(lambda u: simd.maximum(u))
    for real in (np.float32, np.float64):
        for n in (1, 2, 15, 16, 17, 100):
            u = rng.normal(size=n).astype(real)
            for v in (u, abs(u), -abs(u), np.where(u > 0, u, -np.inf).astype(real)):
                assert largest(v) == simd.maximum(v) == v.max()
        assert np.isnan(largest(np.array([1, np.nan, np.inf], real)))
        assert largest(np.array([-np.inf, -np.inf], real)) == -np.inf


@pytest.mark.slow
def test_coefficients_are_those_of_the_script():
    pytest.importorskip("mpmath")
    from reference import polynomials

    for name, wanted, _, _ in polynomials.tables():
        kept = getattr(coefficients, name)
        assert np.allclose(
            kept, [float(c) for c in wanted], rtol=1e-9 if name.endswith("32") else 1e-15, atol=0
        )
