"""The Inception networks against the same in PyTorch, written from the papers, with the same weights.

Numbers of channels are those of the weights; `test_inception.py` compares these with what is published.
"""

import re
from functools import partial

import numpy as np
import pytest

from numgd import nn
from numgd.nn import models

torch = pytest.importorskip("torch")
F = torch.nn.functional

SEED = 11


class Twin:
    """The arrays of a network as tensors, by the names that `torch_names` gives them, and what uses them."""

    def __init__(self, network, eps):
        self.network, self.eps = network, eps
        self.names = {}
        for name in (*network.named_parameters(), *network.named_states()):
            self.names[name] = name
            for pattern, replacement in network.model.torch_names:
                self.names[name] = re.sub(pattern, replacement, self.names[name])
        assert len(set(self.names.values())) == len(self.names)
        self.arrays = {
            self.names[name]: torch.tensor(channels_second(array), requires_grad=True)
            for name, array in network.named_parameters().items()
        }
        self.arrays |= {
            self.names[name]: torch.tensor(array.copy()) for name, array in network.named_states().items()
        }
        self.streams = {node.path: number for number, node in enumerate(network.wiring.nodes)}

    def conv(self, x, path, stride=1, padding=0):
        """A convolution and a ReLU, with batch norm between them if there is one."""
        a = self.arrays
        inner = f"{path}.conv" if f"{path}.conv.weight" in a else path
        y = F.conv2d(x, a[f"{inner}.weight"], a.get(f"{inner}.bias"), stride, padding)
        norm = f"{path}.bn" if inner != path else f"{path}_bn"
        if f"{norm}.gamma" in a:
            running = a[f"{norm}.running_mean"], a[f"{norm}.running_variance"]
            affine = a[f"{norm}.gamma"], a[f"{norm}.beta"]
            y = F.batch_norm(y, *running, *affine, self.training, 0.1, self.eps)
        return torch.relu(y)

    def chain(self, x, *steps):
        """Convolutions one after the other, each given by the arguments of `conv`."""
        for step in steps:
            x = self.conv(x, *step)
        return x

    def linear(self, x, path):
        return F.linear(x, self.arrays[f"{path}.weight"], self.arrays[f"{path}.bias"])

    def dropout(self, x, path, p):
        """With the mask of the network."""
        if not self.training:
            return x
        mask = nn.functional.dropout(np.ones(x.shape), p, seed=SEED, stream=self.streams[path])
        return x * torch.tensor(mask)


def channels_second(array):
    return np.ascontiguousarray(np.moveaxis(array, 3, 1)) if array.ndim == 4 else array.copy()


def flat(x):
    """As vectors with the channels last, which is the order of our dense weights."""
    return x.permute(0, 2, 3, 1).flatten(1)


def cat(*branches):
    return torch.cat(branches, 1)


max_pool = partial(F.max_pool2d, kernel_size=3, stride=2)
max_pool_ceil = partial(max_pool, ceil_mode=True)
mean_3x3 = partial(F.avg_pool2d, kernel_size=3, stride=1, padding=1)  # the padding counts
mean_3x3_inside = partial(mean_3x3, count_include_pad=False)
ROW, COLUMN = (0, 3), (3, 0)  # padding of 1×7 and 7×1
SHORT_ROW, SHORT_COLUMN = (0, 1), (1, 0)  # of 1×3 and 3×1


def googlenet(t, x, paper=False, small=False, auxiliary=False):
    """Table 1 of Szegedy et al. (2015)."""

    def normed(x):
        return F.local_response_norm(x, 5, 1e-4, 0.75, 1.0) if paper else x

    def inception(x, name):
        size = 5 if paper else 3
        return cat(
            t.conv(x, f"{name}.branch1"),
            t.chain(x, (f"{name}.branch2.0",), (f"{name}.branch2.1", 1, 1)),
            t.chain(x, (f"{name}.branch3.0",), (f"{name}.branch3.1", 1, size // 2)),
            t.conv(F.max_pool2d(x, 3, 1, 1), f"{name}.branch4.1"),
        )

    def classifier(x, name):
        x = F.avg_pool2d(x, 5, 3) if paper else F.adaptive_avg_pool2d(x, 4)
        x = torch.relu(t.linear(flat(t.conv(x, f"{name}.conv")), f"{name}.fc1"))
        return t.linear(t.dropout(x, f"{name}.dropout", 0.7), f"{name}.fc2")

    x = t.conv(x, "conv1", 1, 1) if small else max_pool_ceil(t.conv(x, "conv1", 2, 3))
    x = normed(t.conv(t.conv(normed(x), "conv2"), "conv3", 1, 1))
    x = inception(inception(x if small else max_pool_ceil(x), "inception3a"), "inception3b")
    x = first = inception(max_pool_ceil(x), "inception4a")
    for name in "bcd":
        x = inception(x, f"inception4{name}")
    second, x = x, inception(x, "inception4e")
    x = max_pool_ceil(x) if paper else F.max_pool2d(x, 2, 2, ceil_mode=True)
    x = inception(inception(x, "inception5a"), "inception5b").mean((2, 3))
    outputs = [(t.linear(t.dropout(x, "dropout", 0.4 if paper else 0.2), "fc"), 1.0)]
    if auxiliary:
        outputs += [(classifier(first, "aux1"), 0.3), (classifier(second, "aux2"), 0.3)]
    return outputs


def inception_v2(t, x, paper=False, small=False):
    """Figure 5 of Ioffe and Szegedy (2015)."""

    def branch_3x3(x, name, stride):
        return t.chain(x, (f"{name}_3x3_reduce",), (f"{name}_3x3", stride, 1))

    def branch_double(x, name, stride):
        double = f"{name}_double_3x3"
        return t.chain(x, (f"{double}_reduce",), (f"{double}_1", 1, 1), (f"{double}_2", stride, 1))

    def inception(x, name, pool=mean_3x3):
        one, project = t.conv(x, f"{name}_1x1"), t.conv(pool(x), f"{name}_pool_proj")
        return cat(one, branch_3x3(x, name, 1), branch_double(x, name, 1), project)

    def reduction(x, name):
        pooled = max_pool(x, padding=1) if x.shape[2] % 2 else max_pool_ceil(x)
        return cat(branch_3x3(x, name, 2), branch_double(x, name, 2), pooled)

    first, stride, padding = "conv1_7x7_s2", 1 if small else 2, 1 if small else 3
    if paper:  # each filter takes one colour
        weight = t.arrays[f"{first}.depthwise.weight"]
        x = t.conv(F.conv2d(x, weight, None, stride, padding, groups=x.shape[1]), first)
    else:
        x = t.conv(x, first, stride, padding)
    pool = (lambda x: x) if small else max_pool_ceil
    x = pool(t.chain(pool(x), ("conv2_3x3_reduce",), ("conv2_3x3", 1, 1)))
    x = reduction(inception(inception(x, "inception_3a"), "inception_3b"), "inception_3c")
    for name in "abcd":
        x = inception(x, f"inception_4{name}")
    x = inception(reduction(x, "inception_4e"), "inception_5a")
    x = inception(x, "inception_5b", partial(F.max_pool2d, kernel_size=3, stride=1, padding=1))
    return [(t.linear(x.mean((2, 3)), "last_linear"), 1.0)]


def inception_v3(t, x, auxiliary=False):
    """Figures 5 to 10 of Szegedy et al. (2016), as published with weights."""

    def grid_35(x, name):
        n, dbl = f"{name}.branch", f"{name}.branch3x3dbl"
        return cat(
            t.conv(x, f"{n}1x1"),
            t.chain(x, (f"{n}5x5_1",), (f"{n}5x5_2", 1, 2)),
            t.chain(x, (f"{dbl}_1",), (f"{dbl}_2", 1, 1), (f"{dbl}_3", 1, 1)),
            t.conv(mean_3x3(x), f"{n}_pool"),
        )

    def grid_17(x, name):
        n, one, two = f"{name}.branch", f"{name}.branch7x7", f"{name}.branch7x7dbl"
        long = [(f"{two}_{k}", 1, COLUMN if k % 2 == 0 else ROW) for k in (2, 3, 4, 5)]
        return cat(
            t.conv(x, f"{n}1x1"),
            t.chain(x, (f"{one}_1",), (f"{one}_2", 1, ROW), (f"{one}_3", 1, COLUMN)),
            t.chain(x, (f"{two}_1",), *long),
            t.conv(mean_3x3(x), f"{n}_pool"),
        )

    def grid_8(x, name):
        n, one, two = f"{name}.branch", f"{name}.branch3x3", f"{name}.branch3x3dbl"
        y, z = t.conv(x, f"{one}_1"), t.chain(x, (f"{two}_1",), (f"{two}_2", 1, 1))
        return cat(
            t.conv(x, f"{n}1x1"),
            t.conv(y, f"{one}_2a", 1, SHORT_ROW),
            t.conv(y, f"{one}_2b", 1, SHORT_COLUMN),
            t.conv(z, f"{two}_3a", 1, SHORT_ROW),
            t.conv(z, f"{two}_3b", 1, SHORT_COLUMN),
            t.conv(mean_3x3(x), f"{n}_pool"),
        )

    x = t.chain(x, ("Conv2d_1a_3x3", 2), ("Conv2d_2a_3x3",), ("Conv2d_2b_3x3", 1, 1))
    x = max_pool(t.chain(max_pool(x), ("Conv2d_3b_1x1",), ("Conv2d_4a_3x3",)))
    for name in "bcd":
        x = grid_35(x, f"Mixed_5{name}")
    a, dbl = "Mixed_6a.branch3x3", "Mixed_6a.branch3x3dbl"
    x = cat(t.conv(x, a, 2), t.chain(x, (f"{dbl}_1",), (f"{dbl}_2", 1, 1), (f"{dbl}_3", 2)), max_pool(x))
    for name in "bcde":
        x = grid_17(x, f"Mixed_6{name}")
    last_17, a, b = x, "Mixed_7a.branch3x3", "Mixed_7a.branch7x7x3"
    x = cat(
        t.chain(x, (f"{a}_1",), (f"{a}_2", 2)),
        t.chain(x, (f"{b}_1",), (f"{b}_2", 1, ROW), (f"{b}_3", 1, COLUMN), (f"{b}_4", 2)),
        max_pool(x),
    )
    x = grid_8(grid_8(x, "Mixed_7b"), "Mixed_7c").mean((2, 3))
    outputs = [(t.linear(t.dropout(x, "dropout", 0.5), "fc"), 1.0)]
    if auxiliary:
        y = t.chain(F.avg_pool2d(last_17, 5, 3), ("AuxLogits.conv0",), ("AuxLogits.conv1",))
        outputs.append((t.linear(y.mean((2, 3)), "AuxLogits.fc"), 0.4))
    return outputs


def inception_v4(t, x):
    """Figures 3 to 9 of Szegedy et al. (2017)."""

    def chain(x, path, *steps):
        """A branch, whose convolutions are numbered; steps are strides and paddings."""
        return t.chain(x, *((f"{path}.{k}", *step) for k, step in enumerate(steps)))

    def inception_a(x, path):
        b = f"{path}.branch"
        return cat(
            t.conv(x, f"{b}0"),
            chain(x, f"{b}1", (), (1, 1)),
            chain(x, f"{b}2", (), (1, 1), (1, 1)),
            t.conv(mean_3x3_inside(x), f"{b}3.1"),
        )

    def inception_b(x, path):
        b = f"{path}.branch"
        return cat(
            t.conv(x, f"{b}0"),
            chain(x, f"{b}1", (), (1, ROW), (1, COLUMN)),
            chain(x, f"{b}2", (), (1, COLUMN), (1, ROW), (1, COLUMN), (1, ROW)),
            t.conv(mean_3x3_inside(x), f"{b}3.1"),
        )

    def inception_c(x, path):
        b, row, column = f"{path}.branch", (1, SHORT_ROW), (1, SHORT_COLUMN)
        y = t.conv(x, f"{b}1_0")
        z = t.chain(x, (f"{b}2_0",), (f"{b}2_1", *column), (f"{b}2_2", *row))
        return cat(
            t.conv(x, f"{b}0"),
            t.conv(y, f"{b}1_1a", *row),
            t.conv(y, f"{b}1_1b", *column),
            t.conv(z, f"{b}2_3a", *row),
            t.conv(z, f"{b}2_3b", *column),
            t.conv(mean_3x3_inside(x), f"{b}3.1"),
        )

    f = "features"
    x = t.chain(x, (f"{f}.0", 2), (f"{f}.1",), (f"{f}.2", 1, 1))
    x = cat(max_pool(x), t.conv(x, f"{f}.3.conv", 2))
    x = cat(
        chain(x, f"{f}.4.branch0", (), ()),
        chain(x, f"{f}.4.branch1", (), (1, ROW), (1, COLUMN), ()),
    )
    x = cat(t.conv(x, f"{f}.5.conv", 2), max_pool(x))
    for k in range(6, 10):
        x = inception_a(x, f"{f}.{k}")
    x = cat(t.conv(x, f"{f}.10.branch0", 2), chain(x, f"{f}.10.branch1", (), (1, 1), (2,)), max_pool(x))
    for k in range(11, 18):
        x = inception_b(x, f"{f}.{k}")
    x = cat(
        chain(x, f"{f}.18.branch0", (), (2,)),
        chain(x, f"{f}.18.branch1", (), (1, ROW), (1, COLUMN), (2,)),
        max_pool(x),
    )
    for k in range(19, 22):
        x = inception_c(x, f"{f}.{k}")
    return [(t.linear(t.dropout(x.mean((2, 3)), "dropout", 0.2), "last_linear"), 1.0)]


def inception_resnet_v2(t, x):
    """Figures 16 to 20 of Szegedy et al. (2017), with the numbers of blocks in TF-Slim."""

    def chain(x, path, *steps):
        return t.chain(x, *((f"{path}.{k}", *step) for k, step in enumerate(steps)))

    def residual(x, path, scale, *branches):
        last = t.arrays[f"{path}.conv2d.weight"], t.arrays[f"{path}.conv2d.bias"]
        return x + scale * F.conv2d(cat(*branches), *last)

    def block_35(x, path):
        b = f"{path}.branch"
        branches = t.conv(x, f"{b}0"), chain(x, f"{b}1", (), (1, 1)), chain(x, f"{b}2", (), (1, 1), (1, 1))
        return torch.relu(residual(x, path, 0.17, *branches))

    def block_17(x, path):
        b = f"{path}.branch"
        branches = t.conv(x, f"{b}0"), chain(x, f"{b}1", (), (1, ROW), (1, COLUMN))
        return torch.relu(residual(x, path, 0.1, *branches))

    def block_8(x, path, scale=0.2):
        b = f"{path}.branch"
        branches = t.conv(x, f"{b}0"), chain(x, f"{b}1", (), (1, SHORT_ROW), (1, SHORT_COLUMN))
        return residual(x, path, scale, *branches)

    x = t.chain(x, ("conv2d_1a", 2), ("conv2d_2a",), ("conv2d_2b", 1, 1))
    x = max_pool(t.chain(max_pool(x), ("conv2d_3b",), ("conv2d_4a",)))
    b = "mixed_5b.branch"
    x = cat(
        t.conv(x, f"{b}0"),
        chain(x, f"{b}1", (), (1, 2)),
        chain(x, f"{b}2", (), (1, 1), (1, 1)),
        t.conv(mean_3x3_inside(x), f"{b}3.1"),
    )
    for k in range(10):
        x = block_35(x, f"repeat.{k}")
    b = "mixed_6a.branch"
    x = cat(t.conv(x, f"{b}0", 2), chain(x, f"{b}1", (), (1, 1), (2,)), max_pool(x))
    for k in range(20):
        x = block_17(x, f"repeat_1.{k}")
    b = "mixed_7a.branch"
    x = cat(
        chain(x, f"{b}0", (), (2,)),
        chain(x, f"{b}1", (), (2,)),
        chain(x, f"{b}2", (), (1, 1), (2,)),
        max_pool(x),
    )
    for k in range(9):
        x = torch.relu(block_8(x, f"repeat_2.{k}"))
    x = t.conv(block_8(x, "block8", 1.0), "conv2d_7b")
    return [(t.linear(t.dropout(x.mean((2, 3)), "dropout", 0.2), "last_linear"), 1.0)]


class Case:
    """A model, its twin, the size of its images, and the ε of its batch norms."""

    def __init__(self, make, twin, size, options, twin_options=None, eps=1e-3, colours=3, batch=4):
        self.model = lambda **more: make(num_classes=5, **{**options, **more})
        self.twin = partial(twin, **(twin_options or {}))
        self.shape, self.eps, self.batch = (size, size, colours), eps, batch


CASES = {
    "googlenet": Case(models.googlenet, googlenet, 75, {"width": 0.1}),
    "googlenet auxiliary": Case(
        models.googlenet, googlenet, 90, {"width": 0.1, "auxiliary": True}, {"auxiliary": True}
    ),
    "googlenet small": Case(
        models.googlenet,
        googlenet,
        8,
        {"width": 0.2, "stem": "small", "auxiliary": True},
        {"small": True, "auxiliary": True},
        colours=1,
    ),
    "googlenet paper": Case(
        models.googlenet,
        googlenet,
        97,
        {"width": 0.15, "variant": "paper", "auxiliary": True},
        {"paper": True, "auxiliary": True},
    ),
    "googlenet paper small": Case(
        models.googlenet,
        googlenet,
        12,
        {"width": 0.2, "variant": "paper", "stem": "small"},
        {"paper": True, "small": True},
    ),
    "inception v2": Case(models.inception_v2, inception_v2, 75, {"width": 0.1}, eps=1e-5),
    "inception v2 paper": Case(
        models.inception_v2, inception_v2, 75, {"width": 0.1, "variant": "paper"}, {"paper": True}, eps=1e-5
    ),
    "inception v2 paper small": Case(
        models.inception_v2,
        inception_v2,
        16,
        {"width": 0.1, "variant": "paper", "stem": "small"},
        {"paper": True, "small": True},
        eps=1e-5,
    ),
    "inception v3": Case(models.inception_v3, inception_v3, 75, {"width": 0.08}),
    "inception v3 auxiliary": Case(
        models.inception_v3,
        inception_v3,
        299,
        {"width": 0.05, "auxiliary": True},
        {"auxiliary": True},
        batch=2,
    ),
    "inception v4": Case(models.inception_v4, inception_v4, 107, {"width": 0.08}),
    "inception resnet v2": Case(models.inception_resnet_v2, inception_resnet_v2, 75, {"width": 0.08}),
}


def relative_error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def compare(case, **options):
    """A step of training, then inference with the running statistics that it leaves."""
    network = nn.Network(case.model(**options), case.shape, dtype=np.float64)
    random = np.random.default_rng(1)
    network.parameters += 0.02 * random.normal(size=network.parameters.size)  # biases, β and γ too
    X = random.normal(size=(case.batch, *case.shape))
    y = random.integers(0, 5, case.batch)
    twin, x = Twin(network, case.eps), torch.tensor(channels_second(X))

    twin.training = True
    outputs = case.twin(twin, x)
    loss = sum(weight * F.cross_entropy(output, torch.tensor(y)) for output, weight in outputs)
    loss.backward()
    found = network.loss_and_gradient(X, y, "cross_entropy", seed=SEED)
    assert found == pytest.approx(loss.item(), rel=1e-10)
    expected = {name: twin.arrays[twin.names[name]].grad for name in network.named_gradients()}
    whole = np.concatenate([channels_last(gradient.numpy()).ravel() for gradient in expected.values()])
    assert relative_error(network.gradient, whole) <= 1e-10
    # Those of biases before a batch norm are 0 but for rounding.
    floor = 1e-10 * np.linalg.norm(whole)
    for name, gradient in network.named_gradients().items():
        difference = np.linalg.norm(gradient - channels_last(expected[name].numpy()))
        assert difference <= 1e-10 * np.linalg.norm(gradient) + 1e-3 * floor, name
    for name, state in network.named_states().items():
        assert relative_error(state, twin.arrays[twin.names[name]].numpy()) <= 1e-10, name

    twin.training = False
    with torch.no_grad():
        expected = case.twin(twin, x)[0][0].numpy()
    assert relative_error(network(X), expected) <= 1e-10


def channels_last(gradient):
    return np.moveaxis(gradient, 1, 3) if gradient.ndim == 4 else gradient


@pytest.mark.parametrize("name", CASES)
def test_training_and_inference(name):
    compare(CASES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if "small" not in name])
def test_of_full_width(name):
    compare(CASES[name], width=1.0)
