"""The command ``numgd summary``: the layers of a model, or all named models."""

import argparse
from typing import Any

from numgd.cli.recipes import add_recipe, recipe_of
from numgd.cli.tables import aligned, fail, reported
from numgd.cli.values import model_options, shown_shape


def add_summary(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "summary",
        help="show the layers of a model, or without a name all models",
        description="Print shapes, parameters and multiply-adds.  No weights are allocated.",
    )
    command.add_argument(
        "model", nargs="?", metavar="MODEL", help="a name, or a file that `numgd train` wrote (default: all)"
    )
    add_recipe(command)
    command.set_defaults(run=run_summary)


@reported
def run_summary(options: argparse.Namespace) -> int:
    """Print the table."""
    from numgd import nn

    if options.model is None:
        if options.input_shape or options.num_classes or model_options(options):
            return fail("summary: options need the name of a model")
        print(table_of_models())
        return 0
    recipe = recipe_of(options)
    print(nn.summary(recipe.model(), recipe.input_shape, dtype=recipe.dtype))
    return 0


def table_of_models() -> str:
    """All named models with their inputs, parameters and multiply-adds."""
    from numgd import nn

    rows = [("model", "input", "parameters", "multiply-adds")]
    for name, entry in nn.models.NAMED.items():
        found = nn.summary(nn.models.Recipe(name).model(), entry.input_shape)
        rows.append(
            (name, shown_shape(entry.input_shape), f"{found.parameters:,}", f"{found.multiply_adds:,}")
        )
    return aligned(rows, left=2)
