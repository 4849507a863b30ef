"""`minimize_stochastic` over sparse rows, iterables of batches and functions that are called back."""

import numpy as np
import pytest
from numba import njit
from scipy import sparse

import numgd

RNG = np.random.default_rng(11)
MATRIX = sparse.random_array((61, 35), density=0.09, rng=RNG, data_sampler=RNG.normal).tocsr()
MATRIX.resize(61, 40)  # the last columns have no entries
Y = RNG.normal(size=61)
X0 = RNG.normal(size=40)
CALLS = []


@njit
def dense_loss(x, A, y):
    """Mean squared error."""
    total = 0.0
    for i in range(y.size):
        r = -y[i]
        for j in range(x.size):
            r += A[i, j] * x[j]
        total += r * r
    return total / y.size


@njit
def sparse_loss(x, indptr, indices, values, y):
    """The same of a matrix in compressed rows."""
    total = 0.0
    for i in range(y.size):
        r = -y[i]
        for k in range(indptr[i], indptr[i + 1]):
            r += values[k] * x[indices[k]]
        total += r * r
    return total / y.size


def python_loss(x, A, y):
    """The same as a function that is called back: it refers to what may change."""
    r = A @ x - y
    CALLS.append(y.size)
    return float(np.mean(r * r)), 2.0 * A.T @ r / y.size


SETTINGS = {"method": "gd", "epochs": 3, "seed": 5, "options": {"learning_rate": 0.05}}


def run_sparse(**settings):
    return numgd.minimize_stochastic(sparse_loss, X0, (MATRIX, Y), **(SETTINGS | settings))


def run_dense(fun=dense_loss, **settings):
    return numgd.minimize_stochastic(fun, X0, (MATRIX.toarray(), Y), **(SETTINGS | settings))


def assert_same(found, expected):
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.fun, expected.fun, rtol=1e-12)
    np.testing.assert_allclose(found.jac, expected.jac, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found.history.loss, expected.history.loss, rtol=1e-12)
    assert found.nit == expected.nit


# Sparse rows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["gd", "adagrad"])
@pytest.mark.parametrize("size", [1, 8, None])
def test_sparse_steps_are_the_dense_ones_where_zeros_change_nothing(method, size):
    assert_same(run_sparse(method=method, batch_size=size), run_dense(method=method, batch_size=size))


def test_untouched_parameters_and_slots_stay():
    found = run_sparse(method="adam", batch_size=8, epochs=2, options={"learning_rate": 0.05})
    x, m, v = X0.copy(), np.zeros(40), np.zeros(40)
    t = 0
    for epoch in range(2):
        order = np.random.default_rng((5, epoch)).permutation(61)
        for first in range(0, 61, 8):
            A, y = MATRIX[order[first : first + 8]], Y[order[first : first + 8]]
            t += 1
            touched = np.unique(A.indices)
            g = (2.0 * A.T @ (A @ x - y) / y.size)[touched]
            m[touched] = 0.9 * m[touched] + 0.1 * g
            v[touched] = 0.999 * v[touched] + 0.001 * g * g
            root = np.sqrt(v[touched] / (1 - 0.999**t)) + 1e-8
            x[touched] -= 0.05 * m[touched] / (1 - 0.9**t) / root
    np.testing.assert_allclose(found.x, x, rtol=1e-12)
    never = np.setdiff1d(np.arange(40), MATRIX.indices)
    assert never.size
    np.testing.assert_array_equal(found.x[never], X0[never])


def test_several_parameters_a_column_and_other_data_on_both_sides():
    shift = RNG.normal(size=61)

    @njit
    def two_outputs(x, shift, indptr, indices, values, y):
        total = 0.0
        for i in range(y.size):
            for out in range(2):
                r = shift[i] * out - y[i]
                for k in range(indptr[i], indptr[i + 1]):
                    r += values[k] * x[2 * indices[k] + out]
                total += r * r
        return total / y.size

    def in_python(x, shift, A, y):
        CALLS.append(y.size)
        r = A @ x.reshape(40, 2) - y[:, None] + shift[:, None] * np.array([0.0, 1.0])
        return float(np.sum(r * r) / y.size), (2.0 * A.T @ r / y.size).ravel()

    start = RNG.normal(size=80)
    settings = SETTINGS | {"batch_size": 8}
    found = numgd.minimize_stochastic(two_outputs, start, (shift, MATRIX, Y), **settings)
    dense = (shift, MATRIX.toarray(), Y)
    assert_same(found, numgd.minimize_stochastic(in_python, start, dense, jac=True, **settings))


def test_sparse_runs_go_on_clip_decay_and_disturb():
    options = {"learning_rate": 0.05, "clip_value": 0.2, "clip_global_norm": 0.5, "noise": 0.01}
    whole = run_sparse(options=options, epochs=4)
    half = run_sparse(options=options, epochs=2)
    rest = numgd.minimize_stochastic(
        sparse_loss, half, (MATRIX, Y), **(SETTINGS | {"options": options, "epochs": 2})
    )
    np.testing.assert_array_equal(rest.x, whole.x)
    dense = numgd.minimize_stochastic(
        dense_loss, X0, (MATRIX.toarray(), Y), batch_size=61, **(SETTINGS | {"options": options})
    )
    touched = np.unique(MATRIX.indices)
    sparse_run = run_sparse(options=options, batch_size=61)
    np.testing.assert_allclose(sparse_run.x[touched], dense.x[touched], rtol=1e-12)


def test_the_kind_and_dtype_of_the_matrix():
    expected = run_sparse().x
    for matrix in (MATRIX.tocoo(), sparse.csc_matrix(MATRIX), sparse.csr_matrix(MATRIX)):
        found = numgd.minimize_stochastic(sparse_loss, X0, (matrix, Y), **SETTINGS)
        np.testing.assert_allclose(found.x, expected, rtol=1e-12)
    single = numgd.minimize_stochastic(
        sparse_loss, X0.astype(np.float32), (MATRIX.astype(np.float32), Y.astype(np.float32)), **SETTINGS
    )
    assert single.x.dtype == np.float32
    np.testing.assert_allclose(single.x, expected, rtol=1e-4, atol=1e-5)


def test_rows_without_entries():
    empty = sparse.csr_array((61, 40))
    found = numgd.minimize_stochastic(sparse_loss, X0, (empty, Y), **SETTINGS)
    np.testing.assert_array_equal(found.x, X0)
    np.testing.assert_allclose(found.fun, np.mean(Y**2), rtol=1e-14)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"options": {"ema": 0.9}}, "ema"),
        ({"options": {"average_from": 3}}, "average_from"),
        ({"options": {"lookahead": (5, 0.5)}}, "lookahead"),
        ({"method": "svrg"}, "svrg"),
    ],
)
def test_what_needs_all_parameters_is_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        run_sparse(**settings)


def test_matrices_that_make_no_sense():
    with pytest.raises(ValueError, match="has 40 columns, but x0 has 39"):
        numgd.minimize_stochastic(sparse_loss, X0[:39], (MATRIX, Y))
    with pytest.raises(TypeError, match="one sparse matrix"):
        numgd.minimize_stochastic(sparse_loss, X0, (MATRIX, MATRIX))
    with pytest.raises(ValueError, match=r"data\[1\] has 10 entries"):
        numgd.minimize_stochastic(sparse_loss, X0, (MATRIX, Y[:10]))
    broken = MATRIX.copy()
    broken.indices[3] = 1000
    with pytest.raises(ValueError, match="indices"):
        numgd.minimize_stochastic(sparse_loss, X0, (broken, Y))
    broken = MATRIX.copy()
    broken.indptr[5] = 10**6
    with pytest.raises(ValueError, match="indptr"):
        numgd.minimize_stochastic(sparse_loss, X0, (broken, Y))
    with pytest.raises(TypeError, match="sparse"):
        numgd.minimize_stochastic(python_loss, X0, (MATRIX, Y), jac=True)


# Iterables -----------------------------------------------------------------------------------------------


class Loader:
    """Batches in the order of `minimize_stochastic`, as somebody else might make them."""

    def __init__(self, size):
        self.size, self.epoch = size, -1

    def __iter__(self):
        self.epoch += 1
        order = np.random.default_rng((5, self.epoch)).permutation(61)
        for first in range(0, 61, self.size):
            rows = order[first : first + self.size]
            yield MATRIX.toarray()[rows], Y[rows]


def test_batches_of_an_iterable():
    found = numgd.minimize_stochastic(dense_loss, X0, Loader(8), **SETTINGS)
    assert_same(found, run_dense(batch_size=8))


def test_an_iterator_that_can_be_gone_through_once():
    found = numgd.minimize_stochastic(dense_loss, X0, iter(Loader(8)), **(SETTINGS | {"epochs": 1}))
    expected = run_dense(batch_size=8, epochs=1)
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_allclose(found.fun, expected.history.loss[0], rtol=1e-14)
    assert found.jac is None
    with pytest.raises(ValueError, match="once"):
        numgd.minimize_stochastic(dense_loss, X0, iter(Loader(8)), **SETTINGS)
    with pytest.raises(ValueError, match="no batches"):
        numgd.minimize_stochastic(dense_loss, X0, iter(()), epochs=1)
    with pytest.raises(ValueError, match=r"data, batch 1,\[1\] has 2 entries"):
        numgd.minimize_stochastic(
            dense_loss, X0, [(MATRIX.toarray(), Y), (MATRIX.toarray(), Y[:2])].__iter__(), epochs=1
        )


@pytest.mark.parametrize("form", ["iterable", "iterator", "sparse"])
def test_no_success_above_the_start(form):
    options = {"learning_rate": 5.0}
    settings = SETTINGS | {"epochs": 1, "method": "gd", "options": options}
    if form == "sparse":
        found = run_sparse(batch_size=8, **settings)
    else:
        loader = Loader(8)
        found = numgd.minimize_stochastic(
            dense_loss, X0, iter(loader) if form == "iterator" else loader, **settings
        )
    assert not found.success and found.status == numgd.Status.ROSE and np.isfinite(found.fun)
    settings |= {"epochs": 400}
    if form != "iterator":
        again = run_sparse(batch_size=8, **settings) if form == "sparse" else None
        again = again or numgd.minimize_stochastic(dense_loss, X0, Loader(8), **settings)
        assert again.status == numgd.Status.NOT_FINITE and not again.success
        np.testing.assert_array_equal(again.x, X0)


def test_iterables_of_sparse_batches():
    class Sparse(Loader):
        def __iter__(self):
            return ((sparse.csr_array(A), y) for A, y in Loader.__iter__(self))

    found = numgd.minimize_stochastic(sparse_loss, X0, Sparse(8), **SETTINGS)
    np.testing.assert_allclose(found.x, run_sparse(batch_size=8).x, rtol=1e-12)


# Functions that are called back --------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"batch_size": 8}, {"batch_size": 1}, {"shuffle": False}])
def test_functions_that_numba_cannot_compile(settings):
    assert_same(run_dense(python_loss, jac=True, **settings), run_dense(**settings))


def test_called_back_with_a_gradient_of_its_own_and_variance_reduction():
    settings = {"method": "svrg", "batch_size": 4, "validation": (MATRIX.toarray()[:7], Y[:7])}
    found = run_dense(
        lambda x, A, y: python_loss(x, A, y)[0], jac=lambda x, A, y: python_loss(x, A, y)[1], **settings
    )
    expected = run_dense(**settings)
    assert_same(found, expected)
    np.testing.assert_allclose(found.history.validation, expected.history.validation, rtol=1e-12)


def test_exceptions_of_functions_that_are_called_back():
    def fails(x, A, y):
        raise RuntimeError("no loss")

    with pytest.raises(RuntimeError, match="no loss"):
        run_dense(fails, jac=True)
    with pytest.raises(ValueError, match="jac is needed"):
        run_dense(lambda x, A, y: python_loss(x, A, y)[0])
