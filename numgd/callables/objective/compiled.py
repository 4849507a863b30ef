"""A user's functions as machine code, compiled once per combination of functions and types."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core.registry import CPUDispatcher

from numgd.callables.objective.adapter import Functions, make_adapter, numba_real
from numgd.foundations.schemes import COMPLEX_STEP, EXACT, JOINT, PAIR, TWO_POINT
from numgd.jit.arguments import (
    fingerprint,
    loader,
    native,
    row_loader,
    row_of_args,
    storage_size,
    type_of,
)
from numgd.jit.compilable import (
    UNKNOWN_ARGS,
    LeastRecentlyUsed,
    dispatcher_of,
    name_of,
    reason_against,
    reason_for,
    result_type,
)
from numgd.jit.pointers import function_address

_objectives = LeastRecentlyUsed(512)
_agreements = LeastRecentlyUsed(1024)


class Compiled(NamedTuple):
    """A user's functions as machine code."""

    address: Any
    args_size: Any  # bytes of the packed args
    keep: Any  # objects that must stay alive as long as the address is used
    functions: Any  # the functions as dispatchers, for callers in Python


def _agree(plain, compiled, arguments, args, tolerance):
    """Whether a plain function and its compiled form give the same result in one trial call.

    Numba's integers have 64 bits and its ``int ** int`` is an integer, so a function that compiles may still
    give something else.
    """
    if plain is None or plain is compiled:
        return True
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = plain(*(array.copy() for array in arguments), *args)
        except Exception:
            return False  # the plain function will raise its own error
        try:
            answer = compiled(*(array.copy() for array in arguments), *args)
        except ZeroDivisionError:
            return True
        except Exception:
            return False
    pairs = zip(expected, answer, strict=True) if isinstance(answer, tuple) else ((expected, answer),)
    return all(np.allclose(a, b, tolerance, tolerance, equal_nan=True) for a, b in pairs)


def _all_agree(functions, dispatchers, keys, x, args):
    points = Functions((x,), (x,), (x,), (x, np.ones_like(x)), (x, np.empty_like(x)))
    return all(agree_at(*parts, args) for parts in zip(functions, dispatchers, keys, points, strict=True))


def agree_at(plain, compiled, key, arguments, args):
    """`_agree`, called once per function and types, which `key` identifies."""
    found = _agreements.get(key)
    if found is None:
        tolerance = 1e3 * np.finfo(arguments[0].dtype if arguments[0].dtype.kind == "f" else float).eps
        found = _agreements.remember(key, _agree(plain, compiled, arguments, args, tolerance))
    return found


def compiles_alike(fun, dispatcher, key, x, first_args):
    """Whether a function of one vector gives the same result when compiled; `key` is that of the form."""
    return agree_at(fun, dispatcher, key, (x,), first_args)


def compile_objective(functions, scheme, args, x, rows=False):
    """The `Compiled` form of functions, cached by functions and types, or a `str`: why there is none.

    Parameters
    ----------
    functions : Functions
    scheme : int
    args : tuple
    x : numpy.ndarray
        A point, float32 or float64, at which a plain function is compared with its compiled form.
    rows : bool
        Whether arrays in args vary along their first axis, and each call uses one row of them.
    """
    args = native(args)
    form = scheme if scheme in (EXACT, JOINT, PAIR, COMPLEX_STEP) else TWO_POINT
    try:
        kinds = (x.dtype.char, rows, fingerprint(args))
    except Exception:
        return UNKNOWN_ARGS
    compiled_ones = all(given is None or isinstance(given, CPUDispatcher) for given in functions)
    if compiled_ones:  # each dispatcher is its own key
        found = _objectives.get((*functions, form, *kinds))
        if found is not None:
            return found
    pairs = [(None, None) if given is None else dispatcher_of(given) for given in functions]
    dispatchers = Functions(*(dispatcher for dispatcher, _ in pairs))
    for given, dispatcher in zip(functions, dispatchers, strict=True):
        if given is not None and dispatcher is None:
            return f"{name_of(given)} {reason_for(given)}"
    keys = [(part, *kinds) for _, part in pairs]
    key = (*(part for _, part in pairs), form, *kinds)
    found = _objectives.get(key)
    if found is not None:
        return found
    if not np.isfinite(x).all():
        return "x0 is not finite"  # the solver will refuse it, so compiling is pointless
    first_args = row_of_args(args, 0) if rows else args
    try:
        args_type, given_type = type_of(args), type_of(first_args)
    except Exception:
        return UNKNOWN_ARGS
    load = row_loader(args_type) if rows else loader(args_type)
    vector = types.Array(numba_real(x.dtype), 1, "C")
    result = make_adapter(dispatchers, form, load, given_type, vector)
    if result is None:
        found = _reason(functions, dispatchers, vector, tuple(given_type))
    elif not _all_agree(functions, dispatchers, keys, x, first_args):
        found = f"{name_of(functions.fun)}, compiled, does not give what it gives in Python"
    else:
        size = storage_size(args_type)
        found = Compiled(function_address(result), size, (result, dispatchers), dispatchers)
    return _objectives.remember(key, found)


def _reason(functions, dispatchers, vector, args):
    """Why there is no compiled form for these types."""
    calls = Functions((vector,), (vector,), (vector,), (vector, vector), (vector, vector))
    for given, dispatcher, call in zip(functions, dispatchers, calls, strict=True):
        reason = dispatcher and reason_against(dispatcher, (*call, *args), name_of(given))
        if reason:
            return reason
    if dispatchers.fun is None:
        return "the functions cannot be compiled together"
    answer = result_type(dispatchers.fun, (vector, *args))
    return f"{name_of(functions.fun)}, or a derivative, returns what a solver cannot take: {answer}"
