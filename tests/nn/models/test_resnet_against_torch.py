"""ResNet and its descendants against the same networks in PyTorch, written from the papers."""

import numpy as np
import pytest

from numgd import nn
from numgd.nn import models

torch = pytest.importorskip("torch")
F = torch.nn.functional

BLOCKS = {
    18: [2, 2, 2, 2],
    34: [3, 4, 6, 3],
    50: [3, 4, 6, 3],
    101: [3, 4, 23, 3],
    152: [3, 8, 36, 3],
    200: [3, 24, 36, 3],
}


class Arrays:
    """The arrays of a network as tensors, and the operations on them by their names."""

    def __init__(self, network, eps=1e-5):
        self.eps, self.training = eps, True
        self.of = {name: _tensor(array) for name, array in network.named_parameters().items()}
        for tensor in self.of.values():
            tensor.requires_grad = True
        self.states = {name: _tensor(array) for name, array in network.named_states().items()}

    def conv(self, name, x, stride=1, groups=1):
        weight = self.of[f"{name}.weight"]
        padding = weight.shape[2] // 2
        return F.conv2d(x, weight, self.of.get(f"{name}.bias"), stride, padding, groups=groups)

    def norm(self, name, x):
        running = self.states[f"{name}.running_mean"], self.states[f"{name}.running_variance"]
        slopes = self.of[f"{name}.gamma"], self.of[f"{name}.beta"]
        return F.batch_norm(x, *running, *slopes, self.training, 0.1, self.eps)

    def dense(self, name, x):
        return F.linear(x, self.of[f"{name}.weight"], self.of[f"{name}.bias"])


def _tensor(array):
    order = (0, 3, 1, 2) if array.ndim == 4 else range(array.ndim)
    return torch.tensor(np.ascontiguousarray(array.transpose(*order)))


def _of_ours(tensor):
    array = tensor.grad.numpy()
    return np.moveaxis(array, 1, 3) if array.ndim == 4 else array


def stem(a, x, small, normed=True):
    x = a.conv("conv1", x, 1 if small else 2)
    if normed:
        x = torch.relu(a.norm("bn1", x))
    return x if small else F.max_pool2d(x, 3, 2, 1)


def resnet(a, x, depth, small=False, strided=2, groups=1):
    """`strided` is the convolution of a bottleneck that has the stride, from 1 on."""
    x = stem(a, x, small)
    for stage, blocks in enumerate(BLOCKS[depth], start=1):
        for block in range(blocks):
            path, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            body, convolutions, y = f"{path}.body", 2 if depth < 50 else 3, x
            for k in range(1, convolutions + 1):
                has_stride = k == (1 if depth < 50 else strided)
                y = a.conv(f"{body}.conv{k}", y, stride if has_stride else 1, groups if k == 2 else 1)
                y = a.norm(f"{body}.bn{k}", y)
                if k < convolutions:
                    y = torch.relu(y)
            if x.shape != y.shape:
                x = a.norm(f"{path}.shortcut.1", a.conv(f"{path}.shortcut.0", x, stride))
            x = torch.relu(x + y)
    return a.dense("fc", x.mean((2, 3)))


def resnet_v2(a, x, blocks, small=False, convolutions=3):
    x = stem(a, x, small)
    for stage, count in enumerate(blocks, start=1):
        for block in range(count):
            path, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = x if stage == 1 and block == 0 else torch.relu(a.norm(f"{path}.bn1", x))
            if block == 0 and (stage > 1 or convolutions == 3):
                x = a.conv(f"{path}.shortcut", y, stride)
            y = a.conv(f"{path}.conv1", y, stride)
            for k in range(2, convolutions + 1):
                y = a.conv(f"{path}.conv{k}", torch.relu(a.norm(f"{path}.bn{k}", y)))
            x = x + y
    x = torch.relu(a.norm("post_bn", x))
    return a.dense("fc", x.mean((2, 3)))


def resnet_v2_of_keras(a, x, depth, small=False):
    x = stem(a, x, small, normed=False)
    for stage, blocks in enumerate(BLOCKS[depth], start=1):
        for block in range(1, blocks + 1):
            path, stride = f"layer{stage}.{block - 1}", 2 if stage < 4 and block == blocks else 1
            y = torch.relu(a.norm(f"{path}.bn1", x))
            shortcut = a.conv(f"{path}.shortcut", y) if block == 1 else x[:, :, ::stride, ::stride]
            y = torch.relu(a.norm(f"{path}.bn2", a.conv(f"{path}.conv1", y)))
            y = torch.relu(a.norm(f"{path}.bn3", a.conv(f"{path}.conv2", y, stride)))
            x = shortcut + a.conv(f"{path}.conv3", y)
    x = torch.relu(a.norm("post_bn", x))
    return a.dense("fc", x.mean((2, 3)))


SMALL = {"num_classes": 5, "width": 1 / 16, "stem": "small"}
LARGE = {"num_classes": 5, "width": 1 / 16, "stem": "imagenet"}
GROUPS = {"cardinality": 4, "base_width": 32}

CASES = {
    "18": (models.resnet(18, **SMALL), lambda a, x: resnet(a, x, 18, True)),
    "34": (models.resnet(34, **LARGE), lambda a, x: resnet(a, x, 34)),
    "50": (models.resnet(50, **LARGE), lambda a, x: resnet(a, x, 50)),
    "50, paper": (models.resnet(50, variant="paper", **SMALL), lambda a, x: resnet(a, x, 50, True, 1)),
    "resnext": (models.resnext(50, **SMALL, **GROUPS), lambda a, x: resnet(a, x, 50, True, 2, 4)),
    "resnext, large": (models.resnext(50, **LARGE, **GROUPS), lambda a, x: resnet(a, x, 50, False, 2, 4)),
    "18, v2": (models.resnet_v2(18, **SMALL), lambda a, x: resnet_v2(a, x, BLOCKS[18], True, 2)),
    "50, v2": (models.resnet_v2(50, **LARGE), lambda a, x: resnet_v2(a, x, BLOCKS[50])),
    "20, v2, CIFAR": (
        models.resnet_v2_cifar(20, 5, width=0.25),
        lambda a, x: resnet_v2(a, x, [2, 2, 2], True),
    ),
    "50, Keras": (
        models.resnet_v2(50, variant="keras", **LARGE),
        lambda a, x: resnet_v2_of_keras(a, x, 50),
    ),
}

DEEP = {
    "152": (models.resnet(152, **SMALL), lambda a, x: resnet(a, x, 152, True)),
    "200": (models.resnet(200, **SMALL), lambda a, x: resnet(a, x, 200, True)),
    "200, v2": (models.resnet_v2(200, **SMALL), lambda a, x: resnet_v2(a, x, BLOCKS[200], True)),
    "101, Keras": (
        models.resnet_v2(101, variant="keras", **SMALL),
        lambda a, x: resnet_v2_of_keras(a, x, 101, True),
    ),
    "18, full width": (models.resnet(18), lambda a, x: resnet(a, x, 18)),
    "resnext, full width": (models.resnext(50), lambda a, x: resnet(a, x, 50, False, 2, 32)),
}


def norm(array):
    return np.sqrt(np.sum(array * array))


@pytest.mark.parametrize("name", [*CASES, *(pytest.param(name, marks=pytest.mark.slow) for name in DEEP)])
def test_against_torch(name):
    """The loss and its gradient in training, then the outputs in inference with the running statistics."""
    model, module = (CASES | DEEP)[name]
    size = 16 if model.parts["conv1"].stride == 1 else 64
    network = nn.Network(model, (size, size, 3), dtype=np.float64)
    random = np.random.default_rng(1)
    network.parameters += 0.02 * random.normal(size=network.parameters.size)  # biases, β and γ too
    X, y = random.normal(size=(4, size, size, 3)), np.array([3, 0, 4, 1])
    x = torch.tensor(np.moveaxis(X, 3, 1))
    arrays = Arrays(network, 1.001e-5 if "Keras" in name else 1e-5)
    expected = F.cross_entropy(module(arrays, x), torch.tensor(y))
    expected.backward()
    assert network.loss_and_gradient(X, y, "cross_entropy") == pytest.approx(expected.item(), rel=1e-10)
    # A bias before a norm has the gradient 0: its rounding errors are compared with the whole gradient.
    least = 1e-5 * norm(network.gradient)
    for key, gradient in network.named_gradients().items():
        wanted = _of_ours(arrays.of[key])
        assert norm(gradient - wanted) <= 1e-10 * max(norm(wanted), least), key
    arrays.training = False
    with torch.no_grad():
        wanted = module(arrays, x).numpy()
    assert norm(network(X) - wanted) <= 1e-10 * norm(wanted)
