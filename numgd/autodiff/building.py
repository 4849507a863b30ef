"""From the syntax tree of a function to its `Program`."""

import ast
import builtins
import math
import operator
import re
from types import FunctionType, ModuleType

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher

from numgd.autodiff import array_rules as arrays
from numgd.autodiff import helpers, rules
from numgd.autodiff.program import (
    BOOLEAN,
    ELLIPSIS,
    FLOAT,
    INTEGER,
    NEW_AXIS,
    Apply,
    Block,
    Carried,
    Counted,
    For,
    If,
    Kind,
    Load,
    Merged,
    NotDifferentiable,
    Program,
    Sequence,
    Slice,
    Static,
    Store,
    Value,
    While,
    promoted,
)
from numgd.autodiff.reading import Source, plain_function
from numgd.autodiff.structure import ANSWER, restructure

UNDEFINED = Static("undefined")
"""A variable that is not set yet, or not on every way."""

_DTYPES = {
    np.float64: "f8", float: "f8", np.float32: "f4", np.int64: "i8", np.int32: "i8", int: "i8",
    np.bool_: "b1", bool: "b1",
}  # fmt: skip
_BINARY = {
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
    ast.NamedExpr: "assignment expression", ast.Lambda: "lambda",
}  # fmt: skip
_ORDER = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
_MAX_INLINED = 40  # functions within functions


def build(function, kinds, names):
    """The `Program` of a function for parameters of given kinds (`Kind`, `Static` or tuples of these)."""
    source = Source(function)
    builder = Builder(source, names, {}, ())
    body = Block()
    builder.block = body
    arguments = source.node.args
    if arguments.vararg or arguments.kwarg:
        source.refuse(source.node, "a function with *args or **kwargs")
    parameters = []
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    for argument, kind in zip(every, kinds, strict=True):
        what = builder.parameter(names.fresh(argument.arg), kind, body)
        builder.env[argument.arg] = what
        parameters.append((argument.arg, what))
    result = builder.run()
    return Program(source.name, parameters, {}, body, result, builder.externals)


class Unset(NotDifferentiable):
    """A variable is read that an earlier iteration of a loop may have set."""

    def __init__(self, message, name):
        super().__init__(message)
        self.name = name


class Names:
    """Names that are not used twice."""

    def __init__(self):
        self.used = {"np", "math", "helpers", "tape", "top"}

    def copy(self):
        """The same names, to which others are added apart."""
        copied = Names()
        copied.used = set(self.used)
        return copied

    def fresh(self, hint):
        """A name like the hint, which need not be one."""
        hint = re.sub(r"\W+", "_", hint).strip("_") or "t"
        name, number = hint, 1
        while name in self.used:
            number += 1
            name = f"{hint}{'_' if hint[-1].isdigit() else ''}{number}"
        self.used.add(name)
        return name


class Builder:
    """Walks one function; calls of others are built into the same program."""

    def __init__(self, source, names, externals, outer):
        self.source, self.names, self.externals, self.outer = source, names, externals, outer
        self.env, self.block, self.line = {}, None, source.node.lineno
        self.guessed = set()  # variables taken for real numbers

    # Values --------------------------------------------------------------------------------------------

    def parameter(self, name, kind, block):
        if isinstance(kind, Static):
            return kind
        if isinstance(kind, tuple) and not isinstance(kind, Kind):
            return tuple(self.parameter(f"{name}[{i}]", item, block) for i, item in enumerate(kind))
        return Value(name, kind, block)

    def constant(self, number):
        if isinstance(number, bool | np.bool_):
            return Value(repr(bool(number)), BOOLEAN, constant=bool(number))
        if isinstance(number, int | np.integer):
            text = repr(int(number))
            return Value(f"({text})" if number < 0 else text, INTEGER, constant=int(number))
        if isinstance(number, np.float32):
            return Value(f"np.float32({float(number)!r})", Kind("f4"), constant=float(number))
        number = float(number)
        text = f"({number!r})" if number < 0 else repr(number)
        if math.isnan(number) or math.isinf(number):
            text = "np.nan" if math.isnan(number) else "np.inf" if number > 0 else "(-np.inf)"
        return Value(text, FLOAT, constant=number)

    def value(self, what, node):
        """Something as a `Value`; refuses what is none."""
        if isinstance(what, Value):
            return what
        if what is UNDEFINED:
            self.refuse(node, "a variable that is not set on every way")
        if isinstance(what, Static) and isinstance(what.value, bool | int | float | np.number | np.bool_):
            return self.constant(what.value)
        if isinstance(what, tuple):
            self.refuse(node, "a tuple as a number or an array")
        thing = getattr(what, "value", what)
        self.refuse(
            node, f"{'the string ' if isinstance(thing, str) else ''}{thing!r} as a number or an array"
        )

    def refuse(self, node, construct):
        line = getattr(node, "lineno", None) or self.line
        self.source.refuse(line, construct)

    def apply(self, rule, args, node=None, **options):
        """The value of a rule applied to values."""
        try:
            kind = rule.kind([arg.kind for arg in args], options)
        except (TypeError, ValueError, IndexError) as error:
            self.refuse(node, str(error) if isinstance(error, TypeError) else rule.name)
        op = Apply(self.block, self.line, rule, list(args), options)
        op.result = Value(self.names.fresh("t"), kind, self.block, op, temporary=True)
        if getattr(rule, "view", False):
            op.result.base = args[0]
        self.block.ops.append(op)
        return op.result

    # Statements ----------------------------------------------------------------------------------------

    def run(self):
        """Build the body; what the function returns."""
        body, _ = restructure(self.source.node)
        self.statements(body)
        answer = self.env.get(ANSWER, UNDEFINED)
        if not any(isinstance(node, ast.Return) and node.value for node in ast.walk(self.source.node)):
            return Static(None)
        if answer is UNDEFINED:
            self.refuse(self.source.node, "a function that does not return on every way")
        return answer

    def statements(self, body):
        for statement in body:
            self.line = getattr(statement, "lineno", self.line)
            method = getattr(self, "do_" + type(statement).__name__, None)
            if method is None:
                self.refuse(statement, f"the statement {ast.unparse(statement).splitlines()[0]!r}")
            method(statement)

    def do_Pass(self, node):
        pass

    def do_Expr(self, node):
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(node.value, ast.Call):
            self.expression(node.value)
            return
        self.refuse(node, f"the statement {ast.unparse(node)!r}")

    def do_Assert(self, node):
        pass

    def do_Assign(self, node):
        what = self.expression(node.value)
        for target in node.targets:
            self.assign(target, what)

    def do_AnnAssign(self, node):
        if node.value is not None:
            self.assign(node.target, self.expression(node.value))

    def assign(self, target, what):
        if isinstance(target, ast.Name):
            if isinstance(what, Value) and what.temporary:
                what.name, what.temporary = self.names.fresh(target.id), False
            self.env[target.id] = what
        elif isinstance(target, ast.Tuple | ast.List):
            if any(isinstance(part, ast.Starred) for part in target.elts):
                self.refuse(target, "a starred assignment")
            items = self.items(what, len(target.elts), target)
            for part, item in zip(target.elts, items, strict=True):
                self.assign(part, item)
        elif isinstance(target, ast.Subscript):
            self.store(target, self.value(what, target), "")
        else:
            self.refuse(target, f"an assignment to {ast.unparse(target)!r}")

    def items(self, what, count, node):
        if isinstance(what, tuple):
            if len(what) != count:
                self.refuse(node, "unpacking into another number of variables")
            return what
        if isinstance(what, Value) and what.kind.ndim:
            return [self.load(what, [self.constant(i)], node) for i in range(count)]
        self.refuse(node, "unpacking of what is no tuple")

    def do_AugAssign(self, node):
        rule = _BINARY.get(type(node.op))
        if isinstance(node.op, ast.MatMult):
            rule = arrays.DOT
        if rule is None:
            self.refuse(node, f"the operator of {ast.unparse(node)!r}")
        change = self.expression(node.value)
        if isinstance(node.target, ast.Subscript):
            sign = {ast.Add: "+", ast.Sub: "-"}.get(type(node.op))
            if sign:
                self.store(node.target, self.value(change, node), sign)
                return
            array, index = self.place(node.target)
            old = self.load(array, index, node)
            new = self.apply(rule, [old, self.value(change, node)], node)
            self.store_at(array, index, new, "", node)
            return
        if not isinstance(node.target, ast.Name):
            self.refuse(node, f"an assignment to {ast.unparse(node.target)!r}")
        old = self.name(node.target)
        if isinstance(old, tuple):
            self.assign(node.target, old + tuple(change))
            return
        old, change = self.value(old, node), self.value(change, node)
        if old.kind.ndim:  # in place
            if not isinstance(node.op, ast.Add | ast.Sub):
                change = self.apply(rule, [old, change], node)
                self.store_at(old, [ELLIPSIS], change, "", node)
                return
            sign = "+" if isinstance(node.op, ast.Add) else "-"
            self.store_at(old, [ELLIPSIS], change, sign, node)
            return
        self.assign(ast.Name(node.target.id, ast.Store()), self.arithmetic(node.op, rule, old, change, node))

    def store(self, target, value, sign):
        array, index = self.place(target)
        self.store_at(array, index, value, sign, target)

    def store_at(self, array, index, value, sign, node):
        if any(isinstance(item, Value) and item.kind.ndim for item in index):
            self.refuse(node, "an assignment to elements that an array as index selects")
        if array.op is None and array.block is None:
            self.refuse(node, "an assignment to a global array")
        self.block.ops.append(Store(self.block, self.line, array, index, value, sign))

    def place(self, node):
        array = self.value(self.expression(node.value), node)
        if not array.kind.ndim:
            self.refuse(node, "an index into a number")
        return array, self.index(node.slice, array)

    def do_If(self, node):
        condition = self.truth(node.test)
        if isinstance(condition, bool):
            self.statements(node.body if condition else node.orelse)
            return
        self.branches(
            condition, lambda: self.statements(node.body), lambda: self.statements(node.orelse), node
        )

    def branches(self, condition, build_then, build_other, node):
        """An `If` of two builders; merges the variables that they set."""
        op = If(self.block, self.line, condition, None, None, [])
        op.then, op.other = Block(op), Block(op)
        before, outer = self.env, self.block
        ends = []
        for block, make in ((op.then, build_then), (op.other, build_other)):
            self.env, self.block = dict(before), block
            make()
            ends.append(self.env)
        self.env, self.block = dict(before), outer
        outer.ops.append(op)
        for name in [*ends[0], *(name for name in ends[1] if name not in ends[0])]:
            then, other = (end.get(name, UNDEFINED) for end in ends)
            if then is not other:
                self.env[name] = self.merge(op, name, then, other)

    def merge(self, op, name, then, other):
        if isinstance(then, tuple) and isinstance(other, tuple) and len(then) == len(other):
            return tuple(
                t if t is o else self.merge(op, f"{name}_{i}", t, o)
                for i, (t, o) in enumerate(zip(then, other, strict=True))
            )
        if isinstance(then, tuple) and other is UNDEFINED:
            return tuple(self.merge(op, f"{name}_{i}", t, UNDEFINED) for i, t in enumerate(then))
        if isinstance(other, tuple) and then is UNDEFINED:
            return tuple(self.merge(op, f"{name}_{i}", UNDEFINED, o) for i, o in enumerate(other))
        then, other = self.as_value(then), self.as_value(other)
        if then is None or other is None:
            return UNDEFINED
        if then == other:  # the same Static
            return then
        kind = united(then, other)
        if kind is None:
            return UNDEFINED
        both = UNDEFINED not in (then, other) and None not in (then.constant, other.constant)
        if both and then.constant == other.constant and then.kind == other.kind:
            return then
        out = Value(self.names.fresh(name), kind, self.block, op)
        op.merged.append(
            Merged(None if then is UNDEFINED else then, None if other is UNDEFINED else other, out)
        )
        return out

    def as_value(self, what):
        """A Value, UNDEFINED, or None for what cannot be carried."""
        if isinstance(what, Value) or what is UNDEFINED:
            return what
        if isinstance(what, Static) and isinstance(what.value, bool | int | float | np.number | np.bool_):
            return self.constant(what.value)
        return what if isinstance(what, Static) and what.value is None else None

    # Loops ---------------------------------------------------------------------------------------------

    def do_For(self, node):
        run_over = self.expression(node.iter)
        leave = getattr(node, "leave", [])
        if isinstance(run_over, tuple):
            if leave:
                self.refuse(node, "a loop over a tuple that is left early")
            for item in run_over:
                self.assign(node.target, item)
                self.statements(node.body)
            return
        sequence = self.sequence(run_over, node)
        if leave:
            self.interrupted(node, sequence, leave)
            return
        count = run_over if isinstance(run_over, Counted) else self.counted(sequence.length)

        def body(index):
            item = index if isinstance(run_over, Counted) else sequence.item(index)
            self.assign(node.target, item)
            self.statements(node.body)

        self.loop(node, [node.target, *node.body], count, body)

    def counted(self, length):
        return Counted(self.constant(0), length, self.constant(1))

    def sequence(self, what, node):
        """What a loop runs over as a `Sequence`."""
        if isinstance(what, Sequence):
            return what
        if isinstance(what, Counted):
            length = self.length_of(what, node)

            def number(i):
                product = self.arithmetic(ast.Mult(), rules.MULTIPLY, i, what.step, node)
                return self.arithmetic(ast.Add(), rules.ADD, what.start, product, node)

            return Sequence(length, number)
        if isinstance(what, Value) and what.kind.ndim:
            length = self.apply(arrays.SHAPE, [what], node, axis=0)
            return Sequence(length, lambda i: self.load(what, [i], node))
        if isinstance(what, tuple):
            self.refuse(node, "a loop over tuples of numbers together with others")
        self.refuse(node, "a loop over this")

    def length_of(self, counted, node):
        start, stop, step = counted
        if start.constant == 0 and step.constant == 1:
            return stop
        return self.apply(RANGE_LENGTH, [start, stop, step], node)

    def loop(self, node, statements, count, build_body):
        """A `For`, built anew until the kinds of what it carries are settled."""
        names = assigned(statements)
        kinds = {}
        while True:
            op = For(self.block, self.line, None, count, None, [])
            op.body = Block(op)
            op.index = Value(self.names.fresh(_hint(node, "i")), INTEGER, op.body, op)
            before, outer = self.env, self.block
            carried = self.enter(op, names, kinds)
            self.block = op.body
            try:
                build_body(op.index)
            except Unset as unset:
                self.guess(unset, names, kinds)
                self.env, self.block = before, outer
                continue
            settled = self.leave(op, carried, kinds)
            self.env, self.block = before, outer
            if settled:
                break
        outer.ops.append(op)
        self.finish(op, carried, statements)

    def guess(self, unset, names, kinds):
        """Take a variable that an earlier iteration must have set for a real number."""
        if unset.name not in names or unset.name in kinds:
            raise unset
        kinds[unset.name] = FLOAT
        self.guessed.add(unset.name)

    def enter(self, op, names, kinds):
        """Bind the variables that a loop may carry; (name, path, Carried) for each."""
        self.env = dict(self.env)
        carried = []
        for name in names:
            self.env[name] = self.carry(op, name, self.env.get(name, UNDEFINED), kinds, carried)
        return carried

    def carry(self, op, name, what, kinds, carried):
        if isinstance(what, tuple):
            return tuple(self.carry(op, f"{name}_{i}", item, kinds, carried) for i, item in enumerate(what))
        init = self.as_value(what)
        kind = kinds.get(name, None if init is UNDEFINED or init is None else getattr(init, "kind", None))
        if kind is None:
            carried.append((name, None))
            return UNDEFINED
        block = op.body
        inner = Value(self.names.fresh(name), kind, block, op)
        c = Carried(name, None if init is UNDEFINED else init, inner)
        op.carried.append(c)
        carried.append((name, c))
        return inner

    def leave(self, op, carried, kinds):
        """Note what is carried on; whether the kinds are as they were assumed."""
        flat = {}
        for name, what in self.env.items():
            _flatten(name, what, flat)
        settled = True
        for name, c in carried:
            end = self.as_value(flat.get(name, UNDEFINED))
            if c is None:
                if isinstance(end, Value) and name not in kinds:
                    kinds[name] = end.kind
                    settled = False
                continue
            if end is UNDEFINED or end is None or isinstance(end, Static):
                if kinds.get(name, 0) is not None:
                    kinds[name] = None
                    settled = False
                continue
            kind = united(c.inner, end)
            if name in self.guessed and end.kind != FLOAT:
                self.refuse(None, f"the variable {name!r}, which is not set before the loop,")
            if kind is None:
                kinds[name] = None
                settled = False
            elif kind != c.inner.kind:
                kinds[name] = kind
                settled = False
            c.next = end
        return settled

    def finish(self, op, carried, statements):
        """Bind what a loop leaves behind."""
        kept = []
        outs = {}
        for name, c in carried:
            if c is None:
                outs[name] = UNDEFINED
                continue
            if c.next is c.inner and c.init is not None:  # never set: as it was
                outs[name] = c.init
                _replace(op, c.inner, c.init)
                continue
            c.out = Value(self.names.fresh(name), c.inner.kind, self.block, op)
            kept.append(c)
            outs[name] = c.out
        op.carried = kept
        for name in assigned(statements):
            self.env[name] = _rebuilt(name, self.env.get(name, UNDEFINED), outs)

    def interrupted(self, node, sequence, leave):
        """A counted loop that may be left early, as a `While`."""
        number = f"<number {self.names.fresh('k')}>"
        self.env[number] = self.constant(0)
        flags = [ast.Name(flag, ast.Load()) for flag in leave]

        def test():
            within = self.apply(rules.COMPARISONS["Lt"], [self.env[number], sequence.length], node)
            for flag in flags:
                stay = self.apply(rules.NOT, [self.value(self.name(flag), node)], node)
                within = self.apply(rules.AND, [stay, within], node)
            return within

        def body():
            index = self.env[number]
            self.assign(node.target, sequence.item(index))
            self.statements(node.body)
            self.env[number] = self.apply(rules.ADD, [index, self.constant(1)], node)

        counter = ast.Name(number, ast.Store())
        self.conditional([counter, node.target, *node.body], test, body)

    def do_While(self, node):
        leave = getattr(node, "leave", [])

        def test():
            if not leave:
                return self.value(_static(self.truth(node.test)), node)
            flags = [ast.Name(flag, ast.Load()) for flag in leave]
            stays = [ast.UnaryOp(ast.Not(), flag) for flag in flags]
            both = ast.copy_location(ast.BoolOp(ast.And(), [*stays, node.test]), node)
            return self.value(_static(self.truth(ast.fix_missing_locations(both))), node)

        self.conditional(node.body, test, lambda: self.statements(node.body))

    def conditional(self, statements, test, build_body):
        """A `While`."""
        names = assigned(statements)
        kinds = {}
        while True:
            op = While(self.block, self.line, None, None, None, [], None)
            op.head, op.body = Block(op), Block(op)
            before, outer = self.env, self.block
            carried = self.enter(op, names, kinds)
            at_start = dict(self.env)
            self.block = op.head
            op.condition = test()
            self.env, self.block = at_start, op.body
            try:
                build_body()
            except Unset as unset:
                self.guess(unset, names, kinds)
                self.env, self.block = before, outer
                continue
            settled = self.leave(op, carried, kinds)
            self.env, self.block = before, outer
            if settled:
                break
        op.count = Value(self.names.fresh("count"), INTEGER, outer, op)
        outer.ops.append(op)
        self.finish(op, carried, statements)

    # Expressions ---------------------------------------------------------------------------------------

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
                try:
                    self.refuse(node, construct)
                except NotDifferentiable as error:
                    raise Unset(str(error), node.id) from None
            return what
        found = self.source.lookup(node.id)
        if found is None:
            self.refuse(node, f"the unknown name {node.id!r}")
        return self.object(found[0], node)

    def object(self, thing, node):
        """A thing from outside of the function."""
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
            return Value(name, Kind(dtype_of(thing.dtype.type, self, node), thing.ndim))
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
            return tuple(self.apply(arrays.SHAPE, [array], node, axis=k) for k in range(ndim))
        if node.attr == "size" and ndim:
            return self.apply(arrays.SIZE, [array], node)
        if node.attr == "ndim":
            return self.constant(ndim)
        if node.attr == "T" and ndim:
            return array if ndim == 1 else self.apply(arrays.TRANSPOSE, [array], node, axes=None)
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
            return self.product(left, right, node)
        if isinstance(left, tuple) or isinstance(right, tuple):
            return self.tuples(node, left, right)
        rule = _BINARY[type(node.op)]
        return self.arithmetic(node.op, rule, self.value(left, node), self.value(right, node), node)

    def arithmetic(self, operator_node, rule, left, right, node):
        """A binary operation; integers that are known are computed at once."""
        if isinstance(left.constant, int) and isinstance(right.constant, int):
            python = _PYTHON.get(type(operator_node))
            if python and not (python is operator.floordiv and right.constant == 0):
                return self.constant(python(left.constant, right.constant))
        if isinstance(operator_node, ast.Add):
            for zero, other in ((right, left), (left, right)):
                if zero.constant == 0 and zero.kind == INTEGER and other.kind.dtype != "b1":
                    return other
        if rule is rules.POWER and right.constant == 2:
            rule, right = rules.SQUARE_POWER, None
        return self.apply(rule, [left] if right is None else [left, right], node)

    def tuples(self, node, left, right):
        if isinstance(node.op, ast.Add) and isinstance(left, tuple) and isinstance(right, tuple):
            return left + right
        if isinstance(node.op, ast.Mult):
            items, times = (left, right) if isinstance(left, tuple) else (right, left)
            if isinstance(items, tuple) and isinstance(times, Value) and isinstance(times.constant, int):
                return items * times.constant
        self.refuse(node, f"{ast.unparse(node)!r}")

    def product(self, left, right, node):
        left, right = self.value(left, node), self.value(right, node)
        return self.apply(arrays.DOT, [left, right], node)

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
                    rules.AND, [self.value(_static(found), node), self.value(_static(test), node)], node
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
            same = self.value(_static(found[0]), node)
            for test in found[1:]:
                same = self.apply(rules.AND, [same, self.value(_static(test), node)], node)
            return same if isinstance(op, ast.Eq) else self.apply(rules.NOT, [same], node)
        rule = rules.COMPARISONS.get(type(op).__name__)
        if rule is None:
            self.refuse(node, f"the comparison {ast.unparse(node)!r}")
        left, right = self.value(left, node), self.value(right, node)
        if isinstance(left.constant, int) and isinstance(right.constant, int):
            return _ORDER[type(op)](left.constant, right.constant)
        return self.apply(rule, [left, right], node)

    def truth(self, node):
        """A condition as a bool where it is known, else as a Value."""
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
        ends = isinstance(node.op, ast.Or)  # the truth that decides
        for item in rest:
            if isinstance(found, bool):
                if found == ends:
                    return self.constant(found)
                found = self.truth(item)
                continue
            found = self.lazily(found, item, ends, node)
        return self.constant(found) if isinstance(found, bool) else found

    def lazily(self, left, right_node, ends, node):
        """``left or right``, ``left and right``, the right one computed where it is asked for."""
        trial, outer, env = Block(self.block.parent), self.block, dict(self.env)
        self.block = trial
        right = self.truth(right_node)
        self.block, self.env = outer, env
        if isinstance(right, bool):
            right = self.constant(right)
        safe = all(isinstance(op, Apply) and op.rule.name in _SAFE for op in trial.ops)
        if safe:
            for op in trial.ops:
                op.block = outer
                op.result.block = outer
            outer.ops.extend(trial.ops)
            return self.apply(rules.OR if ends else rules.AND, [left, right], node)

        def asked():
            self.env["<lazy>"] = self.value(_static(self.truth(right_node)), node)

        def known():
            self.env["<lazy>"] = self.constant(ends)

        self.branches(left, *((known, asked) if ends else (asked, known)), node)
        return self.env.pop("<lazy>")

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
        if selecting and (len(index) > 1 or selecting[0].kind.ndim > 1):
            self.refuse(node, "an index of arrays together with others")
        numbers = [item for item in index if isinstance(item, Value) and not item.kind.ndim]
        if any(item.kind.real for item in numbers):
            self.refuse(node, "a real number as an index")
        rank = ndim - len(numbers) + index.count(NEW_AXIS)
        used = len(index) - index.count(NEW_AXIS) - index.count(ELLIPSIS)
        if used > ndim:
            self.refuse(node, "more indices than the array has axes")
        op = Load(self.block, self.line, array, index)
        op.result = Value(self.names.fresh("t"), Kind(array.kind.dtype, rank), self.block, op, temporary=True)
        if rank and not selecting:
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
        special = CALLS.get(thing) if _hashable(thing) else None
        if special is not None:
            args = [self.expression(arg) for arg in node.args]
            return special(self, node, thing, args, self.keywords(node))
        if hasattr(thing, "derivation"):
            return self.inline(thing, node)
        own = isinstance(thing, Dispatcher | FunctionType) and thing not in rules.FUNCTIONS
        if own and thing.__module__.split(".")[0] not in ("numpy", "math", "numba"):
            return self.inline(thing, node)
        rule = rules.FUNCTIONS.get(thing) if _hashable(thing) else None
        if rule is None:
            self.refuse(node, f"a call of {ast.unparse(node.func)!r}")
        args = [self.expression(arg) for arg in node.args]
        return self.by_rule(rule, args, self.keywords(node), node)

    def keywords(self, node):
        return {keyword.arg: self.expression(keyword.value) for keyword in node.keywords}

    def by_rule(self, rule, args, keywords, node):
        if isinstance(rule, arrays.Reduction) and rule.kind:
            return self.reduction(rule, args, keywords, node)
        options = {}
        for name, what in keywords.items():
            if name == "dtype":
                options["dtype"] = self.dtype(what, node)
            elif name in ("axis", "k"):
                options[name] = self.known(what, node)
            else:
                self.refuse(node, f"the argument {name!r}")
        values = [self.value(arg, node) for arg in args]
        if rule is rules.POWER and values[1].constant == 2:
            rule, values = rules.SQUARE_POWER, values[:1]
        if (
            isinstance(rule, rules.Elementwise)
            and len(values) != rule.operands
            and rule is not rules.SQUARE_POWER
        ):
            self.refuse(node, f"a call of {ast.unparse(node.func)} with {len(values)} arguments")
        if isinstance(rule, arrays.Triangle) and len(values) == 2:
            options["k"] = self.known(values.pop(), node)
        expected = {np.linalg.norm: 1, np.diff: 1, np.trace: 1, np.diag: 1, np.cumsum: 1}
        for function, count in expected.items():
            if rule is rules.FUNCTIONS[function] and (len(values) != count or options):
                self.refuse(node, f"further arguments of {ast.unparse(node.func)}")
        limits = {rules.FUNCTIONS[np.cumsum]: 1, rules.FUNCTIONS[np.diff]: 2}
        if values and values[0].kind.ndim > limits.get(rule, 9):
            self.refuse(node, f"np.{rule.name} of more axes")
        return self.apply(rule, values, node, **options)

    def reduction(self, rule, args, keywords, node):
        values = list(args)
        axis = keywords.pop("axis", None)
        if keywords or len(values) > 2:
            self.refuse(node, f"further arguments of {ast.unparse(node.func)}")
        if len(values) == 2:
            axis = values.pop()
        array = self.value(values[0], node)
        if axis is not None and not (isinstance(axis, Static) and axis.value is None):
            axis = self.known(axis, node)
            if isinstance(axis, int):
                axis %= max(array.kind.ndim, 1)
        else:
            axis = None
        if not array.kind.ndim:
            return (
                array if rule.name in ("sum", "prod", "mean", "max", "min") else self.refuse(node, rule.name)
            )
        return self.apply(rule, [array], node, axis=axis)

    def known(self, what, node):
        """A number that is known now."""
        if isinstance(what, tuple):
            return tuple(self.known(item, node) for item in what)
        value = self.value(what, node)
        if value.constant is None:
            self.refuse(node, "an axis or an option that is not constant")
        return value.constant

    def dtype(self, what, node):
        if isinstance(what, Static):
            return dtype_of(what.value, self, node)
        self.refuse(node, "a dtype that is not known")

    def method(self, array, node):
        name = node.func.attr
        args, keywords = [self.expression(arg) for arg in node.args], self.keywords(node)
        if name == "reshape":
            return self.reshape(array, args, node)
        if name == "astype":
            return self.apply(_conversion(self.dtype(args[0], node), array), [array], node)
        if name == "transpose":
            return self.transpose(array, args, node)
        if name == "item" and not args:
            return self.load(array, [self.constant(0)] * array.kind.ndim, node)
        if name == "fill" and len(args) == 1:
            self.store_at(array, [ELLIPSIS], self.value(args[0], node), "", node)
            return Static(None)
        rule = arrays.METHODS.get(name)
        if rule is None or not array.kind.ndim:
            self.refuse(node, f"the method {name!r}")
        return self.by_rule(rule, [array, *args], keywords, node)

    def reshape(self, array, args, node):
        lengths = args[0] if len(args) == 1 and isinstance(args[0], tuple) else tuple(args)
        return self.apply(arrays.RESHAPE, [array, *(self.value(item, node) for item in lengths)], node)

    def transpose(self, array, args, node):
        axes = args[0] if len(args) == 1 and isinstance(args[0], tuple) else tuple(args)
        axes = tuple(self.known(item, node) for item in axes) or None
        if axes is None and array.kind.ndim == 1:
            return array
        return self.apply(arrays.TRANSPOSE, [array], node, axes=axes)

    def inline(self, function, node):
        """The body of another function, in place of its call."""
        derivation = getattr(function, "derivation", None)
        if derivation is not None:
            kinds = [_kinds(self.expression(arg)) for arg in node.args]
            function = derivation.written(tuple(kinds))[0]
        function = plain_function(function)
        if len(self.outer) > _MAX_INLINED or function in (*self.outer, self.source.function):
            self.refuse(node, f"a recursive call of {function.__name__!r}")
        inner = Builder(Source(function), self.names, self.externals, (*self.outer, self.source.function))
        inner.block = self.block
        arguments = inner.source.node.args
        if arguments.vararg or arguments.kwarg:
            inner.refuse(inner.source.node, "a function with *args or **kwargs")
        every = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        given = dict(zip(every, [self.expression(arg) for arg in node.args], strict=False))
        given.update(self.keywords(node))
        positional = function.__defaults__ or ()
        defaults = dict(zip(every[len(arguments.posonlyargs) + len(arguments.args) - len(positional) :],
                            positional, strict=False))  # fmt: skip
        defaults.update(function.__kwdefaults__ or {})
        for name in every:
            if name in given:
                inner.env[name] = given.pop(name)
            elif name in defaults:
                inner.env[name] = inner.object(defaults[name], node)
            else:
                self.refuse(node, f"a call without the argument {name!r}")
        if given:
            self.refuse(node, f"a call with the unknown argument {next(iter(given))!r}")
        return inner.run()


def _kinds(what):
    """The kinds of an argument of a call."""
    if isinstance(what, tuple):
        return tuple(_kinds(item) for item in what)
    return what.kind if isinstance(what, Value) else what


def united(first, second):
    """The kind that both values can have, or None."""
    if first is UNDEFINED:
        return second.kind
    if second is UNDEFINED:
        return first.kind
    if isinstance(first, Static) or isinstance(second, Static):
        return None
    if first.kind.ndim != second.kind.ndim:
        return None
    if first.kind == second.kind:
        return first.kind
    if first.kind.ndim:
        return None
    return Kind(promoted(first.kind.dtype, second.kind.dtype))


def assigned(statements):
    """Names that statements assign, each once."""
    names = []
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id not in names:
                names.append(node.id)
    return names


def _hint(node, default):
    target = getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else default


def _static(truth):
    return Static(truth) if isinstance(truth, bool) else truth


def _flatten(name, what, flat):
    if isinstance(what, tuple):
        for i, item in enumerate(what):
            _flatten(f"{name}_{i}", item, flat)
    else:
        flat[name] = what


def _rebuilt(name, before, outs):
    if isinstance(before, tuple):
        return tuple(_rebuilt(f"{name}_{i}", item, outs) for i, item in enumerate(before))
    return outs.get(name, before)


def _replace(op, old, new):
    """Use another value in the blocks of an operation."""
    from numgd.autodiff.program import blocks_of

    for block in blocks_of(op):
        for inner in block.ops:
            _replace_in(inner, old, new)
            _replace(inner, old, new)
    for c in op.carried if isinstance(op, For | While) else ():
        if c.next is old:
            c.next = new
    if isinstance(op, While) and op.condition is old:
        op.condition = new
    for m in op.merged if isinstance(op, If) else ():
        m.then = new if m.then is old else m.then
        m.other = new if m.other is old else m.other


def _replace_in(op, old, new):
    def swapped(item):
        return new if item is old else item

    if isinstance(op, Apply):
        op.args = [swapped(arg) for arg in op.args]
    elif isinstance(op, Load | Store):
        op.array = swapped(op.array)
        op.index = [
            Slice(swapped(i.start), swapped(i.stop), swapped(i.step)) if isinstance(i, Slice) else swapped(i)
            for i in op.index
        ]
        if isinstance(op, Store):
            op.value = swapped(op.value)
        elif op.result.base is old:
            op.result.base = new
    elif isinstance(op, For):
        op.count = Counted(*(swapped(part) for part in op.count))
    elif isinstance(op, If):
        op.condition = swapped(op.condition)
    if isinstance(op, For | While):
        for c in op.carried:
            c.init = swapped(c.init)


def _hashable(thing):
    try:
        hash(thing)
    except TypeError:
        return False
    return True


def dtype_of(thing, builder, node):
    """The name of a dtype."""
    if isinstance(thing, np.dtype):
        thing = thing.type
    if isinstance(thing, numba.types.Type):
        thing = {"float64": np.float64, "float32": np.float32, "int64": np.int64}.get(str(thing))
    if isinstance(thing, str):
        thing = np.dtype(thing).type
    found = _DTYPES.get(thing)
    if found is None:
        builder.refuse(node, f"the dtype {getattr(thing, '__name__', thing)!r}")
    return found


def _conversion(dtype, array):
    if array.kind.ndim:
        return rules.ASTYPE[{"f8": np.float64, "f4": np.float32}.get(dtype, np.int64)]
    return rules.FUNCTIONS[{"f8": float, "f4": np.float32}.get(dtype, int)]


RANGE_LENGTH = arrays.Inactive("length", "helpers.length({0}, {1}, {2})", lambda kinds, options: INTEGER)


class _KeptTape(arrays.ArrayRule):
    """The tape with an array behind what it held, whose tangent holds the array's."""

    def text(self, args, op):
        return f"helpers.kept({args[0]}, {args[1]}, {args[2]})[0]"

    def tangent(self, em, op):
        tape, top, array = op.args
        return f"helpers.kept({em.dot(tape)}, {em.val(top)}, {em.dot(array)})[0]"


KEPT_TAPE = _KeptTape("kept")
KEPT_TOP = arrays.Inactive("kept_top", "{0} + {1}.size + {1}.ndim", lambda kinds, options: INTEGER)

_SAFE = {*(rule.name for rule in rules.COMPARISONS.values()), "not", "and", "or", "size", "shape"}

CALLS = {}
"""Functions that are more than one operation: ``call(builder, node, function, args, keywords)``."""


def call(*functions):
    """Register a builder of calls."""

    def decorate(made):
        for function in functions:
            CALLS[function] = made
        return made

    return decorate


@call(range, numba.prange)
def _range(builder, node, function, args, keywords):
    values = [builder.value(arg, node) for arg in args]
    zero, one = builder.constant(0), builder.constant(1)
    if len(values) == 1:
        return Counted(zero, values[0], one)
    return Counted(values[0], values[1], values[2] if len(values) == 3 else one)


@call(enumerate)
def _enumerate(builder, node, function, args, keywords):
    start = keywords.get("start", args[1] if len(args) > 1 else builder.constant(0))
    if isinstance(args[0], tuple):
        return tuple((builder.constant(i + start.constant), item) for i, item in enumerate(args[0]))
    inner = builder.sequence(args[0], node)

    def pair(i):
        return builder.arithmetic(ast.Add(), rules.ADD, i, start, node), inner.item(i)

    return Sequence(inner.length, pair)


@call(zip)
def _zip(builder, node, function, args, keywords):
    if all(isinstance(arg, tuple) for arg in args):
        return tuple(zip(*args, strict=False))
    parts = [builder.sequence(arg, node) for arg in args]
    length = parts[0].length
    for part in parts[1:]:
        if part.length is not length:
            length = builder.apply(rules.MINIMUM, [length, part.length], node)
    return Sequence(length, lambda i: tuple(part.item(i) for part in parts))


@call(len)
def _len(builder, node, function, args, keywords):
    if isinstance(args[0], tuple):
        return builder.constant(len(args[0]))
    return builder.apply(arrays.SHAPE, [builder.value(args[0], node)], node, axis=0)


@call(tuple, list)
def _tuple(builder, node, function, args, keywords):
    if len(args) == 1 and isinstance(args[0], tuple):
        return args[0]
    builder.refuse(node, f"{ast.unparse(node)!r}")


@call(np.shape)
def _shape(builder, node, function, args, keywords):
    array = builder.value(args[0], node)
    return tuple(builder.apply(arrays.SHAPE, [array], node, axis=k) for k in range(array.kind.ndim))


@call(builtins.max, builtins.min)
def _extreme(builder, node, function, args, keywords):
    args = args[0] if len(args) == 1 and isinstance(args[0], tuple) else args
    rule = rules.MAXIMUM if function is builtins.max else rules.MINIMUM
    found = builder.value(args[0], node)
    if len(args) == 1 or found.kind.ndim:
        builder.refuse(node, f"{ast.unparse(node)!r}")
    for arg in args[1:]:
        found = builder.apply(rule, [found, builder.value(arg, node)], node)
    return found


@call(builtins.sum)
def _sum(builder, node, function, args, keywords):
    if isinstance(args[0], tuple):
        found = builder.constant(0)
        for item in args[0]:
            found = builder.arithmetic(ast.Add(), rules.ADD, found, builder.value(item, node), node)
        return found
    return builder.reduction(rules.FUNCTIONS[np.sum], args, keywords, node)


@call(divmod)
def _divmod(builder, node, function, args, keywords):
    values = [builder.value(arg, node) for arg in args]
    return builder.apply(rules.FLOOR_DIVIDE, values, node), builder.apply(rules.MOD, values, node)


@call(np.where)
def _where(builder, node, function, args, keywords):
    if len(args) != 3:
        builder.refuse(node, "np.where with one argument")
    return builder.apply(rules.WHERE, [builder.value(arg, node) for arg in args], node)


@call(np.clip)
def _clip(builder, node, function, args, keywords):
    low = args[1] if len(args) > 1 else keywords.get("a_min")
    high = args[2] if len(args) > 2 else keywords.get("a_max")
    found = builder.value(args[0], node)
    for rule, bound in ((rules.MAXIMUM, low), (rules.MINIMUM, high)):
        if bound is not None and not (isinstance(bound, Static) and bound.value is None):
            found = builder.apply(rule, [found, builder.value(bound, node)], node)
    return found


@call(np.zeros, np.ones, np.empty, np.full)
def _filled(builder, node, function, args, keywords):
    args = list(args)
    shape = args.pop(0) if args else keywords["shape"]
    lengths = shape if isinstance(shape, tuple) else (shape,)
    lengths = [builder.value(item, node) for item in lengths]
    value = None
    if function is np.full:
        value = builder.value(args.pop(0) if args else keywords["fill_value"], node)
    dtype = args.pop(0) if args else keywords.get("dtype")
    dtype = None if dtype is None else builder.dtype(dtype, node)
    if value is not None:
        return builder.apply(arrays.FULL, [*lengths, value], node, dtype=dtype)
    return builder.apply(arrays.FILLED[function], lengths, node, dtype=dtype or "f8")


@call(np.array, np.asarray, np.ascontiguousarray, np.copy)
def _array(builder, node, function, args, keywords):
    what = args[0]
    dtype = args[1] if len(args) > 1 else keywords.get("dtype")
    dtype = None if dtype is None else builder.dtype(dtype, node)
    if not isinstance(what, tuple):
        array = builder.value(what, node)
        if not array.kind.ndim or dtype not in (None, array.kind.dtype):
            builder.refuse(node, f"{ast.unparse(node)!r}")
        rule = arrays.COPY if function in (np.array, np.copy) else rules.FUNCTIONS[np.ascontiguousarray]
        return builder.apply(rule, [array], node)
    if what and all(isinstance(item, tuple) for item in what):
        if len({len(row) for row in what}) != 1:
            builder.refuse(node, "np.array of rows of different lengths")
        values = [builder.value(item, node) for row in what for item in row]
        return builder.apply(arrays.FROM_NUMBERS, values, node, columns=len(what[0]), dtype=dtype)
    values = [builder.value(item, node) for item in what]
    if not values or any(value.kind.ndim for value in values):
        builder.refuse(node, f"{ast.unparse(node)!r}")
    return builder.apply(arrays.FROM_NUMBERS, values, node, columns=None, dtype=dtype)


@call(np.concatenate, np.hstack, np.stack, np.vstack, np.column_stack)
def _joined(builder, node, function, args, keywords):
    name = function.__name__
    axis = keywords.get("axis", args[1] if len(args) > 1 else builder.constant(0))
    axis = builder.known(axis, node)
    if not isinstance(args[0], tuple):
        builder.refuse(node, f"{ast.unparse(node)!r}")
    values = [builder.value(item, node) for item in args[0]]
    ndim = values[0].kind.ndim
    if not all(value.kind.ndim == ndim for value in values) or not ndim:
        builder.refuse(node, "joining arrays of different dimensions")
    if name == "stack" or (name in ("vstack", "column_stack") and ndim == 1):
        axis = 1 if name == "column_stack" else axis % (ndim + 1)
        return builder.apply(arrays.STACK, values, node, axis=axis)
    if name in ("hstack", "column_stack"):
        axis = 0 if ndim == 1 else 1
    return builder.apply(arrays.CONCATENATE, values, node, axis=axis % ndim)


@call(np.reshape)
def _reshape(builder, node, function, args, keywords):
    return builder.reshape(builder.value(args[0], node), args[1:], node)


@call(np.transpose)
def _transpose(builder, node, function, args, keywords):
    axes = keywords.get("axes", args[1] if len(args) > 1 else ())
    return builder.transpose(builder.value(args[0], node), [axes] if axes else [], node)


@call(np.dot, np.vdot, np.matmul)
def _dot(builder, node, function, args, keywords):
    left, right = (builder.value(arg, node) for arg in args)
    if not left.kind.ndim or not right.kind.ndim:
        return builder.apply(rules.MULTIPLY, [left, right], node)
    return builder.apply(arrays.DOT, [left, right], node)


@call(helpers.kept)
def _kept(builder, node, function, args, keywords):
    tape, top, array = (builder.value(arg, node) for arg in args)
    kept = builder.apply(KEPT_TAPE, [tape, top, array], node)
    return kept, builder.apply(KEPT_TOP, [top, array], node)


@call(np.linalg.slogdet)
def _slogdet(builder, node, function, args, keywords):
    matrix = builder.value(args[0], node)
    return tuple(builder.apply(arrays.SLOGDET, [matrix], node, part=part) for part in (0, 1))


def refusal(function, error):
    """A `NotDifferentiable` for an error of another kind."""
    return NotDifferentiable(f"{function.__name__}: {error}")
