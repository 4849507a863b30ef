"""Sign and maximum that propagate NaN and that LLVM compiles to branch-free selections."""

from numgd.jit.portable import portable


@portable
def with_sign(size, x):
    """`size` with the sign of x; x itself if it is 0 or NaN."""
    return size if x > 0 else -size if x < 0 else x


@portable
def larger(a, b):
    """The larger of two numbers, NaN if either is."""
    return a if (a > b) | (a != a) else b
