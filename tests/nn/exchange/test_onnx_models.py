"""The families of models as ONNX, there and back."""

from inspect import signature

import numpy as np
import pytest

from numgd import nn

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from nn.exchange.onnx_graphs import by_runtime, channels_first, difference  # noqa: E402

SIZES = {
    "alexnet": 64,
    "alexnet_2012": 64,
    "densenet121": 32,
    "googlenet": 64,
    "googlenet_paper": 64,
    "inception_v2": 64,
    "resnet50": 32,
    "resnext50_32x4d": 32,
    "resnet18v2": 32,
    "resnet20": 32,
    "resnet164v2": 32,
    "vgg11_bn": 32,
    "inception_v3": 96,
    "inception_v4": 96,
    "inception_resnet_v2": 96,
    "densenet100_bc": 32,
}
"""Names of models, with images that suffice for them."""

OFTEN = {"googlenet", "resnet18v2", "resnet20", "alexnet"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in OFTEN else [pytest.mark.slow]) for name in SIZES]
)
def test_models(name, tmp_path):
    options = {"width": 0.25} if "width" in signature(nn.models.NAMED[name].make).parameters else {}
    shape, path = (SIZES[name], SIZES[name], 3), tmp_path / "model.onnx"
    network = nn.models.create(name, 5, shape, **options)
    X = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    nn.export_onnx(network, path)
    onnx.checker.check_model(str(path), full_check=True)
    assert difference(by_runtime(path, channels_first(X)), network(X)) < 1e-5
    back = nn.import_onnx(path)
    assert back.parameters.size == network.parameters.size
    assert difference(back(X), network(X)) < 1e-5
