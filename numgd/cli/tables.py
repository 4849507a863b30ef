"""Text that commands print: tables with aligned columns, and error messages."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import wraps

INTERRUPTED = 130
"""Exit code after Ctrl-C, as of shells."""


def aligned(rows: Sequence[Sequence[str]], left: int) -> str:
    """Rows of text as lines with aligned columns, the first `left` of them left-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if k < left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def fail(message: str) -> int:
    """Print an error message; the exit code of a command that failed."""
    print(f"numgd: {message}", file=sys.stderr)
    return 1


def reported(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Decorate a command: an error that its input causes is printed in one line."""

    @wraps(run)
    def call(options: argparse.Namespace) -> int:
        try:
            return run(options)
        except BrokenPipeError:
            raise
        except (ImportError, MemoryError, OSError, TypeError, ValueError) as error:
            return fail(" ".join(str(error).split()) or type(error).__name__)

    return call
