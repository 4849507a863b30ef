"""Micro-kernels of matrix products: every row of a block has its own factor for a vector of columns."""

from functools import cache

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numgd.jit.micro_kernels.emitter import MAX_ROWS, SECOND, Emitter


def _sum_gathered(emit, table, taps, length, shift, packed, fetch=None):
    """Add Σ_t Σ_k (table[t, m] + shift)[k] · packed[t, k, n] to the sums; table and packed are addresses.

    ``fetch(columns, step)``, if given, is emitted at each step, with the address of its columns.
    """
    builder = emit.builder
    width = emit.constant(emit.vectors * emit.lanes)
    with cgutils.for_range(builder, taps) as tap:
        skipped = builder.mul(tap.index, emit.constant(8 * emit.rows))
        sources = [
            emit.offset(source, shift) for source in emit.words(builder.add(table, skipped), emit.rows)
        ]
        first = builder.mul(tap.index, length)
        panel = emit.offset(packed, builder.mul(first, width))
        with cgutils.for_range(builder, length) as inner:
            columns = emit.offset(panel, builder.mul(inner.index, width))
            emit.step(lambda m: emit.load(emit.offset(sources[m], inner.index), emit.scalar), columns)
            if fetch is not None:
                fetch(columns, builder.add(first, inner.index))


@cache
def gather_block(real, rows, vectors, lanes):
    """Intrinsic ``gather(table, entry, taps, length, shift, packed, place, target, start, pitch)``.

    ``target[m, n] = Σ_t Σ_k (table[t, m] + shift)[k] · packed[t, k, n]`` for `rows` m and
    ``vectors · lanes`` n: `table` (taps, rows) holds addresses of `length` numbers each, and rows of the
    target are `pitch` apart.  `entry`, `place` and `start` say where table, packed and target begin.
    """

    @intrinsic
    def gather(typingctx, table, entry, taps, length, shift, packed, place, target, start, pitch):
        def codegen(context, builder, signature, arguments):
            table, entry, taps, length, shift, packed, place, target, start, pitch = arguments
            kinds = signature.args
            emit = Emitter(context, builder, real, rows, vectors, lanes)
            emit.clear()
            for_table = emit.address(kinds[0], table, entry)
            for_packed = emit.address(kinds[5], packed, place)
            _sum_gathered(emit, for_table, taps, length, shift, for_packed)
            emit.write(emit.address(kinds[7], target, start), pitch)
            return context.get_dummy_value()

        whole = types.intp
        signature = types.none(table, whole, whole, whole, whole, packed, whole, target, whole, whole)
        return signature, codegen

    return gather


@cache
def convolve_block(real, rows, vectors, lanes, pieces):
    """Intrinsic of seventeen arguments, in the order of `convolve` below.

    The sums of `gather_block`, with ``bias[first + n]`` added and ``pieces[activation]`` applied, go to
    ``out[places[begin + m] + start + n]`` for the first `count` columns n.  As many numbers as the block has
    columns are read of the bias.  Meanwhile, blocks of less than `MAX_ROWS` rows bring what follows
    ``packed[later]`` into the second cache, `pace` numbers for each step of the sums.
    """

    @intrinsic
    def convolve(
        typingctx, table, entry, taps, length, shift, packed, place, later, pace, bias, first, out, places,
        begin, start, count, activation,
    ):  # fmt: skip
        def codegen(context, builder, signature, arguments):
            (
                table, entry, taps, length, shift, packed, place, later, pace, bias, first, out, places,
                begin, start, count, activation,
            ) = arguments  # fmt: skip
            kinds = signature.args
            emit = Emitter(context, builder, real, rows, vectors, lanes)
            for_bias = emit.address(kinds[9], bias, first)
            emit.begin([emit.load(for_bias, emit.vector, n * lanes) for n in range(vectors)])
            for_table = emit.address(kinds[0], table, entry)
            for_packed = emit.address(kinds[5], packed, place)
            for_later = emit.address(kinds[5], packed, later)

            def fetch(columns, step):
                emit.prefetch(columns)
                if rows < MAX_ROWS:  # else there is no register left for the address
                    emit.ask_for(emit.offset(for_later, builder.mul(step, pace)), SECOND)

            _sum_gathered(emit, for_table, taps, length, shift, for_packed, fetch)
            emit.activate(activation, pieces)
            for_out = emit.address(kinds[11], out, start)
            targets = emit.words(emit.address(kinds[12], places, begin), rows)
            emit.scatter([emit.offset(for_out, target) for target in targets], count)
            return context.get_dummy_value()

        whole = types.intp
        signature = types.none(
            table, whole, whole, whole, whole, packed, whole, whole, whole, bias, whole, out, places, whole,
            whole, whole, whole,
        )  # fmt: skip
        return signature, codegen

    return convolve


@cache
def reduce_block(real, rows, vectors, lanes):
    """Intrinsic of ten arguments, in the order of `reduce` below.

    ``target[m, n] += Σ_r Σ_k left[r · length + k, m] · table[r][k · right_step + n]``: `left` is an address,
    and its rows are `left_step` apart; `table` (runs,) holds addresses.
    """

    @intrinsic
    def reduce(typingctx, left, left_step, table, entry, runs, length, right_step, target, start, pitch):
        def codegen(context, builder, signature, arguments):
            left, left_step, table, entry, runs, length, right_step, target, start, pitch = arguments
            kinds = signature.args
            emit = Emitter(context, builder, real, rows, vectors, lanes)
            for_target = emit.address(kinds[7], target, start)
            for_table = emit.address(kinds[2], table, entry)
            emit.fetch(for_target, pitch)
            with cgutils.for_range(builder, runs) as run:
                (right,) = emit.words(builder.add(for_table, builder.mul(run.index, emit.constant(8))), 1)
                begin = emit.offset(left, builder.mul(builder.mul(run.index, length), left_step))
                with cgutils.for_range(builder, length) as inner:
                    source = emit.offset(begin, builder.mul(inner.index, left_step))
                    emit.step(
                        lambda m: emit.load(source, emit.scalar, m),
                        emit.offset(right, builder.mul(inner.index, right_step)),
                    )
            emit.write(for_target, pitch)
            return context.get_dummy_value()

        whole = types.intp
        signature = types.none(whole, whole, table, whole, whole, whole, whole, target, whole, whole)
        return signature, codegen

    return reduce
