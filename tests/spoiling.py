"""What a user may do to a result: all that it holds is theirs, and no run that goes on from it cares."""

import numpy as np


def spoiled(result):
    """The result with NaN in all its arrays but the point, its history and its inverse Hessian included."""
    for name, value in result.items():
        if name != "x":
            _spoil(value)
    return result


def _spoil(value):
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            value[...] = np.nan
    elif isinstance(value, tuple | list):
        for part in value:
            _spoil(part)
    elif hasattr(value, "sk"):  # SciPy's LbfgsInvHessProduct
        _spoil([value.sk, value.yk])
    elif hasattr(value, "_B"):
        _spoil(value._B)
