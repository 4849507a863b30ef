"""Names of machine code that are unique across processes.

Numba distinguishes functions of the same name by a number that counts from 1 in each process.  Machine code
from the disk keeps the names from the process that compiled it; a function of the present process with the
same name and number would be confused with the one in that code, and run in its place.
"""

import itertools
import os
import secrets

from numba.core.bytecode import FunctionIdentity


def count_from_elsewhere():
    """Make Numba count from a number that no other process starts from."""
    FunctionIdentity._unique_ids = itertools.count(1 + secrets.randbits(60))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=count_from_elsewhere)
