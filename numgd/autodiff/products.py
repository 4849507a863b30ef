"""Bodies of Jacobians and Hessians, which consist of products with unit vectors."""

from textwrap import indent

LANES = 4
"""Number of tangents that are computed in one pass."""

_BY_COLUMNS = """\
    {direction} = np.zeros(({LANES}, {x}.size), {x}.dtype)
    for {i} in range(0, {x}.size, {LANES}):
        {count} = min({LANES}, {x}.size - {i})
        for {k} in range({count}):
            {direction}[{k}, {i} + {k}] = 1.0
        {product}({lanes_call})
        for {k} in range({count}):
            {direction}[{k}, {i} + {k}] = 0.0
"""
"""Writes the products with unit vectors to the rows of {out}; LANES further rows are scratch."""

_BY_ROWS = """\
    {out} = np.empty(({y}.size, {x}.size), {y}.dtype)
    {row} = np.zeros_like({y})
    for {i} in range({y}.size):
        {row}[{i}] = 1.0
        {out}[{i}] = {back}({row_call})
        {row}[{i}] = 0.0
    return {out}
"""

JACOBIANS = {
    (0, 0): "    {direction} = 1.0\n    return {product}({call})\n",
    (0, 1): "    {direction} = 1.0\n    return {product}({call})\n",
    (1, 0): "    {direction} = 1.0\n    return {back}({call})\n",
    (1, 1): "    {y} = {value}({own_call})\n    if 4 * {y}.size < {x}.size:\n"
    + indent(_BY_ROWS, "    ")
    + "    {out} = np.zeros(({x}.size + {LANES}, {y}.size), {y}.dtype)\n"
    + _BY_COLUMNS
    + "    return np.ascontiguousarray({out}[: {x}.size].T)\n",
}
"""Jacobians by the numbers of dimensions of argument and result."""

JACOBIAN_MODES = {
    (0, 0): {"product": "jvp"},
    (0, 1): {"product": "jvp"},
    (1, 0): {"back": "vjp"},
    (1, 1): {"value": "value", "product": "jvps", "back": "vjp"},
}
"""The derivatives that they call."""

IN_REVERSE = {
    (0, 0): JACOBIANS[1, 0],
    (0, 1): """\
    {y} = {value}({own_call})
    {out} = np.empty_like({y})
    {row} = np.zeros_like({y})
    for {i} in range({y}.size):
        {row}[{i}] = 1.0
        {out}[{i}] = {back}({row_call})
        {row}[{i}] = 0.0
    return {out}
""",
    (1, 0): JACOBIANS[1, 0],
    (1, 1): "    {y} = {value}({own_call})\n" + _BY_ROWS,
}
"""The same for functions that forward mode cannot differentiate."""

IN_REVERSE_MODES = {
    (0, 0): {"back": "vjp"},
    (0, 1): {"value": "value", "back": "vjp"},
    (1, 0): {"back": "vjp"},
    (1, 1): {"value": "value", "back": "vjp"},
}

HESSIAN = (
    "    {out} = np.zeros(({x}.size + {LANES}, {x}.size), {x}.dtype)\n"
    + _BY_COLUMNS
    + "    return {out}[: {x}.size]\n"
)
