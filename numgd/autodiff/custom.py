"""Functions whose derivatives the user has written.

In a program, a call of such a function is one operation, an instance of `Given`.  Reverse mode calls
`backward` and forward mode `forward`; if only the other one is given, it is used where it determines the
derivative.  Second derivatives differentiate the source of what is given.
"""

import ast
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from numba import njit, types
from numba.core.dispatcher import Dispatcher

from numgd.autodiff.derivation import derived, flags_of, kind_of
from numgd.autodiff.program import DoesNotFit, Kind, Names, NotDifferentiable, Static
from numgd.autodiff.rules import ArrayRule
from numgd.autodiff.writing import INDENT, zero
from numgd.jit.compilable import dispatcher_of, error_line, name_of, reason_for, result_type
from numgd.jit.kept import keep
from numgd.jit.portable import check_compilation
from numgd.jit.sources import foreign_digest, made_from


def custom_vjp(f: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """A function with a derivative of its own for reverse mode.

    Parameters
    ----------
    f : callable
        A plain Python or ``@njit`` function of numbers, arrays and tuples of them.  It returns a number or a
        new array and changes none of its arguments.  It is compiled; its source is not differentiated.
    backward : callable
        ``backward(grad, result, *args)`` returns the cotangents of the arguments: a tuple with one for each
        argument of `f`, in order, of its shape.  The last ones can be omitted, and a single one need not be
        in a tuple.  None stands for the cotangent of an argument that has none, such as an integer;
        derivatives with respect to this argument are refused.  `grad` has the shape and dtype of `result`,
        and may be overwritten; `result` and `args` may not.

    Returns
    -------
    callable
        A compiled function, to be called as `f` from Python and ``@njit`` code, and differentiated with it.

    Raises
    ------
    TypeError
        If `f` or `backward` is not a function that can be compiled, or `backward` does not take
        ``(grad, result, *args)``.

    Notes
    -----
    Both functions are compiled, together with the plain functions that they call.  What `backward` returns is
    checked when the derivative is generated (number and types of the cotangents) and when it runs (their
    shapes).  Solvers compare its values with differences, as they do for derivatives that numgd generates.

    Forward mode (`jvp`, `hessp`, `hessian`) uses `backward` if the result of `f` is a number; if it is an
    array, it needs `custom_jvp`.  ``custom_jvp(custom_vjp(f, backward), forward)`` has both.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> def root(a):
    ...     y = 1.0
    ...     while abs(y * y * y - a) > 1e-14 * a:
    ...         y -= (y * y * y - a) / (3.0 * y * y)
    ...     return y
    >>> def backward(grad, y, a):
    ...     return grad / (3.0 * y * y)
    >>> cube_root = numgd.autodiff.custom_vjp(root, backward)
    >>> numgd.grad(lambda x: cube_root(x[0]) * x[1])(np.array([8.0, 12.0]))
    array([1., 2.])
    """
    return _given(f, "backward", backward)


def custom_jvp(f: Callable[..., Any], forward: Callable[..., Any]) -> Callable[..., Any]:
    """A function with a derivative of its own for forward mode.

    Parameters
    ----------
    f : callable
        As for `custom_vjp`.
    forward : callable
        ``forward(*tangents, result, *args)`` returns the tangent of the result, of its shape.  There is one
        tangent for each argument of `f`, of the same shape; it is zero if the argument does not move.
        `forward` is linear in the tangents.

    Returns
    -------
    callable
        A compiled function, to be called as `f` from Python and ``@njit`` code, and differentiated with it.

    Raises
    ------
    TypeError
        If `f` or `forward` is not a function that can be compiled, or `forward` does not take
        ``(*tangents, result, *args)``.

    Notes
    -----
    Reverse mode (`grad`, `vjp`) differentiates the source of `forward` with respect to the tangents, which
    gives its transpose; `custom_vjp` replaces this.  See there for what is checked.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> def forward(a_dot, b_dot, result, a, b):
    ...     return a_dot * b + a * b_dot
    >>> product = numgd.autodiff.custom_jvp(lambda a, b: a * b, forward)
    >>> numgd.grad(product)(2.0, 5.0)
    5.0
    """
    return _given(f, "forward", forward)


# The function ----------------------------------------------------------------------------------------------


def _given(f, word, function):
    """A dispatcher that calls `f`, with the derivative that is its `backward` or `forward`."""
    check_compilation()
    called, plain = _compiled("f", f)
    parameters = inspect.signature(plain).parameters.values()
    if not parameters or any(parameter.kind > parameter.POSITIONAL_OR_KEYWORD for parameter in parameters):
        raise TypeError(f"f must take a fixed number of arguments, at least one; it is {name_of(plain)}")
    derivative, own = _compiled(word, function)
    names = [parameter.name for parameter in parameters]
    dots = [f"{name}_dot" for name in names]
    takes = ["grad", "result", *names] if word == "backward" else [*dots, "result", *names]
    try:
        inspect.signature(own).bind(*takes)
    except TypeError:
        raise TypeError(f"{word} must take the arguments ({', '.join(takes)})") from None
    old = getattr(f, "custom_derivative", None)
    both = {given: getattr(old, given, None) for given in ("backward", "forward")} | {word: derivative}
    found = njit(**flags_of(f))(_calling(called, plain, parameters))
    found.custom_derivative = Given(found, called, plain, **both)
    keep(found, name_of(plain), (called,), "called")
    return made_from(found, (called, *both.values()), "custom derivative")


def _compiled(argument, function):
    """The dispatcher of a given function, and its plain function."""
    if not isinstance(function, FunctionType | Dispatcher):
        raise TypeError(f"{argument} must be a Python or @njit function; it is {function!r}")
    dispatcher, _ = dispatcher_of(function)
    if dispatcher is None:
        raise TypeError(
            f"{argument} must be a function that can be compiled; {name_of(function)} {reason_for(function)}"
        )
    return dispatcher, dispatcher.py_func


def _calling(called, plain, parameters):
    """A function that calls another one, with the same parameters and defaults."""
    own = Names()
    own.used |= {p.name for p in parameters}
    name, target = own.fresh(name_of(plain)), own.fresh("called")
    defaults = {p.name: own.fresh(f"default_of_{p.name}") for p in parameters if p.default is not p.empty}
    heads = [f"{p.name}={defaults[p.name]}" if p.name in defaults else p.name for p in parameters]
    text = f"def {name}({', '.join(heads)}):\n    return {target}({', '.join(p.name for p in parameters)})\n"
    namespace = {"__name__": __name__, target: called}
    namespace |= {defaults[p.name]: p.default for p in parameters if p.name in defaults}
    exec(compile(text, plain.__code__.co_filename, "exec"), namespace)
    found = namespace[name]
    found.__doc__ = plain.__doc__
    (found.definition,) = ast.parse(text).body  # whose parameters matter, not its body
    return found


# The operation ---------------------------------------------------------------------------------------------


class Given(ArrayRule):
    """A call of a function whose derivative is given, as an operation of a program."""

    def __init__(self, function, called, plain, backward, forward):
        super().__init__(name_of(plain))
        self.function, self.called = function, called
        self.backward, self.forward = backward, forward
        self.signature = inspect.signature(plain)

    def digest(self):
        """A digest of all three functions, None if it is not certain what they depend on."""
        return foreign_digest((self.function,), plain=True)

    def build(self, builder, node, args, keywords):
        """The result of a call."""
        try:
            bound = self.signature.bind(*args, **keywords)
        except TypeError:
            builder.refuse(node, f"a call of {self.name!r} with these arguments")
        arguments = tuple(
            bound.arguments[name] if name in bound.arguments else builder.object(parameter.default, node)
            for name, parameter in self.signature.parameters.items()
        )
        values = []
        numbered = self._numbered(arguments, values, builder, node)
        options = {"arguments": numbered, "call": self._external(builder, self.function, self.name)}
        for word, function in (("backward", self.backward), ("forward", self.forward)):
            if function is not None:
                options[word] = self._external(builder, function, f"{self.name}_{word}")
        if self.backward is None:
            options["transposed"] = {
                place: self._external(builder, derived("vjp", self.forward, place), f"{self.name}_transposed")
                for place, part in enumerate(numbered)
                if isinstance(part, int) and values[part].kind.real
            }
        kinds = _types(numbered, [value.kind for value in values])
        try:
            answer = result_type(self.called, kinds)
        except Exception as error:  # Numba raises errors of many kinds for what it cannot compile
            raise NotDifferentiable(f"{self.name} cannot be compiled: {error_line(error)}") from None
        options["kind"] = kind_of(answer, f"the result of {self.name}")
        if not isinstance(options["kind"], Kind):
            builder.refuse(node, f"{self.name!r}, which returns {answer} and not a number or an array,")
        return builder.apply(self, values, node, **options)

    def _numbered(self, what, values, builder, node):
        """Arguments with the position in `values` in place of each value."""
        if isinstance(what, tuple):
            return tuple(self._numbered(item, values, builder, node) for item in what)
        if isinstance(what, Static) and isinstance(what.value, str | None):
            return what
        values.append(builder.value(what, node))
        return len(values) - 1

    def _external(self, builder, function, hint):
        """The name of a function in the program."""
        for name, thing in builder.externals.items():
            if thing is function:
                return name
        name = builder.names.fresh(hint)
        builder.externals[name] = function
        return name

    def has_tangent(self, op):
        return self.forward is not None or not op.result.kind.ndim

    def kind(self, kinds, options):
        return options["kind"]

    def layout(self, kinds, options):
        return options["kind"].layout

    def text(self, args, op):
        return _call(op.options["call"], *_texts(op.options["arguments"], args))

    # Reverse mode ------------------------------------------------------------------------------------------

    def adjoint(self, em, op):
        g, kind = em.bar(op.result, full=True), op.result.kind
        if kind.dtype == "f4":
            g = f"helpers.single({g})"
        if kind.ndim and kind.layout == "C":  # other adjoints may share its memory: a copy
            g = f"{g}.copy()"
        if self.backward is not None:
            for arg, text in self._cotangents(em, op, g, [arg.active for arg in op.args]):
                em.add(arg, text)
            return
        self._check_forward(op)
        result, args = em.val(op.result), _texts(op.options["arguments"], [em.val(arg) for arg in op.args])
        for place, name in op.options["transposed"].items():
            arg = op.args[op.options["arguments"][place]]
            if arg.active:  # at any tangents, as `forward` is linear in them
                em.add(arg, _call(name, *args[: place + 1], g, *args[place + 1 :], result, *args))
        for part in op.options["arguments"]:
            if isinstance(part, tuple) and any(op.args[i].active for i in _positions(part)):
                raise NotDifferentiable(
                    f"line {op.line}: reverse mode needs a custom_vjp of {self.name}, which takes a tuple"
                )

    def _cotangents(self, em, op, g, wanted):
        """Write a call of `backward`, and give pairs of an operand and its cotangent."""
        arguments = op.options["arguments"]
        types_ = _types(arguments, [arg.kind for arg in op.args])
        result = _type(op.result.kind)
        answer = self._answer("backward", (result, result, *types_))
        call = _call(
            op.options["backward"], g, em.val(op.result), *_texts(arguments, [em.val(a) for a in op.args])
        )
        part = em.name(call)
        if not isinstance(answer, types.BaseTuple):
            answer, part = (answer,), [part]
        elif len(answer) > len(arguments):
            raise DoesNotFit(
                f"backward of {self.name} returns {len(answer)} cotangents for {len(arguments)} arguments"
            )
        found = []
        for place, (name, argument) in enumerate(zip(self.signature.parameters, arguments, strict=True)):
            given = answer[place] if place < len(answer) else types.none
            text = part[place] if isinstance(part, list) and place < len(part) else f"{part}[{place}]"
            found += self._parts(em, op, wanted, name, argument, given, text)
        return found

    def _parts(self, em, op, wanted, name, argument, given, text):
        """Pairs of an operand and its cotangent, of one argument, which may be a tuple."""
        if isinstance(argument, tuple):
            if not any(wanted[position] for position in _positions(argument)):
                return []
            if not isinstance(given, types.BaseTuple) or len(given) != len(argument):
                size = len(argument)
                raise DoesNotFit(
                    f"backward of {self.name} returns {given} as the cotangent of {name}, a tuple of {size}"
                )
            return [
                pair
                for i, (inner, type_) in enumerate(zip(argument, given, strict=True))
                for pair in self._parts(em, op, wanted, f"{name}[{i}]", inner, type_, f"{text}[{i}]")
            ]
        if isinstance(argument, Static) or not wanted[argument]:
            return []
        arg = op.args[argument]
        what = f"backward of {self.name} returns {{}} as the cotangent of {name}"
        if isinstance(given, types.NoneType):
            raise DoesNotFit(f"backward of {self.name} returns no cotangent of {name}")
        self._check(given, arg, what)
        return [(arg, self._shaped(em, text, em.val(arg), given, what))]

    # Forward mode ------------------------------------------------------------------------------------------

    def tangent(self, em, op):
        if self.forward is None:
            return self._tangent_by_backward(em, op)
        given = self._check_forward(op)
        values = [em.val(arg) for arg in op.args]
        dots = [self._dot(em, arg, value) for arg, value in zip(op.args, values, strict=True)]
        arguments, result = op.options["arguments"], em.val(op.result)
        call = _call(op.options["forward"], *_texts(arguments, dots), result, *_texts(arguments, values))
        return self._shaped(
            em, call, result, given, f"forward of {self.name} returns {{}} as the tangent of the result"
        )

    def _dot(self, em, arg, value):
        """The tangent of an operand, zero if it does not move."""
        if arg in em.dots:
            return f"np.float32({em.dot(arg)})" if arg.kind == Kind("f4") else em.dot(arg)
        return f"np.zeros_like({value})" if arg.kind.ndim else zero(arg.kind)

    def _tangent_by_backward(self, em, op):
        if op.result.kind.ndim:
            raise NotDifferentiable(
                f"line {op.line}: forward mode needs a custom_jvp of {self.name}, whose result is an array"
            )
        one = "np.float32(1.0)" if op.result.kind.dtype == "f4" else "1.0"
        pairs = self._cotangents(em, op, one, [arg in em.dots for arg in op.args])
        terms = [
            f"np.sum({text} * {em.dot(arg)})" if arg.kind.ndim else f"{text} * {em.dot(arg)}"
            for arg, text in pairs
        ]
        return " + ".join(terms)

    # What is given must fit --------------------------------------------------------------------------------

    def _check_forward(self, op):
        """The type of what `forward` returns, which must fit the result."""
        types_ = _types(op.options["arguments"], [arg.kind for arg in op.args])
        given = self._answer("forward", (*types_, _type(op.result.kind), *types_))
        self._check(given, op.result, f"forward of {self.name} returns {{}} as the tangent of the result")
        return given

    def _answer(self, word, types_):
        """The type that a given function returns."""
        try:
            return result_type(getattr(self, word), types_)
        except Exception as error:
            raise DoesNotFit(f"{word} of {self.name} cannot be compiled: {error_line(error)}") from None

    def _check(self, given, value, what):
        """Reject a type that is not that of a derivative of a value."""
        number = getattr(given, "dtype", given)
        real = isinstance(number, types.Float) or (given is number and isinstance(number, types.Integer))
        if not real or getattr(given, "ndim", 0) != value.kind.ndim:
            raise DoesNotFit(f"{what.format(given)}, which is {_type(value.kind)}")

    def _shaped(self, em, text, like, given, what):
        """The text of a derivative, after the lines that check its shape."""
        if isinstance(given, types.Integer):
            return f"float({text})"
        if not isinstance(given, types.Array):
            return text
        part = em.name(text)
        em.line(f"if not helpers.alike({part}, {like}):")
        em.line(f"{INDENT}raise ValueError({what.format('an array of another shape')!r})")
        return part


def _call(name, *arguments):
    return f"{name}({', '.join(arguments)})"


def _texts(numbered, names):
    """Arguments as text."""
    return [_text(item, names) for item in numbered]


def _text(item, names):
    if isinstance(item, tuple):
        return f"({''.join(f'{_text(inner, names)}, ' for inner in item)})"
    return repr(item.value) if isinstance(item, Static) else names[item]


def _types(numbered, kinds):
    """The Numba types of arguments."""
    return tuple(_type_of(item, kinds) for item in numbered)


def _type_of(item, kinds):
    if isinstance(item, tuple):
        return types.BaseTuple.from_types(_types(item, kinds))
    if isinstance(item, Static):
        return types.none if item.value is None else types.unicode_type
    return _type(kinds[item])


def _type(kind):
    """The Numba type of a kind."""
    number = {"f8": types.float64, "f4": types.float32, "i8": types.intp, "b1": types.boolean}[kind.dtype]
    return types.Array(number, kind.ndim, kind.layout) if kind.ndim else number


def _positions(item):
    """The positions of the values in an argument."""
    if isinstance(item, tuple):
        return [position for inner in item for position in _positions(inner)]
    return [item] if isinstance(item, int) else []
