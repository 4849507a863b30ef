"""The command ``numgd``."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from numgd import __version__
from numgd.cli.demo import add_demo
from numgd.cli.export import add_export
from numgd.cli.info import add_info
from numgd.cli.predict import add_predict
from numgd.cli.summary import add_summary
from numgd.cli.tables import INTERRUPTED, fail
from numgd.cli.train import add_train
from numgd.cli.warmup import add_warmup

COMMANDS = (add_train, add_predict, add_summary, add_export, add_demo, add_info, add_warmup)
"""Functions that add a command to the parser.  What a command needs is imported when it is run."""


class _Parser(argparse.ArgumentParser):
    """Reports an error in one line; ``--help`` shows the rest."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the command's name; by default the arguments of the process.
    """
    parser = _Parser(
        prog="numgd",
        description="Numerical optimisation at machine speed, without a deep-learning framework.",
    )
    parser.add_argument("--version", action="version", version=f"numgd {__version__}")
    parser.set_defaults(run=partial(_print_help, parser))
    commands = parser.add_subparsers(metavar="command")
    for add in COMMANDS:
        add(commands)
    options = parser.parse_args(arguments)
    try:
        code = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        fail("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _print_help(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    parser.print_help()
    return 0
