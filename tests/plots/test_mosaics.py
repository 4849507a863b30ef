"""Filters and feature maps: which numbers lie where in the mosaic."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from numgd import nn, plots


def network(*parts, shape=(8, 8, 1)):
    return nn.Network(nn.Sequential(*parts), shape)


def shown(axes):
    (image,) = axes.images
    return image.get_array()


def test_one_channel():
    net = network(nn.Conv2d(6, (3, 2)))
    weight, axes = net.named_parameters()["0.weight"], plots.filters(net)
    found = shown(axes)
    assert found.shape == (2 * 4 - 1, 4 * 3 - 1)
    for k in range(6):
        top, left = k // 4 * 4, k % 4 * 3
        np.testing.assert_array_equal(found[top : top + 3, left : left + 2], weight[k, ..., 0])
    assert found.mask[3].all() and found.mask[:, 2].all() and found.mask[4:, 6:].all()
    assert found.count() == weight.size
    low, high = axes.images[0].get_clim()
    assert -low == high == np.abs(weight).max()
    assert axes.get_title().startswith("0: 6 filters of 3×2, ±")


def test_three_channels_in_colour():
    net = network(nn.Conv2d(2, 2), shape=(8, 8, 3))
    weight = net.named_parameters()["0.weight"]
    weight[:] = 0.0
    weight[0, 0, 1] = [4.0, -4.0, 0.0]
    weight[1, 1, 1] = np.nan
    found = shown(plots.filters(net))
    assert found.shape == (2, 5, 4)
    np.testing.assert_allclose(found[0, 1], [1.0, 0.0, 0.5, 1.0])
    np.testing.assert_allclose(found[0, 0], [0.5, 0.5, 0.5, 1.0])
    assert found[1, 4, 3] == 0 and (found[:, 2, 3] == 0).all()  # not finite, and the gap


def test_few_channels_one_below_the_other():
    net = network(nn.Conv2d(5, 1), nn.Conv2d(3, 2))
    weight, axes = net.named_parameters()["1.weight"], plots.filters(net, "1")
    found = shown(axes)
    assert found.shape == (5 * 3 - 1, 3 * 3 - 1) and "a column for each" in axes.get_title()
    for filter in range(3):
        for channel in range(5):
            part = found[3 * channel : 3 * channel + 2, 3 * filter : 3 * filter + 2]
            np.testing.assert_array_equal(part, weight[filter, ..., channel])


def test_many_channels_as_means():
    net = network(nn.Conv2d(20, 1), nn.Conv2d(4, 3))
    weight, axes = net.named_parameters()["1.weight"].astype(float), plots.filters(net, "1")
    np.testing.assert_allclose(shown(axes)[:3, 4:7], weight[1].mean(-1))
    assert "means over channels" in axes.get_title()


def test_at_most_256_pictures():
    axes = plots.filters(network(nn.Conv2d(300, 1)))
    assert shown(axes).count() == 256 and "300 filters" in axes.get_title()
    assert "the first 256" in axes.get_title()
    grouped = plots.filters(network(nn.Conv2d(40, 1), nn.Conv2d(40, 1, groups=4)), "1")
    assert shown(grouped).shape == (10 * 2 - 1, 25 * 2 - 1) and "the first 25" in grouped.get_title()
    maps = plots.feature_maps(network(nn.Conv2d(300, 1), shape=(1, 1, 1)), np.ones((1, 1, 1)))
    assert shown(maps).count() == 256 and "300 channels of 1×1, the first 256" in maps.get_title()


def test_feature_maps():
    net = network(nn.Conv2d(5, 3, activation="relu"), nn.MaxPool2d(2), nn.Flatten(), nn.Dense(2))
    x = np.random.default_rng(0).normal(size=(8, 8, 1))
    axes = plots.feature_maps(net, x)
    maps, found = net.activations(x[None], "0")["0"][0], shown(axes)
    np.testing.assert_array_equal(found[:6, 7:13], maps[..., 1])
    assert found.count() == maps.size and axes.images[0].get_clim() == (maps.min(), maps.max())
    assert "5 channels of 6×6" in axes.get_title()
    own = plt.figure().add_subplot()
    assert plots.feature_maps(net, x[None], "1", ax=own) is own
    assert shown(own).count() == 5 * 3 * 3


def test_maps_that_are_not_finite_are_blank():
    net = network(nn.Conv2d(2, 1))
    net.named_parameters()["0.bias"][0] = np.inf
    found = shown(plots.feature_maps(net, np.ones((8, 8, 1))))
    assert found.mask[:, :9].all() and not found.mask[:, 9:].any()


NET = network(nn.Conv2d(2, 3), nn.Flatten(), nn.Dense(3))
REFUSED = {
    "no such layer": (
        lambda: plots.filters(NET, "conv"),
        ValueError,
        "no layer 'conv'; there is '0', '1', '2'",
    ),
    "no filters": (lambda: plots.filters(NET, "2"), ValueError, "layer '2' has no filters; there are '0'"),
    "nowhere": (lambda: plots.filters(nn.Network(nn.Dense(2), (3,))), ValueError, "no layer has filters"),
    "number": (lambda: plots.filters(NET, 0), TypeError, "layer must be the path of a layer, such as '0'"),
    "no network": (lambda: plots.filters("resnet20"), TypeError, "must be a numgd.nn.Network; it is str"),
    "shape": (
        lambda: plots.feature_maps(NET, np.zeros((2, 8, 8, 1))),
        ValueError,
        r"shape \(8, 8, 1\); it has shape",
    ),
    "vectors": (
        lambda: plots.feature_maps(NET, np.zeros((8, 8, 1)), "2"),
        ValueError,
        "no image as its output; there are '0'",
    ),
    "no such layer of maps": (
        lambda: plots.feature_maps(NET, np.zeros((8, 8, 1)), "3"),
        ValueError,
        "no layer '3'",
    ),
    "projection": (lambda: plots.filters(NET, ax=plt.subplot(projection="3d")), ValueError, "flat axes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()
