"""ONNX models made by hand, as other tools write them, and their results."""

import numpy as np
import onnxruntime
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

node = helper.make_node


def model(nodes, constants=(), shape=("batch", 4, 7, 6), opset=17, dtype=np.float32):
    """A model from the input 'x' to the output of the last node."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(nodes[-1].output[0], kind, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in dict(constants).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets))


def write(path, made):
    """Write a model; returns the path."""
    path.write_bytes(made.SerializeToString())
    return path


def by_runtime(path, X):
    """The output of a model by onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: X})[0]


def by_reference(path, X):
    """The output of a model by the reference implementation, which has all operators for float64."""
    session = ReferenceEvaluator(str(path))
    return session.run(None, {session.input_names[0]: X})[0]


def channels_first(images):
    """Images as most models take them; vectors as they are."""
    return np.ascontiguousarray(np.moveaxis(images, -1, 1))


def channels_last(images):
    """Images as networks take them; vectors as they are."""
    return np.moveaxis(images, 1, -1)


def difference(found, expected):
    """The largest, relative to the largest number."""
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()
