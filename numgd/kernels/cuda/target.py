"""The only module that imports ``numba.cuda``: devices, memory, launches, and accesses of 16 bytes.

Kernels are plain functions under `kernel`.  Drivers allocate with `empty` and launch with `launch`, the one
place through which all work reaches a device: a recording notes it there, and tests replace it.
"""

import math
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from numba import cuda
from numba.core import config

INSTALLED = find_spec("numba_cuda") is not None
"""Whether there is numba-cuda; without it nothing is compiled, and functions for kernels run interpreted."""

SIMULATED = bool(config.ENABLE_CUDASIM)
"""Whether kernels run under Numba's simulator, thread by thread in the interpreter."""

THREADS = 128
"""Threads in a block of a kernel over elements."""

MOST_BLOCKS = 4096
"""Maximum number of blocks of a grid-stride kernel: more than any GPU runs at a time."""

LANES = 4
"""Numbers that `load4` and `store4` access at once."""

kernel = cuda.jit
"""Decorator of kernels; compiled for the types of their arguments when they are first launched."""


def kernel_for(threads, blocks):
    """A decorator of kernels with blocks of that many threads, several on a multiprocessor."""
    return kernel if SIMULATED else kernel(launch_bounds=(threads, blocks))


recording: ContextVar = ContextVar("device_recording", default=None)
"""The `numgd.kernels.cuda.program.Recording` that notes this thread's launches, if there is one."""


def launch_shape(count):
    """Blocks and threads of a grid-stride kernel over `count` > 0 elements."""
    return min((count + THREADS - 1) // THREADS, MOST_BLOCKS), THREADS


def launch(function, shape, *arguments):
    """Run a kernel with blocks and threads of a shape, on the current stream.

    Python floats become float64 on the device and integers int64: numbers that a float32 kernel computes with
    must be float32.
    """
    active = recording.get()
    if active is not None:
        active.note(function, shape, arguments)
    run(function, shape, arguments)


def run(function, shape, arguments):
    """Launch without noting it."""
    function[(*shape, stream())](*arguments)


_stream: ContextVar = ContextVar("device_stream", default=0)


def stream():
    """The stream of this thread's launches and copies; 0 is the default one."""
    return _stream.get()


def side_stream():
    """A new stream whose work does not wait for that of the default one, nor that for it."""
    if SIMULATED:
        return cuda.stream()
    from cuda.bindings import driver

    status, handle = driver.cuStreamCreate(driver.CUstream_flags.CU_STREAM_NON_BLOCKING)
    if int(status) != 0:
        raise RuntimeError(f"the CUDA driver made no stream: {status!r}")
    return cuda.external_stream(int(handle))


@contextmanager
def on_stream(other):
    """A block whose launches and copies go to another stream."""
    token = _stream.set(other)
    try:
        yield
    finally:
        _stream.reset(token)


def empty(shape, dtype):
    """Uninitialised memory on the device; raises MemoryError, and changes nothing, if there is none."""
    try:
        return cuda.device_array(shape, dtype)
    except Exception as error:
        if "OUT_OF_MEMORY" not in str(error):
            raise
        size = math.prod(np.atleast_1d(shape)) * np.dtype(dtype).itemsize
        raise MemoryError(f"an array of shape {shape} takes {size / 2**30:.3g} GiB on the device") from None


def to_device(array):
    """A copy of an array on the device."""
    array = np.ascontiguousarray(array)
    copy = empty(array.shape, array.dtype)
    upload(array, copy)
    return copy


def upload(array, out):
    """out = array: an array in the host's memory copied to one of its shape and dtype on the device."""
    if out.size:
        out.copy_to_device(np.ascontiguousarray(array), stream=stream())


def constant(array):
    """A device array with the contents of a small host array, the same one for the same contents."""
    return _constant(array.dtype, array.shape, array.tobytes())


@lru_cache(1024)
def _constant(dtype, shape, contents):
    return to_device(np.frombuffer(contents, dtype).reshape(shape))


def fetch(array):
    """A copy of a device array in the host's memory, when all that was launched before is done."""
    return array.copy_to_host()


def as_device(name, array):
    """An array that lives on the device, of whatever library, as one of Numba's for the same memory."""
    if SIMULATED or isinstance(array, cuda.cudadrv.devicearray.DeviceNDArray):
        found = array
    else:
        found = cuda.as_cuda_array(array)
    if not found.is_c_contiguous():
        raise ValueError(f"{name} must be contiguous on the device; its strides are {found.strides} bytes")
    return found


def vector_of(name, array):
    """A device array as a vector of the same memory."""
    found = as_device(name, array)
    return found.reshape(found.size)


def device_names():
    """The names of the usable devices, often none; errors of the driver are passed on."""
    if not cuda.is_available():
        return []
    return [str(device.name) for device in cuda.list_devices()]


# Accesses of 16 bytes ---------------------------------------------------------------------------------------

if SIMULATED or not INSTALLED:

    def load4(array, start):
        """The four neighbouring numbers from index `start`, a multiple of four, of an aligned vector."""
        return array[start], array[start + 1], array[start + 2], array[start + 3]

    def store4(array, start, values):
        """Write four neighbouring numbers from index `start`, a multiple of four, of an aligned vector."""
        for k in range(4):
            array[start + k] = values[k]

    def four_of(numbers, place):
        """The four neighbouring numbers of a tuple from ``4 · place`` on."""
        return numbers[4 * place : 4 * place + 4]

    def make_repeated(count):
        """A function that gives a tuple `count` times."""
        return lambda numbers: count * numbers

    def make_sandwich(matrix):
        """A function that gives M · X · Mᵀ for a constant matrix M and a square matrix X, a tuple."""
        size = len(matrix[0])

        def sandwich(numbers):
            real = type(numbers[0])
            square = np.reshape(numbers, (size, size))
            constant = np.array(matrix, real)
            return tuple((constant @ square @ constant.T).ravel())

        return sandwich

    def make_add_products(depth, left, right):
        """A function ``(sums, array, i, j)`` that adds outer products, `right` fastest; see `Factors`."""

        def add_products(sums, array, i, j):
            sums = list(sums)
            for k in range(depth):
                rows = [array[i + k * left.pitch + place] for place in left.places]
                columns = [array[j + k * right.pitch + place] for place in right.places]
                products = [a * b for a in rows for b in columns]
                sums = [total + more for total, more in zip(sums, products, strict=True)]
            return tuple(sums)

        return add_products

else:
    from llvmlite import ir
    from numba.cuda import cgutils, types
    from numba.cuda.extending import intrinsic

    _BYTES = 16
    _INDEX = ir.IntType(32)

    def _place(context, builder, kind, array, start):
        """A pointer to four numbers of a vector, and their type."""
        own = context.make_array(kind)(context, builder, array)
        first = cgutils.get_item_pointer(context, builder, kind, own, [start], wraparound=False)
        wide = ir.VectorType(context.get_data_type(kind.dtype), 4)
        return builder.bitcast(first, wide.as_pointer())

    @intrinsic
    def load4(typing_context, array, start):
        """The four neighbouring numbers from index `start`, a multiple of four, of an aligned vector."""
        signature = types.UniTuple(array.dtype, 4)(array, types.intp)

        def code(context, builder, signature, arguments):
            numbers = builder.load(_place(context, builder, signature.args[0], *arguments))
            numbers.align = _BYTES
            parts = [builder.extract_element(numbers, _INDEX(k)) for k in range(4)]
            return context.make_tuple(builder, signature.return_type, parts)

        return signature, code

    @intrinsic
    def store4(typing_context, array, start, values):
        """Write four neighbouring numbers from index `start`, a multiple of four, of an aligned vector."""
        signature = types.void(array, types.intp, types.UniTuple(array.dtype, 4))

        def code(context, builder, signature, arguments):
            place = _place(context, builder, signature.args[0], *arguments[:2])
            numbers = ir.Constant(place.type.pointee, ir.Undefined)
            for k in range(4):
                part = builder.extract_value(arguments[2], k)
                numbers = builder.insert_element(numbers, part, _INDEX(k))
            stored = builder.store(numbers, place)
            stored.align = _BYTES
            return context.get_dummy_value()

        return signature, code

    @intrinsic
    def four_of(typing_context, numbers, place):
        """The four neighbouring numbers of a tuple from ``4 · place`` on."""
        signature = types.UniTuple(numbers.dtype, 4)(numbers, types.intp)

        def code(context, builder, signature, arguments):
            numbers, place = arguments
            found = [builder.extract_value(numbers, k) for k in range(4)]
            for four in range(1, signature.args[0].count // 4):  # registers have no index
                chosen = builder.icmp_signed("==", place, ir.Constant(place.type, four))
                others = [builder.extract_value(numbers, 4 * four + k) for k in range(4)]
                found = [builder.select(chosen, a, b) for a, b in zip(others, found, strict=True)]
            return context.make_tuple(builder, signature.return_type, found)

        return signature, code

    def make_repeated(count):
        """A function that gives a tuple `count` times."""

        @intrinsic
        def repeated(typing_context, numbers):
            signature = types.UniTuple(numbers.dtype, count * numbers.count)(numbers)

            def code(context, builder, signature, arguments):
                parts = cgutils.unpack_tuple(builder, arguments[0])
                return context.make_tuple(builder, signature.return_type, count * parts)

            return signature, code

        return repeated

    def make_sandwich(matrix):
        """A function that gives M · X · Mᵀ for a constant matrix M and a square matrix X, a tuple."""
        size = len(matrix[0])

        def combined(builder, factors, numbers):
            """Their scalar product, without the multiplications by 0 and 1."""
            total = None
            for factor, number in zip(factors, numbers, strict=True):
                if factor == 0:
                    continue
                part = (
                    number
                    if abs(factor) == 1
                    else builder.fmul(number, ir.Constant(number.type, abs(factor)))
                )
                if total is None:
                    total = part if factor > 0 else builder.fsub(ir.Constant(part.type, -0.0), part)
                else:
                    total = builder.fadd(total, part) if factor > 0 else builder.fsub(total, part)
            return total

        @intrinsic
        def sandwich(typing_context, numbers):
            signature = types.UniTuple(numbers.dtype, len(matrix) ** 2)(numbers)

            def code(context, builder, signature, arguments):
                parts = cgutils.unpack_tuple(builder, arguments[0])
                columns = [parts[column::size] for column in range(size)]
                half = [[combined(builder, row, column) for column in columns] for row in matrix]
                found = [combined(builder, row, numbers) for numbers in half for row in matrix]
                return context.make_tuple(builder, signature.return_type, found)

            return signature, code

        return sandwich

    def make_add_products(depth, left, right):
        """A function ``(sums, array, i, j)`` that adds outer products, `right` fastest; see `Factors`."""

        def load(context, builder, kind, array, start, factors, k):
            numbers = []
            for place in factors.places[::4]:
                at = builder.add(start, ir.Constant(start.type, k * factors.pitch + place))
                four = builder.load(_place(context, builder, kind, array, at))
                four.align = _BYTES
                numbers += [builder.extract_element(four, _INDEX(lane)) for lane in range(4)]
            return numbers

        @intrinsic
        def add_products(typing_context, sums, array, i, j):
            signature = sums(sums, array, types.intp, types.intp)

            def code(context, builder, signature, arguments):
                numbers, array, i, j = arguments
                numbers = cgutils.unpack_tuple(builder, numbers)
                for k in range(depth):
                    rows = load(context, builder, signature.args[1], array, i, left, k)
                    columns = load(context, builder, signature.args[1], array, j, right, k)
                    factors = [(a, b) for a in rows for b in columns]
                    numbers = [builder.fma(*ab, total) for ab, total in zip(factors, numbers, strict=True)]
                return context.make_tuple(builder, signature.return_type, numbers)

            return signature, code

        return add_products


class Factors(NamedTuple):
    """The numbers of a vector that enter outer products; the sums of all products are kept in registers.

    Product k takes those at ``start + k · pitch + place`` for each place; the places come in fours of
    neighbours, and all numbers but `place` modulo four are multiples of four.
    """

    pitch: int
    places: tuple


SHARED_ALIGNMENT = None if SIMULATED else 16
"""Alignment of arrays in shared memory that `load4` and `store4` access."""


def can_load4(*arrays):
    """Whether the memory of vectors begins at multiples of 16 bytes, so that `load4` and `store4` apply."""
    return all(address_of(array) % 16 == 0 for array in arrays)


def address_of(array):
    """Where a device array begins."""
    if SIMULATED:
        return array.ctypes.data
    return array.__cuda_array_interface__["data"][0]


def extended(array, count):
    """A vector of `count` numbers from where a device array begins, which neighbours of it continue."""
    if SIMULATED:
        return type(array)(np.lib.stride_tricks.as_strided(array.reshape(array.size)._ary, (count,)))
    return cuda.as_cuda_array(_Extended(array, count), sync=False)


class _Extended:
    """The memory from where an array begins; see `extended`."""

    def __init__(self, array, count):
        self._array = array  # which keeps the memory
        self.__cuda_array_interface__ = {
            "shape": (count,),
            "strides": None,
            "typestr": np.dtype(array.dtype).str,
            "data": (address_of(array), False),
            "version": 3,
        }


# What a device needs ----------------------------------------------------------------------------------------


def check_driver():
    """Raise RuntimeError, which says what is missing, unless there is a driver and a GPU that it knows."""
    if SIMULATED:
        return
    driver = cuda.cudadrv.driver.driver
    try:
        version = driver.get_version()
    except ImportError as error:  # Numba's CudaSupportError
        reason = " ".join(str(error).replace("Error at driver init:", "").split()).strip(" :")
        raise RuntimeError(f"no CUDA driver was found: {reason}") from None
    needed = _toolkit()
    if version[0] < needed:
        raise RuntimeError(
            f"the CUDA driver is too old: it supports CUDA {version[0]}.{version[1]}, and the installed "
            f"packages are made for CUDA {needed}: update the driver, or pip install numgd[cuda{version[0]}]"
        )
    if not len(cuda.list_devices()):
        raise RuntimeError("the CUDA driver finds no GPU")


def _toolkit():
    """The major version of CUDA that numba-cuda compiles with; 0 if that is not known."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return int(version("cuda-bindings").split(".")[0])
    except (PackageNotFoundError, ValueError):
        return 0


def device_function(function):
    """A function for kernels, compiled into them."""
    return cuda.jit(device=True)(function)


@device_function
def raise_to(place, number):
    """place[0] = max(place[0], number), for integers, whatever other threads do."""
    cuda.atomic.max(place, 0, number)


def in_kind(array, like):
    """A device array as an array of the library that `like` is of, for the same memory."""
    libraries = {base.__module__.partition(".")[0] for base in type(like).__mro__}
    if "torch" in libraries:
        import torch

        return torch.as_tensor(array, device=like.device)
    if "cupy" in libraries:
        import cupy

        return cupy.asarray(array)
    return array
