"""Generation and compilation of derivatives, by dispatchers that write a function for the types of a call."""

import inspect
import math
from collections.abc import Hashable
from functools import lru_cache

import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher

from numgd.autodiff import building, helpers
from numgd.autodiff.analysis import closed, leaves, prune, refused
from numgd.autodiff.forward import tangents
from numgd.autodiff.products import HESSIAN, IN_REVERSE, IN_REVERSE_MODES, JACOBIAN_MODES, JACOBIANS, LANES
from numgd.autodiff.program import Apply, Kind, Names, NotDifferentiable, Static, Value, walk
from numgd.autodiff.reading import Source, plain_function
from numgd.autodiff.reverse import Adjoint
from numgd.autodiff.tidying import tidied
from numgd.autodiff.writing import Forward
from numgd.jit.generated import function_of, generated
from numgd.jit.portable import OBJECTIVE_FLAGS, PLAIN_FLAGS
from numgd.jit.sources import made_from

_NAMESPACE = {"np": np, "math": math, "helpers": helpers}


class Derivation:
    """One derivative of one function, and how it is written.

    Parameters
    ----------
    mode : str
        ``'grad'``, ``'value_and_grad'``, ``'vjp'``, ``'jvp'``, ``'hessp'``, ``'jacobian'`` or ``'hessian'``;
        ``'jvps'`` and ``'hessps'`` write products with LANES vectors, in one pass, to as many output vectors;
        ``'value_and_grad_to'`` writes the gradient to another vector, and returns the value;
        ``'value'`` is the function itself, of the same program.
    function : callable
    argnum : int or tuple of int
    """

    def __init__(self, mode, function, argnum):
        self.mode, self.function, self.argnum = mode, function, argnum
        try:
            self.plain = plain_function(function)
        except NotDifferentiable as error:
            raise TypeError(str(error)) from None
        name = "lambda_" if self.plain.__name__ == "<lambda>" else self.plain.__name__
        self.name = f"{mode}_of_{name}"
        parameters = list(inspect.signature(self.plain).parameters.values())
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        if any(parameter.kind in kinds for parameter in parameters):
            raise NotDifferentiable(f"{name}: a function with *args or **kwargs cannot be differentiated")
        self.names = [parameter.name for parameter in parameters]
        self.argnums = self._checked(argnum, len(parameters))
        self.parameters = [(p.name, p.default) for p in parameters]
        self.vectors, self.outputs = self._vectors()
        if mode not in ("grad", "value_and_grad", "jacobian") and not isinstance(argnum, int):
            raise TypeError(f"argnum must be an int for {mode}; it is {argnum!r}")
        place = self.argnums[0] + 1
        if self.vectors or self.outputs:  # these have no defaults, so neither can those before them
            self.parameters[:place] = [(name, inspect.Parameter.empty) for name in self.names[:place]]
        self.parameters[place:place] = [
            (name, inspect.Parameter.empty) for name in self.vectors + self.outputs
        ]
        self.texts = {}
        self.given = set()  # names of the functions whose derivatives the user has written
        self.kept = True  # whether it is certain what the machine code depends on

    def _checked(self, argnum, count):
        single = isinstance(argnum, int) and not isinstance(argnum, bool)
        numbers = (argnum,) if single else argnum
        if not isinstance(numbers, tuple) or not all(isinstance(n, int) for n in numbers) or not numbers:
            raise TypeError(f"argnum must be an int or a tuple of ints; it is {argnum!r}")
        for number in numbers:
            if not -count <= number < count:
                raise ValueError(f"argnum is {number}, but {self.plain.__name__} takes {count} arguments")
        return tuple(number % count for number in numbers)

    def _vectors(self):
        """Names of the vectors after the argument of differentiation, and of those that are written to."""
        if self.mode == "value_and_grad_to":
            return [], self.unused(["gradient"])
        letter = {"vjp": "u", "jvp": "v", "hessp": "p", "jvps": "v", "hessps": "p"}.get(self.mode)
        if letter is None:
            return [], []
        if self.mode in ("jvps", "hessps"):
            return tuple(self.unused([f"{kind}{i}" for i in range(LANES)]) for kind in (letter, "out"))
        return self.unused([letter]), []

    def unused(self, names):
        """Similar names that are not those of parameters."""
        found = []
        for name in names:
            while name in self.names:
                name += "_"
            found.append(name)
        return found

    def signature(self):
        """A function with the signature of the derivative."""
        texts, defaults = [], {}
        for i, (name, default) in enumerate(self.parameters):
            if default is inspect.Parameter.empty:
                texts.append(name)
            else:
                defaults[f"default_{i}"] = default
                texts.append(f"{name}=default_{i}")
        # Never compiled, except by CUDA kernels, where the undefined name is the error message.
        body = "return in_a_CUDA_kernel_use_numgd_device_gradient"
        exec(f"def {self.name}({', '.join(texts)}):\n    {body}\n", defaults)
        function = defaults[self.name]
        function.__doc__ = f"{self.mode} of {self.plain.__name__}, compiled for the types of each call."
        return function

    # Texts ---------------------------------------------------------------------------------------------

    def make(self, numba_types):
        """The function for arguments of the given types, and its digest."""
        pairs = zip(numba_types, self.parameters, strict=True)
        try:
            kinds = tuple(kind_of(numba_type, name) for numba_type, (name, _) in pairs)
        except NotDifferentiable as error:
            code = self.plain.__code__
            where = f"{self.plain.__name__} ({code.co_filename}:{code.co_firstlineno})"
            raise NotDifferentiable(f"{where}: {error}") from None
        return self.written(kinds)

    def written(self, kinds):
        """The function for arguments of the given kinds, and its digest."""
        if kinds not in self.texts:
            text, namespace = self.text(kinds)
            called = [namespace[name] for name in sorted(namespace)]
            given = [thing.custom_derivative for thing in called if hasattr(thing, "custom_derivative")]
            digests = [rule.digest() for rule in given]
            self.given |= {rule.name for rule in given}
            self.kept &= None not in digests
            function, digest = function_of(text, self.name, {**_NAMESPACE, **namespace}, *digests)
            self.texts[kinds] = (text, function, digest if self.kept else "")
        return self.texts[kinds][1:]

    def text(self, kinds):
        """Source text of the derivative, and the objects that it refers to."""
        writer = {
            "grad": self._reverse, "value_and_grad": self._reverse, "value_and_grad_to": self._reverse,
            "vjp": self._reverse,
            "jvp": self._forward, "hessp": self._hessp, "jvps": self._forward, "hessps": self._hessp,
            "jacobian": self._jacobian, "hessian": self._hessian, "value": self._value,
        }[self.mode]  # fmt: skip
        return writer(kinds)

    def head(self):
        return f"def {self.name}({', '.join(name for name, _ in self.parameters)}):\n"

    def own_kinds(self, kinds):
        """The kinds of the function's own arguments."""
        place = self.argnums[0] + 1
        return kinds[:place] + kinds[place + len(self.vectors) + len(self.outputs) :]

    def moved(self, program):
        """The parameters to differentiate with respect to."""
        found = []
        for number in self.argnums:
            name, what = program.parameters[number]
            if not isinstance(what, Value) or not what.kind.real:
                raise NotDifferentiable(
                    f"{self.plain.__name__}: the argument {name!r} is not real and has no derivative"
                )
            found.append(what)
        return found

    def _program(self, kinds):
        names = Names()
        names.used |= {*self.vectors, *self.outputs}
        return building.build(self.target(kinds), kinds, names), names

    def target(self, kinds):
        """The function whose source is differentiated: for a derivative, its version for the given kinds."""
        inner = inner_derivation(self.function)
        return self.function if inner is None else inner.written(kinds)[0]

    def opening(self, program):
        """The first lines: the definition, and new names for parameters whose own names are taken."""
        renamed = [
            f"    {what.name} = {name}\n"
            for name, what in program.parameters
            if isinstance(what, Value) and what.name != name
        ]
        return self.head() + "".join(renamed)

    def _reverse(self, kinds):
        program, names = self._program(self.own_kinds(kinds))
        independent = self.moved(program)
        results = leaves(program.result)
        if len(results) != 1 or isinstance(program.result, tuple):
            raise NotDifferentiable(f"{self.plain.__name__}: its result must be a single number or array")
        (result,) = results
        if self.mode == "vjp":
            (seed,) = self.vectors
        elif result.kind.ndim or not result.kind.real:
            raise NotDifferentiable(
                f"{self.plain.__name__}: its result must be one real number; use jacobian"
            )
        else:
            seed = "1.0"
        refuse = refused(Source(self.target(self.own_kinds(kinds))))
        if self.outputs and independent[0].kind.ndim != 1:
            raise NotDifferentiable(f"{self.plain.__name__}: the gradient must be with respect to a vector")
        with_value = self.mode.startswith("value_and_grad")
        adjoint = Adjoint(program, independent, refuse, names, with_value, self.outputs)
        lines, gradients = adjoint.write([seed])
        answer = gradients[0] if isinstance(self.argnum, int) else f"({', '.join(gradients)},)"
        if with_value:
            answer = result.name if self.outputs else f"{result.name}, {answer}"
        text = self.opening(program) + "\n".join(lines) + f"\n    return {answer}\n"
        return tidied(text), program.externals

    def _forward(self, kinds, function=None):
        own = self.own_kinds(kinds)
        names = Names()
        names.used |= {*self.vectors, *self.outputs}
        program = building.build(function or self.target(own), own, names)
        moved = self.moved(program)
        if self.mode == "jacobian":  # with respect to several numbers
            directions = [{value: "1.0"} for value in moved]
        else:
            directions = [{moved[0]: vector} for vector in self.vectors]
        lines, dots = tangents(program, directions, names, self.outputs)
        if isinstance(program.result, tuple):
            answers = [f"({', '.join(texts)},)" for texts in dots]
        else:
            answers = [text for (text,) in dots]
        if self.outputs:
            answers = ["0"]
        answer = answers[0] if self.mode in ("jvp", "hessp") else f"({', '.join(answers)},)"
        text = self.opening(program) + "\n".join(lines) + f"\n    return {answer}\n"
        return tidied(text), program.externals

    def _hessp(self, kinds):
        gradient = Derivation("grad", self.function, self.argnum).written(self.own_kinds(kinds))[0]
        return self._forward(kinds, gradient)

    def _value(self, kinds):
        program, _ = self._program(kinds)
        prune(program)
        results = leaves(program.result)
        writer = Forward(needed=closed(program, results))
        writer.block(program.body)
        (result,) = results
        text = self.opening(program) + "\n".join(writer.lines) + f"\n    return {result.name}\n"
        return tidied(text), program.externals

    def _by_products(self, kinds, template, **modes):
        """A Jacobian from products with unit vectors, in the modes that names in the template stand for."""
        names = Names()
        names.used |= set(self.names)
        hints = ("direction", "row", "y", "out", "i", "k", "count", *modes)
        own = {hint: names.fresh(hint) for hint in hints}
        place = self.argnums[0]
        x, before, after = self.names[place], self.names[: place + 1], self.names[place + 1 :]
        own["call"] = ", ".join([*before, own["direction"], *after])
        own["row_call"] = ", ".join([*before, own["row"], *after])
        rows = [f"{own['direction']}[{k}]" for k in range(LANES)]
        rows += [f"{own['out']}[{own['i']} + {k}]" for k in range(LANES)]
        own["lanes_call"] = ", ".join([*before, *rows, *after])
        own["own_call"] = ", ".join(self.names)
        vector = Kind(kinds[place].dtype, kinds[place].ndim)
        called, digests = {}, []
        for name, mode in modes.items():
            called[own[name]] = product = derived(mode, self.function, place)
            made = product.derivation
            vectors = (vector,) * (len(made.vectors) + len(made.outputs))
            digests.append(made.written((*kinds[: place + 1], *vectors, *kinds[place + 1 :]))[1])
            self.given |= made.given
            self.kept &= made.kept
        # The machine code is kept under a digest of the text, which must therefore name what the text calls.
        body = f"    # calls {', '.join(digests)}\n" + template.format(x=x, LANES=LANES, **own)
        return self.head() + body, called

    def _jacobian(self, kinds):
        place = self.argnums[0]
        program, _ = self._program(kinds)
        result = program.result
        if not isinstance(self.argnum, int):
            if any(kinds[number].ndim for number in self.argnums) or isinstance(result, tuple):
                raise NotDifferentiable(
                    f"{self.plain.__name__}: with several arguments jacobian takes numbers"
                )
            return self._forward(kinds)
        if isinstance(result, tuple) or result.kind.ndim > 1 or kinds[place].ndim > 1:
            raise NotDifferentiable(f"{self.plain.__name__}: jacobian takes and returns numbers or vectors")
        shape = (kinds[place].ndim, result.kind.ndim)
        if all(op.rule.has_tangent(op) for op in walk(program.body) if isinstance(op, Apply)):
            return self._by_products(kinds, JACOBIANS[shape], **JACOBIAN_MODES[shape])
        return self._by_products(kinds, IN_REVERSE[shape], **IN_REVERSE_MODES[shape])

    def _hessian(self, kinds):
        place = self.argnums[0]
        if kinds[place].ndim > 1:
            raise NotDifferentiable(f"{self.plain.__name__}: hessian is with respect to a number or a vector")
        if kinds[place].ndim:
            return self._by_products(kinds, HESSIAN, product="hessps")
        return self._by_products(kinds, JACOBIANS[0, 0], product="hessp")


def inner_derivation(function):
    """The `Derivation` of a function that is itself a derivative, else None."""
    return getattr(function, "derivation", None)


def flags_of(function):
    """Compiler flags for derivatives of a function: they check indices if the function does, as in Python.

    Its permission to reorder arithmetic (``fastmath``) applies to them too.
    """
    options = function.targetoptions if isinstance(function, Dispatcher) else {}
    checked = not options or options.get("boundscheck")
    flags = PLAIN_FLAGS if checked else OBJECTIVE_FLAGS
    return {**flags, "fastmath": options["fastmath"]} if options.get("fastmath") else flags


def kind_of(numba_type, name):
    """The kind in a program of a Numba type."""
    if isinstance(numba_type, types.Omitted):
        return Static(numba_type.value)
    if isinstance(numba_type, types.Literal):
        numba_type = numba_type.literal_type
    if isinstance(numba_type, types.Array):
        return Kind(_dtype(numba_type.dtype, name), numba_type.ndim, numba_type.layout)
    if isinstance(numba_type, types.BaseTuple):
        return tuple(kind_of(item, name) for item in numba_type)
    if isinstance(numba_type, types.NoneType):
        return Static(None)
    if isinstance(numba_type, types.Dispatcher):
        return Static(numba_type.dispatcher)
    if isinstance(numba_type, types.Number | types.Boolean):
        return Kind(_dtype(numba_type, name))
    raise NotDifferentiable(f"the argument {name!r} of type {numba_type} cannot be differentiated through")


def _dtype(numba_type, name):
    if isinstance(numba_type, types.Float):
        return "f4" if numba_type.bitwidth == 32 else "f8"
    if isinstance(numba_type, types.Boolean):
        return "b1"
    if isinstance(numba_type, types.Integer):
        return "i8"
    raise NotDifferentiable(f"the argument {name!r} of type {numba_type} cannot be differentiated through")


def derived(mode, function, argnum):
    """The dispatcher of a derivative, one per function."""
    try:
        return _derived(mode, function, argnum)
    except TypeError as error:
        if not isinstance(function, Hashable):
            raise TypeError(f"{mode} takes a function; it got {function!r}") from error
        if not isinstance(argnum, Hashable):
            raise TypeError(f"argnum must be an int or a tuple of ints; it is {argnum!r}") from error
        raise


@lru_cache(1024)
def _derived(mode, function, argnum):
    derivation = Derivation(mode, function, argnum)
    found = generated(derivation.signature(), derivation.make, flags_of(function))
    found.derivation = derivation
    made_from(found, function, mode, argnum)
    number = "" if argnum == 0 else f", argnum={argnum!r}"
    of = derivation.plain.__name__ if inner_derivation(function) is None else repr(function)
    found.description = f"{mode}({of}{number})"
    return found
