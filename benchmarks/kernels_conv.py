"""Convolutions: numgd.nn.functional against PyTorch, forward and forward with backward, in float32.

PyTorch's time is that of the faster of its two layouts, NCHW and channels last, for weights and results too.
Forward and backward computes all gradients; for first layers, those of weight and bias only.  numgd packs its
weights in every call.
"""

from typing import NamedTuple

import numpy as np
import torch
from timing import Ratios, heading, interleaved, keep_memory

from numgd.nn.functional import conv2d, conv2d_backward
from numgd.nn.functional.checks import aligned

ROUNDS = 9


class Layer(NamedTuple):
    """A convolution to measure."""

    name: str
    batch: int
    size: int
    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    first: bool = False

    def result(self):
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    def products(self):
        """Multiply-adds of the direct algorithm, forward."""
        pixels = self.batch * self.result() ** 2
        return pixels * self.out_channels * self.kernel**2 * (self.in_channels // self.groups)


FAMILIES = {
    "3x3": (
        [
            Layer("3x3 56² 64", 32, 56, 64, 64, 3, 1, 1),
            Layer("3x3 28² 128", 32, 28, 128, 128, 3, 1, 1),
            Layer("3x3 14² 256", 32, 14, 256, 256, 3, 1, 1),
            Layer("3x3 7² 512", 32, 7, 512, 512, 3, 1, 1),
            Layer("3x3 224² 64, batch 4", 4, 224, 64, 64, 3, 1, 1),
        ],
        (1.3, 1.2),
    ),
    "1x1": (
        [
            Layer("1x1 56² 64→256", 32, 56, 64, 256, 1),
            Layer("1x1 28² 512→128", 32, 28, 512, 128, 1),
            Layer("1x1 14² 1024→256", 32, 14, 1024, 256, 1),
            Layer("1x1 7² 512→2048", 32, 7, 512, 2048, 1),
        ],
        (0.95, 0.95),
    ),
    "first layers": (
        [
            Layer("7x7 stride 2 224² 3→64", 32, 224, 3, 64, 7, 2, 3, first=True),
            Layer("11x11 stride 4 224² 3→64", 32, 224, 3, 64, 11, 4, 2, first=True),
        ],
        (1.0, 1.0),
    ),
    "LeNet": (
        [
            Layer("5x5 28² 1→6, batch 64", 64, 28, 1, 6, 5, 1, 2, first=True),
            Layer("5x5 14² 6→16, batch 64", 64, 14, 6, 16, 5),
        ],
        (2.0, 2.0),
    ),
    "depthwise": (
        [
            Layer("depthwise 112² 32", 32, 112, 32, 32, 3, 1, 1, 32),
            Layer("depthwise 56² 128", 32, 56, 128, 128, 3, 1, 1, 128),
            Layer("depthwise 28² 256", 32, 28, 256, 256, 3, 1, 1, 256),
            Layer("depthwise 14² 512", 32, 14, 512, 512, 3, 1, 1, 512),
            Layer("depthwise 7² 1024", 32, 7, 1024, 1024, 3, 1, 1, 1024),
        ],
        (1.0, 1.0),
    ),
    "grouped": (
        [
            Layer("32×4d 56² 128", 32, 56, 128, 128, 3, 1, 1, 32),
            Layer("32×8d 28² 256", 32, 28, 256, 256, 3, 1, 1, 32),
            Layer("32×16d 14² 512", 32, 14, 512, 512, 3, 1, 1, 32),
            Layer("32×32d 7² 1024", 32, 7, 1024, 1024, 3, 1, 1, 32),
        ],
        (1.5, 1.5),
    ),
}
"""Layers by family, and the target ratios: forward, and forward with backward."""


def _numgd(layer, x, weight, bias, grad):
    options = {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups}

    def forward():
        return conv2d(x, weight, bias, **options)

    def both():
        forward()
        conv2d_backward(grad, x, weight, **options, need_x=not layer.first)

    return forward, both


def _torch(layer, x, weight, bias, grad, layout):
    def tensor(array):
        given = torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, 3, 1)))
        return given.contiguous(memory_format=layout)

    x, weight, grad = (tensor(array) for array in (x, weight, grad))
    bias = torch.from_numpy(bias.copy())
    functional = torch.nn.functional.conv2d
    options = {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups}

    def forward():
        with torch.no_grad():
            return functional(x, weight, bias, **options)

    inputs = [t.clone().requires_grad_() for t in (weight, bias)]
    image = x.clone().requires_grad_(not layer.first)

    def both():
        result = functional(image, *inputs, **options)
        torch.autograd.grad(result, inputs if layer.first else [image, *inputs], grad)

    return forward, both


def measure(layer, rounds=ROUNDS):
    """Seconds by name, of numgd and PyTorch: forward, and both passes."""
    rng = np.random.default_rng(1)
    result = layer.result()

    def draw(*shape):
        array = aligned(shape, np.float32)  # as PyTorch's arrays are
        array[...] = rng.normal(size=shape)
        return array

    x = draw(layer.batch, layer.size, layer.size, layer.in_channels)
    weight = draw(layer.out_channels, layer.kernel, layer.kernel, layer.in_channels // layer.groups)
    bias, grad = draw(layer.out_channels), draw(layer.batch, result, result, layer.out_channels)
    calls = {}
    calls["numgd forward"], calls["numgd both"] = _numgd(layer, x, weight, bias, grad)
    for name, layout in (("NCHW", torch.contiguous_format), ("last", torch.channels_last)):
        calls[f"{name} forward"], calls[f"{name} both"] = _torch(layer, x, weight, bias, grad, layout)
    return {name: timing.median for name, timing in interleaved(calls, rounds, shortest=0.02).items()}


def peak():
    """Multiply-adds per second of a large matrix product on all cores."""
    a, b = (torch.rand(2048, 2048) for _ in range(2))
    timing = interleaved({"product": lambda: a @ b}, ROUNDS)["product"]
    return 2048**3 / timing.median


def run(ratios, families=None, rounds=ROUNDS):
    """Measure families of layers, print each row and record the ratios."""
    most = peak()
    print(f"matrix product of 2048²: {2 * most / 1e9:.0f} GFLOP/s")
    for family in families or FAMILIES:
        layers, targets = FAMILIES[family]
        gains = []
        for layer in layers:
            seconds = measure(layer, rounds)
            theirs = [min(seconds[f"NCHW {what}"], seconds[f"last {what}"]) for what in ("forward", "both")]
            ours = [seconds["numgd forward"], seconds["numgd both"]]
            gains.append([a / b for a, b in zip(theirs, ours, strict=True)])
            share = layer.products() / ours[0] / most
            print(
                f"{layer.name}: forward {ours[0] * 1e3:.2f} ms, PyTorch {theirs[0] * 1e3:.2f}, "
                f"{gains[-1][0]:.2f}x; with backward {ours[1] * 1e3:.2f} ms, PyTorch {theirs[1] * 1e3:.2f}, "
                f"{gains[-1][1]:.2f}x; forward at {share:.0%} of the matrix product's rate",
                flush=True,
            )
        means = np.exp(np.log(gains).mean(axis=0))
        ratios.add(f"{family}, forward", means[0], targets[0])
        ratios.add(f"{family}, forward and backward", means[1], targets[1])


def batch_of_one(ratios, rounds=ROUNDS):
    """The time of a single image, relative to one image of a batch."""
    for layer in FAMILIES["3x3"][0][:2]:
        rng = np.random.default_rng(1)
        x = rng.normal(size=(layer.batch, layer.size, layer.size, layer.in_channels)).astype(np.float32)
        weight = rng.normal(size=(layer.out_channels, 3, 3, layer.in_channels)).astype(np.float32)
        one = x[:1].copy()
        timings = interleaved(
            {
                "one": lambda one=one, weight=weight: conv2d(one, weight, padding=1),
                "all": lambda x=x, weight=weight: conv2d(x, weight, padding=1),
            },
            rounds,
        )
        per_image = timings["all"].median / layer.batch
        ratios.add(
            f"{layer.name}, time of one image in a batch of one",
            timings["one"].median / per_image,
            "at most 1.2x",
        )


def main():
    """Run all families."""
    heading("Convolution: numgd vs PyTorch, float32, two threads", "torch")
    torch.set_num_threads(2)
    keep_memory()
    ratios = Ratios()
    run(ratios)
    batch_of_one(ratios)
    ratios.show()


if __name__ == "__main__":
    main()
