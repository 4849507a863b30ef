"""Solvers on the host: one problem, many, fits, line searches."""
