"""Training steps of networks against PyTorch on the CPU: forward, loss, backward, Adam; float32, all cores.

Both sides start with the same weights, and compute the same loss for the same batch before they are timed.
PyTorch runs eagerly, in NCHW and in channels_last, and compiled by `torch.compile` where that works, with
fused Adam; ratios are to the fastest of the eager ones, and to the fastest of all.  They take turns, each
after a rest: the threads that PyTorch leaves spinning would slow the next measurement.

Rates are in images per second and core.  The share of the peak compares the multiply-adds of a step (three
times those of the forward pass, less the gradient of the input) with those of a large matrix product.

    python benchmarks/networks.py                   everything
    python benchmarks/networks.py lenet64 overhead  single parts

Parts: lenet64, lenet2048, digits, mlp, resnet20 (networks and batches); overhead (what Python takes of a
LeNet step); first (the first LeNet step of a new process).
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import NamedTuple

import models_numgd
import models_torch
import numpy as np
import torch
from timing import Ratios, heading, interleaved, keep_memory, summary
from torch.nn import functional

import numgd
from numgd import nn

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
ROUNDS = 15
REST = 0.25
"""Seconds before each sample: more than OpenMP's threads spin (0.2 s at most)."""
LOSS = "cross_entropy"


class Case(NamedTuple):
    """A network and a batch."""

    title: str
    ours: Callable
    theirs: Callable
    input_shape: tuple
    batch: int


CASES = {
    "lenet64": Case("LeNet", models_numgd.lenet, models_torch.lenet, (28, 28, 1), 64),
    "lenet2048": Case("LeNet", models_numgd.lenet, models_torch.lenet, (28, 28, 1), 2048),
    "digits": Case("convolutions of 8²", models_numgd.digits, models_torch.digits, (8, 8, 1), 32),
    "mlp": Case("MLP 784-256-128-10", models_numgd.mlp, models_torch.mlp, (784,), 128),
    "resnet20": Case("ResNet-20", models_numgd.resnet20, models_torch.resnet20, (32, 32, 3), 128),
}


# Steps ---------------------------------------------------------------------------------------------------


def batch_of(case):
    """Images and labels."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(case.batch, *case.input_shape)).astype(np.float32)
    return X, rng.integers(0, 10, case.batch)


def numgd_step(network, X, y):
    """A function that makes a training step and returns the loss."""
    optimizer = numgd.Adam()

    def step():
        loss = network.loss_and_gradient(X, y, LOSS)
        optimizer.step(network.parameters, network.gradient)
        return loss

    return step


def torch_step(model, X, y, layout, compiled=False):
    """The same for PyTorch: images channels first, or last by strides."""
    model.train()
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    if X.ndim == 4:
        X = X.permute(0, 3, 1, 2).contiguous(memory_format=layout)
        model = model.to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    run = torch.compile(model) if compiled else model

    def step():
        optimizer.zero_grad()
        loss = functional.cross_entropy(run(X), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def rivals(case, network, X, y, compiled):
    """PyTorch's steps by name; those that fail are named and left out."""
    layouts = {"": torch.contiguous_format}
    if len(case.input_shape) == 3:
        layouts[", channels last"] = torch.channels_last
    found = {}
    for kind, layout in product(("eager", "compiled") if compiled else ("eager",), layouts):
        name, model = kind + layout, case.theirs()
        models_torch.copy_weights(network, model)
        step = torch_step(model, X, y, layouts[layout], kind == "compiled")
        try:
            loss = step().item()
        except (
            Exception
        ) as error:  # torch.compile needs a C++ compiler, and not all that it needs is installed
            print(f"  PyTorch {name} failed: {type(error).__name__}: {str(error).strip().splitlines()[0]}")
            continue
        found[name] = step, loss
    return found


# Parts ---------------------------------------------------------------------------------------------------


def multiply_adds(network):
    """Those of a training step for one image."""
    forward = [row.multiply_adds for row in network.summary().rows if row.multiply_adds]
    return 3 * sum(forward) - forward[0]


def matrix_product():
    """A product by the BLAS, on all cores, and its multiply-adds."""
    a, b = np.random.default_rng(0).normal(size=(2, 2048, 2048)).astype(np.float32)
    return lambda: a @ b, 2048**3


def compare(case, ratios, compiled):
    """Print the times of a case, all sides in turns."""
    X, y = batch_of(case)
    network = nn.Network(case.ours(), case.input_shape)
    step = numgd_step(network, X, y)
    products, title = case.batch * multiply_adds(network), f"{case.title}, batch {case.batch}"
    print(f"\n{title}: {network.parameters.size:,} parameters, {products / 1e6:,.0f} million multiply-adds")
    torch.compiler.reset()  # else the limit of compilations that a process may make is reached, silently
    others = rivals(case, network, X, y, compiled)
    loss = step()
    for name, (_, other) in others.items():
        if abs(other - loss) > 1e-4 * abs(loss):
            raise SystemExit(f"the first losses differ: numgd {loss}, PyTorch {name} {other}")
    product_call, product_size = matrix_product()
    calls = {f"PyTorch {name}": other for name, (other, _) in others.items()}
    # Apart: next to the steps, the threads of the BLAS slowed those of both sides by half.
    before = interleaved({"product": product_call}, 3)["product"]
    times = interleaved({"numgd": step, **calls}, ROUNDS, 0.1, rest=REST)
    after = interleaved({"product": product_call}, 3)["product"]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    fastest = product_size / min(before.median, after.median)
    print(f"  matrix product: {2 * fastest / 1e9:.0f} GFLOP/s{load}")
    for name, timing in times.items():
        rate, share = case.batch / timing.median / CORES, products / timing.median / fastest
        print(f"  {name}: {timing}; {rate:,.0f} images/s and core, {share:.0%} of the peak")
    ours = times.pop("numgd").median
    ratios.add(
        f"{title}, PyTorch eager", min(t.median for name, t in times.items() if "eager" in name) / ours
    )
    if any("compiled" in name for name in times):
        ratios.add(f"{title}, fastest PyTorch", min(t.median for t in times.values()) / ours)


def overhead(ratios):
    """Print what of a LeNet step is spent outside the recorded program: Python, copies and Adam."""
    case = CASES["lenet64"]
    X, y = batch_of(case)
    network, hollow = (nn.Network(case.ours(), case.input_shape) for _ in range(2))
    steps = numgd_step(network, X, y), numgd_step(hollow, X, y)
    for step in steps:
        step()
    # A difference of two long times would be lost in their noise: a network without its program shows it.
    hollow._plan(len(X), nn.CrossEntropy())._program.run = lambda: None
    optimizer = numgd.Adam()
    calls = {
        "step": steps[0],
        "recorded program": network._plan(len(X), nn.CrossEntropy())._program.run,
        "step without its program": steps[1],
        "of that, the step of Adam": lambda: optimizer.step(hollow.parameters, hollow.gradient),
    }
    times = interleaved(calls, ROUNDS, 0.1)
    print(f"\nA LeNet step, batch {case.batch}:")
    for name, timing in times.items():
        print(f"  {name}: {timing}")
    share = times["step without its program"].median / times["step"].median
    ratios.add("LeNet step at batch 64, share of the time outside its program", share)


FIRST = {
    "numgd": """
import time
import numpy as np, numgd
from numgd import nn
from models_numgd import lenet
nn.Network, numgd.Adam, lenet()
X, y = np.ones((64, 28, 28, 1), np.float32), np.arange(64) % 10
start = time.perf_counter()
network, optimizer = nn.Network(lenet(), (28, 28, 1)), numgd.Adam()
network.loss_and_gradient(X, y, "cross_entropy")
optimizer.step(network.parameters, network.gradient)
print(time.perf_counter() - start)
""",
    "PyTorch eager": """
import time
import torch
from models_torch import lenet
X, y = torch.ones(64, 1, 28, 28), torch.arange(64) % 10
start = time.perf_counter()
model = lenet()
optimizer = torch.optim.Adam(model.parameters(), fused=True)
torch.nn.functional.cross_entropy(model(X), y).backward()
optimizer.step()
print(time.perf_counter() - start)
""",
}


def first(ratios):
    """Print the time that the first step takes in new processes; numgd's machine code is cached."""
    samples = {side: [_seconds(script) for _ in range(8)][1:] for side, script in FIRST.items()}
    print("\nBuilding a LeNet and its first step, batch 64, in a new process, beyond imports:")
    for side, values in samples.items():
        print(f"  {side}: {summary(values)}")
    found = {side: summary(values).median for side, values in samples.items()}
    ratios.add("first LeNet step of a process, time", found["numgd"] / found["PyTorch eager"])


def _seconds(script):
    command = [sys.executable, "-c", script]
    folder = Path(__file__).parent
    return float(subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main():
    """Run the named parts, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; by default all")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out; it takes minutes")
    options = parser.parse_args()
    names = options.parts or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"unknown parts {', '.join(unknown)}; there are {', '.join(PARTS)}")
    heading("Training steps of networks: numgd vs PyTorch; all cores, float32", "torch")
    torch.set_num_threads(CORES)
    keep_memory()
    ratios = Ratios()
    for name in names:
        if name in CASES:
            compare(CASES[name], ratios, not options.no_compile)
        else:
            OTHERS[name](ratios)
    ratios.show()


OTHERS = {"overhead": overhead, "first": first}
PARTS = (*CASES, *OTHERS)

if __name__ == "__main__":
    main()
