"""What the derivatives promise beside their values: names, errors, sources, processes, scipy."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit, prange
from scipy import optimize

import numgd
from numgd.autodiff.derivation import derived

START = np.array([-1.2, 1.0, 0.4])


def rosenbrock(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def quartic(x, y, i, out, top, tape, direction, product):
    """Parameters whose names generated code would like to use."""
    for _ in range(i):
        x = x * x * y + out * top
    return np.sum(x) * tape * direction + product


def test_against_scipys_derivatives():
    np.testing.assert_allclose(numgd.grad(rosenbrock)(START), optimize.rosen_der(START), rtol=1e-13)
    np.testing.assert_allclose(numgd.hessian(rosenbrock)(START), optimize.rosen_hess(START), rtol=1e-13)
    p = np.array([1.0, -2.0, 0.5])
    expected = optimize.rosen_hess_prod(START, p)
    np.testing.assert_allclose(numgd.hessp(rosenbrock)(START, p), expected, rtol=1e-13)
    found = optimize.minimize(rosenbrock, START, jac=numgd.grad(rosenbrock), method="BFGS")
    assert found.success
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)


def test_parameters_may_have_any_name():
    arguments = (START, 0.3, 2, 0.5, 0.7, 1.1, 0.9, 0.2)
    x, y, _, out, top, tape, direction, _ = arguments
    inner = x * x * y + out * top
    expected = 4.0 * y * y * inner * x * tape * direction
    np.testing.assert_allclose(numgd.grad(quartic)(*arguments), expected, rtol=1e-13)
    hessian = numgd.hessian(quartic)(*arguments)
    second = 4.0 * y * y * (inner + 2.0 * y * x * x) * tape * direction
    np.testing.assert_allclose(hessian, np.diag(second), rtol=1e-13)
    expected = np.sum(2.0 * inner * y * top + top) * tape * direction
    np.testing.assert_allclose(numgd.grad(quartic, 3)(*arguments), expected, rtol=1e-13)


def statistics(x):
    """Variables whose names generated code would like to use."""
    x_bar, x_dot, part, answer = np.mean(x), np.sum(x * x), x[0], 0.0
    t, t_bar, returned, lazy, chosen = x[1] ** 2, x[2] * x_bar, x[0] * x[1], 1.0, 2.0
    for k in range(3):
        answer += x_bar * x_dot * t_bar * lazy + part * t * k
        if answer > 1e9:
            return returned
        lazy = lazy * x_dot if x_dot > 0.1 and t > -1.0 else chosen
    x_carried_bar = np.linalg.solve(np.outer(x, x) + np.eye(3), x * part)
    return answer + np.sum(x_carried_bar * x_bar) + returned


@pytest.mark.slow
def test_variables_may_have_any_name():
    found = numgd.check_grad(statistics, START)
    assert found.error < 1e-8
    slopes = numgd.grad(statistics)
    step = 1e-5
    for i, column in enumerate(numgd.hessian(statistics)(START)):
        ahead, behind = START.copy(), START.copy()
        ahead[i] += step
        behind[i] -= step
        np.testing.assert_allclose(
            column, (slopes(ahead) - slopes(behind)) / (2.0 * step), rtol=1e-6, atol=1e-6
        )


def test_functions_under_another_name():
    largest, smallest, naughts = max, min, np.zeros

    def f(x):
        out = naughts(2)
        out[0] = largest(x[0], x[1])
        out[1] = smallest(x[0], x[1])
        return out[0] ** 2 + 3.0 * out[1]

    np.testing.assert_allclose(numgd.grad(f)(np.array([2.0, 5.0])), [3.0, 10.0])


@njit(parallel=True)
def gradients(points):
    out = np.empty_like(points)
    for i in prange(points.shape[0]):
        out[i] = gradient(points[i])
    return out


gradient = numgd.grad(rosenbrock)


def test_indices_are_checked_as_those_of_the_function():
    def beyond(x):
        return x[0] * x[5]

    for derive in (numgd.grad, numgd.hessian):
        with pytest.raises(IndexError):
            derive(beyond)(START)
    assert numgd.grad(njit(rosenbrock))(START).shape == START.shape


def test_numbers_that_follow_a_real_step():
    def spaced(x):
        return np.sum(np.arange(x[0], x[1], x[2]) ** 2)

    x = np.array([0.3, 2.05, 0.5])  # 0.3, 0.8, 1.3, 1.8
    points = 0.3 + 0.5 * np.arange(4)
    expected = [np.sum(2 * points), 0.0, np.sum(2 * points * np.arange(4))]
    np.testing.assert_allclose(numgd.grad(spaced)(x), expected, rtol=1e-14)
    np.testing.assert_allclose(
        numgd.hessian(spaced)(x), [[8, 0, 12], [0, 0, 0], [12, 0, 28]], rtol=1e-14, atol=1e-14
    )


def test_under_prange():
    points = np.random.default_rng(0).normal(size=(20, 4))
    np.testing.assert_allclose(gradients(points), [optimize.rosen_der(point) for point in points], rtol=1e-12)


def test_nested():
    def cube(x):
        return x**3

    assert math.isclose(numgd.grad(numgd.grad(cube))(1.5), 9.0)

    def slope(x):
        return x * numgd.grad(cube)(x)

    assert math.isclose(numgd.grad(slope)(1.5), 9.0 * 1.5**2)


def test_gradients_at_kinks():
    assert numgd.grad(lambda x: abs(x))(0.0) == 0.0
    assert numgd.grad(lambda x: max(x, 0.0))(0.0) == 1.0
    assert numgd.grad(lambda x: min(x, 0.0))(0.0) == 1.0
    assert np.array_equal(numgd.grad(lambda x: np.max(x))(np.array([1.0, 3.0, 3.0])), [0.0, 1.0, 0.0])
    assert numgd.grad(lambda x: math.floor(x) * x)(1.5) == 1.0


def test_not_finite_passes_through():
    value, slope = numgd.value_and_grad(lambda x: x[0] * x[1])(np.array([math.inf, 2.0]))
    assert value == math.inf and slope[0] == 2.0 and slope[1] == math.inf
    value, slope = numgd.value_and_grad(lambda x: math.log(x[0]) + x[1])(np.array([math.nan, 2.0]))
    assert math.isnan(value) and math.isnan(slope[0]) and slope[1] == 1.0
    assert numgd.grad(lambda x: math.sqrt(x))(0.0) == math.inf


def test_arguments_are_not_written():
    x = START.copy()
    x.setflags(write=False)
    numgd.grad(rosenbrock)(x)
    found = numgd.grad(lambda x: np.sum(x))(x)
    found[0] = 7.0
    assert np.array_equal(x, START)


def test_source_can_be_read():
    text = numgd.autodiff.source(numgd.grad(rosenbrock), START)
    assert text.startswith("def grad_of_rosenbrock(x):")
    compile(text, "source", "exec")
    with pytest.raises(TypeError, match="derivative"):
        numgd.autodiff.source(rosenbrock)


def test_an_edited_function_is_differentiated_anew(tmp_path):
    script = tmp_path / "edited.py"
    function = (
        "def f(x):\n    return helper.power(x)\n\n\ndef g(x):\n    return np.sum(x * helper.power(x[0]))\n"
    )
    calls = "print(numgd.grad(f)(3.0), numgd.hessian(f)(3.0), numgd.hessian(g)(np.array([3.0]))[0, 0])\n"
    script.write_text(f"import numpy as np\nimport numgd\nimport helper\n\n\n{function}\n\n{calls}")
    for power, expected in ((2, [6.0, 2.0, 18.0]), (3, [27.0, 18.0, 108.0])):
        code = f"from numba import njit\n\n\n@njit\ndef power(x):\n    return x**{power}\n"
        (tmp_path / "helper.py").write_text(code)
        command = [sys.executable, "-B", str(script)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert [float(word) for word in done.stdout.split()] == pytest.approx(expected)


def test_a_second_process_finds_the_machine_code(tmp_path):
    script = tmp_path / "kept.py"
    function = "def f(x):\n    return np.array([np.sum(x**2), x[0], np.exp(x[1])])\n"
    calls = (
        "for made in (numgd.grad(lambda x: f(x)[0]), numgd.jacobian(f)):\n"
        "    made(np.ones(2))\n"
        "    (inner,) = made._compiler.inner\n"
        "    print(sum(inner.stats.cache_hits.values()))\n"
    )
    script.write_text(f"import numpy as np\nimport numgd\n\n\n{function}\n\n{calls}")
    environment = dict(os.environ, NUMGD_CACHE_DIR=str(tmp_path / "cache"))
    for expected in (["0", "0"], ["1", "1"]):
        command = [sys.executable, str(script)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.split() == expected


def test_lambdas_on_one_line():
    square, cube, sine = lambda x: x**2, lambda x: x**3, njit(lambda x: math.sin(x))
    assert [numgd.grad(f)(2.0) for f in (square, cube, sine)] == [4.0, 12.0, math.cos(2.0)]


def test_powers_at_zero():
    def polynomial(x, powers):
        return np.sum(x**powers)

    def one(x, power):
        return x**power

    gradient = numgd.grad(polynomial)(np.zeros(4), np.array([0.0, 1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(gradient, [0.0, 1.0, 0.0, 0.0])
    assert [numgd.grad(one)(0.0, power) for power in (0, 1, 2, 0.0, 1.0)] == [0.0, 1.0, 0.0, 0.0, 1.0]
    assert [numgd.hessian(one)(0.0, power) for power in (0, 1, 2, 3)] == [0.0, 0.0, 2.0, 0.0]


def operand_written(x):
    b = 2.0 * x
    a = b + 1.0
    b[0] = 5.0
    return np.sum(a * a * b)


def result_written(x):
    b = 2.0 * x
    a = b + 1.0
    a[0] *= 3.0
    return np.sum(a * a * b)


def conversion_written(x):
    y = x.astype(np.float64)
    y[0] *= y[1]
    return np.sum(y**2)


def written_in_a_loop(x):
    b = 2.0 * x
    for i in range(2):
        a = b + 1.0
        b[i] = a[1] * x[0]
    return np.sum(a * a * b)


@njit
def promoted(x):
    y = x * np.float32(3.0)
    return y + 1.0


def test_tangents_have_the_dtype_of_the_value():
    x = np.ones(3, np.float32)
    tangent = numgd.jvp(promoted)(x, x)
    assert tangent.dtype == promoted(x).dtype
    np.testing.assert_array_equal(tangent, 3.0)


@pytest.mark.parametrize(
    "f", [operand_written, result_written, conversion_written, written_in_a_loop], ids=lambda f: f.__name__
)
def test_tangents_that_are_equal_are_apart(f):
    direction = np.array([0.3, 0.2, -0.9])
    given = direction.copy()
    found = numgd.jvp(f)(START, given)
    assert found == pytest.approx(numgd.grad(f)(START) @ direction, rel=1e-13)
    np.testing.assert_array_equal(given, direction)
    step = 1e-5 * direction
    change = (numgd.grad(f)(START + step) - numgd.grad(f)(START - step)) / 2e-5
    np.testing.assert_allclose(numgd.hessp(f)(START, direction), change, rtol=1e-6, atol=1e-6)


def test_check_grad():
    right = numgd.check_grad(rosenbrock, START)
    assert right.error < 1e-8
    np.testing.assert_array_equal(right.gradient, numgd.grad(rosenbrock)(START))

    def wrong(x):
        g = optimize.rosen_der(x)
        g[1] *= 1.01
        return g

    found = numgd.check_grad(rosenbrock, START, jac=wrong)
    assert found.worst[0] == 1 and 1e-4 < found.error < 0.1
    assert str(found).splitlines()[2].split()[0] == "1"
    assert numgd.check_grad(lambda x, a: a * x * x, 3.0, 2.0).error < 1e-8
    for bad in ((None, START), (rosenbrock, "text"), (rosenbrock, []), (rosenbrock, [np.nan])):
        with pytest.raises((TypeError, ValueError)):
            numgd.check_grad(*bad)
    with pytest.raises(ValueError, match="shape"):
        numgd.check_grad(rosenbrock, START, jac=lambda x: x[:1])


def guarded(x):
    assert x.size == 2, "two numbers"
    if x[0] < 0.0:
        raise ValueError("negative")
    elif x[0] > 10.0:
        raise RuntimeError
    else:
        y = math.sqrt(x[0])
    for _ in range(3):
        if y > 1e6:
            raise OverflowError("large")
        y = y * x[1]
    return y


def test_exceptions_are_those_of_the_function():
    x = np.array([2.0, 3.0])
    np.testing.assert_allclose(numgd.grad(guarded)(x), [27 / 8**0.5, 27 * 2**0.5], rtol=1e-14)
    for values in ([-1.0, 2.0], [11.0, 2.0], [1.0, 1e5], [1.0, 2.0, 3.0]):
        with pytest.raises((AssertionError, ValueError, RuntimeError, OverflowError)) as own:
            guarded(np.array(values))
        for derive in (numgd.grad, numgd.hessian):
            with pytest.raises(type(own.value)) as caught:
                derive(guarded)(np.array(values))
            own_words, words = str(own.value).splitlines()[:1], str(caught.value).splitlines()
            assert words == own_words


def heat(x, steps):
    now = x.copy()
    for _ in range(steps):
        now[1:-1] = now[1:-1] + 0.2 * (now[:-2] - 2.0 * now[1:-1] + now[2:])
    return np.sum(now**3)


@pytest.mark.parametrize(("function", "rest"), [(rosenbrock, ()), (heat, (5,))])
def test_nothing_is_kept_that_is_not_needed(function, rest):
    x = np.linspace(-1.0, 1.0, 7)
    text = numgd.autodiff.source(numgd.grad(function), x, *rest)
    assert "tape" not in text
    assert numgd.check_grad(function, x, *rest).error < 1e-8


@pytest.mark.parametrize("shape", [(1,), (4,)])
def test_lengths_that_only_the_call_knows(shape):
    def product(x, y):
        total = x * y
        for k in range(2):
            total = total + y * k
        return np.sum(total**2)

    x, y = np.array([0.5, -1.0, 2.0, 3.0]), np.full(shape, 0.7)
    for argnum, vary in ((0, lambda v: product(v, y)), (1, lambda v: product(x, v))):
        at = (x, y)[argnum]
        slopes = numgd.check_grad(vary, at, jac=lambda v, k=argnum: numgd.grad(product, k)(x, y))
        assert slopes.gradient.shape == at.shape
        assert slopes.error < 1e-8


def test_products_with_several_vectors_are_those_with_one():
    def residuals(x):
        out = np.empty(x.size + 1)
        for i in range(x.size):
            out[i] = np.sin(x[i]) * x[0]
        out[x.size] = np.prod(x)
        return out

    for n in (1, 3, 4, 5, 9):
        x = np.linspace(0.5, 1.5, n)
        found = numgd.jacobian(residuals)(x)
        for j in range(n):
            unit = np.zeros(n)
            unit[j] = 1.0
            np.testing.assert_allclose(found[:, j], numgd.jvp(residuals)(x, unit), rtol=1e-14, atol=1e-15)


def test_the_jacobian_by_several_numbers():
    def decay(t, a, b, c):
        return a * np.exp(-b * t) + c

    t = np.linspace(0.0, 2.0, 5)
    by_a, by_b, by_c = numgd.jacobian(decay, (1, 2, 3))(t, 1.5, 0.7, 0.2)
    np.testing.assert_allclose(by_a, np.exp(-0.7 * t), rtol=1e-15)
    np.testing.assert_allclose(by_b, -1.5 * t * np.exp(-0.7 * t), rtol=1e-15)
    assert np.array_equal(by_c, np.ones(5))
    with pytest.raises(numgd.autodiff.NotDifferentiable, match="numbers"):
        numgd.jacobian(lambda x, y: x * y, (0, 1))(t, t)


def overwritten(x):
    gradient = x[1:]
    gradient *= 3.0
    return np.sum(x * x) * gradient[0]


def grown_tape(x):
    total, y = 0.0, x[0]
    for i in range(400):
        y = math.sin(y) + x[i % 3]
        total += y * y
    return total


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "f",
    [rosenbrock, overwritten, grown_tape]
    + [lambda x: np.sum(x), lambda x: 2.0, lambda x: np.dot(x, x), lambda x: x[::-1][0] * x[2]],
)  # fmt: skip
def test_gradients_in_given_memory(f, dtype):
    x = START.astype(dtype)
    value, expected = numgd.value_and_grad(f)(x.copy())
    gradient = np.full(3, np.nan, dtype)
    found = derived("value_and_grad_to", f, 0)(x.copy(), gradient)
    assert found == value
    np.testing.assert_array_equal(gradient, expected)


def test_second_derivatives_with_a_tape_that_grows():
    x, p = START.copy(), np.array([0.3, -1.0, 0.7])
    h = 1e-6
    gradient = numgd.grad(grown_tape)
    expected = (gradient(x + h * p) - gradient(x - h * p)) / (2.0 * h)
    np.testing.assert_allclose(numgd.hessp(grown_tape)(x, p), expected, rtol=1e-6)


def stored_once(x):
    total, s = 0.0, 1.0
    for _ in range(4):
        s = np.sin(s + x[0])
        r = np.cos(s * x[1])
        y = x * s * r
        y[0] = y[1] * y[2]
        total += np.dot(y, y)
    return total


def stored_in_a_loop(x):
    total = 0.0
    for i in range(2):
        y = x * (1.0 + i)
        for j in range(3):
            y[j] = y[j] * y[(j + 1) % 3]
        total += np.dot(y, y)
    return total


def stored_between(x):
    total = 0.0
    for i in range(2):
        y = x * (1.0 + i)
        total += np.dot(y, y)
        z = y[:2]
        z[0] = total / x[1]
        total += y[0] * y[1]
    return total


@pytest.mark.parametrize("f", [stored_once, stored_in_a_loop, stored_between])
def test_arrays_that_are_written_are_not_computed_again_without(f):
    x = np.array([0.7, -0.4, 1.1])
    expected = [f(x + 1e-20j * direction).imag / 1e-20 for direction in np.eye(3)]
    np.testing.assert_allclose(numgd.grad(f)(x), expected, rtol=1e-13)


def test_a_first_parameter_may_have_a_default():
    @njit
    def f(x=None, shift=1.0):
        return np.sum((x - shift) ** 2)

    @njit
    def solve(x0):
        return numgd.minimize(f, x0).x

    np.testing.assert_allclose(solve(np.zeros(3)), 1.0)
    found = numgd.minimize(f, np.zeros(3))
    np.testing.assert_allclose(found.x, 1.0)
    assert found.derivatives["jac"] == "autodiff"
    np.testing.assert_array_equal(numgd.vjp(lambda x=None: x * x)(np.array([3.0]), np.array([2.0])), [12.0])


def test_derivatives_show_what_they_are_of():
    def f(x, y):
        return x * y

    assert repr(numgd.grad(f)) == "grad(f)"
    assert repr(numgd.value_and_grad(f, 1)) == "value_and_grad(f, argnum=1)"
    assert repr(numgd.grad(numgd.grad(njit(f)), (0, 1))) == "grad(grad(f), argnum=(0, 1))"
    assert repr(numgd.hessp(lambda x: x * x)) == "hessp(<lambda>)"
    with pytest.raises(TypeError, match="argnum must be an int"):
        numgd.grad(f, [0])


def interpolated(q, xp):
    return np.interp(q[0], xp, q[1:])


@pytest.mark.parametrize(
    ("q", "xp", "slopes"),
    [
        ([1.0, 2, 3, 5], [0.0, 1, 1], [1, 0, 0, 1]),  # at a last sample point that stands twice
        ([1.0, 2, 3, 5], [1.0, 1, 1], [0, 0, 0, 1]),
        ([1.0, 2, 3, np.inf], [0.0, 1, 2], [0, 0, 1, 0]),  # beside an infinite one
        ([2.0, 2, 3, 7], [0.0, 1, 2], [4, 0, 0, 1]),
        ([1.0, 2, 3, 7], [0.0, 1, 2], [4, 0, 1, 0]),
        ([np.nan, 2, 3, 7], [0.0, 1, 2], None),
    ],
)
def test_interpolation_at_sample_points(q, xp, slopes):
    q, xp = np.array(q), np.array(xp)
    value, found = numgd.value_and_grad(interpolated)(q, xp)
    assert np.array_equal(value, np.interp(q[0], xp, q[1:]), equal_nan=True)
    assert slopes is None or found.tolist() == slopes


def test_the_median_of_nan_is_nan():
    value, _ = numgd.value_and_grad(lambda x: np.median(x))(np.array([1.0, np.nan, 3.0]))
    assert np.isnan(value)
    value, slopes = numgd.value_and_grad(lambda x: np.median(x))(np.array([1.0, 7.0, 3.0]))
    assert value == 3 and slopes.tolist() == [0, 0, 1]
