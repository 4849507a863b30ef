"""A model that is told by its name and options, or by a file in which it was trained."""

import argparse
from dataclasses import replace
from typing import Any

from numgd.cli.values import add_model_options, count, model_options, shape


def add_recipe(command: argparse.ArgumentParser) -> None:
    """Add the options of a named model."""
    command.add_argument(
        "--input-shape", type=shape, metavar="SHAPE", help="of one sample, such as 224x224x3"
    )
    command.add_argument("--num-classes", type=count, metavar="N", help="number of outputs")
    add_model_options(command)


def is_file(model: str) -> bool:
    """Whether a text means a file, not the name of a model."""
    return model.lower().endswith((".npz", ".safetensors"))


def recipe_of(options: argparse.Namespace) -> Any:
    """The recipe of a named model with its options, or that in a file, for the given shape of input."""
    from numgd.nn.models import file

    given = model_options(options)
    if not is_file(options.model):
        return file.Recipe(options.model, options.num_classes, options.input_shape, options=given)
    if options.num_classes or given:
        raise ValueError(f"{options.model} has its own number of classes and options")
    recipe = file.recipe_of(options.model)
    return recipe if options.input_shape is None else replace(recipe, input_shape=options.input_shape)
