"""Convolutions on a GPU."""
