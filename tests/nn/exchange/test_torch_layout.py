"""Weights in PyTorch's layout: round trips, and PyTorch's own modules with the same weights."""

import numpy as np
import pytest
from nn.network.models import MODELS

from numgd import nn

IMAGE = (6, 5, 4)


def network_of(model, shape=IMAGE, dtype=np.float64, seed=0):
    """A network whose arrays all hold different numbers, variances positive ones."""
    network = nn.Network(model, shape, dtype=dtype, seed=seed)
    random = np.random.default_rng(seed)
    network.parameters += random.normal(size=network.parameters.size)
    network.state = random.uniform(0.5, 1.5, network.state.size)
    return network


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array, err_msg=name)


# Round trips -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODELS)
def test_arrays_come_back(name, dtype):
    shape, model = MODELS[name]
    network, other = (network_of(model, shape, dtype, seed) for seed in (1, 2))
    arrays = network.state_dict(layout="torch")
    for array in arrays.values():
        assert array.flags.c_contiguous and array.flags.owndata
    other.load_state_dict(arrays, layout="torch")
    np.testing.assert_array_equal(other.parameters, network.parameters)
    np.testing.assert_array_equal(other.state, network.state)
    same(other.state_dict(layout="torch"), arrays)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("layout", ["numgd", "torch"])
def test_files_come_back(layout, suffix, tmp_path):
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    network, other = network_of(convolutional(), seed=1), network_of(convolutional(), seed=2)
    network.save(tmp_path / f"weights.{suffix}", layout=layout)
    other.load(str(tmp_path / f"weights.{suffix}"), layout=layout)
    np.testing.assert_array_equal(other.parameters, network.parameters)
    np.testing.assert_array_equal(other.state, network.state)


def test_copies():
    network = network_of(convolutional())
    before = network.state_dict()
    for layout in ("numgd", "torch"):
        for array in network.state_dict(layout=layout).values():
            array[...] = np.nan
    same(network.state_dict(), before)


# PyTorch's modules with the same weights -------------------------------------------------------------------


def convolutional():
    return nn.Sequential(
        conv=nn.Conv2d(6, (3, 2), padding=1),
        bn=nn.BatchNorm(activation="relu"),
        grouped=nn.Conv2d(8, 3, groups=2, bias=False),
        gn=nn.GroupNorm(4, eps=1e-3),
        depthwise=nn.Conv2d(8, 3, padding=1, groups="depthwise", activation="tanh"),
        up=nn.Conv2dTranspose(6, (2, 3), 2, groups=2),
        ln=nn.LayerNorm(),
        flatten=nn.Flatten(),
        drop=nn.Dropout(0.3),
        norm=nn.BatchNorm(momentum=0.2, activation="relu"),
        dense=nn.Dense(7),
        norm2=nn.BatchNorm(),
        out=nn.Dense(3),
    )


def branches():
    """Flattened features that are added, normalised, and laid beside others."""

    def images():
        return nn.Sequential(conv=nn.Conv2d(3, 3, 2), flatten=nn.Flatten())

    return nn.Graph(
        a=images(),
        b=(images(), "input"),
        sum=(nn.Add(activation="relu"), "a", "b"),
        ln=nn.LayerNorm(activation="tanh"),
        mean=(nn.GlobalAvgPool2d(), "input"),
        gn=(nn.GroupNorm(1), "b"),
        all=(nn.Concatenate(), "mean", "ln", "gn"),
        out=nn.Dense(5),
        last=nn.Dense(3),
    )


def modules():
    """The same networks in PyTorch: our names and PyTorch's function of images (N, c, h, w)."""
    from torch import nn as t

    class ChannelNorm(t.LayerNorm):
        def forward(self, x):
            return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    class Convolutional(t.Module):
        def __init__(self):
            super().__init__()
            self.conv = t.Conv2d(4, 6, (3, 2), padding=1)
            self.bn = t.BatchNorm2d(6)
            self.grouped = t.Conv2d(6, 8, 3, groups=2, bias=False)
            self.gn = t.GroupNorm(4, 8, eps=1e-3)
            self.depthwise = t.Conv2d(8, 8, 3, padding=1, groups=8)
            self.up = t.ConvTranspose2d(8, 6, (2, 3), 2, groups=2)
            self.ln = ChannelNorm(6)
            self.norm = t.BatchNorm1d(6 * 8 * 9, momentum=0.2)
            self.dense = t.Linear(6 * 8 * 9, 7)
            self.norm2 = t.BatchNorm1d(7)
            self.out = t.Linear(7, 3)

        def forward(self, x):
            x = self.gn(self.grouped(self.bn(self.conv(x)).relu()))
            x = self.ln(self.up(self.depthwise(x).tanh()))
            return self.out(self.norm2(self.dense(self.norm(x.flatten(1)).relu())))

    class Branches(t.Module):
        def __init__(self):
            super().__init__()
            self.a = t.Sequential()
            self.a.add_module("conv", t.Conv2d(4, 3, 3, 2))
            self.b = t.Sequential()
            self.b.add_module("conv", t.Conv2d(4, 3, 3, 2))
            self.ln = t.LayerNorm(12)
            self.gn = t.GroupNorm(1, 12)
            self.out = t.Linear(28, 5)
            self.last = t.Linear(5, 3)

        def forward(self, x):
            import torch

            a, b = self.a(x).flatten(1), self.b(x).flatten(1)
            every = torch.cat([x.mean((2, 3)), self.ln((a + b).relu()).tanh(), self.gn(b)], 1)
            return self.last(self.out(every))

    return {"convolutional": (convolutional, Convolutional), "branches": (branches, Branches)}


PAIRS = ["convolutional", "branches"]


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # its threads would wait for work beside numgd's
    yield torch
    torch.set_num_threads(before)


def pair(torch, name):
    """A network and a module in PyTorch, in float64, with different numbers."""
    ours, theirs = modules()[name]
    torch.manual_seed(3)
    module = theirs().double().eval()
    with torch.no_grad():
        for key, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + (0.5 if key.endswith("var") else -0.5))
    return network_of(ours()), module


def assert_same_outputs(torch, network, module):
    X = np.random.default_rng(5).normal(size=(7, *network.input_shape))
    with torch.no_grad():
        wanted = module(torch.tensor(X).permute(0, 3, 1, 2)).numpy()
    found = network(X)
    assert np.linalg.norm(found - wanted) <= 1e-10 * np.linalg.norm(wanted)


@pytest.mark.parametrize("name", PAIRS)
def test_weights_of_pytorch(name, torch):
    network, module = pair(torch, name)
    network.load_state_dict(module.state_dict(), layout="torch")
    assert_same_outputs(torch, network, module)


@pytest.mark.parametrize("name", PAIRS)
def test_weights_for_pytorch(name, torch):
    network, module = pair(torch, name)
    arrays = network.state_dict(layout="torch")
    module.load_state_dict({key: torch.from_numpy(array) for key, array in arrays.items()}, strict=True)
    assert_same_outputs(torch, network, module)
    for key, tensor in module.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            np.testing.assert_array_equal(arrays[key], tensor.numpy(), err_msg=key)


def test_running_statistics_are_those_of_pytorch(torch):
    network = network_of(nn.Sequential(conv=nn.Conv2d(3, 2), bn=nn.BatchNorm(momentum=0.3), f=nn.Flatten()))
    module = torch.nn.Sequential()
    module.add_module("conv", torch.nn.Conv2d(4, 3, 2))
    module.add_module("bn", torch.nn.BatchNorm2d(3, momentum=0.3))
    arrays = network.state_dict(layout="torch")
    module.double().load_state_dict({key: torch.from_numpy(array) for key, array in arrays.items()})
    X = np.random.default_rng(1).normal(size=(2, *IMAGE))
    module(torch.tensor(X).permute(0, 3, 1, 2))
    network.loss_and_gradient(X, np.zeros((2, *network.output_shape)), "mse")
    found = network.state_dict(layout="torch")
    for key in ("bn.running_mean", "bn.running_var"):
        np.testing.assert_allclose(found[key], module.state_dict()[key].numpy(), rtol=1e-12)
        assert not np.allclose(found[key], arrays[key])


def test_published_weights_in_a_file(torch, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    network, module = pair(torch, "convolutional")
    network.load_state_dict(module.state_dict(), layout="torch")
    path = tmp_path / "weights.safetensors"
    safetensors.save_file(module.state_dict(), path)
    other = network_of(convolutional(), seed=4)
    other.load(path, layout="torch")
    same(other.state_dict(), network.state_dict())
    network.save(path, layout="torch")
    theirs = safetensors.load_file(path)
    module.load_state_dict(theirs, strict=True)
    assert_same_outputs(torch, network, module)
    halves = {key: tensor.half() for key, tensor in theirs.items()}
    safetensors.save_file(halves, path)
    other.load(path, layout="torch")
    for key, array in other.state_dict(layout="torch").items():
        np.testing.assert_array_equal(array, halves[key].double().numpy(), err_msg=key)


# Names -----------------------------------------------------------------------------------------------------


def named():
    """A residual network with names of its own, and the rules that make them torchvision's."""
    model = nn.Sequential(
        conv=nn.Conv2d(4, 3, bias=False),
        layer1=nn.Residual(
            nn.Sequential(conv1=nn.Conv2d(4, 1), bn1=nn.BatchNorm()),
            nn.Sequential(nn.Conv2d(4, 1), nn.BatchNorm()),
        ),
        pool=nn.GlobalAvgPool2d(),
        fc=nn.Dense(3),
    )
    model.torch_names = ((r"^conv\.", "conv1."), (r"\.body\.", "."), (r"\.shortcut\.", ".downsample."))
    return model


def test_names_by_the_rules_of_the_model():
    network = network_of(named())
    norms = ("weight", "bias", "running_mean", "running_var")
    assert set(network.state_dict(layout="torch")) == {
        "conv1.weight", "layer1.conv1.weight", "layer1.conv1.bias", "layer1.downsample.0.weight",
        "layer1.downsample.0.bias", "fc.weight", "fc.bias", *(f"layer1.bn1.{name}" for name in norms),
        *(f"layer1.downsample.1.{name}" for name in norms),
    }  # fmt: skip
    assert "layer1.body.bn1.gamma" in network.state_dict()


def test_rules_of_a_model_inside_another():
    backbone = nn.models.resnet(18, num_classes=5, width=0.125, stem="small")
    alone = nn.Network(backbone, (8, 8, 3)).state_dict(layout="torch")
    model = nn.Sequential(backbone=backbone, head=nn.Dense(2))
    inside = nn.Network(model, (8, 8, 3)).state_dict(layout="torch")
    assert set(inside) == {*(f"backbone.{name}" for name in alone), "head.weight", "head.bias"}
    model.torch_names = ((r"^backbone\.layer1\.0\.conv1\.", "first."),)
    assert "first.weight" in nn.Network(model, (8, 8, 3)).state_dict(layout="torch")


def test_two_names_that_become_one():
    model = nn.Sequential(one=nn.Dense(3), two=nn.Dense(3))
    model.torch_names = ((r"^(one|two)\.", "fc."),)
    network = network_of(model, (3,))
    message = r"'one\.weight' and 'two\.weight' would both be 'fc\.weight'"
    with pytest.raises(ValueError, match=message):
        network.state_dict(layout="torch")
    before = network.state_dict()
    with pytest.raises(ValueError, match=message):
        network.load_state_dict(before, layout="torch")
    same(network.state_dict(), before)


# Features of flattened images ------------------------------------------------------------------------------

MIXED = {
    "group norm": (nn.Sequential(nn.Flatten(), nn.GroupNorm(2)), r"^1: GroupNorm\(.*flattened image"),
    "local response norm": (
        nn.Sequential(nn.Flatten(), nn.LocalResponseNorm(3)),
        r"^1: LocalResponseNorm\(.*flattened image",
    ),
    "sum with others": (
        nn.Sequential(nn.Flatten(), nn.Residual(nn.Dense(120))),
        r"^1\.add: Add\(.*flattened image",
    ),
    "sum of two orders": (
        nn.Graph(
            a=nn.Sequential(nn.Conv2d(6, (6, 1)), nn.Flatten()),
            b=(nn.Sequential(nn.Conv2d(5, (1, 5)), nn.Flatten()), "input"),
            sum=(nn.Add(), "a", "b"),
        ),
        r"^sum: Add\(",
    ),
    "distances": (
        nn.Sequential(nn.Flatten(), nn.RadialBasis(np.zeros((2, 120)))),
        r"^1: RadialBasis\(.*flattened image",
    ),
}


@pytest.mark.parametrize("name", MIXED)
def test_layers_that_mix_flattened_features_by_their_order(name):
    model, message = MIXED[name]
    network = nn.Network(model, IMAGE)
    assert network.state_dict().keys() == (network.named_parameters() | network.named_states()).keys()
    with pytest.raises(ValueError, match=message):
        network.state_dict(layout="torch")


@pytest.mark.parametrize("shape", [(1, 1, 6), (3, 5, 1), (7,)])
def test_features_that_have_one_order(shape):
    network = network_of(nn.Sequential(nn.Flatten(), nn.BatchNorm(), nn.GroupNorm(1), out=nn.Dense(2)), shape)
    found = network.state_dict(layout="torch")["out.weight"]
    np.testing.assert_array_equal(found, network.named_parameters()["out.weight"])


def test_a_dense_layer_whose_result_is_as_long_as_its_input():
    network = network_of(nn.Sequential(f=nn.Flatten(), a=nn.Dense(120), b=nn.Dense(2)))
    ours, found = network.state_dict(), network.state_dict(layout="torch")
    by_hand = ours["a.weight"].reshape(120, 6, 5, 4).transpose(0, 3, 1, 2).reshape(120, 120)
    np.testing.assert_array_equal(found["a.weight"], by_hand)
    for name in ("a.bias", "b.weight", "b.bias"):
        np.testing.assert_array_equal(found[name], ours[name])


class Slope(nn.Layer):
    """A layer of a user's own: a slope for each number, in place, and one for all of them."""

    keeps_features = True

    def output_shape(self, *shapes):
        return shapes[0]

    def parameters(self, *shapes):
        from numgd.nn.layers.layer import Parameter

        return {"slope": Parameter(shapes[0], "ones"), "common": Parameter((), "ones")}

    def forward(self, at):
        """Not needed here."""

    def backward(self, at):
        """Not needed here."""


def test_layers_of_a_users_own():
    network = network_of(nn.Sequential(f=nn.Flatten(), own=Slope(), out=nn.Dense(2)))
    ours, found = network.state_dict(), network.state_dict(layout="torch")
    for name in ("own.slope", "out.weight"):
        by_hand = np.moveaxis(ours[name].reshape(-1, 6, 5, 4), 3, 1).reshape(ours[name].shape)
        np.testing.assert_array_equal(found[name], by_hand)
    np.testing.assert_array_equal(found["own.common"], ours["own.common"])


def test_layers_without_a_counterpart_keep_their_arrays():
    network = network_of(nn.models.lenet5("1998"), (32, 32, 1))
    ours, found = network.state_dict(), network.state_dict(layout="torch")
    assert ours.keys() == found.keys() and {"c3.weight", "s2.gamma"} <= found.keys()
    for name in ("c3.weight", "s2.gamma", "s2.beta", "f6.weight"):
        np.testing.assert_array_equal(found[name], ours[name])
