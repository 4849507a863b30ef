"""Methods by line searches and trust regions, one per file.

"Second-order" includes every method that models curvature or shares a loop with one that does: conjugate
gradients, quasi-Newton and Newton's methods, steepest descent, and the solvers for L1 penalties.
"""

import sys

from numgd.foundations.records import Method, records_of

METHODS: dict[str, Method] = records_of(sys.modules[__name__], Method)
"""Name to method, without the update rules; `numgd.registry` has all methods."""
