"""Kernels of neural-network layers, for the CPU."""
