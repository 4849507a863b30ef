"""What layers compute, forward and backward: checks and memory around the kernels.

Images are (batch, height, width, channels), kernels (out, height, width, in / groups).
``f_backward(grad, …)`` gives the gradients of ``sum(grad * f(…))`` with respect to the arrays of `f`.
"""

from numgd.nn.functional.conv import (
    conv2d,
    conv2d_backward,
    conv2d_transpose,
    conv2d_transpose_backward,
    pack_weight,
)

__all__ = [
    "conv2d",
    "conv2d_backward",
    "conv2d_transpose",
    "conv2d_transpose_backward",
    "pack_weight",
]
