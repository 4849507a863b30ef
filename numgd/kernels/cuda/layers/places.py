"""Numbers at given places of a vector, each named once."""

import numpy as np

from numgd.kernels.cuda import memory, target
from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape


def put(values, places, out):
    """out = 0, except out[places[i]] = values[i]."""
    memory.fill(out, 0)
    if places.size:
        launch(_put, launch_shape(places.size), values, _there(places), out)


def take(source, places, out):
    """out[i] = source[places[i]]."""
    if places.size:
        launch(_take, launch_shape(places.size), source, _there(places), out)


def _there(places):
    return target.constant(places) if isinstance(places, np.ndarray) else places


@kernel
def _put(values, places, out):
    for i in range(cuda.grid(1), places.size, cuda.gridsize(1)):
        out[places[i]] = values[i]


@kernel
def _take(source, places, out):
    for i in range(cuda.grid(1), places.size, cuda.gridsize(1)):
        out[i] = source[places[i]]
