"""Sums in float64 over the threads of a block and over all blocks, in an order given by shapes alone."""

import numpy as np
from numba import float64

from numgd.kernels.cuda import memory, target
from numgd.kernels.cuda.target import cuda, kernel, launch

MOST_THREADS = 128
"""Room in shared memory, in numbers: the most threads of a block."""

_FEW = 32
"""Elements per thread up to which one block adds them all, so that no second launch is needed."""


@cuda.jit(device=True)
def sum_of_team(shared, lane, team, own):
    """The sum of one number from each of a team's threads; all threads of the block must call it.

    Teams are `team` neighbouring threads, a power of two; `shared` has room for all threads, of which this is
    number `lane`.
    """
    cuda.syncthreads()
    shared[lane] = own
    cuda.syncthreads()
    width = team // 2
    while width > 0:
        if lane % team < width:
            shared[lane] += shared[lane + width]
        cuda.syncthreads()
        width //= 2
    return shared[lane - lane % team]


def launch_sum(function, shape, *arguments):
    """Launch ``function(*arguments, partial)``, which writes a sum per block, and add these up.

    Returns the sum as a device array (1,): the last argument of the last launch.
    """
    blocks = shape[0]
    found = memory.empty(None, (1,), np.float64)
    partial = found if blocks == 1 else memory.scratch(None, (blocks,), np.float64)
    launch(function, shape, *arguments, partial)
    if blocks > 1:
        launch(_add_up, (1, target.THREADS), partial, found)
    return found


def shape_of_sum(count):
    """Blocks and threads for the sum over `count` elements."""
    if count <= _FEW * target.THREADS:
        return 1, target.THREADS
    return target.launch_shape(count)


@kernel
def _add_up(partial, out):
    shared = cuda.shared.array(MOST_THREADS, float64)
    lane, own = cuda.threadIdx.x, 0.0
    for i in range(lane, partial.size, cuda.blockDim.x):
        own += partial[i]
    total = sum_of_team(shared, lane, cuda.blockDim.x, own)
    if lane == 0:
        out[0] = total
