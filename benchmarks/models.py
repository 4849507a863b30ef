"""The classic models against PyTorch on the CPU: inference and training steps; float32, all cores.

PyTorch's models are torchvision's (but for DenseNet-40, which it lacks); numgd's take their weights, and
outputs or losses are compared before anything is timed.  PyTorch runs eagerly, in NCHW and in channels_last,
and ratios are to the faster one.  In inference two further forms take part: numgd in a block of
`Network.frozen`, which prepares weights once, and PyTorch after `torch.jit.freeze` and
`torch.jit.optimize_for_inference`, which do the same there.  All sides take turns, each after a rest.

The growth of memory is that of the resident set in the second training step, each side in a process of its
own.

    python benchmarks/models.py                     everything
    python benchmarks/models.py vgg16 resnet50-step single parts

torchvision must be the build that belongs to the installed PyTorch.
"""

import argparse
import subprocess
import sys
import warnings
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import NamedTuple

import models_torch
import numpy as np
import torch
import torchvision
from networks import CORES, LOSS, REST, numgd_step, torch_step
from timing import Ratios, heading, interleaved, keep_memory

from numgd import nn

INFERENCE = {"resnet50": 224, "vgg16": 224, "densenet121": 224, "inception_v3": 299}
"""Models, and the size of their images."""

BATCHES = 1, 8
ROUNDS = 9


class Step(NamedTuple):
    """A training step: a model by its name, images and classes."""

    name: str
    module: Callable
    size: int
    batch: int
    classes: int
    target: float


STEPS = {
    "densenet40-step": Step("densenet40", models_torch.densenet40, 32, 64, 10, 1.2),
    "resnet18-step": Step("resnet18", torchvision.models.resnet18, 64, 32, 1000, 1.2),
    "resnet50-step": Step("resnet50", torchvision.models.resnet50, 224, 8, 1000, 1.1),
}

LAYOUTS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}


def images(batch, size):
    """A batch for numgd."""
    return np.random.default_rng(0).normal(size=(batch, size, size, 3)).astype(np.float32)


def network_of(name, module, size):
    """numgd's network with the weights of a module."""
    network = nn.models.create(name, input_shape=(size, size, 3))
    network.load_state_dict(module.state_dict(), layout="torch", ignore=("AuxLogits.",))
    return network


# Inference -----------------------------------------------------------------------------------------------


def module_of(name):
    """torchvision's model, with statistics as they could be after training."""
    torch.manual_seed(0)
    options = {"init_weights": False} if name == "inception_v3" else {}
    module = getattr(torchvision.models, name)(weights=None, **options).eval()
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return module


def torch_inference(module, X):
    """Functions for each form of PyTorch that return outputs."""
    found = {}
    for name, layout in LAYOUTS.items():
        own = deepcopy(module).to(memory_format=layout)
        x = torch.from_numpy(X).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        found[f"PyTorch eager, {name}"] = _inference(own, x)
        with warnings.catch_warnings():  # torch.jit is deprecated, but has the only such optimiser
            warnings.simplefilter("ignore")
            traced = torch.jit.freeze(torch.jit.trace(own, x))
            found[f"PyTorch frozen, {name}"] = _inference(torch.jit.optimize_for_inference(traced), x)
    return found


def _inference(module, x):
    def call():
        with torch.inference_mode():
            return module(x)

    return call


def infer(name, ratios):
    """Print times of inference, for each batch size."""
    size = INFERENCE[name]
    for batch in BATCHES:
        X, module = images(batch, size), module_of(name)
        network = network_of(name, module, size)
        forms = torch_inference(module, X)
        expected = network(X)
        for form, call in forms.items():
            error = np.abs(call().numpy() - expected).max() / np.abs(expected).max()
            if error > 1e-4:
                raise SystemExit(f"{form}: outputs of {name} differ by {error:.1e}")

        title = f"{name}, {size}², batch {batch}"
        print(f"\n{title}: {network.summary().multiply_adds / 1e9:.2f}·10⁹ multiply-adds per image")
        ours = partial(network, X)
        plain = interleaved({"numgd": ours, **forms}, ROUNDS, 0.2, rest=REST)
        with network.frozen():
            prepared = interleaved({"numgd frozen": ours, **forms}, ROUNDS, 0.2, rest=REST)
        for label, timing in {**plain, **prepared}.items():
            print(f"  {label}: {timing}")
        eager = min(t.median for label, t in plain.items() if "eager" in label)
        ratios.add(f"{title}, PyTorch eager / numgd", eager / plain["numgd"].median)
        prepared_time = prepared["numgd frozen"].median
        eager = min(t.median for label, t in prepared.items() if "eager" in label)
        ratios.add(f"{title}, PyTorch eager / numgd frozen", eager / prepared_time, 1.2)
        fastest = min(t.median for label, t in prepared.items() if "PyTorch frozen" in label)
        ratios.add(f"{title}, PyTorch frozen / numgd frozen", fastest / prepared_time)


# Training ------------------------------------------------------------------------------------------------


def batch_of(case):
    """Images and labels."""
    return images(case.batch, case.size), np.arange(case.batch) % case.classes


def module_for(case):
    """A module with its initial weights."""
    torch.manual_seed(0)
    return case.module()


def train(part, ratios):
    """Print times of training steps, and the growth of memory."""
    case = STEPS[part]
    X, y = batch_of(case)
    module = module_for(case)
    network = network_of(case.name, module, case.size)
    step = numgd_step(network, X, y)
    others = {}
    for name, layout in LAYOUTS.items():
        other = torch_step(module_for(case), X, y, layout)
        others[f"PyTorch eager, {name}"] = other
    loss = network.loss_and_gradient(X, y, LOSS)
    network.load_state_dict(module.state_dict(), layout="torch")
    for name, other in others.items():
        found = other().item()
        if abs(found - loss) > 1e-4 * abs(loss):
            raise SystemExit(f"the first losses differ: numgd {loss}, {name} {found}")
    title = f"{case.name} training step, {case.size}², batch {case.batch}"
    print(f"\n{title}")
    times = interleaved({"numgd": step, **others}, ROUNDS, 0.2, rest=REST)
    for name, timing in times.items():
        print(f"  {name}: {timing}; {case.batch / timing.median:,.1f} images/s")
    ours = times.pop("numgd").median
    ratios.add(title, min(t.median for t in times.values()) / ours, case.target)
    for side in ("numgd", "PyTorch"):
        first, second, peak = _memory(part, side)
        print(f"  {side}: first step {first:,.0f} MiB more, second {second:,.1f}; peak {peak:,.0f} MiB")


def _memory(part, side):
    command = [sys.executable, __file__, "--memory", part, side]
    done = subprocess.run(command, cwd=Path(__file__).parent, check=True, stdout=subprocess.PIPE, text=True)
    return map(float, done.stdout.split())


def measure_memory(part, side):
    """Print by how many MiB the first and the second step enlarge the resident set, and its peak."""
    case = STEPS[part]
    X, y = batch_of(case)
    if side == "numgd":
        step = numgd_step(nn.models.create(case.name, input_shape=X.shape[1:]), X, y)
    else:
        step = torch_step(module_for(case), X, y, torch.channels_last)
    sizes = [_resident("VmRSS")]
    for _ in range(2):
        step()
        sizes.append(_resident("VmRSS"))
    print(sizes[1] - sizes[0], sizes[2] - sizes[1], _resident("VmHWM"))


def _resident(name):
    """A line of /proc/self/status, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def main():
    """Run the named parts, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; by default all")
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(CORES)
    if options.memory:
        measure_memory(*options.memory)
        return
    names = options.parts or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"unknown parts {', '.join(unknown)}; there are {', '.join(PARTS)}")
    heading("Classic models: numgd vs PyTorch; all cores, float32", "torch", "torchvision")
    keep_memory()
    ratios = Ratios()
    for name in names:
        (infer if name in INFERENCE else train)(name, ratios)
    ratios.show()


PARTS = (*INFERENCE, *STEPS)

if __name__ == "__main__":
    main()
