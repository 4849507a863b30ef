"""What a network consists of, as a table."""

from html import escape
from math import prod
from typing import NamedTuple


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
    """The layers of a network; the result of `Network.summary`, which prints as a table.

    Attributes
    ----------
    rows : list of Row
        In the order of computation.  `nbytes` is the memory of a layer's output for one sample.
    parameters : int
    multiply_adds : int
        Of convolutions and dense layers, for one sample forward.
    """

    def __init__(self, network):
        shapes = network.wiring.shapes
        self.title = f"{type(network.model).__name__} on {_size(network.input_shape)}, {network.dtype}"
        self.rows = []
        for node in network.wiring.nodes:
            own = network.parameters_of(node).values()
            name = repr(node.layer).partition("(")[0]
            self.rows.append(
                Row(
                    node.path,
                    name if node.activation is None else f"{name}, {node.activation}",
                    shapes[node.output],
                    sum(array.size for array in own),
                    node.layer.multiply_adds(*(shapes[i] for i in node.inputs)),
                    prod(shapes[node.output]) * network.dtype.itemsize,
                )
            )
        self.parameters = sum(row.parameters for row in self.rows)
        self.multiply_adds = sum(row.multiply_adds for row in self.rows)

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
        head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self._cells()
        )
        return f"<table><caption>{escape(self.title)}</caption><tr>{head}</tr>{body}</table>"


def _size(shape):
    return "×".join(map(str, shape))


def _bytes(count):
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} GiB"
