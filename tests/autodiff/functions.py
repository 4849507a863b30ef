"""
All functions whose derivatives are tested.

`COMPILED` return a float, `VECTOR_CASES` a vector; `FAMILIES` are the former by the kind of construct.
`CASES` are those that can be differentiated, `REFUSED` the others.  Every one is ordinary user code, at a
point at which it is smooth.
"""

from autodiff.families import (
    algorithms,
    arithmetic,
    arrays,
    branches,
    calls,
    linear_algebra,
    loops,
    mathematics,
    vectors,
)

FAMILIES = {
    "loops": loops.CASES,
    "branches": branches.CASES,
    "arrays": arrays.CASES,
    "calls": calls.CASES,
    "arithmetic": arithmetic.CASES,
    "mathematics": mathematics.CASES,
    "linear_algebra": linear_algebra.CASES,
    "algorithms": algorithms.CASES,
}
NOT_COVERED = ("swapped_arrays", "out_argument", "second_differences", "recursive_tree")
COMPILED = [each for family in FAMILIES.values() for each in family]
CASES = [each for each in COMPILED if each.name not in NOT_COVERED]
REFUSED = [each for each in COMPILED if each not in CASES]
VECTOR_CASES = [each for each in vectors.CASES if each.name != "early_returned_map"]
