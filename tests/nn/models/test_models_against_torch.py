"""The models against the same networks in PyTorch, written from the papers, with the same weights."""

import numpy as np
import pytest
from nn.models.cases import CASES
from nn.models.in_torch import F, batch_norm, flat, of_ours, relative_error, tensors, torch

from numgd import nn
from numgd.nn.models.digit_bitmaps import digit_bitmaps

TABLE_I = """
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX
"""
"""Rows are the maps of S2, columns those of C3."""


def mlp(x, p, widths, batch_norms=False, activation=torch.relu):
    x = flat(x)
    for k in range(1, len(widths) + 1):
        x = F.linear(x, p[f"dense{k}.weight"], p.get(f"dense{k}.bias"))
        x = activation(batch_norm(x, p, f"norm{k}") if batch_norms else x)
    return F.linear(x, p["out.weight"], p["out.bias"])


def lenet5(x, p, padding=2, pool=F.max_pool2d, activation=torch.relu):
    x = pool(activation(F.conv2d(x, p["c1.weight"], p["c1.bias"], padding=padding)), 2)
    x = flat(pool(activation(F.conv2d(x, p["c3.weight"], p["c3.bias"])), 2))
    for name in ("c5", "f6"):
        x = activation(F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"]))
    return F.linear(x, p["out.weight"], p["out.bias"])


def squash(a):
    return 1.7159 * torch.tanh(2 / 3 * a)


def subsample(x, p, name):
    """Sums of four, times a coefficient, plus a bias; our coefficients are those of the mean."""
    ones = torch.ones(x.shape[1], 1, 2, 2, dtype=x.dtype)
    sums = F.conv2d(x, ones, stride=2, groups=x.shape[1])
    return sums * (p[f"{name}.gamma"][:, None, None] / 4) + p[f"{name}.beta"][:, None, None]


def lenet5_1998(x, p):
    x = squash(F.conv2d(x, p["c1.weight"], p["c1.bias"]))
    x = squash(subsample(x, p, "s2"))
    rows = TABLE_I.split()
    kernels, maps = iter(p["c3.weight"]), []
    for k in range(16):
        total = p["c3.bias"][k]
        for source in range(6):
            if rows[source][k] == "X":
                total = total + F.conv2d(x[:, source : source + 1], next(kernels)[None, None])[:, 0]
        maps.append(total)
    x = squash(subsample(squash(torch.stack(maps, dim=1)), p, "s4"))
    x = squash(F.conv2d(x, p["c5.weight"], p["c5.bias"])).flatten(1)
    x = squash(F.linear(x, p["f6.weight"], p["f6.bias"]))
    return -((x[:, None] - torch.tensor(digit_bitmaps())) ** 2).sum(-1)


def resnet(x, p, depth, shortcut):
    x = torch.relu(batch_norm(F.conv2d(x, p["conv1.weight"], padding=1), p, "bn1"))
    for stage in range(3):
        for block in range((depth - 2) // 6):
            path, stride = f"layer{stage + 1}.{block}", 2 if stage and not block else 1
            y = F.conv2d(x, p[f"{path}.body.conv1.weight"], stride=stride, padding=1)
            y = torch.relu(batch_norm(y, p, f"{path}.body.bn1"))
            y = F.conv2d(y, p[f"{path}.body.conv2.weight"], padding=1)
            y = batch_norm(y, p, f"{path}.body.bn2")
            if stride == 2 and shortcut == "A":
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, x.shape[1]))
            elif stride == 2:
                x = F.conv2d(x, p[f"{path}.shortcut.0.weight"], stride=2)
                x = batch_norm(x, p, f"{path}.shortcut.1")
            x = torch.relu(x + y)
    return F.linear(x.mean((2, 3)), p["fc.weight"], p["fc.bias"])


MODULES = {
    "mlp": lambda x, p: mlp(x, p, [300]),
    "mlp batch norm": lambda x, p: mlp(x, p, (5, 4), True, torch.tanh),
    "mlp linear": lambda x, p: mlp(x, p, ()),
    "lenet5": lenet5,
    "lenet5 of 32": lambda x, p: lenet5(x, p, 0),
    "lenet5 unpadded": lambda x, p: lenet5(x, p, 0, F.avg_pool2d, torch.tanh),
    "lenet5 1998": lenet5_1998,
    "resnet20": lambda x, p: resnet(x, p, 20, "A"),
    "resnet20 B": lambda x, p: resnet(x, p, 20, "B"),
    "resnet8": lambda x, p: resnet(x, p, 8, "B"),
}


@pytest.mark.parametrize("name", MODULES)
def test_loss_and_gradient(name):
    case, random = CASES[name], np.random.default_rng(1)
    network = nn.Network(case.make(**case.options), case.shape, dtype=np.float64)
    network.parameters += 0.02 * random.normal(size=network.parameters.size)  # biases, β and γ too
    X = random.normal(size=(6, *case.shape))
    y = random.integers(0, network.output_shape[0], 6)
    p = tensors(network)
    x = torch.tensor(np.moveaxis(X, 3, 1) if X.ndim == 4 else X)
    outputs = MODULES[name](x, p)
    expected = F.cross_entropy(outputs, torch.tensor(y))
    expected.backward()
    assert network.loss_and_gradient(X, y, "cross_entropy") == pytest.approx(expected.item(), rel=1e-10)
    for key, gradient in network.named_gradients().items():
        assert relative_error(gradient, of_ours(p[key])) <= 1e-10, key
    if not network.named_states():
        assert relative_error(network(X), outputs.detach().numpy()) <= 1e-10


def test_map_criterion_of_lenet_1998():
    """Equation 9, from the distances y."""
    network = nn.Network(nn.models.lenet5("1998"), (32, 32, 1), dtype=np.float64)
    random = np.random.default_rng(2)
    X, y = random.normal(size=(5, 32, 32, 1)), np.array([3, 0, 9, 9, 4])
    p, j = tensors(network), 80.0
    distances = -lenet5_1998(torch.tensor(np.moveaxis(X, 3, 1)), p)
    competing = torch.log(np.exp(-j) + torch.exp(-distances).sum(1))
    expected = (distances[range(5), y] + competing).mean()
    expected.backward()
    value = network.loss_and_gradient(X, y, nn.MAPCriterion(j))
    assert value == pytest.approx(expected.item(), rel=1e-10)
    for key, gradient in network.named_gradients().items():
        assert relative_error(gradient, of_ours(p[key])) <= 1e-10, key
