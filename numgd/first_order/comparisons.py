"""Sign, maximum and choice of start: LLVM compiles them to branch-free selections, and NaN propagates."""

from numgd.jit.portable import portable


@portable
def with_sign(size, x):
    """`size` with the sign of x; x itself if it is 0 or NaN."""
    return size if x > 0 else -size if x < 0 else x


@portable
def larger(a, b):
    """The larger of two numbers, NaN if either is."""
    return a if (a > b) | (a != a) else b


@portable
def start_or(first, p, slot):
    """The slot, which in the first step starts at the parameter itself."""
    return p if first > 0 else slot
