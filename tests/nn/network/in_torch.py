"""Networks in PyTorch, in float64: the same layers with the same numbers, computed by its own functions."""

import numpy as np
import torch
from torch.nn import functional as F

from numgd import nn

ACTIVATIONS = {
    None: lambda x: x,
    "relu": torch.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
}


def channels_second(x):
    """In memory too: the backward pass of group norm crashes otherwise (PyTorch 2.13)."""
    return x.movedim(-1, 1).contiguous()


def channels_last(x):
    return x.movedim(1, -1).contiguous()


def pair(given):
    return (given, given) if isinstance(given, int) else tuple(given)


class InTorch:
    """The twin of a network, with parameters of its own.

    `seed` determines dropout, whose masks are those of the network.
    """

    def __init__(self, network):
        self.network, self.seed = network, 0
        self.parameters = {
            name: torch.tensor(array.astype(np.float64), requires_grad=True)
            for name, array in network.named_parameters().items()
        }
        self.states = {
            name: torch.tensor(array.astype(np.float64)) for name, array in network.named_states().items()
        }
        self.streams = {node.path: k for k, node in enumerate(network.wiring.nodes)}

    def __call__(self, X, training):
        self.training = training
        model = self.network.model
        path = "" if hasattr(model, "parts") else type(model).__name__.lower()
        return self.apply(model, path, torch.tensor(X))

    def apply(self, part, path, *inputs):
        """The output of a layer or container."""
        y = getattr(self, type(part).__name__)(part, path, *inputs)
        return ACTIVATIONS[getattr(part, "activation", None)](y)

    def own(self, path, name):
        return self.parameters.get(f"{path}.{name}")

    # Containers

    def Sequential(self, part, path, *inputs):
        for name, inner in part.parts.items():
            inputs = (self.apply(inner, _joined(path, name), *inputs),)
        return inputs[0]

    def Residual(self, part, path, x):
        found = [self.apply(inner, _joined(path, name), x) for name, inner in part.parts.items()]
        return found[0] + (found[1] if len(found) > 1 else x)

    def Concat(self, part, path, x):
        branches = [self.apply(inner, _joined(path, name), x) for name, inner in part.parts.items()]
        return torch.cat(branches, -1)

    def Identity(self, part, path, x):
        return x

    def Graph(self, part, path, x):
        values = {"input": x}
        for name, inner in part.parts.items():
            values[name] = self.apply(inner, _joined(path, name), *(values[s] for s in part.sources[name]))
        return values[name]

    # Layers

    def Dense(self, layer, path, x):
        return F.linear(x, self.own(path, "weight"), self.own(path, "bias"))

    def Conv2d(self, layer, path, x):
        kh, kw = pair(layer.kernel_size)
        top, bottom, left, right = self.sides(layer, x, (kh, kw))
        padded = F.pad(channels_second(x), (left, right, top, bottom))
        groups = x.shape[-1] if layer.groups == "depthwise" else layer.groups
        weight = channels_second(self.own(path, "weight"))
        bias = self.own(path, "bias")
        how = pair(layer.stride), 0, pair(layer.dilation), groups
        return channels_last(F.conv2d(padded, weight, bias, *how))

    def sides(self, layer, x, kernel):
        """Padding at the top, bottom, left and right."""
        if layer.padding == "valid":
            return 0, 0, 0, 0
        if layer.padding == "same":
            found = []
            axes = zip(x.shape[1:3], kernel, pair(layer.stride), pair(layer.dilation), strict=True)
            for size, k, stride, dilation in axes:
                total = max(0, (-(-size // stride) - 1) * stride + dilation * (k - 1) + 1 - size)
                found += [total // 2, total - total // 2]
            return found
        if isinstance(layer.padding, tuple) and len(layer.padding) == 4:
            return layer.padding
        down, right = pair(layer.padding)
        return down, down, right, right

    def Conv2dTranspose(self, layer, path, x):
        weight = channels_second(self.own(path, "weight"))
        how = pair(layer.padding), pair(layer.output_padding), layer.groups, pair(layer.dilation)
        y = F.conv_transpose2d(channels_second(x), weight, self.own(path, "bias"), pair(layer.stride), *how)
        return channels_last(y)

    def MaxPool2d(self, layer, path, x):
        how = pair(layer.stride or layer.kernel_size), pair(layer.padding), 1, layer.ceil_mode
        return channels_last(F.max_pool2d(channels_second(x), pair(layer.kernel_size), *how))

    def AvgPool2d(self, layer, path, x):
        how = pair(layer.stride or layer.kernel_size), pair(layer.padding), layer.ceil_mode
        counted = layer.count_include_pad
        return channels_last(F.avg_pool2d(channels_second(x), pair(layer.kernel_size), *how, counted))

    def GlobalAvgPool2d(self, layer, path, x):
        return x.mean((1, 2))

    def Flatten(self, layer, path, x):
        return x.reshape(len(x), -1)

    def Activation(self, layer, path, x):
        if layer.parameter is not None:
            return {"leaky_relu": F.leaky_relu, "elu": F.elu}[layer.kind](x, layer.parameter)
        return ACTIVATIONS[layer.kind](x)

    def Softmax(self, layer, path, x):
        return torch.softmax(x, -1)

    def Add(self, layer, path, *inputs):
        return sum(inputs)

    def Concatenate(self, layer, path, *inputs):
        return torch.cat(inputs, -1)

    def Dropout(self, layer, path, x):
        if not self.training:
            return x
        ones = np.ones(tuple(x.shape))
        mask = nn.functional.dropout(ones, layer.p, seed=self.seed, stream=self.streams[path])
        return x * torch.tensor(mask)

    def BatchNorm(self, layer, path, x):
        running = self.states[f"{path}.running_mean"], self.states[f"{path}.running_variance"]
        affine = self.own(path, "gamma"), self.own(path, "beta")
        rows = x.reshape(-1, x.shape[-1])
        return F.batch_norm(rows, *running, *affine, self.training, layer.momentum, layer.eps).reshape(
            x.shape
        )

    def GroupNorm(self, layer, path, x):
        affine = self.own(path, "gamma"), self.own(path, "beta")
        return channels_last(F.group_norm(channels_second(x), layer.groups, *affine, layer.eps))

    def LayerNorm(self, layer, path, x):
        affine = self.own(path, "gamma"), self.own(path, "beta")
        return F.layer_norm(x, x.shape[-1:], *affine, layer.eps)

    def LocalResponseNorm(self, layer, path, x):
        y = F.local_response_norm(channels_second(x), layer.size, layer.alpha, layer.beta, layer.k)
        return channels_last(y)


def _joined(path, name):
    return f"{path}.{name}" if path else name
