"""Activations, losses and vector functions as code for a real GPU (sm_90), all in one kernel a dtype."""

import numba
import numpy as np
import pytest

pytest.importorskip("numba_cuda")
pytest.importorskip("cuda.core")
cuda = pytest.importorskip("numba.cuda")

from cuda_builds import build  # noqa: E402
from test_cuda_sm90 import check  # noqa: E402

from numgd.scalars import ACTIVATIONS, LOSSES  # noqa: E402


def make_sum(functions):
    """Portable sum of ``f(x, y, c)`` over functions."""
    first, *others = functions
    if not others:
        return first
    rest = make_sum(others)

    @numba.extending.register_jitable
    def total(x, y, c):
        return first(x, y, c) + rest(x, y, c)

    return total


def ignoring_y(function):
    @numba.extending.register_jitable
    def of_x(x, y, c):
        return function(x, c)

    return of_x


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scalars(dtype, record_property):
    of_x = [ignoring_y(f) for pair in ACTIVATIONS.values() for f in pair]
    total = make_sum(of_x + [f for pair in LOSSES.values() for f in pair])

    @cuda.jit
    def kernel(x, y, c, out):
        i = cuda.grid(1)
        if i < out.size:
            out[i] = total(x[i], y[i], c)

    real = numba.from_dtype(np.dtype(dtype))
    vector = numba.types.Array(real, 1, "C")
    check(build(kernel, (vector, vector, real, vector)), dtype, record_property)
