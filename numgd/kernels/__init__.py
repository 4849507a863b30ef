"""The drivers: loops over arrays.  ``cpu`` and ``cuda`` hold the same names; every difference between the
two machines is inside these two folders."""
