"""Numba's CUDA simulator with coroutines in place of operating-system threads.

The threads of a block run one after the other, each until it waits at `syncthreads`.  That is deterministic,
and some dozens of times as fast: the simulator's own threads poll each other.  Import this module before any
kernel runs.
"""

from types import SimpleNamespace

import numpy as np
from greenlet import getcurrent, greenlet
from numba.cuda.simulator import kernel, kernelapi
from numba.cuda.simulator.cudadrv import devicearray


class _Thread(greenlet):
    """A thread of a block."""

    def __init__(self, function, block, place, shape):
        super().__init__(function)
        self.blockIdx, self.threadIdx = kernelapi.Dim3(*block), kernelapi.Dim3(*place)
        x, y, z = place
        self.thread_id = x + shape[0] * (y + shape[1] * z)
        self.vote = None

    def syncthreads(self):
        self.parent.switch(True)

    def _votes(self, value):
        """The values of all threads, at a barrier."""
        self.vote = bool(value)
        return self.parent.switch(True)

    def syncthreads_count(self, value):
        return int(np.count_nonzero(self._votes(value)))

    def syncthreads_and(self, value):
        return int(np.all(self._votes(value)))

    def syncthreads_or(self, value):
        return int(np.any(self._votes(value)))


class _Block:
    """What runs the threads of a block, in place of the simulator's `BlockManager`."""

    def __init__(self, function, grid, shape, debug):
        self._function, self._shape = function, shape

    def run(self, place, *arguments):
        def body():
            self._function(*arguments)

        threads = [_Thread(body, place, own, self._shape) for own in np.ndindex(*self._shape)]
        votes = ()
        while threads:
            # A thread that ends no longer takes part in barriers, as on a device since Volta.
            threads = [thread for thread in threads if thread.switch(*votes)]
            votes = ([thread.vote for thread in threads],)
            threads.reverse()  # so that a missing barrier shows: neither order of threads is right then


kernel.BlockManager = _Block
kernelapi.threading = SimpleNamespace(current_thread=getcurrent)

# Shapes are plain tuples, as on a device: the simulator's refuse to count from the end.
devicearray.FakeCUDAArray.shape = property(lambda array: array._ary.shape)
