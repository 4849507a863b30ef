"""The command export: what other runtimes compute with the file is what the network does."""

import sys

import numpy as np
import pytest

import numgd
from numgd.cli.main import main
from numgd.nn import models

onnx = pytest.importorskip("onnx")

RECIPE = models.Recipe(
    "resnet20",
    num_classes=3,
    input_shape=(8, 8, 1),
    options={"width": 0.125},
    normalise=numgd.nn.training.Normalise(0.25, 2.0),
)


@pytest.fixture
def trained(tmp_path):
    """A file as `numgd train` writes it, with running statistics that are not the initial ones."""
    network = RECIPE.network(seed=1)
    network.state[:] = np.random.default_rng(0).uniform(0.5, 1.5, network.state.size)
    models.save(tmp_path / "trained.npz", network, RECIPE)
    return tmp_path / "trained.npz"


def outputs_of(path, X):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: X})[0]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_trained_network(layout, trained, tmp_path, capsys):
    assert main(["export", str(trained), str(tmp_path / "net.onnx"), "--layout", layout]) == 0
    shown = capsys.readouterr().out
    assert "resnet20 on 8×8×1" in shown and "mean=0.25, std=2.0" in shown
    X = np.random.default_rng(1).normal(size=(5, 8, 8, 1)).astype(np.float32)
    found = outputs_of(tmp_path / "net.onnx", X if layout == "NHWC" else X.transpose(0, 3, 1, 2))
    assert np.allclose(found, models.load(trained)[0](X), rtol=1e-4, atol=1e-5)


def test_another_shape_of_input(trained, tmp_path):
    words = [str(trained), str(tmp_path / "net.onnx"), "--layout", "NHWC", "--input-shape", "16x12x1"]
    assert main(["export", *words]) == 0
    X = np.random.default_rng(1).normal(size=(2, 16, 12, 1)).astype(np.float32)
    network = models.create("resnet20", 3, (16, 12, 1), width=0.125)
    network.load(trained)
    assert np.allclose(outputs_of(tmp_path / "net.onnx", X), network(X), rtol=1e-4, atol=1e-5)


def test_a_named_model_with_weights_of_torch(tmp_path, capsys):
    network = RECIPE.network(seed=2)
    network.save(tmp_path / "torch.safetensors", layout="torch")
    words = ["--num-classes", "3", "--input-shape", "8x8x1", "--width", "0.125"]
    words += ["--weights", str(tmp_path / "torch.safetensors"), "--weights-layout", "torch"]
    assert main(["export", "resnet20", str(tmp_path / "net.onnx"), *words]) == 0
    assert "torch.safetensors" in capsys.readouterr().out
    X = np.random.default_rng(1).normal(size=(5, 1, 8, 8)).astype(np.float32)
    found = outputs_of(tmp_path / "net.onnx", X)
    assert np.allclose(found, network(X.transpose(0, 2, 3, 1)), rtol=1e-4, atol=1e-5)


def test_a_named_model_with_initial_weights(tmp_path, capsys):
    assert main(["export", "lenet5", str(tmp_path / "net.onnx"), "--opset", "17"]) == 0
    assert "initial" in capsys.readouterr().out
    model = onnx.load(tmp_path / "net.onnx")
    assert model.opset_import[0].version == 17
    size = sum(int(np.prod(array.dims)) for array in model.graph.initializer if array.data_type == 1)
    assert size == 61_706


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lenet", "{}/a.onnx"], "'lenet5'"),
        (["lenet5", "{}/a.pb"], ".onnx"),
        (["lenet5", "{}/none/a.onnx"], "none does not exist"),
        (["{}/none.npz", "{}/a.onnx"], "none.npz"),
        (["lenet5", "{}/a.onnx", "--weights", "{}/none.npz"], "none.npz"),
        (["lenet5", "{}/a.onnx", "--weights", "{}/trained.npz"], "do not fit"),
        (["lenet5", "{}/a.onnx", "--opset", "3"], "opset"),
        (["{}/trained.npz", "{}/a.onnx", "--weights", "{}/trained.npz"], "--weights"),
        (["{}/trained.npz", "{}/a.onnx", "--num-classes", "3"], "own number of classes"),
    ],
)
def test_what_is_refused(words, said, trained, tmp_path, capsys):
    assert main(["export", *(word.format(tmp_path) for word in words)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line and not (tmp_path / "a.onnx").exists()


def test_without_the_package(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["export", str(trained), str(tmp_path / "a.onnx")]) == 1
    assert "numgd[onnx]" in capsys.readouterr().err
