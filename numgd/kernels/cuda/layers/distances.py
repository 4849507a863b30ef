"""Squared distances of rows from prototypes, and the gradient; see `numgd.kernels.cpu.layers.distances`."""

import numpy as np

from numgd.kernels.cuda import target
from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape


def forward(x, prototypes, factor, out):
    """out[n, k] = factor · Σⱼ (x[n, j] − prototypes[k, j])²."""
    if out.size:
        launch(_forward, launch_shape(out.size), x, _there(prototypes), x.dtype.type(factor), out)


def backward(grad, x, prototypes, factor, out):
    """out: the gradient of x for a gradient (N, classes) of the result of `forward`."""
    if out.size:
        twice = x.dtype.type(2.0 * factor)
        launch(_backward, launch_shape(out.size), grad, x, _there(prototypes), twice, out)


def _there(prototypes):
    return target.constant(prototypes) if isinstance(prototypes, np.ndarray) else prototypes


@kernel
def _forward(x, prototypes, factor, out):
    classes, features = prototypes.shape
    for i in range(cuda.grid(1), out.shape[0] * classes, cuda.gridsize(1)):
        row, k = i // classes, i % classes
        total = x.dtype.type(0)
        for j in range(features):
            away = x[row, j] - prototypes[k, j]
            total += away * away
        out[row, k] = factor * total


@kernel
def _backward(grad, x, prototypes, twice, out):
    classes, features = prototypes.shape
    for i in range(cuda.grid(1), out.shape[0] * features, cuda.gridsize(1)):
        row, j = i // features, i % features
        total = x.dtype.type(0)
        for k in range(classes):
            total += twice * grad[row, k] * (x[row, j] - prototypes[k, j])
        out[row, j] = total
