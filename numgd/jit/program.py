"""Programs: calls of compiled functions that are recorded once and then run again without Python.

A network's step is some dozens of calls with the same arrays every time.  Called from Python, each takes some
microseconds, in which its arguments are looked up and unpacked, and what the functions around it derive from
shapes is derived again.  `Recording` notes the calls that a piece of Python code makes.  `Program` makes them
all from one compiled loop, with the arguments in memory as they are passed in machine code.

For each signature there is a function that takes the arguments of a call from memory.  These are assembled
without Numba's front end: some milliseconds for each, once per process.

What the piece of code computes otherwise, with NumPy or in Python, is not repeated: such values must depend
on nothing that changes between two runs, other than through the contents of arrays.
"""

import ctypes
import itertools
import math
import threading
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.core.typing.typeof import Purpose, typeof

from numgd.jit.pointers import function_address

_LINE = 64  # bytes of a cache line

PREPARED_BLOCK = 2**24
"""Bytes of memory that is taken at once for what is prepared.

NumPy asks the system for huge pages from 4 MiB on; in these a pass over weights takes less time.
"""

_recording: ContextVar["Recording | None"] = ContextVar("recording", default=None)
_names = itertools.count()


class Recording:
    """Notes the compiled calls made in its `with` block by this thread; they are carried out as well.

    Parameters
    ----------
    prepared : bool
        Whether calls in a block of `preparing` are carried out only, so that programs use their results.

    Attributes
    ----------
    calls : list of tuple
        Of dispatchers and their arguments.
    """

    def __init__(self, prepared=False):
        self.calls = []
        self.prepared, self._preparing = prepared, 0
        self._scratch, self._kept = _Memory(2**16), _Memory(PREPARED_BLOCK)

    def __enter__(self):
        self._token = _recording.set(self)
        _enter()
        return self

    def __exit__(self, *error):
        _leave()
        _recording.reset(self._token)

    def note(self, dispatcher, arguments):
        """Keep a call."""
        if not self._preparing:
            self.calls.append((dispatcher, arguments))

    @contextmanager
    def preparing(self):
        """See the function of this name."""
        self._preparing += self.prepared
        try:
            yield
        finally:
            self._preparing -= self.prepared

    def take(self, nbytes):
        """Memory of `scratch`."""
        return (self._kept if self._preparing else self._scratch).take(nbytes)

    def forget_scratch(self):
        """Let the next `scratch` memory overlap with all that was given out before."""
        self._scratch.restart()


def preparing():
    """A block whose calls depend on parameters only.

    Where parameters stay the same, as `Recording` is told by ``prepared=True``, programs do not repeat these
    calls.
    """
    recording = _recording.get()
    return nullcontext() if recording is None else recording.preparing()


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
        memory = recording.take(nbytes + _LINE)
    skipped = -memory.ctypes.data % _LINE
    return memory[skipped : skipped + nbytes].view(dtype).reshape(shape)


class _Memory:
    """Memory given out from its start; a block that proves too small is followed by a larger one."""

    def __init__(self, least):
        self._least = least
        self._block, self._used = np.empty(0, np.uint8), 0

    def restart(self):
        self._used = 0

    def take(self, nbytes):
        if self._used + nbytes > self._block.size:
            self._block, self._used = np.empty(max(nbytes, 2 * self._block.size, self._least), np.uint8), 0
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
    """Recorded calls that are made again by one compiled loop.

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
        self._calls = calls  # keeps machine code and arrays alive
        found = [_compiled_for(*call) for call in calls]
        _prepare({result.signature for result in found})
        self._words = [
            _words_of(result.signature.args, arguments)
            for result, (_, arguments) in zip(found, calls, strict=True)
        ]
        self._results = np.zeros(len(calls))
        self._table = np.array(
            [
                (
                    _callers[result.signature],
                    function_address(result),
                    words.ctypes.data,
                    self._results.ctypes.data + 8 * number,
                )
                for number, (result, words) in enumerate(zip(found, self._words, strict=True))
            ],
            np.int64,
        ).reshape(-1, 4)
        self._watched = list(watched)
        self._loop = _loop()

    def run(self):
        """Make all calls, in order, without the GIL; raises RuntimeError if one of them fails."""
        failed = self._loop(self._table.ctypes.data, len(self._table))
        if failed:
            dispatcher = self._calls[failed - 1][0]
            raise RuntimeError(f"{dispatcher.py_func.__name__} failed in a recorded program")

    @property
    def results(self):
        """The results of the watched calls in the last run."""
        return self._results[self._watched]


def _compiled_for(dispatcher, arguments):
    """Numba's result of compiling a dispatcher for the types of these arguments."""
    kinds = tuple(typeof(value, Purpose.argument) for value in arguments)
    found = dispatcher.overloads.get(kinds)
    if found is None:
        raise RuntimeError(f"{dispatcher.py_func.__name__} is not compiled for {kinds}")
    return found


# Arguments in memory, a word of 64 bits for each number that is passed -------------------------------------


def _words_of(kinds, values):
    """The words of a call's arguments."""
    found = [word for kind, value in zip(kinds, values, strict=True) for word in _flattened(kind, value)]
    words = np.zeros(len(found), np.int64)
    for place, word in enumerate(found):
        if isinstance(word, int):
            words[place] = word
        else:
            words[place : place + 1].view(word.dtype)[0] = word
    return words


def _flattened(kind, value):
    """The numbers that a value is passed as: integers, and NumPy scalars of floating-point types."""
    if isinstance(kind, types.Array):
        # without a reference: its memory outlives the program's calls
        yield from (0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides)
    elif isinstance(kind, types.BaseTuple):
        for part, own in zip(kind, value, strict=True):
            yield from _flattened(part, own)
    elif isinstance(kind, types.Float):
        yield np.float32(value) if kind == types.float32 else np.float64(value)
    elif isinstance(kind, types.Integer | types.Boolean):
        number = int(value)
        yield number - 2**64 if number >= 2**63 else number
    else:
        raise TypeError(f"a recorded call has an argument of type {kind}")


# Machine code ---------------------------------------------------------------------------------------------

_WORD, _STATUS = ir.IntType(64), ir.IntType(32)
_CALLER = ir.FunctionType(_STATUS, [_WORD, _WORD.as_pointer(), ir.DoubleType().as_pointer()])
_callers: dict = {}  # signature -> address of its function (function, words, result) -> status
_libraries: list = []  # keeps their machine code alive


@global_compiler_lock
def _prepare(signatures):
    """Make the functions for signatures that are new."""
    new = [signature for signature in signatures if signature not in _callers]
    if not new:
        return
    names = [f"numgd.call.{next(_names)}" for _ in new]
    library = _assembled(
        names[0], lambda module: [_add_caller(module, *pair) for pair in zip(names, new, strict=True)]
    )
    for name, signature in zip(names, new, strict=True):
        _callers[signature] = library.get_pointer_to_function(name)


def _assembled(name, fill):
    """A library of the functions that ``fill(module)`` adds to a module."""
    library = cpu_target.target_context.codegen().create_library(name)
    module = library.create_ir_module(name)
    fill(module)
    library.add_ir_module(module)
    library.finalize()
    _libraries.append(library)
    return library


def _add_caller(module, name, signature):
    """Add the function that calls one of a signature, with arguments from memory."""
    context = cpu_target.target_context
    convention = context.call_conv
    kind = convention.get_function_type(signature.return_type, signature.args)
    function = ir.Function(module, _CALLER, name)
    address, words, result = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    answer = cgutils.alloca_once(builder, kind.args[0].pointee)
    raised = cgutils.alloca_once(builder, kind.args[1].pointee)
    builder.store(cgutils.get_null_value(kind.args[0].pointee), answer)
    values = []
    for place, own in enumerate(kind.args[2:]):
        slot = builder.gep(words, [_STATUS(place)])
        values.append(builder.load(builder.bitcast(slot, own.as_pointer())))
    target = builder.inttoptr(address, kind.as_pointer())
    status = builder.call(target, [answer, raised, *values])
    if isinstance(signature.return_type, types.Float | types.Integer):
        value = context.get_returned_value(builder, signature.return_type, builder.load(answer))
        builder.store(context.cast(builder, value, signature.return_type, types.float64), result)
    builder.ret(status)


@cache
@global_compiler_lock
def _loop():
    """The function ``(table, count)`` that makes the calls of a table.

    It returns 0, or the number of the call that failed, counted from 1.
    """
    name = "numgd.program"
    library = _assembled(name, lambda module: _add_loop(module, name))
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)  # releases the GIL
    return kind(library.get_pointer_to_function(name))


def _add_loop(module, name):
    function = ir.Function(module, ir.FunctionType(_WORD, [_WORD.as_pointer(), _WORD]), name)
    table, count = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    with cgutils.for_range(builder, count) as entry:
        row = builder.gep(table, [builder.mul(entry.index, _WORD(4))])
        caller, address, words, result = (builder.load(builder.gep(row, [_WORD(k)])) for k in range(4))
        arguments = (
            address,
            *(
                builder.inttoptr(word, kind)
                for word, kind in zip((words, result), _CALLER.args[1:], strict=True)
            ),
        )
        status = builder.call(builder.inttoptr(caller, _CALLER.as_pointer()), arguments)
        failed = builder.icmp_signed("!=", status, _STATUS(0))
        with cgutils.if_unlikely(builder, failed):
            builder.ret(builder.add(entry.index, _WORD(1)))
    builder.ret(_WORD(0))
