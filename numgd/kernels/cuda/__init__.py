"""Drivers for NVIDIA GPUs; nothing else in numgd imports ``numba.cuda``."""
