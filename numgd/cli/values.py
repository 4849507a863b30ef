"""What options take: numbers, shapes, and values by name."""

import argparse
import ast
from collections.abc import Iterable
from typing import Any

DTYPES = ("float64", "float32")


def count(text: str) -> int:
    """A positive integer."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"it must be a positive integer, not {text!r}")
    return int(text)


def shape(text: str) -> tuple[int, ...]:
    """The shape of a sample, such as 224x224x3."""
    parts = text.lower().replace("×", "x").split("x")
    if not all(part.isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"it must be a shape such as 224x224x3, not {text!r}")
    return tuple(map(int, parts))


def shown_shape(sizes: Iterable[int]) -> str:
    """A shape as text."""
    return "×".join(map(str, sizes))


def pair(text: str) -> tuple[str, Any]:
    """A name and its value, such as beta1=0.9: a number, true, false, none, a tuple, or else a word."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"it must be NAME=VALUE, not {text!r}")
    return name.replace("-", "_"), _value(value)


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
        return text


def add_model_options(command: argparse.ArgumentParser) -> None:
    """Add the options of a model's function."""
    command.add_argument(
        "--model-option",
        type=pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the model's function, such as depth=32 or widths=256,128; may be repeated",
    )
    command.add_argument("--width", type=float, metavar="FACTOR", help="the same as --model-option width=…")


def model_options(options: argparse.Namespace) -> dict[str, Any]:
    """The options of a model's function by name."""
    found = dict(options.model_option)
    if options.width is not None:
        found["width"] = int(options.width) if options.width.is_integer() else options.width
    return found
