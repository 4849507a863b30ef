"""Compiles CUDA kernels for real GPUs; neither a GPU nor a driver is needed for that.

`built` runs drivers on `Dry` arrays, which stand for arrays on a device, and compiles what these launch.
"""

import re
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest import mock

import numba
import numpy as np
import pytest

pytest.importorskip("numba_cuda")
core = pytest.importorskip("cuda.core")
cuda = pytest.importorskip("numba.cuda")
if numba.cuda.config.ENABLE_CUDASIM:
    pytest.skip("the simulator compiles nothing", allow_module_level=True)

from numgd.kernels.cuda import target  # noqa: E402

MOST_REGISTERS = 255  # of a thread
REGISTERS = 65_536  # of a multiprocessor, and the most of a block
CALLS = ("malloc", "NRT_", "vprintf", "__assertfail")
"""What machine code of a kernel must not call."""


class Build(NamedTuple):
    """What the assembler says about a kernel."""

    registers: int
    stack: int  # bytes of local memory
    spills: int  # bytes stored and loaded
    shared: int  # bytes of shared memory, of a block
    ptx: str


def build(kernel, signature, arch=90):
    """Compile a kernel for an architecture: link-time optimisation to PTX, then machine code."""
    capability = divmod(arch, 10)
    with on_architecture(arch):
        codes, _ = cuda.compile_all(
            kernel.py_func, signature, device=False, abi="numba", cc=capability, output="ltoir",
            launch_bounds=kernel.targetoptions.get("launch_bounds"),
        )  # fmt: skip
    objects = [core.ObjectCode.from_ltoir(code) for code in codes]
    options = core.LinkerOptions(arch=f"sm_{arch}", link_time_optimization=True, ptx=True)
    ptx = bytes(core.Linker(*objects, options=options).link("ptx").code).rstrip(b"\0")
    options = core.LinkerOptions(arch=f"sm_{arch}", verbose=True, ptxas_options=["-v"])
    assembler = core.Linker(core.ObjectCode.from_ptx(ptx), options=options)
    assembler.link("cubin")
    log = assembler.get_info_log()
    numbers = {
        name: [int(number) for number in re.findall(pattern, log)]
        for name, pattern in (
            ("registers", r"Used (\d+) registers"),
            ("stack", r"(\d+) bytes stack frame"),
            ("spills", r"(\d+) bytes spill"),
        )
    }
    assert all(numbers.values()), log
    shared = [int(number) for number in re.findall(r"(\d+) bytes smem", log)]
    return Build(
        max(numbers["registers"]), max(numbers["stack"]), sum(numbers["spills"]), max(shared, default=0),
        ptx.decode(),
    )  # fmt: skip


@contextmanager
def on_architecture(arch):
    """Device functions are compiled for the current device: name one."""
    stub = SimpleNamespace(compute_capability=divmod(arch, 10))
    with mock.patch("numba.cuda.dispatcher.get_current_device", lambda: stub):
        yield


class Dry(np.ndarray):
    """An array in the host's memory that drivers take for one on a device."""

    @property
    def __cuda_array_interface__(self):
        return {**self.__array_interface__, "version": 3, "stream": None}

    def is_c_contiguous(self):
        return self.flags.c_contiguous

    def copy_to_device(self, array, stream=0):
        self[...] = np.asarray(array)

    def copy_to_host(self, array=None, stream=0):
        found = np.array(self)
        if array is not None:
            array[...] = found
        return found


def dry(array):
    """A `Dry` copy, aligned as memory on a device is."""
    found = dry_empty(np.shape(array), np.asarray(array).dtype)
    found[...] = array
    return found


def dry_empty(shape, dtype=np.float64, stream=0):
    """A `Dry` array of zeros, aligned as memory on a device is."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(count + 256, np.uint8)
    first = -memory.ctypes.data % 256
    return memory[first : first + count].view(dtype).reshape(shape).view(Dry)


class Launch(NamedTuple):
    """A launch that was not made."""

    kernel: Any
    blocks: tuple
    threads: tuple
    arguments: tuple

    @property
    def signature(self):
        """The types of the arguments."""
        return tuple(numba.typeof(_plain(argument)) for argument in self.arguments)

    def build(self, arch=90):
        """The kernel, compiled for these arguments."""
        return build(self.kernel, self.signature, arch)


def _as_dry(array, sync=True):
    """A `Dry` array of the memory that an interface describes."""
    if isinstance(array, Dry):
        return array
    described = SimpleNamespace(__array_interface__=array.__cuda_array_interface__, owner=array)
    return np.asarray(described).view(Dry)


def _plain(argument):
    """An argument with plain arrays in place of `Dry` ones."""
    if type(argument) is tuple:
        return tuple(map(_plain, argument))
    return np.asarray(argument) if isinstance(argument, Dry) else argument


@contextmanager
def launches():
    """A list of the launches that drivers make in this block, on `Dry` arrays."""
    found = []

    def run(function, shape, arguments):
        blocks, threads = (tuple(np.atleast_1d(part).tolist()) for part in shape)
        found.append(Launch(function, blocks, threads, arguments))

    with (
        mock.patch.object(target, "run", run),
        mock.patch.object(target, "check_driver", lambda: None),
        mock.patch("numba.cuda.device_array", dry_empty),
        mock.patch("numba.cuda.as_cuda_array", _as_dry),
    ):
        yield found


def built(drive, arch=90):
    """Pairs of `Launch` and `Build` for each distinct kernel and types that ``drive()`` launches."""
    with launches() as made:
        drive()
    assert made, "nothing was launched"
    distinct = {(id(one.kernel), one.signature): one for one in made}
    return [(one, one.build(arch)) for one in distinct.values()]


def check_build(launch, found, dtype, in_float64=False):
    """Fail if a kernel spills, does not fit the launch, or computes in float64 for float32 arrays.

    `in_float64` is for kernels that add up in float64.
    """
    name = f"{launch.kernel.py_func.__module__}.{launch.kernel.py_func.__name__}{launch.signature}"
    assert found.spills == 0, f"{name} spills {found.spills} bytes"
    assert found.stack == 0, f"{name} has {found.stack} bytes of local memory"
    assert found.registers < MOST_REGISTERS, name
    threads = int(np.prod(launch.threads))
    assert found.registers * threads <= REGISTERS, f"{name}: {found.registers} registers, {threads} threads"
    for call in CALLS:
        assert call not in found.ptx, f"{name} calls {call}"
    if np.dtype(dtype) == np.float32 and not in_float64:
        assert ".f64" not in found.ptx, f"{name} computes in float64"


def accesses(ptx):
    """Widths in bytes of the loads from and stores to global memory, such as {'ld': {16}, 'st': {4}}."""
    found = {"ld": set(), "st": set()}
    for what, several, bits in re.findall(r"\b(ld|st)\.global(?:\.nc)?(?:\.v(\d))?\.[a-z](\d+)", ptx):
        found[what].add(int(several or 1) * int(bits) // 8)
    return found
