"""Import of ONNX models as networks."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from numgd.nn.exchange.onnx.package import IMPORTED, package
from numgd.nn.exchange.onnx.reader import Reader
from numgd.nn.network.checks import checked_dtype
from numgd.nn.network.network import Network


def import_onnx(path: str | os.PathLike[str], *, dtype: Any = None) -> Network:
    """Read an ONNX model as a network, which can be trained further.

    Parameters
    ----------
    path : str or path-like
        A model with one input, (batch, features) or (batch, channels, height, width), and one output.  It
        need not be trusted: nothing in it is executed.
    dtype : float32 or float64, optional
        Of the network; by default that of the model's input.

    Returns
    -------
    Network
        Of a `Graph`, whose nodes are named after those of the model.  It takes and gives images as (height,
        width, channels), whether or not the model does.

    Raises
    ------
    ValueError
        If the file is damaged or no ONNX model, or the model has operators, attributes, shapes or dtypes that
        numgd does not have: the message names the file, the node, its operator and what was wrong.
    OSError
        If the file cannot be opened.
    ImportError
        Without the package onnx; ``numgd[onnx]`` installs it.

    See Also
    --------
    export_onnx

    Notes
    -----
    Several nodes that together compute one activation are read as that activation.  Borders of zeros become
    part of the next convolution or pool.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numgd import nn
    >>> path = pathlib.Path(tempfile.mkdtemp(), "model.onnx")
    >>> nn.export_onnx(nn.Network(nn.Sequential(nn.Dense(3), nn.Softmax()), input_shape=(2,)), path)
    >>> network = nn.import_onnx(path)
    >>> list(network.named_parameters())
    ['0.weight', '0.bias']
    """
    onnx, path = package(), Path(path)
    dtype = None if dtype is None else checked_dtype(dtype)
    numbers = path.read_bytes()
    try:
        return _network(onnx, numbers, path.parent, dtype)
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # readers of damaged files may raise anything
        said = str(error) or type(error).__name__
        raise ValueError(f"{path} cannot be read as an ONNX model: {said}") from error


def _network(onnx, numbers, folder, dtype):
    model = onnx.ModelProto.FromString(numbers)
    if not model.HasField("graph"):
        raise ValueError("it holds no graph")
    opset = _opset(model)
    if model.functions:
        model = import_module("onnx.inliner").inline_local_functions(model)
    with np.errstate(all="ignore"):
        return Reader(model.graph, opset, folder).network(dtype)


def _opset(model):
    """The version of the operators; raises ValueError if it is not one that is read."""
    found = [own.version for own in model.opset_import if own.domain in ("", "ai.onnx")]
    if not found:
        raise ValueError("it states no version of its operators (opset)")
    low, high = map(int, IMPORTED.ends)
    if not low <= found[0] <= high:
        raise ValueError(f"it has operators of opset {found[0]}; those from {low} to {high} are read")
    return found[0]
