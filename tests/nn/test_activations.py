"""Activations and softmax against their formulas, differences and limits."""

import math
import warnings

import numba
import numpy as np
import pytest
import scipy.special

import numgd.nn.functional as F
from numgd.scalars import ACTIVATIONS

REALS = [np.float32, np.float64]


def phi(x):
    return 0.5 * scipy.special.erfc(-x / math.sqrt(2))


FORMULAS = {  # name and options: the formula in float64
    ("relu", ()): lambda x: np.maximum(x, 0),
    ("relu6", ()): lambda x: np.clip(x, 0, 6),
    ("leaky_relu", (("negative_slope", 0.2),)): lambda x: np.where(x > 0, x, 0.2 * x),
    ("elu", (("alpha", 1.3),)): lambda x: np.where(x > 0, x, 1.3 * np.expm1(np.minimum(x, 0))),
    ("gelu", ()): lambda x: x * phi(x),
    ("gelu", (("approximate", "tanh"),)): lambda x: (
        0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    ),
    ("hardsigmoid", ()): lambda x: np.clip(x / 6 + 0.5, 0, 1),
    ("hardswish", ()): lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    ("mish", ()): lambda x: x * np.tanh(np.logaddexp(0, x)),
    ("selu", ()): lambda x: (
        1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))
    ),
    ("softplus", (("beta", 0.7),)): lambda x: np.logaddexp(0, 0.7 * x) / 0.7,
    ("softsign", ()): lambda x: x / (1 + abs(x)),
    ("silu", ()): lambda x: x * scipy.special.expit(x),
    ("sigmoid", ()): scipy.special.expit,
    ("tanh", ()): np.tanh,
    ("softmax", ()): lambda x: scipy.special.softmax(x, -1),
    ("log_softmax", ()): lambda x: scipy.special.log_softmax(x, -1),
}


def case_id(value):
    """Text of a test's name."""
    return "-".join([value[0], *dict(value[1])]) if isinstance(value, tuple) else None


CASES = pytest.mark.parametrize("case", FORMULAS, ids=case_id)
NAMES = sorted({name for name, _ in FORMULAS})


def test_every_activation_has_a_formula_here():
    assert {record.function for record in ACTIVATIONS.values()} <= set(NAMES)


def with_reals(name, values, single):
    """Both dtypes.  float32 uses the same source code, and is mostly tested in the slow tier."""
    return pytest.mark.parametrize(
        (name, "real"),
        [(value, np.float64) for value in values]
        + [
            pytest.param(value, np.float32, marks=() if value in single else pytest.mark.slow)
            for value in values
        ],
        ids=case_id,
    )


def functions(case):
    name, options = case
    options = dict(options)
    forward, backward = getattr(F, name), getattr(F, f"{name}_backward")
    return (
        lambda x, **more: forward(x, **options, **more),
        lambda grad, x, **more: backward(grad, x, **options, **more),
    )


def error(got, wanted):
    return np.linalg.norm((got - wanted).ravel()) / np.linalg.norm(wanted.ravel())


@with_reals("case", FORMULAS, [("gelu", ()), ("softmax", ())])
def test_formula(case, real):
    rng = np.random.default_rng(1)
    x = (3 * rng.normal(size=(5, 7, 37))).astype(real)
    before, out = x.copy(), np.full_like(x, np.nan)
    forward, _ = functions(case)
    assert forward(x, out=out) is out
    assert error(out, FORMULAS[case](x.astype(float))) <= (2e-7 if real is np.float32 else 1e-15)
    assert np.array_equal(x, before)
    assert np.array_equal(forward(x), out)


@CASES
def test_backward_is_the_derivative(case):
    rng = np.random.default_rng(2)
    x, grad, direction = rng.normal(size=(3, 4, 11, 9)) * 2
    x[(abs(x) < 0.01) | (abs(abs(x) - 3) < 0.01) | (abs(x - 6) < 0.01)] = 0.5  # away from kinks
    _, backward = functions(case)
    out = np.full_like(x, np.nan)
    assert backward(grad, x, out=out) is out
    h = 1e-5
    slope = np.sum(grad * (FORMULAS[case](x + h * direction) - FORMULAS[case](x - h * direction))) / (2 * h)
    assert abs(np.sum(out * direction) - slope) <= 1e-7 * np.linalg.norm(out)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=() if case[0] in ("gelu", "softmax") else pytest.mark.slow)
        for case in FORMULAS
    ],
    ids=case_id,
)
def test_backward_in_float32(case):
    rng = np.random.default_rng(3)
    x, grad = (3 * rng.normal(size=(2, 6, 33))).astype(np.float32)
    _, backward = functions(case)
    out = backward(grad, x)
    assert out.dtype == np.float32
    assert error(out, backward(grad.astype(float), x.astype(float))) <= 5e-7


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_limits(kind, real):
    scale = real(1.0507009873554805)
    limits = {  # at −inf and +inf: value, derivative
        "relu": (0, np.inf, 0, 1),
        "relu6": (0, 6, 0, 0),
        "leaky_relu": (-np.inf, np.inf, 0.5, 1),
        "elu": (-0.5, np.inf, 0, 1),
        "gelu": (0, np.inf, 0, 1),
        "gelu_tanh": (0, np.inf, 0, 1),
        "silu": (0, np.inf, 0, 1),
        "hardsigmoid": (0, 1, 0, 0),
        "hardswish": (0, np.inf, 0, 1),
        "mish": (0, np.inf, 0, 1),
        "selu": (-scale * real(1.6732632423543772), np.inf, 0, scale),
        "softplus": (0, np.inf, 0, 1),
        "softsign": (-1, 1, 0, 0),
        "sigmoid": (0, 1, 0, 0),
        "tanh": (-1, 1, 0, 0),
    }[kind]
    pair, c = ACTIVATIONS[kind], real(0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for far in (np.inf, 1e30):
            found = [f(real(side * far), c) for f in pair for side in (-1, 1)]
            assert all(type(v) is real for v in found)
            if far == np.inf:
                assert found == list(limits)
            else:
                np.testing.assert_allclose(found[2:], limits[2:], rtol=0, atol=1e-50)
                assert not np.isnan(found).any()
    assert all(np.isnan(f(real(np.nan), c)) for f in pair)


@pytest.mark.parametrize("real", REALS)
def test_products_of_zero_and_infinity(real):
    """A slope of 0 and an infinite gradient, and the other way round: nothing, as in the limit."""
    inf, far = np.array([np.inf, -np.inf], real), np.array([-1000, 1000], real)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert F.leaky_relu(-abs(inf), negative_slope=0.0).tolist() == [0, 0]
        assert F.relu_backward(inf, far).tolist() == [0, -np.inf]
        for name in ("sigmoid", "tanh"):
            assert getattr(F, f"{name}_backward")(inf, far).tolist() == [0, 0]
        for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"):
            assert getattr(F, f"{name}_backward")(0 * far, inf).tolist() == [0, 0]


@with_reals("kind", ACTIVATIONS, ["gelu"])
def test_interpreted_as_compiled(kind, real):
    rng = np.random.default_rng(4)
    x = (4 * rng.normal(size=60)).astype(real)
    x[:6] = 0, -0.0, 50, -50, np.nan, 1e4
    record = ACTIVATIONS[kind]
    name, options = record.function, {record.parameter: 0.5} if record.parameter else {}
    if kind == "gelu_tanh":
        options = {"approximate": "tanh"}
    for function, compiled in zip(
        ACTIVATIONS[kind],
        (getattr(F, name)(x, **options), getattr(F, f"{name}_backward")(np.ones_like(x), x, **options)),
        strict=True,
    ):
        interpreted = np.array([function(v, real(0.5)) for v in x])
        assert interpreted.dtype == real
        eps = np.finfo(real).eps
        np.testing.assert_allclose(compiled, interpreted, rtol=20 * eps, atol=8 * eps)


@pytest.mark.parametrize("real", REALS)
def test_softmax_of_extreme_rows(real):
    rows = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [0, -np.inf, 0], [88, 89, 90]], real)
    p, log_p = F.softmax(rows), F.log_softmax(rows)
    wanted = scipy.special.softmax(rows.astype(float), -1)
    np.testing.assert_allclose(p, wanted, rtol=1e-6)
    np.testing.assert_allclose(log_p[:2], [[0, -2e4, -1e4], [-math.log(3)] * 3], rtol=1e-6)
    assert log_p[2, 1] == -np.inf
    slopes = F.log_softmax_backward(np.ones_like(rows), rows)
    np.testing.assert_allclose(slopes, 1 - 3 * wanted, atol=1e-6)
    for zeros in (1, 100):  # short rows and long ones: one infinite element takes all
        x = np.array([[0, np.inf] + zeros * [-np.inf]], real)
        assert F.softmax(x)[0].tolist() == [0, 1] + zeros * [0]
        assert F.log_softmax(x)[0].tolist() == [-np.inf, 0] + zeros * [-np.inf]
        assert np.array_equal(F.softmax_backward(np.ones_like(x), x), 0 * F.softmax(x))
        x[0, 2] = np.inf
        assert np.isnan(F.softmax(x)).all()
    assert np.isnan(F.softmax(np.array([[1, np.nan, 2]], real))).all()
    assert np.isnan(F.softmax(np.array([[1, -np.nan, 2]], real))).all()


@pytest.mark.parametrize("columns", [1, 2, 15, 16, 17, 1023, 1024, 1025, 5000])
def test_softmax_of_any_length(columns):
    x = np.random.default_rng(columns).normal(size=(3, columns))
    assert error(F.softmax(x), scipy.special.softmax(x, -1)) <= 1e-15 * math.sqrt(columns + 10)
    single = x.astype(np.float32)
    assert error(F.softmax(single), scipy.special.softmax(single.astype(float), -1)) <= 3e-7


@pytest.fixture
def threads():
    before = numba.get_num_threads()
    yield numba.set_num_threads
    numba.set_num_threads(before)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core")
@pytest.mark.parametrize("name", ["gelu", "softmax"])
def test_same_bits_on_any_number_of_threads(name, threads):
    x, grad = np.random.default_rng(6).normal(size=(2, 701, 131)).astype(np.float32)
    results = []
    for count in (1, 2):
        threads(count)
        results.append((getattr(F, name)(x), getattr(F, f"{name}_backward")(grad, x)))
    for one, two in zip(*results, strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("name", NAMES)
def test_empty_and_strided(name):
    forward, backward = getattr(F, name), getattr(F, f"{name}_backward")
    empty = np.zeros((0, 4))
    assert forward(empty).shape == backward(empty, empty).shape == (0, 4)
    x = np.random.default_rng(7).normal(size=(6, 8, 10))
    for strided in (x[::2, ::-1, ::3], x.transpose(2, 0, 1)):
        assert np.array_equal(forward(strided), forward(strided.copy()))
        assert np.array_equal(backward(strided, strided), backward(strided.copy(), strided.copy()))


@pytest.mark.parametrize("name", NAMES)
def test_bad_input(name):
    forward, backward = getattr(F, name), getattr(F, f"{name}_backward")
    x = np.ones((3, 4))
    for wrong in (np.ones((3, 4), int), np.ones((3, 4), complex), np.ones((3, 4), np.float16), [["a"]]):
        with pytest.raises(TypeError, match="x must be float32 or float64"):
            forward(wrong)
    with pytest.raises(ValueError, match=r"out has shape \(4, 3\), but the result's is \(3, 4\)"):
        forward(x, out=np.ones((4, 3)))
    with pytest.raises(TypeError, match="out has dtype float32"):
        forward(x, out=np.ones((3, 4), np.float32))
    if name not in IN_PLACE:
        with pytest.raises(ValueError, match="out overlaps"):
            forward(x, out=x)
    wider = np.ones((4, 4))
    with pytest.raises(ValueError, match="out overlaps"):
        forward(wider[1:], out=wider[:3])
    read_only = np.zeros((3, 4))
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="out is read-only"):
        backward(x, x, out=read_only)
    grad = x.copy()
    with pytest.raises(ValueError, match="out overlaps"):
        backward(grad, x, out=grad)
    with pytest.raises(ValueError, match=r"grad has shape \(3,\), but x has \(3, 4\)"):
        backward(np.ones(3), x)
    with pytest.raises(TypeError, match="grad has dtype float32, but the other arrays have float64"):
        backward(x.astype(np.float32), x)


IN_PLACE = {record.function for record in ACTIVATIONS.values() if record.keeps_slope}


@pytest.mark.parametrize("name", sorted(IN_PLACE))
def test_in_place(name):
    """Also a piece of a larger array, of any alignment; the gradient from the result is the same."""
    whole, grad = 5 * np.random.default_rng(8).normal(size=(2, 3001))
    x = whole[1:]
    x[:4] = 0.0, np.nan, np.inf, -np.inf
    forward, backward = getattr(F, name), getattr(F, f"{name}_backward")
    wanted, slopes = forward(x), backward(grad[1:], x)
    assert forward(x, out=x) is x and np.array_equal(x, wanted, equal_nan=True)
    assert np.array_equal(backward(grad[1:], x), slopes, equal_nan=True)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="out is read-only"):
        forward(x, out=x)


def test_in_place_is_refused_where_the_sign_would_be_lost():
    x = np.array([-1.0, 2.0])
    with pytest.raises(ValueError, match="out overlaps"):
        F.leaky_relu(x, negative_slope=-0.5, out=x)
    assert x.tolist() == [-1, 2]


def test_bad_options():
    x = np.ones(3)
    with pytest.raises(ValueError, match="approximate must be 'none' or 'tanh'; it is 'exact'"):
        F.gelu(x, approximate="exact")
    with pytest.raises(TypeError, match="alpha must be a number"):
        F.elu(x, alpha="1")
    with pytest.raises(ValueError, match="negative_slope must be finite"):
        F.leaky_relu_backward(x, x, negative_slope=np.nan)
    for name in ("softmax", "log_softmax"):
        for shape, axis in (((), -1), ((2, 3), 2), ((2, 3), -3)):
            with pytest.raises(ValueError, match="axis must be an axis of x"):
                getattr(F, name)(np.zeros(shape), axis=axis)
        with pytest.raises(ValueError, match=r"x must have elements along axis 1; its shape is \(2, 0\)"):
            getattr(F, name)(np.zeros((2, 0)))
        for axis in (1.0, None, "last", (0, 1)):
            with pytest.raises(TypeError, match="axis must be an integer"):
                getattr(F, name)(np.zeros((2, 3)), axis=axis)


class TestPrelu:
    def test_limits(self):
        x, slopes = (
            np.array([[np.nan, -np.inf, np.inf, -0.0], [1.0, -np.inf, 2.0, -3.0]]),
            np.array([0.5, 0, 2, 1]),
        )
        assert np.array_equal(F.prelu(x, slopes), [[np.nan, 0, np.inf, 0], [1, 0, 2, -3]], equal_nan=True)
        grad = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]])
        grad_x, grad_slopes = F.prelu_backward(grad, x, slopes)
        assert np.array_equal(grad_x, [[np.nan, 0, 1, 1], [1, 0, 1, 1]], equal_nan=True)
        assert np.array_equal(grad_slopes, [np.nan, -np.inf, 0, -3], equal_nan=True)

    def test_empty_and_strided(self):
        grad_x, grad_slopes = F.prelu_backward(np.zeros((0, 3)), np.zeros((0, 3)), np.ones(3))
        assert grad_x.shape == F.prelu(np.zeros((0, 3)), np.ones(3)).shape == (0, 3)
        assert not grad_slopes.any()
        x = np.random.default_rng(0).normal(size=(6, 8, 10))[::2, ::-1, ::3]
        assert np.array_equal(F.prelu(x, np.ones(8)[::2]), x)

    def test_bad_input(self):
        x = np.ones((2, 3))
        for shape in ((2,), (), (1, 3)):
            with pytest.raises(ValueError, match=r"weight (must have 1 axis|has shape)"):
                F.prelu(x, np.ones(shape))
        with pytest.raises(TypeError, match="weight has dtype float32"):
            F.prelu(x, np.ones(3, np.float32))
        with pytest.raises(ValueError, match=r"grad has shape \(3,\)"):
            F.prelu_backward(np.ones(3), x, np.ones(3))
        with pytest.raises(ValueError, match="x must have at least one axis"):
            F.prelu(np.float64(1), np.ones(1))
        with pytest.raises(ValueError, match="out for weight overlaps"):
            F.prelu_backward(x, x.copy(), weight := np.ones(3), out=(None, weight))


def test_a_number_is_an_array_without_axes():
    assert F.relu(np.float64(-1)).shape == ()
    assert abs(F.tanh(np.array(0.5, np.float32)) - np.tanh(0.5)) < 1e-7
