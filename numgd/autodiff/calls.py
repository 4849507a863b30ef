"""Calls of functions that consist of several operations, or whose arguments are not values."""

import ast
import builtins
import inspect

import numba
import numpy as np

from numgd.autodiff import definitions, helpers, rules
from numgd.autodiff.program import ELLIPSIS, NEW_AXIS, Counted, Sequence, Slice, Static

_DTYPES = {
    np.float64: "f8", float: "f8", np.float32: "f4", np.int64: "i8", np.int32: "i8", int: "i8",
    np.bool_: "b1", bool: "b1",
}  # fmt: skip

CALLS = {}
"""``CALLS[function](builder, node, function, *args, **keywords)``; takes only supported arguments."""

METHOD_CALLS = {}
"""``METHOD_CALLS[name](builder, node, name, array, *args, **keywords)``: the same for methods of arrays."""


def call(*functions, methods=()):
    """Register a builder of calls."""

    def decorate(made):
        CALLS.update(dict.fromkeys(functions, made))
        METHOD_CALLS.update(dict.fromkeys(methods, made))
        return made

    return decorate


def build_call(made, builder, node, function, args, keywords):
    """The result of a registered builder for a call."""
    try:
        inspect.signature(made).bind(builder, node, function, *args, **keywords)
    except TypeError:
        builder.refuse(node, f"the call {ast.unparse(node)!r} with these arguments")
    return made(builder, node, function, *args, **keywords)


def dtype_of(thing, builder, node):
    """The name of a dtype."""
    if isinstance(thing, np.dtype):
        thing = thing.type
    if isinstance(thing, numba.types.Type):
        thing = {"float64": np.float64, "float32": np.float32, "int64": np.int64}.get(str(thing))
    if isinstance(thing, str):
        try:
            thing = np.dtype(thing).type
        except TypeError:
            builder.refuse(node, f"the dtype {thing!r}")
    found = _DTYPES.get(thing)
    if found is None:
        builder.refuse(node, f"the dtype {getattr(thing, '__name__', thing)!r}")
    return found


def option(builder, node, name, what):
    """An option of an operation, which must be known when the derivative is generated."""
    if isinstance(what, Static) and what.value is None:
        return None
    if name == "dtype":
        if isinstance(what, Static):
            return dtype_of(what.value, builder, node)
        builder.refuse(node, "a dtype that is not known")
    if name in ("side", "kind") and isinstance(what, Static) and isinstance(what.value, str):
        return what.value
    return builder.known(what, node)


# Python's own ---------------------------------------------------------------------------------------------


@call(range, numba.prange)
def _range(builder, node, function, first, stop=None, step=None, /):
    zero, one = builder.constant(0), builder.constant(1)
    if stop is None:
        return Counted(zero, builder.value(first, node), one)
    return Counted(
        builder.value(first, node),
        builder.value(stop, node),
        one if step is None else builder.value(step, node),
    )


@call(enumerate)
def _enumerate(builder, node, function, iterable, start=None):
    start = builder.constant(0) if start is None else builder.value(start, node)
    if isinstance(iterable, tuple):
        return tuple(
            (builder.arithmetic(ast.Add(), builder.constant(i), start, node), item)
            for i, item in enumerate(iterable)
        )
    inner = builder.sequence(iterable, node)

    def pair(i):
        return builder.arithmetic(ast.Add(), i, start, node), inner.item(i)

    return Sequence(inner.length, pair)


@call(zip)
def _zip(builder, node, function, /, *sequences):
    if all(isinstance(sequence, tuple) for sequence in sequences):
        return tuple(zip(*sequences, strict=False))
    parts = [builder.sequence(sequence, node) for sequence in sequences]
    length = parts[0].length
    for part in parts[1:]:
        if part.length is not length:
            length = builder.apply(rules.MINIMUM, [length, part.length], node)
    return Sequence(length, lambda i: tuple(part.item(i) for part in parts))


@call(len)
def _len(builder, node, function, items, /):
    if isinstance(items, tuple):
        return builder.constant(len(items))
    return builder.apply(rules.SHAPE, [builder.value(items, node)], node, axis=0)


@call(tuple, list)
def _tuple(builder, node, function, items, /):
    if isinstance(items, tuple):
        return items
    builder.refuse(node, f"{ast.unparse(node)!r}")


@call(builtins.max, builtins.min)
def _extreme(builder, node, function, /, *items):
    items = items[0] if len(items) == 1 and isinstance(items[0], tuple) else items
    if len(items) < 2:
        builder.refuse(node, f"{ast.unparse(node)!r}")
    rule = rules.MAXIMUM if function is builtins.max else rules.MINIMUM
    found, *others = (builder.value(item, node) for item in items)
    if any(value.kind.ndim for value in (found, *others)):
        builder.refuse(node, f"{ast.unparse(node)!r}")
    for other in others:
        found = builder.apply(rule, [found, other], node)
    return found


@call(builtins.sum)
def _sum(builder, node, function, items, /):
    if not isinstance(items, tuple):
        return builder.by_rule(rules.FUNCTIONS[np.sum], [items], {}, node)
    found = builder.constant(0)
    for item in items:
        found = builder.arithmetic(ast.Add(), found, builder.value(item, node), node)
    return found


@call(divmod)
def _divmod(builder, node, function, left, right, /):
    values = [builder.value(left, node), builder.value(right, node)]
    return builder.apply(rules.FLOOR_DIVIDE, values, node), builder.apply(rules.MOD, values, node)


# NumPy's --------------------------------------------------------------------------------------------------


@call(np.shape)
def _shape(builder, node, function, a):
    array = builder.value(a, node)
    return tuple(builder.apply(rules.SHAPE, [array], node, axis=k) for k in range(array.kind.ndim))


@call(np.where)
def _where(builder, node, function, condition, x, y, /):
    return builder.apply(rules.WHERE, [builder.value(what, node) for what in (condition, x, y)], node)


@call(np.clip, methods=("clip",))
def _clip(builder, node, function, a, a_min=None, a_max=None):
    found = builder.value(a, node)
    for rule, bound in ((rules.MAXIMUM, a_min), (rules.MINIMUM, a_max)):
        if bound is not None and not (isinstance(bound, Static) and bound.value is None):
            found = builder.apply(rule, [found, builder.value(bound, node)], node)
    return found


def _lengths(builder, node, shape):
    return [builder.value(item, node) for item in (shape if isinstance(shape, tuple) else (shape,))]


@call(np.zeros, np.ones, np.empty)
def _filled(builder, node, function, shape, dtype=None):
    dtype = "f8" if dtype is None else option(builder, node, "dtype", dtype)
    return builder.apply(rules.FILLED[function], _lengths(builder, node, shape), node, dtype=dtype)


@call(np.full)
def _full(builder, node, function, shape, fill_value, dtype=None):
    dtype = None if dtype is None else option(builder, node, "dtype", dtype)
    operands = [*_lengths(builder, node, shape), builder.value(fill_value, node)]
    return builder.apply(rules.FULL, operands, node, dtype=dtype)


@call(np.array, np.asarray, np.ascontiguousarray, np.copy)
def _array(builder, node, function, what, /, dtype=None):
    dtype = None if dtype is None else option(builder, node, "dtype", dtype)
    if not isinstance(what, tuple):
        array = builder.value(what, node)
        if not array.kind.ndim or dtype not in (None, array.kind.dtype):
            builder.refuse(node, f"{ast.unparse(node)!r}")
        ordered = function is np.ascontiguousarray and array.kind.layout == "C"
        if function is np.asarray or ordered:
            return array
        return builder.apply(rules.COPY_IN_ORDER if function is np.copy else rules.COPY, [array], node)
    if what and all(isinstance(item, tuple) for item in what):
        if len({len(row) for row in what}) != 1:
            builder.refuse(node, "np.array of rows of different lengths")
        values = [builder.value(item, node) for row in what for item in row]
        return builder.apply(rules.FROM_NUMBERS, values, node, columns=len(what[0]), dtype=dtype)
    values = [builder.value(item, node) for item in what]
    if not values or any(value.kind.ndim for value in values):
        builder.refuse(node, f"{ast.unparse(node)!r}")
    return builder.apply(rules.FROM_NUMBERS, values, node, columns=None, dtype=dtype)


def _joined(builder, node, parts):
    """The arrays to be joined, and how many dimensions they have."""
    if not isinstance(parts, tuple):
        builder.refuse(node, f"{ast.unparse(node)!r}")
    values = [builder.value(item, node) for item in parts]
    dimensions = {value.kind.ndim for value in values}
    if len(dimensions) != 1 or 0 in dimensions:
        builder.refuse(node, "joining arrays of different dimensions")
    return values, dimensions.pop()


@call(np.concatenate)
def _concatenate(builder, node, function, parts, /, axis=None):
    values, ndim = _joined(builder, node, parts)
    axis = 0 if axis is None else builder.known(axis, node)
    return builder.apply(rules.CONCATENATE, values, node, axis=axis % ndim)


@call(np.stack)
def _stack(builder, node, function, parts, /, axis=None):
    values, ndim = _joined(builder, node, parts)
    axis = 0 if axis is None else builder.known(axis, node)
    return builder.apply(rules.STACK, values, node, axis=axis % (ndim + 1))


@call(np.hstack, np.vstack, np.column_stack)
def _side_by_side(builder, node, function, parts, /):
    values, ndim = _joined(builder, node, parts)
    rows = function is np.vstack
    if ndim == 1 and function is not np.hstack:
        return builder.apply(rules.STACK, values, node, axis=0 if rows else 1)
    return builder.apply(rules.CONCATENATE, values, node, axis=0 if rows or ndim == 1 else 1)


@call(np.reshape)
def _reshape(builder, node, function, a, shape, /):
    return builder.apply(rules.RESHAPE, [builder.value(a, node), *_lengths(builder, node, shape)], node)


@call(methods=("reshape",))
def _reshaped(builder, node, name, array, /, *shape):
    return _reshape(builder, node, name, array, shape[0] if len(shape) == 1 else shape)


@call(np.transpose)
def _transpose(builder, node, function, a, axes=None):
    array = builder.value(a, node)
    axes = None if axes is None else option(builder, node, "axes", axes)
    if axes is None and array.kind.ndim == 1:
        return array
    return builder.apply(rules.TRANSPOSE, [array], node, axes=axes)


@call(methods=("transpose",))
def _transposed(builder, node, name, array, /, *axes):
    axes = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple) else axes
    return _transpose(builder, node, name, array, axes or None)


@call(methods=("astype",))
def _astype(builder, node, name, array, dtype, /):
    dtype = option(builder, node, "dtype", dtype)
    return builder.apply((rules.ASTYPE if array.kind.ndim else rules.CONVERSIONS)[dtype], [array], node)


@call(methods=("item",))
def _item(builder, node, name, array, /):
    return builder.load(array, [builder.constant(0)] * array.kind.ndim, node)


@call(methods=("fill",))
def _fill(builder, node, name, array, value, /):
    builder.store_at(array, [ELLIPSIS], builder.value(value, node), "", node)
    return Static(None)


@call(np.dot, np.vdot, np.matmul)
def _dot(builder, node, function, left, right, /):
    left, right = builder.value(left, node), builder.value(right, node)
    if not left.kind.ndim or not right.kind.ndim:
        return builder.apply(rules.MULTIPLY, [left, right], node)
    return builder.apply(rules.DOT, [left, right], node)


@call(np.flip, np.fliplr, np.flipud)
def _flip(builder, node, function, m, /):
    array = _of_rank(builder, node, m, 1 if function is np.flip else 2 if function is np.fliplr else 1)
    turned = {np.flip: range(array.kind.ndim), np.fliplr: (1,), np.flipud: (0,)}[function]
    backwards = Slice(step=builder.constant(-1))
    index = [backwards if axis in turned else Slice() for axis in range(array.kind.ndim)]
    return builder.load(array, index, node)


def _of_rank(builder, node, what, least):
    """An array, refused if it has fewer dimensions than `least`."""
    array = builder.value(what, node)
    if array.kind.ndim < least:
        builder.refuse(node, f"{ast.unparse(node)!r} of {array.kind.ndim} dimensions")
    return array


@call(np.expand_dims)
def _expand_dims(builder, node, function, a, axis):
    array, axis = _of_rank(builder, node, a, 1), builder.known(axis, node)
    ndim = array.kind.ndim
    if not isinstance(axis, int) or not -ndim - 1 <= axis <= ndim:
        builder.refuse(node, f"{ast.unparse(node)!r}")
    view = builder.load(array, [Slice()] * (axis % (ndim + 1)) + [NEW_AXIS], node)
    if ndim > 1:  # as in Numba, whatever the axis
        view.kind = view.kind._replace(layout="A")
    return view


@call(np.repeat, methods=("repeat",))
def _repeat(builder, node, function, a, repeats):
    array = builder.value(a, node)
    if not array.kind.ndim:
        if builder.value(repeats, node).kind.ndim:
            builder.refuse(node, f"{ast.unparse(node)!r} of a number, with an array of counts,")
        return builder.inline(definitions.repeat_number, [array, repeats], {}, node)
    if array.kind.real:
        return builder.inline(definitions.repeat, [array, repeats], {}, node)
    return builder.apply(rules.REPEATED, [array, builder.value(repeats, node)], node)


@call(np.sort)
def _sort(builder, node, function, a, /):
    array = _of_rank(builder, node, a, 1)
    defined = definitions.sort if array.kind.ndim == 1 else definitions.sort_rows
    return builder.inline(defined, [array], {}, node)


@call(methods=("sort",))
def _sort_in_place(builder, node, name, array, /):
    builder.store_at(array, [ELLIPSIS], _sort(builder, node, np.sort, array), "", node)
    return Static(None)


@call(np.median)
def _median(builder, node, function, a, /):
    return builder.inline(definitions.median, [_of_rank(builder, node, a, 1)], {}, node)


@call(np.cumprod, methods=("cumprod",))
def _cumprod(builder, node, function, a, /):
    return builder.inline(definitions.cumprod, [_of_rank(builder, node, a, 1)], {}, node)


@call(np.interp)
def _interp(builder, node, function, x, xp, fp):
    x, xp, fp = (builder.value(what, node) for what in (x, xp, fp))
    if (xp.kind.ndim, fp.kind.ndim) != (1, 1):
        builder.refuse(node, f"{ast.unparse(node)!r} at sample points that are no vectors")
    defined = definitions.interp_all if x.kind.ndim else definitions.interp
    return builder.inline(defined, [x, xp, fp], {}, node)


@call(np.linalg.norm)
def _norm(builder, node, function, x, ord=None, /):
    array = _of_rank(builder, node, x, 1)
    order = option(builder, node, "ord", Static(None) if ord is None else ord)
    vector = array.kind.ndim == 1
    if order is None or (vector and order == 2):
        return builder.apply(rules.NORM, [array], node)
    defined = definitions.NORMS.get((array.kind.ndim, order))
    if defined is None and vector and order > 0:
        return builder.inline(definitions.norm_of_order, [array, builder.constant(order)], {}, node)
    if defined is None:
        builder.refuse(node, f"the norm {ast.unparse(node)!r} of this order")
    return builder.inline(defined, [array], {}, node)


@call(np.linalg.eigh, np.linalg.eigvalsh)
def _eigh(builder, node, function, a, /):
    matrix = _of_rank(builder, node, a, 2)
    pairs = builder.apply(rules.EIGH, [matrix], node)
    values = builder.load(pairs, [builder.constant(0)], node)
    if function is np.linalg.eigvalsh:
        return values
    vectors = builder.load(pairs, [Slice(start=builder.constant(1))], node)
    return values, builder.apply(rules.TRANSPOSE, [vectors], node, axes=None)


@call(np.linalg.slogdet)
def _slogdet(builder, node, function, a):
    matrix = builder.value(a, node)
    return tuple(builder.apply(rules.SLOGDET, [matrix], node, part=part) for part in (0, 1))


# Those of generated derivatives ---------------------------------------------------------------------------


@call(helpers.kept)
def _kept(builder, node, function, tape, top, array):
    tape, top, array = (builder.value(what, node) for what in (tape, top, array))
    kept = builder.apply(rules.KEPT_TAPE, [tape, top, array], node)
    return kept, builder.apply(rules.KEPT_TOP, [top, array], node)
