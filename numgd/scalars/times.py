"""The product of two numbers, one of which may be infinite."""

from numgd.jit.portable import strict


@strict
def times(a, b):
    """a b, except that 0 times ±∞ is 0: a term with weight 0 contributes nothing.  NaN stays NaN."""
    product = a * b
    nothing = ((a == a) & (b == b)) & (product != product)
    return type(a)(0) if nothing else product
