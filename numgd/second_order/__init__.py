"""Methods by line searches and trust regions, one per file.

"Second-order" holds all that models curvature or shares the loops of what does: conjugate gradients,
quasi-Newton and Newton's methods, steepest descent, and the solvers for L1 penalties.
"""

import sys

from numgd.foundations.records import Method, records_of

METHODS: dict[str, Method] = records_of(sys.modules[__name__], Method)
"""Name to method, without those that update rules are; `numgd.registry` has all."""
