"""Functions whose derivatives the user has written."""

import functools
import math
import re

import numpy as np
import pytest
from numba import njit, typeof

import numgd
from autodiff.differences import richardson, richardson_jacobian
from numgd.autodiff import NotDifferentiable, custom_jvp, custom_vjp

X = np.array([0.7, -1.3, 0.4, 1.9])


def cubed(y):
    return y * y * y


def root(a, start=1.0):
    """A cube root by Newton's method, which calls a plain function."""
    y = start
    for _ in range(60):
        y -= (cubed(y) - a) / (3.0 * y * y)
    return y


def root_backward(grad, y, a, start):
    return grad / (3.0 * y * y)  # the start has no cotangent


def root_forward(a_dot, start_dot, y, a, start):
    return a_dot / (3.0 * y * y)


def product(n, parts, b):
    """The product of n times a diagonal and a rank-one matrix with a vector."""
    diagonal, u = parts
    return n * (diagonal * b + u * np.dot(u, b))


def product_backward(grad, y, n, parts, b):
    u = parts[1]
    return None, (n * grad * b, n * (grad * np.dot(u, b) + b * np.dot(u, grad))), product(n, parts, grad)


def product_forward(n_dot, parts_dot, b_dot, y, n, parts, b):
    diagonal_dot, u_dot = parts_dot
    u = parts[1]
    moved = diagonal_dot * b + u_dot * np.dot(u, b) + u * np.dot(u_dot, b)
    return product(n, parts, b_dot) + n * moved


def squash(x):
    return np.tanh(x)


def squash_backward(grad, y, x):
    return grad * (1.0 - y * y)


def squash_forward(x_dot, y, x):
    return x_dot * (1.0 - y * y)


cube_root = custom_vjp(root, root_backward)
multiplied = custom_vjp(product, product_backward)
multiplied_in_both = custom_jvp(multiplied, product_forward)
squashed = custom_vjp(squash, squash_backward)
squashed_by_forward = custom_jvp(squash, squash_forward)


def with_numbers(x):
    total = 0.0
    for i in range(x.size):
        total += cube_root(total * total + x[i] * x[i] + 1.0, start=1.5) * x[0]
    return total


def with_arrays(x):
    y = multiplied(2, (2.0 + x * x, x), np.sin(x))
    return np.sum(y * y * y)


def with_arrays_in_both(x):
    y = multiplied_in_both(2, (2.0 + x * x, x), np.sin(x))
    return np.sum(y * y * y)


def with_changing_arrays(x):
    """What `backward` reads must be what the function read."""
    a, total = x.copy(), 0.0
    for i in range(3):
        y = squashed(a)
        a[i] = y[i + 1] * a[i] + 0.5
        total += np.dot(y, a)
    return total


def by_forward(x):
    return np.sum(squashed_by_forward(x * squashed_by_forward(0.5 * x)) ** 2)


@pytest.mark.parametrize("f", [with_numbers, with_arrays_in_both, with_changing_arrays, by_forward])
def test_gradients_are_those_of_differences(f):
    expected = richardson(f, (X,))
    np.testing.assert_allclose(numgd.grad(f)(X), expected.value, rtol=1e-8, atol=10 * expected.error.max())


@pytest.mark.parametrize("f", [with_numbers, with_arrays_in_both, by_forward])
def test_second_derivatives_are_those_of_differences(f):
    gradient, p = numgd.grad(f), np.array([0.3, -0.2, 0.5, 1.0])
    expected = richardson_jacobian(gradient, (X,)).value
    np.testing.assert_allclose(numgd.hessp(f)(X, p), expected @ p, rtol=1e-6)
    np.testing.assert_allclose(numgd.jvp(f)(X, p), gradient(X) @ p, rtol=1e-10)


def test_the_function_itself_can_be_differentiated_and_called_everywhere():
    @njit
    def inside(a):
        return cube_root(a) + gradient(a)

    gradient = numgd.grad(cube_root)
    assert cube_root(8.0) == pytest.approx(2.0, rel=1e-15)
    assert gradient(8.0) == pytest.approx(1.0 / 12.0, rel=1e-15)
    assert inside(8.0) == pytest.approx(2.0 + 1.0 / 12.0, rel=1e-15)
    assert numgd.hessian(cube_root)(8.0) == pytest.approx(-2.0 / 9.0 / 32.0, rel=1e-14)
    single = numgd.grad(cube_root)(np.float32(8.0), np.float32(1.0))
    assert single == pytest.approx(1.0 / 12.0, rel=1e-6)


def test_arrays_in_single_precision_stay_so():
    gradient = numgd.grad(with_changing_arrays)(X.astype(np.float32))
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, numgd.grad(with_changing_arrays)(X), rtol=1e-5, atol=1e-6)


def of_a_number(s, x):
    return squashed(s * x)


@pytest.mark.parametrize(("f", "args"), [(squashed, (X,)), (of_a_number, (0.8, X))])
def test_a_jacobian_without_forward_mode_has_rows_from_backward(f, args):
    expected = richardson_jacobian(f, args).value.reshape(np.shape(numgd.jacobian(f)(*args)))
    np.testing.assert_allclose(numgd.jacobian(f)(*args), expected, rtol=1e-9, atol=1e-12)


def test_solvers_use_what_is_given():
    def residuals(x):
        return squashed(x) - 0.3

    def objective(x):
        return np.sum(residuals(x) ** 2)

    result = numgd.least_squares(residuals, X)
    assert result.derivatives["jac"] == "autodiff"
    np.testing.assert_allclose(result.x, math.atanh(0.3), rtol=1e-6)
    result = numgd.minimize(objective, X)
    assert result.derivatives["jac"] == "autodiff"
    np.testing.assert_allclose(result.x, math.atanh(0.3), rtol=1e-4)
    many = numgd.minimize_many(objective, np.stack([X, 0.5 * X]))
    np.testing.assert_allclose(many.x, math.atanh(0.3), rtol=1e-4)


def test_device_code_uses_what_is_given_for_numbers_and_refuses_arrays():
    gradient, tape = numgd.device_gradient(with_numbers, X), np.empty(100)
    found = np.empty_like(X)
    value, needed = gradient(X, found, tape)
    assert needed <= tape.size
    assert value == pytest.approx(with_numbers(X), rel=1e-14)
    np.testing.assert_allclose(found, numgd.grad(with_numbers)(X), rtol=1e-13)
    with pytest.raises(NotDifferentiable, match="squash of whole arrays on a device"):
        numgd.device_gradient(custom_to_number(squashed), X)


# What does not fit -----------------------------------------------------------------------------------------


def shape(grad, y, x):
    return (grad * (1.0 - y * y))[1:]


def rank(grad, y, x):
    return np.sum(grad)


def none(grad, y, x):
    return None


def integers(grad, y, x):
    return np.ones(x.size, np.int64)


def too_many(grad, y, x):
    return grad, grad


def unknown(grad, y, x):
    return grad.no_such_attribute


def values(grad, y, x):
    return grad * (1.0 - y)


UNFIT = {
    rank: "backward of squash returns float64 as the cotangent of x, which is array(float64, 1d, C)",
    none: "backward of squash returns no cotangent of x",
    integers: "backward of squash returns array(int64, 1d, C) as the cotangent of x, which is array(",
    too_many: "backward of squash returns 2 cotangents for 1 argument",
    unknown: "backward of squash cannot be compiled: Unknown attribute 'no_such_attribute'",
}


@pytest.mark.parametrize("backward", UNFIT, ids=lambda function: function.__name__)
def test_what_backward_returns_must_fit(backward):
    function = custom_vjp(squash, backward)
    with pytest.raises(NotDifferentiable, match=re.escape(UNFIT[backward])):
        numgd.grad(lambda x: np.sum(function(x)))(X)
    np.testing.assert_allclose(function(X), np.tanh(X), rtol=1e-15)


def test_a_cotangent_of_a_tuple_must_be_one():
    function = custom_vjp(product, lambda grad, y, n, parts, b: (None, parts[0], grad))
    with pytest.raises(
        NotDifferentiable, match=r"^backward of product returns array.* of parts, a tuple of 2$"
    ):
        numgd.grad(lambda x: np.sum(function(2, (x, x), x)))(X)


def test_shapes_must_fit():
    with pytest.raises(
        ValueError, match=r"^backward of squash returns an array of another shape as the cotan"
    ):
        numgd.grad(custom_to_number(custom_vjp(squash, shape)))(X)
    ahead = custom_jvp(squash, lambda x_dot, y, x: x_dot[1:])
    with pytest.raises(
        ValueError, match=r"^forward of squash returns an array of another shape as the tangent"
    ):
        numgd.jvp(ahead)(X, X)
    number = custom_jvp(squash, lambda x_dot, y, x: 1.0)
    for derivative in (numgd.jvp, numgd.vjp):
        with pytest.raises(
            NotDifferentiable, match=r"^forward of squash returns float64 as the tangent of the"
        ):
            derivative(number)(X, X)


def custom_to_number(function):
    return lambda x: np.sum(function(x))


@pytest.mark.parametrize(
    ("backward", "said"), [(values, "derivative given for squash, differs"), (rank, "float64")]
)
def test_solvers_report_a_derivative_that_is_wrong_and_use_differences(backward, said):
    function = custom_vjp(squash, backward)

    def objective(x):
        return np.sum((function(x) - 0.3) ** 2)

    with pytest.warns(RuntimeWarning, match=said):
        result = numgd.minimize(objective, X)
    assert said in result.derivatives["refused"]
    np.testing.assert_allclose(result.x, math.atanh(0.3), rtol=1e-4)


def test_what_the_given_derivative_does_not_determine_is_refused():
    with pytest.raises(NotDifferentiable, match="forward mode needs a custom_jvp of product"):
        numgd.hessian(with_arrays)(X)
    with pytest.raises(NotDifferentiable, match=r"^backward of root returns no cotangent of start$"):
        numgd.grad(cube_root, 1)(8.0, 1.0)
    ahead = custom_jvp(product, product_forward)
    with pytest.raises(
        NotDifferentiable, match="reverse mode needs a custom_vjp of product, which takes a tuple"
    ):
        numgd.grad(lambda x: np.sum(ahead(2, (x, x), x)))(X)
    with pytest.raises(NotDifferentiable, match="a call of 'root' with these arguments"):
        numgd.grad(lambda x: cube_root(x, 1.0, 2.0))(8.0)


TABLE = [1.0, 2.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: custom_vjp(3, root_backward), "^f must be a Python or @njit function; it is 3"),
        (lambda: custom_vjp(root, None), "^backward must be a Python or @njit function; it is None"),
        (lambda: custom_jvp(root, math.sin), "^forward must be a Python or @njit function"),
        (
            lambda: custom_vjp(root, squash_backward),
            r"^backward must take the arguments \(grad, result, a, start\)",
        ),
        (lambda: custom_jvp(squash, root_forward), r"^forward must take the arguments \(x_dot, result, x\)"),
        (lambda: custom_vjp(lambda *x: 1.0, root_backward), "^f must take a fixed number of arguments"),
        (lambda: custom_vjp(lambda: 1.0, root_backward), "^f must take a fixed number of arguments"),
        (lambda: custom_vjp(lambda x: TABLE[0] * x, squash_backward), "^f must be .* refers to `TABLE` "),
        (lambda: custom_vjp(functools.partial(root, 1.0), root_backward), "^f must be a Python or @njit"),
    ],
)
def test_what_is_given_must_be_functions(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_the_digest_of_a_derivative_covers_what_is_given():
    def digest(f, backward):
        gradient = numgd.grad(custom_to_number(custom_vjp(f, backward)))
        return gradient.derivation.make((typeof(X),))[1]

    assert digest(squash, squash_backward) == digest(squash, squash_backward) != ""
    assert digest(squash, squash_backward) != digest(squash, values)
    assert digest(squash, squash_backward) != digest(lambda x: np.tanh(x), squash_backward)
    assert digest(squash, njit(squash_backward)) == ""  # compiled in every process


def test_backward_may_overwrite_its_gradient():
    """Which other adjoints share."""

    def backward(grad, result, v):
        grad *= 2.0
        return grad

    doubled = numgd.autodiff.custom_vjp(lambda v: 2.0 * v, backward)

    def f(x):
        y = x * x
        w = doubled(y) + y
        return np.sum(w * w)

    x = np.array([0.7, 1.3, 0.4])
    np.testing.assert_allclose(numgd.grad(f)(x), 36.0 * x**3, rtol=1e-14)
