"""Tables in HTML for notebooks: without scripts, in the colours of the page."""

from html import escape
from typing import Any

import numpy as np

EDGE = 3
"""Rows, or numbers of a vector, that are shown from each end of a long one."""

_FRAME = "max-height: 32em; overflow: auto"
_TABLE = "border-collapse: collapse; color: inherit"
_CAPTION = "text-align: left; white-space: nowrap; padding: 0.2em 0.6em; color: inherit; font-weight: bold"
_SIDES = {side: f"text-align: {side}; padding: 0.1em 0.6em" for side in ("left", "right")}


def table(title, head, rows, sides):
    """A table as HTML; all texts are escaped.

    Parameters
    ----------
    title : str
    head : sequence of str
        Headings of the columns; there is no row of headings if it is empty.
    rows : iterable of sequences of str
    sides : sequence of {'left', 'right'}
        Where the text of each column is aligned.
    """
    lines = [f'<caption style="{_CAPTION}">{escape(title)}</caption>']
    if head:
        lines.append(_row("th", head, sides))
    lines += [_row("td", row, sides) for row in rows]
    return f'<div style="{_FRAME}"><table style="{_TABLE}">{"".join(lines)}</table></div>'


def _row(tag, cells, sides):
    made = (
        f'<{tag} style="{_SIDES[side]}">{escape(cell)}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{''.join(made)}</tr>"


def of_fields(title, fields):
    """A table of names and values, as HTML."""
    return table(title, (), ((str(name), text_of(value)) for name, value in fields.items()), ("left", "left"))


def of_summary(text):
    """A summary as a table in HTML: the first line is its title, each other one a name and words about it."""
    title, *lines = text.splitlines()
    return table(title, (), (line.split(maxsplit=1) for line in lines), ("left", "left"))


def of_history(title, unit, columns, first=0):
    """A table of what was recorded in the course of a run, as HTML.

    Parameters
    ----------
    title : str
    unit : str
        What a row is, such as 'iteration'.
    columns : dict
        Name to values, one for each row; the first one says how many there are.  Columns of which nothing is
        known (None, or NaN throughout) are left out; of values that are not one for each row, only the shape
        is shown, behind the title.
    first : int
        Number of the first row: 0 if that is the start, which does not count.
    """
    count = len(next(iter(columns.values())))
    others, shown = [], {}
    for name, values in columns.items():
        if values is None or isinstance(values, dict):
            continue
        if np.ndim(values) == 0 or len(values) != count:
            others.append(f"{name} {_shape(values)}")
        elif count == 0 or not _is_unknown(values):
            shown[name] = values
    numbers = range(count)
    if count > 2 * EDGE + 1:
        numbers = [*range(EDGE), None, *range(count - EDGE, count)]
    rows = (
        ("…",) * (1 + len(shown)) if k is None else (str(first + k), *(text_of(v[k]) for v in shown.values()))
        for k in numbers
    )
    title = "; ".join([f"{title}: {counted(max(0, count + first - 1), unit)}", *others])
    return table(title, (unit, *shown), rows, ("right",) * (1 + len(shown)))


def counted(count, unit):
    """A number of things, such as '1 epoch' or '1,200 epochs'."""
    return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"


def _is_unknown(values):
    values = np.asarray(values)
    return values.dtype.kind == "f" and bool(np.isnan(values).all())


def text_of(value: Any) -> str:
    """A value in one short line: numbers with six digits, long arrays by their ends and their shape."""
    if isinstance(value, bool | np.bool_ | str) or value is None:
        return str(value)
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    if isinstance(value, np.ndarray):
        return _text_of_array(value)
    if hasattr(value, "__cuda_array_interface__"):
        return f"array {_shape(value)} on a GPU"
    if isinstance(value, dict):
        return _shortened(", ".join(f"{name}: {text_of(own)}" for name, own in value.items()))
    if hasattr(value, "_fields"):
        return type(value).__name__ + (f": {counted(len(value[0]), 'row')}" if np.ndim(value[0]) else "")
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} of {len(value)}" if len(value) > EDGE else _shortened(repr(value))
    return _shortened(repr(value))


def _text_of_array(array):
    if array.dtype.kind not in "biuf" or array.ndim > 1 or array.size == 0:
        return f"array {_shape(array)} of {array.dtype}" if array.ndim else text_of(array.item())
    if array.ndim == 0:
        return text_of(array[()])
    numbers = [text_of(number) for number in array[: 2 * EDGE + 1]]
    if array.size <= 2 * EDGE:
        return f"[{', '.join(numbers)}]"
    ends = [*numbers[:EDGE], "…", *(text_of(number) for number in array[-EDGE:])]
    return f"[{', '.join(ends)}] ({array.size:,})"


def _shape(array):
    return "×".join(map(str, array.shape if hasattr(array, "shape") else np.shape(array)))


def _shortened(text, most=120):
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
