"""The networks of `networks.py` for PyTorch, with parameters in the same order as in `models_numgd.py`."""

from collections import OrderedDict

import torch
from torch.nn import functional


def lenet():
    """The same for PyTorch."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(6, 16, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(256, 120), torch.nn.ReLU(), torch.nn.Linear(120, 84), torch.nn.ReLU(),
        torch.nn.Linear(84, 10),
    )  # fmt: skip


def digits():
    """The same for PyTorch."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(128, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10),
    )  # fmt: skip


def mlp():
    """The same for PyTorch."""
    return torch.nn.Sequential(
        torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 128), torch.nn.ReLU(),
        torch.nn.Linear(128, 10),
    )  # fmt: skip


STAGES = ((16, 1), (32, 2), (64, 2))
"""Channels of a ResNet for CIFAR, and the stride of the first of three blocks."""


class Block(torch.nn.Module):
    """A residual block of PyTorch's."""

    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(inputs, channels, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(channels),
            torch.nn.ReLU(), torch.nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            torch.nn.BatchNorm2d(channels),
        )  # fmt: skip
        self.shortcut = torch.nn.Identity()
        if inputs != channels:
            self.shortcut = torch.nn.Sequential(
                torch.nn.Conv2d(inputs, channels, 1, stride, bias=False), torch.nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        """relu(body(x) + shortcut(x))."""
        return functional.relu(self.body(x) + self.shortcut(x))


def resnet20():
    """The same for PyTorch."""
    parts, inputs = [torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(16)], 16
    parts.append(torch.nn.ReLU())
    for channels, stride in STAGES:
        for i in range(3):
            parts.append(Block(inputs, channels, stride if i == 0 else 1))
            inputs = channels
    parts += [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(64, 10)]
    return torch.nn.Sequential(*parts)


def copy_weights(network, model):
    """Give PyTorch's model the network's parameters: channels first, also within flattened images."""
    ours, theirs = list(network.named_parameters().values()), list(model.parameters())
    if sum(array.size for array in ours) != sum(array.numel() for array in theirs):
        raise SystemExit("the networks differ in their parameters")
    channels = None
    for own, other in zip(ours, theirs, strict=True):
        array = own
        if own.ndim == 4:
            channels, array = len(own), own.transpose(0, 3, 1, 2)
        elif own.ndim == 2 and channels is not None:
            array = own.reshape(len(own), -1, channels).transpose(0, 2, 1).reshape(own.shape)
            channels = None
        with torch.no_grad():
            other.copy_(torch.from_numpy(array.copy()))


class _DenseLayer(torch.nn.Module):
    """A layer of a dense block: its input, followed by 12 more channels."""

    def __init__(self, channels):
        super().__init__()
        self.norm1, self.conv1 = torch.nn.BatchNorm2d(channels), _conv(channels, 12)

    def forward(self, x):
        return torch.cat([x, self.conv1(functional.relu(self.norm1(x), inplace=True))], 1)


def _conv(channels, features, size=3):
    return torch.nn.Conv2d(channels, features, size, padding=size // 2, bias=False)


def densenet40():
    """DenseNet-40 with growth rate 12 (Huang et al., CVPR 2017), with the names of `numgd.nn.models`."""
    nn, features, channels = torch.nn, OrderedDict(conv0=_conv(3, 16)), 16
    for block in (1, 2, 3):
        if block > 1:
            parts = {"norm": nn.BatchNorm2d(channels), "relu": nn.ReLU(inplace=True)}
            parts |= {"conv": _conv(channels, channels, 1), "pool": nn.AvgPool2d(2)}
            features[f"transition{block - 1}"] = nn.Sequential(OrderedDict(parts))
        layers = {f"denselayer{i + 1}": _DenseLayer(channels + 12 * i) for i in range(12)}
        features[f"denseblock{block}"] = nn.Sequential(OrderedDict(layers))
        channels += 12 * 12
    features |= {"norm5": nn.BatchNorm2d(channels), "relu": nn.ReLU(inplace=True)}
    parts = {"features": nn.Sequential(features), "pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    return nn.Sequential(OrderedDict(parts, classifier=nn.Linear(channels, 10)))
