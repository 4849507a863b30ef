"""The product of a factor with what may be infinite."""

from numgd.jit.portable import strict


@strict
def times(a, b):
    """a b, but 0 times ±∞ is 0: what has no weight adds nothing.  NaN stays."""
    nothing = ((a == 0) & (b == b)) | ((b == 0) & (a == a))
    return type(a)(0) if nothing else a * b
