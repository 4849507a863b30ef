"""The operations inside ``@njit`` functions, and their derivatives for `numgd.autodiff`.

Compiled code calls the public functions in Python, through ``objmode``: a call takes the GIL and a few
microseconds, and the kernels run on all cores as always.  `numgd.autodiff` finds the derivative of an
operation in an attribute of its function, as it finds those of `custom_vjp`.
"""

import inspect
import re
import typing
from functools import cache

import numpy as np
from numba import objmode, types
from numba.core.errors import TypingError
from numba.extending import overload

from numgd.autodiff.custom import custom_vjp
from numgd.autodiff.program import Static, Value
from numgd.jit.compilable import freeze
from numgd.jit.generated import generated
from numgd.jit.overloads import refresh
from numgd.jit.portable import OBJECTIVE_FLAGS
from numgd.jit.sources import digest_of_words

_IN_PYTHON = ("out", "statistics", "num_batches_tracked", "return_indices")
"""Arguments that compiled code cannot pass: they are written to, or change the type of the result."""


def make_available(operations):
    """Let compiled code and derivatives call operations."""
    for operation in operations:
        if operation.backward.__name__ == f"{operation.forward.__name__}_backward":
            known = InNjit(operation)
            if known.arrays[:1] == ["x"]:
                KNOWN[operation.name] = operation.forward.custom_derivative = known
                known.overload()
    freeze("numgd.nn.functional")
    refresh()


class InNjit:
    """An operation in compiled code.

    Arguments that are known when the code is compiled, except arrays, become part of it: a `version`.

    Attributes
    ----------
    parameters : dict of str to inspect.Parameter
    arrays : list of str
        The parameters that are arrays; those with gradients first.
    gradients : list of str
        The arrays that `backward` returns the gradients of.
    """

    def __init__(self, operation):
        self.operation = operation
        every = inspect.signature(operation.forward).parameters
        self.parameters = {name: p for name, p in every.items() if name not in _IN_PYTHON}
        self.arrays = [name for name, p in self.parameters.items() if _is_array(p.annotation)]
        self.accepted = inspect.signature(operation.backward).parameters
        returned = typing.get_args(inspect.signature(operation.backward).return_annotation)
        self.gradients = self.arrays[: len(returned) or 1]

    # In derivatives ----------------------------------------------------------------------------------------

    def build(self, builder, node, args, keywords):
        """The result of a call in a program of `numgd.autodiff`."""
        name = self.operation.name
        places = [p.replace(kind=p.POSITIONAL_OR_KEYWORD, default=None) for p in self.parameters.values()]
        try:
            given = inspect.Signature(places).bind(*args, **keywords).arguments
        except TypeError:
            builder.refuse(node, f"a call of {name!r} with these arguments")
        known = {key: _constant(what) for key, what in given.items() if key != "x"}
        options = {key: value for key, value in known.items() if value is not _UNKNOWN}
        values = {key: what for key, what in given.items() if key not in options}
        return self.version(values, options).custom_derivative.build(builder, node, [*values.values()], {})

    def version(self, names, options):
        """The compiled function of the named arguments, for options that are known."""
        defaults = {key: p.default for key, p in self.parameters.items()}
        changed = {key: value for key, value in options.items() if repr(value) != repr(defaults[key])}
        return _version(self, tuple(names), tuple((key, repr(value)) for key, value in changed.items()))

    # In @njit ----------------------------------------------------------------------------------------------

    def overload(self):
        """Register the operation with Numba."""
        heads = [
            key if p.default is p.empty and p.kind is not p.KEYWORD_ONLY else f"{key}={_default(p)!r}"
            for key, p in self.parameters.items()
        ]
        head, names = ", ".join(heads), ", ".join(self.parameters)

        def chosen(*given):
            known = {
                key: _literal(what) for key, what in zip(self.parameters, given, strict=True) if key != "x"
            }
            options = {key: value for key, value in known.items() if value is not _UNKNOWN}
            values = [key for key in self.parameters if key not in options]
            text = f"def implementation({head}):\n    return version({', '.join(values)})\n"
            return _defined(text, "implementation", {"version": self.version(values, options)})

        text = f"def choose({head}):\n    return chosen({names})\n"
        overload(self.operation.forward, prefer_literal=True)(_defined(text, "choose", {"chosen": chosen}))

    # Calls in Python ---------------------------------------------------------------------------------------

    def value(self, axes, x, **arguments):
        """The result, a number or an array that shares no memory with x; Numba does not check what it is."""
        result = self.operation.forward(x, **arguments)
        if result.ndim != axes or result.dtype != x.dtype:
            raise TypeError(f"{self.operation.name} returned an array of another type than declared")
        shared = axes and np.may_share_memory(result, x)
        return result.copy() if shared else result

    def slopes(self, grad, result, **arguments):
        """The gradients of the arrays that are given."""
        # The defaults are those of the operation: its gradient may have others, as that of batch norm has.
        defaults = {key: p.default for key, p in self.parameters.items() if p.default is not p.empty}
        every = {**defaults, **arguments, "y": result}
        passed = {key: value for key, value in every.items() if key in self.accepted}
        found = self.operation.backward(grad, **passed)
        found = found if isinstance(found, tuple) else (found,)
        found = {key: slope for key, slope in zip(self.gradients, found, strict=True) if key in arguments}
        for key, slope in found.items():
            if slope.shape != arguments[key].shape or slope.dtype != arguments[key].dtype:
                raise TypeError(f"{self.operation.name} returned a gradient of another type than {key}")
        return tuple(np.ascontiguousarray(slope) for slope in found.values())


KNOWN: dict[str, InNjit] = {}
"""Name to `InNjit`."""


def value_of(name, axes, **arguments):
    """The result of an operation; compiled code finds it by its name."""
    return KNOWN[name].value(axes, **arguments)


def slopes_of(name, grad, result, **arguments):
    """The gradients of an operation; compiled code finds it by its name."""
    return KNOWN[name].slopes(grad, result, **arguments)


class _Gradient:
    """The derivative of the gradient of an operation: there is none."""

    def __init__(self, name):
        self.name = name

    def digest(self):
        return ""

    def build(self, builder, node, args, keywords):
        builder.refuse(node, f"the gradient of {self.name!r}")


_UNKNOWN = object()


def _is_array(annotation):
    return np.ndarray in (annotation, *typing.get_args(annotation))


def _default(parameter):
    return None if parameter.default is parameter.empty else parameter.default


def _constant(what):
    """What an argument in a program is, if it is known."""
    if isinstance(what, tuple):
        found = tuple(_constant(item) for item in what)
        return _UNKNOWN if _UNKNOWN in found else found
    if isinstance(what, Static) and isinstance(what.value, str | None):
        return what.value
    return _UNKNOWN if not isinstance(what, Value) or what.constant is None else what.constant


def _literal(what):
    """What an argument of a Numba type is, if it is known."""
    if not isinstance(what, types.Type):  # a default
        return what
    if isinstance(what, types.Omitted):
        return what.value
    if isinstance(what, types.NoneType):
        return None
    if isinstance(what, types.BaseTuple):
        found = tuple(_literal(item) for item in what)
        return _UNKNOWN if _UNKNOWN in found else found
    return getattr(what, "literal_value", _UNKNOWN) if isinstance(what, types.Literal) else _UNKNOWN


QUOTE = "'"


@cache
def _version(known, names, options):
    """See `InNjit.version`.  Machine code of what calls it depends on the options, so its name tells them."""
    operation, values = known.operation, dict(options)
    told = [f"{key}_{value.strip(QUOTE)}" for key, value in options]
    name = re.sub(r"\W+", "_", "_".join([operation.name, *told]))
    if options:
        name = f"{name}_{digest_of_words(options)[:6]}"
    arguments = ", ".join([*(f"{key}={key}" for key in names), *(f"{key}={value}" for key, value in options)])
    wanted = [key for key in known.gradients if key in names]

    def make_forward(given):
        x = given[0]
        if not isinstance(x, types.Array) or not isinstance(x.dtype, types.Float):
            raise TypingError(f"{operation.name}: x must be an array of float32 or float64; it is {x}")
        for key in ("activation", "reduction"):
            if key in names:
                raise TypingError(f"{operation.name}: {key} must be a constant in compiled code")
        reduction = known.parameters.get("reduction")
        reduced = reduction is not None and values.get("reduction", repr(reduction.default)) != "'none'"
        result = x.dtype if reduced else types.Array(x.dtype, operation.axes(x.ndim), "C")
        text = f"""\
def {name}({", ".join(names)}):
    with objmode(result=type_of_result):
        result = value_of({operation.name!r}, {0 if reduced else operation.axes(x.ndim)}, {arguments})
    return result
"""
        return _defined(text, name, {"type_of_result": result}), digest_of_words((text, result))

    def make_backward(given):
        arrays = dict(zip(names, given[2:], strict=True))
        kinds = {f"type_of_{key}": types.Array(arrays[key].dtype, arrays[key].ndim, "C") for key in wanted}
        text = f"""\
def {name}_backward(grad, result, {", ".join(names)}):
    with objmode({", ".join(f"{key}_bar=type_of_{key}" for key in wanted)}):
        {"".join(f"{key}_bar, " for key in wanted)} = slopes_of({operation.name!r}, grad, result, {arguments})
    return ({"".join(f"{key}_bar, " if key in wanted else "None, " for key in names)})
"""
        return _defined(text, f"{name}_backward", kinds), digest_of_words((text, *kinds.values()))

    def signature(name, *parameters):
        text = f"def {name}({', '.join(parameters)}):\n    return only_for_its_signature\n"
        return _defined(text, name, {})

    forward = generated(signature(name, *names), make_forward, OBJECTIVE_FLAGS)
    own = signature(f"{name}_backward", "grad", "result", *names)
    backward = generated(own, make_backward, OBJECTIVE_FLAGS)
    backward.custom_derivative = _Gradient(operation.name)
    return custom_vjp(forward, backward)


def _defined(text, name, more):
    """The function that a text defines in this module."""
    own = {"objmode": objmode, "value_of": value_of, "slopes_of": slopes_of}
    namespace = {"__name__": __name__, **own, **more}
    exec(text, namespace)
    return namespace[name]
