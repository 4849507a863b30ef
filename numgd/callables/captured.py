"""Values that a plain function captures: numbers that change from call to call become arguments.

Compiled code freezes the values that a function refers to.  A loop that redefines the same function around a
new number each time would compile it every time.  From the second number on, the function is compiled once
with the changing numbers as extra arguments after its own, and that form serves all later numbers.
"""

import ast
import copy
import types as python_types

import numpy as np

from numgd.autodiff import NotDifferentiable
from numgd.autodiff.reading import definition_of, is_source_of
from numgd.jit.arguments import type_of
from numgd.jit.compilable import (
    CalledBack,
    LeastRecentlyUsed,
    NotFrozen,
    captured,
    dispatcher_of,
    frozen,
    identity,
    is_function,
    result_type,
)

VARIANTS = 3
"""Number of combinations of constants for which a function is compiled before it is called back instead."""

_histories = LeastRecentlyUsed(1024)
_rewritten = LeastRecentlyUsed(512)


class History:
    """Values captured by the functions that share one code object, from call to call.

    Attributes
    ----------
    values : dict
        Names, and their values in the first call.
    varying : tuple of str
        Names of numbers that have changed and are now arguments.
    agreed : LeastRecentlyUsed
        Values of the integers among these for which compiled code is known to agree with Python.
    fixed : set of str
        Names whose values have changed but must stay constants.
    variants : set
        Combinations of constants for which the function was compiled.
    """

    def __init__(self, values):
        self.values = values
        self.varying = ()
        self.fixed = set()
        self.variants = set()
        self.agreed = LeastRecentlyUsed(1024)


def lift(functions, calls):
    """Functions that take their changing captured numbers as arguments, and these numbers.

    Parameters
    ----------
    functions : tuple of callable or None
    calls : tuple of tuple
        Arguments of a call of each function.

    Returns
    -------
    functions : tuple
        The functions, unchanged if nothing changes from call to call.
    numbers : tuple
        What each of them takes after its own arguments; empty if the functions are unchanged.
    """
    found = [_lift(function, call) for function, call in zip(functions, calls, strict=True)]
    numbers = [own for _, own in found]
    if not any(numbers):
        return tuple(function for function, _ in found), ()
    if any(function is not None and dispatcher_of(function)[0] is None for function, _ in found):
        # All are called back, so the original functions are used.
        pairs = zip(functions, found, strict=True)
        return tuple(new if isinstance(new, CalledBack) else function for function, (new, _) in pairs), ()
    total = tuple(number for own in numbers for number in own)
    made, first = [], 0
    for (function, own), call in zip(found, calls, strict=True):
        if function is not None and len(own) < len(total):
            function = _forwarding(function, len(call), first, len(own), len(total))
        made.append(function)
        first += len(own)
    return tuple(made), total


def _lift(function, call):
    """One function and its numbers; a `CalledBack` if it has been compiled too often."""
    if not is_function(function):
        return function, ()
    try:
        values = dict(_data(function))
        if not values:
            return function, ()
        place = function.__code__, len(call)
        history = _histories.get(place)
        if history is None:
            history = _histories.remember(place, History(values))
        _forget_what_is_no_number(history, function)
        known = history.values
        changed = [name for name, value in values.items() if value != known.get(name, value)]
        new = [name for name in changed if name not in history.varying and name not in history.fixed]
        if new:
            _settle(history, function, call, new)
        constants = tuple(value for name, value in values.items() if name not in history.varying)
        if constants not in history.variants:
            if history.fixed and len(history.variants) >= VARIANTS:
                return CalledBack(function, _reason(changed, history)), ()
            history.variants.add(constants)
        if not history.varying:
            return function, ()
        made, numbers = _with_arguments(function, history.varying, len(call))
        integers = tuple(number for number in numbers if isinstance(number, int))
        if integers and integers not in history.agreed:
            if not _agrees(function, made, call, numbers):
                return CalledBack(function, "gives a different result with integers of 64 bits"), ()
            history.agreed.remember(integers, True)
        return made, numbers
    except (NotFrozen, NotDifferentiable, TypeError):  # it is called back or stays unchanged
        return function, ()


def _forget_what_is_no_number(history, function):
    """Make names whose values are no longer numbers constants from now on."""
    if history.varying:
        values = dict(captured(function))
        others = {name for name in history.varying if not _is_number(values.get(name))}
        if others:
            history.fixed |= others
            history.varying = tuple(name for name in history.varying if name not in others)
            history.variants.clear()


def _is_number(value):
    """Whether Numba treats a value as Python does; other types round or wrap around differently."""
    return type(value) in (float, np.float64) or (type(value) is int and abs(value) < 2**31)


def _agrees(function, made, call, numbers):
    """Whether a function gives the same result when compiled with its numbers as arguments.

    Some of these are integers: unbounded in Python, 64 bits in compiled code, so each new value is tried.
    """
    plain, compiled = (
        tuple(value.copy() if isinstance(value, np.ndarray) else value for value in call) for _ in range(2)
    )
    with np.errstate(all="ignore"):
        try:
            expected, answer = function(*plain), dispatcher_of(made)[0](*compiled, *numbers)
            pairs = zip(expected, answer, strict=True) if isinstance(answer, tuple) else ((expected, answer),)
            return all(np.allclose(a, b, 1e-9, 1e-9, equal_nan=True) for a, b in pairs)
        except Exception:  # the original function will raise its own error
            return False


def _data(function, prefix="", callers=()):
    """Names and frozen values of the data captured by a function and by the functions that it calls."""
    callers = (*callers, function.__code__)
    for name, value in captured(function):
        if is_function(value):
            if value.__code__ not in callers:
                yield from _data(value, f"{prefix}{name}.", callers)
        elif isinstance(value, int | float | complex | str | bytes | tuple | np.generic | None):
            yield prefix + name, frozen(value)


def _reason(changed, history):
    name = next((name for name in changed if name in history.fixed), min(history.fixed))
    return (
        f"refers to `{name}`, which changes from call to call but must be a constant of compiled code: "
        "pass it through `args`"
    )


def _settle(history, function, call, new):
    """Decide which names whose values have just changed become arguments; the rest stay constants."""
    try:
        possible = [name for name in new if _may_vary(function, name, len(call))]
    except NotDifferentiable:  # no source text
        possible = []
    varying = (*history.varying, *possible)
    if possible and not _compiles(function, varying, call):
        possible = [name for name in possible if isinstance(dict(captured(function))[name], float)]
        varying = (*history.varying, *possible)
        if possible and not _compiles(function, varying, call):
            possible = []
    history.fixed.update(name for name in new if name not in possible)
    if possible:  # a different function is compiled from now on
        history.varying = varying
        history.variants.clear()


def _compiles(function, varying, call):
    try:
        made, numbers = _with_arguments(function, varying, len(call))
        dispatcher, _ = dispatcher_of(made)
        result_type(dispatcher, tuple(type_of(value) for value in (*call, *numbers)))
    except Exception:  # Numba raises errors of many kinds for what it cannot compile
        return False
    return True


# The source text ------------------------------------------------------------------------------------------


def _may_vary(function, name, count):
    """Whether a captured value is a number that may become an argument; not an integer in an exponent.

    A constant exponent is expanded into multiplications, and Numba's power of integers is an integer.
    """
    value = dict(captured(function)).get(name)  # None: captured by a function that it calls
    if not _is_number(value):
        return False
    if name in function.__code__.co_varnames[:count]:  # a default that the call does not use
        return False
    node = definition_of(function)
    declared = [part for part in ast.walk(node) if isinstance(part, ast.Global | ast.Nonlocal)]
    if any(name in part.names for part in declared):
        return False
    return isinstance(value, float) or not any(name == part.id for part in _exponents(node))


def _exponents(node):
    """Names that appear in exponents."""
    for part in ast.walk(node):
        inside = []
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Pow):
            inside = [part.right]
        elif isinstance(part, ast.Call):
            called = getattr(part.func, "id", getattr(part.func, "attr", ""))
            inside = part.args[1:] if called in ("pow", "power", "float_power") else []
        for exponent in inside:
            yield from (inner for inner in ast.walk(exponent) if isinstance(inner, ast.Name))


def _with_arguments(function, varying, count):
    """A function with `varying` captured numbers as arguments after its own `count`, and these numbers."""
    values = dict(captured(function))
    numbers = tuple(values[name] for name in varying)
    constants = {name: value for name, value in values.items() if name not in varying}
    kept = tuple((name, _frozen(value)) for name, value in constants.items())
    key = (function.__code__, varying, count, kept)
    made = _rewritten.get(key)
    if made is None:
        made = _rewritten.remember(key, _rewrite(function, varying, count, constants))
    return made, numbers


def _frozen(value):
    return identity(value) if is_function(value) else frozen(value)


def _rewrite(function, varying, count, constants):
    if not is_source_of(function):  # the file has changed since
        raise NotFrozen("no longer matches its source file")
    node = copy.deepcopy(definition_of(function))
    given = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    own, left_out, rest = given[:count], given[count:], node.args.vararg
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    assigned = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    if (len(own) < count and rest is None) or assigned & {*left_out} - {*varying}:
        raise NotFrozen("does not take the arguments of the call")
    body = node.body
    if rest is not None:
        parts = [f"{rest.arg}_{i}_" for i in range(count - len(own))]
        text = f"{rest.arg} = ({''.join(f'{part}, ' for part in parts)})"
        body = [*(ast.copy_location(part, node) for part in ast.parse(text).body), *body]
        own = [*own, *parts]
    made = ast.parse(f"def function({', '.join([*own, *varying])}): pass").body[0]
    made.name, made.body = node.name, body
    return _function(ast.copy_location(made, node), function, constants)


def _function(node, function, namespace):
    """Compile a definition into a function with the name and file of another, over the given globals."""
    named = copy.copy(node)
    named.name = "__function__"  # "lambda" is not a valid name
    module = ast.fix_missing_locations(ast.Module([named], []))
    namespace = {"__name__": function.__module__, **namespace}
    exec(compile(module, function.__code__.co_filename, "exec"), namespace)
    made = namespace.pop("__function__")
    made.__name__, made.__qualname__ = function.__name__, function.__qualname__
    made.definition = node
    return made


def _forwarding(function, count, first, own, total):
    """A function that takes the numbers of all functions of a solve and passes on only its own."""
    plain = function if isinstance(function, python_types.FunctionType) else function.py_func
    key = (dispatcher_of(function)[1], count, first, own, total)
    made = _rewritten.get(key)
    if made is None:
        names = [f"argument_{i}" for i in range(count)]
        numbers = [f"number_{i}" for i in range(total)]
        handed = ", ".join([*names, *numbers[first : first + own]])
        text = f"def forward({', '.join([*names, *numbers])}):\n    return called({handed})\n"
        node = ast.parse(text).body[0]
        ast.increment_lineno(node, plain.__code__.co_firstlineno - 1)
        made = _rewritten.remember(key, _function(node, plain, {"called": function}))
    return made
