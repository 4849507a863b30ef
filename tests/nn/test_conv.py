"""Convolutions against their definition, differences and each other; bad input; memory; threads."""

import tracemalloc

import numba
import numpy as np
import pytest
from nn.convolutions import Case, convolution, gradients, random_case, relative_error

import numgd.nn.functional as F
from numgd.jit.streaming import LARGE
from numgd.jit.target import register_bytes
from numgd.kernels.cpu.layers.conv import choose, weight_gradient
from numgd.kernels.cpu.layers.conv.algorithm import Layer
from numgd.kernels.cpu.layers.conv.depthwise import group_widths
from numgd.kernels.cpu.layers.conv.geometry import Geometry
from numgd.nn.functional import (
    conv2d,
    conv2d_backward,
    conv2d_transpose,
    conv2d_transpose_backward,
    pack_weight,
)

RNG = np.random.default_rng(3)


def make(shape, weight, dtype=np.float64, **options):
    """A case with random numbers."""
    settings = {"stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1, **options}
    draw = [RNG.normal(size=size).astype(dtype) for size in (shape, weight, weight[:1])]
    return Case(*draw, **settings)


def check(case, bound, algorithm=None):
    """Forward and backward against the definition, into memory filled with NaN, with inputs unchanged."""
    if algorithm == "depthwise" and case.weight.shape[3] not in group_widths(np.dtype(np.float64)):
        pytest.skip("a register is narrower than a group")
    expected = convolution(case)
    grad = RNG.normal(size=expected.shape).astype(case.x.dtype)
    right = gradients(case, grad)
    before = case.x.copy(), case.weight.copy(), grad.copy()
    out = np.full(expected.shape, np.nan, case.x.dtype)
    outs = [np.full(array.shape, np.nan, case.x.dtype) for array in right]
    assert conv2d(case.x, case.weight, case.bias, **case.options, algorithm=algorithm, out=out) is out
    conv2d_backward(grad, case.x, case.weight, **case.options, algorithm=algorithm, out=outs)
    assert relative_error(out, expected) <= bound
    for given, reference in zip(outs, right, strict=True):
        assert relative_error(given, reference) <= bound
    for array, original in zip((case.x, case.weight, grad), before, strict=True):
        np.testing.assert_array_equal(array, original)


@pytest.mark.slow
def test_direct_in_float64():
    case = make((2, 9, 10, 20), (70, 3, 3, 20), padding=(1, 1, 1, 1), stride=(1, 2))
    check(case, 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_definition(seed):
    check(random_case(np.random.default_rng(seed), np.float64), 1e-12)


ALGORITHMS = [
    ("direct", make((2, 9, 10, 20), (70, 3, 3, 20), padding=(1, 1, 1, 1))),
    ("pointwise", make((2, 5, 4, 20), (7, 1, 1, 20))),
    ("few_channels", make((2, 17, 15, 3), (20, 5, 4, 3), padding=(2, 1, 0, 3), stride=(2, 3))),
    ("depthwise", make((2, 9, 10, 20), (20, 3, 3, 1), padding=(1, 1, 1, 1), groups=20)),
    ("depthwise", make((2, 9, 13, 40), (40, 5, 3, 2), padding=(1, 4, 2, 0), groups=20, stride=(2, 3))),
    ("depthwise", make((1, 9, 13, 32), (32, 3, 3, 4), groups=8, dilation=(2, 3))),
    ("depthwise", make((1, 9, 13, 32), (32, 3, 3, 8), groups=4)),
    ("depthwise", make((1, 5, 5, 260), (260, 3, 3, 1), groups=260)),
    ("winograd_4", make((2, 9, 10, 20), (37, 3, 3, 20), padding=(1, 0, 2, 3))),
    ("winograd_4", make((2, 9, 10, 40), (74, 3, 3, 20), padding=(1, 1, 1, 1), groups=2)),
    ("winograd_4", make((3, 41, 38, 16), (70, 3, 3, 16), padding=(1, 1, 1, 1))),  # many strips of tiles
    ("winograd_4", make((1, 3, 3, 1), (1, 3, 3, 1), padding=(3, 4, 5, 6))),
    ("depthwise_lines", make((2, 9, 14, 32), (32, 3, 3, 1), padding=(1, 1, 1, 1), groups=32)),
    ("depthwise_lines", make((2, 5, 31, 20), (20, 3, 3, 1), padding=(1, 1, 1, 1), groups=20)),
    (
        "depthwise_lines",
        make((1, 10, 17, 33), (33, 5, 3, 1), padding=(3, 1, 0, 1), groups=33, dilation=(3, 1)),
    ),
    ("depthwise_lines", make((2, 3, 4, 20), (20, 1, 3, 1), padding=(0, 0, 1, 0), groups=20)),
    ("few_channels", make((2, 11, 12, 5), (9, 4, 3, 5), padding=(3, 0, 2, 1))),
    ("few_channels", make((1, 6, 7, 2), (3, 3, 3, 2), padding=(3, 0, 2, 1), dilation=(2, 1))),
    # Several bands of one image; weights that are shorter than a cache line; taps that are merged.
    ("few_channels", make((1, 90, 7, 3), (5, 3, 2, 3), padding=(4, 1, 0, 2), stride=(2, 1))),
    ("few_channels", make((3, 5, 9, 1), (1, 1, 3, 1))),
    ("few_channels", make((2, 27, 23, 3), (64, 11, 11, 3), padding=(2, 2, 2, 2), stride=(4, 4))),
]


IN_SLOW_TIER = (5, 6, 8, 9)  # other kernels of the same algorithms, which take long to compile


@pytest.mark.parametrize(
    "algorithm, case",
    [
        pytest.param(*pair, marks=[pytest.mark.slow] if i in IN_SLOW_TIER else [])
        for i, pair in enumerate(ALGORITHMS)
    ],
)
def test_each_algorithm(algorithm, case):
    single = case._replace(
        **{name: getattr(case, name).astype(np.float32) for name in ("x", "weight", "bias")}
    )
    check(single, 1e-5 if algorithm == "winograd_4" else 2e-6, algorithm)


def test_depthwise_results_larger_than_the_caches():
    """They are stored past the caches, and rows of the image are prefetched."""
    shape = (1, 131, 127, 256)
    x, weight = (RNG.normal(size=size).astype(np.float32) for size in (shape, (256, 3, 3, 1)))
    options = {"padding": 1, "groups": 256}
    y = conv2d(x, weight, **options, activation="relu", algorithm="depthwise_lines")
    assert y.nbytes >= LARGE
    expected = conv2d(x, weight, **options, activation="relu", algorithm="depthwise")
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm, case", [*ALGORITHMS, ("winograd_2", ALGORITHMS[10][1])])
def test_each_algorithm_in_float64(algorithm, case):
    check(case, 1e-12, algorithm)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm, bound", [("direct", 2e-6), ("winograd_2", 2e-6), ("winograd_4", 1e-5)])
def test_rounding_of_many_channels(algorithm, bound):
    check(make((2, 12, 12, 512), (128, 3, 3, 512), np.float32, padding=(1, 1, 1, 1)), bound, algorithm)
    check(make((8, 56, 56, 32), (32, 3, 3, 32), np.float32, padding=(1, 1, 1, 1)), bound, algorithm)


@pytest.mark.slow
def test_gradients_are_differences():
    case = make((1, 5, 5, 2), (3, 3, 2, 2), padding=(1, 0, 1, 1), stride=(2, 1), dilation=(1, 2))
    grad = RNG.normal(size=convolution(case).shape)
    found = conv2d_backward(grad, case.x, case.weight, **case.options)
    step = 1e-3  # the convolution is linear in each
    for name, gradient in zip(("x", "weight", "bias"), found, strict=True):
        array = getattr(case, name)
        for index in np.ndindex(array.shape):
            values = []
            for sign in (1, -1):
                moved = array.copy()
                moved[index] += sign * step
                changed = case._replace(**{name: moved})
                result = conv2d(changed.x, changed.weight, changed.bias, **case.options)
                values.append(np.sum(grad * result))
            assert gradient[index] == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-9)


def test_known_result():
    x = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    weight = np.array([[1, 2], [3, 4]], np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(conv2d(x, weight)[0, :, :, 0], [[27.0, 37.0], [57.0, 67.0]])


@pytest.mark.parametrize("algorithm", ["direct", "winograd_4", "few_channels"])
def test_activations(algorithm):
    case = make((1, 6, 6, 3), (5, 3, 3, 3), np.float32, padding=(1, 1, 1, 1))
    plain = convolution(case)
    wanted = {
        "relu": np.maximum(plain, 0),
        "relu6": np.clip(plain * 4, 0, 6),
        "leaky_relu": np.where(plain > 0, plain, 0.01 * plain),
    }
    for name, expected in wanted.items():
        factor = np.float32(4 if name == "relu6" else 1)
        found = conv2d(
            case.x, factor * case.weight, factor * case.bias, padding=1, activation=name, algorithm=algorithm
        )
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["relu", "relu6", "leaky_relu"])
def test_gradients_through_an_activation(name):
    x, weight, bias = 4 * RNG.normal(size=(2, 5, 6, 3)), RNG.normal(size=(4, 3, 3, 3)), RNG.normal(size=4)
    for forward, backward, kernel in (
        (conv2d, conv2d_backward, weight),
        (conv2d_transpose, conv2d_transpose_backward, weight.transpose(3, 1, 2, 0)),
    ):
        before = forward(x, kernel, bias)
        y = forward(x, kernel, bias, activation=name)
        assert (y != before).any() and (name != "relu6" or y.max() == 6)
        grad = RNG.normal(size=y.shape)
        found = backward(grad, x, kernel, activation=name, y=y)
        passed = getattr(F, f"{name}_backward")(grad, before)
        for one, other in zip(found, backward(passed, x, kernel), strict=True):
            assert np.array_equal(one, other)
        with pytest.raises(ValueError, match="y is needed with an activation"):
            backward(grad, x, kernel, activation=name)
        with pytest.raises(ValueError, match="y has shape"):
            backward(grad, x, kernel, activation=name, y=y[1:])
        with pytest.raises(TypeError, match="y has dtype float32"):
            backward(grad, x, kernel, activation=name, y=y.astype(np.float32))
        with pytest.raises(ValueError, match="activation must be one of"):
            backward(grad, x, kernel, activation="tanh", y=y)


def test_activation_of_pointwise_and_depthwise():
    case = make((2, 4, 4, 16), (5, 1, 1, 16), np.float32)
    found = conv2d(case.x, case.weight, case.bias, activation="relu")
    np.testing.assert_allclose(found, np.maximum(convolution(case), 0), atol=1e-5)
    case = make((2, 4, 4, 16), (16, 3, 3, 1), np.float32, groups=16)
    found = conv2d(case.x, case.weight, case.bias, activation="relu", groups=16)
    np.testing.assert_allclose(found, np.maximum(convolution(case), 0), atol=1e-5)


def test_nan_and_infinity_propagate():
    x = np.zeros((1, 4, 4, 1), np.float32)
    x[0, 1, 1, 0], x[0, 3, 3, 0] = np.nan, -np.inf
    out = conv2d(x, np.ones((1, 1, 1, 1), np.float32), activation="relu")
    assert np.isnan(out[0, 1, 1, 0]) and out[0, 3, 3, 0] == 0 and np.isnan(out).sum() == 1


@pytest.mark.parametrize(
    "padding, same_as",
    [
        (1, (1, 1, 1, 1)),
        ((1, 2), (1, 1, 2, 2)),
        ([0, 1, 2, 3], (0, 1, 2, 3)),
        ("valid", (0, 0, 0, 0)),
        ("same", (1, 1, 1, 2)),
    ],
)
def test_padding(padding, same_as):
    case = make((1, 6, 7, 2), (3, 3, 4, 2), np.float32, padding=same_as)
    found = conv2d(case.x, case.weight, case.bias, padding=padding)
    np.testing.assert_allclose(found, convolution(case), atol=1e-5)
    assert padding != "same" or found.shape[1:3] == (6, 7)


@pytest.mark.parametrize("padding", ["same", "same_lower"])
def test_same_padding_at_any_stride(padding):
    """The padding is the least that gives the size ⌈H / stride⌉, and as even as possible."""
    for size, kernel, stride, dilation in (
        (6, 3, 2, 1), (7, 3, 2, 1), (7, 4, 1, 1), (5, 2, 3, 1), (9, 3, 2, 2), (4, 1, 3, 1)
    ):  # fmt: skip
        extent, number = dilation * (kernel - 1) + 1, -(-size // stride)
        total = next(
            t for t in range(20) if size + t >= extent and (size + t - extent) // stride + 1 >= number
        )
        few, many = total // 2, total - total // 2
        sides = (few, many, 0, 0) if padding == "same" else (many, few, 0, 0)
        x, weight = RNG.normal(size=(2, size, 5, 3)), RNG.normal(size=(4, kernel, 1, 3))
        how = {"stride": (stride, 1), "dilation": (dilation, 1)}
        found = conv2d(x, weight, padding=padding, **how)
        assert found.shape == (2, number, 5, 4)
        assert np.array_equal(found, conv2d(x, weight, padding=sides, **how))
        back = conv2d_backward(found, x, weight, padding=padding, **how)
        for one, other in zip(back, conv2d_backward(found, x, weight, padding=sides, **how), strict=True):
            assert np.array_equal(one, other)


def test_transpose_is_the_adjoint():
    def draw(shape):  # positive numbers, so that nothing cancels
        return RNG.uniform(0.5, 1.5, shape).astype(np.float32)

    for options in (
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"stride": (3, 1), "dilation": 2, "groups": 2, "padding": (0, 1, 2, 0)},
        {"stride": 4},
    ):
        x, weight = draw((2, 4, 5, 6)), draw((6, 3, 2, 3))
        bias = draw(3 * options.get("groups", 1))
        out = conv2d_transpose(x, weight, bias, **options)
        grad = draw(out.shape)
        plain = {name: value for name, value in options.items() if name != "output_padding"}
        there = conv2d(grad, weight, **plain)[:, :4, :5]
        np.testing.assert_allclose(np.sum((out - bias) * grad), np.sum(there * x), rtol=1e-3)
        to_x, to_weight, to_bias = conv2d_transpose_backward(grad, x, weight, **options)
        np.testing.assert_allclose(to_x, there, atol=1e-4)
        np.testing.assert_allclose(to_bias, grad.sum(axis=(0, 1, 2)), rtol=1e-4)
        turn = draw(weight.shape)
        change = np.sum(grad * (conv2d_transpose(x, turn, **options)))
        np.testing.assert_allclose(np.sum(to_weight * turn), change, rtol=1e-3)


def test_gradients_that_are_not_needed():
    case = make((1, 4, 4, 2), (3, 2, 2, 2), np.float32)
    grad = np.ones((1, 3, 3, 3), np.float32)
    found = conv2d_backward(grad, case.x, case.weight, need_x=False, need_bias=False)
    assert found[0] is None and found[2] is None and found[1].shape == case.weight.shape
    found = conv2d_transpose_backward(
        np.ones((1, 5, 5, 2), np.float32), np.ones((1, 4, 4, 3), np.float32), case.weight, need_weight=False
    )
    assert found[1] is None and found[0].shape == (1, 4, 4, 3)


def test_packed_weights_are_kept():
    case = make((2, 9, 10, 20), (37, 3, 3, 20), np.float32)
    packed = pack_weight(case.weight)
    assert packed.nbytes == 0
    for _ in range(2):
        np.testing.assert_array_equal(conv2d(case.x, packed), conv2d(case.x, case.weight))
        size = packed.nbytes
        assert size > 0
    first, second = (
        conv2d_backward(np.ones((2, 7, 8, 37), np.float32), case.x, weight)
        for weight in (packed, case.weight)
    )
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="read-only"):
        packed.array[0] = 0.0


def test_empty():
    def ones(shape):
        return np.ones(shape, np.float32)

    weight = ones((3, 3, 3, 2))
    assert conv2d(ones((0, 5, 5, 2)), weight).shape == (0, 3, 3, 3)
    to_x, to_weight, to_bias = conv2d_backward(ones((0, 3, 3, 3)), ones((0, 5, 5, 2)), weight)
    assert to_x.shape == (0, 5, 5, 2) and not to_weight.any() and not to_bias.any()
    # No input channels: the result is the bias.
    out = conv2d(ones((1, 5, 5, 0)), ones((3, 3, 3, 0)), np.array([1.0, 2.0, 3.0], np.float32))
    np.testing.assert_array_equal(out, np.broadcast_to([1.0, 2.0, 3.0], (1, 3, 3, 3)))
    to_x, to_weight, to_bias = conv2d_backward(out, ones((1, 5, 5, 0)), ones((3, 3, 3, 0)))
    assert to_x.size == to_weight.size == 0
    np.testing.assert_array_equal(to_bias, [9.0, 18.0, 27.0])
    assert conv2d(ones((1, 5, 5, 2)), ones((0, 3, 3, 2))).shape == (1, 3, 3, 0)
    to_x = conv2d_backward(ones((1, 3, 3, 0)), ones((1, 5, 5, 2)), ones((0, 3, 3, 2)))[0]
    assert to_x.shape == (1, 5, 5, 2) and not to_x.any()


def test_strided_and_read_only_input():
    case = make((2, 9, 10, 20), (7, 3, 3, 20), np.float32)
    turned = np.asfortranarray(case.x)
    read_only = case.weight.copy()
    read_only.setflags(write=False)
    np.testing.assert_array_equal(conv2d(turned, read_only), conv2d(case.x, case.weight))
    np.testing.assert_array_equal(
        conv2d(case.x[:, ::-1, ::2], case.weight), conv2d(case.x[:, ::-1, ::2].copy(), case.weight)
    )


def test_images_of_any_alignment():
    case = make((2, 9, 14, 48), (48, 3, 3, 1), np.float32, padding=(1, 1, 1, 1), groups=48)
    grad = RNG.normal(size=convolution(case).shape).astype(np.float32)
    found = []
    for skipped in (0, 1, 4, 15):
        memory = np.empty(case.x.size + 32, np.float32)
        begin = -memory.ctypes.data % 64 // 4 + skipped
        x = memory[begin : begin + case.x.size].reshape(case.x.shape)
        x[:] = case.x
        out = conv2d(x, case.weight, case.bias, **case.options)
        assert out.ctypes.data % 64 == 0
        found.append((out, *conv2d_backward(grad, x, case.weight, **case.options)))
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread")
@pytest.mark.parametrize(
    "algorithm, case",
    [
        ("direct", make((1, 19, 10, 20), (70, 3, 3, 20), np.float32, stride=(2, 1))),
        ("winograd_4", make((1, 19, 10, 20), (70, 3, 3, 20), np.float32)),
        ("few_channels", make((1, 19, 10, 3), (70, 3, 3, 3), np.float32)),
        ("depthwise", make((2, 19, 10, 20), (20, 3, 3, 1), np.float32, groups=20)),
        ("depthwise_lines", make((2, 19, 10, 20), (20, 3, 3, 1), np.float32, groups=20)),
    ],
)
def test_same_bits_at_any_number_of_threads(algorithm, case):
    options = {**case.options, "algorithm": algorithm}
    grad = RNG.normal(size=convolution(case).shape).astype(np.float32)
    found = []
    threads = numba.get_num_threads()
    try:
        for count in (1, 2):
            numba.set_num_threads(count)
            out = conv2d(case.x, case.weight, case.bias, **options)
            found.append((out, *conv2d_backward(grad, case.x, case.weight, **options)))
    finally:
        numba.set_num_threads(threads)
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


X, WEIGHT = np.ones((2, 5, 6, 4)), np.ones((3, 3, 3, 4))


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"weight": np.ones((3, 3, 3, 5))}, ValueError, ["weight", "(3, 3, 3, 5)", "(2, 5, 6, 4)"]),
        ({"groups": 3}, ValueError, ["groups=3", "(2, 5, 6, 4)"]),
        ({"groups": 2, "weight": np.ones((3, 3, 3, 2))}, ValueError, ["weight", "groups=2"]),
        ({"groups": 0}, ValueError, ["groups"]),
        ({"weight": np.ones((3, 6, 3, 4))}, ValueError, ["6×3", "5×6", "(3, 6, 3, 4)", "(2, 5, 6, 4)"]),
        ({"dilation": 3}, ValueError, ["7×7", "5×6"]),
        ({"weight": np.ones((3, 0, 3, 4))}, ValueError, ["weight", "empty kernel"]),
        ({"stride": 0}, ValueError, ["stride"]),
        ({"stride": (1, 1, 1)}, ValueError, ["stride"]),
        ({"stride": 1.5}, TypeError, ["stride"]),
        ({"dilation": (1, 0)}, ValueError, ["dilation"]),
        ({"padding": -1}, ValueError, ["padding"]),
        ({"padding": (0, 0, 0, -1)}, ValueError, ["padding"]),
        ({"padding": (0, 0, 0)}, ValueError, ["padding"]),
        ({"padding": "full"}, ValueError, ["padding"]),
        ({"padding": "upper"}, ValueError, ["same", "same_lower", "valid", "upper"]),
        ({"weight": np.ones((3, 3, 3, 4), np.float32)}, TypeError, ["weight", "float32", "float64"]),
        ({"bias": np.ones(3, np.float32)}, TypeError, ["bias", "float32"]),
        ({"bias": np.ones(4)}, ValueError, ["bias", "(4,)", "(3, 3, 3, 4)"]),
        ({"x": np.ones((2, 5, 6, 4), int)}, TypeError, ["x", "int"]),
        ({"x": np.ones((2, 5, 6, 4), complex)}, TypeError, ["x", "complex"]),
        ({"x": np.ones((5, 6, 4))}, ValueError, ["x", "4 axes", "(5, 6, 4)"]),
        ({"weight": np.ones((3, 3, 4))}, ValueError, ["weight", "4 axes"]),
        ({"out": np.ones((2, 3, 4, 2))}, ValueError, ["out", "(2, 3, 4, 2)", "(2, 3, 4, 3)"]),
        ({"out": np.ones((2, 3, 4, 3), np.float32)}, TypeError, ["out", "float32"]),
        ({"out": np.broadcast_to(1.0, (2, 3, 4, 3))}, ValueError, ["out", "read-only"]),
        ({"out": np.ones((2, 3, 4, 6))[..., ::2]}, ValueError, ["out", "contiguous"]),
        ({"out": X.reshape(-1)[:72].reshape(2, 3, 4, 3)}, ValueError, ["out", "overlaps"]),
        ({"activation": "softmax"}, ValueError, ["activation", "'relu'"]),
        ({"algorithm": "fft"}, ValueError, ["algorithm", "'direct'"]),
        ({"algorithm": "pointwise"}, ValueError, ["'pointwise'", "3×3"]),
        ({"algorithm": "winograd_4", "stride": 2}, ValueError, ["winograd_4", "stride 1"]),
        ({"algorithm": "depthwise"}, ValueError, ["depthwise", "groups"]),
        ({"algorithm": "depthwise_lines"}, ValueError, ["depthwise_lines", "groups"]),
        ({"algorithm": "few_channels", "dilation": (1, 2)}, ValueError, ["few_channels", "dilation"]),
    ],
)
def test_bad_input(change, error, words):
    arguments = {"x": X, "weight": WEIGHT, "bias": None, **change}
    before = arguments["out"].copy() if "out" in arguments else None
    with pytest.raises(error) as raised:
        conv2d(arguments.pop("x"), arguments.pop("weight"), arguments.pop("bias"), **arguments)
    for word in words:
        assert word in str(raised.value)
    if before is not None:
        np.testing.assert_array_equal(arguments["out"], before)


def test_bad_input_of_gradients():
    grad = np.ones((2, 3, 4, 3))
    with pytest.raises(ValueError, match=r"grad has shape \(2, 3, 4, 4\).*\(2, 3, 4, 3\)"):
        conv2d_backward(np.ones((2, 3, 4, 4)), X, WEIGHT)
    with pytest.raises(TypeError, match="out must be a tuple of 3"):
        conv2d_backward(grad, X, WEIGHT, out=(None, None))
    shared = np.ones(WEIGHT.size)
    with pytest.raises(ValueError, match="overlap"):
        conv2d_backward(grad, X, WEIGHT, out=(None, shared.reshape(WEIGHT.shape), shared[:3]))
    with pytest.raises(ValueError, match="out for x overlaps"):
        conv2d_backward(grad, X, WEIGHT, out=(X, None, None))
    with pytest.raises(TypeError, match="grad"):
        conv2d_backward(grad.astype(np.float32), X, WEIGHT)
    small = np.ones((1, 1, 1, 3))
    with pytest.raises(ValueError, match="the result is empty"):
        conv2d_transpose(small, WEIGHT, padding=2)
    with pytest.raises(ValueError, match="output_padding"):
        conv2d_transpose(small, WEIGHT, output_padding=1)
    with pytest.raises(ValueError, match=r"\(1, 1, 1, 4\)"):
        conv2d_transpose(np.ones((1, 1, 1, 4)), WEIGHT)
    with pytest.raises(ValueError, match="same"):
        conv2d_transpose(small, WEIGHT, padding="same")


def chosen(
    kernel, inputs, outputs, stride=(1, 1), groups=1, dilation=(1, 1), operation="forward", size=(32, 56, 56)
):
    geometry = Geometry(stride, dilation, (0, 0, 0, 0), groups)
    return choose.choose(operation, Layer(kernel, inputs, outputs, geometry), *size).name


def test_choice():
    assert chosen((3, 3), 64, 64) == "winograd_4"
    assert chosen((3, 3), 64, 64, stride=(2, 2)) == "direct"
    assert chosen((7, 7), 3, 64, stride=(2, 2)) == "few_channels"
    assert chosen((3, 3), 32, 32, groups=32) == "depthwise_lines"
    assert chosen((3, 3), 32, 32, groups=32, stride=(2, 2)) == "depthwise"
    if register_bytes() >= 32:
        assert chosen((3, 3), 32, 32, groups=8) == "depthwise"
    assert chosen((1, 1), 64, 64) == "direct"
    # Transforming weights takes longer than the convolution of one small image.
    assert chosen((3, 3), 512, 512, size=(1, 7, 7)) != "winograd_4"
    # Folding adds every product to the image, of which there are many with many channels.
    assert chosen((5, 5), 1, 16, operation="input_gradient") == "few_channels"
    assert chosen((5, 5), 512, 16, operation="input_gradient") == "direct"
    # Transforms of few channels, copies of dilated rows and groups of one channel take long.
    assert chosen((3, 3), 3, 1) == "few_channels"
    assert chosen((3, 3), 64, 128, groups=64, size=(8, 28, 28)) == "direct"
    assert chosen((9, 2), 27, 3, dilation=(16, 1), size=(1, 60, 55)) == "direct"
    assert chosen((1, 1), 128, 128, (3, 3), 128, operation="weight_gradient", size=(1, 34, 34)) == "depthwise"


def test_chunks_of_wide_images_are_cut():
    geometry = Geometry((1, 1), (1, 1), (1, 1, 1, 1), 1)
    result = (1, 3, 60_000, 64)
    images, band, segment, _, _ = weight_gradient._chunk_size(result, 4, geometry, (3, 3), (64, 64))
    assert images * band * segment <= weight_gradient.CHUNK_PIXELS


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape, weight, options",
    [
        ((4, 56, 56, 64), (64, 3, 3, 64), {"padding": 1}),
        ((2, 14, 14, 1024), (1024, 3, 3, 1024), {"padding": 1}),
        ((1, 7, 7, 512), (4096, 7, 7, 512), {}),
        ((1, 1024, 1024, 3), (64, 7, 7, 3), {"stride": 2, "padding": 3}),
        ((2, 112, 112, 128), (128, 3, 3, 4), {"groups": 32, "padding": 1}),
    ],
)
def test_memory_beyond_the_arguments(shape, weight, options):
    x, w = (np.ones(size, np.float32) for size in (shape, weight))
    out = conv2d(x, w, **options)
    grad = np.ones_like(out)
    outs = (np.empty_like(x), np.empty_like(w), np.empty(w.shape[0], np.float32))
    conv2d_backward(grad, x, w, **options, out=outs)
    tracemalloc.start()
    try:
        conv2d(x, w, **options, out=out)
        conv2d_backward(grad, x, w, **options, out=outs)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 64 * 2**20


def test_large_batches_are_cut_between_checks_for_signals(monkeypatch):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(7, 9, 9, 16)), rng.normal(size=(16, 3, 3, 16))
    grad = rng.normal(size=(7, 9, 9, 16))
    whole = conv2d(x, weight, padding=1), conv2d_backward(grad, x, weight, padding=1)
    assert len(choose.batch_slices(7, grad.shape, weight.shape)) == 1
    monkeypatch.setattr(choose, "MAX_PRODUCTS", 2.5 * 9 * 9 * 16 * weight[0].size)
    parts = choose.batch_slices(7, grad.shape, weight.shape)
    assert [(part.start, part.stop) for part in parts] == [(0, 2), (2, 4), (4, 6), (6, 7)]
    assert np.array_equal(conv2d(x, weight, padding=1), whole[0])
    parts = conv2d_backward(grad, x, weight, padding=1)
    assert np.array_equal(parts[0], whole[1][0])
    np.testing.assert_allclose(parts[1], whole[1][1], rtol=1e-12, atol=1e-12)
