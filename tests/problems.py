"""
Unconstrained minimisation problems with known minima.

Every problem is three compiled functions of one array: the objective
``fun(x) -> float``, its exact gradient ``jac(x) -> array`` of the shape and
dtype of ``x``, and its exact Hessian ``hess(x) -> array (n, n)``.  All accept
float32 and float64 arrays and can also be run interpreted through their
``py_func`` attribute.

The table is `PROBLEMS`, one family a file of `problem_families`; `problem`
looks one entry up by name.  `UNBOUNDED` are functions without a lower bound.

Notes
-----
``minimum`` is the value at the minimiser that descent from the standard
start reaches, which is not always the global minimum: such problems carry
the tag ``"local_minima"``.  ``minimizer`` is None where descent from the
start can reach that value at different points, and where the minimiser is
unique but too long to list (`engval1` and `edensch`).

Minima without a closed form were solved for separately: with Newton's
method on symbolic derivatives in 50-digit arithmetic, then rounded, or
(`engval1` and `edensch`) with Newton's method in extended precision.

The tags are

``"convex"``
    The objective is convex on the whole space.
``"quadratic"``
    The objective is a quadratic.
``"ravine"``
    The path to the minimiser follows a narrow curved valley.
``"singular"``
    The Hessian is singular at the minimiser.
``"badly_scaled"``
    The variables, or the Hessian at the minimiser, span many orders of
    magnitude.
``"plateau"``
    The gradient is small far away from the minimiser.
``"local_minima"``
    Minima, finite or at infinity, with other values exist (in `mccormick`
    the objective is unbounded below).
``"saddle"``
    The start is near a saddle, or the way leads past one.
``"indefinite_start"``
    The Hessian at the start has a negative eigenvalue.
``"singular_start"``
    The Hessian at the start is singular to working precision.
``"optimal_start"``
    The start is the minimiser.
``"unbounded"``
    There is no lower bound: ``minimum`` is -inf.
``"large"``
    There are at least 100 variables.

References
----------
.. [1] J. J. Moré, B. S. Garbow and K. E. Hillstrom, "Testing unconstrained
   optimization software", ACM Trans. Math. Softw. 7 (1981), 17-41.
   Cited below as MGH with the problem's number there.
.. [2] N. I. M. Gould, D. Orban and Ph. L. Toint, "CUTEst: a constrained and
   unconstrained testing environment with safe threads for mathematical
   optimization", Comput. Optim. Appl. 60 (2015), 545-557.
.. [3] N. Andrei, "An unconstrained optimization test functions collection",
   Adv. Model. Optim. 10 (2008), 147-161.
.. [4] S. Boyd and L. Vandenberghe, "Convex Optimization", Cambridge
   University Press, 2004.
.. [5] Y. Nesterov, "Introductory Lectures on Convex Optimization", Kluwer,
   2004.
.. [6] M. Jamil and X.-S. Yang, "A literature survey of benchmark functions
   for global optimisation problems", Int. J. Math. Model. Numer. Optim. 4
   (2013), 150-194.
"""

from itertools import chain

from problem_families import (
    classics,
    cutest,
    logistic,
    mgh_1_to_18,
    mgh_20_to_35,
    one_variable,
    quadratics,
    saddles,
    starts,
    unbounded,
)
from problem_families.problem import Problem

__all__ = ["PROBLEMS", "UNBOUNDED", "Problem", "problem"]

FAMILIES = (
    one_variable,
    quadratics,
    mgh_1_to_18,
    mgh_20_to_35,
    cutest,
    classics,
    logistic,
    saddles,
    starts,
)

PROBLEMS = tuple(chain.from_iterable(family.PROBLEMS for family in FAMILIES))
UNBOUNDED = unbounded.PROBLEMS

_BY_NAME = {p.name: p for p in PROBLEMS + UNBOUNDED}


def problem(name):
    """
    Look a problem up by name.

    Parameters
    ----------
    name : str
        Name of an entry of `PROBLEMS` or `UNBOUNDED`.

    Returns
    -------
    Problem
        The entry.

    Raises
    ------
    KeyError
        If there is no such entry.
    """
    return _BY_NAME[name]
