"""Exact derivatives against differences, other libraries, and each other."""
