"""Starting points, checked."""

import numpy as np

from numgd.kernels.machines import on_device


def starting_point(x0):
    """A contiguous copy of x0 as 1-D float64, or float32 if it was; raises if it is not a real vector."""
    if on_device(x0):
        raise TypeError(
            "x0 lives on a device, where numgd.minimize and numgd.minimize_many solve problems: copy it to "
            "the host's memory for this function"
        )
    x = np.asarray(x0)
    if x.dtype.kind not in "fiub":
        if x.dtype.kind == "c":
            raise TypeError("x0 must be real; it is complex")
        raise TypeError(f"x0 must be an array of real numbers; its dtype is {x.dtype}")
    if x.ndim > 1:
        raise ValueError(f"'x0' must only have one dimension. Its shape is {x.shape}.")
    if x.size == 0:
        raise ValueError("x0 must not be empty")
    return np.array(x, real_dtype(x), copy=True, order="C", ndmin=1)


def real_dtype(x):
    """The dtype of a solve from points `x`: float32 for float32 of any byte order, else float64."""
    return np.float32 if x.dtype.kind == "f" and x.dtype.itemsize == 4 else np.float64


def earlier_result(x0):
    """`x0` if it is a result to continue from, else None, as for an array or a series with a label `x`."""
    return x0 if hasattr(x0, "x") and not hasattr(x0, "__array__") else None
