"""Layers of neural networks as functions, forward and backward.

Images are (batch, height, width, channels), kernels (out, height, width, in / groups); signals have a length
in place of height and width, volumes a depth before them.
``f_backward(grad, …)`` gives the gradients of ``sum(grad * f(…))`` with respect to the arrays of `f`.
"""

import sys

from numgd.foundations.records import records_of
from numgd.nn.functional.activations import (
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    hardsigmoid,
    hardsigmoid_backward,
    hardswish,
    hardswish_backward,
    leaky_relu,
    leaky_relu_backward,
    mish,
    mish_backward,
    relu,
    relu6,
    relu6_backward,
    relu_backward,
    selu,
    selu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softplus,
    softplus_backward,
    softsign,
    softsign_backward,
    tanh,
    tanh_backward,
)
from numgd.nn.functional.batch_norm import batch_norm, batch_norm_backward
from numgd.nn.functional.binary_cross_entropies import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
)
from numgd.nn.functional.conv import (
    conv2d,
    conv2d_backward,
    conv2d_transpose,
    conv2d_transpose_backward,
    pack_weight,
)
from numgd.nn.functional.conv1d import conv1d, conv1d_backward
from numgd.nn.functional.conv3d import conv3d, conv3d_backward
from numgd.nn.functional.cross_entropies import (
    cross_entropy,
    cross_entropy_backward,
)
from numgd.nn.functional.dense import (
    dense,
    dense_backward,
)
from numgd.nn.functional.dropout import (
    dropout,
    dropout_backward,
)
from numgd.nn.functional.fold_batch_norm import fold_batch_norm
from numgd.nn.functional.group_norm import group_norm, group_norm_backward
from numgd.nn.functional.in_njit import make_available
from numgd.nn.functional.layer_norm import layer_norm, layer_norm_backward
from numgd.nn.functional.local_response_norm import local_response_norm, local_response_norm_backward
from numgd.nn.functional.logistic import (
    logistic_regression_gradient,
    logistic_regression_hessp,
    logistic_regression_loss,
    multinomial_logistic_regression_gradient,
    multinomial_logistic_regression_hessp,
    multinomial_logistic_regression_loss,
)
from numgd.nn.functional.losses import (
    hinge_embedding_loss,
    hinge_embedding_loss_backward,
    hinge_loss,
    hinge_loss_backward,
    huber_loss,
    huber_loss_backward,
    kl_div,
    kl_div_backward,
    l1_loss,
    l1_loss_backward,
    mse_loss,
    mse_loss_backward,
    smooth_l1_loss,
    smooth_l1_loss_backward,
    soft_margin_loss,
    soft_margin_loss_backward,
)
from numgd.nn.functional.multilabel import (
    multilabel_soft_margin_loss,
    multilabel_soft_margin_loss_backward,
)
from numgd.nn.functional.nll_loss import nll_loss, nll_loss_backward
from numgd.nn.functional.operation import Operation
from numgd.nn.functional.padding import pad, pad_backward
from numgd.nn.functional.poisson_nll_loss import poisson_nll_loss, poisson_nll_loss_backward
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
from numgd.nn.functional.pooling1d import (
    avg_pool1d,
    avg_pool1d_backward,
    max_pool1d,
    max_pool1d_backward,
)
from numgd.nn.functional.pooling3d import (
    avg_pool3d,
    avg_pool3d_backward,
    max_pool3d,
    max_pool3d_backward,
)
from numgd.nn.functional.prelu import prelu, prelu_backward
from numgd.nn.functional.shapes import (
    concatenate,
    concatenate_backward,
    flatten,
    flatten_backward,
)
from numgd.nn.functional.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward
from numgd.nn.functional.upsample import upsample, upsample_backward

OPERATIONS: dict[str, Operation] = records_of(sys.modules[__name__], Operation)
"""Name to operation, forward and backward."""

make_available(OPERATIONS.values())

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_backward",
    "avg_pool1d",
    "avg_pool1d_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "avg_pool3d",
    "avg_pool3d_backward",
    "batch_norm",
    "batch_norm_backward",
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_backward",
    "concatenate",
    "concatenate_backward",
    "conv1d",
    "conv1d_backward",
    "conv2d",
    "conv2d_backward",
    "conv2d_transpose",
    "conv2d_transpose_backward",
    "conv3d",
    "conv3d_backward",
    "cross_entropy",
    "cross_entropy_backward",
    "dense",
    "dense_backward",
    "dropout",
    "dropout_backward",
    "elu",
    "elu_backward",
    "flatten",
    "flatten_backward",
    "fold_batch_norm",
    "gelu",
    "gelu_backward",
    "global_avg_pool2d",
    "global_avg_pool2d_backward",
    "group_norm",
    "group_norm_backward",
    "hardsigmoid",
    "hardsigmoid_backward",
    "hardswish",
    "hardswish_backward",
    "hinge_embedding_loss",
    "hinge_embedding_loss_backward",
    "hinge_loss",
    "hinge_loss_backward",
    "huber_loss",
    "huber_loss_backward",
    "kl_div",
    "kl_div_backward",
    "l1_loss",
    "l1_loss_backward",
    "layer_norm",
    "layer_norm_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "local_response_norm",
    "local_response_norm_backward",
    "log_softmax",
    "log_softmax_backward",
    "logistic_regression_gradient",
    "logistic_regression_hessp",
    "logistic_regression_loss",
    "max_pool1d",
    "max_pool1d_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool3d",
    "max_pool3d_backward",
    "mish",
    "mish_backward",
    "mse_loss",
    "mse_loss_backward",
    "multilabel_soft_margin_loss",
    "multilabel_soft_margin_loss_backward",
    "multinomial_logistic_regression_gradient",
    "multinomial_logistic_regression_hessp",
    "multinomial_logistic_regression_loss",
    "nll_loss",
    "nll_loss_backward",
    "pack_weight",
    "pad",
    "pad_backward",
    "poisson_nll_loss",
    "poisson_nll_loss_backward",
    "prelu",
    "prelu_backward",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "selu",
    "selu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "smooth_l1_loss",
    "smooth_l1_loss_backward",
    "soft_margin_loss",
    "soft_margin_loss_backward",
    "softmax",
    "softmax_backward",
    "softplus",
    "softplus_backward",
    "softsign",
    "softsign_backward",
    "tanh",
    "tanh_backward",
    "upsample",
    "upsample_backward",
]
