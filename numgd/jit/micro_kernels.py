"""Register-blocked micro-kernels: a block of sums of products kept in vector registers.

Numba has no vector types, so the loops are built as LLVM instructions.  Vectors have the width of the host's
registers; LLVM takes any width, so that a wrong guess costs speed alone.  Arrays are one-dimensional and
contiguous; a place in one is counted in elements from its start, and tables hold addresses.
"""

import math
from functools import cache

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numgd.jit.portable import portable


@cache
def register_bytes():
    """Bytes of the host's widest vector register."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx") else 16


def lanes_of(dtype):
    """Numbers of a dtype in one register."""
    return register_bytes() // dtype.itemsize


def rows_for(vectors):
    """Rows of a block that is `vectors` wide: all sums, a row of factors and one more fit the registers."""
    if register_bytes() == 32:  # AVX2 has 16 registers, AVX-512 and NEON 32
        return {1: 8, 2: 6, 3: 4, 4: 3}[vectors]
    return {1: 12, 2: 12, 3: 8, 4: 6}[vectors]


class _Emitter:
    """What the micro-kernels emit: sums in registers, and the multiply-adds of one step."""

    def __init__(self, context, builder, real, rows, vectors, lanes):
        self.context, self.builder = context, builder
        self.rows, self.vectors, self.lanes = rows, vectors, lanes
        self.scalar = context.get_value_type(real)
        self.vector = ir.VectorType(self.scalar, lanes)
        self.word = context.get_value_type(types.intp)
        self.size = context.get_abi_sizeof(context.get_data_type(real))
        # Declared by name: llvmlite cannot name the intrinsics of vectors.
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
        """The address so many elements further on."""
        return self.builder.add(address, self.builder.mul(elements, self.constant(self.size)))

    def pointer(self, address, kind, elements=0):
        start = self.builder.inttoptr(address, self.scalar.as_pointer())
        return self.builder.bitcast(self.builder.gep(start, [self.constant(elements)]), kind.as_pointer())

    def load(self, address, kind, elements=0):
        value = self.builder.load(self.pointer(address, kind, elements))
        value.align = self.size
        return value

    def store(self, value, address, elements):
        self.builder.store(value, self.pointer(address, self.vector, elements)).align = self.size

    def words(self, address, count):
        """So many integers from memory."""
        first = self.builder.inttoptr(address, self.word.as_pointer())
        return [self.builder.load(self.builder.gep(first, [self.constant(i)])) for i in range(count)]

    def clear(self):
        self.begin([ir.Constant(self.vector, None)] * self.vectors)

    def begin(self, columns):
        """Let the sums of every row start from a vector a column."""
        for row in self.sums:
            for total, column in zip(row, columns, strict=True):
                self.builder.store(column, total)

    def fetch(self, target, pitch):
        """Sums from memory."""
        for m, row in enumerate(self.sums):
            address = self.offset(target, self.builder.mul(pitch, self.constant(m)))
            for n, total in enumerate(row):
                self.builder.store(self.load(address, self.vector, n * self.lanes), total)

    def write(self, target, pitch):
        """Sums to memory."""
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
        """The first `count` numbers of each row's sums to an address a row."""
        whole = self.builder.icmp_signed(">=", count, self.constant(self.vectors * self.lanes))
        with self.builder.if_else(whole, likely=True) as (plain, masked):
            with plain:
                for address, row in zip(targets, self.sums, strict=True):
                    for n, total in enumerate(row):
                        self.store(self.builder.load(total), address, n * self.lanes)
            with masked:
                for n in range(self.vectors):
                    mask = self.mask(self.builder.sub(count, self.constant(n * self.lanes)))
                    for address, row in zip(targets, self.sums, strict=True):
                        self.store_some(self.builder.load(row[n]), address, n * self.lanes, mask)

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
        """The vector's lanes in another order."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), order)
        return self.builder.shuffle_vector(vector, ir.Constant(self.vector, ir.Undefined), mask)

    def add_product(self, left, right, total):
        self.builder.store(
            self.builder.call(self.multiply_add, [left, right, self.builder.load(total)]), total
        )

    def step(self, factor, wide):
        """Add the products of one number a row and one vector a column."""
        columns = [self.load(wide, self.vector, n * self.lanes) for n in range(self.vectors)]
        for m, row in enumerate(self.sums):
            spread = self.spread(factor(m))
            for total, column in zip(row, columns, strict=True):
                self.add_product(spread, column, total)


def _groups_of(lanes, width, member):
    """Order of lanes that gives every lane the given member of its group."""
    return [width * (lane // width) + member for lane in range(lanes)]


def _sum_gathered(emit, table, taps, length, shift, packed):
    """Add Σ_t Σ_k (table[t, m] + shift)[k] · packed[t, k, n] to the sums; table and packed are addresses."""
    builder = emit.builder
    width = emit.constant(emit.vectors * emit.lanes)
    with cgutils.for_range(builder, taps) as tap:
        skipped = builder.mul(tap.index, emit.constant(8 * emit.rows))
        sources = [
            emit.offset(source, shift) for source in emit.words(builder.add(table, skipped), emit.rows)
        ]
        panel = emit.offset(packed, builder.mul(builder.mul(tap.index, length), width))
        with cgutils.for_range(builder, length) as inner:
            emit.step(
                lambda m: emit.load(emit.offset(sources[m], inner.index), emit.scalar),
                emit.offset(panel, builder.mul(inner.index, width)),
            )


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
            emit = _Emitter(context, builder, real, rows, vectors, lanes)
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
    """Intrinsic of fifteen arguments, in the order of `convolve` below.

    The sums of `gather_block`, with ``bias[first + n]`` added and ``pieces[activation]`` applied, go to
    ``out[places[begin + m] + start + n]`` for the first `count` columns n.  As many numbers as the block has
    columns are read of the bias.
    """

    @intrinsic
    def convolve(
        typingctx, table, entry, taps, length, shift, packed, place, bias, first, out, places, begin, start,
        count, activation,
    ):  # fmt: skip
        def codegen(context, builder, signature, arguments):
            (
                table, entry, taps, length, shift, packed, place, bias, first, out, places, begin, start,
                count, activation,
            ) = arguments  # fmt: skip
            kinds = signature.args
            emit = _Emitter(context, builder, real, rows, vectors, lanes)
            for_bias = emit.address(kinds[7], bias, first)
            emit.begin([emit.load(for_bias, emit.vector, n * lanes) for n in range(vectors)])
            for_table = emit.address(kinds[0], table, entry)
            for_packed = emit.address(kinds[5], packed, place)
            _sum_gathered(emit, for_table, taps, length, shift, for_packed)
            emit.activate(activation, pieces)
            for_out = emit.address(kinds[9], out, start)
            targets = emit.words(emit.address(kinds[10], places, begin), rows)
            emit.scatter([emit.offset(for_out, target) for target in targets], count)
            return context.get_dummy_value()

        whole = types.intp
        signature = types.none(
            table, whole, whole, whole, whole, packed, whole, bias, whole, out, places, whole, whole, whole,
            whole,
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
            emit = _Emitter(context, builder, real, rows, vectors, lanes)
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


@cache
def gather_lanes(real, rows, lanes, width):
    """Intrinsic ``gather(table, taps, shift, step, packed, place, target, start, pitch)`` by channels.

    ``target[m, n] = Σ_t Σ_j (table[t] + shift + m · step)[group(n) + j] · packed[t, j, n]`` for `rows` m and
    `lanes` n, where groups of `width` neighbouring lanes see each other's numbers and j runs over them.
    """

    @intrinsic
    def gather(typingctx, table, taps, shift, step, packed, place, target, start, pitch):
        def codegen(context, builder, signature, arguments):
            table, taps, shift, step, packed, place, target, start, pitch = arguments
            kinds = signature.args
            emit = _Emitter(context, builder, real, rows, 1, lanes)
            emit.clear()
            for_packed = emit.address(kinds[4], packed, place)
            for_table = emit.address(kinds[0], table)
            with cgutils.for_range(builder, taps) as tap:
                skipped = builder.mul(tap.index, emit.constant(8))
                (source,) = emit.words(builder.add(for_table, skipped), 1)
                source = emit.offset(source, shift)
                panel = emit.offset(for_packed, builder.mul(tap.index, emit.constant(width * lanes)))
                factors = [emit.load(panel, emit.vector, j * lanes) for j in range(width)]
                for m, (total,) in enumerate(emit.sums):
                    ahead = builder.mul(step, emit.constant(m))
                    numbers = emit.load(emit.offset(source, ahead), emit.vector)
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
            emit = _Emitter(context, builder, real, taps * width, 1, lanes)
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
    and 2, after the activation.  Every number is loaded once and used for three results.  What m + j = 0
    meets is left out where `left`, and what m + j = rows + 1 meets where `right`: there is no image.  `table`
    holds addresses, and `out` is one.
    """

    @intrinsic
    def line(typingctx, table, taps, shift, step, packed, place, bias, first, out, pitch, activation):
        def codegen(context, builder, signature, arguments):
            table, taps, shift, step, packed, place, bias, first, out, pitch, activation = arguments
            kinds = signature.args
            emit = _Emitter(context, builder, real, rows, 1, lanes)
            emit.begin([emit.load(emit.address(kinds[6], bias, first), emit.vector)])
            for_packed = emit.address(kinds[4], packed, place)
            for_table = emit.address(kinds[0], table)
            with cgutils.for_range(builder, taps) as tap:
                (source,) = emit.words(builder.add(for_table, builder.mul(tap.index, emit.constant(8))), 1)
                source = emit.offset(source, shift)
                panel = emit.offset(for_packed, builder.mul(tap.index, emit.constant(3 * lanes)))
                factors = [emit.load(panel, emit.vector, j * lanes) for j in range(3)]
                for i in range(int(left), rows + 2 - int(right)):
                    number = emit.load(emit.offset(source, builder.mul(step, emit.constant(i))), emit.vector)
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
            emit = _Emitter(context, builder, real, 3, 1, lanes)
            ahead = [builder.mul(step, emit.constant(i)) for i in range(rows + 2)]
            grad = emit.offset(grad, shift)
            slopes = [emit.load(emit.offset(grad, ahead[m]), emit.vector) for m in range(rows)]
            for_target, for_table = emit.address(kinds[5], target, start), emit.address(kinds[1], table)
            with cgutils.for_range(builder, taps) as tap:
                (source,) = emit.words(builder.add(for_table, builder.mul(tap.index, emit.constant(8))), 1)
                source = emit.offset(source, shift)
                panel = emit.offset(for_target, builder.mul(tap.index, emit.constant(3 * lanes)))
                emit.fetch(panel, emit.constant(lanes))
                for i in range(int(left), rows + 2 - int(right)):
                    number = emit.load(emit.offset(source, ahead[i]), emit.vector)
                    for j, (total,) in enumerate(emit.sums):
                        if 0 <= i - j < rows:
                            emit.add_product(number, slopes[i - j], total)
                emit.write(panel, emit.constant(lanes))
            return context.get_dummy_value()

        whole = types.intp
        return types.none(whole, table, whole, whole, whole, target, whole), codegen

    return reduce


@cache
def any_of(make, real, variants):
    """Portable ``block(kind, …)``: what ``make(real, …)`` gives for one of several variants."""
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


def _signed_pairs(vectors):
    """Neighbours that are equal up to signs: their sum and difference have fewer terms."""
    pairs, i = [], 0
    while i + 1 < len(vectors):
        first, second = vectors[i], vectors[i + 1]
        alike = all(abs(a) == abs(b) for a, b in zip(first, second, strict=True))
        if alike and any(a == b != 0 for a, b in zip(first, second, strict=True)):
            pairs.append(i)
            i += 1
        i += 1
    return pairs


class _Combiner:
    """Emits constant linear combinations of vectors, with common parts computed once."""

    def __init__(self, emit):
        self.emit, self.builder = emit, emit.builder

    def _constant(self, value):
        return ir.Constant(self.emit.vector, [float(value)] * self.emit.lanes)

    def _combine(self, coefficients, vectors):
        """One combination, or None for nothing."""
        total = None
        # A coefficient of one first: it needs no product.
        order = sorted(range(len(vectors)), key=lambda i: coefficients[i] != 1)
        for i in order:
            coefficient, vector = coefficients[i], vectors[i]
            if coefficient == 0 or vector is None:
                continue
            if total is None:
                if coefficient == 1:
                    total = vector
                else:
                    total = self.builder.fmul(vector, self._constant(coefficient))
            elif coefficient == 1:
                total = self.builder.fadd(total, vector)
            elif coefficient == -1:
                total = self.builder.fsub(total, vector)
            else:
                arguments = [vector, self._constant(coefficient), total]
                total = self.builder.call(self.emit.multiply_add, arguments)
        return total

    def apply(self, matrix, vectors):
        """The matrix's products with a list of vectors."""
        columns = list(zip(*matrix, strict=True))
        pairs = _signed_pairs(columns)
        if pairs:
            vectors = list(vectors)
            for j in pairs:
                left, right = vectors[j], vectors[j + 1]
                vectors[j], vectors[j + 1] = self.builder.fadd(left, right), self.builder.fsub(left, right)
                for i, (a, b) in enumerate(zip(columns[j], columns[j + 1], strict=True)):
                    row = list(matrix[i])
                    row[j], row[j + 1] = (a, 0) if a == b else (0, a)
                    matrix = (*matrix[:i], tuple(row), *matrix[i + 1 :])
            return [self._combine(row, vectors) for row in matrix]
        results = [None] * len(matrix)
        for i in _signed_pairs(matrix):
            same = [a if a == b else 0 for a, b in zip(matrix[i], matrix[i + 1], strict=True)]
            other = [a if a != b else 0 for a, b in zip(matrix[i], matrix[i + 1], strict=True)]
            even, odd = self._combine(same, vectors), self._combine(other, vectors)
            results[i], results[i + 1] = self.builder.fadd(even, odd), self.builder.fsub(even, odd)
        return [
            self._combine(row, vectors) if done is None else done
            for row, done in zip(matrix, results, strict=True)
        ]


@cache
def sandwich_block(real, lanes, matrix):
    """Intrinsic ``sandwich(table, entry, shift, target, start, pitch)``: M·S·Mᵀ for `lanes` squares S.

    ``target[i, j] = Σ_p Σ_q M[i, p] M[j, q] (table[p, q] + shift)``, vectors of `lanes` numbers `pitch` apart
    in the order of (i, j); `table` holds an address for every (p, q) and `matrix` is a tuple of rows.
    """
    rows, columns = len(matrix), len(matrix[0])

    @intrinsic
    def sandwich(typingctx, table, entry, shift, target, start, pitch):
        def codegen(context, builder, signature, arguments):
            table, entry, shift, target, start, pitch = arguments
            emit = _Emitter(context, builder, real, 0, 0, lanes)
            combiner = _Combiner(emit)
            sources = emit.words(emit.address(signature.args[0], table, entry), columns * columns)
            half = []  # [q][i]: M·S, column by column
            for q in range(columns):
                square = [
                    emit.load(emit.offset(sources[p * columns + q], shift), emit.vector)
                    for p in range(columns)
                ]
                half.append(combiner.apply(matrix, square))
            first = emit.address(signature.args[3], target, start)
            for i in range(rows):
                for j, result in enumerate(combiner.apply(matrix, [column[i] for column in half])):
                    place = builder.mul(pitch, emit.constant(i * rows + j))
                    emit.store(result, emit.offset(first, place), 0)
            return context.get_dummy_value()

        whole = types.intp
        return types.none(table, whole, whole, target, whole, whole), codegen

    return sandwich


@cache
def move_vector(real, lanes):
    """Intrinsic ``move(source, place, target, start)``: copy `lanes` numbers."""

    @intrinsic
    def move(typingctx, source, place, target, start):
        def codegen(context, builder, signature, arguments):
            source, place, target, start = arguments
            emit = _Emitter(context, builder, real, 0, 0, lanes)
            numbers = emit.load(emit.address(signature.args[0], source, place), emit.vector)
            emit.store(numbers, emit.address(signature.args[2], target, start), 0)
            return context.get_dummy_value()

        whole = types.intp
        return types.none(source, whole, target, whole), codegen

    return move
