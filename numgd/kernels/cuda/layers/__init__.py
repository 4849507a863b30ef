"""Kernels of neural-network layers, for GPUs."""
