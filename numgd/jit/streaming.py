"""Stores past the caches, for results that are larger than these.

An ordinary store first reads the line that it writes to, and pushes something else out of the cache, which
costs a third of the time of a copy.  Whoever stores so keeps its result in a small scratch array and hands it
on piece by piece; nobody reads the result before the parallel loop ends.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LARGE = 2**24
"""Bytes of a result from which on its consumer would not find it in the caches anyway."""

_LINE = 64


@intrinsic
def stream(typingctx, target, source):
    """target = source, both contiguous and of one dtype and size, past the caches."""
    real = target.dtype
    width = real.bitwidth // 8
    lanes = _LINE // width

    def codegen(context, builder, signature, arguments):
        arrays = [
            context.make_array(kind)(context, builder, array)
            for kind, array in zip(signature.args, arguments, strict=True)
        ]
        to, found = (array.data for array in arrays)
        count = arrays[0].nitems
        word = count.type

        def number(value):
            return ir.Constant(word, value)

        def copy_one(index):
            builder.store(builder.load(builder.gep(found, [index])), builder.gep(to, [index]))

        # Up to the first whole line of the target, whole lines, the rest.
        address = builder.udiv(builder.ptrtoint(to, word), number(width))
        head = builder.and_(builder.neg(address), number(lanes - 1))
        head = builder.select(builder.icmp_unsigned("<", head, count), head, count)
        lines = builder.udiv(builder.sub(count, head), number(lanes))
        with cgutils.for_range(builder, head) as loop:
            copy_one(loop.index)
        line = ir.VectorType(context.get_data_type(real), lanes).as_pointer()
        with cgutils.for_range(builder, lines) as loop:
            place = builder.add(head, builder.mul(loop.index, number(lanes)))
            piece = builder.load(builder.bitcast(builder.gep(found, [place]), line))
            piece.align = width
            stored = builder.store(piece, builder.bitcast(builder.gep(to, [place]), line))
            stored.align = _LINE
            stored.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
        done = builder.add(head, builder.mul(lines, number(lanes)))
        with cgutils.for_range(builder, builder.sub(count, done)) as loop:
            copy_one(builder.add(done, loop.index))
        return context.get_dummy_value()

    return types.none(target, source), codegen


@intrinsic
def finish_streams(typingctx):
    """What this thread has streamed is in memory before anything that it stores later."""

    def codegen(context, builder, signature, arguments):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.none(), codegen
