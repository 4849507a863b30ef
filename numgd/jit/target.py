"""The processor that code is compiled for: the levels of its architecture, and the width of its registers.

Numba compiles for the processor that it runs on, or for the one named by ``NUMBA_CPU_NAME``, whose features
``NUMBA_CPU_FEATURES`` may give.  A level is a set of features that many processors share; machine code that
is shipped is compiled for levels.
"""

from functools import cache

from numba.core.registry import cpu_target

_V2 = {"cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3"}
_V3 = {*_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"}
_V4 = {*_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"}

LEVELS: dict[str, dict[str, frozenset[str]]] = {
    "x86_64": {"x86-64-v3": frozenset(_V3), "x86-64-v4": frozenset(_V4)},
    "aarch64": {"generic": frozenset()},
}
"""Levels by architecture, in ascending order, by the name of a processor for LLVM; and what each needs."""

_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}


def architecture_of(triple):
    """The architecture in LLVM's name of a platform, such as ``"x86_64-unknown-linux-gnu"``."""
    name = triple.partition("-")[0].lower()
    return _ARCHITECTURES.get(name, name)


def features_of(processor, text):
    """The features of a target, given its processor's name and LLVM's list, such as ``"+avx,-avx2"``."""
    named = (level[processor] for level in LEVELS.values() if processor in level)
    found = set(next(named, ()))
    for word in filter(None, text.split(",")):
        if word.startswith("-"):
            found.discard(word[1:])
        else:
            found.add(word.removeprefix("+"))
    return frozenset(found)


def supported_levels(architecture, features):
    """The levels of an architecture whose code runs with these features, the highest first."""
    levels = LEVELS.get(architecture, {})
    return tuple(level for level, needed in reversed(levels.items()) if needed <= features)


def width_with(architecture, features):
    """Bytes of the widest vector register that kernels use."""
    if architecture != "x86_64":
        return 16
    if features >= LEVELS["x86_64"]["x86-64-v4"]:
        return 64
    return 32 if {"avx", "avx2", "fma"} <= features else 16


def registers_with(architecture, features):
    """Number of vector registers."""
    return 16 if architecture == "x86_64" and width_with(architecture, features) < 64 else 32


@cache
def _target():
    """The architecture and the features that Numba compiles for in this process."""
    triple, processor, text = cpu_target.target_context.codegen().magic_tuple()
    return architecture_of(triple), features_of(processor, text)


def target_levels():
    """The levels whose code runs on the target, the highest first."""
    return supported_levels(*_target())


def register_bytes():
    """Bytes of the target's widest vector register.

    Both halves of a kernel, the compiled one and its caller in Python, depend on it.  It is the same for all
    targets that run the code of a level and of no higher one.
    """
    return width_with(*_target())


def vector_registers():
    """Number of the target's vector registers."""
    return registers_with(*_target())
