"""Dropout: a mask that depends only on seed, stream and position."""

import numpy as np
import pytest
import scipy.stats
from layer_checks import assert_same_bits, poisoned

from numgd.foundations.random import philox
from numgd.nn import functional as F


def mask(count, p, seed, stream):
    """Which of `count` numbers are kept, computed from the words of Philox."""
    kept = np.empty(count, bool)
    for i in range(count):
        words = philox(np.uint64(seed), np.uint64(stream), np.uint64(i // 64 * 16 + i % 16))
        kept[i] = words[i % 64 // 16] >= round(p * 2**32)
    return kept


@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "count, p, seed, stream", [(200, 0.3, 1, 0), (64, 0.5, 2**64 - 1, 7), (5, 0.9, 3, 2**40)]
)
def test_mask_is_that_of_philox(count, p, seed, stream, dtype):
    x = np.random.default_rng(0).normal(size=count).astype(dtype)
    before = x.copy()
    found = F.dropout(x, p, seed=seed, stream=stream, out=poisoned(count, dtype))
    assert np.array_equal(found, np.where(mask(count, p, seed, stream), x * dtype(1 / (1 - p)), dtype(0)))
    assert np.array_equal(x, before)
    assert np.array_equal(F.dropout_backward(x, p, seed=seed, stream=stream), found)


def test_mask_depends_on_the_place_alone():
    long = F.dropout(np.ones(40_000), 0.4, seed=9)
    for count in (1, 63, 64, 65, 16384, 16385, 33_000):
        assert np.array_equal(F.dropout(np.ones(count), 0.4, seed=9), long[:count])
    assert np.array_equal(F.dropout(np.ones((20, 50, 8, 5)), 0.4, seed=9).ravel(), long)


def test_shares():
    count = 400_000
    fields = [F.dropout(np.ones(count), p, seed=s, stream=t) > 0 for p, s, t in
              ((0.25, 1, 0), (0.25, 2, 0), (0.25, 1, 1))]  # fmt: skip
    for kept in fields:
        assert scipy.stats.binomtest(int(kept.sum()), count, 0.75).pvalue > 1e-4
        for lag in (1, 4, 16, 64):
            both = int(np.sum(kept[lag:] & kept[:-lag]))
            assert abs(both / (count - lag) - 0.75**2) < 5 * np.sqrt(0.75**2 / count)
    for other in fields[1:]:  # seeds and streams share nothing
        assert abs(np.mean(fields[0] & other) - 0.75**2) < 5 * np.sqrt(0.75**2 / count)
    y = F.dropout(np.ones(count), 0.25, seed=1)
    assert set(np.unique(y)) == {0.0, 1 / 0.75} and abs(y.mean() - 1) < 0.01


def test_same_bits_at_any_thread_count():
    x = np.random.default_rng(1).normal(size=100_001)
    assert_same_bits(lambda: F.dropout(x, 0.5, seed=4))


def test_limits():
    x = np.random.default_rng(2).normal(size=(3, 5))
    x[0, 0] = np.nan
    assert np.array_equal(F.dropout(x, 0, seed=1), x, equal_nan=True)
    assert np.array_equal(F.dropout(x, 0.5, seed=1, training=False), x, equal_nan=True)
    assert not np.any(F.dropout(x, 1.0, seed=1))
    assert F.dropout(np.ones((0, 3)), 0.5, seed=1).shape == (0, 3)
    assert F.dropout(np.float64(2.0), 0.0, seed=1) == 2.0
    strided = np.arange(24.0).reshape(4, 6).T
    assert np.array_equal(F.dropout(strided, 0.5, seed=1), F.dropout(strided.copy(), 0.5, seed=1))


X = np.ones(3)
BAD = [
    (lambda: F.dropout(X, -0.1, seed=0), ValueError, r"p must lie in \[0, 1\]"),
    (lambda: F.dropout(X, 1.1, seed=0), ValueError, r"p must lie in \[0, 1\]"),
    (lambda: F.dropout(X, np.nan, seed=0), ValueError, r"p must lie in \[0, 1\]"),
    (lambda: F.dropout(X, "0.5", seed=0), TypeError, "p must be a number"),
    (lambda: F.dropout(X, seed=-1), ValueError, "seed must be at least 0"),
    (lambda: F.dropout(X, seed=2**64), ValueError, "seed must be at most"),
    (lambda: F.dropout(X, seed=0, stream=1.5), TypeError, "stream must be an integer"),
    (lambda: F.dropout(X.astype(int), seed=0), TypeError, "x must be float32 or float64"),
    (lambda: F.dropout(X, seed=0, out=X), ValueError, "out overlaps"),
    (lambda: F.dropout(X, seed=0, out=np.empty(4)), ValueError, r"out has shape \(4,\).*\(3,\)"),
    (lambda: F.dropout_backward(X.astype(complex), seed=0), TypeError, "grad must be float32 or float64"),
]


@pytest.mark.parametrize("call, error, message", BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert np.all(X == 1)
