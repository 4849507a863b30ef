"""Accesses of 16 bytes as machine code."""

import numpy as np
import pytest
from cuda_builds import accesses, built, check_build, dry

from numgd.kernels.cuda.target import cuda, kernel, launch, launch_shape, load4, store4


@kernel
def _copy(x, out):
    for i in range(cuda.grid(1), x.size // 4, cuda.gridsize(1)):
        store4(out, 4 * i, load4(x, 4 * i))


@pytest.mark.parametrize("arch", [80, 90])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_four_numbers_are_one_access(dtype, arch):
    x = dry(np.zeros(64, dtype))
    ((made, found),) = built(lambda: launch(_copy, launch_shape(16), x, dry(x)), arch)
    check_build(made, found, dtype)
    assert accesses(found.ptx) == {"ld": {16}, "st": {16}}
