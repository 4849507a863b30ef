"""Arrays and files that do not fit a network: what the error says, and that nothing has changed."""

import json
import re
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest

import numgd
from numgd import nn

IMAGE = (4, 3, 2)
SUFFIXES = ["npz"] + ["safetensors"] * (find_spec("safetensors") is not None)


def network_of(classes=4, seed=0, auxiliary=False, model=None):
    parts = {"conv": nn.Conv2d(3, 2, bias=False), "bn": nn.BatchNorm(activation="relu")}
    if auxiliary:
        head = nn.Sequential(pool=nn.GlobalAvgPool2d(), fc=nn.Dense(classes))
        parts["aux"] = nn.Auxiliary(head)
    parts |= {"flatten": nn.Flatten(), "fc": nn.Dense(classes)}
    network = nn.Network(nn.Sequential(**parts) if model is None else model, IMAGE, seed=seed)
    network.parameters += np.random.default_rng(seed).normal(size=network.parameters.size)
    network.state = np.random.default_rng(seed).uniform(0.5, 1.5, network.state.size)
    return network


def refused(network, call, kind=ValueError, match=None):
    """The error's text; the network is as before."""
    before = network.parameters.copy(), network.gradient.copy(), network.state.copy()
    with pytest.raises(kind, match=match) as caught:
        call()
    for array, kept in zip((network.parameters, network.gradient, network.state), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    return str(caught.value)


def changed(**arrays):
    """The arrays of another network in PyTorch's layout with some replaced, or removed by None."""
    found = network_of(seed=1).state_dict(layout="torch")
    found |= {name.replace("__", "."): array for name, array in arrays.items()}
    return {name: array for name, array in found.items() if array is not None}


NONE = np.zeros(0)
FAULTS = {
    "missing": (changed(bn__running_var=None), ValueError, r"missing \['bn\.running_var'\]$"),
    "unknown": (changed(bn__gamma=NONE), ValueError, r"unknown \['bn\.gamma'\]$"),
    "no name": (changed() | {3: NONE}, ValueError, r"unknown \[3\]$"),
    "axes of numgd": (
        changed(conv__weight=np.zeros((3, 2, 2, 2))[..., :1]),
        ValueError,
        r"'conv\.weight' has shape \(3, 2, 2, 1\), the network's is \(3, 2, 2, 2\)$",
    ),
    "several": (
        changed(bn__bias=None, fc__bias=None, more=NONE, bn__weight=np.zeros(2)),
        ValueError,
        r"missing \['bn\.bias', 'fc\.bias'\]; unknown \['more'\]; 'bn\.weight' has shape \(2,\)",
    ),
    "many": (
        changed(**{f"more{i}": NONE for i in range(9)}),
        ValueError,
        r"unknown \['more0', 'more1', 'more2', 'more3', 'more4'\] and 4 more$",
    ),
    "complex": (changed(fc__bias=np.zeros(4, complex)), TypeError, r"'fc\.bias' must hold real numbers"),
    "words": (changed(fc__bias=["a"] * 4), TypeError, r"'fc\.bias' must hold real numbers"),
    "objects": (changed(fc__bias=[None] * 4), TypeError, r"'fc\.bias' must hold real numbers"),
    "ragged": (changed(fc__bias=[[1.0], [1.0, 2.0]]), TypeError, r"'fc\.bias' cannot be read as an array"),
    "a number": (changed(fc__bias=1.0), ValueError, r"'fc\.bias' has shape \(\)"),
    "list": ([1, 2], TypeError, "arrays must be a dictionary of arrays by name; it is a list"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_arrays_that_do_not_fit(name):
    arrays, kind, message = FAULTS[name]
    network = network_of()
    refused(network, partial(network.load_state_dict, arrays, layout="torch"), kind, message)


def test_arguments():
    network, arrays = network_of(), changed()
    for call, kind, message in (
        (lambda: network.state_dict(layout="keras"), ValueError, "layout must be 'numgd' or 'torch'"),
        (partial(network.load_state_dict, arrays, layout=3), ValueError, "layout"),
        (
            partial(network.load_state_dict, arrays, layout="torch", ignore="aux."),
            TypeError,
            "ignore must be",
        ),
        (partial(network.load_state_dict, arrays, layout="torch", ignore=[3]), TypeError, "ignore must be"),
        (lambda: network.load("nothing.npz", ignore=None), TypeError, "^ignore must be"),
        (lambda: network.load(3), TypeError, "PathLike"),
        (lambda: network.save(3, layout="torch"), TypeError, "PathLike"),
    ):
        refused(network, call, kind, message)
    with pytest.raises(TypeError):
        network.state_dict("torch")


# Hints -----------------------------------------------------------------------------------------------------


def squeezed(classes):
    """A classifier whose last layer with weights is a convolution."""
    return nn.Sequential(
        conv=nn.Conv2d(3, 2),
        last=nn.Conv2d(classes, 1),
        relu=nn.Activation("relu"),
        pool=nn.GlobalAvgPool2d(),
    )


OF_CLASSES = {
    "dense": lambda classes: network_of(classes),
    "auxiliary": lambda classes: network_of(classes, auxiliary=True),
    "convolution": lambda classes: network_of(model=squeezed(classes)),
}


@pytest.mark.parametrize("layout", ["numgd", "torch"])
@pytest.mark.parametrize("name", OF_CLASSES)
def test_another_number_of_classes(name, layout):
    network, other = OF_CLASSES[name](4), OF_CLASSES[name](1000)
    arrays = other.state_dict(layout=layout)
    said = refused(network, partial(network.load_state_dict, arrays, layout=layout))
    assert said.endswith("the arrays are of a network with 1000 classes, this one has 4")
    arrays["conv.weight"] = arrays["conv.weight"][:2]
    said = refused(network, partial(network.load_state_dict, arrays, layout=layout))
    assert "classes" not in said


def test_other_features_are_no_other_classes():
    network, arrays = network_of(), changed(fc__weight=np.zeros((1000, 5)))
    said = refused(network, partial(network.load_state_dict, arrays, layout="torch"))
    assert said.endswith("'fc.weight' has shape (1000, 5), the network's is (4, 18)")


def test_the_other_layout():
    network = network_of()
    for given, other in (("numgd", "torch"), ("torch", "numgd")):
        arrays = network_of(seed=1).state_dict(layout=other)
        call = partial(network.load_state_dict, arrays, layout=given)
        assert refused(network, call).endswith(f"they fit with layout={other!r}")


def test_a_network_without_the_other_layout():
    model = nn.Sequential(flatten=nn.Flatten(), gn=nn.GroupNorm(2))
    network = nn.Network(model, IMAGE)
    said = refused(network, partial(network.load_state_dict, {"gn.gamma": np.ones(24)}))
    assert said.endswith("missing ['gn.beta']")


# Parts that the network does not have ----------------------------------------------------------------------


def test_entries_of_auxiliary_classifiers(tmp_path):
    larger, network = network_of(seed=1, auxiliary=True), network_of()
    arrays, path = larger.state_dict(layout="torch"), tmp_path / "weights.npz"
    message = re.escape("unknown ['aux.fc.weight', 'aux.fc.bias']")
    refused(network, partial(network.load_state_dict, arrays, layout="torch"), match=message)
    refused(network, partial(network.load_state_dict, arrays, layout="torch", ignore=("au.",)), match=message)
    network.load_state_dict(arrays, layout="torch", ignore=("AuxLogits.", "aux."))
    found = network.state_dict(layout="torch")
    for name, array in found.items():
        np.testing.assert_array_equal(array, arrays[name])
    larger.save(path, layout="torch")
    other = network_of()
    refused(other, lambda: other.load(path, layout="torch"), match=message)
    other.load(path, layout="torch", ignore=["aux."])
    np.testing.assert_array_equal(other.parameters, network.parameters)


def test_what_the_network_has_is_taken_all_the_same():
    larger, network = network_of(seed=1, auxiliary=True), network_of(auxiliary=True)
    network.load_state_dict(larger.state_dict(), ignore=("aux.", "fc."))
    np.testing.assert_array_equal(network.parameters, larger.parameters)
    arrays = larger.state_dict()
    del arrays["aux.fc.bias"]
    refused(
        network,
        partial(network.load_state_dict, arrays, ignore=("aux.",)),
        match=r"missing \['aux\.fc\.bias'\]",
    )


def test_what_is_ignored_is_not_read():
    network = network_of()
    network.load_state_dict(changed(aux__x=[[1], [1, 2]], aux__y=object()), layout="torch", ignore=("aux.",))


# Tensors of PyTorch ----------------------------------------------------------------------------------------


def test_tensors():
    torch = pytest.importorskip("torch")
    network, arrays = network_of(), changed()
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    for name, wrong in (
        ("conv.weight", tensors["conv.weight"].bfloat16()),
        ("bn.running_var", tensors["bn.running_var"].to("meta")),
        ("fc.weight", tensors["fc.weight"].to_sparse()),
    ):
        call = partial(network.load_state_dict, {**tensors, name: wrong}, layout="torch")
        said = refused(network, call, TypeError, f"'{re.escape(name)}' cannot be read as an array")
        assert "float().cpu()" in said
    tensors["fc.weight"].requires_grad_()
    tensors["fc.bias"] = torch.nn.Parameter(tensors["fc.bias"].half())
    tensors["bn.num_batches_tracked"] = torch.tensor(3)
    network.load_state_dict(tensors, layout="torch")
    for name, array in network.state_dict(layout="torch").items():
        np.testing.assert_array_equal(array, tensors[name].detach().float().numpy())
    del tensors["bn.num_batches_tracked"]
    for name in ("conv.weight", "fc.weight"):
        wrong = {**tensors, name: tensors[name][1:]}
        refused(network, partial(network.load_state_dict, wrong, layout="torch"), match=r"\(2, |\(3, ")


# Files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("layout", ["numgd", "torch"])
def test_files_that_are_cut_off_anywhere(layout, suffix, tmp_path):
    network, path = network_of(), tmp_path / f"weights.{suffix}"
    network_of(seed=1).save(path, layout=layout)
    whole = path.read_bytes()
    for length in {*range(0, len(whole), 29), *range(20), *range(len(whole) - 20, len(whole))}:
        path.write_bytes(whole[:length])
        said = refused(network, partial(network.load, path, layout=layout))
        assert str(path) in said
    path.write_bytes(whole)
    network.load(path, layout=layout)
    np.testing.assert_array_equal(network.parameters, network_of(seed=1).parameters)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_of_something_else(suffix, tmp_path):
    network, path = network_of(), tmp_path / f"weights.{suffix}"
    for arrays, message in (
        (changed(fc__bias=None), r"missing \['fc\.bias'\]"),
        (changed(fc__bias=np.zeros(5)), r"'fc\.bias' has shape \(5,\)"),
        ({}, "missing"),
    ):
        numgd.save(path, arrays)
        said = refused(network, partial(network.load, path, layout="torch"), ValueError, message)
        assert said.startswith(f"{path}: the arrays do not fit the network")
    if suffix == "npz":
        numgd.save(path, changed(fc__bias=np.zeros(4, complex)))
        refused(network, partial(network.load, path, layout="torch"), TypeError, r"weights\.npz: 'fc\.bias'")
    with pytest.raises(FileNotFoundError):
        network.load(tmp_path / f"nothing.{suffix}", layout="torch")


def test_bfloat16_in_a_file(tmp_path):
    pytest.importorskip("safetensors")
    network, path = network_of(), tmp_path / "weights.safetensors"
    header = {"fc.bias": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    said = refused(network, partial(network.load, path, layout="torch"), ValueError, "'fc.bias'.*BF16")
    assert str(path) in said


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".PTH"])
def test_pickles(suffix, tmp_path):
    network, path = network_of(), tmp_path / f"weights{suffix}"
    said = refused(
        network, partial(network.load, path, layout="torch"), ValueError, "is a pickle, which could"
    )
    assert repr(str(path)) in said and repr(str(path.with_suffix(".safetensors"))) in said


def test_the_recipe_for_pickles(tmp_path, monkeypatch):
    torch, safetensors = pytest.importorskip("torch"), pytest.importorskip("safetensors.torch")
    network, path = network_of(), tmp_path / "weights.pth"
    torch.save({name: torch.tensor(array) for name, array in changed().items()}, path)
    said = refused(network, partial(network.load, path, layout="torch"))
    exec(said[said.index("safetensors.torch.") :], {"torch": torch, "safetensors": __import__("safetensors")})
    network.load(path.with_suffix(".safetensors"), layout="torch")
    for name, array in network.state_dict(layout="torch").items():
        np.testing.assert_array_equal(array, safetensors.load_file(path.with_suffix(".safetensors"))[name])
