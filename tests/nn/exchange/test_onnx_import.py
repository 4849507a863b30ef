"""ONNX models as other tools write them: networks that are read from them compute the same."""

import numpy as np
import pytest
from nn.network.random_models import random_model

import numgd
from numgd import nn

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from nn.exchange.onnx_graphs import (  # noqa: E402
    by_reference,
    by_runtime,
    channels_first,
    channels_last,
    difference,
    model,
    node,
    write,
)
from onnx import helper, numpy_helper  # noqa: E402

RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.normal(size=shape).astype(np.float32)


CONV, BIAS = numbers(5, 4, 3, 3), numbers(5)
POSITIVE = np.abs(numbers(4)) + 0.5
CONV_RELU = [node("Conv", ["x", "w"], ["c"]), node("Relu", ["c"], ["r"])]
W = {"w": CONV}
VECTOR = ("batch", 6)


def pad(*pads, value=0.0):
    return {"pads": np.array(pads), "value": np.float32(value)}


def conv(**attributes):
    return model([node("Conv", ["x", "w", "b"], ["y"], **attributes)], W | {"b": BIAS})


def function(*nodes, **constants):
    """A model of functions of single numbers, with constants by name."""
    return model(nodes, {name: np.float32(number) for name, number in constants.items()}, VECTOR)


GATE = [node("Sigmoid", ["x"], ["s"]), node("Mul", ["s", "x"], ["y"])]

CASES = {
    "conv": (conv(), "Conv2d"),
    "conv same upper": (conv(auto_pad="SAME_UPPER", strides=[2, 2]), "Conv2d"),
    "conv same lower": (conv(auto_pad="SAME_LOWER", strides=[2, 3]), "Conv2d"),
    "conv valid": (conv(auto_pad="VALID"), "Conv2d"),
    "conv of four sides": (conv(pads=[1, 0, 2, 1], dilations=[2, 1]), "Conv2d"),
    "padding before a conv": (
        model(
            [
                node("Pad", ["x", "pads", "value"], ["p"]),
                node("Conv", ["p", "w"], ["y"], pads=[0, 1, 1, 0]),
            ],
            W | pad(0, 0, 1, 2, 0, 0, 0, 1),
        ),
        "Conv2d",
    ),
    "padding before a conv, in opset 9": (
        model(
            [node("Pad", ["x"], ["p"], pads=[0, 0, 1, 1, 0, 0, 1, 1]), node("Conv", ["p", "w"], ["y"])],
            W,
            opset=9,
        ),
        "Conv2d",
    ),
    "padding of named axes before a conv with the same size": (
        model(
            [
                node("Pad", ["x", "pads", "", "axes"], ["p"]),
                node("Conv", ["p", "w"], ["y"], auto_pad="SAME_UPPER", strides=[2, 2]),
            ],
            W | {"pads": np.array([1, 0, 2, 1]), "axes": np.array([2, -1])},
            opset=21,
        ),
        "Conv2d",
    ),
    "padding before maxima": (
        model(
            [
                *CONV_RELU,
                node("Pad", ["r", "pads"], ["p"]),
                node("MaxPool", ["p"], ["y"], kernel_shape=[3, 3], strides=[2, 2]),
            ],
            W | {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])},
        ),
        "Conv2d Activation MaxPool2d",
    ),
    "padding of −∞ before maxima": (
        model(
            [
                node("Pad", ["x", "pads", "value"], ["p"]),
                node("MaxPool", ["p"], ["y"], kernel_shape=[2, 2]),
            ],
            pad(0, 0, 1, 1, 0, 0, 0, 0, value=-np.inf),
        ),
        "MaxPool2d",
    ),
    "padding before means": (
        model(
            [
                node("Pad", ["x", "pads", "value"], ["p"]),
                node("AveragePool", ["p"], ["y"], kernel_shape=[3, 3]),
            ],
            pad(0, 0, 1, 0, 0, 0, 0, 1),
        ),
        "AvgPool2d",
    ),
    "transposed conv": (
        model(
            [
                node(
                    "ConvTranspose",
                    ["x", "w", "b"],
                    ["y"],
                    group=2,
                    strides=[2, 2],
                    pads=[1, 0, 0, 1],
                    output_padding=[1, 0],
                )
            ],
            {"w": numbers(4, 3, 3, 2), "b": numbers(6)},
        ),
        "Conv2dTranspose",
    ),
    "gemm": (
        model(
            [node("Gemm", ["x", "w", "b"], ["y"], alpha=0.5, beta=2.0)],
            {"w": numbers(6, 3), "b": numbers(1, 3)},
            VECTOR,
        ),
        "Dense",
    ),
    "gemm with one number": (
        model(
            [node("Gemm", ["x", "w", "b"], ["y"], transB=1)],
            {"w": numbers(3, 6), "b": np.float32(0.5)},
            VECTOR,
        ),
        "Dense",
    ),
    "matmul and add": (
        model(
            [node("MatMul", ["x", "w"], ["m"]), node("Add", ["b", "m"], ["y"])],
            {"w": numbers(6, 3), "b": numbers(3)},
            VECTOR,
        ),
        "Dense",
    ),
    "matmul of which more is used": (
        model(
            [
                node("MatMul", ["x", "w"], ["m"]),
                node("Identity", ["m"], ["i"]),
                node("Add", ["i", "b"], ["a"]),
                node("Concat", ["a", "m"], ["y"], axis=1),
            ],
            {"w": numbers(6, 3), "b": numbers(3)},
            VECTOR,
        ),
        "Dense ChannelScale Concatenate",
    ),
    "matmul of channels": (
        model(
            [
                node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]),
                node("MatMul", ["t", "w"], ["m"]),
                node("Add", ["m", "b"], ["y"]),
            ],
            {"w": numbers(4, 3), "b": numbers(3)},
        ),
        "Conv2d",
    ),
    "bias after a conv": (
        model(
            [node("Conv", ["x", "w"], ["c"]), node("Add", ["c", "b"], ["y"])], W | {"b": numbers(1, 5, 1, 1)}
        ),
        "Conv2d",
    ),
    "batch norm": (
        model(
            [node("BatchNormalization", ["x", "g", "b", "m", "v"], ["y"], epsilon=1e-3)],
            {"g": numbers(4), "b": numbers(4), "m": numbers(4), "v": POSITIVE},
        ),
        "BatchNorm",
    ),
    "batch norm of a flattened image": (
        model(
            [
                node("Flatten", ["x"], ["f"]),
                node("BatchNormalization", ["f", "g", "b", "m", "v"], ["n"]),
                node("Relu", ["n"], ["r"]),
                node("Gemm", ["r", "w"], ["y"]),
            ],
            {"g": numbers(168), "b": numbers(168), "m": numbers(168), "v": np.abs(numbers(168)) + 0.5}
            | {"w": numbers(168, 3)},
        ),
        "Flatten BatchNorm Activation Dense",
    ),
    "group norm per group": (
        model(
            [node("GroupNormalization", ["x", "g", "b"], ["y"], num_groups=2)],
            {"g": numbers(2), "b": numbers(2)},
            opset=18,
        ),
        "GroupNorm",
    ),
    "group norm": (
        model(
            [node("GroupNormalization", ["x", "g", "b"], ["y"], num_groups=2, epsilon=1e-2)],
            {"g": numbers(4), "b": numbers(4)},
            opset=21,
        ),
        "GroupNorm",
    ),
    "instance norm": (
        model([node("InstanceNormalization", ["x", "g", "b"], ["y"])], {"g": numbers(4), "b": numbers(4)}),
        "GroupNorm",
    ),
    "layer norm": (
        model([node("LayerNormalization", ["x", "g"], ["y"])], {"g": numbers(6)}, VECTOR),
        "LayerNorm",
    ),
    "local response norm": (
        model([node("LRN", ["x"], ["y"], size=3, alpha=0.3, bias=2.0)]),
        "LocalResponseNorm",
    ),
    "global maxima": (model([node("GlobalMaxPool", ["x"], ["y"])]), "MaxPool2d"),
    "global means as an image": (
        model(
            [node("GlobalAveragePool", ["x"], ["p"]), node("Conv", ["p", "w"], ["y"])],
            {"w": numbers(3, 4, 1, 1)},
        ),
        "AvgPool2d Conv2d",
    ),
    "global means, squeezed": (
        model(
            [
                node("GlobalAveragePool", ["x"], ["p"]),
                node("Squeeze", ["p", "axes"], ["s"]),
                node("Gemm", ["s", "w"], ["y"]),
            ],
            {"axes": np.array([2, 3]), "w": numbers(4, 3)},
        ),
        "GlobalAvgPool2d Dense",
    ),
    "means over axes": (
        model([node("ReduceMean", ["x"], ["y"], axes=[3, 2], keepdims=0)]),
        "GlobalAvgPool2d",
    ),
    "means over axes, with channels last": (
        model(
            [
                node("Relu", ["x"], ["r"]),
                node("Transpose", ["r"], ["t"], perm=[0, 2, 3, 1]),
                node("ReduceMean", ["t"], ["y"], axes=[1, 2], keepdims=0),
            ]
        ),
        "Activation GlobalAvgPool2d",
    ),
    "means over axes, kept": (
        model(
            [node("ReduceMean", ["x", "axes"], ["m"]), node("Reshape", ["m", "shape"], ["y"])],
            {"axes": np.array([-1, -2]), "shape": np.array([0, -1])},
            opset=18,
        ),
        "GlobalAvgPool2d",
    ),
    "flatten and dense": (
        model([node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w"], ["y"])], {"w": numbers(168, 3)}),
        "Flatten Dense",
    ),
    "reshape and dense": (
        model(
            [node("Reshape", ["x", "s"], ["f"]), node("MatMul", ["f", "w"], ["y"])],
            {"w": numbers(168, 3), "s": np.array([-1, 168])},
        ),
        "Flatten Dense",
    ),
    "reshape by the shape": (
        model(
            [
                node("Shape", ["x"], ["a"]),
                node("Constant", [], ["zero"], value_int=0),
                node("Gather", ["a", "zero"], ["n"], axis=0),
                node("Unsqueeze", ["n", "axes"], ["u"]),
                node("Constant", [], ["rest"], value_ints=[-1]),
                node("Concat", ["u", "rest"], ["s"], axis=0),
                node("Reshape", ["x", "s"], ["f"]),
                node("Gemm", ["f", "w"], ["y"]),
            ],
            {"axes": np.array([0]), "w": numbers(168, 3)},
        ),
        "Flatten Dense",
    ),
    "reshape by the shape of global means": (
        model(
            [
                node("GlobalAveragePool", ["x"], ["p"]),
                node("Shape", ["p"], ["a"], start=0, end=2),
                node("Reshape", ["p", "a"], ["f"]),
                node("Gemm", ["f", "w"], ["y"]),
            ],
            {"w": numbers(4, 3)},
        ),
        "GlobalAvgPool2d Dense",
    ),
    "flattened images side by side": (
        model(
            [
                node("Flatten", ["x"], ["f"]),
                node("MaxPool", ["x"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
                node("Flatten", ["p"], ["g"]),
                node("Concat", ["g", "f"], ["c"], axis=-1),
                node("Add", ["c", "b"], ["a"]),
                node("Gemm", ["a", "w"], ["y"]),
            ],
            {"b": numbers(168 + 36), "w": numbers(168 + 36, 3)},
        ),
        "Flatten MaxPool2d Flatten Concatenate ChannelScale Dense",
    ),
    "sum of three": (
        model(
            [
                node("Relu", ["x"], ["r"]),
                node("MaxPool", ["x"], ["m"], kernel_shape=[1, 1]),
                node("Sum", ["x", "r", "m"], ["y"]),
            ]
        ),
        "MaxPool2d Activation Add",
    ),
    "dropout": (
        model([node("Dropout", ["x", "p"], ["y", "mask"])], {"p": np.float32(0.25)}, VECTOR),
        "Dropout",
    ),
    "dropout, in opset 7": (model([node("Dropout", ["x"], ["y"], ratio=0.3)], (), VECTOR, 7), "Dropout"),
    "softmax": (model([node("Softmax", ["x"], ["y"], axis=1)]), "Softmax"),
    "softmax, in opset 11": (model([node("Softmax", ["x"], ["y"])], (), VECTOR, 11), "Softmax"),
    "clip, in opset 6": (model([node("Clip", ["x"], ["y"], min=0.0, max=6.0)], (), VECTOR, 10), "Activation"),
    "every second pixel": (
        model(
            [node("Slice", ["x", "s", "e", "a", "t"], ["y"])],
            {"s": np.array([0, 0]), "e": np.array([2**62, 7]), "a": np.array([3, 2]), "t": np.array([2, 2])},
        ),
        "PaddedShortcut",
    ),
    "normalised input": (
        model(
            [node("Sub", ["x", "mean"], ["s"]), node("Div", ["s", "deviation"], ["y"])],
            {"mean": numbers(4, 1, 1), "deviation": POSITIVE.reshape(1, 4, 1, 1)},
        ),
        "ChannelScale",
    ),
    "constants minus values": (
        model([node("Sub", ["c", "x"], ["y"])], {"c": numbers(6)}, VECTOR),
        "ChannelScale",
    ),
    "silu": (function(*GATE), "Activation"),
    "swish": (model([node("Swish", ["x"], ["y"])], (), VECTOR, 24), "Activation"),
    "softplus": (
        function(
            node("Mul", ["x", "c"], ["a"]),
            node("Softplus", ["a"], ["b"]),
            node("Div", ["b", "c"], ["y"]),
            c=3,
        ),
        "Activation",
    ),
    "hard swish": (
        function(
            node("Add", ["x", "three"], ["a"]),
            node("Clip", ["a", "zero", "six"], ["c"]),
            node("Mul", ["x", "c"], ["m"]),
            node("Div", ["m", "six"], ["y"]),
            zero=0,
            three=3,
            six=6,
        ),
        "Activation",
    ),
    "leaky relu of maxima": (
        function(node("Mul", ["x", "c"], ["a"]), node("Max", ["a", "x"], ["y"]), c=0.1),
        "Activation",
    ),
    "prelu": (function(node("PRelu", ["x", "c"], ["y"]), c=0.1), "Activation"),
    "relu6 of minima": (
        function(node("Relu", ["x"], ["a"]), node("Min", ["a", "c"], ["y"]), c=6),
        "Activation",
    ),
    "functions in a row": (
        function(
            *GATE,
            node("Tanh", ["y"], ["t"]),
            node("Sigmoid", ["t"], ["u"]),
            node("Mul", ["u", "t"], ["v"]),
            node("Softsign", ["v"], ["z"]),
        ),
        "Activation Activation Activation Activation",
    ),
    "a function and its sum with the value": (
        function(node("Tanh", ["x"], ["t"]), node("Add", ["x", "t"], ["y"])),
        "Activation Add",
    ),
    "nothing": (
        function(
            node("Mul", ["x", "one"], ["a"]),
            node("Identity", ["a"], ["b"]),
            node("Relu", ["b"], ["y"]),
            one=1,
        ),
        "Activation",
    ),
}
"""Name to a model and the layers that it is read as."""

WRONG_ELSEWHERE = {"group norm per group"}
"""What onnxruntime refuses; the reference implementation computes it."""


@pytest.mark.parametrize("name", CASES)
def test_models_compute_the_same(name, tmp_path):
    made, layers = CASES[name]
    path = write(tmp_path / "model.onnx", made)
    network = nn.import_onnx(path)
    X = np.random.default_rng(1).normal(size=(3, *network.input_shape)).astype(np.float32)
    given = channels_first(X) if X.ndim > 2 else X
    y = (by_reference if name in WRONG_ELSEWHERE else by_runtime)(path, given)
    found = network(X)
    if y.ndim > 2 and name != "matmul of channels":  # whose result has the channels last
        y = channels_last(y)
    assert difference(found, y.reshape(found.shape)) < 1e-5
    assert " ".join(type(part).__name__ for part in network.model.parts.values()) == layers


def test_images_with_channels_last(tmp_path):
    """As TensorFlow's models are converted: transposed to channels first before the first convolution."""
    nodes = [
        node("Mul", ["x", "scale"], ["m"]),
        node("Transpose", ["m"], ["t"], perm=[0, 3, 1, 2]),
        node("Conv", ["t", "w"], ["c"]),
        node("Transpose", ["c"], ["u"], perm=[0, 2, 3, 1]),
        node("Add", ["u", "b"], ["a"]),
        node("Reshape", ["a", "shape"], ["f"]),
        node("MatMul", ["f", "dense"], ["y"]),
    ]
    constants = W | {
        "b": BIAS,
        "dense": numbers(100, 3),
        "scale": np.float32(2),
        "shape": np.array([-1, 100]),
    }
    path = write(tmp_path / "model.onnx", model(nodes, constants, ("batch", 7, 6, 4)))
    network = nn.import_onnx(path)
    X = np.random.default_rng(1).normal(size=(3, 7, 6, 4)).astype(np.float32)
    assert network.input_shape == (7, 6, 4)
    assert difference(network(X), by_runtime(path, X)) < 1e-5


def test_a_model_for_one_sample_reads_as_one_for_any_number(tmp_path):
    nodes = [node("Reshape", ["x", "s"], ["f"]), node("Gemm", ["f", "w"], ["y"])]
    constants = {"s": np.array([1, 168]), "w": numbers(168, 3)}
    path = write(tmp_path / "model.onnx", model(nodes, constants, (1, 4, 7, 6)))
    X = np.random.default_rng(1).normal(size=(3, 7, 6, 4)).astype(np.float32)
    y = np.concatenate([by_runtime(path, one[None]) for one in channels_first(X)])
    assert difference(nn.import_onnx(path)(X), y) < 1e-5


def test_initializers_among_the_inputs(tmp_path):
    """As in models before version 4 of the format."""
    made = onnx.ModelProto()
    made.CopyFrom(CASES["gemm"][0])
    for tensor in made.graph.initializer:
        made.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
        )
    whole = nn.import_onnx(write(tmp_path / "whole.onnx", CASES["gemm"][0]))
    found = nn.import_onnx(write(tmp_path / "model.onnx", made))
    np.testing.assert_array_equal(found.parameters, whole.parameters)


def test_names_of_nodes(tmp_path):
    nodes = [
        node("Gemm", ["x", "w"], ["a"], name="/block.1/Gemm"),
        node("Gemm", ["a", "w"], ["b"], name="block 1 Gemm"),
        node("Gemm", ["b", "w"], ["c"], name="input"),
        node("Gemm", ["c", "w"], ["unnamed"]),
    ]
    network = nn.import_onnx(write(tmp_path / "model.onnx", model(nodes, {"w": numbers(6, 6)}, VECTOR)))
    assert list(network.model.parts) == ["block_1_Gemm", "block_1_Gemm_2", "input_2", "unnamed"]


def test_dtype(tmp_path):
    path = write(tmp_path / "model.onnx", CASES["gemm"][0])
    assert nn.import_onnx(path).dtype == np.float32
    network = nn.import_onnx(path, dtype=np.float64)
    assert network.dtype == np.float64
    X = np.random.default_rng(1).normal(size=(2, 6))
    assert difference(network(X), by_runtime(path, X.astype(np.float32)).astype(np.float64)) < 1e-5
    with pytest.raises(TypeError, match="dtype must be float32 or float64; it is int64"):
        nn.import_onnx(path, dtype=np.int64)


def test_numbers_in_a_file_of_their_own(tmp_path):
    made = onnx.ModelProto()
    made.CopyFrom(CASES["flatten and dense"][0])
    whole = nn.import_onnx(write(tmp_path / "whole.onnx", made))
    onnx.save(made, tmp_path / "model.onnx", save_as_external_data=True, location="numbers", size_threshold=0)
    assert (tmp_path / "numbers").exists()
    np.testing.assert_array_equal(nn.import_onnx(tmp_path / "model.onnx").parameters, whole.parameters)


def test_functions_of_a_model(tmp_path):
    twice = helper.make_function(
        "own", "Twice", ["a"], ["c"], [node("Relu", ["a"], ["b"]), node("Tanh", ["b"], ["c"])],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    made = model([node("Twice", ["x"], ["y"], domain="own")], (), VECTOR)
    made.functions.append(twice)
    made.opset_import.append(helper.make_opsetid("own", 1))
    network = nn.import_onnx(write(tmp_path / "model.onnx", made))
    X = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
    assert difference(network(X), np.tanh(np.maximum(X, 0))) < 1e-6


def test_an_imported_network_learns(tmp_path):
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("BatchNormalization", ["c", "one", "zero", "zero", "one"], ["n"]),
        node("Relu", ["n"], ["r"]),
        node("Flatten", ["r"], ["f"]),
        node("Gemm", ["f", "d"], ["y"]),
    ]
    constants = W | {
        "one": np.ones(5, np.float32),
        "zero": np.zeros(5, np.float32),
        "d": 0.1 * numbers(100, 2),
    }
    network = nn.import_onnx(write(tmp_path / "model.onnx", model(nodes, constants)))
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(120, 7, 6, 4)), np.arange(120) % 2
    X[y == 1, 2:5, 2:5, 0] += 1
    before = network.evaluate(X, y, loss="cross_entropy")["loss"]
    network.fit(X, y, loss="cross_entropy", optimizer=numgd.Adam(0.01), epochs=10, batch_size=30)
    after = network.evaluate(X, y, loss="cross_entropy")
    assert after["loss"] < before / 2 and after["accuracy"] > 0.9


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 80))]
)
def test_random_networks_there_and_back(seed, tmp_path):
    shape, made = random_model(seed)
    network, rng = nn.Network(made, shape), np.random.default_rng(seed)
    network.parameters += rng.normal(0, 0.1, network.parameters.size)
    network.state[:] = rng.uniform(0.5, 2, network.state.size)
    X = rng.normal(size=(2, *shape)).astype(np.float32)
    nn.export_onnx(network, tmp_path / "model.onnx")
    assert difference(by_runtime(tmp_path / "model.onnx", channels_first(X)), network(X)) < 1e-4
    assert difference(nn.import_onnx(tmp_path / "model.onnx")(X), network(X)) < 1e-4


def test_constants_of_every_form(tmp_path):
    tensor = numpy_helper.from_array(numbers(6))
    nodes = [
        node("Constant", [], ["a"], value=tensor),
        node("Constant", [], ["b"], value_float=2.0),
        node("Constant", [], ["c"], value_floats=[1.0, 2, 3, 4, 5, 6]),
        node("Mul", ["a", "b"], ["d"]),
        node("Sub", ["d", "c"], ["e"]),
        node("Cast", ["e"], ["f"], to=onnx.TensorProto.FLOAT),
        node("Mul", ["x", "f"], ["y"]),
    ]
    path = write(tmp_path / "model.onnx", model(nodes, (), VECTOR))
    X = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
    assert difference(nn.import_onnx(path)(X), by_runtime(path, X)) < 1e-6
