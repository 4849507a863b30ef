"""Normalisation, pooling, dropout, dense: `numgd.nn.functional` against PyTorch on the CPU, float32.

Measured are whole public calls on all cores, against the faster of PyTorch's memory formats, NCHW and
channels_last, with its ReLU in place.  A row also states the fraction of the bandwidth of a copy, for the
bytes that must be moved: each array once for every pass over it that the formulas require.
"""

import os

import numba
import numpy as np
import torch
from timing import Ratios, heading, interleaved, keep_memory

from numgd.nn import functional as F
from numgd.nn.functional.checks import aligned

ROUNDS = 21
COPIED = 100_000_000  # bytes of the copy that bandwidth is measured by
IMAGES = ((32, 56, 56, 64), (32, 14, 14, 1024))
POOLS = (  # shape, kernel size, stride, padding: the pools of ResNet, GoogLeNet and VGG
    ((32, 112, 112, 64), 3, 2, 1),
    ((32, 28, 28, 192), 3, 1, 1),
    ((32, 56, 56, 128), 2, 2, 0),
)
FORMATS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


def copying():
    """Bytes per second that a copy reads and writes, on all cores."""
    source = torch.ones(COPIED // 4)
    target = torch.empty_like(source)
    timing = interleaved({"copy": lambda: target.copy_(source)}, ROUNDS)["copy"]
    return 2 * COPIED / timing.median


def draw(rng, shape):
    """Normal numbers in memory that begins at a cache line, as PyTorch's does."""
    array = aligned(shape, np.float32)
    array[...] = rng.normal(size=shape)
    return array


def image(array, memory_format):
    """A tensor (N, C, H, W) of an array (N, H, W, C)."""
    return torch.tensor(array).permute(0, 3, 1, 2).contiguous(memory_format=memory_format)


def compare(what, calls, moved, peak, ratios, target, rounds):
    """Time numgd against the variants of PyTorch and record the ratio to the fastest one."""
    timings = interleaved(calls, rounds)
    ours = timings.pop("numgd").median
    name = min(timings, key=lambda other: timings[other].median)
    theirs = timings[name].median
    rest = ", ".join(f"{other} {timing.median * 1e3:.2f} ms" for other, timing in timings.items())
    print(
        f"{what}: numgd {ours * 1e3:.2f} ms ({moved / ours / peak:.0%} of copying); PyTorch {rest}",
        flush=True,
    )
    ratios.add(what, theirs / ours, target)


def forms(function, x, grad, extra=()):
    """PyTorch's forward pass, and both passes, of a function, for each memory format."""
    forward, both = {}, {}
    for name, memory_format in FORMATS.items():
        plain = image(x, memory_format)
        leaf = plain.clone().requires_grad_()
        slope = image(grad, memory_format)
        leaves = [leaf, *(tensor.clone().requires_grad_() for tensor in extra)]

        def infer(plain=plain):
            with torch.no_grad():
                function(plain, *extra)

        def train(leaves=leaves, slope=slope):
            for tensor in leaves:
                tensor.grad = None
            function(*leaves).backward(slope)

        forward[name], both[name] = infer, train
    return forward, both


def batch_norm(ratios, peak, rounds=ROUNDS):
    """Batch norm in training, with and without ReLU, forward, and forward and backward."""
    rng = np.random.default_rng(1)
    for shape in IMAGES:
        x, grad = (draw(rng, shape) for _ in range(2))
        channels = shape[-1]
        gamma, beta = rng.uniform(0.5, 1.5, channels).astype(np.float32), np.zeros(channels, np.float32)
        running, kept = (
            (np.zeros(channels, np.float32), np.ones(channels, np.float32)),
            np.empty((2, channels)),
        )
        tracked = torch.zeros(channels), torch.ones(channels)
        for activation in (None, "relu"):

            def theirs(x, gamma, beta, activation=activation, tracked=tracked):
                y = torch.nn.functional.batch_norm(x, *tracked, gamma, beta, training=True)
                return torch.nn.functional.relu(y, inplace=True) if activation else y

            def forward(activation=activation, x=x, gamma=gamma, beta=beta, running=running, kept=kept):
                F.batch_norm(
                    x, gamma, beta, *running, training=True, activation=activation, statistics=kept
                )  # fmt: skip

            def both(
                forward=forward, activation=activation, x=x, gamma=gamma, beta=beta, grad=grad, kept=kept
            ):
                forward()
                F.batch_norm_backward(grad, x, gamma, beta, activation=activation, statistics=kept)

            other, other_both = forms(theirs, x, grad, (torch.tensor(gamma), torch.tensor(beta)))
            what = f"batch norm{' and ReLU' if activation else ''} {shape[1]}²×{channels}"
            compare(f"{what}, forward", {"numgd": forward, **other}, 3 * x.nbytes, peak, ratios, 1.3, rounds)
            calls = {"numgd": both, **other_both}
            compare(f"{what}, forward + backward", calls, 8 * x.nbytes, peak, ratios, 1.3, rounds)


def pooling(ratios, peak, rounds=ROUNDS):
    """Max and average pooling, forward, and forward and backward."""
    rng = np.random.default_rng(2)
    for shape, *how in POOLS:
        x = draw(rng, shape)
        y = F.avg_pool2d(x, *how)
        grad = draw(rng, y.shape)

        def maximum(x=x, how=how):
            F.max_pool2d(x, *how)

        def maximum_both(x=x, how=how, grad=grad):
            _, places = F.max_pool2d(x, *how, return_indices=True)
            F.max_pool2d_backward(grad, x, *how, indices=places)

        def average(x=x, how=how):
            F.avg_pool2d(x, *how)

        def average_both(x=x, how=how, grad=grad):
            F.avg_pool2d(x, *how)
            F.avg_pool2d_backward(grad, x, *how)

        for name, ours, ours_both, function in (
            ("max", maximum, maximum_both, torch.nn.functional.max_pool2d),
            ("average", average, average_both, torch.nn.functional.avg_pool2d),
        ):
            forward, both = forms(lambda x, function=function, how=how: function(x, *how), x, grad)
            what = f"{name} pooling {how[0]}×{how[0]}/{how[1]} of {shape[1]}²×{shape[3]}"
            calls = {"numgd": ours, **forward}
            compare(f"{what}, forward", calls, x.nbytes + y.nbytes, peak, ratios, 0.95, rounds)
            calls = {"numgd": ours_both, **both}
            compare(
                f"{what}, forward + backward", calls, 2 * (x.nbytes + y.nbytes), peak, ratios, 0.95, rounds
            )


def others(ratios, peak, rounds=ROUNDS):
    """Layer and group norm, local response normalisation, dropout, the dense layer; without targets."""
    rng = np.random.default_rng(3)
    x, grad = (draw(rng, (32, 56, 56, 64)) for _ in range(2))
    leaf = torch.tensor(x)
    calls = {
        "numgd": lambda: F.dropout(x, 0.5, seed=1),
        "PyTorch": lambda: torch.nn.functional.dropout(leaf, 0.5),
    }
    compare("dropout of 6.4·10⁶", calls, 2 * x.nbytes, peak, ratios, None, rounds)
    forward, both = forms(lambda x: torch.nn.functional.group_norm(x, 32), x, grad)
    calls = {"numgd": lambda: F.group_norm(x, 32), **forward}
    compare("group norm 56²×64, forward", calls, 3 * x.nbytes, peak, ratios, None, rounds)

    def ours():
        F.group_norm(x, 32)
        F.group_norm_backward(grad, x, 32)

    calls = {"numgd": ours, **both}
    compare("group norm 56²×64, forward + backward", calls, 8 * x.nbytes, peak, ratios, None, rounds)
    rows, slopes = x.reshape(-1, 512), grad.reshape(-1, 512)
    tensor, slope = torch.tensor(rows).requires_grad_(), torch.tensor(slopes)

    def ours():
        F.layer_norm(rows)
        F.layer_norm_backward(slopes, rows)

    def theirs():
        tensor.grad = None
        torch.nn.functional.layer_norm(tensor, (512,)).backward(slope)

    calls = {"numgd": ours, "PyTorch": theirs}
    compare("layer norm 12544×512, forward + backward", calls, 5 * x.nbytes, peak, ratios, None, rounds)
    x, grad = (draw(rng, (32, 27, 27, 96)) for _ in range(2))

    def ours():
        F.local_response_norm(x, 5)
        F.local_response_norm_backward(grad, x, 5)

    _, both = forms(lambda x: torch.nn.functional.local_response_norm(x, 5), x, grad)
    calls = {"numgd": ours, **both}
    what = "local response normalisation 27²×96, forward + backward"
    compare(what, calls, 5 * x.nbytes, peak, ratios, None, rounds)
    x, weight = (
        rng.normal(size=(64, 4096)).astype(np.float32),
        rng.normal(size=(4096, 4096)).astype(np.float32),
    )
    bias, grad = np.zeros(4096, np.float32), rng.normal(size=(64, 4096)).astype(np.float32)
    leaves, slope = [torch.tensor(a).requires_grad_() for a in (x, weight, bias)], torch.tensor(grad)

    def ours():
        y = F.dense(x, weight, bias, activation="relu")
        F.dense_backward(grad, x, weight, activation="relu", y=y)

    def theirs():
        for tensor in leaves:
            tensor.grad = None
        torch.nn.functional.relu(torch.nn.functional.linear(*leaves)).backward(slope)

    calls = {"numgd": ours, "PyTorch": theirs}
    moved = 3 * weight.nbytes
    compare("dense and ReLU 64×4096×4096, forward + backward", calls, moved, peak, ratios, None, rounds)


def main():
    """Run all families."""
    heading("Normalisation, pooling, dropout, dense layers: numgd vs PyTorch; all cores, float32", "torch")
    torch.set_num_threads(os.cpu_count())
    keep_memory()
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    ratios, peak = Ratios(), copying()
    print(f"copying: {peak / 1e9:.1f} GB/s")
    for family in (batch_norm, pooling, others):
        family(ratios, peak)
    ratios.show()


if __name__ == "__main__":
    main()
