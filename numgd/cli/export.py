"""The command ``numgd export``: writes a network as an ONNX model."""

import argparse
from pathlib import Path
from typing import Any

from numgd.cli.outputs import fault_of_output
from numgd.cli.recipes import add_recipe, is_file, recipe_of
from numgd.cli.tables import fail, reported
from numgd.cli.values import shown_shape


def add_export(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "export",
        help="write a network as an ONNX model",
        description="Write a network that was trained, or a named model with the weights of --weights or "
        "else its initial ones, as an ONNX model.  It takes samples that are normalised already.",
    )
    command.add_argument("model", metavar="MODEL", help="a name, or a file that `numgd train` wrote")
    command.add_argument("out", type=Path, metavar="FILE.onnx", help="the file to write")
    command.add_argument(
        "--weights", type=Path, metavar="FILE", help=".npz or .safetensors, the arrays of the named model"
    )
    command.add_argument(
        "--weights-layout",
        choices=("numgd", "torch"),
        default="numgd",
        help="names and axes of the arrays: torch for those of PyTorch and torchvision (default: numgd)",
    )
    command.add_argument(
        "--layout", choices=("NCHW", "NHWC"), default="NCHW", help="axes of images (default: NCHW)"
    )
    command.add_argument("--opset", type=int, default=21, help="version of the operators (default: 21)")
    add_recipe(command)
    command.set_defaults(run=run_export)


@reported
def run_export(options: argparse.Namespace) -> int:
    """Write the file."""
    fault = fault_of_output("FILE.onnx", options.out, (".onnx",))
    if fault:
        return fail(fault)
    from numgd import nn

    recipe = recipe_of(options)
    if is_file(options.model):
        if options.weights is not None:
            return fail(f"--weights belongs to a named model; {options.model} has its own")
        network, origin = nn.models.load(options.model)[0], f"those of {options.model}"
        if options.input_shape is not None:
            network, trained = recipe.network(), network
            network.load_state_dict(trained.state_dict())
    else:
        network, origin = recipe.network(), "initial ones"
        if options.weights is not None:
            network.load(options.weights, layout=options.weights_layout)
            origin = f"those of {options.weights}"
    nn.export_onnx(network, options.out, layout=options.layout, opset=options.opset)
    shape = shown_shape(network.input_shape)
    print(f"Written: {options.out}, {recipe.name} on {shape} ({options.layout}); the weights are {origin}")
    if recipe.normalise is not None:
        print(f"Its input is (x - mean) / std of each channel: {recipe.normalise}")
    return 0
