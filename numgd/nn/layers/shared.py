"""What several layers do."""

from numgd.kernels.layers import elementwise, memory
from numgd.scalars import ACTIVATIONS


def apply_slope(kind, x, grad, out, parameter=None):
    """out = grad · f'(x), for an activation f; of those that keep their slope x can be the result."""
    vector = x.reshape(-1)
    parameter = ACTIVATIONS[kind].default if parameter is None else parameter
    elementwise.derivatives(kind, vector, vector, grad.reshape(-1), 1, 1.0, parameter, out.reshape(-1))


def before_activation(at):
    """The gradient before the activation that is applied by the way."""
    if at.activation is None:
        return at.grad
    before = memory.scratch(at.grad, at.grad.shape, at.grad.dtype)
    apply_slope(at.activation, at.y, at.grad, before)
    return before


def zero_bias(weight, axis=0):
    """A bias of zeros for weights without one."""
    return memory.constant(weight, (weight.shape[axis],), 0, weight.dtype)


def as_rows(array):
    """The array as (rows, channels)."""
    return array.reshape(-1, array.shape[-1])
