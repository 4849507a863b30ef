"""Solvers on the host: one problem, many problems, fits and line searches."""
