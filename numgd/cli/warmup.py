"""The command ``numgd warmup``: compiles the catalogue, or a part of it, in several processes."""

import argparse
import time
from collections.abc import Sequence

from numgd.cli.info import size_of
from numgd.cli.tables import fail
from numgd.system.cache_folder import cache_folder


def run_warmup(options: argparse.Namespace) -> int:
    """Compile the selected part of the catalogue and keep it on disk."""
    from numgd.catalogue.calls import calls, selected

    try:
        wanted = list(selected(options.part, options.dtype) if options.part else calls(options.dtype))
    except ValueError as error:
        return fail(str(error))
    start = time.perf_counter()
    fault = warm_up(wanted, options.processes)
    if fault:
        return fail(fault)
    seconds = time.perf_counter() - start
    count = f"{len(wanted)} call{'s' if len(wanted) > 1 else ''}"
    print(f"{count} ready in {seconds:.1f} s; {cache_folder()} holds {size_of(cache_folder())}")
    return 0


def warm_up(names: Sequence[str], processes: int | None = None) -> str:
    """Run calls of the catalogue in several processes; what went wrong, or an empty text."""
    from numgd.catalogue.processes import in_processes, run_call, with_bar

    failed = []
    for report in with_bar(in_processes(run_call, names, processes), len(names), "call"):
        if report.error:
            failed.append(f"{report.name}: {report.error.strip().splitlines()[-1]}")
    return "; ".join(failed)
