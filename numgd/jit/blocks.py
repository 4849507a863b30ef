"""Functions over a block of arrays, called through addresses: a loop over threads is compiled once for all.

Numba compiles a plain loop much faster than a parallel one.  So the work on a block is a function with a
fixed signature, compiled without threads.  The driver that distributes blocks to the cores calls its address.
"""

from functools import cache

from numba import from_dtype
from numba.core import types
from numba.extending import intrinsic

from numgd.jit.pointers import function_address, vector_view
from numgd.jit.portable import SOLVER_FLAGS, compile_quietly, compiled

_ADDRESSES = 4  # x, y, scale, out
SIGNATURE = types.float64(*[types.intp] * (_ADDRESSES + 2), types.float64, types.float64)
"""``(x, y, scale, out, rows, columns, factor, parameter) -> sum``: four addresses, 0 if absent; two sizes;
and two numbers, whose meaning depends on the function.
"""


def address_of_block(name, function):
    """The address of a compiled function of that signature, which is cached on disk under a name."""
    dispatcher = compiled(name, SOLVER_FLAGS)(function)
    compile_quietly(dispatcher, SIGNATURE)
    _KEPT.append(dispatcher)
    return function_address(dispatcher.get_compile_result(SIGNATURE))


_KEPT = []  # keeps the machine code alive


@cache
def view_of(dtype):
    """Intrinsic ``view(address, n)``: the vector at an address."""
    return vector_view(from_dtype(dtype))


@intrinsic
def call_block(typingctx, address, x, y, scale, out, rows, columns, factor, parameter):
    """Call the function at an address, which raises no exceptions."""

    def codegen(context, builder, signature, arguments):
        convention = context.call_conv
        function_type = convention.get_function_type(SIGNATURE.return_type, SIGNATURE.args)
        function = builder.inttoptr(arguments[0], function_type.as_pointer())
        values = [
            context.cast(builder, value, given, wanted)
            for value, given, wanted in zip(arguments[1:], signature.args[1:], SIGNATURE.args, strict=True)
        ]
        _, value = convention.call_function(builder, function, SIGNATURE.return_type, SIGNATURE.args, values)
        return value

    return types.float64(address, x, y, scale, out, rows, columns, factor, parameter), codegen
