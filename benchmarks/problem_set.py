"""The standard problems, method by method: numgd against SciPy's method of the same name.

Both get the same ``@njit`` function, gradient and Hessian, the same starting point, tolerance and norm of the
gradient.  What counts as solved, and how the evaluations are counted, is in ``tests/scipy_peers.py``; the
problems are in ``tests/problems.py``.  Prints a table and draws performance profiles (E. D. Dolan and
J. J. Moré, Math. Programming 91 (2002) 201-213) of the evaluations of functions, gradients and Hessians.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # ahead of problems.py beside this

import matplotlib
import numpy as np
from problems import PROBLEMS, problem
from scipy_peers import COUNTS, PEERS, compare, solve, solve_by_scipy, summary
from timing import Ratios, heading, interleaved

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import ScalarFormatter

TARGET = 1.1  # evaluations over SciPy's
LARGEST = 60


def arguments():
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("problem_set.png"), help="where the picture goes")
    parser.add_argument("--largest", type=int, default=LARGEST, help="most variables (60; 1000 takes long)")
    parser.add_argument("--rounds", type=int, default=3, help="timings of each solve")
    parser.add_argument("--method", action="append", help="numgd's method to look at (all); may be repeated")
    return parser.parse_args()


def times(peer, name, rounds):
    """Seconds of numgd over those of SciPy for one problem, medians in turns."""
    given = problem(name)
    calls = {
        "numgd": lambda: solve(peer.method, given, peer.norm),
        "SciPy": lambda: solve_by_scipy(peer.scipys, given, peer.norm),
    }
    timings = interleaved(calls, rounds, shortest=2e-3)
    return timings["numgd"].median / timings["SciPy"].median


def cost(run, solved):
    """All evaluations of a run; infinite where it did not solve the problem."""
    return max(1, run.nfev + run.njev + run.nhev) if solved else np.inf


def profile(axis, peer, pairs):
    """Draw which share of the problems each side solves within a multiple of the better side's cost."""
    costs = np.array(
        [(cost(pair.ours, pair.ours_solved), cost(pair.theirs, pair.theirs_solved)) for pair in pairs], float
    )
    best = costs.min(axis=1, keepdims=True)
    multiples = np.divide(costs, best, out=np.full_like(costs, np.inf), where=np.isfinite(best))
    end = 2.0 * max(2.0, multiples[np.isfinite(multiples)].max(initial=1.0))
    for label, values in zip((f"numgd {peer.method}", f"SciPy {peer.scipys}"), multiples.T, strict=True):
        values = np.sort(values[np.isfinite(values)])
        share = np.arange(1, values.size + 1) / len(pairs)
        at_one = share[values <= 1.0].max(initial=0.0)
        axis.step(np.r_[1.0, values, end], np.r_[at_one, share, share[-1:]], where="post", label=label)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.set(xlim=(1.0, end), ylim=(0.0, 1.02))
    axis.legend(loc="lower right", fontsize=8)
    axis.grid(alpha=0.3)


def draw(results, path, largest):
    """The profiles of all methods, one panel each."""
    columns = min(4, len(results))
    rows = -(-len(results) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.0 * columns, 3.0 * rows), squeeze=False)
    for axis in axes.flat[len(results) :]:
        axis.set_visible(False)
    for axis, (peer, pairs) in zip(axes.flat, results.items(), strict=False):
        profile(axis, peer, pairs)
    figure.supxlabel("evaluations over those of the better of the two")
    figure.supylabel("share of the problems solved")
    figure.suptitle(f"Performance profiles, {len(pairs)} problems of up to {largest} variables")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def shown(value):
    """A ratio in the table."""
    return "    –" if value is None else f"{value:5.2f}"


def main():
    """Run all comparisons."""
    asked = arguments()
    names = [given.name for given in PROBLEMS if given.x0.size <= asked.largest]
    heading(
        f"{len(names)} standard problems of up to {asked.largest} variables: numgd vs SciPy, one thread, "
        "the same gradient test at 1e-5; evaluations and times are numgd's over SciPy's where both reach the "
        "same value (geometric means, median)",
        "scipy",
    )
    print(
        f"{'numgd':13s}{'SciPy':13s}{'solved':>7s}{'SciPy':>6s}{'both':>6s}"
        f"{'nfev':>7s}{'njev':>7s}{'nhev':>7s}{'time':>8s}"
    )
    ratios = Ratios()
    results = {}
    for peer in PEERS:
        if asked.method and peer.method not in asked.method:
            continue
        pairs = results[peer] = [compare(peer, name) for name in names]
        found = summary(pairs)
        seconds = [times(peer, pair.name, asked.rounds) for pair in pairs if pair.same]
        spent = statistics.median(seconds) if seconds else float("nan")
        print(
            f"{peer.method:13s}{peer.scipys:13s}{found.ours_solved:7d}{found.theirs_solved:6d}{found.same:6d}"
            + "".join(f"  {shown(found.ratios[count])}" for count in COUNTS)
            + f"{spent:8.3f}",
            flush=True,
        )
        for pair in pairs:
            if pair.theirs_solved and not pair.ours_solved:
                print(f"    SciPy alone solves {pair.name}; numgd: {pair.ours.said}")
        for count in COUNTS:
            if found.ratios[count] is not None:
                target = f"at most {TARGET:g}x" if peer.binding else None
                ratios.add(
                    f"evaluations, {count}, {peer.method} over {peer.scipys}", found.ratios[count], target
                )
        ratios.add(f"time, {peer.method} over {peer.scipys}, median", spent)
    if not results:
        raise SystemExit(f"no such method; there are {', '.join(dict.fromkeys(p.method for p in PEERS))}")
    draw(results, asked.output, asked.largest)
    print(f"\nProfiles: {asked.output}")
    ratios.show()


if __name__ == "__main__":
    main()
