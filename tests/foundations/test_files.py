"""Arrays in files: what comes back, what is refused, and what bad files do."""

import io
import json
import os
import pickle
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import numgd

without_package = pytest.mark.skipif(find_spec("safetensors") is None, reason="the package is missing")
SUFFIXES = [".npz", pytest.param(".safetensors", marks=without_package)]

ARRAYS = {
    "weight": np.random.default_rng(1).normal(size=(3, 5)),
    "layer1.bias": np.arange(7, dtype=np.float32),
    "turned": np.arange(12.0).reshape(3, 4).T,
    "strided": np.arange(20, dtype=np.int16)[::3],
    "number": np.array(2.5),
    "empty": np.zeros((0, 3)),
    "flags": np.array([True, False]),
    "half": np.array([0.5, 1.5], np.float16),
    "big-endian": np.arange(4, dtype=">i4"),
    "file": np.arange(3, dtype=np.uint8),  # the name of a parameter of numpy.savez
    "ends.npy": np.arange(2, dtype=np.int64),
    "größe λ": np.arange(2, dtype=np.uint64),
}


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert (
            found[name].dtype == np.asarray(array).dtype.newbyteorder("=") or found[name].dtype == array.dtype
        )
        assert found[name].shape == np.shape(array)
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("mmap", [False, True])
def test_what_is_saved_is_loaded(suffix, mmap, tmp_path):
    path = tmp_path / f"arrays{suffix}"
    numgd.save(path, ARRAYS)
    found = numgd.load(path, mmap=mmap)
    same(found, ARRAYS)
    for array in found.values():
        assert array.flags.writeable != mmap and array.flags.aligned
        assert array.size == 0 or isinstance(array, np.memmap) == mmap
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_array_a_path_as_text_and_what_becomes_an_array(suffix, tmp_path):
    path = str(tmp_path / f"arrays{suffix.upper()}")
    numgd.save(path, {})
    assert numgd.load(path) == {} == numgd.load(path, True)
    numgd.save(path, {"list": [1.0, 2.0], "number": 3})
    same(numgd.load(path), {"list": np.array([1.0, 2.0]), "number": np.array(3)})


@pytest.mark.parametrize(
    "array",
    [
        np.array([1 + 2j]),
        np.array(["a", "bc"]),
        np.array([b"a"]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([(1, 2.0)], [("a", "i4"), ("b", "f8", (1,))]),
    ],
    ids=lambda array: str(array.dtype),
)
def test_dtypes_of_npz_alone(array, tmp_path):
    for mmap in (False, True):
        numgd.save(tmp_path / "a.npz", {"a": array})
        found = numgd.load(tmp_path / "a.npz", mmap)["a"]
        assert found.dtype == array.dtype and (found == array).all()
    pytest.importorskip("safetensors")
    with pytest.raises(ValueError, match="'a' has the dtype"):
        numgd.save(tmp_path / "a.safetensors", {"a": array})
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_numpy_and_the_package_read_and_write_the_same(tmp_path):
    numgd.save(tmp_path / "ours.npz", ARRAYS)
    with np.load(tmp_path / "ours.npz") as theirs:
        for name in ARRAYS.keys() - {"ends.npy"}:
            np.testing.assert_array_equal(theirs[name], ARRAYS[name])
    kept = {"a": np.zeros((100, 3)), "b": np.arange(5)}
    np.savez_compressed(tmp_path / "packed.npz", **kept)
    np.savez(tmp_path / "plain.npz", **kept)
    same(numgd.load(tmp_path / "packed.npz"), kept)
    for mmap in (False, True):
        same(numgd.load(tmp_path / "plain.npz", mmap), kept)
    with pytest.raises(ValueError, match=r"packed.npz.*compressed"):
        numgd.load(tmp_path / "packed.npz", mmap=True)
    safetensors = pytest.importorskip("safetensors.numpy")
    numgd.save(tmp_path / "ours.safetensors", kept)
    same(safetensors.load_file(tmp_path / "ours.safetensors"), kept)
    safetensors.save_file(kept, tmp_path / "theirs.safetensors", {"format": "np"})
    same(numgd.load(tmp_path / "theirs.safetensors"), kept)


# What is refused -------------------------------------------------------------------------------------------

BAD_NAMES = [
    "a/b", "/etc/passwd", "../up", "..", ".", "", "a\\b", "C:file", "C:\\file", "\\\\host\\share", "nul\0",
    "a\nb", "x" * 300, "\ud800", "__metadata__",
]  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_could_be_paths(name, suffix, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(ValueError, match="name"):
        numgd.save(inside / f"a{suffix}", {"good": np.ones(2), name: np.ones(2)})
    assert list(tmp_path.rglob("*")) == [inside]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("arrays", "error", "match"),
    [
        ([np.ones(2)], TypeError, "arrays must be a dictionary"),
        (np.ones(2), TypeError, "arrays must be a dictionary"),
        ({5: np.ones(2)}, TypeError, "names of arrays must be strings"),
        ({"a": np.array([None])}, TypeError, "'a' holds Python objects"),
        ({"a": lambda: 0}, TypeError, "'a' holds Python objects"),
        ({"a": np.zeros(2, [("x", object)])}, TypeError, "'a' holds Python objects"),
        ({"a": [[1.0], [1.0, 2.0]]}, TypeError, "'a' is not an array"),
        ({"a": np.ma.masked_array([1.0, 2.0], [True, False])}, TypeError, "'a' is a masked array"),
        ({"a": np.zeros(2, "V0")}, ValueError, "'a' has the dtype"),
    ],
)
def test_what_is_no_dictionary_of_arrays(arrays, error, match, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    numgd.save(path, {"old": np.ones(2)})
    before = path.read_bytes()
    with pytest.raises(error, match=match):
        numgd.save(path, arrays)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("path", ["a.pkl", "a", "npz", "a.npy", "a.npz.gz", ""])
def test_other_suffixes(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for call in (lambda: numgd.save(path, {"a": np.ones(2)}), lambda: numgd.load(path)):
        with pytest.raises(ValueError, match=r"path must end with .npz or .safetensors"):
            call()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_that_are_not_there(suffix, tmp_path):
    with pytest.raises(FileNotFoundError):
        numgd.load(tmp_path / f"nothing{suffix}")
    with pytest.raises(FileNotFoundError):
        numgd.save(tmp_path / "nowhere" / f"a{suffix}", {"a": np.ones(2)})
    with pytest.raises(TypeError, match="mmap"):
        numgd.load(tmp_path / f"nothing{suffix}", mmap="r")
    assert not list(tmp_path.iterdir())


def test_errors_in_writing_name_the_file(tmp_path):
    (tmp_path / "folder.npz").mkdir()
    for name, kind in (("none/a.npz", FileNotFoundError), ("folder.npz", OSError)):
        with pytest.raises(kind) as caught:
            numgd.save(tmp_path / name, {})
        assert str(caught.value).endswith(f": {str(tmp_path / name)!r}")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_save_that_fails_keeps_the_old_file(suffix, error, step, tmp_path, monkeypatch):
    path = tmp_path / f"a{suffix}"
    numgd.save(path, {"old": np.ones(2)})
    before = path.read_bytes()

    def fail(*args):
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        numgd.save(path, {"new": np.ones(2)})
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="no umask")
def test_permissions_are_those_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        numgd.save(tmp_path / "a.npz", {"a": np.ones(2)})
    finally:
        os.umask(before)
    assert (tmp_path / "a.npz").stat().st_mode & 0o777 == 0o640


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    (tmp_path / "a.safetensors").write_bytes(b"12345678")
    for call in (lambda p: numgd.save(p, {"a": np.ones(2)}), numgd.load):
        with pytest.raises(ImportError, match="need the package safetensors"):
            call(tmp_path / "a.safetensors")


# Bad files -------------------------------------------------------------------------------------------------


def refused(path, match=None):
    """Both ways of loading raise ValueError with the file's name."""
    for mmap in (False, True):
        with pytest.raises(ValueError, match=match) as caught:
            numgd.load(path, mmap)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_that_are_cut_off_or_something_else(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    numgd.save(path, ARRAYS)
    whole = path.read_bytes()
    for length in {0, 1, 4, 7, 8, 9, 30, 100, len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:length])
        refused(path)
    for content in (b"text", b"\0" * 1000, b"\xff" * 1000, pickle.dumps({"a": 1})):
        path.write_bytes(content)
        refused(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_bytes_that_changed_are_noticed_or_are_numbers(suffix, tmp_path):
    """No change of one byte gives anything but ValueError or arrays of the same shapes."""
    path = tmp_path / f"a{suffix}"
    numgd.save(path, {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(4, dtype=np.int32)})
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        for mmap in (False, True):
            try:
                found = numgd.load(path, mmap)
            except ValueError as error:
                assert str(path) in str(error)
            else:
                assert sum(array.nbytes for array in found.values()) <= 64


def test_an_array_under_another_name(tmp_path):
    with open(tmp_path / "a.npz", "wb") as file:
        np.save(file, np.ones(3))
    refused(tmp_path / "a.npz", "a single array, a .npy file")


def member(header, data=b"", version=(1, 0)):
    """A .npy file with a header of one's own."""
    text = header.encode() if isinstance(header, str) else repr(header).encode()
    out = io.BytesIO()
    out.write(b"\x93NUMPY" + bytes(version) + (len(text) + 1).to_bytes(2, "little") + text + b"\n" + data)
    return out.getvalue()


def described(shape, descr="<f8", fortran_order=False):
    return {"descr": descr, "fortran_order": fortran_order, "shape": shape}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
@pytest.mark.parametrize(
    "content",
    [
        member(described((2**40,)), bytes(8)),
        member(described((2**62, 2**62)), bytes(8)),
        member(described((2**70, 0))),
        member(described((-1,)), bytes(8)),
        member(described((-1, -1)), bytes(8)),
        member(described((3,)), bytes(16)),
        member(described((1,)), bytes(16)),
        member(described(3), bytes(24)),
        member(described((1.0,)), bytes(8)),
        member(described((1,), "|O"), pickle.dumps(np.array([1], object))),
        member(described((1,), [("a", "|O")]), bytes(8)),
        member(described((2**62,), "|V0")),
        member(described((1,), "<f7"), bytes(7)),
        member(described((1,), "("), bytes(8)),
        member(described((1,), ("<f8", (2,))), bytes(16)),
        member(described((1,)), bytes(8), (9, 0)),
        member("__import__('os').abort()"),
        member("{" * 500),
        member("-" * 5000 + "1"),
        member("(" * 5000),
        member("{'descr': '<f8'}"),
        member("x" * 20_000),
        b"",
        b"\x93NUMPY",
        b"text",
    ],
    ids=range(25),
)
def test_hostile_headers(content, compression, tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("a.npy", content)
    refused(path, "'a'")


@pytest.mark.parametrize(
    "name", ["../up.npy", "/etc/up.npy", "a/b.npy", "..npy", ".npy", "readme.txt", "a.npy/"]
)
def test_names_in_an_archive(name, tmp_path):
    path = tmp_path / "inside" / "a.npz"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, member(described((1,)), bytes(8)))
    refused(path)
    assert sorted(tmp_path.rglob("*")) == [path.parent, path]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for _ in range(2):
            archive.writestr("a.npy", member(described((1,)), bytes(8)))
    refused(tmp_path / "a.npz", "two arrays are named 'a'")


def test_a_changed_number_fails_the_checksum(tmp_path):
    path = tmp_path / "a.npz"
    numgd.save(path, {"a": np.full(4, 1.5)})
    path.write_bytes(path.read_bytes().replace(np.float64(1.5).tobytes(), np.float64(2.5).tobytes(), 1))
    with pytest.raises(ValueError, match="CRC"):
        numgd.load(path)


def tensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype="F64", shape=(1,), offsets=(0, 8)):
    return {"a": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


@pytest.mark.parametrize(
    "content",
    [
        tensors(entry(shape=(2**40,)), bytes(8)),
        tensors(entry(shape=(-1,)), bytes(8)),
        tensors(entry(offsets=(0, 2**40)), bytes(8)),
        tensors(entry(offsets=(8, 0)), bytes(8)),
        tensors(entry(), bytes(7)),
        tensors(entry(), bytes(9)),
        tensors(entry("BF16", (4,)), bytes(8)),
        tensors(entry("O"), bytes(8)),
        tensors({"../up": entry()["a"]}, bytes(8)),
        tensors({"a": {}}),
        tensors({"a": 1}),
        tensors([1]),
        tensors(b"{" * 1000),
        tensors(b"[" * 100_000),
        (2**63).to_bytes(8, "little") + b"{}",
    ],
    ids=range(15),
)
def test_hostile_tensors(content, tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    refused(path)


def test_a_path_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    numgd.save("weights.npz", {"a": np.ones(2)})
    assert [file.name for file in Path(".").iterdir()] == ["weights.npz"]
    assert numgd.load("weights.npz").keys() == {"a"}
