"""The choice of a convolution algorithm: every one that applies, on a grid of shapes, in float32.

A row is a layer and one of its operations: forward, the gradient of the input or the gradient of the weights.
Algorithms that share the function of an operation are measured once.  The script prints the rows where the
chosen algorithm takes more than 10 % longer than the fastest one, and finally how much longer all choices
take, as a geometric mean.

The first part uses all cores and leaves 'pointwise' out: the threads of the BLAS spin for a while after each
product and would slow whatever is measured next.  The second part compares that with the others on one core.
"""

import itertools
import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numba
import numpy as np
from convolutions import Shape, arrays_of
from timing import Ratios, heading, interleaved, keep_memory

from numgd.kernels.cpu.layers.conv import ALGORITHMS
from numgd.kernels.cpu.layers.conv.choose import choose, layer_of
from numgd.kernels.cpu.layers.conv.cost import OPERATIONS

ROUNDS = 7
SHORTEST = 0.004  # seconds of a sample
TOLERANCE = 1.1


def grid():
    """The shapes: those of the classic networks, and small ones, for batches of 1, 8 and 32."""
    images = ((56, 64), (28, 128), (14, 256), (7, 512))
    for batch, (size, channels) in itertools.product((1, 8, 32), images):
        yield Shape(batch, size, channels, channels, 3)
        yield Shape(batch, size, channels, channels, 1)
        yield Shape(batch, size, channels, channels // 4, 1)
        yield Shape(batch, size, channels // 4, channels, 1)
        yield Shape(batch, size, channels, 2 * channels, 3, 2)
        yield Shape(batch, size, channels, channels, 3, 1, 32)
        yield Shape(batch, size, channels, channels, 3, 1, channels)
        yield Shape(batch, size, channels, channels, 3, 2, channels)
        yield Shape(batch, size, channels // 8, channels // 2, 5)
    for batch, channels in itertools.product((1, 8, 32), (1, 3, 4, 8, 12, 16)):
        yield Shape(batch, 28, channels, 16, 3)
        yield Shape(batch, 28, channels, 16, 5)
        yield Shape(batch, 8, channels, 32, 3)
    for batch in (1, 8):
        yield Shape(batch, 224, 3, 64, 7, 2)
        yield Shape(batch, 112, 16, 16, 3)


def calls(shape):
    """For each operation, the chosen name, and a call by the name of each algorithm that applies."""
    given = arrays_of(shape)
    _, weight, _, out, geometry = given["forward"]
    layer = layer_of(weight.shape, geometry)
    applying = [algorithm for algorithm in ALGORITHMS.values() if algorithm.reason_against(layer) is None]
    for operation in OPERATIONS:
        chosen = choose(operation, layer, *out.shape[:3])
        named = {getattr(chosen, operation): chosen.name}
        for algorithm in applying:
            named.setdefault(getattr(algorithm, operation), algorithm.name)
        yield (
            operation,
            chosen.name,
            {name: lambda f=f, a=given[operation]: f(*a) for f, name in named.items()},
        )


def compare(shapes, names, losses):
    """Measure the algorithms of these names and print the choices that are off."""
    for shape in shapes:
        if not all(word in str(shape) for word in sys.argv[1:]):
            continue
        for operation, chosen, functions in calls(shape):
            named = {name: function for name, function in functions.items() if name in names}
            if len(named) == 1:
                continue
            times = {name: timing.low for name, timing in interleaved(named, ROUNDS, SHORTEST).items()}
            order = sorted(times, key=times.get)
            losses.append(times[chosen] / times[order[0]])
            if losses[-1] > TOLERANCE:
                every = ", ".join(f"{name} {times[name] * 1e6:.0f} µs" for name in order)
                print(f"{shape}, {operation}: {losses[-1]:.2f} for {chosen}; {every}", flush=True)


def summarize(losses, what, ratios):
    """Print how many choices are off, and record the mean."""
    off = sum(loss > TOLERANCE for loss in losses)
    print(f"{what}: {off} of {len(losses)} choices are more than {TOLERANCE - 1:.0%} off\n", flush=True)
    ratios.add(f"time of the choices to that of the fastest, {what}", np.exp(np.log(losses).mean()))


def main():
    """Measure the grid, or the shapes whose text contains all words of the command line."""
    heading("Convolution: the chosen algorithm against the fastest one; float32")
    keep_memory()
    ratios = Ratios()
    of_numgd = ALGORITHMS.keys() - {"pointwise"}
    compare(grid(), of_numgd, losses := [])
    summarize(losses, "all cores", ratios)
    numba.set_num_threads(1)
    compare((shape for shape in grid() if shape.kernel == 1), ALGORITHMS.keys(), losses := [])
    summarize(losses, "1×1 on one core", ratios)
    ratios.show()


if __name__ == "__main__":
    main()
