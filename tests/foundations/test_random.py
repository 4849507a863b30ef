"""Random numbers by counting."""

import numpy as np
import pytest
import scipy.stats
from numba import njit

from numgd.foundations.random import normal, philox, uniform

# The published test vectors of Philox-4x32-10: counter, key, words.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
compiled_philox = njit(philox)


@njit
def fill(words, uniforms, normals, seed):
    for i in range(words.shape[0]):
        words[i] = philox(seed, np.uint64(7), np.uint64(i))[0]
        uniforms[i] = uniform(uniforms.dtype.type, words[i])
        normals[i] = normal(normals.dtype.type, seed, np.uint64(7), np.uint64(i))


@pytest.mark.parametrize("counter, key, words", KNOWN)
@pytest.mark.parametrize("function", [philox, compiled_philox])
def test_published_words(function, counter, key, words):
    def pair(low, high):
        return np.uint64(low | high << 32)

    assert function(pair(*key), pair(*counter[2:]), pair(*counter[:2])) == words


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_distributions(dtype):
    words, uniforms, normals = np.empty(20_000, np.uint64), *np.empty((2, 20_000), dtype)
    fill(words, uniforms, normals, np.uint64(3))
    assert uniforms.min() > 0
    assert uniforms.max() <= 1
    assert scipy.stats.kstest(uniforms, "uniform").pvalue > 0.01
    assert scipy.stats.kstest(normals, "norm").pvalue > 0.01
    assert abs(np.corrcoef(normals[1:], normals[:-1])[0, 1]) < 0.02
    interpreted = [normal(dtype, np.uint64(3), np.uint64(7), np.uint64(i)) for i in range(5)]
    np.testing.assert_allclose(interpreted, normals[:5], rtol=1e-5 if dtype == np.float32 else 1e-14)


def test_extreme_words():
    for real in (np.float64, np.float32):
        assert 0 < uniform(real, np.uint64(0)) < 1e-9
        assert uniform(real, np.uint64(0xFFFFFFFF)) <= 1
