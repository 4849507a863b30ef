"""Solvers on the GPU."""
