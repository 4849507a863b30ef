"""Accesses of 16 bytes, and launches."""

import numpy as np
import pytest
from on_device import DTYPES

from numgd.kernels.cuda import target
from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape, load4, store4


@kernel
def _reverse_fours(x, out):
    count = x.size // 4
    for i in range(cuda.grid(1), count, cuda.gridsize(1)):
        a, b, c, d = load4(x, 4 * i)
        store4(out, 4 * (count - 1 - i), (a, b, c, d))


@pytest.mark.parametrize("dtype", DTYPES)
def test_four_numbers_at_once(device, dtype):
    x = np.arange(4 * 70).astype(dtype)
    source, out = device.put(x), device.empty(x.shape, dtype)
    assert target.can_load4(source, out)
    launch(_reverse_fours, launch_shape(70), source, out)
    np.testing.assert_array_equal(out.copy_to_host(), x.reshape(-1, 4)[::-1].ravel())


def test_an_access_that_is_not_aligned_is_known(device):
    assert not target.can_load4(device.put(np.zeros(8, np.float32))[1:])
