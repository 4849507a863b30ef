"""The decorator of all numgd mathematics, the compiler flags, and the cached compilation of solvers."""

import contextlib
import warnings
from functools import wraps

from numba import config, njit
from numba.core.errors import (
    NumbaDebugInfoWarning,
    NumbaExperimentalFeatureWarning,
    NumbaPerformanceWarning,
)
from numba.extending import register_jitable

from numgd.jit.announcing import listen
from numgd.jit.cache import PackageCache
from numgd.jit.inner import ApartCompiler, InnerCompiler
from numgd.jit.names import count_from_elsewhere

count_from_elsewhere()
listen()

portable = register_jitable(forceinline=True, pipeline_class=InnerCompiler)
"""Marks a plain function that runs interpreted, inside ``@njit``, under ``prange`` and in a CUDA kernel.

Portable code allocates nothing, raises nothing and calls only portable code.  It preserves the dtype of its
arguments: a literal that meets a float32 is written ``real(0.5)`` with ``real = x.dtype.type``.  It is
always inlined: a call would pass every array as seven words and every option as one, which for two variables
costs more than the arithmetic.
"""

seldom = register_jitable(pipeline_class=InnerCompiler)
"""The same for functions that are slow or rarely called: a call costs nothing there, and code stays small."""

STRICT_OPTIONS = {"forceinline": True, "fastmath": {"contract"}, "pipeline_class": InnerCompiler}
"""Options of `strict`, for overloads."""

strict = register_jitable(**STRICT_OPTIONS)
"""Marks a portable function whose sums are evaluated in the order in which they are written, in any caller.

Its own flags allow fused multiply-adds and nothing else: with those of a caller that sums vectors,
(x − a) − b could become x − (a + b) and lose its digits.
"""

SOLVER_FLAGS = {
    # 1/0 is inf, as in NumPy: a solver reports a status, it raises nothing.
    "error_model": "numpy",
    # Sums may be reordered, so that dot products vectorise, and a*b + c may be one instruction.
    # Never "nnan" or "ninf": the solvers test for NaN and infinity.
    "fastmath": {"reassoc", "contract", "nsz"},
}
"""Flags of all code that is compiled once and used for every objective."""

ELEMENTWISE_FLAGS = {"error_model": "numpy"}
"""Flags for code without sums, which must not round differently: the last elements of a thread's share, which
fill no vector register, are then bit for bit the same as in any other share."""

OBJECTIVE_FLAGS = {
    # A plain Python function on NumPy arrays sees 1/0 as inf; compiled, it must see the same.
    "error_model": "numpy",
}
"""Flags of what wraps a user's function: Numba's defaults otherwise, so that results are NumPy's."""


PLAIN_FLAGS = {
    **OBJECTIVE_FLAGS,
    # Python checks every index; a plain function that was not written for Numba relies on it.
    "boundscheck": True,
}
"""The same for the user's plain function itself."""


LOOP_FLAGS = {"error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz", "arcp"}}

apart = register_jitable(**LOOP_FLAGS, pipeline_class=ApartCompiler)
"""Marks a plain function over contiguous arrays that do not overlap, `borrow`ed by its caller.

LLVM vectorises its loops without run-time tests of every pair of arrays for overlap.
"""


def check_compilation():
    """Raise if Numba compiles nothing: numgd's compiled functions work only with addresses and types."""
    if config.DISABLE_JIT:
        raise RuntimeError("numgd needs compiled functions: it cannot run with NUMBA_DISABLE_JIT=1")


def _refusing(function):
    """Placeholder of a compiled function if Numba compiles nothing."""

    @wraps(function)
    def refuse(*args, **kwargs):
        check_compilation()

    return refuse


def compiled(name, flags=SOLVER_FLAGS):
    """Compile the decorated function on first use, once per signature, and keep it on disk under `name`.

    Without a name (None) it is compiled in every process.
    """

    def decorate(function):
        if config.DISABLE_JIT:
            return _refusing(function)
        dispatcher = njit(**flags)(function)
        if name is not None:
            dispatcher._cache = PackageCache(function, name)
        return dispatcher

    return decorate


@contextlib.contextmanager
def quiet_compilation():
    """Suppress Numba's warnings about how the user's function might be faster."""
    with warnings.catch_warnings():
        for category in (NumbaPerformanceWarning, NumbaDebugInfoWarning, NumbaExperimentalFeatureWarning):
            warnings.simplefilter("ignore", category)
        yield


def compile_quietly(dispatcher, signature):
    """Compile `dispatcher` for `signature` under `quiet_compilation`."""
    check_compilation()
    with quiet_compilation():
        return dispatcher.compile(signature)
