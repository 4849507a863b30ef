"""The command ``numgd demo``: fits two real data sets, compares with SciPy, and draws curves."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numgd.cli.outputs import fault_of_picture
from numgd.cli.tables import aligned, fail

if TYPE_CHECKING:
    from numgd.cli.comparison import Comparison


def add_demo(commands: Any) -> None:
    """Add the command to the parser."""
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


def run_demo(options: argparse.Namespace) -> int:
    """Print a table of runs for each problem, and plot their convergence."""
    fault = fault_of_picture("--output", options.output)
    if fault:
        return fail(fault)
    from numgd.cli import comparison
    from numgd.plots.comparison import draw_convergence

    try:
        problems = [load() for load in comparison.PROBLEMS]
    except ImportError:
        return fail("the demo needs the data in scikit-learn, which is missing: pip install scikit-learn")
    fault = _compile_missing(comparison.METHODS)
    if fault:
        return fail(fault)
    comparisons = []
    for problem in problems:
        print(f"\n{problem.title}", flush=True)
        comparisons.append(comparison.compare(problem))
        print(comparison_table(comparisons[-1]))
    print(
        f"\nAll runs use the same compiled loss and gradient and stop at max |g| <= {comparison.GTOL:g}."
        f"\nTimes are medians of {comparison.REPEATS} warm calls on one thread; ratio is SciPy's time over "
        "numgd's."
    )
    try:
        draw_convergence(comparisons, options.output)
    except (OSError, ValueError) as error:  # a full disk, or a format whose library is missing
        return fail(f"cannot write {options.output}: {error}")
    print(f"Convergence curves: {options.output}")
    return 0


def _compile_missing(methods: tuple[str, ...]) -> str:
    """Compile the solvers that are needed and missing; what went wrong, or an empty text."""
    from numgd.cli.warmup import warm_up
    from numgd.jit.shipped import shipped
    from numgd.system.cache_folder import cache_folder

    folders = [folder for folder in (cache_folder(), shipped().folder) if folder is not None]
    missing = [
        method
        for method in methods
        if not any(path for folder in folders for path in folder.glob(f"solve-{method}.*.nbc"))
    ]
    if not missing:
        return ""
    print(
        f"Compiling {len(missing)} solvers, once per machine; they are kept in {cache_folder()}", flush=True
    )
    return warm_up([f"minimize/{method}/float64" for method in missing])


def comparison_table(comparison: "Comparison") -> str:
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
