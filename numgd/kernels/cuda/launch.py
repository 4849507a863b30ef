"""How many blocks and threads a kernel is launched with."""

THREADS = 128
"""Threads in a block."""

MOST_BLOCKS = 4096
"""Blocks of a grid-stride kernel: more than any GPU holds at a time."""


def launch_shape(count):
    """Blocks and threads of a grid-stride kernel over `count` > 0 elements."""
    return min((count + THREADS - 1) // THREADS, MOST_BLOCKS), THREADS
