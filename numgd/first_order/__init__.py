"""Update rules, one per file."""

import sys

from numgd.first_order.rule import Rule
from numgd.foundations.records import records_of

RULES: dict[str, Rule] = records_of(sys.modules[__name__], Rule)
"""Rules by name; `numgd.register` adds to it."""
