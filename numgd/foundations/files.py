"""Dictionaries of arrays in files, without pickle: `save` and `load`."""

import json
import math
import os
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numgd.foundations.ranges import Flag, check_arguments
from numgd.system.atomic import replacing

ALIGNMENT = 64
"""Alignment in bytes of each array's data in a file, for vector instructions on a memory map."""

LONGEST_NAME = 250
"""Longest name in bytes: with a suffix it must still be a valid file name."""

_NPY = ".npy"
_PIECE = 2**24  # bytes per read
_DEFLATION = 1032  # the largest possible compression ratio
_PADDING = 0xD935  # the tag of an extra field in a ZIP file that is only padding
_KINDS = "biufcmMSUV"
_NAMES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
_SAFETENSORS = {name: np.dtype(code) for name, code in _NAMES.items()}


@check_arguments
def save(path: str | os.PathLike[str], arrays: Mapping[str, ArrayLike]) -> None:
    """Write a dictionary of arrays to a file.

    The file is written under another name in the same folder and renamed when it is complete: if anything
    fails, an existing file stays unchanged.

    Parameters
    ----------
    path : str or path-like
        Ends with ``.npz`` (NumPy's format, which `numpy.load` reads too) or ``.safetensors`` (which needs the
        package of that name).
    arrays : dict of str to array_like
        Names contain no path separators or control characters, and are at most 250 bytes long.  Arrays may
        have any shape and layout, and any dtype except Python objects; in ``.safetensors`` files booleans,
        integers and real numbers of at most 64 bits.

    Raises
    ------
    TypeError
        If `arrays` is not a dictionary, a name is not a string, or an array is masked or holds Python
        objects.
    ValueError
        If a name could be a path, the format lacks a dtype, or the suffix is unknown.
    ImportError
        If the package safetensors is needed but not installed.

    See Also
    --------
    load

    Examples
    --------
    >>> import numgd, numpy as np, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "weights.npz")
    >>> numgd.save(path, {"weight": np.eye(2), "bias": np.zeros(2, np.float32)})
    >>> numgd.load(path)["bias"]
    array([0., 0.], dtype=float32)
    """
    if not isinstance(arrays, Mapping):
        raise TypeError(f"arrays must be a dictionary of arrays; it is {type(arrays).__name__}")
    write(path, arrays)


@check_arguments
def load(path: str | os.PathLike[str], mmap: Flag = False) -> dict[str, NDArray[Any]]:
    """Read a dictionary of arrays from a file, which need not be trusted: nothing in it is executed.

    Parameters
    ----------
    path : str or path-like
        A ``.npz`` file written by `save` or `numpy.savez`, or a ``.safetensors`` file.
    mmap : bool, optional
        Whether to return read-only memory maps of the file, which read data on access.  Checksums in the file
        are then not verified, and compressed arrays are rejected.

    Returns
    -------
    dict of str to numpy.ndarray
        In the order of the file.

    Raises
    ------
    ValueError
        If the file is damaged or holds anything but arrays; the message names the file and the fault.
    OSError
        If the file cannot be opened.
    ImportError
        If the package safetensors is needed but not installed.

    See Also
    --------
    save

    Examples
    --------
    >>> import numgd, numpy as np, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "data.npz")
    >>> numgd.save(path, {"x": np.arange(6.0).reshape(2, 3)})
    >>> numgd.load(path, mmap=True)["x"].sum(axis=1)
    array([ 3., 12.])
    """
    return read(path, mmap)[0]


# What a file may contain ------------------------------------------------------------------------------------


def check_name(name):
    """Raise unless a string is a valid name of an array, which may become a file name elsewhere."""
    if not isinstance(name, str):
        raise TypeError(f"names of arrays must be strings; one is {name!r:.80}")
    if not name or name in (".", "..", "__metadata__"):
        raise ValueError(f"an array cannot have the name {name!r}")
    if any(mark in name for mark in "/\\") or PureWindowsPath(name).drive:
        raise ValueError(f"the name {name!r:.80} could be a path: names must not contain separators")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise ValueError(f"the name {name!r:.80} is not valid text") from None
    if length > LONGEST_NAME or any(ord(character) < 32 for character in name):
        raise ValueError(f"the name {name!r:.80} has control characters, or more than {LONGEST_NAME} bytes")


def _checked_array(name, given):
    """The array if it can be stored; raises with its name otherwise."""
    check_name(name)
    if isinstance(given, np.ma.MaskedArray):
        raise TypeError(f"{name!r} is a masked array, whose mask would be lost")
    try:
        array = np.asarray(given)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name!r} is not an array: {error}") from None
    if array.dtype.hasobject:
        raise TypeError(f"{name!r} holds Python objects (dtype {array.dtype}), which cannot be stored")
    if not _storable(array.dtype):
        raise ValueError(f"{name!r} has the dtype {array.dtype}, which cannot be stored")
    return array


def _storable(dtype):
    """Whether a dtype is one of NumPy's own, with elements of non-zero size."""
    own = dtype.kind != "V" or issubclass(dtype.type, np.void)
    return own and dtype.kind in _KINDS and dtype.itemsize > 0 and not dtype.hasobject


def _kind(path):
    """The path and its suffix; raises ValueError for an unknown suffix."""
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".npz", ".safetensors"):
        raise ValueError(f"path must end with .npz or .safetensors; it is {str(path)!r}")
    return path, kind


# Both formats ----------------------------------------------------------------------------------------------


def write(path, arrays, texts=()):
    """Like `save`, with named texts besides the arrays."""
    path, kind = _kind(path)
    texts = dict(texts)
    found = {name: _checked_array(name, given) for name, given in arrays.items()}
    store = _write_npz if kind == ".npz" else _write_safetensors
    with replacing(path) as file:
        store(file, found, texts)
        file.flush()
        os.fsync(file.fileno())


def read(path, mmap=False, texts=()):
    """Like `load`: the arrays, and a dictionary of those named texts that the file contains."""
    path, kind = _kind(path)
    fetch = _read_npz if kind == ".npz" else _read_safetensors
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            if size == 0:
                raise ValueError("the file is empty")
            return fetch(path, file, size, mmap, texts)
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # readers of damaged files may raise anything
            said = str(error) or type(error).__name__
            raise ValueError(f"{path} cannot be read as {kind}: {said}") from error


# .npz: a ZIP file of .npy files ----------------------------------------------------------------------------


def _write_npz(file, arrays, texts):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in (arrays | {name: np.array(text) for name, text in texts.items()}).items():
            member = zipfile.ZipInfo(name + _NPY)
            member.extra = _padding(archive.fp.tell(), member.filename)  # type: ignore[union-attr]
            with archive.open(member, "w", force_zip64=True) as out:
                try:
                    np.lib.format.write_array(out, array, version=(1, 0), allow_pickle=False)
                except ValueError as error:
                    raise ValueError(f"{name!r} cannot be stored: {error}") from error


def _padding(place, name):
    """An extra field that makes a member's data begin at a multiple of ALIGNMENT."""
    header = place + 30 + len(name.encode()) + 20 + 4  # 20 bytes for 64-bit sizes, 4 before the padding
    missing = -header % ALIGNMENT
    return _PADDING.to_bytes(2, "little") + missing.to_bytes(2, "little") + bytes(missing)


def _read_npz(path, file, size, mmap, wanted):
    if file.read(6) == b"\x93NUMPY":
        raise ValueError("it is a single array, a .npy file under another name")
    arrays, texts = {}, {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(_NPY)
            if name == member.filename:
                raise ValueError(f"{name!r:.80} in it is not an array")
            check_name(name)
            if name in arrays or name in texts:
                raise ValueError(f"two arrays are named {name!r}")
            try:
                array = _member(path, file, size, archive, member, mmap and name not in wanted)
            except MemoryError:
                raise
            except Exception as error:
                said = str(error) or type(error).__name__
                raise ValueError(f"array {name!r} in it is damaged: {said}") from error
            if name not in wanted:
                arrays[name] = array
            elif array.dtype.kind != "U" or array.ndim:
                raise ValueError(f"{name!r} is not text")
            else:
                texts[name] = str(array)
    return arrays, texts


def _member(path, file, size, archive, member, mmap):
    """One array of an archive."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("its compression method is not one that NumPy uses")
    if member.file_size > _DEFLATION * member.compress_size or member.compress_size > size:
        raise ValueError("the file is too short for the size that it states")
    with archive.open(member) as data:
        shape, order, dtype = _header(data)
        start = data.tell()
        length, there = math.prod(shape) * dtype.itemsize, member.file_size - start
        if length != there:
            raise ValueError(f"shape {shape} of {dtype} needs {length} bytes; there are {there}")
        if mmap:
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError("it is compressed and cannot be memory-mapped")
            return _mapped(path, dtype, shape, order, _data_of(file, member) + start)
        array = np.empty(math.prod(shape), dtype)
        _fill(array, data)
        if data.read(1):  # the checksum is verified at the end
            raise ValueError("there is more data than the header states")
    return array.reshape(shape, order=order)


def _header(data):
    """Shape, order and dtype from the header of a .npy file; raises ValueError if they are impossible."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            readers = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }
            shape, fortran, dtype = readers[np.lib.format.read_magic(data)](data)
    except Exception as error:  # the header is parsed text
        raise ValueError(f"its header is damaged: {str(error) or type(error).__name__}") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not loaded")
    if not _storable(dtype) or dtype.subdtype is not None:
        raise ValueError(f"an array cannot have the dtype {dtype}")
    if any(length < 0 for length in shape) or math.prod(length for length in shape if length) > 2**62:
        raise ValueError(f"an array cannot have the shape {shape}")
    return shape, "F" if fortran else "C", dtype


def _fill(array, data):
    """Read the elements of a new vector from a file."""
    memory = memoryview(array.view(np.uint8)) if array.size else memoryview(b"")
    place = 0
    while place < len(memory):
        piece = data.read(min(_PIECE, len(memory) - place))
        if not piece:
            raise ValueError("the data end too early")
        memory[place : place + len(piece)] = piece
        place += len(piece)


def _data_of(file, member):
    """The position of a member's data in the file, according to the member's own header."""
    place = file.tell()
    file.seek(member.header_offset + 26)
    lengths = file.read(4)
    file.seek(place)
    return member.header_offset + 30 + sum(int.from_bytes(lengths[i : i + 2], "little") for i in (0, 2))


def _mapped(path, dtype, shape, order, place):
    """A read-only memory map of an array in a file."""
    if 0 in shape:  # a memory map cannot be empty
        array = np.empty(shape, dtype, order)
        array.flags.writeable = False
        return array
    return np.memmap(path, dtype, "r", place, shape, order)


# .safetensors ----------------------------------------------------------------------------------------------


def _package():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(".safetensors files need the package safetensors") from error
    return safetensors


def _write_safetensors(file, arrays, texts):
    package = _package()
    stored = {}
    for name, array in arrays.items():
        dtype = array.dtype.newbyteorder("<")
        if dtype not in _SAFETENSORS.values():
            raise ValueError(f"{name!r} has the dtype {array.dtype}, which .safetensors files do not support")
        stored[name] = np.asarray(array, dtype, order="C")
    file.write(package.numpy.save(stored, texts or None))


def _read_safetensors(path, file, size, mmap, wanted):
    with _package().safe_open(path, framework="numpy") as whole:  # checks the header against the file
        metadata = whole.metadata() or {}
    length = int.from_bytes(file.read(8), "little")
    entries = json.loads(file.read(length))
    entries.pop("__metadata__", None)
    arrays = {}
    for name, entry in entries.items():
        check_name(name)
        if entry["dtype"] not in _SAFETENSORS:
            raise ValueError(f"array {name!r} has the dtype {entry['dtype']}, which NumPy does not have")
        dtype, shape = _SAFETENSORS[entry["dtype"]], tuple(entry["shape"])
        place = 8 + length + entry["data_offsets"][0]
        if mmap:
            arrays[name] = _mapped(path, dtype, shape, "C", place)
        else:
            file.seek(place)
            array = np.empty(math.prod(shape), dtype)
            _fill(array, file)
            arrays[name] = array.reshape(shape)
    return arrays, {name: metadata[name] for name in wanted if name in metadata}
