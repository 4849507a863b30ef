"""numgd on a GPU against PyTorch with cuDNN on the same device, and against the device's own copy bandwidth.

float32 without tf32; medians of CUDA events, both sides in turns.  Before anything is timed, results are
compared.  Shares of the bandwidth count the bytes that an operation must move: each array once per pass that
the formulas require.

    python benchmarks/gpu.py                   everything
    python benchmarks/gpu.py adam convolution  single parts

Parts: adam, batch_norm, pools, losses, convolution, networks, lbfgs, fits.
"""

import argparse
import sys

sys.path.append(sys.path.pop(0))  # last: this file must not hide the package of its name

import numpy as np
from timing import Ratios, duration, heading

from numgd.kernels.cuda.target import device_names

ADAM = 10**8
IMAGES = (64, 56, 56, 256)
CONVOLUTIONS = ((56, 64), (28, 128), (14, 256), (7, 512))
"""Sizes and channels of the 3×3 convolutions of ResNets."""

BATCH = 64
LBFGS, MEMORY, ITERATIONS = 10**8, 5, 12
FITS, PIXELS = 10**6, 11


def on_device(tensor):
    """A PyTorch tensor's memory as an array of Numba's."""
    from numba import cuda

    return cuda.as_cuda_array(tensor.detach())


def check(found, expected, tolerance=2e-4):
    """Stop unless two tensors agree, relative to the largest element."""
    difference = (found - expected).abs().max() / expected.abs().max()
    if not difference <= tolerance:
        sys.exit(f"numgd and PyTorch differ by {difference:.2g}")


def show(what, seconds):
    """Print medians of both sides."""
    print(what, *(f"{name} {duration(value)}" for name, value in seconds.items()), sep=", ", flush=True)


def adam(torch, timing, ratios, bandwidth):
    """One step over 10⁸ parameters: reads p, g, m, v, writes p, m, v."""
    import numgd

    p = torch.randn(ADAM, device="cuda")
    g = torch.randn(ADAM, device="cuda")
    own, theirs = p.clone(), torch.nn.Parameter(p.clone())
    theirs.grad = g.clone()
    ours = numgd.Adam(learning_rate=1e-3)
    peer = torch.optim.Adam([theirs], lr=1e-3, fused=True)
    ours.step(own, g)
    peer.step()
    check(own, theirs.detach())
    seconds = timing.interleaved({"numgd": lambda: ours.step(own, g), "fused PyTorch": peer.step})
    show(f"Adam, {ADAM:,} parameters", seconds)
    ratios.add("Adam, share of the copy bandwidth", 28 * ADAM / seconds["numgd"] / bandwidth, 0.9)
    ratios.add("Adam, fused PyTorch / numgd", seconds["fused PyTorch"] / seconds["numgd"], 0.95)


def batch_norm(torch, timing, ratios, bandwidth):
    """Training: forward reads x twice and writes y; backward reads x and the gradient twice, writes one."""
    from numgd.nn import functional as F

    count, channels = int(np.prod(IMAGES)), IMAGES[-1]
    x = torch.randn(IMAGES, device="cuda")
    grad = torch.randn(IMAGES, device="cuda")
    gamma = torch.ones(channels, device="cuda")
    beta = torch.zeros(channels, device="cuda")
    arrays = [on_device(t) for t in (x, gamma, beta)]
    y, grad_x = (on_device(torch.empty_like(x)) for _ in range(2))
    of_gamma, of_beta = (on_device(torch.empty_like(gamma)) for _ in range(2))
    statistics = on_device(torch.empty(2, channels, device="cuda", dtype=torch.float64))
    slope = on_device(grad)

    def ours():
        F.batch_norm(*arrays, training=True, statistics=statistics, out=y)
        out = grad_x, of_gamma, of_beta
        F.batch_norm_backward(slope, *arrays, statistics=statistics, out=out)

    x4 = x.permute(0, 3, 1, 2).requires_grad_()  # NCHW with channels last in memory
    g4 = grad.permute(0, 3, 1, 2)
    weights = gamma.clone().requires_grad_(), beta.clone().requires_grad_()

    def theirs():
        result = torch.nn.functional.batch_norm(x4, None, None, *weights, training=True)
        return torch.autograd.grad(result, (x4, *weights), g4)

    ours()
    check(torch.as_tensor(grad_x, device="cuda"), theirs()[0].permute(0, 2, 3, 1), 1e-3)
    seconds = timing.interleaved({"numgd": ours, "cuDNN": theirs})
    show(f"batch norm {IMAGES}, training, forward and backward", seconds)
    ratios.add("batch norm, share of the copy bandwidth", 8 * 4 * count / seconds["numgd"] / bandwidth, 0.8)
    ratios.add("batch norm, cuDNN / numgd", seconds["cuDNN"] / seconds["numgd"], 1.2)


def pools(torch, timing, ratios, bandwidth):
    """Maximum pooling 2×2, forward and backward with the places of the maxima."""
    from numgd.nn import functional as F

    x = torch.randn(IMAGES, device="cuda")
    array = on_device(x)
    y, places = F.max_pool2d(array, 2, return_indices=True)
    grad = torch.randn(tuple(y.shape), device="cuda")
    slope = on_device(grad)

    def ours():
        F.max_pool2d(array, 2, out=y)

    x4 = x.permute(0, 3, 1, 2)
    check(torch.as_tensor(y, device="cuda"), torch.nn.functional.max_pool2d(x4, 2).permute(0, 2, 3, 1), 0.0)
    seconds = timing.interleaved({"numgd": ours, "cuDNN": lambda: torch.nn.functional.max_pool2d(x4, 2)})
    show(f"maximum pool 2×2 {IMAGES}", seconds)
    moved = 4 * (x.numel() + grad.numel())
    ratios.add("maximum pool, share of the copy bandwidth", moved / seconds["numgd"] / bandwidth, 0.8)
    back = timing.interleaved({"numgd": lambda: F.max_pool2d_backward(slope, array, 2, indices=places)})
    show("  its gradient", back)
    moved = 4 * (x.numel() + 2 * grad.numel())
    ratios.add("its gradient, share of the copy bandwidth", moved / back["numgd"] / bandwidth, 0.8)


def losses(torch, timing, ratios, bandwidth):
    """Cross-entropy of 65 536 rows of 1000 classes, and its gradient."""
    from numgd.nn import functional as F

    rows, classes = 2**16, 1000
    x = torch.randn(rows, classes, device="cuda", requires_grad=True)
    labels = torch.randint(classes, (rows,), device="cuda")
    array, target = on_device(x), on_device(labels)
    out = on_device(torch.empty_like(x))

    def theirs():
        return torch.autograd.grad(torch.nn.functional.cross_entropy(x, labels), x)[0]

    def ours():
        F.cross_entropy(array, target)
        F.cross_entropy_backward(1.0, array, target, out=out)

    ours()
    check(torch.as_tensor(out, device="cuda"), theirs())
    seconds = timing.interleaved({"numgd": ours, "PyTorch": theirs})
    show(f"cross-entropy {rows}×{classes}, forward and backward", seconds)
    moved = 3 * 4 * x.numel()
    ratios.add("cross-entropy, share of the copy bandwidth", moved / seconds["numgd"] / bandwidth, 0.8)
    ratios.add("cross-entropy, PyTorch / numgd", seconds["PyTorch"] / seconds["numgd"])


def convolution(torch, timing, ratios, bandwidth):
    """3×3 convolutions of ResNets, batch 64: forward, and each gradient."""
    from numgd.nn import functional as F

    torch.backends.cudnn.benchmark = True
    for size, channels in CONVOLUTIONS:
        x = torch.randn(BATCH, size, size, channels, device="cuda")
        weight = torch.randn(channels, 3, 3, channels, device="cuda") / (3 * channels**0.5)
        grad = torch.randn(BATCH, size, size, channels, device="cuda")
        ours = [on_device(t) for t in (x, weight, grad)]
        x4, w4, g4 = (
            t.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last) for t in (x, weight, grad)
        )
        out = [on_device(torch.empty_like(t)) for t in (x, x, weight)]

        def gradient(need_x, ours=ours, out=out):
            memory = (out[1], None, None) if need_x else (None, out[2], None)
            wanted = {"need_x": need_x, "need_weight": not need_x, "need_bias": False}
            F.conv2d_backward(ours[2], ours[0], ours[1], padding=1, out=memory, **wanted)

        def of_cudnn(*wanted, x4=x4, w4=w4, g4=g4):
            return torch.ops.aten.convolution_backward(
                g4, x4, w4, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [*wanted, False]
            )

        pairs = {
            "forward": (
                lambda ours=ours, out=out: F.conv2d(ours[0], ours[1], padding=1, out=out[0]),
                lambda x4=x4, w4=w4: torch.nn.functional.conv2d(x4, w4, padding=1),
                0.7,
            ),
            "gradient of x": (lambda g=gradient: g(True), lambda c=of_cudnn: c(True, False), 0.6),
            "gradient of weights": (lambda g=gradient: g(False), lambda c=of_cudnn: c(False, True), 0.6),
        }
        pairs["forward"][0]()
        check(torch.as_tensor(out[0], device="cuda"), pairs["forward"][1]().permute(0, 2, 3, 1), 1e-3)
        for what, (numgd, cudnn, target) in pairs.items():
            seconds = timing.interleaved({"numgd": numgd, "cuDNN": cudnn})
            products = 9 * channels**2 * BATCH * size**2
            show(
                f"3×3 {size}² {channels}, {what}, {2e-12 * products / seconds['numgd']:.3g} TFLOP/s", seconds
            )
            ratios.add(
                f"3×3 {size}² {channels} {what}, cuDNN / numgd", seconds["cuDNN"] / seconds["numgd"], target
            )


def networks(torch, timing, ratios, bandwidth):
    """Training steps of LeNet and ResNet-20 with Adam."""
    import models_numgd
    import models_torch

    import numgd
    from numgd import nn

    cases = (
        ("LeNet", models_numgd.lenet, models_torch.lenet, (28, 28, 1), 64, 2.0),
        ("ResNet-20", models_numgd.resnet20, models_torch.resnet20, (32, 32, 3), 128, 1.0),
    )
    for title, ours, theirs, shape, batch, target in cases:
        network = nn.Network(ours(), input_shape=shape).to("cuda")
        module = theirs().to("cuda")
        x = torch.randn(batch, shape[2], *shape[:2], device="cuda")
        labels = torch.randint(10, (batch,), device="cuda")
        X = x.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        y = labels.cpu().numpy()
        optimizer, peer = numgd.Adam(), torch.optim.Adam(module.parameters(), fused=True)

        def numgd_step(network=network, optimizer=optimizer, X=X, y=y):
            network.loss_and_gradient(X, y, "cross_entropy")
            optimizer.step(network.parameters, network.gradient)

        def torch_step(module=module, peer=peer, x=x, labels=labels):
            peer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(x), labels)
            loss.backward()
            peer.step()
            return loss.item()  # as numgd's step returns its loss

        seconds = timing.interleaved({"numgd": numgd_step, "PyTorch eager": torch_step})
        show(f"{title}, batch {batch}, a step (numgd copies its batch to the device)", seconds)
        ratios.add(
            f"{title} step, PyTorch eager / numgd", seconds["PyTorch eager"] / seconds["numgd"], target
        )


def lbfgs(torch, timing, ratios, bandwidth):
    """L-BFGS over 10⁸ numbers: the share of the copy bandwidth, without the user's function."""
    import numgd

    scale = torch.linspace(1.0, 10.0, LBFGS, device="cuda")
    evaluations, spent = 0, 0.0

    def quadratic(x):
        nonlocal evaluations, spent
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        g = scale * x
        value = float(0.5 * torch.dot(x, g))
        end.record()
        torch.cuda.synchronize()
        evaluations, spent = evaluations + 1, spent + begin.elapsed_time(end) * 1e-3
        return value, g

    def solve():
        options = {"maxcor": MEMORY, "maxiter": ITERATIONS, "gtol": 0.0}
        return numgd.minimize(
            quadratic, torch.ones(LBFGS, device="cuda"), jac=True, method="l-bfgs", options=options
        )

    solve()
    evaluations, spent = 0, 0.0
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    found = solve()
    end.record()
    torch.cuda.synchronize()
    own = begin.elapsed_time(end) * 1e-3 - spent
    # For each pair, in both loops: s, q, y, q are read and q is written; then s and y are made and kept.
    pairs = sum(min(k, MEMORY) for k in range(found.nit))
    moved = 4 * LBFGS * (pairs * 10 + found.nit * 10)
    print(
        f"L-BFGS, n = {LBFGS:,}, {found.nit} iterations, {evaluations} evaluations, "
        f"{duration(own)} without these"
    )
    ratios.add("L-BFGS, share of the copy bandwidth", moved / own / bandwidth, 0.7)


def fits(torch, timing, ratios, bandwidth):
    """A million fits of a Gaussian peak with 5 parameters to 11×11 pixels."""
    import time

    import gpu_fits

    device, host = gpu_fits.on_device(FITS, PIXELS), gpu_fits.on_host(FITS // 100, PIXELS)
    device()
    torch.cuda.synchronize()
    start = time.perf_counter()
    device()
    torch.cuda.synchronize()
    gpu = time.perf_counter() - start
    host()
    start = time.perf_counter()
    host()
    cpu = 100 * (time.perf_counter() - start)
    print(f"{FITS:,} fits: GPU {duration(gpu)}, CPU {duration(cpu)} (a hundredth of them, times 100)")
    ratios.add("fits, CPU / GPU", cpu / gpu, 20.0)


PARTS = {
    part.__name__: part for part in (adam, batch_norm, pools, losses, convolution, networks, lbfgs, fits)
}


def main():
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all by default")
    chosen = parser.parse_args().parts or list(PARTS)
    names = device_names()
    if not names:
        print("no CUDA device: nothing to measure")
        return
    import gpu_timing as timing
    import torch

    if not torch.cuda.is_available():
        sys.exit("this PyTorch has no CUDA: install a build that has")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    heading(f"numgd on {names[0]} against PyTorch with cuDNN, float32", "numba-cuda", "torch")
    bandwidth = timing.copy_bandwidth()
    print(f"copy bandwidth {bandwidth / 1e12:.3g} TB/s\n", flush=True)
    ratios = Ratios()
    for name in chosen:
        PARTS[name](torch, timing, ratios, bandwidth)
    ratios.show()


if __name__ == "__main__":
    main()
