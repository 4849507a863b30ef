"""The front ends: `minimize` and its relatives, from Python and inside ``@njit`` code.

A module whose name a public function has is private, so that the function never stands in its place.
"""
