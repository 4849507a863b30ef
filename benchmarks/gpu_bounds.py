"""What CUDA kernels could reach at best, calculated from machine code and launches; nothing is measured.

No GPU is needed: drivers run on arrays of the host that stand for device arrays, each kernel that they launch
is compiled for sm_90, and the assembler says how many registers it takes.  For each launch the table has

    occupancy   warps that a multiprocessor holds, of 64, from registers, threads and shared memory
    waves       blocks, in units of what all multiprocessors hold at a time
    GB          bytes of its arrays, each counted once unless it is known that one is read and written
    bound       the longer of the time of these bytes and that of the multiply-adds

and for each operation the sum of the bounds.  Caches, latency and launches are left out.

    python benchmarks/gpu_bounds.py                   everything, on an H200
    python benchmarks/gpu_bounds.py adam --gpu h100   single parts
"""

import argparse
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(1, str(Path(__file__).parents[1] / "tests"))

from cuda_builds import Dry, dry_empty, launches

BATCH = 64
LARGE = 10**8


class Device(NamedTuple):
    """What a GPU offers, by its data sheet."""

    bandwidth: float  # bytes per second
    multiply_adds: float  # of float32, per second
    processors: int


DEVICES = {
    "h100": Device(3.35e12, 33.5e12, 132),
    "h200": Device(4.8e12, 33.5e12, 132),
    "a100": Device(1.94e12, 9.7e12, 108),
}

WINOGRAD = 16 / 36
"""Multiply-adds of Winograd's algorithm F(2×2, 3×3), as a share of the direct ones."""

WARPS, BLOCKS, REGISTERS, SHARED = 64, 32, 65_536, 228 * 1024
"""Of a multiprocessor of compute capability 9.0."""


def resident(built, threads):
    """Blocks that a multiprocessor holds at a time."""
    warps = -(-threads // 32)
    registers = -(-built.registers * 32 // 256) * 256 * warps  # given out in units of 256 for a warp
    limits = WARPS // warps, BLOCKS, REGISTERS // max(1, registers), SHARED // (built.shared + 1024)
    return max(1, min(limits))


def arrays_in(arguments):
    """The arrays among arguments, also those in tuples."""
    for argument in arguments:
        if isinstance(argument, Dry):
            yield argument
        elif isinstance(argument, tuple):
            yield from arrays_in(argument)


def show(title, drive, device, multiply_adds=0, moved_by_heaviest=0):
    """The table of what ``drive()`` launches.

    Multiply-adds, and bytes if arrays are both read and written, are those of the launch with most bytes.
    """
    with launches() as made:
        drive()
    print(f"\n{title}")
    print(f"{'kernel':<34}{'launches':>9}{'regs':>6}{'occupancy':>10}{'waves':>8}{'GB':>9}{'bound':>11}")
    rows, total = Counter(), 0.0
    moved = [sum({a.ctypes.data: a.nbytes for a in arrays_in(one.arguments)}.values()) for one in made]
    heaviest = max(range(len(made)), key=moved.__getitem__)
    if any(one.kernel.py_func.__name__ == "_read_tiles" for one in made):
        multiply_adds *= WINOGRAD
    moved[heaviest] = moved_by_heaviest or moved[heaviest]
    known = {}
    for place, (one, nbytes) in enumerate(zip(made, moved, strict=True)):
        key = id(one.kernel), one.signature
        if key not in known:
            known[key] = one.build()
        products = multiply_adds if place == heaviest else 0
        bound = max(nbytes / device.bandwidth, products / device.multiply_adds)
        total += bound
        rows[key, one.blocks, one.threads, nbytes, bound, one.kernel.py_func.__name__] += 1
    for (key, blocks, threads, nbytes, bound, name), count in rows.items():
        built, per_block = known[key], int(np.prod(threads))
        held = resident(built, per_block)
        share = held * -(-per_block // 32) / WARPS
        waves = np.prod(blocks) / (held * device.processors)
        print(
            f"{name:<34}{count:>9}{built.registers:>6}{share:>10.0%}{waves:>8.2f}{nbytes / 1e9:>9.3g}"
            f"{bound * 1e6:>8.3f} µs"
        )
    print(f"calculated, not measured: {len(made)} launches, at least {total * 1e6:.4g} µs", flush=True)


def zeros(*shape, dtype=np.float32):
    """An array that stands for one on the device; its memory is not touched."""
    return dry_empty(shape, np.dtype(dtype))


def adam(device):
    """Adam over a long vector."""
    import numgd

    p, g = zeros(LARGE), zeros(LARGE)
    optimizer = numgd.Adam()
    with launches():
        optimizer.step(p, g)  # makes its memory
    show(f"Adam, {LARGE:,} parameters", lambda: optimizer.step(p, g), device, 0, 28 * LARGE)


def batch_norm(device):
    """Training, forward and backward."""
    from numgd.nn import functional as F

    x, gamma = zeros(BATCH, 56, 56, 256), zeros(256)
    statistics = zeros(2, 256, dtype=np.float64)
    given = {"training": True, "statistics": statistics}
    show("batch norm (64, 56, 56, 256), forward", lambda: F.batch_norm(x, gamma, gamma, **given), device)
    y = zeros(*x.shape)
    backward = {"statistics": statistics}
    show("  backward", lambda: F.batch_norm_backward(y, x, gamma, gamma, **backward), device)


def pools(device):
    """Maximum and average pools, forward and backward."""
    from numgd.nn import functional as F

    x, grad = zeros(BATCH, 56, 56, 256), zeros(BATCH, 28, 28, 256)
    places = zeros(*grad.shape, dtype=np.int32)
    show("maximum pool 2×2 (64, 56, 56, 256)", lambda: F.max_pool2d(x, 2), device)
    show("  gradient", lambda: F.max_pool2d_backward(grad, x, 2, indices=places), device)
    show("average pool 2×2", lambda: F.avg_pool2d(x, 2), device)


def convolution(device):
    """3×3 convolutions of ResNets."""
    from numgd.nn import functional as F

    for size, channels in ((56, 64), (28, 128), (14, 256), (7, 512)):
        x, weight = zeros(BATCH, size, size, channels), zeros(channels, 3, 3, channels)
        products = 9 * channels**2 * BATCH * size**2
        title = f"3×3 {size}² {channels}, batch {BATCH}"
        show(f"{title}, forward", partial(F.conv2d, x, weight, padding=1), device, products)
        for what, wanted in (("x", (True, False)), ("weights", (False, True))):
            need = dict(zip(("need_x", "need_weight"), wanted, strict=True)) | {"need_bias": False}
            show(
                f"{title}, gradient of {what}",
                partial(F.conv2d_backward, x, x, weight, padding=1, **need),
                device,
                products,
            )


def networks(device):
    """The launches of whole training steps."""
    import models_numgd

    from numgd import nn

    cases = (
        ("LeNet", models_numgd.lenet, (28, 28, 1), 64),
        ("ResNet-20", models_numgd.resnet20, (32, 32, 3), 128),
    )
    for title, model, shape, batch in cases:
        network = nn.Network(model(), input_shape=shape).to("cuda")
        X, y = np.zeros((batch, *shape), np.float32), np.zeros(batch, np.int64)
        network.loss_and_gradient(X, y, "cross_entropy")  # plans and records
        show(
            f"{title}, batch {batch}, a step",
            partial(network.loss_and_gradient, X, y, "cross_entropy"),
            device,
        )


PARTS = {part.__name__: part for part in (adam, batch_norm, pools, convolution, networks)}


def main():
    """Show the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all by default")
    parser.add_argument("--gpu", choices=DEVICES, default="h200")
    options = parser.parse_args()
    with launches():  # stands in for the device outside the tables, too
        for name in options.parts or PARTS:
            PARTS[name](DEVICES[options.gpu])


if __name__ == "__main__":
    main()
