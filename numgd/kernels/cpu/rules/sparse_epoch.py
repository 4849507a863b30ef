"""Steps over batches of rows of a sparse matrix, which change only the parameters of columns in the batch.

The counterpart of `numgd.kernels.cpu.rules.epoch` for such data.  The objective sees a small problem: the
parameters of the columns with an entry in the batch, numbered in the order of their first entry.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from numgd.first_order.apply import coefficients_of, make_cast, make_rows
from numgd.first_order.treatment import (
    clipped,
    make_treated,
    noise,
    noise_deviation,
    noise_stream,
    norm_factor,
    shrinkage,
)
from numgd.foundations.spaces import SERIAL
from numgd.jit.making import made_once
from numgd.jit.pointers import WANT_GRADIENT, WANT_VALUE, call_objective
from numgd.jit.portable import compiled, portable
from numgd.kernels.cpu.rules.epoch import make_mean


class Rows(NamedTuple):
    """A matrix in CSR format, and the part of it that forms a batch."""

    indptr: Any  # (rows + 1,) int64
    indices: Any  # (entries,)
    values: Any  # (entries,)
    order: Any  # (rows,) int64: the row at each position of the epoch
    own_indptr: Any  # indptr of the batch, from 0 on
    own_indices: Any
    own_values: Any
    touched: Any  # the columns with an entry in the batch
    number: Any  # each column's position among these
    seen: Any  # the last step that touched each column
    x: Any  # the parameters of the touched columns
    width: Any  # number of parameters per column


@portable
def _gather(cursor, rows):
    """Copy the entries of the rows at the cursor, and write their number to the cursor."""
    entries = 0
    for i in range(cursor[1]):
        row = rows.order[cursor[0] + i]
        for entry in range(rows.indptr[row], rows.indptr[row + 1]):
            rows.own_indices[entries] = rows.indices[entry]
            rows.own_values[entries] = rows.values[entry]
            entries += 1
        rows.own_indptr[i + 1] = entries
    cursor[2] = entries


@portable
def _renumber(rows, entries, x, mark):
    """Renumber the columns of the copied entries and copy their parameters; returns the number of columns."""
    count, width = 0, rows.width
    for entry in range(entries):
        column = rows.own_indices[entry]
        if rows.seen[column] != mark:
            rows.seen[column] = mark
            rows.number[column] = count
            rows.touched[count] = column
            for w in range(width):
                rows.x[count * width + w] = x[column * width + w]
            count += 1
        rows.own_indices[entry] = rows.number[column]
    return count


@made_once
def epoch(rule, dtype):
    """The compiled driver of a rule for a dtype, as in `numgd.kernels.cpu.rules.epoch`, with `rows` last."""
    real = dtype.type
    change, _ = make_treated(rule, in_rows=True)
    rows_of, coefficients, options_type = make_rows(rule), rule.coefficients, rule.options
    cast = make_cast(coefficients_of(rule), real)
    dot = SERIAL.dot

    @compiled(rule.code_name("sparse-epoch", rule.name, dtype.name))
    def drive(
        x, g, slots, options, rates, running, t, address, context, batches, first, values, treatment, memory,
        rows,
    ):  # fmt: skip
        slot_rows = rows_of(slots, 0)
        cursor, width = batches.cursor, rows.width
        for k in range(rates.size):
            now, bound = t + k, real(treatment.bound)
            cursor[0] = (first + k) * batches.size
            cursor[1] = min(batches.size, batches.rows - cursor[0])
            _gather(cursor, rows)
            columns = _renumber(rows, cursor[2], x, np.int64(now))
            here, slopes = rows.x[: columns * width], g[: columns * width]
            f = call_objective(address, here, slopes, WANT_VALUE | WANT_GRADIENT, context)
            values[k] = f
            square = dot(slopes, slopes)
            if not (abs(f) < math.inf and square < math.inf):
                return k
            factor = norm_factor(real, square, real(treatment.max_norm))
            c = cast(coefficients(np.float64, options_type(rates[k], *options[1:]), now, running), 0)
            shares = shrinkage(treatment.decay, treatment.decoupled, rates[k])
            decay, keep = real(shares[0]), real(shares[1])
            if treatment.noise > 0.0:
                deviation = real(noise_deviation(treatment.noise, treatment.noise_decay, now))
                stream = noise_stream(now)
            for j in range(columns):
                for w in range(width):
                    i = rows.touched[j] * width + w
                    slope, by, limit = slopes[j * width + w], factor, bound
                    if treatment.noise > 0.0:
                        slope = clipped(slope, factor, bound)
                        slope += noise(real, deviation, treatment.noise_seed, stream, i)
                        by, limit = real(1), real(math.inf)
                    x[i] = change(i, x[i], slope, by, limit, decay, keep, slot_rows, c)
        return rates.size

    return drive


@made_once
def mean(dtype):
    """The compiled mean of an objective over all data, as in `numgd.kernels.cpu.rules.epoch`."""
    return make_mean(f"sparse-mean-{dtype.name}", dtype, _gather)
