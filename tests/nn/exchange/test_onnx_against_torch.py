"""Networks that PyTorch exports."""

import warnings

import numpy as np
import pytest

from numgd import nn

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")

from nn.exchange.onnx_graphs import channels_last, difference  # noqa: E402

L = torch.nn


class Of(L.Module):
    """A function of an input and modules."""

    def __init__(self, function, *modules):
        super().__init__()
        self.function, self.own = function, L.ModuleList(modules)

    def forward(self, x):
        return self.function(x, *self.own)


def activations():
    return [
        L.SiLU(), L.Mish(), L.GELU(), L.GELU("tanh"), L.Hardswish(), L.Hardsigmoid(), L.ELU(0.5), L.SELU(),
        L.Softplus(2.0), L.Softsign(), L.LeakyReLU(0.2), L.ReLU6(), L.Sigmoid(), L.Tanh(), L.PReLU(),
    ]  # fmt: skip


def inverted_residual(x, expand, norm, depthwise, project):
    return x + project(torch.relu(norm(depthwise(torch.relu(expand(x))))))


def attended(x, conv, dense):
    return dense(torch.cat([conv(x), x], 1).mean([2, 3]))


MODULES = {
    "activations": lambda: L.Sequential(L.Conv2d(3, 4, 3), *activations()),
    "convolutions": lambda: L.Sequential(
        L.Conv2d(3, 4, 3, padding="same"),
        L.Conv2d(4, 4, (1, 2), padding="same", dilation=3),
        L.Conv2d(4, 6, 3, (2, 1), (1, 2), groups=2),
        L.ConvTranspose2d(6, 4, 3, 2, 1, 1, groups=2),
    ),
    "norms": lambda: L.Sequential(
        L.Conv2d(3, 4, 3, bias=False),
        L.BatchNorm2d(4, 1e-3, 0.03),
        L.GroupNorm(2, 4),
        L.InstanceNorm2d(4, affine=True),
        L.InstanceNorm2d(4),
        L.BatchNorm2d(4, affine=False),
        L.Flatten(),
        L.Linear(144, 5),
        L.BatchNorm1d(5),
        L.LayerNorm(5),
        L.Softmax(1),
    ),
    "pools": lambda: L.Sequential(
        L.MaxPool2d(3, 2, 1, ceil_mode=True),
        L.AvgPool2d(2, 1, 1, count_include_pad=False),
        L.AvgPool2d(2, ceil_mode=True),
        L.ZeroPad2d((1, 2, 0, 3)),
        L.Conv2d(3, 4, 3),
        L.ReLU(),
        L.ZeroPad2d(1),
        L.MaxPool2d(3, 2),
        L.AdaptiveAvgPool2d(1),
        L.Flatten(),
        L.Dropout(),
        L.Linear(4, 3),
    ),
    "flattened by view": lambda: Of(
        lambda x, conv, dense: dense(conv(x).view(x.size(0), -1)), L.Conv2d(3, 2, 3), L.Linear(72, 3)
    ),
    "flattened by reshape": lambda: Of(
        lambda x, conv, dense: dense(conv(x).reshape(-1, 72)), L.Conv2d(3, 2, 3), L.Linear(72, 3)
    ),
    "inverted residual": lambda: Of(
        inverted_residual,
        L.Conv2d(3, 8, 1),
        L.BatchNorm2d(8),
        L.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
        L.Conv2d(8, 3, 1),
    ),
    "concatenated": lambda: Of(attended, L.Conv2d(3, 2, 3, padding=1), L.Linear(5, 3)),
    "channels last": lambda: Of(
        lambda x, conv, norm, dense: dense(norm(conv(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2),
        L.Conv2d(3, 4, 3),
        L.LayerNorm(4),
        L.Linear(4, 6),
    ),
    "normalised": lambda: Of(lambda x, conv: conv((x - 0.5) / 0.25), L.Conv2d(3, 3, 3)),
}


def exported(module, X, path, training):
    """Write a module as it is in inference; its batch norms as they are, or as parts of convolutions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            X,
            str(path),
            dynamo=False,
            input_names=["x"],
            dynamic_axes={"x": {0: "n"}},
            training=training,
        )


@pytest.mark.parametrize("training", ["EVAL", "PRESERVE"])
@pytest.mark.parametrize("name", MODULES)
def test_exported_modules(name, training, tmp_path):
    torch.manual_seed(0)
    module = MODULES[name]()
    X = torch.randn(4, 3, 8, 8)
    with torch.no_grad():
        module.train()(X)  # running statistics
        y = module.eval()(X).numpy()
        exported(module, X[:2], tmp_path / "model.onnx", getattr(torch.onnx.TrainingMode, training))
    network = nn.import_onnx(tmp_path / "model.onnx")
    assert network.input_shape == (8, 8, 3)
    found = network(channels_last(X.numpy()))
    assert difference(found, channels_last(y) if y.ndim > 2 else y) < 1e-5


def test_batch_norms_stay(tmp_path):
    """With training=PRESERVE they are nodes of their own: the network can be trained on."""
    module = MODULES["norms"]().eval()
    exported(module, torch.randn(2, 3, 8, 8), tmp_path / "model.onnx", torch.onnx.TrainingMode.PRESERVE)
    network = nn.import_onnx(tmp_path / "model.onnx")
    norms = [part for part in network.model.parts.values() if isinstance(part, nn.BatchNorm)]
    assert len(norms) == 3 and (norms[0].momentum, norms[0].eps) == (0.03, 1e-3)
    X, y = np.random.default_rng(0).normal(size=(32, 8, 8, 3)), np.arange(32) % 5
    history = network.fit(X, y, loss="cross_entropy", epochs=4, batch_size=16).history
    assert history.loss[-1] < history.loss[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["resnet18", "mobilenet_v2", "densenet121", "squeezenet1_1", "googlenet", "convnext_tiny"],
)
def test_torchvision(name, tmp_path):
    models = pytest.importorskip("torchvision").models
    torch.manual_seed(0)
    further = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    module, X = getattr(models, name)(num_classes=7, **further).eval(), torch.randn(2, 3, 64, 64)
    exported(module, X, tmp_path / "model.onnx", torch.onnx.TrainingMode.PRESERVE)
    with torch.no_grad():
        y = module(X).numpy()
    assert difference(nn.import_onnx(tmp_path / "model.onnx")(channels_last(X.numpy())), y) < 1e-4
