"""Export of networks as ONNX models."""

import os
from typing import Annotated

from numgd.foundations.ranges import check_arguments, one_of
from numgd.nn.exchange.onnx.operators import EXCHANGES
from numgd.nn.exchange.onnx.package import EXPORTED, package
from numgd.nn.exchange.onnx.writer import Writer
from numgd.nn.network.network import Network
from numgd.system.atomic import replacing

MOST_BYTES = 2**31 - 2**20
"""Of the numbers in a file: Protocol Buffers ends at 2 GiB."""


@check_arguments
def export_onnx(
    network: Network,
    path: str | os.PathLike[str],
    *,
    layout: one_of("NCHW", "NHWC") = "NCHW",
    opset: Annotated[int, EXPORTED] = 21,
) -> None:
    """Write a network as an ONNX model, for other libraries and runtimes.

    The model computes what ``network(X)`` does: with running statistics and without dropout.  It has one
    input, 'input', and one output, 'output', whose first axis, 'batch', may have any size.  A batch norm
    stays a node of its own, so that the model can be trained further.

    Parameters
    ----------
    network : Network
    path : str or path-like
        Usually ends with ``.onnx``.  The file is written completely or not at all.
    layout : {'NCHW', 'NHWC'}
        Whether the images that the model takes and gives are (batch, channels, height, width), as is usual in
        ONNX, or (batch, height, width, channels), as those of the network.
    opset : int
        Version of ONNX's operators, from 13 to 27: newer ones need newer runtimes.

    Raises
    ------
    TypeError
        If `network` is no network, or has a layer of a kind that numgd does not write, such as one of your
        own: the error names the layer.  Nothing is written then.
    ValueError
        If a layer needs a newer opset, or all numbers together take more than 2 GiB.
    ImportError
        Without the package onnx; ``numgd[onnx]`` installs it.

    See Also
    --------
    import_onnx

    Notes
    -----
    Arrays have their dotted names in the network.  Where ONNX has no operator for a layer, several nodes
    compute it.  Attributes of operators, such as the ε of norms, are float32 in ONNX, also in a model of
    float64.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numgd import nn
    >>> network = nn.Network(nn.models.lenet5(), input_shape=(28, 28, 1))
    >>> path = pathlib.Path(tempfile.mkdtemp(), "lenet.onnx")
    >>> nn.export_onnx(network, path)
    >>> nn.import_onnx(path)
    Network(Graph, input_shape=(28, 28, 1), float32, 61,706 parameters)
    """
    package()
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network; it is {network!r}")
    for node in network.wiring.needed(training=False):
        if type(node.layer) not in EXCHANGES:
            raise TypeError(f"{node.path}: {node.layer!r} cannot be written as ONNX operators")
    size = network.parameters.nbytes + network.state.nbytes
    if size > MOST_BYTES:
        raise ValueError(f"an ONNX file holds at most 2 GiB; this network takes {size / 2**30:.3g} GiB")
    written = Writer(network.on_host(), layout == "NHWC", opset).model().SerializeToString()
    with replacing(path) as file:
        file.write(written)
