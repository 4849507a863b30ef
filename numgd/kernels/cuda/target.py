"""The only module that imports ``numba.cuda``: available devices, and how kernels are launched."""

from numba import cuda

THREADS = 128
"""Threads in a block."""

MOST_BLOCKS = 4096
"""Maximum number of blocks of a grid-stride kernel: more than any GPU runs at a time."""


def launch_shape(count):
    """Blocks and threads of a grid-stride kernel over `count` > 0 elements."""
    return min((count + THREADS - 1) // THREADS, MOST_BLOCKS), THREADS


def device_names():
    """The names of the usable devices, often none; errors of the driver are passed on."""
    if not cuda.is_available():
        return []
    return [str(device.name) for device in cuda.list_devices()]
