"""AlexNet, VGG and DenseNet against PyTorch, written from the papers, and the names of torchvision."""

import numpy as np
import pytest
from nn.models.in_torch import (
    F,
    check_against,
    flat,
    shapes_in_torch,
    shapes_of_torchvision,
    torch,
)

from numgd import nn
from numgd.nn import models


def conv(x, p, path, **options):
    return F.conv2d(x, p[f"{path}.weight"], p.get(f"{path}.bias"), **options)


def dense(x, p, path):
    return F.linear(x, p[f"{path}.weight"], p[f"{path}.bias"])


# AlexNet ----------------------------------------------------------------------------------------------------


def alexnet(x, p, _):
    x = torch.relu(conv(x, p, "features.0", stride=4, padding=2))
    x = torch.relu(conv(F.max_pool2d(x, 3, 2), p, "features.3", padding=2))
    x = torch.relu(conv(F.max_pool2d(x, 3, 2), p, "features.6", padding=1))
    x = torch.relu(conv(x, p, "features.8", padding=1))
    x = torch.relu(conv(x, p, "features.10", padding=1))
    x = flat(F.max_pool2d(x, 3, 2))
    x = torch.relu(dense(x, p, "classifier.1"))
    x = torch.relu(dense(x, p, "classifier.4"))
    return dense(x, p, "classifier.6")


def response_norm(a):
    """The equation of section 3.3, with k = 2, n = 5, α = 10⁻⁴ and β = 0.75."""
    squares, channels = a**2, a.shape[1]
    sums = [squares[:, max(0, i - 2) : min(channels - 1, i + 2) + 1].sum(1) for i in range(channels)]
    return a / (2 + 1e-4 * torch.stack(sums, dim=1)) ** 0.75


def on_two_devices(x, p, path, padding):
    """Each half of the channels from one half of those before."""
    weights, biases = p[f"{path}.weight"].chunk(2), p[f"{path}.bias"].chunk(2)
    halves = zip(x.chunk(2, dim=1), weights, biases, strict=True)
    return torch.cat([F.conv2d(*half, padding=padding) for half in halves], dim=1)


def alexnet_2012(x, p, _):
    x = response_norm(torch.relu(conv(x, p, "conv1", stride=4, padding=2)))
    x = response_norm(torch.relu(on_two_devices(F.max_pool2d(x, 3, 2), p, "conv2", 2)))
    x = torch.relu(conv(F.max_pool2d(x, 3, 2), p, "conv3", padding=1))
    x = torch.relu(on_two_devices(x, p, "conv4", 1))
    x = torch.relu(on_two_devices(x, p, "conv5", 1))
    x = flat(F.max_pool2d(x, 3, 2))
    return dense(torch.relu(dense(torch.relu(dense(x, p, "fc6")), p, "fc7")), p, "fc8")


def of_alexnet(variant, width, size):
    model = models.alexnet(7, variant=variant, width=width, dropout=0.0)
    return nn.Network(model, (size, size, 3), dtype=np.float64)


ALEXNETS = {"torchvision": alexnet, "paper": alexnet_2012}


@pytest.mark.parametrize("variant", ALEXNETS)
def test_alexnet(variant):
    """With 2×2 features, whose order matters."""
    check_against(ALEXNETS[variant], of_alexnet(variant, 0.06, 99), 3)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ALEXNETS)
def test_alexnet_of_full_width(variant):
    check_against(ALEXNETS[variant], of_alexnet(variant, 1.0, 67), 2)


# VGG --------------------------------------------------------------------------------------------------------

TABLE_1 = {
    11: "1 M 1 M 2 M 2 M 2 M",
    13: "2 M 2 M 2 M 2 M 2 M",
    16: "2 M 2 M 3 M 3 M 3 M",
    19: "2 M 2 M 4 M 4 M 4 M",
}
"""Columns of table 1: numbers of convolutions, and maxima."""


def vgg(depth, hidden):
    def forward(x, p, norm):
        position = 0
        for part in TABLE_1[depth].split():
            if part == "M":
                x, position = F.max_pool2d(x, 2), position + 1
                continue
            for _ in range(int(part)):
                x = conv(x, p, f"features.{position}", padding=1)
                position += 1
                if f"features.{position}.gamma" in p:
                    x = norm(x, p, f"features.{position}")
                    position += 1
                x, position = torch.relu(x), position + 1
        x = flat(x)
        if hidden:
            x = torch.relu(dense(torch.relu(dense(x, p, "classifier.0")), p, "classifier.3"))
            return dense(x, p, "classifier.6")
        return dense(x, p, "classifier.0")

    return forward


@pytest.mark.parametrize(
    ("depth", "batch_norm", "hidden", "size"),
    [(11, False, 128, 64), (11, True, 0, 64), (13, True, 128, 64), (16, False, 0, 32), (19, False, 64, 32)],
)
def test_vgg(depth, batch_norm, hidden, size):
    model = models.vgg(depth, 5, batch_norm=batch_norm, hidden=hidden, width=0.06, dropout=0.0)
    check_against(vgg(depth, hidden), nn.Network(model, (size, size, 3), dtype=np.float64), 4)


@pytest.mark.slow
def test_vgg_of_full_width():
    model = models.vgg(16, 10, batch_norm=True, hidden=0)
    check_against(vgg(16, 0), nn.Network(model, (64, 64, 3), dtype=np.float64), 4)


# DenseNet ---------------------------------------------------------------------------------------------------


def densenet(*layers):
    """Section 3: each layer takes all maps before it in its block."""

    def composite(x, p, norm, path, number, **options):
        return conv(torch.relu(norm(x, p, f"{path}.norm{number}")), p, f"{path}.conv{number}", **options)

    def forward(x, p, norm):
        if "features.norm0.gamma" in p:
            x = torch.relu(norm(conv(x, p, "features.conv0", stride=2, padding=3), p, "features.norm0"))
            x = F.max_pool2d(x, 3, 2, 1)
        else:
            x = conv(x, p, "features.conv0", padding=1)
        for block, count in enumerate(layers, start=1):
            if block > 1:
                x = composite(x, p, norm, f"features.transition{block - 1}", "")
                x = F.avg_pool2d(x, 2)
            maps = [x]
            for layer in range(1, count + 1):
                path, last = f"features.denseblock{block}.denselayer{layer}.added", 1
                x = torch.cat(maps, dim=1)
                if f"{path}.norm2.gamma" in p:
                    x, last = composite(x, p, norm, path, 1), 2
                maps.append(composite(x, p, norm, path, last, padding=1))
            x = torch.cat(maps, dim=1)
        return dense(torch.relu(norm(x, p, "features.norm5")).mean((2, 3)), p, "classifier")

    return forward


@pytest.mark.parametrize(
    ("model", "layers", "size"),
    [
        (models.densenet(121, 5, growth_rate=3), (6, 12, 24, 16), 64),
        (models.densenet(121, 5, width=0.1, stem="small"), (6, 12, 24, 16), 16),
        (models.densenet_cifar(13, 4, num_classes=5), (3, 3, 3), 16),
        (models.densenet_cifar(22, 4, bottleneck=True, compression=0.5), (3, 3, 3), 16),
        (models.densenet_cifar(10, 3, compression=0.7), (2, 2, 2), 12),
    ],
    ids=["imagenet", "small", "cifar", "BC", "C"],
)
def test_densenet(model, layers, size):
    check_against(densenet(*layers), nn.Network(model, (size, size, 3), dtype=np.float64), 6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "layers", "size"),
    [(models.densenet(121, 10), (6, 12, 24, 16), 64), (models.densenet_cifar(40, 12), (12, 12, 12), 32)],
    ids=["121", "40"],
)
def test_densenet_of_full_width(model, layers, size):
    check_against(densenet(*layers), nn.Network(model, (size, size, 3), dtype=np.float64), 4)


# Names of torchvision ---------------------------------------------------------------------------------------

OF_TORCHVISION = [
    "alexnet",
    *(f"vgg{depth}{suffix}" for depth in (11, 13, 16, 19) for suffix in ("", "_bn")),
    *(f"densenet{depth}" for depth in (121, 161, 169, 201)),
]


@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_names_and_shapes_are_those_of_torchvision(name):
    make, shape, options = models.NAMED[name]
    assert shapes_in_torch(make(**options), shape) == shapes_of_torchvision(name)
