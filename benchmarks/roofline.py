"""A roofline of numgd's layer kernels: the rate that each reaches, beside what the processor allows, float32.

The roof of a kernel is the smaller of two rates: that of a matrix product by the BLAS, and its multiply-adds
per byte times the bandwidth at which ReLU reads and writes an array.  Bytes count each array once per pass
over it that the formulas require; multiply-adds are those of the definition, so Winograd's algorithm, which
needs fewer, may pass the roof.  All levels of x86-64 that the processor
supports are measured, each in a process of its own, on all cores.

    python benchmarks/roofline.py                      tables in Markdown
    python benchmarks/roofline.py --draw roofline.png  and a picture
"""

import json
import os
import subprocess
import sys

import numpy as np
from convolutions import Shape, arrays_of
from timing import heading, interleaved, keep_memory

from numgd.jit.target import target_levels
from numgd.kernels.cpu.layers.conv import ALGORITHMS
from numgd.kernels.cpu.layers.conv.cost import FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT
from numgd.nn import functional as F

ROUNDS = 9
CONVOLUTIONS = (
    ("direct", Shape(32, 56, 64, 256, 1)),
    ("direct", Shape(32, 14, 1024, 256, 1)),
    ("direct", Shape(32, 56, 64, 128, 3, 2)),
    ("direct", Shape(32, 7, 1024, 1024, 3, 1, 32)),
    ("few_channels", Shape(32, 224, 3, 64, 7, 2)),
    ("few_channels", Shape(64, 28, 1, 6, 5)),
    ("winograd_2", Shape(32, 56, 64, 64, 3)),
    ("winograd_4", Shape(32, 56, 64, 64, 3)),
    ("winograd_4", Shape(32, 14, 256, 256, 3)),
    ("depthwise", Shape(32, 56, 128, 128, 3, 2, 128)),
    ("depthwise", Shape(32, 56, 128, 128, 3, 1, 32)),
    ("depthwise_lines", Shape(32, 56, 128, 128, 3, 1, 128)),
    ("pointwise", Shape(32, 56, 64, 256, 1)),  # last: the threads of the BLAS spin for a while after a call
    ("pointwise", Shape(32, 14, 1024, 256, 1)),
)
OPERATIONS = {FORWARD: "forward", INPUT_GRADIENT: "gradient of x", WEIGHT_GRADIENT: "gradient of weights"}
CORES = {"x86-64-v3": "Haswell", "x86-64-v4": "SkylakeX"}
"""OpenBLAS' names of processors with the instructions of a level."""


def best(function):
    """Seconds of a call: the lower quartile."""
    return interleaved({"": function}, ROUNDS, 0.02)[""].low


def convolutions():
    """Name, multiply-adds, bytes and seconds of each convolution."""
    for name, shape in CONVOLUTIONS:
        algorithm, arguments = ALGORITHMS[name], arrays_of(shape)
        x, weight, _, out = arguments["forward"][:4]
        products = out.size * weight[0].size
        for operation, what in OPERATIONS.items():
            function, given = getattr(algorithm, operation), arguments[operation]
            moved = x.nbytes + weight.nbytes + out.nbytes
            seconds = best(lambda function=function, given=given: function(*given))
            yield f"{name}, {shape}, {what}", products, moved, seconds


def passes(x):
    """The same of kernels that are bound by memory; a multiply-add stands for any two operations."""
    y = np.empty_like(x)
    half = np.empty((x.shape[0], x.shape[1] // 2, x.shape[2] // 2, x.shape[3]), x.dtype)
    channels = x.shape[3]
    gamma, beta, mean, variance = np.ones((4, channels), x.dtype)
    yield (
        "batch_norm, training", 4 * x.size, 3 * x.nbytes,
        best(lambda: F.batch_norm(x, gamma, beta, mean, variance, training=True, out=y)),
    )  # fmt: skip
    yield "max_pool2d 2×2", x.size / 2, 1.25 * x.nbytes, best(lambda: F.max_pool2d(x, 2, out=half))
    yield "avg_pool2d 2×2", x.size / 2, 1.25 * x.nbytes, best(lambda: F.avg_pool2d(x, 2, out=half))


def measure():
    """Print what one process measures, as JSON."""
    keep_memory()
    x = np.random.default_rng(0).normal(size=(32, 56, 56, 128)).astype(np.float32)
    y = np.empty_like(x)
    bandwidth = 2 * x.nbytes / best(lambda: F.relu(x, out=y))
    rows = [*passes(x), *convolutions()]
    a, b = x.reshape(-1, 2048)[:2048], x.reshape(-1, 2048)[2048:4096]
    peak = 2048**3 / best(lambda: a @ b)
    print(json.dumps({"peak": peak, "bandwidth": bandwidth, "rows": rows}))


def measured(level):
    """What a process for one level measures."""
    environment = {**os.environ, "NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": "", "MEASURE": "1"}
    environment["OPENBLAS_CORETYPE"] = CORES.get(level, "")
    process = subprocess.run([sys.executable, __file__], env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(process.stdout.splitlines()[-1])


def draw(results, file):
    """One picture with a roof and points for each level."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(results), figsize=(7 * len(results), 5), squeeze=False)
    for axis, (level, result) in zip(axes[0], results.items(), strict=True):
        intensity = np.geomspace(0.05, 500, 200)
        axis.loglog(intensity, np.minimum(2 * result["peak"], result["bandwidth"] * intensity) / 1e9, "k-")
        for kind in dict.fromkeys(row[0].partition(",")[0] for row in result["rows"]):
            rows = [row for row in result["rows"] if row[0].partition(",")[0] == kind]
            points = [(2 * count / moved, 2 * count / seconds / 1e9) for _, count, moved, seconds in rows]
            axis.plot(*zip(*points, strict=True), "o", label=kind, markersize=5)
        axis.set(title=level, xlabel="operations per byte", ylabel="GFLOP/s")
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def main():
    """Measure every level and print a table for each."""
    heading("Roofline of layer kernels; float32, all cores")
    results = {level: measured(level) for level in target_levels()}
    for level, result in results.items():
        print(f"\n{level}: matrix product {2 * result['peak'] / 1e9:.0f} GFLOP/s, ", end="")
        print(f"{result['bandwidth'] / 1e9:.1f} GB/s read and written\n")
        print("| kernel | operations per byte | GFLOP/s | of the roof |\n|---|---|---|---|")
        for name, products, moved, seconds in result["rows"]:
            roof = min(result["peak"], result["bandwidth"] / moved * products)
            rate = products / seconds
            print(f"| {name} | {2 * products / moved:.1f} | {2 * rate / 1e9:.0f} | {rate / roof:.0%} |")
    if len(sys.argv) == 3 and sys.argv[1] == "--draw":
        draw(results, sys.argv[2])


if __name__ == "__main__":
    measure() if os.environ.get("MEASURE") else main()
