"""Losses and activations: `numgd.nn.functional` against PyTorch on the CPU, whole public calls, all cores.

Each function prints its rows and adds its ratios (PyTorch's time over numgd's) to its argument.
``benchmarks/kernels.py`` calls all of them, and so does this file as a script.
"""

import os

import numpy as np
import torch
import torch.nn.functional as theirs
from timing import Ratios, heading, interleaved, keep_memory

import numgd.nn.functional as ours
from numgd.scalars import ACTIVATIONS

ROUNDS = 21
TARGET = 0.95


def cross_entropies(ratios, rounds=ROUNDS):
    """Softmax cross-entropy with labels, mean: 64 × 1000 and 64 × 10."""
    rng = np.random.default_rng(1)
    for rows, classes in ((64, 1000), (64, 10)):
        x = rng.normal(size=(rows, classes)).astype(np.float32)
        labels = rng.integers(0, classes, rows)
        _compare(
            f"cross-entropy {rows} × {classes}",
            (lambda x=x, labels=labels: ours.cross_entropy(x, labels)),
            (lambda x=x, labels=labels: ours.cross_entropy_backward(1.0, x, labels)),
            theirs.cross_entropy,
            (x, labels),
            ratios,
            rounds,
            TARGET,
        )


def smooth_l1(ratios, rounds=ROUNDS, size=10**7):
    """Smooth L1 over 10⁷ elements, mean."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, size)).astype(np.float32)
    _compare(
        f"smooth L1 of {size:,}",
        lambda: ours.smooth_l1_loss(x, y),
        lambda: ours.smooth_l1_loss_backward(1.0, x, y),
        theirs.smooth_l1_loss,
        (x, y),
        ratios,
        rounds,
        TARGET,
    )


def binary_cross_entropies(ratios, rounds=ROUNDS, size=10**6):
    """Binary cross-entropy from logits over 10⁶ elements, mean."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=size).astype(np.float32)
    y = rng.integers(0, 2, size).astype(np.float32)
    _compare(
        f"binary cross-entropy of {size:,} logits",
        lambda: ours.binary_cross_entropy_with_logits(x, y),
        lambda: ours.binary_cross_entropy_with_logits_backward(1.0, x, y),
        theirs.binary_cross_entropy_with_logits,
        (x, y),
        ratios,
        rounds,
    )


def activations(ratios, rounds=ROUNDS, shape=(32, 28, 28, 128)):
    """Every activation over a batch of images, and softmax over 4096 × 1000."""
    rng = np.random.default_rng(4)
    names = [*dict.fromkeys(record.function for record in ACTIVATIONS.values()), "softmax", "log_softmax"]
    for name in names:
        along = {"dim": -1} if "softmax" in name else {}
        sizes = (4096, 1000) if along else shape
        x, grad = rng.normal(size=(2, *sizes)).astype(np.float32)
        forward, backward = getattr(ours, name), getattr(ours, f"{name}_backward")
        function = getattr(theirs, name)
        given = torch.tensor(grad)
        _compare(
            f"{name} of {' × '.join(map(str, sizes))}",
            lambda forward=forward, x=x: forward(x),
            lambda backward=backward, x=x, grad=grad: backward(grad, x),
            lambda t, function=function, along=along: function(t, **along),
            (x,),
            ratios,
            rounds,
            grad=given,
        )


def _compare(what, forward, backward, function, arrays, ratios, rounds, target=None, grad=None):
    """Forward, and forward and backward, against PyTorch's function and its autograd."""
    plain = [torch.tensor(a) for a in arrays]
    traced = [plain[0].clone().requires_grad_(True), *plain[1:]]

    def their_forward():
        with torch.no_grad():
            function(*plain)

    def their_both():
        traced[0].grad = None
        function(*traced).backward(grad)

    def our_both():
        forward()
        backward()

    forwards = interleaved({"ours": forward, "theirs": their_forward}, rounds)
    both = interleaved({"ours": our_both, "theirs": their_both}, rounds)
    print(f"{what}: forward numgd {forwards['ours']}, PyTorch {forwards['theirs']}")
    print(f"{what}: forward and backward numgd {both['ours']}, PyTorch {both['theirs']}", flush=True)
    ratios.add(f"{what}, forward", forwards["theirs"].median / forwards["ours"].median, target)
    ratios.add(f"{what}, forward and backward", both["theirs"].median / both["ours"].median, target)


FAMILIES = (cross_entropies, smooth_l1, binary_cross_entropies, activations)


def main():
    """Run all families."""
    heading("Losses and activations: numgd vs PyTorch on the CPU; all cores, float32", "torch")
    torch.set_num_threads(os.cpu_count())
    keep_memory()
    ratios = Ratios()
    for family in FAMILIES:
        family(ratios)
    ratios.show()


if __name__ == "__main__":
    main()
