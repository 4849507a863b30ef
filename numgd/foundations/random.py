"""Counter-based random numbers: number i of a stream depends only on the seed, the stream and i.

They are therefore the same with any number of threads and on a device, and there is no state to keep.
J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3,
SC 11 (2011): Philox-4x32-10.
"""

import math

import numpy as np

from numgd.jit.portable import portable

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@portable
def philox(seed, stream, index):
    """Four random 32-bit words, as uint64; `seed`, `stream` and `index` are uint64."""
    a, b = index & _MASK, index >> _SHIFT
    c, d = stream & _MASK, stream >> _SHIFT
    key, other = seed & _MASK, seed >> _SHIFT
    for _ in range(10):
        first, second = _FACTORS[0] * a, _FACTORS[1] * c
        a, b = (second >> _SHIFT) ^ b ^ key, second & _MASK
        c, d = (first >> _SHIFT) ^ d ^ other, first & _MASK
        key, other = (key + _WEYL[0]) & _MASK, (other + _WEYL[1]) & _MASK
    return a, b, c, d


@portable
def uniform(real, word):
    """A word as a number in (0, 1], of the scalar type `real`."""
    return real(word) * real(2.0**-32) + real(2.0**-33)


@portable
def normal(real, seed, stream, index):
    """A standard normal number (Box and Muller, 1958), of the scalar type `real`."""
    a, b, _, _ = philox(seed, stream, index)
    radius = math.sqrt(real(-2) * math.log(uniform(real, a)))
    return radius * math.cos(real(2.0 * math.pi) * uniform(real, b))
