"""`grad` and its variants: compiled derivatives, generated from the source of a function."""

from collections.abc import Callable
from typing import Any

from numba import typeof

from numgd.autodiff.calls import call
from numgd.autodiff.derivation import derived
from numgd.autodiff.program import Static


def grad(f: Callable[..., Any], argnum: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The gradient of a function, as a compiled function.

    Parameters
    ----------
    f : callable
        A plain Python or ``@njit`` function that returns a real number.
    argnum : int or tuple of int, optional
        The argument to differentiate with respect to; a tuple gives a tuple of gradients.

    Returns
    -------
    callable
        ``grad(f)(*args)`` is an array of the shape and dtype of the argument, or a float.  It is compiled on
        first use for each combination of types, and can be called from ``@njit`` code.

    Raises
    ------
    TypeError
        If `f` is not a Python function.
    NotDifferentiable
        At the first call, if `f` contains something that cannot be differentiated; names the line.

    References
    ----------
    .. [1] A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., SIAM, 2008.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> def f(x):
    ...     return x[0] ** 2 * x[1]
    >>> numgd.grad(f)(np.array([3.0, 2.0]))
    array([12.,  9.])
    """
    return derived("grad", f, argnum)


def value_and_grad(f: Callable[..., Any], argnum: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Value and gradient of a function together, as one compiled function; see `grad`.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.value_and_grad(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    (18.0, array([12.,  9.]))
    """
    return derived("value_and_grad", f, argnum)


def vjp(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The product uᵀJ of a vector and the Jacobian, as a compiled function; see `grad`.

    The vector u, of the shape of the result of f, is passed right after the argument `argnum`.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.vjp(lambda x: x * x)(np.array([3.0, 2.0]), np.array([1.0, 10.0]))
    array([ 6., 40.])
    """
    return derived("vjp", f, argnum)


def jvp(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The product J v of the Jacobian and a vector, as a compiled function; see `grad`.

    The vector v, of the shape of the argument `argnum`, is passed right after it.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.jvp(lambda x: x * x)(np.array([3.0, 2.0]), np.array([1.0, 10.0]))
    array([ 6., 40.])
    """
    return derived("jvp", f, argnum)


def hessp(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The product H p of the Hessian and a vector, as a compiled function: forward over reverse; see `grad`.

    The vector p is passed right after the argument `argnum`, as for SciPy's `hessp`.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.hessp(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]), np.array([1.0, 0.0]))
    array([4., 6.])
    """
    return derived("hessp", f, argnum)


def jacobian(f: Callable[..., Any], argnum: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The Jacobian (m, n) of a function from vectors (n,) to vectors (m,); see `grad`.

    It is computed by rows in reverse mode if 4 m < n, otherwise by columns in forward mode, four per pass.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.jacobian(lambda x: x * x)(np.array([3.0, 2.0]))
    array([[6., 0.],
           [0., 4.]])
    """
    return derived("jacobian", f, argnum)


def hessian(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The Hessian (n, n) of a function of a vector (n,), as a compiled function; see `grad`.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    array([[4., 6.],
           [6., 0.]])
    """
    return derived("hessian", f, argnum)


def source(f: Callable[..., Any], *args: Any) -> str:
    """The source text of a derivative: all versions generated so far, including the one for `args`.

    Parameters
    ----------
    f : callable
        A result of `grad` or one of its variants.
    *args
        Arguments of a call, for their types.

    Returns
    -------
    str

    Examples
    --------
    >>> import numgd
    >>> print(numgd.autodiff.source(numgd.grad(lambda x: x**2), 3.0))
    def grad_of_lambda_(x):
        return 1.0 * 2 * x
    <BLANKLINE>
    """
    derivation = getattr(f, "derivation", None)
    if derivation is None:
        raise TypeError(f"f must be a derivative made by numgd; it is {f!r}")
    if args:
        derivation.make(tuple(typeof(arg) for arg in args))
    return "\n".join(text for text, _, _ in derivation.texts.values())


@call(grad, value_and_grad, vjp, jvp, hessp, jacobian, hessian)
def _derived_inside(builder, node, function, f, argnum=None):
    """A derivative taken inside a function that is itself being differentiated."""
    argnum = 0 if argnum is None else builder.known(argnum, node)
    return Static(derived(function.__name__, f.value, argnum))
