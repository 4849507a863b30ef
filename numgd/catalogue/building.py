"""Builds the machine code that a wheel ships: ``python -m numgd.catalogue.building FOLDER``.

The calls of the catalogue are run with the code of the lowest level of the architecture.  What they use is
recorded, and compiled for the other levels without being run.
"""

import argparse
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from numgd.catalogue.calls import calls
from numgd.catalogue.processes import Done, compile_recorded, in_processes, run_call, with_bar
from numgd.jit.shipped import describe
from numgd.jit.target import LEVELS, architecture_of, target_levels
from numgd.system.own_sources import ship_known


class Built(NamedTuple):
    """The machine code of one level."""

    level: str
    entries: int
    bytes: int
    seconds: float


def build(
    folder: Path,
    levels: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    processes: int | None = None,
) -> list[Built]:
    """Compile the catalogue into a folder with one folder per level, which is replaced.

    Parameters
    ----------
    folder : Path
    levels : sequence of str, optional
        By default all levels of this machine's architecture; ``["native"]`` is the highest that this machine
        supports.  It must support the first.
    names : sequence of str, optional
        Only these calls of the catalogue.
    processes : int, optional
        By default one per core.

    Raises
    ------
    RuntimeError
        If this machine does not support the first level, or a call fails.
    """
    architecture = architecture_of(platform.machine())
    if architecture not in LEVELS:
        raise RuntimeError(f"numgd ships no machine code for processors of the architecture {architecture}")
    levels = list(LEVELS[architecture] if levels is None else levels)
    if levels == ["native"]:
        levels = list(target_levels()[:1])
    unknown = [level for level in levels if level not in LEVELS[architecture]]
    if unknown:
        raise RuntimeError(f"{unknown[0]!r} is no level of {architecture}: {', '.join(LEVELS[architecture])}")
    if not levels or levels[0] not in target_levels():
        raise RuntimeError(
            f"machine code for {' '.join(levels[:1]) or architecture} cannot be built on this processor"
        )
    shutil.rmtree(folder, ignore_errors=True)
    built, recorded = [], None
    for level in levels:
        start, place = time.perf_counter(), Path(folder, level)
        place.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as cache:
            environment = {"NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": "", "NUMGD_CACHE_DIR": cache}
            function, tasks = (
                (run_call, list(names or calls())) if recorded is None else (compile_recorded, recorded)
            )
            reports = in_processes(function, tasks, processes, environment, str(place))
            found = _successful(with_bar(reports, len(tasks), level))
        # The first level alone decides; each piece of code is compiled once for the others.
        recorded = found if recorded is None else recorded
        files = list(place.glob("*.nbc"))
        describe(place)
        size = sum(file.stat().st_size for file in files)
        built.append(Built(level, len(files), size, time.perf_counter() - start))
    ship_known(folder)
    return built


def _successful(reports) -> list[bytes]:
    """What is recorded in reports, each once; raises the first error."""
    found: dict[str, bytes] = {}
    report: Done
    for report in reports:
        if report.error:
            raise RuntimeError(f"the call {report.name} of the catalogue failed:\n{report.error}")
        found.update(report.recorded)
    return list(found.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the machine code and print its size."""
    parser = argparse.ArgumentParser(description="Compile the catalogue for the levels of an architecture.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--levels", nargs="+", help="default: all of this architecture; native: the highest here"
    )
    parser.add_argument("--calls", nargs="+", help="only these calls of the catalogue")
    parser.add_argument("--processes", type=int, help="default: one per core")
    options = parser.parse_args(arguments)
    try:
        built = build(options.folder, options.levels, options.calls, options.processes)
    except RuntimeError as error:
        print(f"numgd: {error}", file=sys.stderr)
        return 1
    for level in built:
        print(f"{level.level}: {level.entries} entries, {level.bytes / 1e6:.1f} MB, {level.seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
