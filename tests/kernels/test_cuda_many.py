"""Kernels for many small problems as machine code."""

import math
from unittest import mock

import numba
import numpy as np
import pytest
from cuda_builds import built, check_build, dry, dry_empty, launches

import numgd
from numgd import sums_of_squares
from numgd.foundations.records import records_of
from numgd.jit.arguments import Shared
from numgd.jit.portable import portable
from numgd.kernels import machines
from numgd.kernels.cuda import target
from numgd.kernels.cuda.solvers import least_squares_many as fits
from numgd.kernels.cuda.solvers.row_of_args import COLUMN, SHARED
from numgd.registry import METHODS
from numgd.solve._many_on_device import solve_on_device
from numgd.sums_of_squares.evaluator import FitOptions
from numgd.sums_of_squares.fit_method import FitMethod

FITS = records_of(sums_of_squares, FitMethod)
SLOW = pytest.mark.slow
BOX = np.array([[-1.0] * 2, [1.0] * 2])


def misfit(x, y, t, offset):
    """The misfit of an exponential to the data y at the times t."""
    total = x[0] * 0.0
    for i in range(t.size):
        total += (x[0] + np.exp(x[1] * t[i]) + offset - y[i]) ** 2
    return total


@pytest.mark.parametrize(
    ("method", "jac", "dtype"),
    [
        ("bfgs", None, np.float32),
        pytest.param("bfgs", "2-point", np.float32, marks=SLOW),
        *[pytest.param(method, None, np.float64, marks=SLOW) for method in ("l-bfgs-b", "owl-qn", "fista")],
    ],
)
def test_minimize_many(method, jac, dtype):
    Y, t = np.ones((40, 6), dtype), np.ones(6, dtype)
    args = Y, Shared(t), 0.5

    def drive():
        with mock.patch.object(target, "check_driver", lambda: None):
            starts = np.zeros((40, 2), dtype)
            solve_on_device(misfit, jac, starts, args, METHODS[method], None, None, True, BOX)

    found = built(drive)
    names = [made.kernel.py_func.__name__ for made, _ in found]
    assert names == ["_copy", "_transpose", "solve_rows", "_split"]
    for made, code in found:
        # A literal makes float64 of float32, here as in all compiled code.
        check_build(made, code, dtype, in_float64=made.kernel.py_func.__name__ == "solve_rows")


@portable
def peak(x, g, i, image, width):
    """Residual of pixel i of an image of a Gaussian peak: amplitude, place, width and background."""
    real = x.dtype.type
    across, down = real(i % width) - x[1], real(i // width) - x[2]
    squares = across * across + down * down
    narrow = real(1) / (x[3] * x[3])
    e = math.exp(real(-0.5) * squares * narrow)
    slope = x[0] * e * narrow
    g[0], g[1], g[2], g[3], g[4] = e, slope * across, slope * down, slope * squares / x[3], real(1)
    return x[0] * e + x[4] - image[i]


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        pytest.param(name, dtype, marks=() if (name, dtype) == ("lm", np.float32) else SLOW)
        for name in FITS
        for dtype in (np.float32, np.float64)
    ],
)
def test_fits(name, dtype):
    count, n, m = 200, 5, 121

    def drive():
        fits.fit_many(FITS[name], peak)(
            dry_empty((count, n), dtype), dry_empty((count, n), dtype), dry(np.ones(n, dtype)),
            fits.scratch_fits(count, n, m, dtype), fits.options_in(FitOptions(), dtype),
            (dry_empty((m, count), dtype), np.int64(11)), dry_empty((2, n), dtype),
            dry_empty((count,), dtype), dry_empty((count, 4), np.int64), (COLUMN, SHARED),
        )  # fmt: skip

    ((made, code),) = built(drive)
    if (name, dtype) == ("trf", np.float64):  # a few of its scalars do not fit into registers
        assert code.spills <= 128
        return
    check_build(made, code, dtype)


# What a user reads without a device -------------------------------------------------------------------------


def square(x):
    return x[0] * x[0]


def on_device():
    numgd.minimize_many(square, np.ones((2, 1)), device="cuda")


def test_without_numba_cuda(monkeypatch):
    monkeypatch.setattr("numgd.kernels.cuda.check.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"numba-cuda is not installed: pip install numgd\[cuda\]"):
        on_device()


def version_of_driver(answer):
    """A driver whose version is the answer of a function."""
    return mock.patch.object(target.cuda.cudadrv.driver.driver, "get_version", answer)


def test_without_a_driver():
    def missing():
        raise target.cuda.cudadrv.error.CudaSupportError("Error at driver init: no library\nwas found:")

    with (
        version_of_driver(missing),
        pytest.raises(RuntimeError, match=r"^no CUDA driver was found: no library was found$"),
    ):
        on_device()


def test_with_a_driver_that_is_too_old(monkeypatch):
    monkeypatch.setattr(target, "_toolkit", lambda: 13)
    with (
        version_of_driver(lambda: (12, 4)),
        pytest.raises(RuntimeError, match=r"too old: it supports CUDA 12.4, .*numgd\[cuda12\]"),
    ):
        on_device()


def test_without_a_gpu(monkeypatch):
    monkeypatch.setattr(target.cuda, "list_devices", list)
    with (
        version_of_driver(lambda: (99, 0)),
        pytest.raises(RuntimeError, match="finds no GPU"),
    ):
        on_device()


def test_errors_of_the_compiler_are_told_from_those_of_the_driver():
    def drive(error):
        with (
            mock.patch.object(target, "check_driver", lambda: None),
            launches(),
            mock.patch("numgd.kernels.cuda.solvers.many_problems.launch", side_effect=[error]),
        ):
            on_device()

    with pytest.raises(TypeError, match="square cannot run on the device: no such thing"):
        drive(numba.cuda.core.errors.TypingError("no such thing"))
    with pytest.raises(target.cuda.cudadrv.error.CudaSupportError):
        drive(target.cuda.cudadrv.error.CudaSupportError("lost"))


def test_a_network_without_numba_cuda_says_so(monkeypatch):
    monkeypatch.setattr("numgd.kernels.cuda.check.find_spec", lambda name: None)
    machines._module.cache_clear()
    network = numgd.nn.Network(numgd.nn.Dense(1), input_shape=(2,))
    with pytest.raises(ImportError, match=r"numba-cuda is not installed: pip install numgd\[cuda\]"):
        network.to("cuda")
