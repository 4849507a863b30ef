"""Functions of single numbers.

ONNX has some activations as operators; others consist of several.  `FORMULAS` writes an activation in terms
of `OPERATORS`.  Reading goes the other way: what a model's operators compute from one value is computed for a
few numbers, and recognised as the activation that gives the same.
"""

import math
from math import prod

import numpy as np
from scipy.special import erf

from numgd.nn.exchange.onnx.operators.per_channel import read_per_channel
from numgd.nn.exchange.onnx.operators.record import Exchange
from numgd.nn.exchange.onnx.package import EXPORTED, shortest
from numgd.nn.exchange.onnx.tensors import NUMBERS, Expression, Lazy, expressed, is_tensor
from numgd.nn.layers import Activation, ChannelScale, Scale, ScaledTanh
from numgd.nn.layers.scaled_tanh import AMPLITUDE, SLOPE
from numgd.scalars import ACTIVATIONS

TOLERANCE = 2e-6
"""Relative to 1 + |f|: constants of models are often float32."""

_SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}


def _gelu(x, approximate="none"):
    return FORMULAS["gelu_tanh" if approximate == "tanh" else "gelu"](Numbers(), x, 0.0)


def _clip(x, min=None, max=None):
    above = x if min is None else np.maximum(x, min)
    return above if max is None else np.minimum(above, max)


OPERATORS = {
    "Abs": np.abs,
    "Add": np.add,
    "Celu": lambda x, alpha=1.0: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha)),
    "Clip": _clip,
    "Div": np.divide,
    "Elu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "Erf": erf,
    "Exp": np.exp,
    "Gelu": _gelu,
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5: np.clip(alpha * x + beta, 0, 1),
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "LeakyRelu": lambda x, alpha=0.01: np.where(x > 0, x, alpha * x),
    "Log": np.log,
    "Max": lambda *x: np.max(np.broadcast_arrays(*x), axis=0),
    "Min": lambda *x: np.min(np.broadcast_arrays(*x), axis=0),
    "Mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "Mul": np.multiply,
    "Neg": np.negative,
    "PRelu": lambda x, slope: np.where(x > 0, x, slope * x),
    "Pow": np.power,
    "Reciprocal": np.reciprocal,
    "Relu": lambda x: np.maximum(x, 0),
    "Selu": lambda x, alpha=_SELU["alpha"], gamma=_SELU["gamma"]: (
        gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    ),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Softplus": lambda x: np.logaddexp(0, x),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Sum": lambda *x: sum(x),
    "Swish": lambda x, alpha=1.0: x / (1 + np.exp(-alpha * x)),
    "Tanh": np.tanh,
}
"""What ONNX's elementwise operators compute, with their attributes."""


class Numbers:
    """Computes operators, as `numgd.nn.exchange.onnx.writer.Place` writes them."""

    opset = EXPORTED.ends[0]  # in which all formulas consist of elementary operators

    def add(self, operator, *inputs, **attributes):
        """The result of an operator for numbers."""
        with np.errstate(all="ignore"):
            return OPERATORS[operator](*inputs, **attributes)


def _formula_of_gelu(at, x, c):
    if at.opset >= 20:
        return at.add("Gelu", x)
    share = at.add("Add", at.add("Erf", at.add("Mul", x, math.sqrt(0.5))), 1.0)
    return at.add("Mul", at.add("Mul", x, 0.5), share)


def _formula_of_gelu_tanh(at, x, c):
    if at.opset >= 20:
        return at.add("Gelu", x, approximate="tanh")
    cubic = at.add("Mul", at.add("Mul", at.add("Mul", x, x), x), 0.044715)
    inner = at.add("Mul", at.add("Add", x, cubic), math.sqrt(2 / math.pi))
    return at.add("Mul", at.add("Mul", x, 0.5), at.add("Add", at.add("Tanh", inner), 1.0))


def _formula_of_leaky_relu(at, x, c):
    return at.add("LeakyRelu", x, alpha=c)


def _formula_of_softplus(at, x, c):
    if c == 1:
        return at.add("Softplus", x)
    return at.add("Div", at.add("Softplus", at.add("Mul", x, c)), c)


def _formula_of_hardswish(at, x, c):
    return at.add("Mul", x, _formula_of_hardsigmoid(at, x, c))


def _formula_of_hardsigmoid(at, x, c):
    return at.add("HardSigmoid", x, alpha=1 / 6, beta=0.5)


FORMULAS = {
    "relu": lambda at, x, c: at.add("Relu", x),
    "relu6": lambda at, x, c: at.add("Clip", x, 0.0, 6.0),
    "sigmoid": lambda at, x, c: at.add("Sigmoid", x),
    "tanh": lambda at, x, c: at.add("Tanh", x),
    "selu": lambda at, x, c: at.add("Selu", x, **_SELU),
    "softsign": lambda at, x, c: at.add("Softsign", x),
    "silu": lambda at, x, c: at.add("Mul", x, at.add("Sigmoid", x)),
    "mish": lambda at, x, c: at.add("Mul", x, at.add("Tanh", at.add("Softplus", x))),
    "hardsigmoid": _formula_of_hardsigmoid,
    "hardswish": _formula_of_hardswish,
    "gelu": _formula_of_gelu,
    "gelu_tanh": _formula_of_gelu_tanh,
    "leaky_relu": _formula_of_leaky_relu,
    "elu": lambda at, x, c: at.add("Elu", x, alpha=c),
    "softplus": _formula_of_softplus,
}
"""``formula(at, x, c)``: the activations of `numgd.scalars` in operators, with the parameter c."""

PARAMETERS = {
    "leaky_relu": lambda f: -f(-1),
    "elu": lambda f: f(-1) / math.expm1(-1),
    "softplus": lambda f: math.log(2) / f(0) if f(0) > 0 else math.nan,
}
"""The parameter c of an activation f."""


# Writing ---------------------------------------------------------------------------------------------------


def write_activation(layer, at):
    """As its formula."""
    return FORMULAS[layer.kind](at, at.x[0], layer.number)


def _scaled_tanh(at, x):
    return at.add("Mul", at.add("Tanh", at.add("Mul", x, SLOPE)), AMPLITUDE)


def write_scaled_tanh(layer, at):
    """As its formula."""
    return _scaled_tanh(at, at.x[0])


def write_scale(layer, at):
    """As a product."""
    return at.add("Mul", at.x[0], layer.factor)


# Reading ---------------------------------------------------------------------------------------------------


def layer_of(curve):
    """The layer that computes a function, and what all numbers in its arrays are; None if no layer does.

    Parameters
    ----------
    curve : array
        The function's values at `NUMBERS`.

    Returns
    -------
    layer : Layer or None
        None for the identity.
    numbers : dict
    """

    def f(x):
        return float(curve[np.searchsorted(NUMBERS, x)])

    slope, offset = f(1) - f(0), f(0)
    if _same(curve, NUMBERS):
        return None, {}
    if _same(curve, slope * NUMBERS):
        return Scale(shortest(f(1))), {}
    if _same(curve, slope * NUMBERS + offset):
        return ChannelScale(), {"gamma": slope, "beta": offset}
    if _same(curve, _scaled_tanh(Numbers(), NUMBERS)):
        return ScaledTanh(), {}
    for kind, formula in FORMULAS.items():
        parameter = shortest(np.float32(PARAMETERS[kind](f))) if kind in PARAMETERS else 0.0
        if math.isfinite(parameter) and _same(curve, formula(Numbers(), NUMBERS, parameter)):
            usual = parameter == ACTIVATIONS[kind].default
            return Activation(kind, None if usual else parameter), {}
    return None


def _same(curve, expected):
    return bool(np.isfinite(curve).all()) and np.allclose(curve, expected, TOLERANCE, TOLERANCE)


def read_elementwise(node):
    """A function of one value, a sum of several, or a product or sum with numbers per channel."""
    given = [node.given(i) for i in range(node.number_of_inputs)]
    for one in given:
        found = one.after(node, given) if isinstance(one, Lazy) else None
        if found is not None:
            return found
    if any(isinstance(one, np.ndarray) and one.size > 1 for one in given):
        return read_per_channel(node, given)
    axes = min(expressed(one).axes for one in given if is_tensor(one))
    if any(one.ndim > axes for one in given if isinstance(one, np.ndarray)):
        raise ValueError(f"its constants have more axes than its input, which has {axes}")
    scalars = [float(one.reshape(())) if isinstance(one, np.ndarray) else one for one in given]
    attributes = {name: node.attribute(name) for name in node.named_attributes}

    def compute(*numbers):
        with np.errstate(all="ignore"):
            return np.asarray(OPERATORS[node.operator](*numbers, **attributes), np.float64)

    return Expression.of(node, compute, scalars)


def of_constants(node, *arrays):
    """A constant, of the dtype of the others."""
    if prod(np.broadcast_shapes(*(array.shape for array in arrays))) > max(array.size for array in arrays):
        raise ValueError("it computes constants for each of several axes, which is not read")
    found = np.asarray(OPERATORS[node.operator](*arrays))
    return found.astype(arrays[0].dtype, copy=False)


EXCHANGES = (
    Exchange(Activation, write_activation, elementwise=True),
    Exchange(ScaledTanh, write_scaled_tanh, elementwise=True),
    Exchange(Scale, write_scale, elementwise=True),
    Exchange(read=dict.fromkeys(OPERATORS, read_elementwise)),
)
