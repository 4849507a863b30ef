"""Decorators for portable functions, compiler flags, and cached compilation of solvers."""

import contextlib
import warnings
from functools import cache, wraps

from numba import config, njit
from numba.core.errors import (
    NumbaDebugInfoWarning,
    NumbaExperimentalFeatureWarning,
    NumbaPerformanceWarning,
)
from numba.extending import register_jitable

from numgd.jit.announcing import listen
from numgd.jit.cache import PackageCache
from numgd.jit.collecting import collect_rarely
from numgd.jit.inner import ApartCompiler, InnerCompiler, OutOfLineCompiler
from numgd.jit.making import recipe_of, remember
from numgd.jit.names import count_from_elsewhere

count_from_elsewhere()
listen()
collect_rarely()

portable = register_jitable(forceinline=True, pipeline_class=InnerCompiler)
"""Marks a plain function that runs interpreted, inside ``@njit``, under ``prange`` and in a CUDA kernel.

Portable code allocates nothing, raises nothing and calls only portable code.  It keeps the dtype of its
arguments: a literal that is combined with a float32 is written ``real(0.5)`` with ``real = x.dtype.type``.
It is always inlined: a call would pass every array as seven words and every option as one word, which for
two variables costs more than the arithmetic.
"""

seldom = register_jitable(forceinline=True, pipeline_class=OutOfLineCompiler)
"""Like `portable`, for functions that are called rarely or run long, from several places.

They are not inlined, so their code is compiled once: optimising what is inlined in many places takes most of
the time of a compilation.  A call that passes a dozen arrays costs some tens of nanoseconds.  They must not
return arrays: the arguments are borrowed.
"""

STRICT_OPTIONS = {"forceinline": True, "fastmath": {"contract"}, "pipeline_class": InnerCompiler}
"""Options of `strict`, for use with overloads."""

strict = register_jitable(**STRICT_OPTIONS)
"""Marks a portable function whose sums are evaluated in the order in which they are written.

Its own flags apply, whatever the flags of the caller, and allow only fused multiply-adds.  With the flags of
a caller that sums vectors, (x − a) − b could become x − (a + b) and lose accuracy.
"""

SOLVER_FLAGS = {
    # 1/0 is inf, as in NumPy: a solver reports a status and does not raise.
    "error_model": "numpy",
    # Sums may be reordered, so that dot products vectorise; a*b + c may become one instruction.
    # Never "nnan" or "ninf": the solvers test for NaN and infinity.
    "fastmath": {"reassoc", "contract", "nsz"},
}
"""Flags of code that is compiled once and used for every objective."""

ELEMENTWISE_FLAGS = {"error_model": "numpy"}
"""Flags of elementwise code, which may not be rounded differently.

The last elements of a thread's share are computed without vector instructions.  With these flags they have
the same bits as in any other share.
"""

OBJECTIVE_FLAGS = {
    # In a plain Python function on NumPy arrays 1/0 is inf; compiled code must behave in the same way.
    "error_model": "numpy",
}
"""Flags of wrappers around a user's function: otherwise Numba's defaults, so that results equal NumPy's."""


PLAIN_FLAGS = {
    **OBJECTIVE_FLAGS,
    # Python checks every index, and a plain function that was not written for Numba relies on that.
    "boundscheck": True,
}
"""Flags of the user's plain function itself."""


LOOP_FLAGS = {"error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz", "arcp"}}

apart = register_jitable(**LOOP_FLAGS, pipeline_class=ApartCompiler)
"""Marks a plain function on contiguous arrays that do not overlap and that its caller has `borrow`ed.

LLVM can then vectorise its loops without run-time checks of whether any two arrays overlap.
"""


def check_compilation():
    """Raise RuntimeError if Numba's compiler is disabled: numgd's compiled code cannot run interpreted."""
    if config.DISABLE_JIT:
        raise RuntimeError("numgd's functions are compiled: they cannot run with NUMBA_DISABLE_JIT=1")


def _refusing(function):
    """The replacement for a compiled function if Numba's compiler is disabled."""

    @wraps(function)
    def refuse(*args, **kwargs):
        check_compilation()

    return refuse


def compiled(name, flags=SOLVER_FLAGS):
    """Compile the decorated function on first use, once per signature, and keep it on disk under `name`.

    If `name` is None, the function is compiled in every process.
    """

    def decorate(function):
        if config.DISABLE_JIT:
            return _refusing(function)
        dispatcher = njit(**flags)(function)
        if name is not None:
            recipe = recipe_of(function)
            dispatcher._cache = PackageCache(function, name, recipe)
            if recipe is not None:
                remember(name, recipe, dispatcher)
        return dispatcher

    return decorate


@cache
def linkable(dispatcher):
    """A twin of a compiled function, for callers in compiled code that it is linked into.

    Shipped machine code lacks what linking needs; the twin is compiled instead.
    """
    kept = getattr(dispatcher, "_cache", None)
    if not isinstance(kept, PackageCache):
        return dispatcher
    flags = {name: value for name, value in dispatcher.targetoptions.items() if name != "nopython"}
    twin = njit(**flags)(dispatcher.py_func)
    twin._cache = kept.unshipped()
    return twin


@contextlib.contextmanager
def quiet_compilation():
    """Suppress Numba's warnings about how the user's function could be made faster."""
    with warnings.catch_warnings():
        for category in (NumbaPerformanceWarning, NumbaDebugInfoWarning, NumbaExperimentalFeatureWarning):
            warnings.simplefilter("ignore", category)
        yield


def compile_quietly(dispatcher, signature):
    """Compile `dispatcher` for `signature` under `quiet_compilation`."""
    check_compilation()
    with quiet_compilation():
        return dispatcher.compile(signature)
