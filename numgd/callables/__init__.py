"""The user's callables in the forms that solvers call: compiled where Numba can, else called back."""
