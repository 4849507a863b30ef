"""A function as seen by differentiation: every value has one name, every operation stands alone.

Loops and branches are kept (as blocks within operations); a variable that a loop carries or that two branches
set becomes a value with a separate name on either side.
"""

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class NotDifferentiable(TypeError):
    """A construct that cannot be differentiated; the message names it, its function and its line."""


class DoesNotFit(NotDifferentiable):
    """Raised if a derivative that the user has written does not fit its function."""


class Kind(NamedTuple):
    """The type of a value: ``'f8'``, ``'f4'``, ``'i8'`` or ``'b1'``, its number of dimensions, and layout.

    The layout of an array is the one that Numba knows at compile time: ``'C'``, ``'F'`` or ``'A'`` (any).
    It determines what is a view and what is a copy.
    """

    dtype: str
    ndim: int = 0
    layout: str = "C"

    @property
    def real(self):
        """Whether the value can have a derivative."""
        return self.dtype[0] == "f"


FLOAT, INTEGER, BOOLEAN = Kind("f8"), Kind("i8"), Kind("b1")
_ORDER = ("b1", "i8", "f4", "f8")


def promoted(*dtypes):
    """Result dtype of arithmetic between dtypes, as in Numba."""
    if "f4" in dtypes and "i8" in dtypes:
        return "f8"
    return max(dtypes, key=_ORDER.index)


@dataclass(eq=False)
class Value:
    """Something computed once, or a parameter (`op` is None) or a number (`constant` is not None)."""

    name: str
    kind: Kind
    block: Any = None
    op: Any = None
    constant: Any = None
    base: Any = None  # for a view, the array that it is a view of
    temporary: bool = False  # has no name in the user's source
    active: bool = False

    @property
    def root(self):
        """The array that owns the memory."""
        value = self
        while value.base is not None:
            value = value.base
        return value

    def __repr__(self):
        return self.name


@dataclass(frozen=True)
class Static:
    """What is known when the derivative is generated: a module, a function, None, a string, a dtype."""

    value: Any


@dataclass(frozen=True, eq=False)
class OwnFunction:
    """A function that is defined within another.

    Attributes
    ----------
    source : Source
    owner : Builder
        Of the other function.
    variables : dict
        Those of the other function when this one was defined.
    defaults : dict
    """

    source: Any
    owner: Any
    variables: dict
    defaults: dict


UNDEFINED = Static("undefined")
"""A variable that is not set yet, or not on every path."""


@dataclass(frozen=True)
class Counted:
    """``range(start, stop, step)``."""

    start: Value
    stop: Value
    step: Value

    def __iter__(self):
        return iter((self.start, self.stop, self.step))


@dataclass(frozen=True)
class Sequence:
    """What a loop can iterate over: the number of items, and how to get one."""

    length: Any
    item: Any  # item(index Value)


@dataclass(eq=False)
class Block:
    """A sequence of operations; `parent` is the operation that they belong to."""

    parent: Any = None
    ops: list = field(default_factory=list)


@dataclass(eq=False)
class Op:
    """Base class of all operations."""

    block: Block
    line: int


@dataclass(eq=False)
class Apply(Op):
    """result = rule(*args)."""

    rule: Any
    args: list
    options: dict
    result: Value = None
    limit: str = ""  # how its derivative keeps a limit where a factor is not finite


@dataclass(eq=False)
class Slice:
    """A slice within an index; each part a Value or None."""

    start: Any = None
    stop: Any = None
    step: Any = None


NEW_AXIS, ELLIPSIS = "np.newaxis", "..."


@dataclass(eq=False)
class Load(Op):
    """result = array[index]: a number, a view, or, with an array as index, a copy."""

    array: Value
    index: list
    result: Value = None


@dataclass(eq=False)
class Store(Op):
    """array[index] = value, or += or -= where `sign` is not empty."""

    array: Value
    index: list
    value: Value
    sign: str = ""


@dataclass(eq=False)
class Carried:
    """A variable that a loop carries from one iteration to the next."""

    name: str
    init: Any
    inner: Value
    next: Any = None
    out: Value = None


@dataclass(eq=False)
class For(Op):
    """A counted loop."""

    index: Value
    count: Counted
    body: Block
    carried: list


@dataclass(eq=False)
class While(Op):
    """A loop while `condition`, computed by `head`, is true; `count` is the number of its iterations."""

    head: Block
    condition: Value
    body: Block
    carried: list
    count: Value


@dataclass(eq=False)
class Merged:
    """A variable that two branches set."""

    then: Any
    other: Any
    out: Value


@dataclass(eq=False)
class If(Op):
    """A branch."""

    condition: Value
    then: Block
    other: Block
    merged: list


@dataclass(eq=False)
class Program:
    """A whole function."""

    name: str
    parameters: list  # (name, what it is: Value, Static or a tuple of these)
    body: Block
    result: Any
    externals: dict  # name: object that the generated module needs


def operands(op):
    """The values that an operation itself reads, without its blocks."""
    if isinstance(op, Apply):
        return list(op.args)
    if isinstance(op, Load):
        return [op.array, *index_values(op.index)]
    if isinstance(op, Store):
        return [op.array, op.value, *index_values(op.index)]
    if isinstance(op, For):
        return [*op.count, *(c.init for c in op.carried)]
    if isinstance(op, While):
        return [c.init for c in op.carried]
    return [op.condition]


def index_values(index):
    """The values within an index."""
    found = []
    for item in index:
        if isinstance(item, Slice):
            found += [part for part in (item.start, item.stop, item.step) if part is not None]
        elif isinstance(item, Value):
            found.append(item)
    return found


def blocks_of(op):
    """The blocks of an operation."""
    if isinstance(op, For):
        return [op.body]
    if isinstance(op, While):
        return [op.head, op.body]
    if isinstance(op, If):
        return [op.then, op.other]
    return []


def walk(block):
    """All operations of a block and of nested blocks, in the order of the text."""
    for op in block.ops:
        yield op
        for inner in blocks_of(op):
            yield from walk(inner)


def enclosing(block):
    """The block and its enclosing blocks, from the inside out."""
    while block is not None:
        yield block
        block = block.parent.block if block.parent is not None else None


class Names:
    """A supply of unique names."""

    def __init__(self):
        self.used = {"np", "math", "helpers", "tape", "top"}

    def copy(self):
        """A copy, to which names are added independently."""
        copied = Names()
        copied.used = set(self.used)
        return copied

    def fresh(self, hint):
        """A new name similar to the hint, which need not be an identifier."""
        hint = re.sub(r"\W+", "_", hint).strip("_") or "t"
        name, number = hint, 1
        while name in self.used:
            number += 1
            name = f"{hint}{'_' if hint[-1].isdigit() else ''}{number}"
        self.used.add(name)
        return name
