"""Maxima and averages over windows, against their definitions and against differences."""

import numpy as np
import pytest
from layer_checks import assert_gradients, assert_same_bits, poisoned, relative

from numgd.nn import functional as F

DTYPES = [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)]
# shape, kernel_size, stride, padding, ceil_mode
CASES = [
    ((2, 4, 6, 3), 2, None, 0, False),
    ((1, 7, 7, 16), 3, 2, 1, False),
    ((2, 6, 5, 1), 3, 1, 1, False),
    ((1, 8, 7, 5), (3, 2), (2, 3), (1, 0), True),
    ((3, 5, 5, 2), 2, 2, 1, True),
    ((1, 9, 4, 3), (2, 4), (4, 1), (0, 2), False),
    ((2, 3, 3, 33), 3, None, 0, False),
]


def size(length, kernel, stride, padding, ceil_mode):
    number = (length + 2 * padding - kernel) / stride + 1
    number = int(np.ceil(number) if ceil_mode else np.floor(number))
    return number - 1 if ceil_mode and (number - 1) * stride >= length + padding else number


def windows(shape, kernel_size, stride, padding, ceil_mode):
    """For every place of the result: the window with its padding, as two ranges of the padded image."""
    pair = [v if isinstance(v, tuple) else (v, v) for v in (kernel_size, stride or kernel_size, padding)]
    axes = []
    for length, kernel, step, added in zip(shape[1:3], *pair, strict=True):
        number = size(length, kernel, step, added, ceil_mode)
        axes.append([(i * step, min(i * step + kernel, length + 2 * added)) for i in range(number)])
    return axes, pair[2]


def padded(x, padding, value):
    return np.pad(x, ((0, 0), *((p, p) for p in padding), (0, 0)), constant_values=value)


def maximum(x, *how):
    (rows, columns), padding = windows(x.shape, *how)
    wide = padded(x, padding, -np.inf)
    return np.stack([
        np.stack([wide[:, a:b, c:d].max(axis=(1, 2)) for c, d in columns], axis=1) for a, b in rows
    ], axis=1)  # fmt: skip


def average(x, *how, count_include_pad=True):
    (rows, columns), padding = windows(x.shape, *how)
    wide = padded(np.asarray(x, np.float64), padding, np.nan)

    def mean(part):
        pixels = part.reshape(x.shape[0], -1, x.shape[3])
        count = pixels.shape[1] if count_include_pad else np.sum(~np.isnan(pixels[:, :, :1]), axis=1)
        return np.nansum(pixels, axis=1) / count

    return np.stack([
        np.stack([mean(wide[:, a:b, c:d]) for c, d in columns], axis=1) for a, b in rows
    ], axis=1)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape, kernel_size, stride, padding, ceil_mode", CASES)
def test_max_pool2d(shape, kernel_size, stride, padding, ceil_mode, dtype):
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    before = x.copy()
    how = kernel_size, stride, padding
    wanted = maximum(x, *how, ceil_mode)
    out = poisoned(wanted.shape, dtype)
    found, places = F.max_pool2d(x, *how, ceil_mode=ceil_mode, return_indices=True, out=out)
    assert found is out and np.array_equal(out, wanted) and places.dtype == np.int32
    flat = x.reshape(shape[0], -1, shape[3])
    taken = np.take_along_axis(flat, places.reshape(shape[0], -1, shape[3]), axis=1)
    assert np.array_equal(taken.reshape(wanted.shape), wanted)
    out = poisoned(wanted.shape, dtype)
    assert np.array_equal(F.max_pool2d(x, *how, ceil_mode=ceil_mode, out=out), wanted)
    grad = np.random.default_rng(1).normal(size=wanted.shape).astype(dtype)
    gathered = np.zeros(flat.shape)
    for n, i, j, c in np.ndindex(places.shape):
        gathered[n, places[n, i, j, c], c] += grad[n, i, j, c]
    back = F.max_pool2d_backward(
        grad, x, *how, ceil_mode=ceil_mode, indices=places, out=poisoned(shape, dtype)
    )
    assert relative(back, gathered.reshape(shape)) < (1e-15 if dtype == np.float64 else 3e-7)
    assert np.array_equal(back, F.max_pool2d_backward(grad, x, *how, ceil_mode=ceil_mode))
    assert np.array_equal(x, before)


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape, kernel_size, stride, padding, ceil_mode", CASES)
def test_avg_pool2d(shape, kernel_size, stride, padding, ceil_mode, dtype, count_include_pad):
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    how = kernel_size, stride, padding
    settings = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    wanted = average(x, *how, ceil_mode, count_include_pad=count_include_pad)
    found = F.avg_pool2d(x, *how, **settings, out=poisoned(wanted.shape, dtype))
    assert relative(found, wanted) < (1e-12 if dtype == np.float64 else 2e-6)
    # The gradient of a linear function: its adjoint.
    grad = np.random.default_rng(1).normal(size=wanted.shape).astype(dtype)
    back = F.avg_pool2d_backward(grad, x, *how, **settings, out=poisoned(shape, dtype))
    one_by_one = np.empty(shape)
    for place in np.ndindex(shape[1:3]):
        unit = np.zeros(shape)
        unit[:, *place] = 1
        seen = average(unit, *how, ceil_mode, count_include_pad=count_include_pad)
        one_by_one[:, *place] = np.sum(seen * grad, axis=(1, 2))
    assert relative(back, one_by_one) < (1e-12 if dtype == np.float64 else 2e-6)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize("padding", ["same", "same_lower"])
def test_same_padding(padding, name):
    """The padding is the least that gives the size ⌈H / stride⌉, and as even as possible."""
    forward, backward = getattr(F, name), getattr(F, f"{name}_backward")
    for size in (5, 6, 9):
        for kernel, stride, dilation in ((2, 1, 1), (3, 2, 1), (4, 3, 1), (2, 3, 1), (3, 2, 2)):
            extent, number = dilation * (kernel - 1) + 1, -(-size // stride)
            total = next(
                t for t in range(20) if (size + t - extent) // stride + 1 >= number and size + t >= extent
            )
            few, many = total // 2, total - total // 2
            before, after = (few, many) if padding == "same" else (many, few)
            x = np.random.default_rng(size).normal(size=(1, size, size + 1, 3))
            how = {"stride": (stride, 1), "dilation": (dilation, 1)}
            found = forward(x, (kernel, 1), padding=padding, **how)
            assert found.shape == (1, number, size + 1, 3)
            sides = (before, after, 0, 0)
            assert np.array_equal(found, forward(x, (kernel, 1), padding=sides, **how))
            assert np.array_equal(
                backward(found, x, (kernel, 1), padding=padding, **how),
                backward(found, x, (kernel, 1), padding=sides, **how),
            )


@pytest.mark.parametrize("channels", [1, 3, 15, 20, 100])
def test_wide_windows_of_one_row(channels):
    """Signals, with few channels and many."""
    x = np.random.default_rng(7).normal(size=(2, 1, 120, channels))
    parts = x.reshape(2, 1, 3, 40, channels)
    np.testing.assert_array_equal(F.max_pool2d(x, (1, 40)), parts.max(3))
    np.testing.assert_allclose(F.avg_pool2d(x, (1, 40)), parts.mean(3), rtol=1e-13, atol=1e-15)
    y, places = F.max_pool2d(x, (1, 40), return_indices=True)
    np.testing.assert_array_equal(places, parts.argmax(3) + 40 * np.arange(3)[:, None])
    np.testing.assert_array_equal(np.take_along_axis(x[:, 0], places[:, 0], 1), y[:, 0])


def test_the_first_of_equal_zeros():
    for channels in (1, 20):
        x = np.zeros((1, 1, 4, channels))
        x[0, 0, 1:] = -0.0
        y, _ = F.max_pool2d(x, (1, 4), return_indices=True)
        assert not np.signbit(F.max_pool2d(x, (1, 4))).any() and not np.signbit(y).any()


def test_divisor_override():
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 3))
    found = F.avg_pool2d(x, 3, 2, 1, divisor_override=2.5)
    assert relative(found, F.avg_pool2d(x, 3, 2, 1) * 9 / 2.5) < 1e-14
    back = F.avg_pool2d_backward(np.ones_like(found), x, 3, 2, 1, divisor_override=2.5)
    assert relative(back, F.avg_pool2d_backward(np.ones_like(found), x, 3, 2, 1) * 9 / 2.5) < 1e-14


@pytest.mark.parametrize("shape, output_size", [
    ((2, 7, 5, 3), (3, 2)), ((1, 4, 4, 2), 4), ((2, 3, 2, 1), (5, 3)), ((1, 13, 11, 6), 6),
    ((2, 24, 24, 3), 1),
])  # fmt: skip
def test_adaptive_avg_pool2d(shape, output_size):
    x = np.random.default_rng(2).normal(size=shape)
    number = output_size if isinstance(output_size, tuple) else (output_size,) * 2
    rows, columns = (
        [(i * n // k, -(-(i + 1) * n // k)) for i in range(k)]
        for n, k in zip(shape[1:3], number, strict=True)
    )
    wanted = np.array([[x[:, a:b, c:d].mean(axis=(1, 2)) for c, d in columns] for a, b in rows])
    found = F.adaptive_avg_pool2d(x, output_size, out=poisoned((shape[0], *number, shape[3]), float))
    assert relative(found, wanted.transpose(2, 0, 1, 3)) < 1e-12
    assert_gradients(
        lambda x: F.adaptive_avg_pool2d(x, output_size),
        lambda grad: [F.adaptive_avg_pool2d_backward(grad, x, output_size)],
        [x],
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_global_avg_pool2d(dtype):
    rng = np.random.default_rng(3)
    x, grad = rng.uniform(1, 2, (2, 120, 130, 3)).astype(dtype), rng.normal(size=(2, 3)).astype(dtype)
    wanted = x.mean(axis=(1, 2), dtype=np.float64)
    found = F.global_avg_pool2d(x, out=poisoned((2, 3), dtype))
    assert relative(found, wanted) < (1e-14 if dtype == np.float64 else 1e-7)
    back = F.global_avg_pool2d_backward(grad, x, out=poisoned(x.shape, dtype))
    spread = np.broadcast_to(grad[:, None, None] / (120.0 * 130.0), x.shape)
    assert relative(back, spread) < (1e-15 if dtype == np.float64 else 2e-7)


def test_max_pool2d_of_what_is_not_finite():
    x = np.full((1, 4, 4, 2), -np.inf)
    y, places = F.max_pool2d(x, 2, return_indices=True)
    assert np.all(y == -np.inf) and np.array_equal(places[0, :, :, 0], [[0, 2], [8, 10]])
    x[0, 1, 1, 0], x[0, 0, 0, 0] = np.nan, np.inf
    for y in (F.max_pool2d(x, 2), F.max_pool2d(x, 2, return_indices=True)[0]):
        assert np.isnan(y[0, 0, 0, 0]) and np.all(y.ravel()[1:] == -np.inf)


def test_first_of_equals_gets_the_gradient():
    x = np.ones((1, 4, 4, 1))
    back = F.max_pool2d_backward(np.ones((1, 3, 3, 1)), x, 2, 1)
    assert np.array_equal(back[0, :, :, 0], np.pad(np.ones((3, 3)), (0, 1)))


@pytest.mark.parametrize("shape", [(1, 33, 31, 24), (5, 14, 14, 3)])
def test_same_bits_at_any_thread_count(shape):
    rng = np.random.default_rng(4)
    x = rng.integers(0, 5, shape).astype(float)
    y = F.max_pool2d(x, 3, 2, 1)
    grad = rng.normal(size=y.shape)
    assert_same_bits(lambda: F.max_pool2d(x, 3, 2, 1, return_indices=True))
    assert_same_bits(lambda: F.max_pool2d_backward(grad, x, 3, 2, 1))
    assert_same_bits(lambda: F.avg_pool2d(x, 3, 2, 1))
    assert_same_bits(lambda: F.avg_pool2d_backward(grad, x, 3, 2, 1))


def test_empty_batch_no_channels_and_strides():
    for shape in ((0, 6, 6, 3), (2, 6, 6, 0)):
        x = np.ones(shape)
        y, places = F.max_pool2d(x, 2, return_indices=True)
        assert y.shape == places.shape == F.avg_pool2d(x, 2).shape == (shape[0], 3, 3, shape[3])
        assert F.max_pool2d_backward(y, x, 2).shape == F.avg_pool2d_backward(y, x, 2).shape == shape
        assert F.global_avg_pool2d(x).shape == (shape[0], shape[3])
    x = np.random.default_rng(5).normal(size=(2, 6, 8, 5)).transpose(0, 2, 1, 3)[:, ::-1]
    grad = np.random.default_rng(6).normal(size=(2, 5, 3, 4)).transpose(0, 3, 2, 1)
    for forward, backward in ((F.max_pool2d, F.max_pool2d_backward), (F.avg_pool2d, F.avg_pool2d_backward)):
        assert np.array_equal(forward(x, 2), forward(x.copy(), 2))
        assert np.array_equal(backward(grad, x, 2), backward(grad.copy(), x.copy(), 2))


X = np.ones((2, 5, 4, 3))
G = np.ones((2, 2, 2, 3))
OUTSIDE = "indices has entries outside the windows"


def misplaced(place):
    """The places of `X`'s maxima, but one."""
    places = F.max_pool2d(X, 2, return_indices=True)[1]
    places[0, 0, 0, 1] = place
    return places


BAD = [
    (lambda: F.max_pool2d(X[0], 2), ValueError, r"x must have 4 axes; its shape is \(5, 4, 3\)"),
    (lambda: F.max_pool2d(X.astype(int), 2), TypeError, "x must be float32 or float64"),
    (lambda: F.avg_pool2d(X.astype(complex), 2), TypeError, "x must be float32 or float64"),
    (lambda: F.max_pool2d(X[:, :0], 2), ValueError, r"x has no pixels; its shape is \(2, 0, 4, 3\)"),
    (lambda: F.max_pool2d(X, 6), ValueError, "kernel_size 6 is larger than the padded height of x, 5"),
    (lambda: F.avg_pool2d(X, (2, 7), 1, (0, 1)), ValueError, "kernel_size 7 is larger than the padded width"),
    (lambda: F.max_pool2d(X, 0), ValueError, "kernel_size must be at least 1"),
    (lambda: F.max_pool2d(X, 2.0), TypeError, "kernel_size must be an integer"),
    (lambda: F.max_pool2d(X, (2, 2, 2)), ValueError, "kernel_size must be one integer or two"),
    (lambda: F.max_pool2d(X, 2, 0), ValueError, "stride must be at least 1"),
    (lambda: F.max_pool2d(X, 2, dilation=0), ValueError, "dilation must be at least 1"),
    (lambda: F.avg_pool2d(X, 4, dilation=2), ValueError, "kernel_size 4 with dilation 2 is larger"),
    (lambda: F.max_pool2d(X[:, :1], 2, 1, 2, dilation=3), ValueError, "contains only padding"),
    (lambda: F.max_pool2d(X, 2, padding="full"), ValueError, "padding must be 'same', 'same_lower'"),
    (lambda: F.max_pool2d(X, 2, padding=(1, 1, 1)), ValueError, "padding must be one integer, two or four"),
    (lambda: F.max_pool2d(X, 2, 1, -1), ValueError, "padding must be at least 0"),
    (lambda: F.max_pool2d(X, 3, 1, 2), ValueError, r"padding 2 is more than half of the window, 3×3"),
    (lambda: F.avg_pool2d(X, 2, divisor_override=0), ValueError, "divisor_override must be finite and pos"),
    (lambda: F.max_pool2d(X, 2, out=np.empty((2, 2, 2, 4))), ValueError, r"out has shape \(2, 2, 2, 4\)"),
    (lambda: F.max_pool2d(X, 1, out=X), ValueError, "out overlaps"),
    (lambda: F.max_pool2d_backward(X, X, 2), ValueError, r"grad has shape \(2, 5, 4, 3\).*\(2, 2, 2, 3\)"),
    (lambda: F.avg_pool2d_backward(G.astype(np.float32), X, 2), TypeError, "grad has dtype float32"),
    (lambda: F.max_pool2d_backward(G, X, 2, indices=np.int32([1])), ValueError, "indices has shape"),
    (lambda: F.max_pool2d_backward(G, X, 2, indices=np.zeros(G.shape)), TypeError, "indices must be int32"),
    *(
        (lambda place=place: F.max_pool2d_backward(G, X, 2, indices=misplaced(place)), ValueError, OUTSIDE)
        for place in (-1, -(2**31), 2**31 - 1, X.shape[1] * X.shape[2], 2, 2 * X.shape[2])
    ),
    (lambda: F.adaptive_avg_pool2d(X, 0), ValueError, "output_size must be at least 1"),
    (lambda: F.global_avg_pool2d_backward(X[0, 0], X), ValueError, r"grad has shape \(4, 3\).*\(2, 3\)"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", BAD, ids=range(len(BAD)))
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert np.all(X == 1)


IMAGES, WEIGHT = np.ones((1, 6, 6, 4)), np.ones((4, 3, 3, 4))
TAKE_INTEGERS = {
    "max_pool2d": (
        lambda **given: F.max_pool2d(IMAGES, **{"kernel_size": 2, **given}),
        "kernel_size stride padding",
    ),
    "avg_pool2d": (
        lambda **given: F.avg_pool2d(IMAGES, **{"kernel_size": 2, **given}),
        "kernel_size stride padding",
    ),
    "adaptive_avg_pool2d": (lambda **given: F.adaptive_avg_pool2d(IMAGES, **given), "output_size"),
    "conv2d": (lambda **given: F.conv2d(IMAGES, WEIGHT, **given), "stride padding dilation groups"),
    "conv2d_transpose": (
        lambda **given: F.conv2d_transpose(IMAGES, WEIGHT, **given),
        "stride padding dilation groups output_padding",
    ),
    "pad": (lambda **given: F.pad(IMAGES, **given), "padding"),
    "local_response_norm": (lambda **given: F.local_response_norm(IMAGES, **given), "size"),
    "group_norm": (lambda **given: F.group_norm(IMAGES, **given), "num_groups"),
    "dropout": (lambda **given: F.dropout(IMAGES, 0.5, **{"seed": 1, **given}), "seed stream"),
}


@pytest.mark.parametrize(
    "value", [2**64, 10**30, -1, "3", "a", 1.5, np.nan, [], {}, ("a", 1), (1, 2, 3), b"3"]
)
@pytest.mark.parametrize(
    ("name", "argument"), [(name, each) for name, (_, all_) in TAKE_INTEGERS.items() for each in all_.split()]
)
def test_integers_are_checked_by_name(name, argument, value):
    with pytest.raises((TypeError, ValueError), match=argument):
        TAKE_INTEGERS[name][0](**{argument: value})


@pytest.mark.parametrize("value", [2**31, 2**62, 2**63])
@pytest.mark.parametrize(
    ("name", "argument"),
    [
        (name, each)
        for name, (_, all_) in TAKE_INTEGERS.items()
        for each in all_.split()
        if each not in ("seed", "stream", "groups", "num_groups")
    ],
)
def test_integers_beyond_any_image(name, argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be at most"):
        TAKE_INTEGERS[name][0](**{argument: value})


def test_results_that_no_memory_holds():
    for call in (lambda: F.pad(IMAGES, 2**24), lambda: F.conv2d(IMAGES, WEIGHT, padding=2**30)):
        with pytest.raises(MemoryError, match="a result of shape"):
            call()
    with pytest.raises(ValueError, match="output_size must be at most"):
        F.adaptive_avg_pool2d(IMAGES, 2**25)
    with pytest.raises(ValueError, match="algorithm must be"):
        F.conv2d(IMAGES, WEIGHT, algorithm=[])
