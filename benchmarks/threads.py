"""What threads cost: a parallel loop under TBB and under OpenMP, and work too small for one.

Each layer runs in a process of its own, the processes take turns, and all is measured twice: on the machine
as it is, and with a process spinning on every core beside them.

- A loop of two tasks that do nothing, always shared out: the cost of a region.
- ``y = 2 x + 1`` over n numbers, in one thread and shared out: from which n on threads pay
  (`numgd.jit.parallel.WORTH_SHARING`).
- ``conv2d_backward`` of (2, 8, 8, 4) with a 3×3 kernel, which numgd computes in one thread, with PyTorch's on
  all cores.
"""

import argparse
import contextlib
import multiprocessing
import os
import subprocess
import sys
import time

import numpy as np
from timing import Ratios, duration, heading, summary

ROUNDS = 21
SIZES = tuple(2**k for k in range(12, 20))
SHORTEST = 0.01  # seconds of a sample
LAYERS = ("tbb", "omp")
IMAGE, KERNEL = (2, 8, 8, 4), (4, 3, 3, 4)


# What a worker times -------------------------------------------------------------------------------------


def numgd_jobs():
    """The jobs of a worker for numgd, by name."""
    from numgd.jit.parallel import UNKNOWN, parallel_for
    from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled, portable
    from numgd.nn.functional import conv2d_backward

    @portable
    def nothing(task, x):
        pass

    @portable
    def line(i, x, y):
        y[i] = 2.0 * x[i] + 1.0

    @compiled("benchmark-region")
    def region(x):
        parallel_for(nothing, 2, UNKNOWN, x)

    @compiled("benchmark-line", ELEMENTWISE_FLAGS)
    def lines(x, y, work):
        parallel_for(line, x.size, work, x, y)

    image, weight = np.ones(IMAGE, np.float32), np.ones(KERNEL, np.float32)
    jobs = {
        "region": lambda: region(image),
        "conv2d_backward": lambda: conv2d_backward(image, image, weight, padding=1),
    }
    for n in SIZES:
        x, y = np.ones(n), np.ones(n)
        jobs[f"alone {n}"] = lambda x=x, y=y: lines(x, y, 0)
        jobs[f"shared {n}"] = lambda x=x, y=y: lines(x, y, UNKNOWN)
    return jobs


def torch_jobs():
    """Those of a worker for PyTorch."""
    import torch

    torch.set_num_threads(os.cpu_count())
    batch, height, width, inside = IMAGE
    image = torch.ones(batch, inside, height, width).to(memory_format=torch.channels_last)
    weight = torch.ones(KERNEL[0], inside, *KERNEL[1:3]).to(memory_format=torch.channels_last)
    wanted = (True, True, True)
    backward = torch.ops.aten.convolution_backward
    return {
        "conv2d_backward": lambda: backward(
            image, image, weight, [KERNEL[0]], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted
        )
    }


def work(side):
    """Time the jobs whose names are read, one a line, and print the seconds of a call."""
    jobs = torch_jobs() if side == "torch" else numgd_jobs()
    for job in jobs.values():
        job()
    print("ready", flush=True)
    for name in sys.stdin:
        job, count = jobs[name.strip()], 0
        start = time.perf_counter()
        while count == 0 or time.perf_counter() - start < SHORTEST:
            job()
            count += 1
        print((time.perf_counter() - start) / count, flush=True)


# The main process ----------------------------------------------------------------------------------------


class Worker:
    """A process that times jobs under one layer, or PyTorch's."""

    def __init__(self, side):
        environment = {**os.environ, **({} if side == "torch" else {"NUMBA_THREADING_LAYER": side})}
        command = [sys.executable, __file__, "--worker", side]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, env=environment, text=True, bufsize=1, **pipes)

    def wait(self):
        """Until everything is compiled."""
        if self._process.stdout.readline() != "ready\n":
            raise SystemExit("a worker failed")

    def seconds(self, name):
        """One sample of a job."""
        self._process.stdin.write(f"{name}\n")
        return float(self._process.stdout.readline())

    def close(self):
        """End it."""
        self._process.stdin.close()
        self._process.wait()


def measure(workers, jobs):
    """The `Timing` of each (side, job), the sides in turns."""
    samples = {key: [] for key in jobs}
    for turn in range(ROUNDS):
        for side, name in jobs[:: -1 if turn % 2 else 1]:
            samples[side, name].append(workers[side].seconds(name))
    return {key: summary(values) for key, values in samples.items()}


def _spin():
    while True:
        pass


@contextlib.contextmanager
def busy():
    """A process spinning on every core."""
    load = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(os.cpu_count())]
    for process in load:
        process.start()
    try:
        yield
    finally:
        for process in load:
            process.kill()


def main():
    """Measure everything."""
    from numgd.jit.parallel import WORTH_SHARING

    heading(__doc__.splitlines()[0], "tbb", "torch")
    workers = {side: Worker(side) for side in (*LAYERS, "torch")}
    for worker in workers.values():
        worker.wait()
    jobs = [(side, "region") for side in LAYERS]
    jobs += [(side, "conv2d_backward") for side in workers]
    sizes = [("tbb", f"{form} {n}") for n in SIZES for form in ("alone", "shared")]
    ratios = Ratios()
    for state, load in (("as it is", contextlib.nullcontext), ("all cores busy", busy)):
        with load():
            found = measure(workers, jobs + sizes)
        print(f"The machine {state}:")
        for side, name in jobs:
            print(f"  {name}, {side}: {found[side, name]}")
        for n in SIZES:
            alone, shared = (found["tbb", f"{form} {n}"].median for form in ("alone", "shared"))
            mark = " <" if n == WORTH_SHARING else ""
            print(f"  {n:>7,} numbers: alone {duration(alone)}, shared out {duration(shared)}{mark}")
        tbb, omp = (found[side, "region"].median for side in LAYERS)
        ratios.add(f"a region, OpenMP's time over TBB's, {state}", omp / tbb)
        ours, theirs = (found[side, "conv2d_backward"].median for side in ("tbb", "torch"))
        ratios.add(f"conv2d_backward of {IMAGE}, PyTorch's time over numgd's, {state}", theirs / ours)
    for worker in workers.values():
        worker.close()
    ratios.show()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", choices=(*LAYERS, "torch"))
    side = parser.parse_args().worker
    if side is None:
        main()
    else:
        work(side)
