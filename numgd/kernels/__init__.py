"""The drivers: loops over arrays.  ``cpu`` and ``cuda`` use the same names; everything that differs between the
two is inside these two packages."""
