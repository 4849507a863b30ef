"""Derivatives of every function against differences with Richardson extrapolation."""

import numpy as np
import pytest
from numba import njit

import numgd
from autodiff.differences import richardson, richardson_jacobian
from autodiff.families.case import copied
from autodiff.functions import CASES, VECTOR_CASES

TOLERANCE = 1e-8  # of the largest component
SINGLE = 2e-4
ROUNDING = 1e-14


def named(cases, each=1):
    """Parameters; all but every so many of them are slow."""
    return pytest.mark.parametrize(
        "given",
        [
            pytest.param(given, id=given.name, marks=() if i % each == 0 else pytest.mark.slow)
            for i, given in enumerate(cases)
        ],
    )


def agree(found, expected, given, scale=0.0):
    """Whether a derivative is that of the differences, which come with their error."""
    found = np.asarray(found, dtype=np.float64).reshape(expected.value.shape)
    assert np.isfinite(found).all(), given.name
    largest = max(np.abs(expected.value).max(initial=0.0), scale, 1e-3)
    np.testing.assert_array_less(np.abs(found - expected.value), TOLERANCE * largest + 4.0 * expected.error)


def like_its_argument(found, argument):
    """Whether a gradient has the shape and type of what it belongs to."""
    if isinstance(argument, np.ndarray):
        assert isinstance(found, np.ndarray)
        assert found.shape == argument.shape
        assert found.dtype == argument.dtype
    else:
        assert isinstance(found, float)


def each_gradient(found, given):
    """Pairs of argnum and gradient."""
    if isinstance(given.argnum, tuple):
        assert isinstance(found, tuple)
        assert len(found) == len(given.argnum)
        return list(zip(given.argnum, found, strict=True))
    return [(given.argnum, found)]


def behind(given, vector):
    """Arguments with a vector right behind the differentiated one."""
    arguments = copied(given.arguments)
    return (*arguments[: given.argnum + 1], vector, *arguments[given.argnum + 1 :])


def direction(argument):
    """A direction, or one number."""
    if np.ndim(argument) == 0:
        return 0.7
    return np.random.default_rng(np.size(argument)).standard_normal(np.shape(argument))


@named(CASES, each=18)
def test_value_and_gradient(given):
    value, gradients = numgd.value_and_grad(given.function, given.argnum)(*copied(given.arguments))
    f = given.compiled()
    np.testing.assert_allclose(value, f(*copied(given.arguments)), rtol=ROUNDING, atol=ROUNDING)
    for argnum, found in each_gradient(gradients, given):
        like_its_argument(found, given.arguments[argnum])
        agree(found, richardson(f, given.arguments, argnum), given)


@named(CASES, each=40)
def test_gradient_is_that_beside_the_value(given):
    arguments = copied(given.arguments)
    found = each_gradient(numgd.grad(given.function, argnum=given.argnum)(*arguments), given)
    _, gradients = numgd.value_and_grad(given.compiled(), argnum=given.argnum)(*copied(given.arguments))
    for (argnum, alone), (_, beside) in zip(found, each_gradient(gradients, given), strict=True):
        np.testing.assert_allclose(alone, beside, rtol=1e-12, atol=ROUNDING)
        np.testing.assert_array_equal(arguments[argnum], given.arguments[argnum])


@named([given for given in CASES if isinstance(given.argnum, int)], each=40)
def test_directional_derivative(given):
    argument = given.arguments[given.argnum]
    v = direction(argument)
    found = numgd.jvp(given.function, given.argnum)(*behind(given, v))
    assert np.ndim(found) == 0
    expected = richardson(given.compiled(), given.arguments, given.argnum)
    scale = np.abs(expected.value).max(initial=0.0)
    assert abs(found - np.sum(expected.value * v)) <= TOLERANCE * np.size(argument) * max(scale, 1e-3)


@named([given for given in CASES if given.single], each=16)
def test_float32(given):
    single = tuple(
        value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value
        for value in given.arguments
    )
    exact = tuple(
        value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype == np.float32 else value
        for value in single
    )
    single = tuple(np.float32(value) if isinstance(value, float) else value for value in single)
    exact = tuple(float(np.float32(value)) if isinstance(value, float) else value for value in exact)
    _, gradients = numgd.value_and_grad(given.function, given.argnum)(*copied(single))
    f = given.compiled()
    for argnum, found in each_gradient(gradients, given):
        expected = richardson(f, exact, argnum).value
        assert np.shape(found) == np.shape(expected)
        if isinstance(single[argnum], np.ndarray):
            assert found.dtype == np.float32
        assert np.abs(found - expected).max() <= SINGLE * max(np.abs(expected).max(), 1e-2)


@named([given for given in CASES if given.second], each=30)
def test_second_derivatives(given):
    argument = given.arguments[given.argnum]
    n = np.size(argument)
    gradient = numgd.grad(given.function, given.argnum)
    expected = richardson_jacobian(gradient, given.arguments, given.argnum)
    hessian = numgd.hessian(given.function, given.argnum)(*copied(given.arguments))
    if np.ndim(argument):
        assert hessian.shape == (n, n)
        assert hessian.dtype == np.float64
    agree(hessian, expected, given)
    largest = max(np.abs(expected.value).max(), 1e-3)
    assert np.abs(np.reshape(hessian, (n, n)) - np.reshape(hessian, (n, n)).T).max() <= 1e-11 * largest
    p = direction(argument)
    product = numgd.hessp(given.function, given.argnum)(*behind(given, p))
    assert np.shape(product) == np.shape(argument)
    exact = np.reshape(hessian, (n, n)) @ np.reshape(p, n)
    assert np.abs(np.reshape(product, n) - exact).max() <= 1e-11 * n * largest


@named(VECTOR_CASES, each=12)
def test_jacobian(given):
    argument = given.arguments[given.argnum]
    f = given.compiled()
    expected = richardson_jacobian(f, given.arguments, given.argnum)
    jacobian = numgd.jacobian(given.function, given.argnum)(*copied(given.arguments))
    assert jacobian.dtype == np.float64
    if np.ndim(argument):
        assert jacobian.shape == expected.value.shape
    agree(jacobian, expected, given)


@named(VECTOR_CASES, each=12)
def test_products_with_the_jacobian(given):
    argument = given.arguments[given.argnum]
    f = given.compiled()
    m = f(*copied(given.arguments)).size
    jacobian = richardson_jacobian(f, given.arguments, given.argnum).value
    bound = 1e-8 * jacobian.size * max(np.abs(jacobian).max(), 1e-3)

    v = direction(argument)
    forward = numgd.jvp(given.function, given.argnum)(*behind(given, v))
    assert forward.shape == (m,)
    assert np.abs(forward - jacobian @ np.reshape(v, -1)).max() <= bound

    u = np.random.default_rng(m).standard_normal(m)
    kept = u.copy()
    backward = numgd.vjp(given.function, given.argnum)(*behind(given, u))
    assert np.shape(backward) == np.shape(argument)
    assert np.abs(np.reshape(backward, -1) - u @ jacobian).max() <= bound
    np.testing.assert_array_equal(u, kept)


@named(CASES, each=150)
def test_gradient_of_a_compiled_function_inside_compiled_code(given):
    gradient = numgd.grad(given.compiled(), given.argnum)

    @njit
    def inside(*arguments):
        return gradient(*arguments)

    expected = each_gradient(gradient(*copied(given.arguments)), given)
    found = each_gradient(inside(*copied(given.arguments)), given)
    for (_, one), (_, other) in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=ROUNDING)
