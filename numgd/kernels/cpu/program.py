"""Programs of the CPU's compiled calls; see `numgd.jit.program`."""

from numgd.jit.program import Program, Recording, preparing

__all__ = ["Program", "Recording", "preparing"]
