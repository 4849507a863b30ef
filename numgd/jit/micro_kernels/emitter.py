"""What the micro-kernels emit: sums in vector registers, and the multiply-adds of one step."""

import math

from llvmlite import ir
from numba import types
from numba.core import cgutils

from numgd.jit.target import register_bytes, vector_registers


def lanes_of(dtype):
    """Numbers of a dtype in one register."""
    return register_bytes() // dtype.itemsize


LINE = 64
"""Bytes of a cache line."""

AHEAD = 2048
"""Bytes by which columns are asked for before they are needed."""

NEAREST, SECOND = 3, 2
"""Levels of caches, as LLVM counts them."""

MAX_ROWS = 12
"""Maximum number of rows of a block: the addresses of their factors stay in general-purpose registers."""


def rows_for(vectors):
    """Rows of a block that is `vectors` wide: its sums, its columns and one factor stay in registers."""
    return min(MAX_ROWS, (vector_registers() - 1) // vectors - 1)


class Emitter:
    """Emits the instructions of micro-kernels, for a block of sums in registers."""

    def __init__(self, context, builder, real, rows, vectors, lanes):
        self.context, self.builder = context, builder
        self.rows, self.vectors, self.lanes = rows, vectors, lanes
        self.scalar = context.get_value_type(real)
        self.vector = ir.VectorType(self.scalar, lanes)
        self.word = context.get_value_type(types.intp)
        self.size = context.get_abi_sizeof(context.get_data_type(real))
        # Declared by name, since llvmlite does not support intrinsics of vectors.
        self.multiply_add = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(self.vector, [self.vector] * 3),
            f"llvm.fmuladd.v{lanes}f{8 * self.size}",
        )
        self.sums = [[cgutils.alloca_once(builder, self.vector) for _ in range(vectors)] for _ in range(rows)]

    def constant(self, value):
        return ir.Constant(self.word, value)

    def address(self, kind, value, place=None):
        """Address of an element of an array argument."""
        data = self.context.make_array(kind)(self.context, self.builder, value).data
        if place is not None:
            data = self.builder.gep(data, [place])
        return self.builder.ptrtoint(data, self.word)

    def offset(self, address, elements):
        """An address plus a number of elements."""
        return self.builder.add(address, self.builder.mul(elements, self.constant(self.size)))

    def ahead(self, address, step, count):
        """The address plus 0, 1, … `count` − 1 steps of as many elements.

        Each is the sum of the one before and a step: LLVM would keep the multiples of a step in registers,
        of which there are too few.
        """
        width = self.builder.mul(step, self.constant(self.size))
        found = [address]
        for _ in range(count - 1):
            found.append(self.builder.add(found[-1], width))
        return found

    def pointer(self, address, kind, elements=0):
        start = self.builder.inttoptr(address, self.scalar.as_pointer())
        return self.builder.bitcast(self.builder.gep(start, [self.constant(elements)]), kind.as_pointer())

    def load(self, address, kind, elements=0):
        value = self.builder.load(self.pointer(address, kind, elements))
        value.align = self.size
        return value

    def store(self, value, address, elements):
        self.builder.store(value, self.pointer(address, value.type, elements)).align = self.size

    def words(self, address, count):
        """Integers from memory."""
        first = self.builder.inttoptr(address, self.word.as_pointer())
        return [self.builder.load(self.builder.gep(first, [self.constant(i)])) for i in range(count)]

    def clear(self):
        self.begin([ir.Constant(self.vector, None)] * self.vectors)

    def begin(self, columns):
        """Initialise the sums of every row with one vector per column."""
        for row in self.sums:
            for total, column in zip(row, columns, strict=True):
                self.builder.store(column, total)

    def fetch(self, target, pitch):
        """Load the sums from memory."""
        for m, row in enumerate(self.sums):
            address = self.offset(target, self.builder.mul(pitch, self.constant(m)))
            for n, total in enumerate(row):
                self.builder.store(self.load(address, self.vector, n * self.lanes), total)

    def write(self, target, pitch):
        """Store the sums to memory."""
        for m, row in enumerate(self.sums):
            address = self.offset(target, self.builder.mul(pitch, self.constant(m)))
            for n, total in enumerate(row):
                self.store(self.builder.load(total), address, n * self.lanes)

    def activate(self, code, pieces):
        """Apply the piecewise linear activation ``pieces[code]`` to the sums.

        `pieces` holds a (slope, ceiling) for every code: min(x, ceiling) where x > 0, else slope · x.
        """
        for number, (slope, ceiling) in enumerate(pieces):
            if (slope, ceiling) == (1.0, math.inf):
                continue
            with self.builder.if_then(self.builder.icmp_signed("==", code, self.constant(number))):
                for total in (total for row in self.sums for total in row):
                    self.builder.store(self.piecewise(self.builder.load(total), slope, ceiling), total)

    def piecewise(self, value, slope, ceiling):
        """One piecewise linear activation of a vector; NaN stays."""

        def constant(number):
            return self.spread(ir.Constant(self.scalar, number))

        zero = constant(0.0)
        below = zero if slope == 0 else self.builder.fmul(value, constant(slope))
        value = self.builder.select(self.builder.fcmp_ordered("<=", value, zero), below, value)
        if ceiling == math.inf:
            return value
        top = constant(ceiling)
        return self.builder.select(self.builder.fcmp_ordered(">=", value, top), top, value)

    def scatter(self, targets, count):
        """Store the first `count` sums of each row, to one address per row."""
        whole = self.builder.icmp_signed(">=", count, self.constant(self.vectors * self.lanes))
        with self.builder.if_else(whole, likely=True) as (plain, masked):
            with plain:
                for address, row in zip(targets, self.sums, strict=True):
                    for n, total in enumerate(row):
                        self.store(self.builder.load(total), address, n * self.lanes)
            with masked:
                for n in range(self.vectors):
                    left = self.builder.sub(count, self.constant(n * self.lanes))
                    values = [self.builder.load(row[n]) for row in self.sums]
                    self.store_first(values, targets, n * self.lanes, left)

    def store_first(self, values, targets, elements, count):
        """Store the first `count` lanes of each vector, `elements` numbers after its target address.

        Processors with registers of 64 bytes have masks for this.  Of the others, some take twenty cycles for
        a masked store, longer than for two or three stores of parts.
        """
        if register_bytes() == 64:
            mask = self.mask(count)
            for value, address in zip(values, targets, strict=True):
                self.store_some(value, address, elements, mask)
            return
        lanes = values[0].type.count
        if lanes == 1:
            with self.builder.if_then(self.builder.icmp_signed(">", count, self.constant(0))):
                for value, address in zip(values, targets, strict=True):
                    self.store(value, address, elements)
            return
        half = lanes // 2
        low, high = ([self.part(value, first, half) for value in values] for first in (0, half))
        enough = self.builder.icmp_signed(">=", count, self.constant(half))
        with self.builder.if_else(enough) as (then, otherwise):
            with then:
                for value, address in zip(low, targets, strict=True):
                    self.store(value, address, elements)
                self.store_first(high, targets, elements + half, self.builder.sub(count, self.constant(half)))
            with otherwise:
                self.store_first(low, targets, elements, count)

    def part(self, vector, first, count):
        """Some neighbouring lanes of a vector."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(first, first + count)))
        return self.builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)

    def mask(self, count):
        """Which lanes are among the first `count`."""
        word = ir.IntType(32)
        numbers = ir.Constant(ir.VectorType(word, self.lanes), list(range(self.lanes)))
        undefined = ir.Constant(numbers.type, ir.Undefined)
        single = self.builder.insert_element(undefined, self.builder.trunc(count, word), ir.Constant(word, 0))
        spread = self.builder.shuffle_vector(single, undefined, ir.Constant(numbers.type, [0] * self.lanes))
        return self.builder.icmp_signed("<", numbers, spread)

    def store_some(self, value, address, elements, mask):
        """Store the lanes of a mask."""
        pointer, word = self.pointer(address, self.vector, elements), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(ir.VoidType(), [self.vector, pointer.type, word, mask.type]),
            f"llvm.masked.store.v{self.lanes}f{8 * self.size}.p0",
        )
        self.builder.call(function, [value, pointer, ir.Constant(word, self.size), mask])

    def spread(self, number):
        """A vector of one number."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        single = self.builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
        return self.shuffle(single, [0] * self.lanes)

    def shuffle(self, vector, order):
        """The lanes of a vector in another order."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), order)
        return self.builder.shuffle_vector(vector, ir.Constant(self.vector, ir.Undefined), mask)

    def prefetch(self, columns):
        """Ask for the columns of a later step, `AHEAD` bytes after those of this one.

        The processor's own prefetching ends with each page, which weights fill in a few dozen steps.
        """
        step = self.vectors * self.lanes * self.size
        if step < LINE:  # several steps would ask for one line
            return
        for line in range(0, step, LINE):
            self.ask_for(self.builder.add(columns, self.constant(AHEAD + line)), NEAREST)

    def ask_for(self, address, level):
        """Have the line of an address brought into a cache; an address outside of all memory does nothing."""
        word, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, word, word, word])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        reading, data = ir.Constant(word, 0), ir.Constant(word, 1)
        place = self.builder.inttoptr(address, pointer)
        self.builder.call(function, [place, reading, ir.Constant(word, level), data])

    def add_product(self, left, right, total):
        self.builder.store(
            self.builder.call(self.multiply_add, [left, right, self.builder.load(total)]), total
        )

    def step(self, factor, wide):
        """Add the products of one number per row and one vector per column."""
        columns = [self.load(wide, self.vector, n * self.lanes) for n in range(self.vectors)]
        for m, row in enumerate(self.sums):
            spread = self.spread(factor(m))
            for total, column in zip(row, columns, strict=True):
                self.add_product(spread, column, total)
