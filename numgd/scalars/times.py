"""The product of two numbers, one of which may be infinite."""

from numgd.jit.portable import strict


@strict
def times(a, b):
    """a b, except that 0 times ±∞ is 0: a term with weight 0 contributes nothing.  NaN stays NaN."""
    nothing = ((a == 0) & (b == b)) | ((b == 0) & (a == a))
    return type(a)(0) if nothing else a * b
