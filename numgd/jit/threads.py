"""Threads: the library that runs them, and the single parallel loop of numgd's compiled code.

Numba runs threads through TBB, OpenMP or its own work queue, whichever it finds first; `numgd.system.tbb`
makes sure that it finds TBB.  Once a layer has been started, it cannot be changed.

Compiled code accesses threads through a word of memory (`SYMBOL`).  The word contains the address of a
function ``(function, context, tasks)``, which calls ``function(context, first, last)`` for ranges of tasks
on several threads.  If the word is 0, a loop runs on the calling thread.  Initially the word is the address
of `_start`, so that threads are started, and Numba's parallel loop is loaded, by the first work that is
large enough.
"""

import _thread
import ctypes
import os
import sys
import threading
import warnings

import numba
from llvmlite import binding, ir
from numba import get_num_threads, prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from numgd.jit.pointers import call_range
from numgd.jit.portable import SOLVER_FLAGS, compile_quietly, compiled
from numgd.system import tbb  # noqa: F401  loaded before Numba looks for it

SYMBOL = "numgd.share_out"
"""Name of the word in compiled code."""


def layer():
    """The name of Numba's threading layer, or None before it has started threads."""
    try:
        return numba.threading_layer()
    except ValueError:
        return None


def threads():
    """Number of threads that a parallel loop uses; does not start any."""
    if not _word.value:
        return 1
    return get_num_threads() if layer() else numba.config.NUMBA_NUM_THREADS


# The parallel loop ----------------------------------------------------------------------------------

_SIGNATURE = types.none(types.intp, types.intp, types.intp)
_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_ssize_t)


@intrinsic
def _threads(typingctx):
    """`numba.get_num_threads` without its check, because the check would prevent caching on disk."""

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(context.get_value_type(types.intp), [])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "get_num_threads"), [])

    return types.intp(), codegen


@compiled("share-out", {**SOLVER_FLAGS, "parallel": True})
def _share_out(function, context, tasks):
    workers = min(tasks, _threads())
    if workers == 1:
        call_range(function, context, 0, tasks)
    else:
        for k in prange(workers):
            call_range(function, context, k * tasks // workers, (k + 1) * tasks // workers)


def _parallel_loop():
    """The address of the compiled parallel loop; also makes Numba start its threads."""
    compile_quietly(_share_out, _SIGNATURE)
    result = _share_out.get_compile_result(_SIGNATURE)
    return result.library.get_pointer_to_function(result.fndesc.llvm_cfunc_wrapper_name)


@_FUNCTION
def _start(function, context, tasks):
    """Start the threads and pass the tasks on to them; the caller runs the tasks if that fails."""
    try:
        _settle()
    except KeyboardInterrupt:
        _thread.interrupt_main()  # the exception would not reach the caller
    if _word.value not in (0, _START):
        _FUNCTION(_word.value)(function, context, tasks)


def start():
    """Start the threads now instead of at the first work that is large enough."""
    if _word.value == _START:
        _settle()


def _settle():
    """Decide how tasks are distributed from now on."""
    global _loop
    try:
        if numba.config.NUMBA_NUM_THREADS > 1:
            _loop = _FUNCTION(_parallel_loop())
    except Exception as problem:
        warnings.warn(f"numgd computes on one thread: {problem}", RuntimeWarning, stacklevel=2)
    if _loop is None:
        _word.value = 0
    elif layer() == "workqueue":
        _word.value = _address(_one_at_a_time)
    else:
        _word.value = _address(_loop)


@_FUNCTION
def _one_at_a_time(function, context, tasks):
    """Let one caller at a time use the loop; others use their own thread.

    Numba's work queue terminates the process if two threads use it at the same time.
    """
    if _occupied.acquire(blocking=False):
        try:
            _loop(function, context, tasks)
        finally:
            _occupied.release()


def _address(function):
    return ctypes.cast(function, ctypes.c_void_p).value


_loop = None
_occupied = threading.Lock()
_START = _address(_start)
_word = ctypes.c_ssize_t(_START)
binding.add_symbol(SYMBOL, ctypes.addressof(_word))


def _after_fork():
    """Use one thread in a forked child under GNU OpenMP.

    OpenMP's threads exist only in the parent, and it would terminate the child at the next parallel loop.
    """
    global _occupied
    _occupied = threading.Lock()
    if layer() == "omp" and sys.platform == "linux":
        _word.value = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
