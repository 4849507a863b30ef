"""What layers compute, forward and backward: checks and memory around the kernels.

Images are (batch, height, width, channels), kernels (out, height, width, in / groups).
``f_backward(grad, …)`` gives the gradients of ``sum(grad * f(…))`` with respect to the arrays of `f`.
"""

from numgd.nn.functional.dense import (
    dense,
    dense_backward,
)
from numgd.nn.functional.dropout import (
    dropout,
    dropout_backward,
)
from numgd.nn.functional.normalisation import (
    batch_norm,
    batch_norm_backward,
    fold_batch_norm,
    group_norm,
    group_norm_backward,
    layer_norm,
    layer_norm_backward,
    local_response_norm,
    local_response_norm_backward,
)
from numgd.nn.functional.pooling import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_backward,
    avg_pool2d,
    avg_pool2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from numgd.nn.functional.shapes import (
    concatenate,
    concatenate_backward,
    flatten,
    flatten_backward,
    pad,
    pad_backward,
)

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "concatenate",
    "concatenate_backward",
    "dense",
    "dense_backward",
    "dropout",
    "dropout_backward",
    "flatten",
    "flatten_backward",
    "fold_batch_norm",
    "global_avg_pool2d",
    "global_avg_pool2d_backward",
    "group_norm",
    "group_norm_backward",
    "layer_norm",
    "layer_norm_backward",
    "local_response_norm",
    "local_response_norm_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "pad",
    "pad_backward",
]
