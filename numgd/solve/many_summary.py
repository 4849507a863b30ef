"""How the results of many problems are printed."""

import numpy as np


def summary(kind, noun, success, name, values, nit, status, names):
    """Text: how many problems were solved, the spread of the values, and how the others ended.

    Parameters
    ----------
    kind, noun : str
        Name of the result, and what there are many of.
    success, values, nit, status : numpy.ndarray of shape (N,)
    name : str
        What the values are called.
    names : enum.IntEnum
        Names of the statuses; of a status that it does not know, the number is printed.
    """
    count = np.size(success)
    lines = [f"{kind}: {np.count_nonzero(success)} of {count} {noun} were solved"]
    if count:
        finite = np.sort(values[np.isfinite(values)])
        if finite.size:
            middle = np.median(finite)
            spread = f"best {finite[0]:.6g}, median {middle:.6g}, worst {finite[-1]:.6g}"
            lines.append(f"  {name:7} {spread}")
        if finite.size < count:
            lines.append(f"  {name:7} not finite: {count - finite.size}")
        lines.append(f"  nit     median {np.median(nit):g}, most {nit.max():d}, all {nit.sum():d}")
        known = names._value2member_map_
        for code, number in zip(*np.unique(status, return_counts=True), strict=True):
            label = known[int(code)].name if int(code) in known else str(code)
            lines.append(f"  status  {label}: {number}")
    return "\n".join(lines)
