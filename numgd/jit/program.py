"""Programs: calls of compiled functions that are recorded once and then run again without Python.

A network's step is some dozens of calls with the same arrays every time.  Called from Python, each takes some
microseconds, in which its arguments are looked up and unpacked, and what the functions around it derive from
shapes is derived again.  `Recording` notes the calls that a piece of Python code makes; `Program` is one
function that makes them all, with their arguments as constants.  It is assembled without Numba's front end,
in milliseconds.

What the piece of code computes otherwise, with NumPy or in Python, is not repeated: such values must depend
on nothing that changes between two runs, other than through the contents of arrays.
"""

import ctypes
import itertools
import math
import threading
from contextvars import ContextVar

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.core.typing.typeof import Purpose, typeof

from numgd.jit.pointers import function_address

_LINE = 64  # bytes of a cache line

_recording: ContextVar["Recording | None"] = ContextVar("recording", default=None)
_names = itertools.count()


class Recording:
    """Notes the compiled calls made in its `with` block by this thread; they are carried out as well.

    Attributes
    ----------
    calls : list of tuple
        For each the dispatcher, its arguments and the number of the result that it stores, or None.
    """

    def __init__(self):
        self.calls = []
        self._scratch = _Scratch()

    def __enter__(self):
        self._token = _recording.set(self)
        _enter()
        return self

    def __exit__(self, *error):
        _leave()
        _recording.reset(self._token)

    def note(self, dispatcher, arguments):
        """Keep a call."""
        self.calls.append((dispatcher, arguments))

    def forget_scratch(self):
        """Let the next `scratch` memory overlap with all that was given out before."""
        self._scratch.restart()


def is_recording():
    """Whether this thread's compiled calls are being recorded."""
    return _recording.get() is not None


def scratch(shape, dtype):
    """Uninitialised memory that no call after those of the present operation reads, aligned to cache lines.

    Operations of one program share it.
    """
    recording = _recording.get()
    nbytes = math.prod(shape) * np.dtype(dtype).itemsize
    if recording is None:
        memory = np.empty(nbytes + _LINE, np.uint8)
    else:
        memory = recording._scratch.take(nbytes + _LINE)
    skipped = -memory.ctypes.data % _LINE
    return memory[skipped : skipped + nbytes].view(dtype).reshape(shape)


class _Scratch:
    """Memory given out from its start; a block that proves too small is followed by a larger one."""

    def __init__(self):
        self._block, self._used = np.empty(0, np.uint8), 0

    def restart(self):
        self._used = 0

    def take(self, nbytes):
        if self._used + nbytes > self._block.size:
            self._block, self._used = np.empty(max(nbytes, 2 * self._block.size, 2**16), np.uint8), 0
        first, self._used = self._used, self._used + nbytes
        return self._block[first : first + nbytes]


# Numba's dispatchers are called through a slot of their type.  While anything is recorded, the slot leads to
# `_noted`; at all other times calls cost nothing.

_depth = 0
_slot = threading.Lock()  # of `_depth`, for threads that record at once


def _noted(dispatcher, *arguments, **named):
    found = _call(dispatcher, *arguments, **named)
    recording = _recording.get()
    if recording is not None:
        if named:
            raise TypeError(f"a recorded call of {dispatcher.py_func.__name__} has keyword arguments")
        recording.note(dispatcher, arguments)
    return found


_call = Dispatcher.__call__


def _enter():
    global _depth
    with _slot:
        _depth += 1
        Dispatcher.__call__ = _noted


def _leave():
    global _depth
    with _slot:
        _depth -= 1
        if _depth == 0:
            del Dispatcher.__call__


class Program:
    """Recorded calls as one compiled function.

    Parameters
    ----------
    calls : list of (dispatcher, arguments)
        As in `Recording.calls`, of functions that have been compiled for these arguments.
    watched : sequence of int
        Numbers of the calls whose results, real numbers, are kept in `results`.

    Attributes
    ----------
    results : (len(watched),) float64 array
        Of the last run.
    """

    def __init__(self, calls, watched=()):
        self.results = np.zeros(len(watched))
        self._calls = calls  # keeps machine code and arrays alive
        self._library, address = _assembled(calls, {call: k for k, call in enumerate(watched)}, self.results)
        self._function = ctypes.CFUNCTYPE(ctypes.c_int32)(address)  # runs without the GIL

    def run(self):
        """Make all calls, in order; raises RuntimeError if one of them fails."""
        failed = self._function()
        if failed:
            dispatcher = self._calls[failed - 1][0]
            raise RuntimeError(f"{dispatcher.py_func.__name__} failed in a recorded program")


@global_compiler_lock
def _assembled(calls, places, results):
    """The library of a program and the address of its function, which returns 0 or the number of a call."""
    context, name = cpu_target.target_context, f"numgd_program_{next(_names)}"
    library = context.codegen().create_library(name)
    module = library.create_ir_module(name)
    word = ir.IntType(32)
    function = ir.Function(module, ir.FunctionType(word, []), name)
    builder = ir.IRBuilder(function.append_basic_block())
    for number, (dispatcher, arguments) in enumerate(calls):
        signature, address = _compiled_for(dispatcher, arguments)
        convention = context.call_conv
        kind = convention.get_function_type(signature.return_type, signature.args)
        target = builder.inttoptr(ir.Constant(ir.IntType(64), address), kind.as_pointer())
        values = [
            _constant(context, numba_type, value)
            for numba_type, value in zip(signature.args, arguments, strict=True)
        ]
        status, result = convention.call_function(
            builder, target, signature.return_type, signature.args, values
        )
        with cgutils.if_unlikely(builder, status.is_error):
            builder.ret(ir.Constant(word, number + 1))
        if number in places:
            address = results.ctypes.data + places[number] * results.itemsize
            place = builder.inttoptr(ir.Constant(ir.IntType(64), address), ir.DoubleType().as_pointer())
            builder.store(context.cast(builder, result, signature.return_type, types.float64), place)
    builder.ret(ir.Constant(word, 0))
    library.add_ir_module(module)
    library.finalize()
    return library, library.get_pointer_to_function(name)


def _compiled_for(dispatcher, arguments):
    """The signature of a dispatcher's compiled function for these arguments, and its address."""
    kinds = tuple(typeof(value, Purpose.argument) for value in arguments)
    found = dispatcher.overloads.get(kinds)
    if found is None:
        raise RuntimeError(f"{dispatcher.py_func.__name__} is not compiled for {kinds}")
    return found.signature, function_address(found)


def _constant(context, numba_type, value):
    """A Python value as a constant of a Numba type."""
    kind = context.get_value_type(numba_type)
    if isinstance(numba_type, types.Array):
        return _constant_array(kind, value)
    if isinstance(numba_type, types.BaseTuple):
        parts = [_constant(context, part, own) for part, own in zip(numba_type, value, strict=True)]
        return ir.Constant(kind, parts)
    if isinstance(numba_type, types.Float | types.Integer | types.Boolean):
        plain = float(value) if isinstance(numba_type, types.Float) else int(value)
        return ir.Constant(kind, plain)
    if isinstance(numba_type, types.NoneType):
        return context.get_dummy_value()
    raise TypeError(f"a recorded call has an argument of type {numba_type}")


def _constant_array(kind, array):
    """The compiled form of an array, without a reference to it."""
    word = ir.IntType(64)

    def words(numbers):
        return ir.Constant(ir.ArrayType(word, array.ndim), [word(n) for n in numbers])

    nothing, pointer = kind.elements[0], kind.elements[4]
    return ir.Constant(
        kind,
        [
            ir.Constant(nothing, None),
            ir.Constant(kind.elements[1], None),
            word(array.size),
            word(array.itemsize),
            ir.Constant(word, array.ctypes.data).inttoptr(pointer),
            words(array.shape),
            words(array.strides),
        ],
    )
