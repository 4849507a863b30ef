"""The drivers: loops over arrays.  ``cpu`` and ``cuda`` use the same names; everything that differs between
CPUs and GPUs is inside these two packages."""
