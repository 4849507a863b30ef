"""Kernels of layers on a GPU; see `numgd.kernels.cpu.layers` for the functions and their arguments."""
