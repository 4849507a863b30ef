"""Continuing a run: from a result, or from an approximation of the inverse Hessian."""

from typing import Any, NamedTuple

import numpy as np


class State(NamedTuple):
    """Everything a solver needs to continue where it stopped."""

    method: Any
    x: Any
    work: Any
    carry: Any
    age: Any
    maxcor: Any


def remember_state(result, state):
    """Attach a state to a result as an attribute, not as a field, so that it is not printed."""
    object.__setattr__(result, "_numgd_state", state)


def resume(method, earlier, hess_inv0, x, work, carry, maxcor):
    """Prepare scratch memory to continue from a result (None: a fresh start); returns the solver's `age`.

    A result of the same method continues bit for bit as if it had not stopped.  From any other result, such
    as SciPy's, methods that have an inverse Hessian use that of the result; the others use only the point.
    """
    if earlier is None and hess_inv0 is None:
        return 0
    state = getattr(earlier, "_numgd_state", None)
    if hess_inv0 is None and state is not None and state.method == method.name and _same_run(state, x, work):
        work[:] = state.work
        carry[:] = state.carry
        return state.age
    take = method.take_hess_inv
    if take is None:
        return 0
    if hess_inv0 is not None:
        return take(_checked(hess_inv0, x.size), work, maxcor)
    try:
        return take(_checked(getattr(earlier, "hess_inv", None), x.size), work, maxcor)
    except (TypeError, ValueError):
        return 0


def _same_run(state, x, work):
    return state.work.shape == work.shape and state.work.dtype == work.dtype and np.array_equal(state.x, x)


def _checked(matrix, n):
    """Check an inverse Hessian, dense or in SciPy's L-BFGS form; it must be positive definite."""
    if hasattr(matrix, "sk") and hasattr(matrix, "yk"):
        if matrix.shape != (n, n):
            raise ValueError(f"option 'hess_inv0' must have shape {(n, n)}; it has {matrix.shape}")
        return matrix
    try:
        matrix = np.asarray(matrix, float)
    except (TypeError, ValueError):
        raise TypeError("option 'hess_inv0' must be a matrix or a LbfgsInvHessProduct") from None
    if matrix.shape != (n, n):
        raise ValueError(f"option 'hess_inv0' must have shape {(n, n)}; it has {matrix.shape}")
    try:
        np.linalg.cholesky(matrix)
        definite = np.allclose(matrix, matrix.T)
    except np.linalg.LinAlgError:
        definite = False
    if not definite:
        raise ValueError("option 'hess_inv0' must be symmetric and positive definite")
    return matrix
