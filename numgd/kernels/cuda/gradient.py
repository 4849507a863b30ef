"""Gradients of ordinary functions, for the user's own kernels."""

import inspect

from numgd.autodiff import device
from numgd.kernels.cuda.target import cuda


def device_gradient(f, *args, argnum=0):
    """Value and gradient of a function as a function that allocates nothing, for CUDA kernels.

    Parameters
    ----------
    f : callable
        A plain Python function or an ``@njit`` one with a real number as its result, of loops over elements
        of its arguments and of arrays of constant lengths (``np.zeros(3)``).
    *args
        Arguments of a call of `f`, for their types.
    argnum : int, optional
        Which argument, an array, to differentiate by.

    Returns
    -------
    function
        ``function(x, g, tape, ...) -> (value, needed)``: the arrays `g`, of x's shape, and `tape`, of one
        dimension and x's dtype, stand right behind the argument that is differentiated by.  Writes the
        gradient to `g`.  `needed` is how many numbers the reverse sweep has to read from the tape: where
        that is more than ``tape.size``, the tape was too small, and `g` was left as it was.  To be
        compiled by ``cuda.jit(device=True)``.

    Raises
    ------
    NotDifferentiable
        If `f` works with whole arrays or holds something that cannot be differentiated; says which line.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> def f(x, count):
    ...     y = x[0]
    ...     for _ in range(count):
    ...         y = np.sin(y) * x[1]
    ...     return y
    >>> gradient = numgd.device_gradient(f, np.ones(2), 5)
    >>> x, g = np.array([0.5, 1.2]), np.empty(2)
    >>> value, needed = gradient(x, g, np.empty(0), 5)
    >>> needed
    10
    >>> bool(gradient(x, g, np.empty(needed), 5)[0] == value)
    True
    >>> np.allclose(g, numgd.grad(f)(x, 5))
    True
    """
    if len(args) != len(inspect.signature(getattr(f, "py_func", f)).parameters):
        raise TypeError(f"device_gradient takes the arguments of a call of {f!r}; it got {len(args)}")
    return device.device_gradient(f, args, argnum, cuda)
