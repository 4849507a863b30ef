"""Layers of signals and volumes: bad input, empty arrays, threads, and places in windows."""

import numpy as np
import pytest
from layer_checks import assert_same_bits

import numgd.nn.functional as F

SIGNALS, OF_SIGNALS = np.ones((2, 5, 4)), np.ones((3, 3, 4))
VOLUMES, OF_VOLUMES = np.ones((2, 5, 6, 7, 4)), np.ones((3, 3, 3, 3, 4))


@pytest.mark.parametrize(
    "function, arguments, options, error, message",
    [
        (F.conv1d, (np.ones((5, 4)), OF_SIGNALS), {}, ValueError, "x must have 3 axes"),
        (F.conv1d, (SIGNALS, OF_VOLUMES), {}, ValueError, "weight must have 3 axes"),
        (F.conv1d, (SIGNALS, F.pack_weight(OF_VOLUMES)), {}, ValueError, "weight must have 3 axes"),
        (F.conv1d, (SIGNALS, np.ones((3, 3, 5))), {}, ValueError, r"weight of shape \(3, 3, 5\)"),
        (F.conv1d, (SIGNALS, OF_SIGNALS), {"stride": (1, 1)}, ValueError, "stride must be one integer;"),
        (F.conv1d, (SIGNALS, OF_SIGNALS), {"dilation": 0}, ValueError, "dilation must be at least 1"),
        (F.conv1d, (SIGNALS, OF_SIGNALS), {"dilation": 3}, ValueError, "the kernel spans 7 .* x's 5;"),
        (
            F.conv1d,
            (SIGNALS, OF_SIGNALS),
            {"padding": (1, 2, 3)},
            ValueError,
            "padding must be one integer or two",
        ),
        (F.conv1d, (SIGNALS, OF_SIGNALS), {"algorithm": "winograd_4"}, ValueError, "algorithm 'winograd_4'"),
        (F.conv1d, (SIGNALS, OF_SIGNALS), {"out": np.ones((2, 3, 2))}, ValueError, r"out has .*\(2, 3, 3\)"),
        (F.conv1d_backward, (SIGNALS, SIGNALS, OF_SIGNALS), {}, ValueError, r"grad has .*\(2, 3, 3\)"),
        (
            F.conv3d,
            (VOLUMES, OF_VOLUMES),
            {"padding": (1, 2)},
            ValueError,
            "padding must be one integer, three or",
        ),
        (F.conv3d, (VOLUMES, OF_VOLUMES), {"stride": (1, 2)}, ValueError, "stride must be one integer or t"),
        (F.conv3d, (VOLUMES, OF_VOLUMES), {"dilation": 3}, ValueError, "the kernel spans 7×7×7 .*5×6×7;"),
        (F.conv3d, (VOLUMES, OF_VOLUMES.astype("f")), {}, TypeError, "weight has dtype float32"),
        (F.conv3d, (VOLUMES, OF_VOLUMES, np.ones(4)), {}, ValueError, r"bias has shape \(4,\)"),
        (F.max_pool1d, (SIGNALS, 9), {}, ValueError, "kernel_size 9 is larger than the padded length"),
        (F.max_pool1d, (SIGNALS, (2, 2)), {}, ValueError, "kernel_size must be one integer;"),
        (F.max_pool1d, (SIGNALS[:, :0], 2), {}, ValueError, "x has no pixels"),
        (F.max_pool1d_backward, (SIGNALS, SIGNALS, 2), {}, ValueError, r"grad has .*\(2, 2, 4\)"),
        (F.avg_pool1d, (SIGNALS, 2, 1, 2), {}, ValueError, "padding .* is more than half"),
        (F.avg_pool3d, (VOLUMES, 7), {}, ValueError, "kernel_size 7 is larger than the padded depth"),
        (F.avg_pool3d, (VOLUMES, 2, (1, 2)), {}, ValueError, "stride must be one integer or three"),
    ],
)
def test_bad_input(function, arguments, options, error, message):
    with pytest.raises(error, match=f"^{message}"):
        function(*arguments, **options)


@pytest.mark.parametrize("pooling, x", [("max_pool1d", SIGNALS), ("max_pool3d", VOLUMES)])
def test_places_outside_their_windows(pooling, x):
    y, places = getattr(F, pooling)(x, 2, return_indices=True)
    backward = getattr(F, f"{pooling}_backward")
    memory = np.full_like(x, 7.0)
    for wrong in (-1, 2, np.prod(x.shape[1:-1])):  # in a row: the position after the first window
        given = places.copy()
        given[-1, ..., -1].flat[0] = wrong
        with pytest.raises(ValueError, match=r"^indices has entries outside"):
            backward(y, x, 2, indices=given, out=memory)
    with pytest.raises(TypeError, match=r"^indices must be int32"):
        backward(y, x, 2, indices=places.astype(np.int64), out=memory)
    assert (memory == 7.0).all()


def test_places_in_other_rows_and_columns_of_volumes():
    y, places = F.max_pool3d(VOLUMES, 2, return_indices=True)
    for allowed, moved in ((True, 42 + 7 + 1), (False, 2), (False, 2 * 7), (False, 2 * 42)):
        given = places.copy()
        given[0, 0, 0, 0, 0] += moved
        if allowed:
            assert F.max_pool3d_backward(y, VOLUMES, 2, indices=given)[0, 1, 1, 1, 0] == 1.0
        else:
            with pytest.raises(ValueError, match=r"^indices has entries outside"):
                F.max_pool3d_backward(y, VOLUMES, 2, indices=given)


def test_empty_volumes():
    none, no_channels = VOLUMES[:0], VOLUMES[..., :0]
    assert F.conv3d(none, OF_VOLUMES).shape == (0, 3, 4, 5, 3)
    gradients = F.conv3d_backward(np.ones((0, 3, 4, 5, 3)), none, OF_VOLUMES)
    assert gradients[0].shape == none.shape and not gradients[1].any() and not gradients[2].any()
    bias = np.array([1.0, 2.0, 3.0])
    found = F.conv3d(no_channels, OF_VOLUMES[..., :0], bias)
    np.testing.assert_array_equal(found, np.broadcast_to(bias, (2, 3, 4, 5, 3)))
    assert not F.conv3d_backward(np.ones((2, 3, 4, 5, 0)), VOLUMES, OF_VOLUMES[:0])[0].any()
    for x in (none, no_channels):
        y, places = F.max_pool3d(x, 2, return_indices=True)
        assert y.shape == places.shape == F.avg_pool3d(x, 2).shape == (len(x), 2, 3, 3, x.shape[-1])
        assert F.max_pool3d_backward(y, x, 2).shape == F.avg_pool3d_backward(y, x, 2).shape == x.shape


def test_any_order_in_memory_and_any_number_of_threads():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 8, 9, 7, 6)).swapaxes(1, 2)[:, ::-1]
    weight = rng.normal(size=(4, 3, 3, 3, 6))

    def call(x):
        y = F.conv3d(x, weight, padding=1)
        return y, *F.conv3d_backward(y, x, weight, padding=1), F.avg_pool3d(x, 2), F.max_pool3d(x, 3, 2)

    for one, other in zip(call(x), call(x.copy()), strict=True):
        np.testing.assert_array_equal(one, other)
    assert_same_bits(lambda: call(x))
