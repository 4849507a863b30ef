"""An ill-conditioned quadratic function."""

import math
from decimal import Context, Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numgd.datasets.arguments import Condition, Variables
from numgd.datasets.same_bits import noise, unit_circle
from numgd.foundations.ranges import Seed, check_arguments


class Ravine(NamedTuple):
    """The function ½ (x − m)ᵀ A (x − m), as the arguments that an objective takes.

    Attributes
    ----------
    A : float64 array (n, n)
        Symmetric and positive definite, the Hessian.
    minimiser : float64 array (n,)
        m, where the value is exactly 0 and the gradient exactly zero.
    """

    A: NDArray[np.float64]
    minimiser: NDArray[np.float64]


@check_arguments
def ravine(n: Variables = 2, condition: Condition = 100.0, *, seed: Seed = 0) -> Ravine:
    """A quadratic function whose Hessian has a given condition number: a long and narrow valley.

    Parameters
    ----------
    n : int
        Number of variables, at least 2.
    condition : float
        Largest eigenvalue of the Hessian, which is 1, divided by the smallest; from 1 to 1e12.
    seed : int
        From 0 to 2⁶⁴ - 1.  The same seed gives the same bits on every machine.

    Returns
    -------
    Ravine
        A (n, n) and minimiser (n,), in float64.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Notes
    -----
    The eigenvalues are condition^(−i / (n − 1)), i = 0, …, n − 1.  The eigenvectors are those of the
    discrete Hartley transform (R. N. Bracewell, 1983) with random signs, in a random order.  No entry is
    large, so that a method which scales each variable gains little.  Rounding changes the eigenvalues by some
    1e-15, at most about a hundredth of the smallest one.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd import datasets
    >>> problem = datasets.ravine(3, condition=1e4, seed=2)
    >>> print(round(np.linalg.cond(problem.A), 3), problem.minimiser.round(3))
    10000.0 [0.605 0.123 0.317]

    It is minimised by ``numgd.minimize(value, np.zeros(3), args=problem, tol=1e-10)`` with

    >>> def value(x, A, minimiser):
    ...     return 0.5 * (x - minimiser) @ A @ (x - minimiser)
    >>> print(value(problem.minimiser, *problem))
    0.0
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    minimiser = noise(rng, (n,))
    signs = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    eigenvalues = _spaced(condition, n)[np.argsort(rng.random(n), kind="stable")]
    # With cas x = cos x + sin x, the Hartley matrix cas(2π i k / n) / √n is symmetric and orthogonal, and
    # cas(x) cas(y) = cos(x - y) + sin(x + y): A needs two sums for each difference and each sum of indices.
    i = np.arange(n, dtype=np.int64)
    cosine, sine = unit_circle(i / n)
    even = np.array([math.fsum(eigenvalues * cosine[i * k % n]) for k in i]) / n
    odd = np.array([math.fsum(eigenvalues * sine[i * k % n]) for k in i]) / n
    A = even[np.abs(i[:, None] - i)] + odd[(i[:, None] + i) % n]
    return Ravine(signs[:, None] * A * signs, minimiser)


def _spaced(condition, n):
    """Numbers from 1 to 1 / condition with a constant ratio; decimal powers are the same everywhere."""
    context, base = Context(prec=30), Decimal(condition)
    powers = (context.power(base, context.divide(Decimal(-i), Decimal(n - 1))) for i in range(n))
    return np.array([float(power) for power in powers])
