"""Dense layers as matrix products."""

import numpy as np

from numgd.nn.exchange.onnx.operators.adaptive_pool import RowMeans
from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.layers import Conv2d, Dense


def write_dense(layer, at):
    """Gemm; its columns are in the order of the features that it takes."""
    weight = at.array("weight", lambda array: array if at.order is None else np.take(array, at.order, 1))
    return at.add("Gemm", at.x[0], *filter(None, (weight, at.array("bias"))), transB=1)


def read_gemm(node):
    """Gemm: α A B + β C."""
    node.require("transA", 0)
    weight, bias = node.weights(1, 2), node.constant(2)
    weight = weight if node.attribute("transB", 0) else weight.T
    weight, beta = weight * weight.dtype.type(node.attribute("alpha", 1.0)), node.attribute("beta", 1.0)
    if bias is not None:
        if bias.ndim > 2 or bias.size != np.prod(bias.shape[-1:]) or bias.size not in (1, len(weight)):
            raise ValueError(f"input 2 has shape {bias.shape}; numgd adds one number to each feature")
        bias = np.broadcast_to(bias.reshape(-1) * bias.dtype.type(beta), weight.shape[:1])
    return _dense(node, node.value(), weight, bias)


def read_matmul(node):
    """MatMul with constants: of the last axis, or of rows and columns, as in pools."""
    if isinstance(node.given(0), np.ndarray):
        return RowMeans(node, node.image(1), node.weights(0, 2))
    if isinstance(node.tensor(), RowMeans):
        return node.tensor().times(node, node.weights(1, 2))
    value, weight = node.value(), node.weights(1, 2).T
    if len(value.shape) == 1:
        return _dense(node, value, weight, None)
    if not value.last:
        raise ValueError("multiplies the columns of images, which numgd does not have")
    return node.add(Conv2d(len(weight), 1, bias=False), value, weight=weight[:, None, None])


def _dense(node, value, weight, bias):
    layer = Dense(len(weight), bias=bias is not None)
    if weight.shape[1:] != value.shape:
        raise ValueError(f"input 1 takes {weight.shape[1]} features, got shape {value.model_shape}")
    return node.add(layer, value, weight=value.own_order(weight), bias=bias)


EXCHANGES = (Exchange(Dense, write_dense, {"Gemm": read_gemm, "MatMul": read_matmul}),)
