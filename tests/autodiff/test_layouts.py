"""Derivatives in every memory layout: what is a view of an array in C order is a copy of another one."""

import math

import numpy as np
import pytest
from numba import njit, typeof

import numgd
from autodiff.differences import richardson
from numgd.autodiff import NotDifferentiable, building
from numgd.autodiff.analysis import leaves
from numgd.autodiff.derivation import kind_of
from numgd.autodiff.program import Names

BASE = np.array([[0.7, -1.3, 0.4], [1.9, -0.6, 0.3], [0.2, 0.8, -0.5]])
DIRECTION = np.array([[0.3, 0.1, -0.4], [0.2, 0.9, -0.7], [0.5, -0.2, 0.6]])


def strided(a):
    """The matrix in every other column of a larger one of NaN."""
    wide = np.full((3, 6), np.nan)
    wide[:, ::2] = a
    return wide[:, ::2]


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": strided,
    "reversed": lambda a: a[::-1].copy()[::-1],
    "transposed": lambda a: a.T.copy().T,
}


def raveled(m):
    t = m.T
    total = m.ravel()[1] ** 2 * m[0, 0] + t.ravel()[5] * t.ravel()[1] ** 3
    total += np.ravel(m[:, 1])[2] * m[1].ravel()[0] + m[::2].ravel()[4] ** 2 + m[::-1].ravel()[1] ** 2
    return total + m.flatten()[7] ** 2 * t.copy().reshape(9)[3] + np.copy(t).ravel()[2] ** 3


def as_it_is(m):
    x = np.asarray(m[:, 2])
    total = np.asarray(m[::2])[1, 0] ** 2 * np.asarray(m[0][::2])[1] + x[1] ** 3
    return total + np.ascontiguousarray(m)[1, 2] ** 2 + np.ascontiguousarray(m.T)[1, 0] * x[2]


def made_of_transposed(m):
    t = m.T
    chosen = np.where(t > 0.0, t, t * t)
    total = (t * 2.0 + t).ravel()[1] ** 2 + np.exp(t).ravel()[2] * (-m).ravel()[5]
    total += np.stack((t, t * t)).ravel()[10] * np.concatenate((t, m)).ravel()[3] ** 2
    total += np.outer(m[0], m[:, 1]).T.ravel()[1] ** 2 + chosen.ravel()[3] * chosen.T.ravel()[3]
    inverse = np.linalg.inv(m + 4.0 * np.eye(3))
    return total + inverse.ravel()[1] * inverse.T.ravel()[2]


def written_through_copies_and_views(m):
    y = m.copy()
    a = y.ravel()
    a[1] = y[2, 0] * a[3]
    b = y.T.ravel()
    b[0] = y[1, 1] * a[8]
    c = np.ascontiguousarray(y.T)
    c[1, 1] = b[0] + y[0, 0]
    d = np.asarray(y[::2])
    d[1, 0] = c[1, 1] ** 2
    e = y[1:, 1].ravel()
    e[0] = d[0, 1] * m[0, 0]
    return np.sum(y**3) + b[0] * b[3] + np.sum(c * c) + e[0] * e[1]


def written_as_laid_out(m):
    y = m * 2.0
    a = y.ravel()
    a[1] = y[2, 0] * a[3]
    b = y.T.ravel()
    b[2] = y[1, 0] * b[1]
    z = np.zeros_like(m)
    z[:] = y * m
    c = z.ravel()
    c[4] = y[0, 2]
    k = np.copy(m).T.ravel()
    k[0] = c[4] * z[1, 1]
    return y[0, 1] ** 2 * y[1, 0] + y[2, 0] ** 2 + np.sum(a * b) + np.sum(z * z) + np.sum(c) + k[0] ** 2


def written_in_loops(m):
    total = 0.0
    for i in range(3):
        y = np.exp(m * (0.3 * i))
        z = y.T.ravel()
        z[1] = y[2, 0] * z[3]
        r = y[1].ravel()
        r[0] = math.sin(z[1]) * m[i, 0]
        total += np.sum(y * y) * z[1] + z[5]
    return total


FUNCTIONS = [
    raveled, as_it_is, made_of_transposed, written_through_copies_and_views, written_as_laid_out,
    written_in_loops,
]  # fmt: skip
EVERY_DAY = {
    ("raveled", "F"), ("as_it_is", "strided"), ("written_through_copies_and_views", "F"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("f", "layout"),
    [
        pytest.param(
            f, layout, id=f"{f.__name__}-{layout}",
            marks=() if (f.__name__, layout) in EVERY_DAY else pytest.mark.slow,
        )
        for f in FUNCTIONS
        for layout in LAYOUTS
    ],
)  # fmt: skip
def test_gradients_in_every_layout(f, layout):
    """The oracle is the function itself, compiled for the same layout."""
    laid_out, compiled = LAYOUTS[layout], njit(f)
    expected = richardson(lambda m: compiled(laid_out(m)), (BASE,))
    value, found = numgd.value_and_grad(f)(laid_out(BASE))
    assert value == pytest.approx(compiled(laid_out(BASE)), rel=1e-13)
    bound = 1e-8 * np.abs(expected.value).max() + 4.0 * expected.error
    np.testing.assert_array_less(np.abs(found - expected.value), bound)


@pytest.mark.parametrize(
    ("f", "layout", "along"),
    [
        pytest.param(raveled, "F", "strided"),
        *(
            pytest.param(f, layout, along, marks=pytest.mark.slow)
            for f in FUNCTIONS
            for layout in ("C", "F", "strided")
            for along in ("C", "F")
        ),
    ],
)
def test_products_in_every_layout(f, layout, along):
    m, p = LAYOUTS[layout](BASE), LAYOUTS[along](DIRECTION)
    gradient = numgd.grad(f)
    assert numgd.jvp(f)(m, p) == pytest.approx(np.sum(gradient(m) * DIRECTION), rel=1e-11)
    step = 1e-6 * DIRECTION
    ahead, behind = (gradient(LAYOUTS[layout](at)) for at in (BASE + step, BASE - step))
    expected = (ahead - behind) / 2e-6
    scale = np.abs(expected).max()
    np.testing.assert_allclose(numgd.hessp(f)(m, p), expected, rtol=1e-6, atol=1e-7 * scale)
    np.testing.assert_array_equal(p, DIRECTION)


def transposed_and_reshaped(m):
    return m.T.reshape(9)[1] ** 2 * m.T.reshape((9, 1))[5, 0]


def test_reshaping_what_is_not_in_c_order():
    """NumPy copies; Numba does not compile it, the derivative does."""
    expected = richardson(transposed_and_reshaped, (BASE,)).value
    np.testing.assert_allclose(numgd.grad(transposed_and_reshaped)(BASE), expected, rtol=1e-9)


def written_reshaped(m):
    y = m.copy()
    flat = y.T.reshape(9)
    flat[0] = 3.0
    return y[0, 0] * flat[1]


def written_after_reshaping(m):
    y = m.copy()
    flat = y.T.reshape(9)
    y[0, 0] = 3.0
    return flat[0] * flat[1]


@pytest.mark.parametrize("f", [written_reshaped, written_after_reshaping])
def test_what_may_be_a_view_or_a_copy_is_not_written(f):
    for derive in (lambda: numgd.grad(f)(BASE), lambda: numgd.jvp(f)(BASE, DIRECTION)):
        with pytest.raises(NotDifferentiable, match=rf"{f.__name__}.*:\d+\).*not in C order"):
            derive()


def layouts(m):
    """What Numba lays out in another way than in C order, or does not."""
    row = m[0]
    return (
        m.T, m.T.copy(), np.copy(m), np.asarray(m), np.ascontiguousarray(m), m * 2.0, m + m.T, np.exp(m.T),
        np.where(m > 0.0, m, 1.0), np.where(m > 0.0, m, m.T), np.zeros_like(m), m.astype(np.float32), row,
        m[:, 0], m[1:], m[:, 1:], m[::2], row[1:], row[::-1], m[:, None], m[0, 1:], np.transpose(m, (1, 0)),
        m.ravel(), np.stack((m, m)), np.concatenate((m, m), 1), m.T.T,
    )  # fmt: skip


@pytest.mark.parametrize(
    "layout",
    [pytest.param("C", marks=pytest.mark.slow), "F", pytest.param("strided", marks=pytest.mark.slow)],
)
def test_layouts_are_those_of_numba(layout):
    numba_type = typeof(LAYOUTS[layout](BASE))
    compiled = njit(layouts)
    compiled.compile((numba_type,))
    expected = [kind.layout for kind in compiled.overloads[(numba_type,)].signature.return_type]
    program = building.build(layouts, [kind_of(numba_type, "m")], Names())
    assert [value.kind.layout for value in leaves(program.result)] == expected


def writes_its_argument(x):
    y = x.ravel()
    y[0] = x[1] * y[2]
    return np.sum(x * x)


def test_a_direction_is_not_written_with_the_argument():
    x, v = np.array([0.7, -0.4, 1.1]), np.array([0.3, 0.2, -0.9])
    expected = richardson(lambda x: writes_its_argument(x.copy()), (x.copy(),)).value @ v
    assert numgd.jvp(writes_its_argument)(x.copy(), v) == pytest.approx(expected, rel=1e-9)
    np.testing.assert_array_equal(v, [0.3, 0.2, -0.9])
