"""Weights of losses; see `numgd.kernels.cpu.layers.weights`."""

from numgd.kernels.cuda import memory
from numgd.kernels.cuda.layers import elementwise
from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape


def total(vector):
    """The sum of a vector as a float, for which it waits."""
    one = elementwise.one(vector)
    # A leaky ReLU whose slope is 1 on both sides of 0 is the identity.
    return memory.number(elementwise.total("leaky_relu", vector, vector, one, vector.size + 1, 1.0))


def of_classes(weights, targets, kept, everywhere):
    """The array ``weights * (kept * targets + everywhere)``, with a weight per number of the last axis.

    A single weight is for all.
    """
    found, real = memory.empty(targets, targets.shape, targets.dtype), targets.dtype.type
    if found.size:
        flat, out = targets.reshape(found.size), found.reshape(found.size)
        launch(_of_classes, launch_shape(found.size), weights, flat, real(kept), real(everywhere), out)
    return found


@kernel
def _of_classes(weights, targets, kept, everywhere, out):
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = weights[i % weights.size] * (kept * targets[i] + everywhere)
