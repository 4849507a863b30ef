"""Small dense matrices against NumPy."""

import math

import numpy as np
import pytest
from numba import njit

from numgd.foundations import linalg
from numgd.jit.portable import SOLVER_FLAGS
from numgd.kernels.cpu.solvers import cholesky

cholesky_rows = njit(**SOLVER_FLAGS)(linalg.cholesky_rows)
euclidean_norm = njit(**SOLVER_FLAGS)(linalg.euclidean_norm)


def definite(n, dtype):
    """A positive definite matrix with condition number at most 10."""
    Q = np.linalg.qr(np.random.default_rng(n).normal(size=(n, n)))[0]
    A = Q @ np.diag(np.linspace(1.0, 10.0, n)) @ Q.T
    return (0.5 * (A + A.T)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 12, 13, 30, 33])
def test_cholesky(n, dtype):
    A = definite(n, dtype)
    L = A.copy()
    assert cholesky_rows(L) == n
    tolerance = 50 * np.finfo(dtype).eps
    np.testing.assert_allclose(np.tril(L), np.linalg.cholesky(A.astype(float)), atol=tolerance)
    assert np.array_equal(np.triu(L, 1), np.triu(A, 1))  # what is above the diagonal stays


@pytest.mark.parametrize("n", [1, 4, 9])
def test_cholesky_tells_where_it_fails(n):
    for k in range(n):
        A = definite(n, float)
        A[k, k] = -1.0
        leading = A[k, k] - A[k, :k] @ np.linalg.solve(A[:k, :k], A[:k, k])
        for factorise in (cholesky_rows, linalg.cholesky_rows):  # compiled and interpreted
            L = A.copy()
            assert factorise(L) == k
            np.testing.assert_allclose(L[k, k], leading)
        assert not linalg.cholesky(A.copy())
        A[k, k] = np.nan
        assert cholesky_rows(A) == k


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_cholesky_of_the_host_is_the_same_from_either_source(dtype, monkeypatch):
    monkeypatch.setattr(cholesky, "LAPACK_FROM", 0)
    by_lapack = njit(**SOLVER_FLAGS)(cholesky.cholesky_rows)
    for n in (1, 2, 9, 64, 201):
        tolerance = 50 * n**0.5 * np.finfo(dtype).eps
        for at, pivot in ((None, 0), (0, -1.0), (n // 2, -1.0), (n - 1, np.nan), (n // 3, np.nan)):
            A = definite(n, dtype)
            if at is not None:
                A[at, at] = pivot
            expected = A.copy()
            failed = cholesky_rows(expected)
            assert failed == (n if at is None else at)
            for factorise in (by_lapack, cholesky.cholesky_rows):  # compiled and interpreted
                L = A.copy()
                assert factorise(L) == failed
                # the rows before the failure, and the failed one with its pivot
                np.testing.assert_allclose(
                    np.tril(L)[: failed + 1], np.tril(expected)[: failed + 1], atol=tolerance
                )
                assert np.array_equal(np.triu(L, 1)[:failed], np.triu(A, 1)[:failed])


@pytest.mark.parametrize("scale", [1.0, 1e200, 1e-200, 5e-324])
def test_euclidean_norm_neither_over_nor_underflows(scale):
    np.testing.assert_allclose(
        euclidean_norm(np.array([3.0, 4.0]) * scale), math.hypot(3.0 * scale, 4.0 * scale)
    )
    assert euclidean_norm(np.full(3, np.float32(1e30))) == pytest.approx(3**0.5 * 1e30)


def test_euclidean_norm_of_what_is_not_finite():
    assert euclidean_norm(np.zeros(3)) == 0.0
    assert euclidean_norm(np.array([1.0, -np.inf])) == np.inf
    assert math.isnan(euclidean_norm(np.array([np.nan, np.inf, 1.0])))
