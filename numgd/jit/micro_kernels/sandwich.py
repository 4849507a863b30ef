"""Micro-kernel of the transforms M·S·Mᵀ of Winograd's algorithm."""

from functools import cache

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from numgd.jit.micro_kernels.emitter import Emitter


def _signed_pairs(vectors):
    """Neighbours that are equal except for signs: their sum and difference have fewer terms."""
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
    """Emits linear combinations of vectors with constant coefficients, and computes common parts once."""

    def __init__(self, emit):
        self.emit, self.builder = emit, emit.builder

    def _constant(self, value):
        return ir.Constant(self.emit.vector, [float(value)] * self.emit.lanes)

    def _combine(self, coefficients, vectors):
        """One combination; None if all its terms are zero."""
        total = None
        # A coefficient of 1 comes first, since it needs no product.
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
        """The products of the matrix with a list of vectors."""
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
            emit = Emitter(context, builder, real, 0, 0, lanes)
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
