"""All that knows Numba's internals; no other package of numgd does."""
