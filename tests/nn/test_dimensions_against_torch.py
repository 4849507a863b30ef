"""Layers of signals and volumes against PyTorch in float64."""

import numpy as np
import pytest
from layer_checks import poisoned, relative

import numgd.nn.functional as F

torch = pytest.importorskip("torch")


def tensor(array, wanted=True):
    array = np.moveaxis(np.asarray(array, np.float64), -1, 1)
    return torch.tensor(np.ascontiguousarray(array), requires_grad=wanted)


def last(tensor):
    return np.moveaxis(tensor.detach().numpy(), 1, -1)


# x, weight, options
CONVOLUTIONS = [
    ((2, 20, 6), (5, 3, 6), {}),
    ((2, 21, 6), (4, 5, 3), {"stride": 3, "padding": (2, 1), "groups": 2}),
    ((1, 40, 3), (8, 4, 3), {"padding": "same", "dilation": 3}),
    ((3, 17, 8), (8, 3, 1), {"groups": 8, "padding": 1}),
    ((2, 9, 4), (4, 1, 4), {"padding": "valid"}),
    ((2, 5, 7, 6, 4), (6, 3, 3, 3, 4), {"padding": 1}),
    ((2, 6, 7, 8, 4), (6, 3, 2, 3, 2), {"stride": (2, 1, 2), "padding": (2, 0, 1), "groups": 2}),
    ((2, 7, 6, 9, 3), (5, 2, 3, 1, 3), {"padding": (0, 3, 1, 0, 2, 0), "dilation": (3, 2, 1)}),
    ((2, 8, 5, 5, 6), (6, 3, 3, 3, 1), {"padding": "same", "groups": 6}),
    ((1, 9, 5, 4, 6), (12, 2, 3, 3, 1), {"stride": (4, 2, 1), "padding": 1, "groups": 6}),
    ((2, 4, 7, 6, 5), (3, 1, 3, 3, 5), {"padding": (0, 1, 1)}),
    ((2, 4, 7, 6, 5), (3, 1, 3, 2, 5), {"stride": 2}),
    ((2, 8, 3, 5, 5), (3, 3, 1, 1, 5), {"stride": (2, 1, 1), "padding": (1, 0, 0), "dilation": 2}),
    ((1, 2, 4, 4, 3), (2, 1, 3, 3, 3), {"padding": (2, 1, 1), "stride": (3, 1, 1)}),
]


def padding_of(options, kernel):
    """Padding as pairs, for each axis."""
    given, axes = options.get("padding", 0), len(kernel)
    dilation = options.get("dilation", 1)
    dilation = dilation if isinstance(dilation, tuple) else (dilation,) * axes
    if given == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return [(n // 2, n - n // 2) for n in total]
    if given == "valid" or isinstance(given, int):
        return [(0 if given == "valid" else given,) * 2] * axes
    return [(n, n) for n in given] if len(given) == axes else list(zip(given[::2], given[1::2], strict=True))


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("shape, kernel, options", CONVOLUTIONS)
def test_convolutions(shape, kernel, options, dtype, monkeypatch):
    rng = np.random.default_rng(len(shape))
    axes = len(shape) - 2
    bound = 1e-12 if dtype == np.float64 else 1e-5
    x, weight, bias = (rng.normal(size=size).astype(dtype) for size in (shape, kernel, kernel[:1]))
    function, backward = getattr(F, f"conv{axes}d"), getattr(F, f"conv{axes}d_backward")
    leaves = tensor(x), tensor(weight), torch.tensor(bias.astype(float), requires_grad=True)
    around = [side for pair in padding_of(options, kernel[1:-1])[::-1] for side in pair]
    settings = {key: value for key, value in options.items() if key != "padding"}
    native = getattr(torch.nn.functional, f"conv{axes}d")
    y = native(torch.nn.functional.pad(leaves[0], around), *leaves[1:], **settings)
    out = poisoned(last(y).shape, dtype)
    assert function(x, weight, bias, **options, out=out) is out
    assert relative(out, last(y)) < bound
    activated = function(x, weight, bias, activation="leaky_relu", **options)
    assert relative(activated, np.where(out > 0, out, dtype(0.01) * out)) < bound
    packed = F.pack_weight(weight)
    for _ in range(2):
        np.testing.assert_array_equal(function(x, packed, bias, **options), out)
    grad = rng.normal(size=out.shape).astype(dtype)
    through = {"activation": "leaky_relu", "y": activated}
    slopes = np.where(out > 0, grad, dtype(0.01) * grad)
    for one, other in zip(
        backward(grad, x, weight, **options, **through), backward(slopes, x, weight, **options), strict=True
    ):
        assert relative(one, other) < bound
    y.backward(tensor(grad, False))
    wanted = last(leaves[0].grad), last(leaves[1].grad), leaves[2].grad.numpy()
    outs = [poisoned(array.shape, dtype) for array in wanted]
    found = backward(grad, x, weight, **options, out=tuple(outs))
    for given, own, right in zip(found, outs, wanted, strict=True):
        assert given is own
        assert relative(given, right) < bound
    alone = backward(grad, x, packed, **options, need_weight=False, need_bias=False)
    np.testing.assert_array_equal(alone[0], found[0])
    assert alone[1] is None and alone[2] is None
    if axes == 3:  # with the planes for few results at a time
        monkeypatch.setattr("numgd.kernels.cpu.layers.conv.volumes.CHUNK_BYTES", 9000)
        assert relative(function(x, weight, bias, **options), last(y)) < bound
        for given, right in zip(backward(grad, x, weight, **options), wanted, strict=True):
            assert relative(given, right) < bound


def drawn(rng, axes):
    """Numbers among which many are equal or NaN, and windows that fit: kernel size, stride, padding."""
    kernel = tuple(int(n) for n in rng.integers(1, 5, axes))
    stride = tuple(int(n) for n in rng.integers(1, 5, axes))
    padding = tuple(int(rng.integers(0, size // 2 + 1)) for size in kernel)
    # PyTorch's avg_pool3d requires windows that fit without padding.
    least = (max(1, k - 2 * p) if axes == 1 else k for k, p in zip(kernel, padding, strict=True))
    sizes = (int(rng.integers(size, 10)) for size in least)
    x = rng.integers(-9, 10, (int(rng.integers(1, 4)), *sizes, int(rng.integers(1, 20)))) / 8
    x[rng.random(x.shape) < rng.choice([0.0, 0.01])] = np.nan
    return x, (kernel, stride if rng.integers(4) else None, padding)


@pytest.mark.parametrize("seeds", [range(30), pytest.param(range(30, 200), marks=pytest.mark.slow)])
@pytest.mark.parametrize("axes", [1, 3])
def test_pooling(axes, seeds):
    pools = [getattr(F, f"{kind}_pool{axes}d") for kind in ("max", "avg")]
    gradients = [getattr(F, f"{kind}_pool{axes}d_backward") for kind in ("max", "avg")]
    natives = [getattr(torch.nn.functional, f"{kind}_pool{axes}d") for kind in ("max", "avg")]
    for seed in seeds:
        rng = np.random.default_rng([axes, seed])
        x, how = drawn(rng, axes)
        options = {"ceil_mode": bool(rng.integers(2))}
        leaf = tensor(x)
        y, places = natives[0](leaf, *how, **options, return_indices=True)
        out = poisoned(last(y).shape, x.dtype)
        found, own_places = pools[0](x, *how, **options, return_indices=True, out=out)
        assert found is out and own_places.dtype == np.int32
        np.testing.assert_array_equal(out, last(y))
        np.testing.assert_array_equal(own_places, last(places))
        np.testing.assert_array_equal(pools[0](x, *how, **options), out)
        grad = rng.normal(size=out.shape)
        y.backward(tensor(grad, False))
        for indices in (own_places, None):
            memory = poisoned(x.shape, x.dtype)
            back = gradients[0](grad, x, *how, **options, indices=indices, out=memory)
            assert back is memory and relative(back, last(leaf.grad)) < 1e-14
        options["count_include_pad"] = bool(rng.integers(2))
        if axes == 3 and not rng.integers(4):
            options["divisor_override"] = int(rng.integers(1, 9))
        x = np.nan_to_num(x, nan=2.0)
        leaf = tensor(x)
        y = natives[1](leaf, *how, **options)
        np.testing.assert_allclose(pools[1](x, *how, **options, out=out), last(y), rtol=0, atol=1e-14)
        y.backward(tensor(grad, False))
        back = gradients[1](grad, x, *how, **options, out=poisoned(x.shape, x.dtype))
        assert relative(back, last(leaf.grad)) < 1e-14
