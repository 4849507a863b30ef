"""Micro-kernels by channels: a lane depends on the same lane, or on its group of lanes, of the sources."""

from functools import cache

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numgd.jit.micro_kernels.emitter import Emitter


def _groups_of(lanes, width, member):
    """The order of lanes in which every lane holds the given member of its group."""
    return [width * (lane // width) + member for lane in range(lanes)]


@cache
def gather_lanes(real, rows, lanes, width):
    """Intrinsic ``gather(table, taps, shift, step, packed, place, target, start, pitch)`` by channels.

    ``target[m, n] = Σ_t Σ_j (table[t] + shift + m · step)[group(n) + j] · packed[t, j, n]`` for `rows` m and
    `lanes` n, where j runs over the `width` neighbouring lanes of the group of n.
    """

    @intrinsic
    def gather(typingctx, table, taps, shift, step, packed, place, target, start, pitch):
        def codegen(context, builder, signature, arguments):
            table, taps, shift, step, packed, place, target, start, pitch = arguments
            kinds = signature.args
            emit = Emitter(context, builder, real, rows, 1, lanes)
            emit.clear()
            for_packed = emit.address(kinds[4], packed, place)
            for_table = emit.address(kinds[0], table)
            with cgutils.for_range(builder, taps) as tap:
                skipped = builder.mul(tap.index, emit.constant(8))
                (source,) = emit.words(builder.add(for_table, skipped), 1)
                source = emit.offset(source, shift)
                panel = emit.offset(for_packed, builder.mul(tap.index, emit.constant(width * lanes)))
                factors = [emit.load(panel, emit.vector, j * lanes) for j in range(width)]
                for row, (total,) in zip(emit.ahead(source, step, rows), emit.sums, strict=True):
                    numbers = emit.load(row, emit.vector)
                    for j, factor in enumerate(factors):
                        turned = emit.shuffle(numbers, _groups_of(lanes, width, j))
                        emit.add_product(turned, factor, total)
            emit.write(emit.address(kinds[6], target, start), pitch)
            return context.get_dummy_value()

        whole = types.intp
        return types.none(table, whole, whole, whole, packed, whole, target, whole, whole), codegen

    return gather


@cache
def reduce_lanes(real, taps, lanes, width):
    """Intrinsic ``reduce(left, left_step, table, entry, shift, length, right_step, target, start)``.

    ``target[t, j, n] += Σ_k (left + shift)[k, n] · (table[t] + shift)[k, group(n) + j]`` for `taps` t and
    `lanes` n, with groups as in `gather_lanes`; rows k are `left_step` and `right_step` apart, and `left` is
    an address.
    """

    @intrinsic
    def reduce(typingctx, left, left_step, table, entry, shift, length, right_step, target, start):
        def codegen(context, builder, signature, arguments):
            left, left_step, table, entry, shift, length, right_step, target, start = arguments
            kinds = signature.args
            emit = Emitter(context, builder, real, taps * width, 1, lanes)
            for_target = emit.address(kinds[7], target, start)
            emit.fetch(for_target, emit.constant(lanes))
            left = emit.offset(left, shift)
            sources = [
                emit.offset(source, shift)
                for source in emit.words(emit.address(kinds[2], table, entry), taps)
            ]
            with cgutils.for_range(builder, length) as inner:
                slope = emit.load(emit.offset(left, builder.mul(inner.index, left_step)), emit.vector)
                ahead = builder.mul(inner.index, right_step)
                for t, source in enumerate(sources):
                    numbers = emit.load(emit.offset(source, ahead), emit.vector)
                    for j in range(width):
                        emit.add_product(
                            emit.shuffle(numbers, _groups_of(lanes, width, j)),
                            slope,
                            emit.sums[t * width + j][0],
                        )
            emit.write(for_target, emit.constant(lanes))
            return context.get_dummy_value()

        whole = types.intp
        return types.none(whole, whole, table, whole, whole, whole, whole, target, whole), codegen

    return reduce


@cache
def line_block(real, rows, lanes, left, right, pieces):
    """Intrinsic ``line(table, taps, shift, step, packed, place, bias, first, out, pitch, activation)``.

    Results of a kernel three wide, by channels: ``out[m · pitch + n]`` is ``bias[first + n]`` and the sum
    ``Σ_t Σ_j (table[t] + shift)[(m + j) · step + n] · packed[t, j, n]`` for `rows` m, `lanes` n and j in 0, 1
    and 2, after ``pieces[activation]``.  Every number is loaded once and used for three results.  Terms with
    m + j = 0 are omitted if `left`, and those with m + j = rows + 1 if `right`: they lie outside the image.
    `table` holds addresses, and `out` is one.
    """

    @intrinsic
    def line(typingctx, table, taps, shift, step, packed, place, bias, first, out, pitch, activation):
        def codegen(context, builder, signature, arguments):
            table, taps, shift, step, packed, place, bias, first, out, pitch, activation = arguments
            kinds = signature.args
            emit = Emitter(context, builder, real, rows, 1, lanes)
            emit.begin([emit.load(emit.address(kinds[6], bias, first), emit.vector)])
            for_packed = emit.address(kinds[4], packed, place)
            for_table = emit.address(kinds[0], table)
            with cgutils.for_range(builder, taps) as tap:
                (source,) = emit.words(builder.add(for_table, builder.mul(tap.index, emit.constant(8))), 1)
                source = emit.offset(source, shift)
                panel = emit.offset(for_packed, builder.mul(tap.index, emit.constant(3 * lanes)))
                factors = [emit.load(panel, emit.vector, j * lanes) for j in range(3)]
                for i, pixel in enumerate(emit.ahead(source, step, rows + 2 - int(right))):
                    if i < int(left):
                        continue
                    number = emit.load(pixel, emit.vector)
                    for j, factor in enumerate(factors):
                        if 0 <= i - j < rows:
                            emit.add_product(number, factor, emit.sums[i - j][0])
            emit.activate(activation, pieces)
            for m, (total,) in enumerate(emit.sums):
                target = emit.offset(out, builder.mul(pitch, emit.constant(m)))
                emit.store(builder.load(total), target, 0)
            return context.get_dummy_value()

        whole = types.intp
        signature = types.none(
            table, whole, whole, whole, packed, whole, bias, whole, whole, whole, whole
        )  # fmt: skip
        return signature, codegen

    return line


@cache
def line_reduce(real, rows, lanes, left, right):
    """Intrinsic ``reduce(grad, table, taps, shift, step, target, start)``: the weights' gradient of the same.

    ``target[t, j, n] += Σ_m (grad + shift)[m · step + n] · (table[t] + shift)[(m + j) · step + n]``.
    """

    @intrinsic
    def reduce(typingctx, grad, table, taps, shift, step, target, start):
        def codegen(context, builder, signature, arguments):
            grad, table, taps, shift, step, target, start = arguments
            kinds = signature.args
            emit = Emitter(context, builder, real, 3, 1, lanes)
            grad = emit.offset(grad, shift)
            slopes = [emit.load(pixel, emit.vector) for pixel in emit.ahead(grad, step, rows)]
            for_target, for_table = emit.address(kinds[5], target, start), emit.address(kinds[1], table)
            with cgutils.for_range(builder, taps) as tap:
                (source,) = emit.words(builder.add(for_table, builder.mul(tap.index, emit.constant(8))), 1)
                source = emit.offset(source, shift)
                panel = emit.offset(for_target, builder.mul(tap.index, emit.constant(3 * lanes)))
                emit.fetch(panel, emit.constant(lanes))
                for i, pixel in enumerate(emit.ahead(source, step, rows + 2 - int(right))):
                    if i < int(left):
                        continue
                    number = emit.load(pixel, emit.vector)
                    for j, (total,) in enumerate(emit.sums):
                        if 0 <= i - j < rows:
                            emit.add_product(number, slopes[i - j], total)
                emit.write(panel, emit.constant(lanes))
            return context.get_dummy_value()

        whole = types.intp
        return types.none(whole, table, whole, whole, whole, target, whole), codegen

    return reduce
