"""A word of memory that belongs to compiled code, for a result computed once per process."""

from itertools import count

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_numbers = count()


def process_word():
    """Intrinsics ``get()`` and ``set(value)`` of one integer, 0 when the code is first run or loaded.

    Both belong to one compiled function, whose machine code contains the word; code from the disk starts
    with 0 again.  Threads may read and write it concurrently.
    """
    name = f".numgd.word.{next(_numbers)}"

    def place(context, builder):
        word = ir.IntType(64)
        try:
            return builder.module.get_global(name)
        except KeyError:
            variable = cgutils.add_global_variable(builder.module, word, name)
            variable.initializer = ir.Constant(word, 0)
            variable.linkage = "internal"
            variable.align = 8
            return variable

    @intrinsic
    def get(typingctx):
        def codegen(context, builder, signature, arguments):
            return builder.load_atomic(place(context, builder), "monotonic", 8)

        return types.int64(), codegen

    @intrinsic
    def put(typingctx, value):
        def codegen(context, builder, signature, arguments):
            number = context.cast(builder, arguments[0], signature.args[0], types.int64)
            builder.store_atomic(number, place(context, builder), "monotonic", 8)
            return context.get_dummy_value()

        return types.none(value), codegen

    return get, put
