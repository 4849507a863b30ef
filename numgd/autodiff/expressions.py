"""Expressions of a `Program` under construction."""

import ast
import operator
from collections.abc import Hashable
from types import FunctionType, ModuleType

import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.core.typing.arraydecl import get_array_index_type

from numgd.autodiff import rules
from numgd.autodiff.calls import CALLS, METHOD_CALLS, build_call, dtype_of, option
from numgd.autodiff.flow import Unset, static
from numgd.autodiff.program import (
    ELLIPSIS,
    INTEGER,
    NEW_AXIS,
    UNDEFINED,
    Kind,
    Load,
    OwnFunction,
    Slice,
    Static,
    Value,
)

BINARY = {
    ast.Add: rules.ADD, ast.Sub: rules.SUBTRACT, ast.Mult: rules.MULTIPLY, ast.Div: rules.DIVIDE,
    ast.FloorDiv: rules.FLOOR_DIVIDE, ast.Mod: rules.MOD, ast.Pow: rules.POWER,
    **{getattr(ast, name): rule for name, rule in rules.BITWISE.items()},
}  # fmt: skip
_PYTHON = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
}  # fmt: skip
_WORDS = {
    ast.Dict: "dict", ast.Set: "set", ast.ListComp: "list comprehension", ast.SetComp: "set comprehension",
    ast.DictComp: "dict comprehension", ast.GeneratorExp: "generator", ast.JoinedStr: "string",
    ast.NamedExpr: "assignment expression",
}  # fmt: skip
_ORDER = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip


class Expressions:
    """The part of a `Builder` for expressions."""

    def expression(self, node):
        method = getattr(self, "of_" + type(node).__name__, None)
        if method is None:
            kind = _WORDS.get(type(node), "expression")
            self.refuse(node, f"the {kind} {ast.unparse(node)!r}")
        return method(node)

    def of_Constant(self, node):
        if isinstance(node.value, bool | int | float):
            return self.constant(node.value)
        if isinstance(node.value, complex):
            self.refuse(node, "a complex number")
        return Static(node.value)

    def of_Name(self, node):
        return self.name(node)

    def name(self, node):
        if node.id in self.env:
            what = self.env[node.id]
            if what is UNDEFINED:
                construct = f"the variable {node.id!r}, which is not set on every way or changes its kind,"
                raise Unset(self.source.refusal(node, construct), node.id)
            return what
        if self.own is not None and node.id not in self.source.local:
            return self.outer_name(node)
        found = self.source.lookup(node.id)
        if found is None:
            self.refuse(node, f"the unknown name {node.id!r}")
        return self.object(found[0], node)

    def outer_name(self, node):
        """What a name stands for that is not one of a function defined within another."""
        outer, name = self.own.owner, node.id
        what = outer.name(node)
        # Where a variable is set again after the definition, Numba reads either of its values.
        if name in outer.env and self.own.variables.get(name) is not what:
            self.refuse(node, f"the variable {name!r}, which is set after this function is defined,")
        return what

    def object(self, thing, node):
        """An object from outside the function."""
        if isinstance(thing, bool | int | float | np.integer | np.floating | np.bool_):
            return self.constant(thing)
        if isinstance(thing, tuple):
            return tuple(self.object(item, node) for item in thing)
        if isinstance(thing, np.ndarray):
            known = [name for name, array in self.externals.items() if array is thing]
            if known:
                (name,) = known
            else:
                hint = node.id if isinstance(node, ast.Name) else "array"
                name = self.names.fresh(hint)
                self.externals[name] = thing
            layout = "C" if thing.flags.c_contiguous else "F" if thing.flags.f_contiguous else "A"
            return Value(name, Kind(dtype_of(thing.dtype.type, self, node), thing.ndim, layout))
        return Static(thing)

    def of_Tuple(self, node):
        found = []
        for item in node.elts:
            if isinstance(item, ast.Starred):
                self.refuse(node, "a starred expression")
            found.append(self.expression(item))
        return tuple(found)

    def of_List(self, node):
        return self.of_Tuple(node)

    def of_Attribute(self, node):
        what = self.expression(node.value)
        if isinstance(what, Value):
            return self.attribute(what, node)
        known = isinstance(what, Static) and isinstance(what.value, ModuleType | type)
        if known and hasattr(what.value, node.attr):
            return self.object(getattr(what.value, node.attr), node)
        self.refuse(node, f"{ast.unparse(node)!r}")

    def attribute(self, array, node):
        ndim = array.kind.ndim
        if node.attr == "shape":
            return tuple(self.apply(rules.SHAPE, [array], node, axis=k) for k in range(ndim))
        if node.attr == "size" and ndim:
            return self.apply(rules.SIZE, [array], node)
        if node.attr == "ndim":
            return self.constant(ndim)
        if node.attr == "T" and ndim:
            return array if ndim == 1 else self.apply(rules.TRANSPOSE, [array], node, axes=None)
        if node.attr == "dtype":
            return Static(
                {"f8": np.float64, "f4": np.float32, "i8": np.int64, "b1": np.bool_}[array.kind.dtype]
            )
        if node.attr == "real":
            return array
        self.refuse(node, f"the attribute {node.attr!r}")

    def of_UnaryOp(self, node):
        if isinstance(node.op, ast.Not):
            truth = self.truth(node.operand)
            if isinstance(truth, bool):
                return self.constant(not truth)
            return self.apply(rules.NOT, [truth], node)
        operand = self.value(self.expression(node.operand), node)
        if operand.constant is not None and not isinstance(operand.constant, bool):
            if isinstance(node.op, ast.USub):
                return self.constant(-operand.constant)
            if isinstance(node.op, ast.UAdd):
                return operand
        rule = {ast.USub: rules.NEGATIVE, ast.UAdd: rules.POSITIVE, ast.Invert: rules.INVERT}[type(node.op)]
        return self.apply(rule, [operand], node)

    def of_BinOp(self, node):
        left, right = self.expression(node.left), self.expression(node.right)
        if isinstance(node.op, ast.MatMult):
            return self.apply(rules.DOT, [self.value(left, node), self.value(right, node)], node)
        if isinstance(left, tuple) or isinstance(right, tuple):
            return self.tuples(node, left, right)
        return self.arithmetic(node.op, self.value(left, node), self.value(right, node), node)

    def arithmetic(self, operator_node, left, right, node):
        """A binary operation; known integers are computed immediately."""
        if isinstance(left.constant, int) and isinstance(right.constant, int):
            python = _PYTHON.get(type(operator_node))
            if python and not (python is operator.floordiv and right.constant == 0):
                return self.constant(python(left.constant, right.constant))
        if isinstance(operator_node, ast.Add):
            for zero, other in ((right, left), (left, right)):
                if zero.constant == 0 and zero.kind == INTEGER and other.kind.dtype != "b1":
                    return other
        return self.apply(BINARY[type(operator_node)], [left, right], node)

    def tuples(self, node, left, right):
        if isinstance(node.op, ast.Add) and isinstance(left, tuple) and isinstance(right, tuple):
            return left + right
        if isinstance(node.op, ast.Mult):
            items, times = (left, right) if isinstance(left, tuple) else (right, left)
            if isinstance(items, tuple) and isinstance(times, Value) and isinstance(times.constant, int):
                return items * times.constant
        self.refuse(node, f"{ast.unparse(node)!r}")

    def of_Compare(self, node):
        left = self.expression(node.left)
        tests = []
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.expression(right_node)
            tests.append(self.compare(op, left, right, node))
            left = right
        found = tests[0]
        for test in tests[1:]:
            if isinstance(found, bool) and isinstance(test, bool):
                found = found and test
            else:
                found = self.apply(
                    rules.AND, [self.value(static(found), node), self.value(static(test), node)], node
                )
        return self.constant(found) if isinstance(found, bool) else found

    def compare(self, op, left, right, node):
        statics = [what for what in (left, right) if isinstance(what, Static)]
        if isinstance(op, ast.Is | ast.IsNot) or statics:
            same = left == right if statics and len(statics) == 2 else left is right
            if isinstance(op, ast.Is | ast.Eq):
                return bool(same)
            if isinstance(op, ast.IsNot | ast.NotEq):
                return not same
        tuples = isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right) > 0
        if tuples and isinstance(op, ast.Eq | ast.NotEq):
            found = [self.compare(ast.Eq(), *pair, node) for pair in zip(left, right, strict=True)]
            same = self.value(static(found[0]), node)
            for test in found[1:]:
                same = self.apply(rules.AND, [same, self.value(static(test), node)], node)
            return same if isinstance(op, ast.Eq) else self.apply(rules.NOT, [same], node)
        rule = rules.COMPARISONS.get(type(op).__name__)
        if rule is None:
            self.refuse(node, f"the comparison {ast.unparse(node)!r}")
        left, right = self.value(left, node), self.value(right, node)
        if isinstance(left.constant, int) and isinstance(right.constant, int):
            return _ORDER[type(op)](left.constant, right.constant)
        return self.apply(rule, [left, right], node)

    def truth(self, node):
        """A condition as a bool if it is known, else as a Value."""
        what = self.expression(node)
        if isinstance(what, Static):
            return bool(what.value)
        if isinstance(what, tuple):
            return bool(what)
        if what.constant is not None:
            return bool(what.constant)
        return what

    def of_BoolOp(self, node):
        first, *rest = node.values
        found = self.truth(first)
        ends = isinstance(node.op, ast.Or)  # the truth value that decides
        for item in rest:
            if isinstance(found, bool):
                if found == ends:
                    return self.constant(found)
                found = self.truth(item)
                continue
            found = self.lazily(found, item, ends, node)
        return self.constant(found) if isinstance(found, bool) else found

    def of_IfExp(self, node):
        condition = self.truth(node.test)
        if isinstance(condition, bool):
            return self.expression(node.body if condition else node.orelse)

        def then():
            self.env["<chosen>"] = self.expression(node.body)

        def other():
            self.env["<chosen>"] = self.expression(node.orelse)

        self.branches(condition, then, other, node)
        return self.env.pop("<chosen>")

    # Indices -------------------------------------------------------------------------------------------

    def of_Subscript(self, node):
        what = self.expression(node.value)
        if isinstance(what, tuple):
            return self.of_tuple_index(what, node)
        array = self.value(what, node)
        if not array.kind.ndim:
            self.refuse(node, "an index into a number")
        return self.load(array, self.index(node.slice, array), node)

    def of_tuple_index(self, items, node):
        if isinstance(node.slice, ast.Slice):
            parts = [
                None if part is None else self.value(self.expression(part), node).constant
                for part in (node.slice.lower, node.slice.upper, node.slice.step)
            ]
            return items[slice(*parts)]
        position = self.value(self.expression(node.slice), node)
        if not isinstance(position.constant, int):
            self.refuse(node, "a tuple's item whose number is not constant")
        return items[position.constant]

    def index(self, node, array):
        parts = node.elts if isinstance(node, ast.Tuple) else [node]
        index = []
        for part in parts:
            if isinstance(part, ast.Slice):
                bounds = [
                    None if bound is None else self.slice_bound(bound)
                    for bound in (part.lower, part.upper, part.step)
                ]
                index.append(Slice(*bounds))
                continue
            what = self.expression(part)
            if isinstance(what, tuple):
                index += [self.value(item, part) for item in what]
            elif isinstance(what, Static) and what.value is None:
                index.append(NEW_AXIS)
            elif isinstance(what, Static) and what.value is Ellipsis:
                index.append(ELLIPSIS)
            else:
                index.append(self.value(what, part))
        return index

    def slice_bound(self, node):
        what = self.expression(node)
        return None if isinstance(what, Static) and what.value is None else self.value(what, node)

    def load(self, array, index, node):
        """An element, a view, or a copy."""
        ndim = array.kind.ndim
        selecting = [item for item in index if isinstance(item, Value) and item.kind.ndim]
        by_elements = len(index) == ndim and all(
            isinstance(item, Value) and item.kind.dtype == "i8" for item in index
        )
        if selecting and (len(index) > 1 or selecting[0].kind.ndim > 1) and not by_elements:
            self.refuse(node, "an index of arrays together with others, unless they select elements,")
        numbers = [item for item in index if isinstance(item, Value) and not item.kind.ndim]
        if any(item.kind.real for item in numbers):
            self.refuse(node, "a real number as an index")
        if selecting and by_elements:
            rank = max(item.kind.ndim for item in index)
        else:
            rank = ndim - len(numbers) + index.count(NEW_AXIS)
        used = len(index) - index.count(NEW_AXIS) - index.count(ELLIPSIS)
        if used > ndim:
            self.refuse(node, "more indices than the array has axes")
        op = Load(self.block, self.line, array, index)
        view = rank and not selecting
        kind = Kind(array.kind.dtype, rank, layout_of_selection(array.kind, index) if view else "C")
        op.result = Value(self.names.fresh("t"), kind, self.block, op, temporary=True)
        if view:
            op.result.base = array
        self.block.ops.append(op)
        return op.result

    # Calls ---------------------------------------------------------------------------------------------

    def of_Call(self, node):
        if isinstance(node.func, ast.Attribute):
            owner = self.expression(node.func.value)
            if isinstance(owner, Value):
                return self.method(owner, node)
            function = self.of_Attribute(node.func)
        else:
            function = self.expression(node.func)
        if not isinstance(function, Static):
            self.refuse(node, f"a call of {ast.unparse(node.func)!r}")
        if any(isinstance(arg, ast.Starred) for arg in node.args) or any(
            k.arg is None for k in node.keywords
        ):
            self.refuse(node, "a call with starred arguments")
        thing = function.value
        args = [self.expression(arg) for arg in node.args]
        keywords = {keyword.arg: self.expression(keyword.value) for keyword in node.keywords}
        if hasattr(thing, "custom_derivative"):
            return thing.custom_derivative.build(self, node, args, keywords)
        known = isinstance(thing, Hashable)
        if known and thing in CALLS:
            return build_call(CALLS[thing], self, node, thing, args, keywords)
        if known and thing in rules.FUNCTIONS:
            return self.by_rule(rules.FUNCTIONS[thing], args, keywords, node)
        if isinstance(thing, OwnFunction):
            return self.inline_own(thing, args, keywords, node)
        own = isinstance(thing, Dispatcher | FunctionType)
        if own and str(thing.__module__).split(".")[0] not in ("numpy", "math", "numba"):
            return self.inline(thing, args, keywords, node)
        self.refuse(node, f"a call of {ast.unparse(node.func)!r}")

    def by_rule(self, rule, args, keywords, node):
        """The value of a rule for the arguments of a call: its operands first, then its options."""
        least, most = rule.operands if isinstance(rule.operands, tuple) else (rule.operands,) * 2
        options = dict(zip(rule.options, args[most:], strict=False))
        twice = options.keys() & keywords.keys()
        options.update(keywords)
        fits = least <= len(args) <= most + len(rule.options) and options.keys() <= set(rule.options)
        if not fits or twice:
            self.refuse(node, f"the call {ast.unparse(node)!r} with these arguments")
        options = {name: option(self, node, name, what) for name, what in options.items()}
        values = [self.value(arg, node) for arg in args[:most]]
        if isinstance(rule, rules.Reduction):
            if not values[0].kind.ndim:
                return self.reduced(rule, values[0], node)
            if options.get("axis") is not None:
                options["axis"] %= values[0].kind.ndim
        return self.apply(rule, values, node, **options)

    def reduced(self, rule, number, node):
        """A reduction of a single number."""
        if rule.name not in ("sum", "prod", "mean", "max", "min"):
            self.refuse(node, f"np.{rule.name} of a number")
        return number

    def known(self, what, node):
        """A number that is known when the derivative is generated."""
        if isinstance(what, tuple):
            return tuple(self.known(item, node) for item in what)
        value = self.value(what, node)
        if value.constant is None:
            self.refuse(node, "an axis or an option that is not constant")
        return value.constant

    def method(self, array, node):
        name = node.func.attr
        args = [self.expression(arg) for arg in node.args]
        keywords = {keyword.arg: self.expression(keyword.value) for keyword in node.keywords}
        if name in METHOD_CALLS:
            return build_call(METHOD_CALLS[name], self, node, name, [array, *args], keywords)
        rule = rules.METHODS.get(name)
        if rule is None or not array.kind.ndim:
            self.refuse(node, f"the method {name!r}")
        return self.by_rule(rule, [array, *args], keywords, node)


def layout_of_selection(kind, index):
    """The layout of what an index selects from an array, according to Numba."""
    array = types.Array(types.float64, kind.ndim, kind.layout)
    selection = types.BaseTuple.from_types([_index_type(item) for item in index])
    return get_array_index_type(array, selection).result.layout


def _index_type(item):
    """The Numba type of an item of an index."""
    if isinstance(item, Slice):
        return types.slice2_type if item.step is None else types.slice3_type
    if isinstance(item, Value):
        return types.Array(types.intp, item.kind.ndim, "C") if item.kind.ndim else types.intp
    return types.none if item == NEW_AXIS else types.ellipsis
