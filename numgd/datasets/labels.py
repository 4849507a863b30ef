"""Labels as files store them."""

import numpy as np


def checked_labels(path, stored, classes):
    """Labels of a file as int64; raises ValueError naming the first that is no class."""
    wrong = np.flatnonzero(stored >= classes)
    if wrong.size:
        first = wrong[0]
        raise ValueError(
            f"{path}: labels must be at most {classes - 1}; number {first} (from 0) is {stored[first]}"
        )
    return stored.astype(np.int64)
