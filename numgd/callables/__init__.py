"""The user's callables in the forms that solvers call: compiled if Numba can, else called back."""
