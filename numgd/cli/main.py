"""The command ``numgd``: demo, info and warmup."""

import argparse
import contextlib
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

import llvmlite.binding
import numba
import numpy as np

from numgd import __version__
from numgd.cli import demo
from numgd.jit.announcing import silence
from numgd.plots.convergence import draw_convergence, picture_formats
from numgd.registry import ALIASES, METHODS
from numgd.solve._minimize import minimize
from numgd.solve._minimize_multistart import minimize_multistart
from numgd.solve.plan import THREADED_FROM
from numgd.system.cache_folder import cache_folder, cache_root, refusal

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

    command = commands.add_parser("info", help="show versions, processor, threads, CUDA and the cache")
    command.set_defaults(run=run_info)

    command = commands.add_parser("warmup", help="compile all solvers now and keep them in the cache")
    command.add_argument(
        "--dtype", nargs="+", choices=DTYPES, default=DTYPES, help="only these (default: both)"
    )
    command.add_argument(
        "--method",
        nargs="+",
        type=_canonical,
        choices=METHODS,
        default=METHODS,
        metavar="METHOD",
        help="only these (default: all)",
    )
    command.set_defaults(run=run_warmup)

    options = parser.parse_args(arguments)
    return options.run(options)


def _print_help(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    parser.print_help()
    return 0


def _canonical(method: str) -> str:
    method = method.lower()
    return ALIASES.get(method, method)


# demo -------------------------------------------------------------------------------------------------


def run_demo(options: argparse.Namespace) -> int:
    """Print a table of runs for each problem, and plot their convergence."""
    fault = _fault_of_output(options.output)
    if fault:
        return _fail(fault)
    try:
        problems = [load() for load in demo.PROBLEMS]
    except ImportError:
        return _fail("the demo needs the data in scikit-learn, which is missing: pip install scikit-learn")
    _compile_missing()
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
        return _fail(f"cannot write {options.output}: {error}")
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


def _compile_missing() -> None:
    """Compile the solvers that the demo needs and the cache lacks, after a message."""
    missing = [method for method in demo.METHODS if not any(cache_folder().glob(f"solve-{method}.*.nbc"))]
    if missing:
        print(
            f"Compiling {len(missing)} solvers, about 6 s each. This happens only once: they are kept in "
            f"{cache_folder()}",
            flush=True,
        )
        steps = [(method, partial(_solve, method, "float64")) for method in missing]
        run_steps(steps)


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


# info -------------------------------------------------------------------------------------------------


def run_info(options: argparse.Namespace) -> int:
    """Print what a bug report should contain."""
    threads = numba.get_num_threads()  # starts the threads, which determines the layer
    facts = {
        "numgd": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        **{name: metadata.version(name) for name in ("numba", "llvmlite", "numpy", "scipy")},
        "processor": f"{llvmlite.binding.get_host_cpu_name()} ({platform.machine()}), {os.cpu_count()} cores",
        "threads": f"{threads}, layer {numba.threading_layer()}",
        "cuda": cuda_state(),
        "cache": refusal() or f"{cache_folder()}: {size_of(cache_folder())}",
        "all caches": f"{cache_root()}: {size_of(cache_root())} (including other versions; safe to delete)",
    }
    width = max(map(len, facts))
    for name, fact in facts.items():
        print(f"{name:<{width}}  {fact}")
    return 0


def cuda_state() -> str:
    """The version of numba-cuda and its devices, as text; never raises."""
    try:
        version = metadata.version("numba-cuda")
    except metadata.PackageNotFoundError:
        return "numba-cuda is not installed"
    try:
        from numgd.kernels.cuda.target import device_names

        names = device_names()
    except Exception as error:  # a driver may raise anything
        return f"numba-cuda {version}, no usable device: {type(error).__name__}"
    return f"numba-cuda {version}, {', '.join(names) or 'no device'}"


def size_of(folder: Path) -> str:
    """Number and total size of the files under a folder, as text."""
    sizes = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # a temporary file of another process that has disappeared
            if path.is_file():
                sizes.append(path.stat().st_size)
    return f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB"


# warmup -----------------------------------------------------------------------------------------------


def run_warmup(options: argparse.Namespace) -> int:
    """Compile the selected solvers and keep them on disk."""
    steps = []
    for dtype in options.dtype:
        for method in options.method:
            steps.append((f"{method} {dtype}", partial(_solve, method, dtype)))
            if METHODS[method].matrix_free:
                steps.append((f"{method} {dtype} threaded", partial(_solve, method, dtype, THREADED_FROM)))
            steps.append((f"{method} {dtype} many", partial(_solve_many, method, dtype)))
    start = time.perf_counter()
    run_steps(steps)
    seconds = time.perf_counter() - start
    print(f"{len(steps)} solvers ready in {seconds:.1f} s; {cache_folder()} holds {size_of(cache_folder())}")
    return 0


def run_steps(steps: Sequence[tuple[str, Callable[[], object]]]) -> None:
    """Run named steps with a progress bar, or with one line per step if tqdm is missing."""
    try:
        from tqdm import tqdm
    except ImportError:
        for number, (name, step) in enumerate(steps, 1):
            print(f"[{number}/{len(steps)}] {name}", flush=True)
            with silence():
                step()
        return
    with silence(), tqdm(steps, unit="solver") as bar:
        for name, step in bar:
            bar.set_description(name)
            step()


def _bowl(x):
    """A minimal problem to compile solvers with: |x|² and its gradient."""
    return np.sum(x * x), x + x


def _solve(method: str, dtype: str, n: int = 2) -> None:
    minimize(_bowl, np.ones(n, dtype), method=method, **_shortest(method, n))


def _solve_many(method: str, dtype: str, n: int = 2) -> None:
    minimize_multistart(_bowl, np.ones((2, n), dtype), method=method, **_shortest(method, n))


def _shortest(method: str, n: int) -> dict[str, Any]:
    """Arguments of a solve with one iteration."""
    bounds = [(0, None)] * n if METHODS[method].bounded else None
    return {"jac": True, "bounds": bounds, "options": {"maxiter": 1}}


def _fail(message: str) -> int:
    print(f"numgd: {message}", file=sys.stderr)
    return 1
