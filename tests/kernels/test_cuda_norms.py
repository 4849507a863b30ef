"""Machine code of the CUDA kernels of normalisations."""

import numpy as np
import pytest
from cuda_builds import accesses, check_build, dry_empty, launches

from numgd.kernels.cuda.layers import (
    batch_norm,
    columns,
    group_norm,
    layer_norm,
    local_response_norm,
    prelu,
)

EXACT = np.float64


class Case:
    """Arrays of (parts, rows, columns) for the drivers, and memory for sums and coefficients."""

    def __init__(self, dtype, parts, rows, width):
        self.shape, self.dtype, self.real = (parts, rows, width), dtype, np.dtype(dtype).type
        self.block = columns.block_rows(rows, width)
        self.partial = columns.partial_sums(parts, rows, width, dry_empty)
        self.coefficients = self.of(parts, 5, width)
        self.x, self.grad, self.out = (self.of(*self.shape) for _ in range(3))
        self.gamma, self.beta, self.mean, self.variance = (self.of(width) for _ in range(4))
        self.grads = self.of(width), self.of(width)

    def of(self, *shape):
        return dry_empty(shape, self.dtype)


def passes(case):
    columns.moments(case.x, case.block, case.partial)
    columns.affine(case.x, case.block, case.coefficients, case.real(0), False, case.out)
    columns.sums(True, case.grad, case.x, case.block, case.coefficients, case.partial)
    columns.gradient(True, case.grad, case.x, case.block, case.coefficients, False, case.out)


def others(case):
    width = case.shape[2]
    matrices = case.grad[0], case.x[0]
    layer_norm.forward(case.x[0], case.gamma, case.beta, 1e-5, case.out[0])
    layer_norm.backward(*matrices, case.gamma, 1e-5, case.block, case.partial[0], case.out[0])
    local_response_norm.forward(case.x[0], 5, 1e-4, 0.75, 1.0, case.out[0])
    local_response_norm.backward(*matrices, 5, 1e-4, 0.75, 1.0, case.out[0])
    prelu.forward(case.x[0], case.gamma, case.block, case.out[0])
    sums = dry_empty((case.partial.shape[1], width), EXACT)
    prelu.backward(*matrices, case.gamma, case.block, case.out[0], sums)


def per_channel(case):
    parts, rows, width = case.shape
    partial = case.partial.reshape(-1, 2, 2, width // 2)
    coefficients = case.coefficients[0].reshape(5, 2, width // 2)
    moments = dry_empty((3, width // 2), EXACT)
    vectors = [a[: width // 2] for a in (case.gamma, case.beta, case.mean, case.variance)]
    batch_norm.statistics(partial, rows, case.block, 1e-5, moments[:2], moments[2])
    batch_norm.track(moments[:2], 3.0, 0.1, *vectors[2:])
    batch_norm.prepare(
        partial, rows, case.block, 1e-5, 0.1, moments[:2], moments[2], *vectors[2:], *vectors[:2],
        coefficients,
    )  # fmt: skip
    batch_norm.constant(*vectors[2:], 1e-5, moments[0], moments[2])
    batch_norm.forward(moments[0], moments[2], *vectors[:2], coefficients)
    batch_norm.backward(partial, 3.0, moments[0], moments[2], vectors[0], coefficients, *vectors[2:])
    weight = case.of(width // 2, 5)
    batch_norm.fold(weight, vectors[0], *vectors, 1e-5, weight, vectors[1])
    groups = dry_empty((2, parts, 2), EXACT)
    group_norm.backward(
        True, True, case.grad, case.x, case.block, 1e-5, *vectors[:2], False, case.partial, *groups,
        case.coefficients, case.out, *vectors[2:],
    )  # fmt: skip
    columns.add_up(case.partial.reshape(-1, width), 0, case.gamma)
    prelu.repeated(case.of(1), width)


def in_float64(launch):
    """Whether a kernel adds up in float64."""
    function = launch.kernel.py_func
    module, name = function.__module__.rpartition(".")[2], function.__qualname__.partition(".")[0]
    if module in ("batch_norm", "group_norm", "layer_norm"):
        return True
    return (module, name) in {
        ("columns", "_make_moments"), ("columns", "_make_sums"), ("columns", "_add_up"),
        ("prelu", "_make_backward"),
    }  # fmt: skip


def made_by(drive, dtype, shape):
    """The distinct launches of a case."""
    with launches() as made:
        drive(Case(dtype, *shape))
    return list({(id(one.kernel), one.signature): one for one in made}.values())


GRID = [
    pytest.param(drive, dtype, shape, arch, marks=() if often else pytest.mark.slow)
    for drive, shape in (
        (passes, (2, 96, 64)), (passes, (1, 96, 3)), (others, (1, 96, 64)), (others, (1, 96, 3)),
        (per_channel, (2, 96, 64)),
    )
    for dtype in (np.float32, np.float64)
    for arch in (90, 80)
    for often in [arch == 90 and dtype == np.float32 and shape[2] == 64 and drive is not per_channel]
]  # fmt: skip


@pytest.mark.parametrize("drive, dtype, shape, arch", GRID)
def test_kernels_as_machine_code(drive, dtype, shape, arch):
    for launch in made_by(drive, dtype, shape):
        found = launch.build(arch)
        check_build(launch, found, dtype, in_float64=in_float64(launch))
        if drive is not per_channel and shape[2] % 4 == 0:
            loads = accesses(found.ptx)
            assert 16 in loads["ld"] and loads["st"] - {4, 8} == {16}, (launch.kernel, loads)


@pytest.mark.parametrize("width", [1, 3, 16, 20, 64, 132, 1000, 2048])
def test_few_columns_occupy_all_threads(width):
    tiles, (lanes, depth) = columns.lanes_of(width)
    assert 200 < lanes * depth <= columns.THREADS
    assert width <= 4 * tiles * lanes < width + 4 * tiles  # less than one thread in each block is idle


def test_the_number_of_blocks():
    """Some hundreds for large arrays, and as few sums as that takes."""
    for rows, width in ((10**7, 3), (2**20, 64), (10**5, 512), (25088, 2048)):
        tiles, _ = columns.lanes_of(width)
        blocks = columns.partial_sums(1, rows, width, lambda shape, dtype: shape)[1] * tiles
        assert 500 < blocks <= 1056 + tiles
