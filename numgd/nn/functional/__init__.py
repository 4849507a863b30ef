"""What layers compute, forward and backward: checks and memory around the kernels.

Images are (batch, height, width, channels), kernels (out, height, width, in / groups).
``f_backward(grad, …)`` gives the gradients of ``sum(grad * f(…))`` with respect to the arrays of `f`.
"""

from numgd.nn.functional.normalisation import (
    batch_norm,
    batch_norm_backward,
    fold_batch_norm,
    group_norm,
    group_norm_backward,
    layer_norm,
    layer_norm_backward,
)

__all__ = [
    "batch_norm",
    "batch_norm_backward",
    "fold_batch_norm",
    "group_norm",
    "group_norm_backward",
    "layer_norm",
    "layer_norm_backward",
]
