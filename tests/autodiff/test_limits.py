"""Derivatives of finite functions at points where a factor of them is not finite."""

import math
import subprocess
import sys

import numpy as np
import pytest

import numgd

LOG2, E = math.log(2.0), math.e


def logarithm_of_what_is_positive(x):
    return np.sum(np.where(x > 0.0, np.log(x), 0.0))


def root_of_what_is_positive(x):
    return np.sum(np.where(x > 0.0, np.sqrt(x), 0.0))


def ratio_to_what_is_positive(x):
    return np.sum(np.where(x > 0.0, x * np.log(x) + 1.0 / x, 0.0))


def product_with_an_exponential_in_range(x):
    return np.sum(np.where(x < 700.0, x * np.exp(x), 0.0))


def extremes(x):
    return np.sum(np.maximum(np.log(x), -3.0)) + np.sum(np.clip(np.sqrt(x), 0.5, 3.0))


def extremes_of_numbers(x):
    total = 0.0
    for i in range(x.size):
        total += max(math.log(x[i]), -3.0) + min(math.exp(x[i]), 5.0)
    return total


def logistic(x):
    return np.sum(2.0 / (1.0 + np.exp(-x)))


def logistic_of_numbers(x):
    total = 0.0
    for i in range(x.size):
        total += 2.0 / (1.0 + math.exp(-x[i]))
    return total


def generalised_logistic(x):
    return np.sum((1.0 + np.exp(-x)) ** -0.5)


def gompertz(x):
    return np.sum(np.exp(-np.exp(x)))


def hyperbolic_secants(x):
    return np.sum(1.0 / np.cosh(x)) + np.sum(1.0 / np.cosh(x) ** 2)


def softplus(x):
    return np.sum(np.log1p(np.exp(x))) + np.sum(np.log(1.0 + np.exp(x)))


def softplus_of_numbers(x):
    total = 0.0
    for i in range(x.size):
        total += math.log1p(math.exp(x[i]))
    return total


def norms(x):
    total = np.linalg.norm(x) + math.sqrt(np.sum(x * x)) + np.sum(x**2) ** 0.5 + np.std(x)
    return total + math.sqrt(np.var(x)) + math.sqrt(np.dot(x, x)) + np.hypot(x[0], x[1])


def norm_of_a_loop(x):
    total = 0.0
    for i in range(x.size):
        total += (x[i] - x[0]) ** 2 + x[i] * x[i]
    return math.sqrt(total) + math.hypot(x[0], x[1])


def powers(x):
    return np.sum(np.abs(x) ** 1.5) + np.sum(x**0)


def sincs(x):
    return np.sum(np.sinc(x))


def logarithms_of_sums(x):
    return np.sum(np.logaddexp(0.0, x))


FAR, NAUGHT = [0.0, -800.0, 800.0, 0.0], [0.0] * 4
P = 0.5**1.5
CASES = [
    (logarithm_of_what_is_positive, [1.0, 0.0, -1.0, 2.0], [1, 0, 0, 0.5], [-1, 0, 0, -0.25]),
    (root_of_what_is_positive, [1.0, 0.0, -1.0, 4.0], [0.5, 0, 0, 0.25], [-0.25, 0, 0, -1 / 32]),
    (ratio_to_what_is_positive, [1.0, 0.0, -1.0, 2.0], [0, 0, 0, 0.75 + LOG2], [3, 0, 0, 0.75]),
    (product_with_an_exponential_in_range, [1.0, 800.0, 0.0, 0.0], [2 * E, 0, 1, 1], [3 * E, 0, 2, 2]),
    (extremes, [0.0, 1.0, 4.0, 100.0], [0, 1.5, 0.5, 0.01], [0, -1.25, -3 / 32, -1e-4]),
    (extremes_of_numbers, [0.0, 1.0, 4.0, 1e3], [1, 1 + E, 0.25, 1e-3], [1, E - 1, -1 / 16, -1e-6]),
    (logistic, FAR, [0.5, 0, 0, 0.5], NAUGHT),
    (logistic_of_numbers, FAR, [0.5, 0, 0, 0.5], NAUGHT),
    (generalised_logistic, FAR, [0.5 * P, 0, 0, 0.5 * P], [-P / 8, 0, 0, -P / 8]),
    (gompertz, FAR, [-1 / E, 0, 0, -1 / E], NAUGHT),
    (hyperbolic_secants, FAR, NAUGHT, [-3, 0, 0, -3]),
    (softplus, FAR, [1, 0, 2, 1], [0.5, 0, 0, 0.5]),
    (softplus_of_numbers, FAR, [0.5, 0, 1, 0.5], [0.25, 0, 0, 0.25]),
    (logarithms_of_sums, FAR, [0.5, 0, 1, 0.5], [0.25, 0, 0, 0.25]),
    (norms, NAUGHT, NAUGHT, None),
    (norm_of_a_loop, NAUGHT, NAUGHT, None),
    (powers, [0.0, 1.0, 0.0, -4.0], [0, 1.5, 0, -3], None),
    (sincs, [0.0, 0.5], [0, -4 / math.pi], [-(math.pi**2) / 3, 16 / math.pi - 2 * math.pi]),
]  # fmt: skip
EVERY_DAY = {
    root_of_what_is_positive, extremes_of_numbers, logistic, softplus_of_numbers, norms, norm_of_a_loop,
}  # fmt: skip


@pytest.mark.parametrize(
    ("f", "x", "slopes", "curvatures"),
    [
        pytest.param(*given, id=given[0].__name__, marks=() if given[0] in EVERY_DAY else pytest.mark.slow)
        for given in CASES
    ],
)
def test_limits(f, x, slopes, curvatures):
    """Gradients, tangents and, where there is one, the diagonal Hessian by their formulas."""
    x = np.array(x)
    np.testing.assert_allclose(numgd.grad(f)(x), slopes, rtol=1e-12, atol=1e-300)
    along = numgd.jvp(f)
    found = [along(x, unit) for unit in np.eye(x.size)]
    np.testing.assert_allclose(found, slopes, rtol=1e-12, atol=1e-300)
    if curvatures is not None:
        np.testing.assert_allclose(numgd.hessian(f)(x), np.diag(curvatures), rtol=1e-12, atol=1e-15)


def undone(x):
    return math.sqrt(x[0]) ** 2 + 1.0 / (1.0 / x[1] + 1.0 / x[2])


def infinite(x):
    return math.sqrt(x[0]) + x[1] ** 0.5 + math.log(x[2] * x[2])


def test_what_has_another_limit_or_none_is_not_zero():
    x = np.array([0.0, 0.0, 2.0])
    assert np.isnan(numgd.grad(undone)(x)[:2]).all()  # 1 and 1, which 0 · inf hides
    assert np.isnan(numgd.jvp(undone)(x, np.array([1.0, 0.0, 0.0])))
    slopes = numgd.grad(infinite)(np.zeros(3))
    assert slopes[0] == slopes[1] == np.inf
    assert not np.isfinite(slopes[2])
    curvatures = np.diag(numgd.hessian(powers)(np.array([0.0, -4.0])))
    assert not np.isfinite(curvatures[0]) and curvatures[1] == 0.375
    assert numgd.grad(lambda x: math.exp(x))(800.0) == np.inf
    assert numgd.grad(lambda x: math.log(x))(0.0) == np.inf


def beside_a_root(x):
    return x[0] * math.sqrt(x[1]) + x[2]


def test_a_factor_that_is_zero():
    """Beside a root the product follows another variable only."""
    x = np.array([0.0, 0.0, 1.0])
    np.testing.assert_array_equal(numgd.grad(beside_a_root)(x), [0.0, 0.0, 1.0])
    along = numgd.jvp(beside_a_root)
    assert [along(x, unit) for unit in np.eye(3)] == [0.0, 0.0, 1.0]


SCRIPT = """\
import numpy as np
import numgd


def f(x):
    return np.sum(2.0 / (1.0 + np.exp(-x)))


gradient = numgd.grad(f)
gradient(np.zeros(2))
(inner,) = gradient._compiler.inner
print(sum(inner.stats.cache_hits.values()))
"""


def test_limits_are_found_in_the_cache(tmp_path, monkeypatch):
    (tmp_path / "kept.py").write_text(SCRIPT)
    monkeypatch.setenv("NUMGD_CACHE_DIR", str(tmp_path / "cache"))
    command = [sys.executable, str(tmp_path / "kept.py")]
    done = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert done == ["0\n", "1\n"]
