"""Every layer as ONNX: exported networks compute the same elsewhere, and come back as they were."""

import numpy as np
import pytest
from nn.network.models import IMAGE, MODELS, VECTOR, headed

from numgd import nn
from numgd.nn import layers
from numgd.scalars import ACTIVATIONS

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from nn.exchange.onnx_graphs import (  # noqa: E402
    by_reference,
    by_runtime,
    channels_first,
    channels_last,
    difference,
)

from numgd.nn.exchange.onnx.operators import EXCHANGES  # noqa: E402

FURTHER = {
    "conv in every way": (
        IMAGE,
        nn.Sequential(nn.Conv2d(4, 1), nn.Conv2d(6, (3, 2), (2, 1), (1, 0, 2, 1), (1, 2), 2)),
    ),
    "conv same": (IMAGE, nn.Sequential(nn.Conv2d(4, 4, 3, "same"), nn.Conv2d(3, 2, 2, "same_lower"))),
    "conv valid": (IMAGE, nn.Conv2d(4, 2, padding="valid")),
    "conv transposed in every way": (
        IMAGE,
        nn.Conv2dTranspose(6, (3, 2), 2, (1, 0, 0, 1), (1, 0), (1, 2), 3),
    ),
    "max pool ceil": (IMAGE, nn.MaxPool2d(3, 2, 1, ceil_mode=True)),
    "max pool same": (
        IMAGE,
        nn.Sequential(nn.MaxPool2d(2, padding="same"), nn.MaxPool2d(3, padding="same_lower")),
    ),
    "max pool of four sides": (IMAGE, nn.MaxPool2d((3, 4), 2, (1, 0, 2, 1))),
    "avg pool ceil": (IMAGE, nn.AvgPool2d(3, 2, 1, ceil_mode=True)),
    "avg pool ceil without padding": (IMAGE, nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)),
    "avg pool of four sides": (IMAGE, nn.AvgPool2d(3, 1, (0, 1, 1, 0))),
    "group norm of vectors": (VECTOR, nn.GroupNorm(3)),
    "layer norm of images": (IMAGE, nn.LayerNorm()),
    "layer norm of flattened images": (IMAGE, nn.Sequential(nn.Flatten(), nn.LayerNorm(), nn.Dense(2))),
    "batch norm of flattened images": (IMAGE, nn.Sequential(nn.Flatten(), nn.BatchNorm(), nn.Dense(2))),
    "softmax of images": (IMAGE, nn.Softmax()),
    "channel scale of vectors": (VECTOR, nn.ChannelScale()),
    "flatten last": (IMAGE, nn.Flatten()),
    "flatten of one channel": ((4, 3, 1), nn.Sequential(nn.Flatten(), nn.Flatten())),
    "flatten for two": (
        IMAGE,
        nn.Graph(a=nn.Flatten(), b=nn.Dense(3), c=(nn.Dense(3), "a"), d=(nn.Add(), "b", "c")),
    ),
    "flatten, functions and dense": (
        IMAGE,
        headed(nn.Flatten(), nn.Dropout(), nn.Activation("silu"), nn.ScaledTanh()),
    ),
    "flattened images side by side": (
        IMAGE,
        nn.Sequential(nn.Concat(nn.Flatten(), nn.Sequential(nn.MaxPool2d(2), nn.Flatten())), nn.Dense(2)),
    ),
    "dropout last": (VECTOR, nn.Sequential(nn.Dense(3), nn.Dropout())),
    "sum of three": (VECTOR, nn.Graph(a=nn.Dense(6), b=nn.Dense(6), c=(nn.Add("tanh"), "input", "a", "b"))),
    "padded shortcut of channels": (IMAGE, nn.PaddedShortcut(5, 1)),
    "padded shortcut of pixels": (IMAGE, nn.PaddedShortcut(3, 2)),
    "radial basis of distances": (VECTOR, nn.RadialBasis(np.arange(12).reshape(2, 6) / 9)),
    "radial basis of an image": (
        (2, 2, 2),
        nn.Sequential(nn.Flatten(), nn.RadialBasis(np.arange(24).reshape(3, 8) / 9)),
    ),
    "auxiliary": (VECTOR, nn.Sequential(nn.Dense(5), nn.Auxiliary(nn.Dense(3)), nn.Dense(3))),
    "names that are taken": (VECTOR, nn.Sequential(input=nn.Dense(5), output=nn.Dense(4), batch=nn.Dense(3))),
    "local response norm of even size": (IMAGE, nn.LocalResponseNorm(4, 0.3, 0.6, 2.0)),
    "local response norm of vectors": (VECTOR, nn.LocalResponseNorm(3, 0.3)),
    "scale": (VECTOR, nn.Sequential(nn.Dense(3), nn.Scale(0.17), nn.Dense(2))),
    "adaptive avg pool of parts": ((8, 6, 3), nn.Sequential(nn.Conv2d(2, 1), nn.AdaptiveAvgPool2d((4, 2)))),
    "adaptive avg pool of pixels": (IMAGE, nn.AdaptiveAvgPool2d((8, 7))),
    "adaptive avg pool": (IMAGE, nn.AdaptiveAvgPool2d((5, 7))),
    "signals": (
        (9, 4),
        nn.Sequential(
            nn.BatchNorm(), nn.LayerNorm(activation="silu"), nn.Softmax(), nn.Flatten(), nn.Dense(2)
        ),
    ),
    "lenet5": ((28, 28, 1), nn.models.lenet5()),
    "lenet5 of 1998": ((32, 32, 1), nn.models.lenet5("1998")),
    "mlp": ((28, 28, 1), nn.models.mlp([20], batch_norm=True, dropout=0.2)),
    "resnet": ((16, 16, 3), nn.models.resnet_cifar(8, shortcut="B")),
    "resnet A": ((16, 16, 3), nn.models.resnet_cifar(8)),
}
"""Name to the shape of the input and the model."""

ALL = MODELS | FURTHER

NOT_READ = {
    "local response norm of even size",
    "local response norm of vectors",
    "signals",
}
"""What is written in operators, or has a shape, that the import does not have."""

OTHERWISE_READ = {"connected conv", "connected conv first", "lenet5 of 1998"}
"""What comes back with other parameters: zeros in the weights."""

NOT_ELSEWHERE = {
    "conv transposed relu": "the reference implementation has no groups (onnx 1.23)",
    "conv transposed in every way": "likewise",
    "local response norm": "the reference implementation sums over as many channels as there are samples",
    "activations in a row": "onnxruntime has no LeakyRelu of float64, the reference no such layer norm",
}
"""What nothing else computes in float64: it is compared with the network that is read from the file."""


def random_network(name, dtype=np.float32):
    """A network of `ALL` with random parameters and statistics, and data for it."""
    shape, made = ALL[name]
    network, rng = nn.Network(made, shape, dtype=dtype), np.random.default_rng(0)
    network.parameters += rng.normal(0, 0.1, network.parameters.size)
    network.state[:] = rng.uniform(0.5, 2, network.state.size)
    return network, rng.normal(size=(3, *shape)).astype(dtype)


def in_own_layout(y):
    return channels_last(y) if y.ndim > 2 else y


@pytest.mark.parametrize("name", ALL)
def test_exported_networks_compute_the_same(name, tmp_path):
    network, X = random_network(name)
    y = network(X)
    for layout in ("NCHW", "NHWC"):
        path = tmp_path / f"{layout}.onnx"
        nn.export_onnx(network, path, layout=layout)
        onnx.checker.check_model(str(path), full_check=True)
        found = by_runtime(path, channels_first(X) if layout == "NCHW" and X.ndim > 2 else X)
        assert difference(in_own_layout(found) if layout == "NCHW" else found, y) < 1e-5


@pytest.mark.parametrize("name", [name for name in ALL if name not in NOT_READ])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_exported_networks_come_back(name, layout, tmp_path):
    network, X = random_network(name)
    nn.export_onnx(network, tmp_path / "model.onnx", layout=layout)
    back = nn.import_onnx(tmp_path / "model.onnx")
    assert back.input_shape == network.input_shape and back.dtype == network.dtype
    assert difference(back(X), network(X)) < 1e-5
    if name in OTHERWISE_READ:
        return
    own = {name: array for name, array in network.state_dict().items() if name not in not_exported(network)}
    arrays = back.state_dict()
    assert len(arrays) == len(own)
    for full, array in own.items():
        path, _, last = full.rpartition(".")
        path = {"input": "input_2", "output": "output_2"}.get(path, path.replace(".", "_"))
        np.testing.assert_array_equal(arrays[f"{path}.{last}"], array)


def not_exported(network):
    """Names of arrays that only training needs, or nothing."""
    needed = {node.path for node in network.wiring.needed(training=False)}
    return [name for name in network.state_dict() if name.rpartition(".")[0] not in needed]


@pytest.mark.parametrize("name", sorted(NOT_READ))
def test_what_is_not_read_is_refused(name, tmp_path):
    nn.export_onnx(random_network(name)[0], tmp_path / "model.onnx")
    with pytest.raises(ValueError, match=r"model\.onnx cannot be read"):
        nn.import_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("name", ALL)
def test_exported_networks_of_float64(name, tmp_path):
    network, X = random_network(name, np.float64)
    nn.export_onnx(network, tmp_path / "model.onnx")
    if name in NOT_ELSEWHERE:
        found = nn.import_onnx(tmp_path / "model.onnx")(X)
    else:
        found = computed(tmp_path / "model.onnx", channels_first(X) if X.ndim > 2 else X)
    assert found.dtype == np.float64
    assert difference(found, network(X)) < 1e-7  # attributes are float32


def computed(path, X):
    """In the network's layout; by onnxruntime if it has all operators for float64."""
    try:
        found = by_runtime(path, X)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        found = by_reference(path, X)
    return in_own_layout(found)


def test_all_layers_are_written():
    used = {type(node.layer) for shape, made in ALL.values() for node in nn.Network(made, shape).wiring.nodes}
    public = {own for own in vars(layers).values() if isinstance(own, type) and issubclass(own, nn.Layer)}
    assert used == set(EXCHANGES) == public - {nn.Layer}


PARAMETERS = [(kind, None) for kind in ACTIVATIONS] + [
    ("leaky_relu", 0.2),
    ("leaky_relu", -0.3),
    ("elu", 0.7),
    ("softplus", 2.5),
]


@pytest.mark.parametrize("opset", [13, 21])
@pytest.mark.parametrize(("kind", "parameter"), PARAMETERS)
def test_activations(kind, parameter, opset, tmp_path):
    network = nn.Network(nn.Activation(kind, parameter), (161,))
    X = np.linspace(-20, 20, 161, dtype=np.float32)[None]
    nn.export_onnx(network, tmp_path / "model.onnx", opset=opset)
    assert difference(by_runtime(tmp_path / "model.onnx", X), network(X)) < 1e-6
    (layer,) = nn.import_onnx(tmp_path / "model.onnx").model.parts.values()
    assert (layer.kind, layer.parameter) == (kind, parameter)


@pytest.mark.parametrize("name", ["residual", "group norm", "global avg pool", "resnet A", "radial basis"])
def test_all_opsets(name, tmp_path):
    network, X = random_network(name)
    for opset in range(13, 28):
        nn.export_onnx(network, tmp_path / "model.onnx", opset=opset)
        onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)
        assert onnx.load(tmp_path / "model.onnx").opset_import[0].version == opset
        found = by_runtime(tmp_path / "model.onnx", channels_first(X) if X.ndim > 2 else X)
        assert difference(found, network(X)) < 1e-5
        assert difference(nn.import_onnx(tmp_path / "model.onnx")(X), network(X)) < 1e-5


def test_names_and_the_batch(tmp_path):

    made = nn.Sequential(
        conv=nn.Conv2d(2, 3), norm=nn.BatchNorm(activation="relu"), flatten=nn.Flatten(), out=nn.Dense(2)
    )
    network = nn.Network(made, (5, 4, 3))
    nn.export_onnx(network, tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert {tensor.name for tensor in graph.initializer} == set(network.state_dict())
    assert [node.op_type for node in graph.node] == ["Conv", "BatchNormalization", "Relu", "Flatten", "Gemm"]
    ((given,), (taken,)) = graph.input, graph.output
    assert (given.name, taken.name) == ("input", "output")
    sizes = [axis.dim_param or axis.dim_value for axis in given.type.tensor_type.shape.dim]
    assert sizes == ["batch", 3, 5, 4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_factors_come_back(dtype, tmp_path):
    for factor in (0.17, -3.0, 0.1 + 0.2):
        network = nn.Network(nn.Scale(factor), (4,), dtype=dtype)
        nn.export_onnx(network, tmp_path / "model.onnx")
        (layer,) = nn.import_onnx(tmp_path / "model.onnx").model.parts.values()
        assert layer.factor == (factor if dtype == np.float64 else round(factor, 7))


def test_momentum_and_eps_come_back(tmp_path):
    network = nn.Network(
        nn.Sequential(nn.BatchNorm(0.03, 2e-4), nn.GroupNorm(2, 3e-3), nn.LayerNorm(1e-6)), (4,)
    )
    nn.export_onnx(network, tmp_path / "model.onnx")
    batch, group, layer = nn.import_onnx(tmp_path / "model.onnx").model.parts.values()
    assert (batch.momentum, batch.eps, group.groups, group.eps, layer.eps) == (0.03, 2e-4, 2, 3e-3, 1e-6)
