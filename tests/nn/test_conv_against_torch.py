"""Convolutions of random shapes against PyTorch in float64."""

import numpy as np
import pytest
from nn.convolutions import random_case, relative_error

from numgd.nn.functional import conv2d, conv2d_backward, conv2d_transpose, conv2d_transpose_backward

torch = pytest.importorskip("torch")

BOUNDS = {np.float64: 1e-12, np.float32: 2e-6}
WINOGRAD = {np.float64: 1e-12, np.float32: 1e-5}


def channels_first(array):
    """A float64 tensor of PyTorch's order from one of ours."""
    return torch.tensor(np.moveaxis(array.astype(np.float64), 3, 1))


def channels_last(tensor):
    return np.moveaxis(tensor.detach().numpy(), 1, 3)


def poisoned(shape, dtype):
    return np.full(shape, np.nan, dtype)


def reference(case, grad_of):
    """PyTorch's result and gradients."""
    x, weight = channels_first(case.x).requires_grad_(), channels_first(case.weight).requires_grad_()
    bias = torch.tensor(np.zeros(case.weight.shape[0]) if case.bias is None else case.bias.astype(float))
    bias.requires_grad_()
    top, bottom, left, right = case.padding
    result = torch.nn.functional.conv2d(
        torch.nn.functional.pad(x, (left, right, top, bottom)),
        weight,
        bias,
        stride=case.stride,
        dilation=case.dilation,
        groups=case.groups,
    )
    grad = grad_of(channels_last(result).shape)
    result.backward(channels_first(grad))
    return channels_last(result), grad, (channels_last(x.grad), channels_last(weight.grad), bias.grad.numpy())


def is_winograd(case):
    return case.weight.shape[1:3] == (3, 3) and case.stride == case.dilation == (1, 1) and case.groups == 1


def compare(seed, dtype):
    rng = np.random.default_rng(seed)
    case = random_case(rng, dtype)
    bound = (WINOGRAD if is_winograd(case) else BOUNDS)[dtype]
    expected, grad, gradients = reference(case, lambda shape: rng.normal(size=shape).astype(dtype))
    before = case.x.copy(), case.weight.copy()
    out = poisoned(expected.shape, dtype)
    assert conv2d(case.x, case.weight, case.bias, **case.options, out=out) is out
    assert relative_error(out, expected) <= bound
    outs = [poisoned(g.shape, dtype) for g in gradients]
    found = conv2d_backward(grad, case.x, case.weight, **case.options, out=outs)
    for given, own, right in zip(found, outs, gradients, strict=True):
        assert given is own
        assert relative_error(given, right) <= bound
    np.testing.assert_array_equal(case.x, before[0])
    np.testing.assert_array_equal(case.weight, before[1])


@pytest.mark.parametrize("seed", range(60))
def test_random_convolutions(seed):
    compare(seed, np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(40))
def test_two_thousand_random_convolutions(part):
    for seed in range(50):
        compare(1000 + 50 * part + seed, np.float32 if seed % 2 else np.float64)


def compare_transposed(seed, dtype):
    rng = np.random.default_rng(seed)
    case = random_case(rng, dtype, channels=20, pixels=6)
    x, weight = rng.normal(size=(*case.x.shape[:3], case.weight.shape[0])).astype(dtype), case.weight
    padding = (int(rng.integers(0, 2)), int(rng.integers(0, 2)))
    extra = tuple(int(rng.integers(0, max(s, d))) for s, d in zip(case.stride, case.dilation, strict=True))
    channels = weight.shape[3] * case.groups
    bound = (WINOGRAD if is_winograd(case) else BOUNDS)[dtype]
    bias = rng.normal(size=channels).astype(dtype)
    tx, tw = channels_first(x).requires_grad_(), channels_first(weight).requires_grad_()
    tb = torch.tensor(bias.astype(float), requires_grad=True)
    options = {"stride": case.stride, "dilation": case.dilation, "groups": case.groups, "padding": padding}
    try:
        result = torch.nn.functional.conv_transpose2d(tx, tw, tb, output_padding=extra, **options)
    except RuntimeError:  # nothing is left
        with pytest.raises(ValueError, match="the result is empty"):
            conv2d_transpose(x, weight, bias, output_padding=extra, **options)
        return
    expected = channels_last(result)
    out = poisoned(expected.shape, dtype)
    conv2d_transpose(x, weight, bias, output_padding=extra, **options, out=out)
    assert relative_error(out, expected) <= bound
    grad = rng.normal(size=expected.shape).astype(dtype)
    result.backward(channels_first(grad))
    found = conv2d_transpose_backward(grad, x, weight, output_padding=extra, **options)
    for given, right in zip(
        found, (channels_last(tx.grad), channels_last(tw.grad), tb.grad.numpy()), strict=True
    ):
        assert relative_error(given, right) <= bound


@pytest.mark.parametrize("seed", range(10))
def test_transposed_convolutions(seed):
    compare_transposed(seed, np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_transposed_convolutions(part):
    for seed in range(30):
        compare_transposed(1000 + 30 * part + seed, np.float32 if seed % 2 else np.float64)
