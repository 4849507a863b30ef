"""Scratch memory, and the error message when there is not enough."""

import math

import numpy as np


def new_memory(owner, remedy, shape, dtype=np.float64, unit="variables"):
    """Uninitialised memory; raises MemoryError saying how much `owner` needs, followed by the remedy."""
    try:
        return np.empty(shape, dtype)
    except (MemoryError, OverflowError, ValueError):  # the last two if the size exceeds the address space
        size = math.prod(shape) * np.dtype(dtype).itemsize / 2**30
    raise MemoryError(f"{owner} takes {size:.3g} GiB for {shape[-1]} {unit}{remedy}")


def method_memory(method, shape, dtype):
    """Memory for the solver of a `Method`."""
    many = 10**6
    remedy = ": 'l-bfgs' stores no matrix, and takes a few vectors" if method.rows(many, 1) >= many else ""
    return new_memory(f"method {method.name!r}", remedy, shape, dtype)


def hessian_memory(shape, dtype):
    """Memory for the whole Hessian, for a solver that only needs its products with vectors."""
    return new_memory("the Hessian", ": hessp gives its products alone", shape, dtype)
