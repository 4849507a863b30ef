"""Every s-th pixel of images (N, H, W, C), followed by channels of zeros, and the gradient of the images."""

from numgd.jit.parallel import parallel_for
from numgd.jit.pointers import borrow
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled, portable


@portable
def _pick_row(task, x, stride, out):
    image, row = task // out.shape[1], task % out.shape[1]
    nothing, channels = out.dtype.type(0), x.shape[3]
    for column in range(out.shape[2]):
        pixel = borrow(x)[image, row * stride, column * stride]
        result = borrow(out)[image, row, column]
        result[:channels] = pixel
        result[channels:] = nothing


@compiled("shortcut", ELEMENTWISE_FLAGS)
def forward(x, stride, out):
    """out[n, i, j] = x[n, i · stride, j · stride], then zeros."""
    parallel_for(_pick_row, out.shape[0] * out.shape[1], out.size, x, stride, out)


@portable
def _return_row(task, grad, stride, out):
    image, row = task // out.shape[1], task % out.shape[1]
    nothing, channels = out.dtype.type(0), out.shape[3]
    for column in range(out.shape[2]):
        result = borrow(out)[image, row, column]
        if row % stride == 0 and column % stride == 0:
            result[:] = borrow(grad)[image, row // stride, column // stride][:channels]
        else:
            result[:] = nothing


@compiled("shortcut-gradient", ELEMENTWISE_FLAGS)
def backward(grad, stride, out):
    """out: the gradient of x for a gradient of the result of `forward`."""
    parallel_for(_return_row, out.shape[0] * out.shape[1], out.size, grad, stride, out)
