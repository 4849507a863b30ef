"""Padding before and after the axes of an image, in the forms in which it is given."""

from numgd.foundations.ranges import checked
from numgd.nn.functional.checks import Extra


def sides_of(padding, axes=2):
    """(top, bottom, left, right) from one integer, from one for each axis, or from all; for any axes."""
    values = tuple(padding) if isinstance(padding, tuple | list) else (padding,) * axes
    if len(values) not in (axes, 2 * axes):
        numbers = {1: "one integer or two", 2: "one integer, two or four", 3: "one integer, three or six"}[
            axes
        ]
        raise ValueError(f"padding must be {numbers}; it is {padding!r}")
    values = tuple(checked("padding", value, Extra) for value in values)
    if len(values) == 2 * axes:
        return values
    return tuple(side for both in values for side in (both, both))


def padding_of(padding, size, stride, extent):
    """(top, bottom, left, right) for windows that span `extent`, from integers or a name.

    With ``'same'`` and ``'same_lower'`` there are ⌈size / stride⌉ windows along each axis; if the padding
    that this takes is odd, one more is at the end or, for the latter, at the beginning.
    """
    if not isinstance(padding, str):
        return sides_of(padding, len(extent))
    if padding == "valid":
        return (0, 0) * len(extent)
    if padding not in ("same", "same_lower"):
        raise ValueError(f"padding must be 'same', 'same_lower', 'valid' or integers; it is {padding!r}")
    sides = []
    for length, step, spanned in zip(size, stride, extent, strict=True):
        total = max(0, (-(-length // step) - 1) * step + spanned - length)
        fewer = total // 2
        sides += (fewer, total - fewer) if padding == "same" else (total - fewer, fewer)
    return tuple(sides)
