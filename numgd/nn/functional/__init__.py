"""What layers compute, forward and backward: checks and memory around the kernels.

Images are (batch, height, width, channels), kernels (out, height, width, in / groups).
``f_backward(grad, …)`` gives the gradients of ``sum(grad * f(…))`` with respect to the arrays of `f`.
"""

from numgd.nn.functional.activations import (
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    leaky_relu,
    leaky_relu_backward,
    log_softmax,
    log_softmax_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softmax,
    softmax_backward,
    tanh,
    tanh_backward,
)
from numgd.nn.functional.cross_entropies import (
    cross_entropy,
    cross_entropy_backward,
)
from numgd.nn.functional.logistic import (
    logistic_regression_gradient,
    logistic_regression_hessp,
    logistic_regression_loss,
)
from numgd.nn.functional.losses import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
    hinge_loss,
    hinge_loss_backward,
    huber_loss,
    huber_loss_backward,
    l1_loss,
    l1_loss_backward,
    mse_loss,
    mse_loss_backward,
    smooth_l1_loss,
    smooth_l1_loss_backward,
)
from numgd.nn.functional.multilabel import (
    multilabel_soft_margin_loss,
    multilabel_soft_margin_loss_backward,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_backward",
    "cross_entropy",
    "cross_entropy_backward",
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "hinge_loss",
    "hinge_loss_backward",
    "huber_loss",
    "huber_loss_backward",
    "l1_loss",
    "l1_loss_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "log_softmax",
    "log_softmax_backward",
    "logistic_regression_gradient",
    "logistic_regression_hessp",
    "logistic_regression_loss",
    "mse_loss",
    "mse_loss_backward",
    "multilabel_soft_margin_loss",
    "multilabel_soft_margin_loss_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "smooth_l1_loss",
    "smooth_l1_loss_backward",
    "softmax",
    "softmax_backward",
    "tanh",
    "tanh_backward",
]
