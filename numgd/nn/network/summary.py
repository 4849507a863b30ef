"""What a network consists of, as a table."""

from math import prod
from typing import NamedTuple

import numpy as np

from numgd.nn.network.checks import checked_dtype, checked_shape
from numgd.nn.network.wiring import wired
from numgd.system.html import table


class Row(NamedTuple):
    """A layer of a network."""

    name: str
    layer: str
    shape: tuple
    parameters: int
    multiply_adds: int
    nbytes: int


HEADINGS = ("name", "layer", "output", "parameters", "multiply-adds", "memory")


class Summary:
    """The layers of a network; the result of `summary`, which prints as a table.

    Attributes
    ----------
    rows : list of Row
        In the order of computation.  `nbytes` is the memory of a layer's output for one sample.
    parameters : int
    states : int
        Numbers that layers update themselves, such as running statistics.
    multiply_adds : int
        Of convolutions and dense layers, for one sample forward; not of auxiliary classifiers.
    """

    def __init__(self, model, wiring, dtype):
        shapes, in_use = wiring.shapes, set(wiring.needed(training=False))
        self.title = f"{type(model).__name__} on {_size(shapes[0])}, {dtype}"
        self.states = self.multiply_adds = 0
        self.rows = []
        for node in wiring.nodes:
            taken = [shapes[i] for i in node.inputs]
            work = node.layer.multiply_adds(*taken)
            self.multiply_adds += work if node in in_use else 0
            self.states += _total(node.layer.states(*taken))
            name = repr(node.layer).partition("(")[0]
            self.rows.append(
                Row(
                    node.path,
                    name if node.activation is None else f"{name}, {node.activation}",
                    shapes[node.output],
                    _total(node.layer.parameters(*taken)),
                    work,
                    prod(shapes[node.output]) * dtype.itemsize,
                )
            )
        self.parameters = sum(row.parameters for row in self.rows)

    def _cells(self):
        for row in self.rows:
            counts = (f"{n:,}" if n else "" for n in row[3:5])
            yield row.name, row.layer, _size(row.shape), *counts, _bytes(row.nbytes)
        total = _bytes(sum(row.nbytes for row in self.rows))
        yield "total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}", total

    def __str__(self):
        cells = [HEADINGS, *self._cells()]
        widths = [max(len(row[i]) for row in cells) for i in range(len(HEADINGS))]
        lines = [
            "  ".join(
                cell.ljust(w) if i < 3 else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join([self.title, rule, lines[0], rule, *lines[1:-1], rule, lines[-1]])

    __repr__ = __str__

    def _repr_html_(self):
        sides = *("left",) * 3, *("right",) * 3
        return table(self.title, HEADINGS, self._cells(), sides)


def summary(model, input_shape, *, dtype=np.float32):
    """What a model consists of: shapes, parameters, multiply-adds and memory of its layers.

    No parameters are allocated.

    Parameters
    ----------
    model : Layer or container
    input_shape : tuple of int
        Of one sample.
    dtype : float32 or float64

    Returns
    -------
    Summary
        Printed as a table, in notebooks as HTML.

    Raises
    ------
    TypeError, ValueError
        If shapes do not chain: the error names the layer, what it got and what it takes.

    Examples
    --------
    >>> from numgd import nn
    >>> found = nn.summary(nn.models.lenet5(), input_shape=(28, 28, 1))
    >>> found.parameters, found.multiply_adds
    (61706, 416520)
    """
    return Summary(model, wired(model, checked_shape(input_shape)), checked_dtype(dtype))


def _total(described):
    return sum(prod(own.shape) for own in described.values())


def _size(shape):
    return "×".join(map(str, shape))


def _bytes(count):
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} GiB"
