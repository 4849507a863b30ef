"""Stores past the caches, for results that are larger than the caches.

An ordinary store first reads its cache line and evicts another one, which takes a third of the time of a
copy.  A kernel that streams computes into a small scratch array and copies it piece by piece.  The result
must not be read before the parallel loop ends.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LARGE = 2**24
"""Bytes from which on a result would not stay in the caches until it is used."""

_CACHE_LINE = 64


@intrinsic
def stream(typingctx, target, source):
    """target = source past the caches; both are contiguous, of the same dtype and size."""
    real = target.dtype
    width = real.bitwidth // 8
    lanes = _CACHE_LINE // width

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

        # Up to the first whole cache line of the target; whole lines; the rest.
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
            stored.align = _CACHE_LINE
            stored.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
        done = builder.add(head, builder.mul(lines, number(lanes)))
        with cgutils.for_range(builder, builder.sub(count, done)) as loop:
            copy_one(builder.add(done, loop.index))
        return context.get_dummy_value()

    return types.none(target, source), codegen


@intrinsic
def finish_streams(typingctx):
    """Order the streamed stores of this thread before its later stores."""

    def codegen(context, builder, signature, arguments):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.none(), codegen
