"""A typed tuple behind a pointer: how ``args`` of any type reach an objective through a fixed signature."""

from llvmlite import ir
from numba import _dispatcher
from numba.core import types
from numba.core.registry import cpu_target
from numba.core.typing.typeof import Purpose, typeof
from numba.extending import intrinsic

from numgd.jit.pointers import address_of
from numgd.jit.portable import compiled


def fingerprint(values):
    """Cheap key of the Numba types of a tuple of values, or the types themselves where there is none."""
    try:
        return _dispatcher.compute_fingerprint(values)
    except NotImplementedError:
        return type_of(values)


def type_of(value):
    """Numba type of a Python value; raises ValueError for a value that Numba does not know."""
    return typeof(value, Purpose.argument)


def storage_size(numba_type):
    """Bytes that `store` needs for a value of this type."""
    context = cpu_target.target_context
    return context.get_abi_sizeof(context.get_value_type(numba_type))


def _pointer(context, builder, address, numba_type):
    return builder.inttoptr(address, ir.PointerType(context.get_value_type(numba_type)))


def stored_type(numba_type):
    """Type under which a value is stored: a literal as its plain type."""
    if isinstance(numba_type, types.BaseTuple) and not isinstance(numba_type, types.BaseNamedTuple):
        return types.BaseTuple.from_types([stored_type(part) for part in numba_type])
    return types.unliteral(numba_type)


@intrinsic
def store(typingctx, address, value):
    """Write a value to memory; whoever holds the value keeps what it refers to alive."""
    kept = stored_type(value)

    def codegen(context, builder, signature, arguments):
        plain = context.cast(builder, arguments[1], signature.args[1], kept)
        builder.store(plain, _pointer(context, builder, arguments[0], kept), align=1)
        return context.get_dummy_value()

    return types.none(types.intp, value), codegen


@intrinsic
def retain(typingctx, value):
    """Take a reference to what a value refers to."""

    def codegen(context, builder, signature, arguments):
        context.nrt.incref(builder, signature.args[0], arguments[0])
        return context.get_dummy_value()

    return types.none(value), codegen


@intrinsic
def release(typingctx, address, value):
    """Give back the reference to a stored value; `value` serves for its type alone."""

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


@compiled("arguments-pack")
def pack(buffer, values):
    """Store a tuple in a byte buffer and keep what it refers to alive."""
    retain(values)
    store(address_of(buffer), values)


@compiled("arguments-unpack")
def unpack(buffer, values):
    """Release what `pack` holds."""
    release(address_of(buffer), values)
