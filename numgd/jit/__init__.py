"""Everything that depends on Numba's internals; no other package of numgd does."""
