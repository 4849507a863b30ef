"""Execute notebooks in clean kernels, store their outputs, and read the number that decides each one's claim.

    python tools/notebooks.py run examples/*.ipynb             execute and store
    python tools/notebooks.py run --check examples/*.ipynb     execute copies, store nothing
    python tools/notebooks.py run --check --seed 1 FILE ...    likewise, with another seed

Prints seconds and the margin of each. Needs the extra ``notebook``.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ANNOUNCEMENT = "numgd: compiling "
"""How a line begins that only tells what is compiled; it is not stored."""

READ_MARGIN = "print(repr(float(margin)) if 'margin' in globals() else None)"
"""What a last cell, which is not stored, runs."""


def read(path):
    """The notebook in a file, checked."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def with_seed(notebook, seed):
    """The notebook with ``seed = …`` in its cell of parameters.

    Raises
    ------
    ValueError
        If it has not exactly one such cell.
    """
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    if len(cells) != 1:
        raise ValueError(f"a notebook has one cell tagged 'parameters', this one has {len(cells)}")
    cells[0].source = f"seed = {seed}"
    return notebook


def execute(notebook, folder, timeout=600):
    """Execute a notebook in a new kernel; outputs are stored in it, without what changes from run to run.

    Returns
    -------
    margin : float or None
        The value of its variable `margin`.
    """
    notebook.cells.append(nbformat.v4.new_code_cell(READ_MARGIN))
    client = NotebookClient(
        notebook, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": folder}}
    )
    # With a backend from outside, such as Agg, the kernel would show no pictures.
    client.execute(env={name: value for name, value in os.environ.items() if name != "MPLBACKEND"})
    last = notebook.cells.pop()
    said = "".join(output.get("text", "") for output in last.outputs).strip()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            joined(cell)
    return None if said == "None" else float(said)


def joined(cell):
    """Join the pieces of printed text and drop announcements: both differ from run to run."""
    outputs = []
    for output in cell.outputs:
        same = outputs and output.output_type == outputs[-1].output_type == "stream"
        if same and output.name == outputs[-1].name:
            outputs[-1].text += output.text
        else:
            outputs.append(output)
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr":
            lines = output.text.splitlines(keepends=True)
            output.text = "".join(line for line in lines if not line.startswith(ANNOUNCEMENT))
    cell.outputs = [output for output in outputs if output.output_type != "stream" or output.text]


def run(path, seed=None, store=True):
    """Execute the notebook in a file; returns its margin and the seconds it took."""
    notebook = read(path)
    if seed is not None:
        notebook = with_seed(notebook, seed)
    start = time.perf_counter()
    margin = execute(notebook, str(path.resolve().parent))
    if store:
        nbformat.write(notebook, path)
    return margin, time.perf_counter() - start


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["run"])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--seed", type=int, help="in place of the notebook's own; requires --check")
    parser.add_argument("--check", action="store_true", help="store nothing")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks at a time")
    options = parser.parse_args(arguments)
    if options.seed is not None and not options.check:
        parser.error("--seed requires --check: stored outputs are those of the notebook's own seed")
    failures = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = [pool.submit(run, path, options.seed, not options.check) for path in options.paths]
        for path, future in zip(options.paths, runs, strict=True):
            try:
                margin, seconds = future.result()
                print(f"{path.name:44} {seconds:6.1f} s   margin {margin}", flush=True)
            except CellExecutionError as fault:
                failures += 1
                print(f"{path.name:44} failed\n{fault}", flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
