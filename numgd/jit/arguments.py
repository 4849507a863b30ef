"""Typed tuples behind a pointer, which pass ``args`` of any type to an objective with a fixed signature."""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import _dispatcher
from numba.core import types
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.core.typing.typeof import Purpose, typeof
from numba.extending import intrinsic, overload

from numgd.jit.pointers import address_of
from numgd.jit.portable import compiled, portable, quiet_compilation

_ARRAYS = frozenset((np.ndarray, np.recarray, np.memmap))
"""Array classes that behave the same in compiled code."""


def native(values):
    """The tuple with arrays of foreign byte order replaced by read-only copies in native byte order.

    A function that writes into such an array then does not compile, and is called back with the caller's
    array.
    """
    for value in values:
        if _swapped(value):
            break
    else:
        return values
    found = map(_native, values)
    return tuple(found) if type(values) is tuple else type(values)._make(found)


def _swapped(value):
    if type(value) in _ARRAYS:
        return not value.dtype.isnative
    return isinstance(value, tuple) and any(map(_swapped, value))


def _native(value):
    if isinstance(value, tuple):
        return native(value)
    if not _swapped(value):
        return value
    value = value.astype(value.dtype.newbyteorder("="))
    value.setflags(write=False)
    return value


def fingerprint(values):
    """Cheap key of the Numba types of a tuple of values, or the types themselves if there is no such key.

    Raises ValueError for values that compiled code would treat differently from Python.  Numba's own
    fingerprint does not detect these: it is the same for a plain array, one of foreign byte order and a
    masked one.
    """
    for value in values:
        if not _as_in_python(value):
            raise ValueError("compiled code does not take these values as Python does")
    try:
        return _dispatcher.compute_fingerprint(values)
    except NotImplementedError:
        return type_of(values)


def _as_in_python(value):
    """Whether a value behaves the same in compiled code as in Python."""
    kind = type(value)
    if kind in _ARRAYS:
        return value.dtype.isnative
    if kind is float:
        return True
    if kind is int:
        return -(2**63) <= value < 2**63
    if isinstance(value, tuple):
        return all(map(_as_in_python, value))
    if isinstance(value, np.void):
        return value.dtype.isnative
    # Numba copies lists and sets; other array classes have their own masks or multiplication.
    return not isinstance(value, (np.ndarray, list, set, np.bytes_))


def type_of(value):
    """Numba type of a Python value; raises ValueError for a value that Numba does not know."""
    if not _holds_function(value):
        return typeof(value, Purpose.argument)
    with quiet_compilation():
        return typeof(value, Purpose.argument)


def _holds_function(value):
    """Whether nested tuples contain a compiled function, for which Numba issues an experimental warning."""
    if type(value) in _ORDINARY:  # `Dispatcher` is abstract: isinstance takes a microsecond
        return False
    if isinstance(value, tuple):
        return any(map(_holds_function, value))
    return isinstance(value, Dispatcher)


_ORDINARY = frozenset((np.ndarray, float, int, bool, complex, str, type(None), np.float64, np.float32))


def storage_size(numba_type):
    """Number of bytes that `store` needs for a value of this type."""
    context = cpu_target.target_context
    return context.get_abi_sizeof(context.get_value_type(numba_type))


def _pointer(context, builder, address, numba_type):
    return builder.inttoptr(address, ir.PointerType(context.get_value_type(numba_type)))


def stored_type(numba_type):
    """Type under which a value is stored; literal types become plain types."""
    if isinstance(numba_type, types.BaseTuple) and not isinstance(numba_type, types.BaseNamedTuple):
        return types.BaseTuple.from_types([stored_type(part) for part in numba_type])
    return types.unliteral(numba_type)


@intrinsic
def store(typingctx, address, value):
    """Write a value to memory; the caller keeps the objects that it refers to alive."""
    kept = stored_type(value)

    def codegen(context, builder, signature, arguments):
        plain = context.cast(builder, arguments[1], signature.args[1], kept)
        builder.store(plain, _pointer(context, builder, arguments[0], kept), align=1)
        return context.get_dummy_value()

    return types.none(types.intp, value), codegen


@intrinsic
def retain(typingctx, value):
    """Increment the reference counts of the objects that a value refers to."""

    def codegen(context, builder, signature, arguments):
        context.nrt.incref(builder, signature.args[0], arguments[0])
        return context.get_dummy_value()

    return types.none(value), codegen


@intrinsic
def release(typingctx, address, value):
    """Decrement the reference counts of a stored value; `value` only gives its type."""

    def codegen(context, builder, signature, arguments):
        numba_type = signature.args[1]
        stored = builder.load(_pointer(context, builder, arguments[0], numba_type), align=1)
        context.nrt.decref(builder, numba_type, stored)
        return context.get_dummy_value()

    return types.none(types.intp, value), codegen


def loader(numba_type):
    """Intrinsic ``load(address)`` for values of one type."""

    @intrinsic
    def load(typingctx, address):
        def codegen(context, builder, signature, arguments):
            value = builder.load(_pointer(context, builder, arguments[0], numba_type), align=1)
            context.nrt.incref(builder, numba_type, value)
            return value

        return numba_type(types.intp), codegen

    return load


@intrinsic(prefer_literal=True)
def replace_entry(typingctx, values, position, value):
    """The tuple with the entry at a literal position replaced by a value of the same type."""
    if not isinstance(position, types.IntegerLiteral):
        return None
    place = position.literal_value

    def codegen(context, builder, signature, arguments):
        plain = context.cast(builder, arguments[2], signature.args[2], signature.args[0][place])
        return builder.insert_value(arguments[0], plain, place)

    return values(values, position, value), codegen


class Shared(NamedTuple):
    """Marks one of the args in `minimize_many` as the same for all problems."""

    value: Any


def row_of_args(values, row):
    """The args of one problem: entry `row` of every array, and everything else unchanged."""
    return tuple(_row_of(value, row) for value in values)


def _row_of(value, row):
    if isinstance(value, Shared):
        return value.value
    return value[row] if isinstance(value, np.ndarray) else value


@overload(row_of_args)
def _row_of_args(values, row):
    if not isinstance(values, types.BaseTuple):
        return None
    if len(values) == 0:
        return lambda values, row: ()
    if isinstance(values[0], types.Array):
        return lambda values, row: (values[0][row],) + row_of_args(values[1:], row)
    if isinstance(values[0], types.BaseNamedTuple) and values[0].instance_class is Shared:
        return lambda values, row: (values[0].value,) + row_of_args(values[1:], row)
    return lambda values, row: (values[0],) + row_of_args(values[1:], row)


def row_loader(numba_type):
    """Portable function ``load(context)``; the context is two words, the address of the args and the row."""
    load_words = loader(types.UniTuple(types.int64, 2))
    load_args = loader(numba_type)

    @portable
    def load(context):
        words = load_words(context)
        return row_of_args(load_args(words[0]), words[1])

    load.args_type = numba_type
    return load


@compiled("arguments-pack")
def _pack(buffer, values):
    retain(values)
    store(address_of(buffer), values)
    return address_of(buffer)


@compiled("arguments-unpack")
def _unpack(buffer, values):
    release(address_of(buffer), values)


def pack(buffer, values):
    """Store a tuple in a byte buffer, keep what it refers to alive, and return the buffer's address."""
    return _quietly(_pack, buffer, values)


def unpack(buffer, values):
    """Release the references that `pack` took."""
    _quietly(_unpack, buffer, values)


def _quietly(function, buffer, values):
    if not _holds_function(values):
        return function(buffer, values)
    with quiet_compilation():
        return function(buffer, values)
