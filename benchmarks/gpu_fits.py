"""A million fits of a Gaussian peak, on a GPU and on the host, for `gpu.py`."""

import math

import numpy as np

import numgd
from numgd.jit.portable import portable

PEAK = np.array([1.0, 5.0, 5.0, 1.5, 0.1])
"""Height, centre, width and background, about which the peaks are drawn."""


def peaks(count, size, seed=0):
    """Images (count, size²) of noisy peaks, float32."""
    rng = np.random.default_rng(seed)
    own = (PEAK * rng.uniform(0.9, 1.1, (count, 5))).astype(np.float32)
    images = np.empty((count, size * size), np.float32)
    y, x = (a.reshape(-1).astype(np.float32) for a in np.mgrid[:size, :size])
    for first in range(0, count, 2**14):
        height, row, column, width, floor = own[first : first + 2**14].T[:, :, None]
        away = ((y - row) ** 2 + (x - column) ** 2) / (2 * width**2)
        images[first : first + 2**14] = height * np.exp(-away) + floor
    return images + rng.normal(0.0, 0.01, images.shape).astype(np.float32)


@portable
def residual(p, slopes, i, size, image):
    """Peak less image at pixel i, whose derivatives are written to `slopes`."""
    real = p.dtype.type
    y, x = real(i // size) - p[1], real(i % size) - p[2]
    inverse = real(1) / (p[3] * p[3])
    bell = math.exp(real(-0.5) * (y * y + x * x) * inverse)
    value = p[0] * bell
    slopes[0] = bell
    slopes[1] = value * y * inverse
    slopes[2] = value * x * inverse
    slopes[3] = value * (y * y + x * x) * inverse / p[3]
    slopes[4] = real(1)
    return value + p[4] - image[i]


def on_device(count, size):
    """A function that makes all fits on the GPU, by Levenberg and Marquardt's method, and its results."""
    from numgd.kernels.cuda import target
    from numgd.kernels.cuda.solvers import least_squares_many as fits
    from numgd.kernels.cuda.solvers.row_of_args import COLUMN, SHARED
    from numgd.sums_of_squares.evaluator import FitOptions
    from numgd.sums_of_squares.levenberg_marquardt import METHOD

    n, m, real = PEAK.size, size * size, np.dtype(np.float32)
    images = target.to_device(np.ascontiguousarray(peaks(count, size).T))  # a column for each fit
    starts = target.to_device(np.tile(PEAK.astype(real), (count, 1)))
    X, G = (target.empty((count, n), real) for _ in range(2))
    cost, counts = target.empty((count,), real), target.empty((count, 4), np.dtype(np.int64))
    box = target.to_device(np.array([[-np.inf] * n, [np.inf] * n], real))
    scale = target.to_device(np.ones(n, real))
    scratch = fits.scratch_fits(count, n, m, real)
    options = fits.options_in(FitOptions(ftol=1e-4, xtol=1e-4, gtol=1e-4, adaptive=True), real)
    drive = fits.fit_many(METHOD, residual)

    def run():
        X.copy_to_device(starts)
        drive(X, G, scale, scratch, options, (size, images), box, cost, counts, (SHARED, COLUMN))
        return X

    return run


def on_host(count, size):
    """A function that makes the fits on all cores, one after the other in each."""
    from numba import njit, prange

    images = peaks(count, size).astype(np.float64)
    y, x = (a.reshape(-1).astype(np.float64) for a in np.mgrid[:size, :size])

    @njit
    def model(place, height, row, column, width, floor):
        away = ((place[0] - row) ** 2 + (place[1] - column) ** 2) / (2 * width**2)
        return height * np.exp(-away) + floor

    places = np.stack([y, x])

    @njit(parallel=True)
    def run(found):
        for k in prange(len(found)):
            found[k] = numgd.curve_fit(model, places, images[k], PEAK)[0]
        return found

    found = np.empty((count, PEAK.size))
    return lambda: run(found)
