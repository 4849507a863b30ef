"""IDX files: what comes back, and what damaged and hostile files do."""

import gzip
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from dataset_files import idx_bytes, random_levels, write

from numgd import datasets

ARRAYS = {
    0x08: np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    0x09: np.array([-128, 127, 0], np.int8),
    0x0B: np.array([[-300, 5]], np.int16),
    0x0C: np.array([2**31 - 1, -(2**31)], np.int32),
    0x0D: np.array([[[1.5]], [[-2.25]]], np.float32),
    0x0E: np.array([np.pi, -np.inf]),
}
SUFFIXES = "", ".gz"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("code", ARRAYS, ids=hex)
def test_every_dtype(code, suffix, tmp_path):
    path = tmp_path / f"file{suffix}"
    write(path, idx_bytes(ARRAYS[code], code))
    found = datasets.read_idx(path)
    assert found.dtype == ARRAYS[code].dtype and found.dtype.isnative and found.flags.writeable
    np.testing.assert_array_equal(found, ARRAYS[code])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_more_than_one_read(suffix, tmp_path):
    levels = random_levels(np.random.default_rng(1), 3 * 2**20 + 5)
    write(tmp_path / f"file{suffix}", idx_bytes(levels))
    np.testing.assert_array_equal(datasets.read_idx(str(tmp_path / f"file{suffix}")), levels)


@pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (5, 0)])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_empty_arrays(shape, suffix, tmp_path):
    write(tmp_path / f"file{suffix}", idx_bytes(np.zeros(shape, np.uint8)))
    assert datasets.read_idx(tmp_path / f"file{suffix}").shape == shape


def test_compression_is_recognised_by_the_content(tmp_path):
    (tmp_path / "plain.gz").write_bytes(idx_bytes(np.array([1, 2], np.uint8)))
    (tmp_path / "packed").write_bytes(gzip.compress(idx_bytes(np.array([3], np.uint8))))
    assert datasets.read_idx(tmp_path / "plain.gz").tolist() == [1, 2]
    assert datasets.read_idx(tmp_path / "packed").tolist() == [3]


def header(code, *shape):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)


WHOLE = idx_bytes(np.arange(6, dtype=np.uint8).reshape(2, 3))
DAMAGED = {
    "empty": (b"", "ends too early"),
    "half a magic number": (b"\0\0\x08", "ends too early"),
    "another format": (b"\x89PNG\r\n\x1a\n" + bytes(50), "magic number"),
    "unknown dtype": (header(0x0A, 2) + b"ab", "magic number"),
    "no axis": (header(0x08) + b"a", "0 axes"),
    "too many axes": (b"\0\0\x08\xff" + bytes(4 * 255), "255 axes"),
    "half a shape": (WHOLE[:9], "ends too early"),
    "one byte less": (WHOLE[:-1], "means 18 bytes|ends too early"),
    "one byte more": (WHOLE + b"a", "means 18 bytes|there is more"),
    "a million million items": (header(0x08, 10**6, 10**6) + b"ab", "1000000000012 bytes"),
    "doubles in place of bytes": (header(0x0E, 2, 3) + bytes(6), "60 bytes|ends too early"),
    "a size beyond 64 bits": (header(0x08, *[2**32 - 1] * 8) + bytes(100), "cannot have the shape"),
    "no items, impossible shape": (header(0x08, 0, *[2**32 - 1] * 8), "cannot have the shape"),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files(name, suffix, tmp_path):
    content, said = DAMAGED[name]
    path = tmp_path / f"file{suffix}"
    write(path, content)
    with pytest.raises(ValueError, match=said) as error:
        datasets.read_idx(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-9],  # the stream is cut off
        lambda packed: packed[:-4],  # no length at the end
        lambda packed: packed[:-8] + bytes(4) + packed[-4:],  # a wrong checksum
        lambda packed: packed[:5],  # half a header
        lambda packed: packed[:10] + b"\xff" * 20,  # nothing that deflate could have made
        lambda packed: packed + b"garbage",
    ],
)
def test_damaged_compression(damage, tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(damage(gzip.compress(WHOLE)))
    with pytest.raises(ValueError, match=r"file\.gz cannot be read"):
        datasets.read_idx(path)


def bomb(stated, megabytes):
    """A small compressed file that contains megabytes of zeros after a header."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(header(0x08, stated))]
    parts += [packer.compress(bytes(2**20)) for _ in range(megabytes)]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize("stated", [10, 2**32 - 1])
def test_what_the_header_states_limits_memory(stated, tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(bomb(stated, 64))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"there is more|cannot contain"):
            datasets.read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_missing_files_and_wrong_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        datasets.read_idx(tmp_path / "nothing")
    for path in (3, None, b"bytes", ["file"]):
        with pytest.raises(TypeError, match="path must be a path"):
            datasets.read_idx(path)
