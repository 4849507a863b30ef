"""Activations and losses as pairs of scalar functions: the value and its derivative."""
