"""The command ``numgd``: demo, info and warmup."""

import argparse
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from numgd import __version__
from numgd.cli import demo
from numgd.cli.info import run_info
from numgd.cli.tables import aligned, fail
from numgd.cli.warmup import run_warmup, warm_up
from numgd.jit.shipped import shipped
from numgd.plots.convergence import draw_convergence, picture_formats
from numgd.system.cache_folder import cache_folder

DTYPES = ("float64", "float32")


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

    command = commands.add_parser(
        "demo", help="fit two real data sets, compare with SciPy; prints tables, draws curves"
    )
    command.add_argument(
        "--output",
        type=Path,
        default=Path("numgd-demo.png"),
        metavar="PNG",
        help="picture (default: %(default)s)",
    )
    command.set_defaults(run=run_demo)

    command = commands.add_parser("info", help="show versions, processor, threads, CUDA and machine code")
    command.add_argument("--json", action="store_true", help="as JSON, with the names of all functions")
    command.set_defaults(run=run_info)

    command = commands.add_parser("warmup", help="compile ahead what is needed later, on all cores")
    command.add_argument(
        "part",
        nargs="*",
        help="a method, rule, operation or kind of call, such as bfgs, adam, conv2d, fit (default: all)",
    )
    command.add_argument(
        "--dtype", nargs="+", choices=DTYPES, default=DTYPES, help="only these (default: both)"
    )
    command.add_argument(
        "--processes", type=_count, metavar="N", help="number of processes (default: one per core)"
    )
    command.set_defaults(run=run_warmup)

    options = parser.parse_args(arguments)
    return options.run(options)


def _print_help(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    parser.print_help()
    return 0


def _count(text: str) -> int:
    """A number of processes."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"it must be a positive integer, not {text!r}")
    return int(text)


# demo -------------------------------------------------------------------------------------------------


def run_demo(options: argparse.Namespace) -> int:
    """Print a table of runs for each problem, and plot their convergence."""
    fault = _fault_of_output(options.output)
    if fault:
        return fail(fault)
    try:
        problems = [load() for load in demo.PROBLEMS]
    except ImportError:
        return fail("the demo needs the data in scikit-learn, which is missing: pip install scikit-learn")
    fault = _compile_missing()
    if fault:
        return fail(fault)
    comparisons = []
    for problem in problems:
        print(f"\n{problem.title}", flush=True)
        comparisons.append(demo.compare(problem))
        print(comparison_table(comparisons[-1]))
    print(
        f"\nAll runs use the same compiled loss and gradient and stop at max |g| <= {demo.GTOL:g}."
        f"\nTimes are medians of {demo.REPEATS} warm calls on one thread; ratio is SciPy's time over numgd's."
    )
    try:
        draw_convergence(comparisons, options.output)
    except (OSError, ValueError) as error:  # a full disk, or a format whose library is missing
        return fail(f"cannot write {options.output}: {error}")
    print(f"Convergence curves: {options.output}")
    return 0


def _fault_of_output(path: Path) -> str:
    """Why no picture can be written to a path; empty if it can."""
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist"
    if path.is_dir():
        return f"{path} is a folder"
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return f"cannot write {path}: permission denied"
    formats = picture_formats()
    if path.suffix[1:].lower() not in formats:
        return f"--output must end with one of {', '.join(f'.{name}' for name in formats)}; it is {path}"
    return ""


def _compile_missing() -> str:
    """Compile the solvers that the demo needs and that are missing; what went wrong, or an empty text."""
    folders = [folder for folder in (cache_folder(), shipped().folder) if folder is not None]
    missing = [
        method
        for method in demo.METHODS
        if not any(path for folder in folders for path in folder.glob(f"solve-{method}.*.nbc"))
    ]
    if not missing:
        return ""
    print(
        f"Compiling {len(missing)} solvers, once per machine; they are kept in {cache_folder()}", flush=True
    )
    return warm_up([f"minimize/{method}/float64" for method in missing])


def comparison_table(comparison: demo.Comparison) -> str:
    """A comparison as text, one line per run."""
    scipy_seconds = {run.method: run.seconds for run in comparison.runs if run.library == "SciPy"}
    rows = [
        ("method", "library", "loss", "max |g|", "iterations", "evaluations", "converged", "time", "ratio")
    ]
    for run in comparison.runs:
        ratio = ""
        if run.library == "numgd" and run.method in scipy_seconds:
            ratio = f"{scipy_seconds[run.method] / run.seconds:.1f}x"
        rows.append(
            (
                run.method, run.library, f"{run.loss:.9f}", f"{run.grad_norm:.1e}", str(run.iterations),
                str(run.evaluations), "yes" if run.converged else "no", f"{run.seconds * 1e3:.3f} ms", ratio,
            )
        )  # fmt: skip
    return aligned(rows, left=2)
