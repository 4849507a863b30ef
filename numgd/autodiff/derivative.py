"""`grad` and its relatives: functions that Numba compiles, made of the source of others."""

from numba import typeof

from numgd.autodiff.calls import call
from numgd.autodiff.derivation import derived
from numgd.autodiff.program import Static


def grad(f, argnum=0):
    """The gradient of a function as a compiled function.

    Parameters
    ----------
    f : callable
        A plain Python function or an ``@njit`` one with a real number as its result.
    argnum : int or tuple of int, optional
        Which argument to differentiate by; a tuple gives a tuple of gradients.

    Returns
    -------
    callable
        ``grad(f)(*args)`` is an array of the shape and dtype of the argument, or a float.  Compiled on
        first use for each combination of types; can be called from ``@njit`` code.

    Raises
    ------
    TypeError
        If `f` is not a Python function.
    NotDifferentiable
        At the first call, if `f` holds something that cannot be differentiated; says which line.

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


def value_and_grad(f, argnum=0):
    """Value and gradient of a function together, as a compiled function; see `grad`.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.value_and_grad(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    (18.0, array([12.,  9.]))
    """
    return derived("value_and_grad", f, argnum)


def vjp(f, argnum=0):
    """The product uᵀJ of a vector and the Jacobian, as a compiled function; see `grad`.

    The vector u, of the shape of f's result, stands right behind the argument that is differentiated by.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.vjp(lambda x: x * x)(np.array([3.0, 2.0]), np.array([1.0, 10.0]))
    array([ 6., 40.])
    """
    return derived("vjp", f, argnum)


def jvp(f, argnum=0):
    """The product J v of the Jacobian and a vector, as a compiled function; see `grad`.

    The vector v, of the argument's shape, stands right behind the argument that is differentiated by.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.jvp(lambda x: x * x)(np.array([3.0, 2.0]), np.array([1.0, 10.0]))
    array([ 6., 40.])
    """
    return derived("jvp", f, argnum)


def hessp(f, argnum=0):
    """The product H p of the Hessian and a vector, as a compiled function: forward over reverse; see `grad`.

    The vector p stands right behind the argument that is differentiated by, as SciPy's `hessp` has it.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.hessp(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]), np.array([1.0, 0.0]))
    array([4., 6.])
    """
    return derived("hessp", f, argnum)


def jacobian(f, argnum=0):
    """The Jacobian (m, n) of a function of a vector (n,) with a vector (m,) as its result; see `grad`.

    By rows in reverse mode if m < n, by columns in forward mode otherwise.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.jacobian(lambda x: x * x)(np.array([3.0, 2.0]))
    array([[6., 0.],
           [0., 4.]])
    """
    return derived("jacobian", f, argnum)


def hessian(f, argnum=0):
    """The Hessian (n, n) of a function of a vector (n,), as a compiled function; see `grad`.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> numgd.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    array([[4., 6.],
           [6., 0.]])
    """
    return derived("hessian", f, argnum)


def source(f, *args):
    """The source text of a derivative: of each one compiled so far, or for arguments like `args`.

    Parameters
    ----------
    f : callable
        What `grad` or one of its relatives gave.
    *args
        Arguments of a call.

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
        raise TypeError(f"f must be a derivative that numgd has made; it is {f!r}")
    if args:
        derivation.make(tuple(typeof(arg) for arg in args))
    return "\n".join(text for text, _, _ in derivation.texts.values())


@call(grad, value_and_grad, vjp, jvp, hessp, jacobian, hessian)
def _derived_inside(builder, node, function, f, argnum=None):
    """A derivative that is taken within a function that is being differentiated."""
    argnum = 0 if argnum is None else builder.known(argnum, node)
    return Static(derived(function.__name__, f.value, argnum))
