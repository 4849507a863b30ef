"""A user's function as the objective that is compiled into a kernel, with its gradient beside its value."""

import math
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numba import typeof

from numgd.autodiff import NotDifferentiable, device
from numgd.autodiff.derivation import Derivation, kind_of
from numgd.foundations.linalg import epsilon
from numgd.jit.compilable import LeastRecentlyUsed, dispatcher_of
from numgd.jit.portable import portable
from numgd.kernels.cuda.target import cuda, device_function, raise_to

IN_HOST_MEMORY = SimpleNamespace(local=SimpleNamespace(array=np.empty))
"""Stands for the module ``cuda`` in a gradient that runs in the interpreter."""

_made = LeastRecentlyUsed(128)


class Objective(NamedTuple):
    """An objective for `numgd.kernels.cuda.solvers.many_problems.solve_many`."""

    function: Any  # function(x, g, *args) -> f; from the source function(x, g, tape, needed, *args)
    calls: int  # of the user's function in an evaluation
    gradients: int  # in an evaluation: 0 if it takes differences
    taped: bool  # whether it takes a tape, and a place (1,) for the length that a tape must have
    trial: Any = None  # trial(x, g, tape, *args) -> value, needed: the same in the interpreter


def by_source(fun, x, args):
    """The objective of a function and the gradient made from its source, for the types of x and args.

    It is NaN where the tape is too short; the length that would do is then in `needed`.

    Raises
    ------
    NotDifferentiable
        If the function operates on whole arrays or contains something that cannot be differentiated.
    """
    return _kept("source", (fun,), x, args, lambda: _by_source(fun, x, args))


def _by_source(fun, x, args):
    given = (x, *args)
    gradient = device_function(device.device_gradient(fun, given, 0, cuda))
    trial = device.device_gradient(fun, given, 0, IN_HOST_MEMORY)

    @portable
    def objective(x, g, tape, needed, *args):
        f, count = gradient(x, g, tape, *args)
        if count > tape.size:
            raise_to(needed, count)
            return x.dtype.type(math.nan)
        return x.dtype.type(f)

    return Objective(objective, 1, 1, True, trial)


def by_functions(fun, jac, x, args):
    """The objective of a function and its gradient, which returns a tuple of n numbers."""
    return _kept("functions", (fun, jac), x, args, lambda: _by_functions(fun, jac, x, args))


def _by_functions(fun, jac, x, args):
    value, derivative = _value_of(fun, x, args), device_function(_plain(jac))

    @portable
    def objective(x, g, *args):
        partial = derivative(x, *args)
        for i in range(x.size):
            g[i] = partial[i]
        return x.dtype.type(value(x, *args))

    return Objective(objective, 1, 1, False)


def by_joint(fun, x, args):
    """The objective of a function that returns its value and its gradient, a tuple of n numbers."""
    return _kept("joint", (fun,), x, args, lambda: _by_joint(fun))


def _by_joint(fun):
    both = device_function(_plain(fun))

    @portable
    def objective(x, g, *args):
        f, partial = both(x, *args)
        for i in range(x.size):
            g[i] = partial[i]
        return x.dtype.type(f)

    return Objective(objective, 1, 1, False)


def by_differences(fun, central, x, args):
    """The objective of a function whose gradient is made of differences, central ones or forward ones."""
    return _kept(f"differences {central}", (fun,), x, args, lambda: _by_differences(fun, central, x, args))


def _by_differences(fun, central, x, args):
    value, n = _value_of(fun, x, args), x.size
    root = 3 if central else 2

    @portable
    def objective(x, g, *args):
        real = x.dtype.type
        f = real(value(x, *args))
        for i in range(x.size):
            middle = x[i]
            width = epsilon(x) ** (real(1) / real(root)) * max(real(1), abs(middle))
            x[i] = middle + width
            ahead, reach = real(value(x, *args)), x[i] - middle
            behind = f
            if central:
                x[i] = middle - width
                behind = real(value(x, *args))
                reach += middle - x[i]
            x[i] = middle
            g[i] = (ahead - behind) / reach
        return f

    return Objective(objective, 1 + n * (1 + central), 0, False)


def _value_of(fun, x, args):
    """A function for kernels; its source, if it is understood, is written with the functions of `math`.

    Kernels know few of NumPy's functions.
    """
    try:
        derivation = Derivation("value", fun, 0)
        kinds = [
            kind_of(typeof(value), name) for value, name in zip((x, *args), derivation.names, strict=True)
        ]
        return device_function(derivation.written(tuple(kinds))[0])
    except (NotDifferentiable, TypeError, ValueError):
        return device_function(_plain(fun))


def _plain(function):
    """The Python function of a compiled one."""
    return getattr(function, "py_func", function)


def _kept(how, functions, x, args, make):
    """What `make` gives, or gave for the same functions and types of arguments.

    Functions are the same if their code and what they refer to are.
    """
    keys = [dispatcher_of(function)[1] for function in functions]
    if None in keys:
        return make()
    kinds = tuple((np.asarray(a).dtype, np.ndim(a)) for a in (x, *args))
    place = (how, *keys, x.size, kinds)
    found = _made.get(place)
    return _made.remember(place, make()) if found is None else found


def tape_at(objective, x, args):
    """Length of the tape that the objective takes at a point, found in the interpreter."""
    if not objective.taped:
        return 0
    with np.errstate(all="ignore"):
        return int(objective.trial(x.copy(), np.empty_like(x), np.empty(0, x.dtype), *args)[1])
