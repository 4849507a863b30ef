"""What is not written or read as ONNX: the errors, and that nothing else happens."""

import random
import sys
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from numgd import nn
from numgd.nn.exchange.onnx import export

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from nn.exchange.onnx_graphs import model, node, write  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

WEIGHT = np.ones((5, 4, 3, 3), np.float32)
VECTOR = ("batch", 6)


@dataclass(frozen=True, eq=False)
class Mine(nn.Dense):
    """A layer of a user."""


class TestExport:
    network = nn.Network(nn.Sequential(nn.Dense(3), nn.Softmax()), (4,))

    def test_layers_of_ones_own(self, tmp_path):
        network = nn.Network(
            nn.Sequential(nn.Dense(3), block=nn.Sequential(nn.Softmax(), head=Mine(2))), (4,)
        )
        path = tmp_path / "model.onnx"
        path.write_bytes(b"before")
        with pytest.raises(TypeError, match=r"^block\.head: .*Mine\(.* cannot be written as ONNX"):
            nn.export_onnx(network, path)
        assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]

    def test_failures_while_writing(self, tmp_path, monkeypatch):
        path = tmp_path / "model.onnx"
        path.write_bytes(b"before")
        monkeypatch.setattr("os.replace", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            nn.export_onnx(self.network, path)
        assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize(
        ("options", "error", "match"),
        [
            ({"layout": "CHWN"}, ValueError, "layout must be 'NCHW' or 'NHWC'; it is 'CHWN'"),
            ({"opset": 12}, ValueError, r"opset must lie in \[13, 27\]; it is 12"),
            ({"opset": 28}, ValueError, r"opset must lie in \[13, 27\]; it is 28"),
            ({"opset": "17"}, TypeError, "opset must be an integer; it is '17'"),
        ],
    )
    def test_options(self, options, error, match, tmp_path):
        with pytest.raises(error, match=match):
            nn.export_onnx(self.network, tmp_path / "model.onnx", **options)
        assert not list(tmp_path.iterdir())

    def test_what_is_no_network(self, tmp_path):
        with pytest.raises(TypeError, match="network must be a Network; it is Softmax"):
            nn.export_onnx(nn.Softmax(), tmp_path / "model.onnx")

    def test_operators_that_an_opset_lacks(self, tmp_path):
        network = nn.Network(nn.Sequential(nn.Dense(3), norm=nn.LayerNorm()), (4,))
        with pytest.raises(ValueError, match=r"^norm: .* LayerNormalization, which opset 16 lacks"):
            nn.export_onnx(network, tmp_path / "model.onnx", opset=16)
        assert not list(tmp_path.iterdir())

    def test_folders_that_do_not_exist(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            nn.export_onnx(self.network, tmp_path / "missing" / "model.onnx")

    def test_more_than_a_file_holds(self, tmp_path, monkeypatch):
        monkeypatch.setattr(export, "MOST_BYTES", 50)
        with pytest.raises(ValueError, match="an ONNX file holds at most 2 GiB; this network takes"):
            nn.export_onnx(self.network, tmp_path / "model.onnx")
        assert not list(tmp_path.iterdir())

    def test_without_the_package(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnx", None)
        for call in (lambda p: nn.export_onnx(self.network, p), nn.import_onnx):
            with pytest.raises(ImportError, match=r'python -m pip install "numgd\[onnx\]"'):
                call(tmp_path / "model.onnx")


def one(operator, *inputs, constants=(), shape=("batch", 4, 7, 6), opset=17, domain=None, **attributes):
    """A model of one node, which is named 'it'."""
    nodes = [node(operator, inputs or ["x"], ["y"], name="it", domain=domain, **attributes)]
    return model(nodes, dict(constants), shape, opset)


def conv(weight=WEIGHT, **attributes):
    return one("Conv", "x", "w", constants={"w": weight}, **attributes)


def padded(operator, number=0.0, pads=(0, 0, 1, 1, 0, 0, 1, 1), **attributes):
    """A model that pads before one node."""
    nodes = [
        node("Pad", ["x", "pads", "number"], ["p"], name="pad"),
        node(operator, ["p"], ["y"], **attributes),
    ]
    return model(nodes, {"pads": np.array(pads), "number": np.float32(number)})


def norm(operator, **attributes):
    ones = {"a": np.ones(4, np.float32)}
    inputs = ["x", *"aaaa"] if operator == "BatchNormalization" else ["x", "a", "a"]
    return one(operator, *inputs, constants=ones, **attributes)


def after_flatten(operator, *inputs, constants=(), **attributes):
    nodes = [node("Flatten", ["x"], ["f"]), node(operator, ["f", *inputs], ["y"], name="it", **attributes)]
    return model(nodes, constants)


NODES = {
    "an operator": (one("LSTM"), r"node 'it' \(LSTM\): numgd has no layer for the operator LSTM"),
    "a quantised operator": (one("QLinearConv"), "no layer for the operator QLinearConv"),
    "an operator with a graph": (one("If"), "no layer for the operator If"),
    "another domain": (one("FusedConv", domain="com.microsoft"), r"operator com\.microsoft\.FusedConv"),
    "an attribute": (one("Relu", alpha=2.0), r"node 'it' \(Relu\): .*alpha"),
    "dilated maxima": (
        one("MaxPool", kernel_shape=[2, 2], dilations=[1, 2]),
        r"node 'it' \(MaxPool\): attribute dilations is \(1, 2\)",
    ),
    "maxima in other orders": (one("MaxPool", kernel_shape=[2, 2], storage_order=1), "storage_order is 1"),
    "no kernel": (one("MaxPool"), "kernel_shape is None"),
    "another kernel": (conv(kernel_shape=[2, 2]), r"kernel_shape is \(2, 2\); the weights have \(3, 3\)"),
    "auto_pad": (conv(auto_pad="SAME"), "auto_pad is 'SAME'"),
    "negative pads": (conv(pads=[0, -1, 0, 0]), r"pads is \(0, -1, 0, 0\); numgd has no negative"),
    "pads of three numbers": (conv(pads=[0, 1, 0]), r"pads \(0, 1, 0\) must have"),
    "padding beyond the window": (
        one("AveragePool", kernel_shape=[2, 2], pads=[2, 2, 2, 2]),
        "padding 2 is more than half",
    ),
    "strides of another type": (conv(strides="ab"), "attribute strides is 'ab'"),
    "float16": (conv(WEIGHT.astype(np.float16)), r"node 'it' \(Conv\): 'w' has dtype float16"),
    "int8": (conv(WEIGHT.astype(np.int8)), "'w' has dtype int8; networks have float32 and float64"),
    "signals": (conv(WEIGHT[..., 0]), r"'w' has shape \(5, 4, 3\); numgd takes 4 axes"),
    "channels": (conv(WEIGHT[:, :3]), r"weight has shape \(5, 3, 3, 3\)"),
    "too large a kernel": (conv(np.ones((5, 4, 9, 9), np.float32)), "spans 9×9 pixels, more than"),
    "weights that are computed": (one("Conv", "x", "x"), "input 1, 'x', must be constant"),
    "no weights": (one("Conv", "x", ""), r"node 'it' \(Conv\): input 1 is missing"),
    "a transposed conv of a size": (
        one(
            "ConvTranspose", "x", "w", constants={"w": np.ones((4, 2, 3, 3), np.float32)}, output_shape=[9, 9]
        ),
        r"attribute output_shape, which is \(9, 9\)",
    ),
    "a transposed conv of the same size": (
        one(
            "ConvTranspose",
            "x",
            "w",
            constants={"w": np.ones((4, 2, 3, 3), np.float32)},
            auto_pad="SAME_UPPER",
        ),
        "padding 'same' is not defined for a transposed convolution",
    ),
    "a large result": (
        one("ConvTranspose", "x", "w", constants={"w": WEIGHT[:4]}, strides=[10**6, 10**6]),
        r"shape \(6000003, 5000003, 4\); at most",
    ),
    "transposed inputs": (
        one("Gemm", "x", "w", constants={"w": np.ones((6, 2), np.float32)}, shape=VECTOR, transA=1),
        "attribute transA is 1; numgd has only 0",
    ),
    "a bias for each sample": (
        one(
            "Gemm",
            "x",
            "w",
            "b",
            shape=VECTOR,
            constants={"w": np.ones((6, 2), np.float32), "b": np.ones((3, 2), np.float32)},
        ),
        r"input 2 has shape \(3, 2\)",
    ),
    "columns": (
        one("MatMul", "x", "w", constants={"w": np.ones((6, 2), np.float32)}),
        "multiplies the columns",
    ),
    "rows": (
        model(
            [node("MatMul", ["r", "x"], ["m"], name="it"), node("Relu", ["m"], ["y"])],
            {"r": np.eye(7, dtype=np.float32)},
        ),
        r"node 'it' \(MatMul\): multiplies the rows of images",
    ),
    "rows and columns": (
        model(
            [node("MatMul", ["r", "x"], ["m"]), node("MatMul", ["m", "c"], ["y"], name="it")],
            {"r": np.eye(7, dtype=np.float32), "c": np.ones((6, 6), np.float32)},
        ),
        "by other numbers than those of means",
    ),
    "features": (
        after_flatten("Gemm", "w", constants={"w": np.ones((5, 2), np.float32)}),
        "takes 5 features",
    ),
    "training": (norm("BatchNormalization", training_mode=1), "training_mode is 1; numgd has only 0"),
    "a norm over the image": (
        one("LayerNormalization", "x", "a", constants={"a": np.ones((4, 7, 6), np.float32)}, axis=1),
        r"'a' has shape \(4, 7, 6\)",
    ),
    "a norm over columns": (
        one("LayerNormalization", "x", "a", constants={"a": np.ones(6, np.float32)}),
        "attribute axis is -1, .*the channels only",
    ),
    "groups": (norm("GroupNormalization", num_groups=3, opset=21), r"takes a multiple of 3 channels"),
    "windows of even size": (one("LRN", size=4), "attribute size is 4; windows of even size"),
    "softmax of columns": (one("Softmax"), "attribute axis is -1, .*softmax over channels only"),
    "softmax of all, in opset 11": (one("Softmax", opset=11), "attribute axis is 1"),
    "flattened rows": (one("Flatten", axis=2), "attribute axis is 2"),
    "flattened samples": (
        one("Reshape", "x", "s", constants={"s": np.array([12, -1])}),
        r"shape is \(12, -1\)",
    ),
    "another image": (
        one("Reshape", "x", "s", constants={"s": np.array([0, 4, 6, 7])}),
        r"gives \(batch, 4, 6, 7\) from",
    ),
    "numbers that are left": (
        one("Reshape", "x", "s", constants={"s": np.array([-1, 100])}),
        r"shape is \(-1, 100\), but it takes 168",
    ),
    "groups without a norm": (
        model(
            [node("Reshape", ["x", "s"], ["r"], name="it"), node("Relu", ["r"], ["y"])],
            {"s": np.array([0, 2, -1])},
        ),
        r"node 'it' \(Reshape\): gives 2 groups of numbers",
    ),
    "rows for columns": (one("Transpose", perm=[0, 1, 3, 2]), r"perm is \(0, 1, 3, 2\)"),
    "squeezing": (one("Squeeze", "x", "a", constants={"a": np.array([2, 3])}), r"axes are \(2, 3\)"),
    "more axes": (one("Unsqueeze", "x", "a", constants={"a": np.array([1])}), r"axes are \(1,\)"),
    "a sum over axes": (one("ReduceSum"), "sums over axes only in distances"),
    "means of rows": (one("ReduceMean", axes=[3]), r"axes are \(3,\)"),
    "concatenated rows": (one("Concat", "x", "x", axis=2), "attribute axis is 2"),
    "a function": (
        one(
            "Clip", "x", "low", "high", constants={"low": np.float32(-1), "high": np.float32(1)}, shape=VECTOR
        ),
        r"node 'it' \(Clip\): numgd has no layer that computes this with -1\.0, 1\.0",
    ),
    "a function with attributes": (one("Celu", alpha=2.0), r"\(Celu\): .* with alpha = 2"),
    "a product of values": (
        model(
            [node("MaxPool", ["x"], ["m"], kernel_shape=[1, 1]), node("Mul", ["x", "m"], ["y"], name="it")]
        ),
        r"node 'it' \(Mul\): numgd has no layer that computes this",
    ),
    "constants with more axes": (
        one("Mul", "x", "b", constants={"b": np.ones((1, 1, 1, 1), np.float32)}, shape=VECTOR),
        "more axes than its input, which has 2",
    ),
    "numbers for each pixel": (
        one("Add", "x", "b", constants={"b": np.ones((7, 6), np.float32)}),
        "one per channel",
    ),
    "a slope for each channel": (
        one("PRelu", "x", "b", constants={"b": np.ones((4, 1, 1), np.float32)}),
        "with an array of constants",
    ),
    "division by values": (
        one("Div", "b", "x", constants={"b": np.ones(6, np.float32)}, shape=VECTOR),
        "divides by a value",
    ),
    "sums in two orders": (
        model(
            [
                node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]),
                node("Relu", ["x"], ["r"]),
                node("Add", ["r", "t"], ["y"]),
            ],
            shape=("batch", 4, 4, 4),
        ),
        "inputs are ordered differently",
    ),
    "a border": (padded("Relu"), r"node 'pad' \(Pad\): pads are \(1, 1, 1, 1\)"),
    "a border of ones before means": (padded("AveragePool", 1.0, kernel_shape=[2, 2]), "do not count alike"),
    "a border of zeros before maxima": (padded("MaxPool", kernel_shape=[2, 2]), "which changes maxima"),
    "a mirrored border": (
        one("Pad", "x", "p", constants={"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])}, mode="reflect"),
        "attribute mode is not 'constant'",
    ),
    "more samples": (padded("Relu", pads=(1, 0, 0, 0, 0, 0, 0, 0)), r"pads are \(1, 0, 0, 0, 0, 0, 0, 0\)"),
    "a part of the image": (
        one("Slice", "x", "s", "e", constants={"s": np.array([0, 0, 1]), "e": np.array([9, 9, 9])}),
        "takes starts",
    ),
    "a mask of dropout": (
        model([node("Dropout", ["x"], ["d", "m"], name="it"), node("Relu", ["m"], ["y"])]),
        r"further result 'm' is used",
    ),
    "a result that nothing gives": (one("Relu", "z"), "'z' is neither input, nor constant, nor the result"),
    "two nodes with one result": (
        model([node("Relu", ["x"], ["y"]), node("Relu", ["x"], ["y"])]),
        "its result 'y' exists already",
    ),
    "large constants": (
        model(
            [node("Add", ["a", "b"], ["c"]), node("Relu", ["x"], ["y"])],
            {"a": np.ones((300, 1), np.float32), "b": np.ones((1, 300), np.float32)},
        ),
        "computes constants for each of several axes",
    ),
}
"""Name to a model with a node that is not read, and the error."""


@pytest.mark.parametrize("name", NODES)
def test_nodes(name, tmp_path):
    made, match = NODES[name]
    refused(write(tmp_path / "model.onnx", made), match)


def refused(path, match):
    with pytest.raises(ValueError, match=match) as caught:
        nn.import_onnx(path)
    assert str(caught.value).startswith(f"{path} cannot be read as an ONNX model: ")


def described(shape, dtype=TensorProto.FLOAT):
    made = one("Relu")
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", dtype, shape))
    return made


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (one("Relu", opset=6), "opset 6; those from 7 to 27"),
        (described(("batch", 4, "height", "width")), r"\(batch, 4, height, width\): only the batch"),
        (described(("batch", 4, 0, 2)), "only the batch"),
        (described(("batch", 4, 7)), r"shape \(batch, 4, 7\): only"),
        (described(("batch", 3, 10**6, 10**6)), r"shape \(1000000, 1000000, 3\); at most"),
        (described(("batch", 4), TensorProto.FLOAT16), "input 'x' has dtype float16"),
        (described(("batch", 4), TensorProto.UINT8), "input 'x' has dtype uint8"),
        (described(("batch", 4), 99), r"input 'x' has dtype no\. 99"),
        (one("Identity"), "has no layers"),
        (one("Flatten"), "output 'y' is a flattened image with channels first"),
        (one("Identity", "c", constants={"c": np.ones(3)}), "output 'y' is constant"),
    ],
)
def test_models(made, match, tmp_path):
    refused(write(tmp_path / "model.onnx", made), match)


def changed(change):
    made = conv()
    change(made)
    return made


def add_input(made):
    made.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, VECTOR))


def add_output(made):
    made.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, VECTOR))


def rename_output(made):
    made.graph.output[0].name = "z"


def outside(made, place="../../etc/passwd"):
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)


def enlarge(made):
    made.graph.initializer[0].dims[0] = 10**12


def make_sparse(made):
    made.graph.sparse_initializer.add()


def set_opset(made):
    made.opset_import[0].version = 99


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (add_input, "a network has one input; this model has 2: 'x', 'z'"),
        (add_output, "a network has one output; this model has 2: 'y', 'z'"),
        (lambda made: made.graph.ClearField("input"), "a network has one input; this model has 0"),
        (rename_output, "'z' is neither input, nor constant"),
        (lambda made: made.ClearField("opset_import"), "states no version"),
        (set_opset, "it has operators of opset 99; those from 7 to 27 are read"),
        (lambda made: made.ClearField("graph"), "holds no graph"),
        (outside, r"node 'it' \(Conv\): .*points outside the directory"),
        (lambda made: outside(made, "missing"), r"node 'it' \(Conv\): .*missing"),
        (enlarge, r"node 'it' \(Conv\): cannot reshape"),
        (make_sparse, "sparse initializers"),
    ],
)
def test_damaged_models(change, match, tmp_path):
    refused(write(tmp_path / "model.onnx", changed(change)), match)


@pytest.mark.parametrize("content", [b"", b"garbage", bytes(100), b"PK\x03\x04" * 30])
def test_other_files(content, tmp_path):
    (tmp_path / "model.onnx").write_bytes(content)
    refused(tmp_path / "model.onnx", "cannot be read")


def test_files_that_do_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        nn.import_onnx(tmp_path / "model.onnx")


def test_long_chains(tmp_path):
    names = ["x", *(f"t{i}" for i in range(3000)), "y"]
    for operator, match in (("Exp", "Exp"), ("LogSoftmax", "LogSoftmax")):
        nodes = [node(operator, [a], [b]) for a, b in pairwise(names)]
        refused(write(tmp_path / "model.onnx", model(nodes)), match)


def test_random_damage(tmp_path):
    """A network or an error that names the file, whatever is in it."""
    path, draw = tmp_path / "model.onnx", random.Random(0)
    nn.export_onnx(nn.Network(nn.models.resnet_cifar(8, width=2, shortcut="B"), (8, 8, 1)), path)
    whole, read = path.read_bytes(), 0
    for _ in range(300):
        damaged = bytearray(whole[: draw.randrange(1, len(whole))] if draw.random() < 0.3 else whole)
        for _ in range(draw.randrange(1, 6)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            read += isinstance(nn.import_onnx(path), nn.Network)
        except ValueError as error:
            assert str(error).startswith(f"{path} cannot be read as an ONNX model: ")
    assert 0 < read < 300
