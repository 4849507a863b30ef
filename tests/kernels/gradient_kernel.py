"""A kernel that calls a gradient made of a function's source."""

import numpy as np
from numba import cuda

import numgd


def make_gradient_kernel(function, dtype):
    """A kernel for a row a thread: gradients, values and how much tape they need."""
    x = np.ones(3, dtype)
    gradient = cuda.jit(device=True)(numgd.device_gradient(function, x, 5))

    @cuda.jit
    def kernel(X, G, tapes, values, needed, count):
        row = cuda.grid(1)
        if row < X.shape[0]:
            values[row], needed[row] = gradient(X[row], G[row], tapes[row], count)

    return kernel
