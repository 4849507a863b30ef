"""Gradients of ordinary functions, for use in the user's own kernels."""

import inspect

from numgd.autodiff import device
from numgd.kernels.cuda.target import cuda


def device_gradient(f, *args, argnum=0):
    """A function for CUDA kernels that computes the value and gradient of `f` without allocating.

    Parameters
    ----------
    f : callable
        A plain Python or ``@njit`` function that returns a real number, written as loops over elements of
        its arguments and of arrays of constant length (``np.zeros(3)``).
    *args
        Arguments of a call of `f`, of which only the types matter.
    argnum : int, optional
        The position of the argument, an array, to differentiate with respect to.

    Returns
    -------
    function
        ``function(x, g, tape, ...) -> (value, needed)``, to be compiled by ``cuda.jit(device=True)``.  The
        arrays `g`, of x's shape, and `tape`, one-dimensional and of x's dtype, directly follow the argument
        x that is differentiated.  The gradient is written to `g`.  `needed` is the number of elements that
        the reverse sweep has to read from the tape: if it is greater than ``tape.size``, the tape was too
        small and `g` is unchanged.

    Raises
    ------
    NotDifferentiable
        If `f` operates on whole arrays or contains something that cannot be differentiated; the message says
        on which line.

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
        raise TypeError(f"device_gradient expects the arguments of a call of {f!r}; it got {len(args)}")
    return device.device_gradient(f, args, argnum, cuda)
