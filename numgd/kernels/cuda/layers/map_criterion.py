"""The MAP criterion, one thread per row; see `numgd.kernels.cpu.layers.map_criterion`."""

import math

import numpy as np
from numba import float64

from numgd.kernels.cpu.layers.map_criterion import top_and_mass
from numgd.kernels.cuda.layers.sums import MOST_THREADS, launch_sum, sum_of_team
from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape


def value(z, labels, j):
    """The sum over all rows, as a device array (1,)."""
    return launch_sum(_value, launch_shape(max(1, z.shape[0])), z, labels, float(j))


def gradient(z, labels, j, factor, out):
    """out = factor times the gradient of the sum."""
    if z.shape[0]:
        launch(_gradient, launch_shape(z.shape[0]), z, labels, float(j), float(factor), out)


@kernel
def _value(z, labels, j, partial):
    shared = cuda.shared.array(MOST_THREADS, float64)
    lane, own = cuda.threadIdx.x, 0.0
    for n in range(cuda.grid(1), z.shape[0], cuda.gridsize(1)):
        top, mass = top_and_mass(z[n], j)
        own += top + math.log(mass) - np.float64(z[n, labels[n]])
    found = sum_of_team(shared, lane, cuda.blockDim.x, own)
    if lane == 0:
        partial[cuda.blockIdx.x] = found


@kernel
def _gradient(z, labels, j, factor, out):
    real = out.dtype.type
    for n in range(cuda.grid(1), z.shape[0], cuda.gridsize(1)):
        top, mass = top_and_mass(z[n], j)
        for k in range(z.shape[1]):
            share = math.exp(np.float64(z[n, k]) - top) / mass
            out[n, k] = real(factor * (share - (1.0 if k == labels[n] else 0.0)))
