"""What tests of the CUDA drivers share; they run on a GPU where there is one, else under Numba's simulator.

The simulator is chosen by ``NUMBA_ENABLE_CUDASIM=1`` before Numba is imported: `test_cuda_simulated` runs
each file of `tests/device` in a process of its own.  Without either, importing this module skips a test.
"""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")

from numgd.kernels.cuda import target

SIMULATED = target.SIMULATED

if not SIMULATED and not target.device_names():
    pytest.skip("no GPU, and not under the simulator", allow_module_level=True)

if SIMULATED:  # small blocks and grids: a simulated thread takes time, and one must do several elements
    import quick_simulator  # noqa: F401

    target.THREADS, target.MOST_BLOCKS = 16, 2
    from numba.cuda.simulator.cudadrv.devicearray import FakeShape

    FakeShape.__getitem__ = tuple.__getitem__  # the shape of a device array is a tuple: -1 is its last axis

GUARD = 64
"""Bytes of NaN on both sides of each array that `Memory` gives out."""


class Memory:
    """Device arrays between guard zones, which `check` finds intact or not."""

    def __init__(self):
        self._all = []

    def put(self, array):
        """A copy of an array on the device."""
        array = np.ascontiguousarray(array)
        found = self.empty(array.shape, array.dtype)
        if array.size:
            found.copy_to_device(array)
        return found

    def empty(self, shape, dtype):
        """An array full of NaN, or of -77 for integers."""
        dtype = np.dtype(dtype)
        shape = tuple(np.atleast_1d(shape)) if shape != () else ()
        zone, count = GUARD // dtype.itemsize, int(np.prod(shape))
        whole = target.to_device(np.full(count + 2 * zone, _poison(dtype), dtype))
        self._all.append((whole, zone, count))
        return whole[zone : zone + count].reshape(shape)

    def check(self):
        """Fail if a kernel wrote outside its arrays."""
        for whole, zone, count in self._all:
            numbers, poison = whole.copy_to_host(), _poison(whole.dtype)
            for part in (numbers[:zone], numbers[zone + count :]):
                np.testing.assert_array_equal(part, np.full(zone, poison, whole.dtype))


def _poison(dtype):
    return np.nan if dtype.kind == "f" else 77 if dtype.kind == "u" else -77


def sizes(tiny, real):
    """Shapes for the simulator, or for a GPU."""
    return tiny if SIMULATED else real


def tolerance(dtype, factor=50):
    """Relative and absolute tolerance of sums that are added in another order."""
    eps = factor * float(np.finfo(dtype).eps)
    return {"rtol": eps, "atol": eps}


DTYPES = [np.float32, np.float64]
