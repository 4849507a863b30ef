"""The command ``numgd info``: what a bug report should contain."""

import argparse
import contextlib
import json
import os
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from numgd import __version__


def add_info(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("info", help="show versions, processor, threads, CUDA and machine code")
    command.add_argument("--json", action="store_true", help="as JSON, with the names of all functions")
    command.set_defaults(run=run_info)


def run_info(options: argparse.Namespace) -> int:
    """Print the facts, as lines or as JSON."""
    from numgd.system.cache_folder import cache_folder, cache_root

    found = facts()
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    lines = {
        **{name: fact for name, fact in found.items() if isinstance(fact, str)},
        "machine code": _summary_of_shipped(found["machine code"]),
        "cache": found["cache"]["fault"] or f"{found['cache']['folder']}: {size_of(cache_folder())}",
        "all caches": f"{cache_root()}: {size_of(cache_root())} (including other versions; safe to delete)",
    }
    width = max(map(len, lines))
    for name, fact in lines.items():
        print(f"{name:<{width}}  {fact}")
    return 0


def facts() -> dict[str, Any]:
    """Versions, the machine, and which machine code is shipped, cached, and used by this process.

    Called in a process that has used numgd, it tells where the machine code of each function came from:
    ``facts()["used"]["compiler"]`` are the names of those that this process had to compile.
    """
    import llvmlite.binding
    import numba

    from numgd.jit.cache import uses
    from numgd.jit.shipped import shipped
    from numgd.system.cache_folder import cache_folder, refusal

    threads = numba.get_num_threads()  # starts the threads, which determines the layer
    code = shipped()
    used: dict[str, list[str]] = {"cache": [], "package": [], "compiler": []}
    for use in uses:
        used[use.source].append(use.name)
    return {
        "numgd": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        **{name: metadata.version(name) for name in ("numba", "llvmlite", "numpy", "scipy")},
        "processor": f"{llvmlite.binding.get_host_cpu_name()} ({platform.machine()}), {os.cpu_count()} cores",
        "threads": f"{threads}, layer {numba.threading_layer()}",
        "cuda": cuda_state(),
        "machine code": {
            "level": code.folder.name if code.folder else None,
            "reason": code.reason,
            "shipped": _names(code.folder),
        },
        "cache": {"folder": str(cache_folder()), "fault": refusal(), "cached": _names(cache_folder())},
        "used": used,
    }


def _names(folder: Path | None) -> list[str]:
    """The names of the functions whose code lies in a folder, once for each signature."""
    files: Iterable[Path] = folder.glob("*.nbc") if folder is not None else ()
    return sorted(path.name.partition(".")[0] for path in files)


def _summary_of_shipped(found: dict[str, Any]) -> str:
    if found["level"] is None:
        return f"compiled when it is first needed: {found['reason']}"
    return f"{len(found['shipped'])} functions shipped for {found['level']}"


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
