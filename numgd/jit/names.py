"""Names of machine code that no other process gives.

Numba tells functions of one name apart by a number that counts from 1 in every process.  Machine code that is
linked from the disk keeps the names that it got where it was compiled; a function of the process at hand with
the same name and number would be taken for the one that stands in it, and run in its place.
"""

import itertools
import os
import secrets

from numba.core.bytecode import FunctionIdentity


def count_from_elsewhere():
    """Have Numba count on from a number that no other process counts from."""
    FunctionIdentity._unique_ids = itertools.count(1 + secrets.randbits(60))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=count_from_elsewhere)
