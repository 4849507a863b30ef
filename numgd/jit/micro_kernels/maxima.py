"""Maxima over the pixels of a window and their gradients, for up to eight neighbouring channels."""

from contextlib import contextmanager
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from numgd.jit.micro_kernels.emitter import Emitter

LANES = 8
"""Number of channels; LLVM divides them among registers."""

_INTEGER = ir.IntType(32)
_PLACES = ir.VectorType(_INTEGER, LANES)
_MASK = ir.VectorType(ir.IntType(1), LANES)


class _Window(NamedTuple):
    """A window of an image: where it begins, its size, and the position of its first pixel."""

    origin: Any  # address
    across: Any  # elements from a column to the next
    down: Any  # from a row to the next
    wide: Any
    tall: Any
    start: Any
    width: Any  # positions from a row to the next


def _spread(builder, number):
    """The lower half of a 64-bit integer in all lanes."""
    nothing = ir.Constant(_PLACES, [0] * LANES)
    first = builder.insert_element(nothing, builder.trunc(number, _INTEGER), _INTEGER(0))
    return builder.shuffle_vector(first, nothing, nothing)


def _pixel(emit, window, row, column):
    """The address of a pixel, and its position in all lanes."""
    builder = emit.builder
    below = emit.offset(window.origin, builder.mul(row, window.down))
    address = emit.offset(below, builder.mul(column, window.across))
    position = builder.add(window.start, builder.add(builder.mul(row, window.width), column))
    return address, _spread(builder, position)


@contextmanager
def _each_pixel(emit, window):
    """Loop over the pixels of a window."""
    with (
        cgutils.for_range(emit.builder, window.tall) as row,
        cgutils.for_range(emit.builder, window.wide) as column,
    ):
        yield _pixel(emit, window, row.index, column.index)


def _four_pixels(emit, window):
    """The pixels of a window of two by two."""
    return [_pixel(emit, window, emit.constant(i), emit.constant(j)) for i in (0, 1) for j in (0, 1)]


def _is_square(emit, window):
    """Whether the window is two by two."""
    two = emit.constant(2)
    builder = emit.builder
    wide, tall = (builder.icmp_signed("==", size, two) for size in (window.wide, window.tall))
    return builder.and_(wide, tall)


class _Memory:
    """Loads and stores of the first `count` of eight lanes."""

    def __init__(self, emit, count):
        builder = emit.builder
        self.emit, self.whole = emit, builder.icmp_signed("==", count, emit.constant(LANES))
        numbers = ir.Constant(_PLACES, list(range(LANES)))
        self.mask = builder.icmp_signed("<", numbers, _spread(builder, count))

    def _masked(self, what, kind, *others):
        """LLVM's masked load or store of a kind of vector."""
        size = "i32" if kind is _PLACES else f"f{8 * self.emit.size}"
        pointer = kind.as_pointer()
        result, arguments = (kind, [pointer, _INTEGER, _MASK, kind]) if what == "load" else (
            ir.VoidType(), [kind, pointer, _INTEGER, _MASK]
        )  # fmt: skip
        function_type = ir.FunctionType(result, arguments)
        name = f"llvm.masked.{what}.v{LANES}{size}.p0"
        return cgutils.get_or_insert_function(self.emit.builder.module, function_type, name)

    def load(self, pointer, whole):
        """The lanes at a pointer, with zeros for those that are not to be read."""
        builder, kind = self.emit.builder, pointer.type.pointee
        size = 4 if kind is _PLACES else self.emit.size
        if whole:
            value = builder.load(pointer)
            value.align = size
            return value
        arguments = pointer, _INTEGER(size), self.mask, ir.Constant(kind, None)
        return builder.call(self._masked("load", kind), arguments)

    def store(self, value, pointer, whole):
        """Write lanes to a pointer."""
        builder, kind = self.emit.builder, value.type
        size = 4 if kind is _PLACES else self.emit.size
        if whole:
            builder.store(value, pointer).align = size
        else:
            builder.call(self._masked("store", kind), (value, pointer, _INTEGER(size), self.mask))


def _in_both_cases(memory, write):
    """``write(whole)`` for whole vectors, and for those of which some lanes count."""
    with memory.emit.builder.if_else(memory.whole) as (whole, part):
        with whole:
            write(True)
        with part:
            write(False)


def _places_at(emit, kind, array, place):
    """Pointer to the places from an element of an array on."""
    data = emit.context.make_array(kind)(emit.context, emit.builder, array).data
    return emit.builder.bitcast(emit.builder.gep(data, [place]), _PLACES.as_pointer())


def _larger(builder, first, second):
    """The larger of two (numbers, places), the first if they are equal, the last of several NaN."""
    exceeds = builder.fcmp_ordered(">", second[0], first[0])
    is_nan = builder.fcmp_unordered("uno", second[0], second[0])
    chosen = builder.or_(exceeds, is_nan)
    return tuple(builder.select(chosen, b, a) for a, b in zip(first, second, strict=True))


@intrinsic
def largest_lanes(
    typingctx, pixels, first, across, down, wide, tall, start, width, result, places, to, count
):
    """The maxima of `count` channels, at most eight, over a window of `wide` by `tall` pixels.

    It begins at the element `first` of `pixels`; `across` and `down` are the distances of its columns and
    rows in elements.  The maxima go to `result` from the element `to` on, and unless `places` is empty their
    positions to it: that of the first pixel is `start`, and a row of the image is `width` pixels long.  Of
    equal numbers the first counts, of several NaN the last.
    """

    def codegen(context, builder, signature, arguments):
        pixels, first, *how, result, places, to, count = arguments
        emit = Emitter(context, builder, signature.args[0].dtype, 0, 0, LANES)
        window = _Window(emit.address(signature.args[0], pixels, first), *how)
        memory = _Memory(emit, count)
        result_at = emit.pointer(emit.address(signature.args[8], result, to), emit.vector)
        kept = context.make_array(signature.args[9])(context, builder, places).nitems
        keeps = builder.icmp_signed(">", kept, emit.constant(0))
        best = cgutils.alloca_once(builder, emit.vector)
        place = cgutils.alloca_once(builder, _PLACES)

        def write(whole):
            def load(address):
                return memory.load(emit.pointer(address, emit.vector), whole)

            with builder.if_else(_is_square(emit, window)) as (square, other):
                with square:
                    a, b, c, d = ((load(address), here) for address, here in _four_pixels(emit, window))
                    found = _larger(builder, _larger(builder, a, b), _larger(builder, c, d))
                    builder.store(found[0], best)
                    builder.store(found[1], place)
                with other:
                    builder.store(load(window.origin), best)
                    builder.store(_spread(builder, window.start), place)
                    with _each_pixel(emit, window) as (address, here):
                        known = builder.load(best), builder.load(place)
                        found = _larger(builder, known, (load(address), here))
                        builder.store(found[0], best)
                        builder.store(found[1], place)
            memory.store(builder.load(best), result_at, whole)
            with builder.if_then(keeps):
                memory.store(builder.load(place), _places_at(emit, signature.args[9], places, to), whole)

        _in_both_cases(memory, write)
        return context.get_dummy_value()

    whole = types.intp
    return types.none(pixels, *[whole] * 7, result, places, whole, whole), codegen


@intrinsic
def give_lanes(typingctx, slopes, places, first, target, to, across, down, wide, tall, start, width, count):
    """Each pixel of a window gets the slopes of `count` channels whose place it is, and 0 elsewhere.

    The slopes and their places are at the element `first`.  Other arguments are as for `largest_lanes`, for
    the window at the element `to` of `target`.
    """

    def codegen(context, builder, signature, arguments):
        slopes, places, first, target, to, *how, count = arguments
        emit = Emitter(context, builder, signature.args[0].dtype, 0, 0, LANES)
        window = _Window(emit.address(signature.args[3], target, to), *how)
        memory, nothing = _Memory(emit, count), ir.Constant(emit.vector, None)
        slopes_at = emit.pointer(emit.address(signature.args[0], slopes, first), emit.vector)
        places_at = _places_at(emit, signature.args[1], places, first)

        def write(whole):
            numbers, found = memory.load(slopes_at, whole), memory.load(places_at, whole)

            def give(address, here):
                given = builder.select(builder.icmp_signed("==", found, here), numbers, nothing)
                memory.store(given, emit.pointer(address, emit.vector), whole)

            with builder.if_else(_is_square(emit, window)) as (square, other):
                with square:
                    for address, here in _four_pixels(emit, window):
                        give(address, here)
                with other, _each_pixel(emit, window) as (address, here):
                    give(address, here)

        _in_both_cases(memory, write)
        return context.get_dummy_value()

    whole = types.intp
    return types.none(slopes, places, whole, target, *[whole] * 8), codegen
