"""The command ``numgd warmup``: compiles the catalogue, or a part of it, in several processes."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

from numgd.cli.info import size_of
from numgd.cli.tables import fail
from numgd.cli.values import DTYPES, count


def add_warmup(commands: Any) -> None:
    """Add the command to the parser."""
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
        "--processes", type=count, metavar="N", help="number of processes (default: one per core)"
    )
    command.set_defaults(run=run_warmup)


def run_warmup(options: argparse.Namespace) -> int:
    """Compile the selected part of the catalogue and keep it on disk."""
    from numgd.catalogue.calls import calls, selected
    from numgd.system.cache_folder import cache_folder

    try:
        wanted = list(selected(options.part, options.dtype) if options.part else calls(options.dtype))
    except ValueError as error:
        return fail(str(error))
    start = time.perf_counter()
    fault = warm_up(wanted, options.processes)
    if fault:
        return fail(fault)
    seconds = time.perf_counter() - start
    ready = f"{len(wanted)} call{'s' if len(wanted) > 1 else ''}"
    print(f"{ready} ready in {seconds:.1f} s; {cache_folder()} holds {size_of(cache_folder())}")
    return 0


def warm_up(names: Sequence[str], processes: int | None = None) -> str:
    """Run calls of the catalogue in several processes; what went wrong, or an empty text."""
    from numgd.catalogue.processes import in_processes, run_call, with_bar

    failed = []
    for report in with_bar(in_processes(run_call, names, processes), len(names), "call"):
        if report.error:
            failed.append(f"{report.name}: {report.error.strip().splitlines()[-1]}")
    return "; ".join(failed)
