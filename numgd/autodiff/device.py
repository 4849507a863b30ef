"""Gradients that allocate nothing, for CUDA kernels.

Reverse mode over elements of arrays: the adjoint of x is the array that receives the gradient, arrays of
constant lengths and their adjoints are local to the thread, and the tape is an argument.  What does not fit
on it is counted, not kept.
"""

from numba import typeof

from numgd.autodiff.analysis import leaves, refused
from numgd.autodiff.derivation import Derivation, kind_of
from numgd.autodiff.program import Apply, For, If, Load, NotDifferentiable, Store, Value, While, walk
from numgd.autodiff.reading import Source
from numgd.autodiff.reverse import Adjoint, Sweep
from numgd.autodiff.rules import DTYPE_NAMES, FILLED, SHAPE, SIZE
from numgd.autodiff.tidying import tidied
from numgd.autodiff.writing import INDENT, Forward


def device_gradient(f, args, argnum, cuda):
    """Value and gradient of a function as a function that allocates nothing, for CUDA kernels.

    Parameters
    ----------
    f : callable
    args : tuple
        Arguments of a call of `f`, for their types.
    argnum : int
        The argument, an array, to differentiate with respect to.
    cuda : module
        The module whose ``local.array`` creates arrays local to a thread.
    """
    derivation = _DeviceDerivation("device_gradient", f, argnum)
    derivation.cuda = cuda
    kinds = [kind_of(typeof(arg), name) for arg, name in zip(args, derivation.names, strict=True)]
    (place,) = derivation.argnums
    return derivation.written((*kinds[: place + 1], *[kinds[place]] * 2, *kinds[place + 1 :]))[0]


class _DeviceDerivation(Derivation):
    cuda = None

    def _vectors(self):
        return self.unused(["g", "tape"]), []

    def text(self, kinds):
        own = self.own_kinds(kinds)
        program, names = self._program(own)
        (x,) = self.moved(program)
        results = leaves(program.result)
        if len(results) != 1 or isinstance(program.result, tuple) or results[0].kind.ndim:
            raise NotDifferentiable(f"{self.plain.__name__}: its result must be one real number")
        refuse = refused(Source(self.target(own)))
        if not x.kind.ndim:
            raise NotDifferentiable(f"{self.plain.__name__}: device_gradient needs an array, not a number")
        gradient, tape = self.vectors
        adjoint = _DeviceAdjoint(program, x, refuse, names, gradient)
        head = self.opening(program) + (f"    tape = {tape}\n" if tape != "tape" else "")
        text = head + "\n".join(adjoint.write(results[0])) + "\n"
        return tidied(text), {**program.externals, "cuda": self.cuda}


class _DeviceAdjoint(Adjoint):
    """The reverse mode with respect to an array, whose adjoint is the array named `gradient`."""

    def __init__(self, program, x, refuse, names, gradient):
        names.used.add("cuda")
        self.x, self.gradient = x, gradient
        self.cells = [names.fresh("cell") for _ in range(4)]
        super().__init__(program, [x], refuse, names, True)
        _check(program, refuse)
        for value in (value for values in self.plan.kept.values() for value in values):
            if value.kind.ndim:
                refuse(value.op.line, "an array that has to be kept on the tape")
            if value.kind.dtype == "i8" and x.kind.dtype == "f4":
                refuse(value.op.line, "an integer that has to be kept on a float32 tape")

    def sweep(self, memory, known, plan):
        return _DeviceSweep(self, memory, known, plan)

    def fill(self, array, lengths, number):
        """Lines that set every element of an array."""
        cells = self.cells[: len(lengths)]
        loops = [
            f"{INDENT * depth}for {cell} in range({length}):"
            for depth, (cell, length) in enumerate(zip(cells, lengths, strict=True))
        ]
        return [*loops, f"{INDENT * len(cells)}{array}[{', '.join(cells)}] = {number}"]

    def write(self, result):
        """The body of the function."""
        forward = _DeviceForward(self)
        forward.line("top = 0")
        forward.block(self.program.body)
        needed = self.names.fresh("needed")
        forward.line(f"{needed} = top")
        forward.line(f"if {needed} > tape.size:")
        forward.line(f"{INDENT}return {result.name}, {needed}")
        sweep = self.sweep(self.memory, self.facts, self.plan)
        sweep.run(["1.0"])
        sweep.line(f"return {result.name}, {needed}")
        return forward.lines + sweep.lines


class _DeviceForward(Forward):
    def __init__(self, adjoint):
        super().__init__(adjoint.plan.kept, adjoint.counted, adjoint.needed)
        self.adjoint = adjoint

    def op(self, op):
        if not (isinstance(op, Apply) and op.rule in FILLED.values() and self.wants(op)):
            super().op(op)
            return
        self.line(f"{op.result.name} = {_local(op.result)}")
        number = {"zeros": "0", "ones": "1"}.get(op.rule.name)
        for text in self.adjoint.fill(op.result.name, _lengths(op.result), number) if number else ():
            self.line(text)

    def reserved_for(self, op):
        return 0  # the tape has a fixed size, which each push checks

    def grow(self, size):
        self.line(f"if {size} <= tape.size:")

    def push(self, scalars):
        self.depth += 1
        super().push(scalars)
        self.depth -= 1


class _DeviceSweep(Sweep):
    def start(self, value):
        if value is self.adjoint.x:
            self.bars[value] = self.adjoint.gradient
            self.zero(value, [f"{self.adjoint.gradient}.shape[{axis}]" for axis in range(value.kind.ndim)])
        else:
            super().start(value)

    def blank(self, name, value):
        self.line(f"{name} = {_local(value)}")
        self.zero(value, _lengths(value), name)

    def zero(self, value, lengths, name=None):
        for text in self.adjoint.fill(name or self.bars[value], lengths, "0"):
            self.line(text)


def _lengths(array):
    return [arg.name for arg in array.op.args]


def _local(array):
    """An array local to the thread, as text."""
    return f"cuda.local.array(({', '.join(_lengths(array))},), {DTYPE_NAMES[array.kind.dtype]})"


def _check(program, refuse):
    """Reject operations on whole arrays."""
    for op in walk(program.body):
        if isinstance(op, Apply):
            constant = op.rule in FILLED.values() and all(arg.constant is not None for arg in op.args)
            whole = op.result.kind.ndim or any(arg.kind.ndim for arg in op.args)
            if whole and not constant and op.rule not in (SHAPE, SIZE):
                refuse(op.line, f"{op.rule.name} of whole arrays on a device")
        elif isinstance(op, Load) and op.result.kind.ndim and op.result.base is None:
            refuse(op.line, "an array as index on a device")
        elif isinstance(op, Store):
            numbers = sum(1 for item in op.index if isinstance(item, Value))
            if op.value.kind.ndim or numbers != op.array.kind.ndim:
                refuse(op.line, "writing a whole array on a device")
        elif isinstance(op, If):
            if any(m.out.kind.ndim for m in op.merged):
                refuse(op.line, "an array that a branch sets on a device")
        elif isinstance(op, For | While) and any(c.inner.kind.ndim for c in op.carried):
            refuse(op.line, "an array that a loop sets on a device")
