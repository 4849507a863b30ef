"""The networks of `networks.py` for numgd."""

from numgd import nn


def lenet():
    """LeNet-5 as it is usually written today: 44,426 parameters on 28 × 28 without padding."""
    return nn.Sequential(
        nn.Conv2d(6, 5, activation="relu"), nn.MaxPool2d(2),
        nn.Conv2d(16, 5, activation="relu"), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dense(120, activation="relu"), nn.Dense(84, activation="relu"), nn.Dense(10),
    )  # fmt: skip


def digits():
    """A small convolutional network for images of 8 × 8."""
    return nn.Sequential(
        nn.Conv2d(16, 3, padding=1, activation="relu"), nn.MaxPool2d(2),
        nn.Conv2d(32, 3, padding=1, activation="relu"), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dense(64, activation="relu"), nn.Dense(10),
    )  # fmt: skip


def mlp():
    """A perceptron with two hidden layers."""
    return nn.Sequential(
        nn.Dense(256, activation="relu"), nn.Dense(128, activation="relu"), nn.Dense(10)
    )  # fmt: skip


STAGES = ((16, 1), (32, 2), (64, 2))
"""Channels of a ResNet for CIFAR, and the stride of the first of three blocks."""


def resnet20():
    """ResNet-20 for CIFAR (He et al., CVPR 2016, section 4.2) with projections, their option B."""

    def block(channels, stride, changes):
        body = nn.Sequential(
            nn.Conv2d(channels, 3, stride=stride, padding=1, bias=False), nn.BatchNorm(activation="relu"),
            nn.Conv2d(channels, 3, padding=1, bias=False), nn.BatchNorm(),
        )  # fmt: skip
        projection = nn.Sequential(nn.Conv2d(channels, 1, stride=stride, bias=False), nn.BatchNorm())
        return nn.Residual(body, projection if changes else None, activation="relu")

    first = nn.Conv2d(16, 3, padding=1, bias=False), nn.BatchNorm(activation="relu")
    blocks = [block(c, s if i == 0 else 1, c > 16 and i == 0) for c, s in STAGES for i in range(3)]
    return nn.Sequential(*first, *blocks, nn.GlobalAvgPool2d(), nn.Dense(10))
