"""Batches that are copied to the device while it computes with those before."""

from functools import cache

import numpy as np

from numgd.kernels.cuda import target
from numgd.kernels.cuda.target import cuda


@cache
def _stream():
    """The stream of all copies: numgd's launches on the default stream do not wait for it by themselves."""
    return target.side_stream()


class _Slot:
    """Memory for one batch on both sides, and when it is filled and free again."""

    def __init__(self, arrays):
        self.pinned = [cuda.pinned_array(array.shape, array.dtype) for array in arrays]
        self.arrays = [target.empty(array.shape, array.dtype) for array in arrays]
        self.filled, self.free = cuda.event(), cuda.event()

    def suits(self, arrays):
        """Whether a batch has the shapes and dtypes of this memory."""
        pairs = zip(self.pinned, arrays, strict=True)
        return all(own.shape == array.shape and own.dtype == array.dtype for own, array in pairs)

    def fill(self, arrays, stream):
        """Begin to copy a batch, once the one before is no longer in use."""
        self.filled.synchronize()  # the pinned memory has been read
        self.free.wait(stream)
        for own, pinned, array in zip(self.arrays, self.pinned, arrays, strict=True):
            np.copyto(pinned, array)
            own.copy_to_device(pinned, stream=stream)
        self.filled.record(stream)


def ahead(batches):
    """Batches, tuples of arrays on the host, as device arrays; each is copied while the one before is in use.

    The arrays that are given out last until the next ones but one.
    """
    stream, slots, waiting = _stream(), [None, None], None
    for number, batch in enumerate(batches):
        place = number % 2
        if slots[place] is None or not slots[place].suits(batch):
            if slots[place] is not None:
                slots[place].filled.synchronize()  # before its memory is given back
            slots[place] = _Slot(batch)
        slots[place].fill(batch, stream)
        if waiting is not None:
            yield from _given(waiting)
        waiting = slots[place]
    if waiting is not None:
        yield from _given(waiting)


def _given(slot):
    """The arrays of a slot, for the launches until the next batch is asked for."""
    slot.filled.wait(target.stream())
    yield tuple(slot.arrays)
    slot.free.record(target.stream())
