"""Solvers on a device."""
