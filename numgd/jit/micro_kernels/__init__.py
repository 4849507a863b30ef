"""Register-blocked micro-kernels: a block of sums of products in vector registers.

Numba has no vector types, so the loops are built as LLVM instructions.  Vectors have the width of the
target's registers.  LLVM accepts any width: a wrong one only costs speed.  Arrays are one-dimensional and
contiguous.  A position in one is counted in elements from its start, and tables hold addresses.
"""

from numgd.jit.micro_kernels.channelwise import gather_lanes, line_block, line_reduce, reduce_lanes
from numgd.jit.micro_kernels.emitter import lanes_of, register_bytes, rows_for, vector_registers
from numgd.jit.micro_kernels.maxima import LANES, give_lanes, largest_lanes
from numgd.jit.micro_kernels.products import convolve_block, gather_block, reduce_block
from numgd.jit.micro_kernels.sandwich import sandwich_block
from numgd.jit.micro_kernels.variants import SQUARE, add_vector, any_of, move_vector, transpose_square

__all__ = [
    "LANES",
    "SQUARE",
    "add_vector",
    "any_of",
    "convolve_block",
    "gather_block",
    "gather_lanes",
    "give_lanes",
    "lanes_of",
    "largest_lanes",
    "line_block",
    "line_reduce",
    "move_vector",
    "reduce_block",
    "reduce_lanes",
    "register_bytes",
    "rows_for",
    "sandwich_block",
    "transpose_square",
    "vector_registers",
]
