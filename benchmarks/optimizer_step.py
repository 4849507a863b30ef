"""One step of Adam on given gradients: `numgd.Adam` against `torch.optim.Adam(fused=True)`, all cores, warm.

float32; one flat array of 10⁴, 10⁶ and 2.5·10⁷ parameters, and a list of 200 arrays of 100.  The gradients
are the same arrays at every step, as a framework keeps them; for the list also new ones each time.  A step
moves 28 bytes a parameter at least: parameter, gradient and two moments read, three of them written.  What
share that is of the bandwidth of copying is printed too.
"""

import os

import numpy as np
import torch
from timing import Ratios, duration, heading, interleaved

import numgd

ROUNDS = 21
BYTES = 28
COPIED = 200_000_000  # bytes of the copy that bandwidth is measured by


def torch_step(arrays, gradients):
    """PyTorch's step on copies of the arrays."""
    parameters = [torch.nn.Parameter(torch.tensor(p)) for p in arrays]
    for parameter, g in zip(parameters, gradients, strict=True):
        parameter.grad = torch.tensor(g)
    return torch.optim.Adam(parameters, fused=True).step


def bandwidth():
    """Bytes a second that a copy reads and writes, on all cores."""
    source = torch.ones(COPIED // 4)
    target = torch.empty_like(source)
    timing = interleaved({"copy": lambda: target.copy_(source)}, ROUNDS)["copy"]
    return 2 * COPIED / timing.median


def main():
    """Run all sizes."""
    heading("A step of Adam: numgd.Adam vs torch.optim.Adam(fused=True); all cores, float32", "torch")
    torch.set_num_threads(os.cpu_count())
    rng = np.random.default_rng(1)
    ratios = Ratios()
    copying = bandwidth()
    print(f"copying: {copying / 1e9:.1f} GB/s")
    for size, target in ((10**4, 3), (10**6, 0.95), (25 * 10**6, 0.95)):
        p, g = (rng.normal(size=size).astype(np.float32) for _ in range(2))
        optimizer, theirs = numgd.Adam(), torch_step([p], [g])
        calls = {
            "numgd": lambda optimizer=optimizer, p=p, g=g: optimizer.step(p, g),
            "PyTorch": theirs,
        }
        timings = interleaved(calls, ROUNDS)
        rate = BYTES * size / timings["numgd"].median
        print(
            f"n = {size:>10,}: numgd {timings['numgd']}, PyTorch {timings['PyTorch']}; "
            f"{rate / 1e9:.1f} GB/s, {rate / copying:.0%} of copying"
        )
        ratios.add(
            f"Adam step, {size:,} parameters", timings["PyTorch"].median / timings["numgd"].median, target
        )
    arrays = [rng.normal(size=100).astype(np.float32) for _ in range(200)]
    gradients = [rng.normal(size=100).astype(np.float32) for _ in range(200)]
    optimizer, other = numgd.Adam(), numgd.Adam()
    copies = [p.copy() for p in arrays]
    calls = {
        "numgd": lambda: optimizer.step(arrays, gradients),
        "numgd, new gradients": lambda: other.step(copies, [g.copy() for g in gradients]),
        "PyTorch": torch_step(arrays, gradients),
    }
    timings = interleaved(calls, ROUNDS)
    for name, timing in timings.items():
        print(f"200 arrays of 100: {name} {duration(timing.median)}")
    theirs = timings["PyTorch"].median
    ratios.add("Adam step, 200 arrays of 100", theirs / timings["numgd"].median, 5)
    ratios.add("Adam step, 200 arrays of 100, new gradients", theirs / timings["numgd, new gradients"].median)
    ratios.show()


if __name__ == "__main__":
    main()
