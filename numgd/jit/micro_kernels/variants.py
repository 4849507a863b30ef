"""A choice among compiled variants of a micro-kernel, and the copy and the addition of a vector."""

from functools import cache

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from numgd.jit.micro_kernels.emitter import Emitter
from numgd.jit.portable import portable


@cache
def any_of(make, real, variants):
    """Portable function ``block(kind, …)``: calls ``make(real, *variants[kind])``."""
    variant, *others = variants
    block = make(real, *variant)
    if not others:

        @portable
        def only(kind, *args):
            block(*args)

        return only

    further = any_of(make, real, tuple(others))

    @portable
    def pick(kind, *args):
        if kind == 0:
            block(*args)
        else:
            further(kind - 1, *args)

    return pick


@cache
def move_vector(real, lanes):
    """Intrinsic ``move(source, place, target, start)``: copy `lanes` numbers."""

    @intrinsic
    def move(typingctx, source, place, target, start):
        def codegen(context, builder, signature, arguments):
            source, place, target, start = arguments
            emit = Emitter(context, builder, real, 0, 0, lanes)
            numbers = emit.load(emit.address(signature.args[0], source, place), emit.vector)
            emit.store(numbers, emit.address(signature.args[2], target, start), 0)
            return context.get_dummy_value()

        whole = types.intp
        return types.none(source, whole, target, whole), codegen

    return move


@cache
def add_vector(real, lanes):
    """Intrinsic ``add(source, place, count, target, start)``: add the first `count` of `lanes` numbers.

    All lanes of the target are read and written.
    """

    @intrinsic
    def add(typingctx, source, place, count, target, start):
        def codegen(context, builder, signature, arguments):
            source, place, count, target, start = arguments
            emit = Emitter(context, builder, real, 0, 0, lanes)
            numbers = emit.load(emit.address(signature.args[0], source, place), emit.vector)
            numbers = builder.select(emit.mask(count), numbers, ir.Constant(emit.vector, None))
            to = emit.address(signature.args[3], target, start)
            emit.store(builder.fadd(emit.load(to, emit.vector), numbers), to, 0)
            return context.get_dummy_value()

        whole = types.intp
        return types.none(source, whole, whole, target, whole), codegen

    return add


SQUARE = 8
"""Rows and columns of `transpose_square`."""


@intrinsic
def transpose_square(typingctx, source, start, pitch, target, place, width):
    """Copy a square of eight rows and columns of `source` to `target`, where rows become columns.

    The square begins at the elements `start` and `place`; `pitch` and `width` are the distances of its rows.
    """

    def codegen(context, builder, signature, arguments):
        source, start, pitch, target, place, width = arguments
        emit = Emitter(context, builder, signature.args[0].dtype, 0, 0, SQUARE)
        from_rows = emit.ahead(emit.address(signature.args[0], source, start), pitch, SQUARE)
        rows = [emit.load(address, emit.vector) for address in from_rows]
        half = SQUARE // 2
        zipped = [[part * half + i // 2 + i % 2 * SQUARE for i in range(SQUARE)] for part in (0, 1)]
        masks = [ir.Constant(ir.VectorType(ir.IntType(32), SQUARE), mask) for mask in zipped]
        for _ in range(SQUARE.bit_length() - 1):  # each round interleaves the two halves of the rows
            pairs = zip(rows[:half], rows[half:], strict=True)
            rows = [builder.shuffle_vector(a, b, mask) for a, b in pairs for mask in masks]
        to_rows = emit.ahead(emit.address(signature.args[3], target, place), width, SQUARE)
        for row, address in zip(rows, to_rows, strict=True):
            emit.store(row, address, 0)
        return context.get_dummy_value()

    whole = types.intp
    return types.none(source, whole, whole, target, whole, whole), codegen
