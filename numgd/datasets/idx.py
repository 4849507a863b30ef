"""IDX files, the format of MNIST: a dtype, a shape and numbers, plain or compressed by gzip."""

import gzip
import math
import os
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numgd.datasets.arguments import AnyPath
from numgd.foundations.ranges import check_arguments

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_DEFLATION = 1032  # the largest possible compression ratio
_MOST_AXES = 32  # of arrays in NumPy 1
_PIECE = 2**20  # bytes per read


@check_arguments
def read_idx(path: AnyPath) -> NDArray[Any]:
    """Read the array in an IDX file, which need not be trusted.

    Parameters
    ----------
    path : str or path-like
        A plain file, or one compressed by gzip, which is recognised by its content.

    Returns
    -------
    numpy.ndarray
        uint8, int8, int16, int32, float32 or float64 in native byte order, of the shape in the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, or its size is not what its header states.  Memory is reserved only if the
        file can contain that much, and no more than that is decompressed.

    Notes
    -----
    Source: Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numgd import datasets
    >>> path = pathlib.Path(tempfile.mkdtemp(), "labels-idx1-ubyte")
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> datasets.read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        compressed = file.read(2) == _GZIP
        file.seek(0)
        try:
            if not compressed:
                return _read(file, size, size)
            with gzip.GzipFile(fileobj=file) as data:
                return _read(data, 0, _DEFLATION * size)
        except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} cannot be read as an IDX file: {error}") from error


def _read(data, least, most):
    """The array in an open file, of which the smallest and the largest possible size are known."""
    start = _bytes(data, 4)
    if start[:2] != b"\0\0" or start[2] not in _DTYPES:
        raise ValueError(f"it begins with {start.hex(' ')}, which is no magic number of the format")
    dtype, axes = np.dtype(_DTYPES[start[2]]), start[3]
    if not 1 <= axes <= _MOST_AXES:
        raise ValueError(f"its header states {axes} axes; there must be 1 to {_MOST_AXES}")
    shape = struct.unpack(f">{axes}I", _bytes(data, 4 * axes))
    if math.prod(length or 1 for length in shape) > 2**59:
        raise ValueError(f"an array cannot have the shape {shape} that its header states")
    total = 4 + 4 * axes + math.prod(shape) * dtype.itemsize
    if not least <= total <= most:
        there = f"there are {most}" if least == most else f"it cannot contain more than {most}"
        raise ValueError(f"shape {shape} of {dtype.name} in its header means {total} bytes; {there}")
    array = np.empty(shape, dtype)
    _fill(array.reshape(-1).view(np.uint8).data, data)
    if data.read(1):  # at the end, the checksum of a compressed file is verified
        raise ValueError(f"there is more than the {total} bytes that its header states")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _bytes(data, length):
    """The next bytes of a file; raises ValueError if it ends too early."""
    found = bytearray(length)
    _fill(memoryview(found), data)
    return bytes(found)


def _fill(memory, data):
    """Fill memory from a file; raises ValueError if it ends too early."""
    place = 0
    while place < len(memory):
        count = data.readinto(memory[place : place + _PIECE])
        if not count:
            raise ValueError("it ends too early")
        place += count
