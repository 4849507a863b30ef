"""Files of data sets, written by hand."""

import gzip
import struct

import numpy as np


def idx_bytes(array, code=0x08):
    """An array in IDX format, for the code of its dtype."""
    kind = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}[code]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(kind).tobytes()


def write(path, content):
    """Write bytes, compressed if the name says so."""
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)


def random_levels(rng, *shape):
    """Grey levels with both ends of their range."""
    levels = rng.integers(0, 256, shape, np.uint8)
    levels.flat[:2] = 0, 255
    return levels
