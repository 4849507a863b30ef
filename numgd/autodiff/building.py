"""From the syntax tree of a function to its `Program`."""

import ast
import builtins
import math

import numpy as np

from numgd.autodiff import rules
from numgd.autodiff.analysis import Memory
from numgd.autodiff.expressions import BINARY, Expressions
from numgd.autodiff.flow import Flow
from numgd.autodiff.hoisting import hoist
from numgd.autodiff.program import (
    BOOLEAN,
    ELLIPSIS,
    FLOAT,
    INTEGER,
    UNDEFINED,
    Apply,
    Block,
    Kind,
    OwnFunction,
    Program,
    Static,
    Store,
    Value,
    walk,
)
from numgd.autodiff.reading import Source, every_argument, plain_function
from numgd.autodiff.structure import ANSWER, restructure

_DEEPEST = 40  # functions within functions
_MOST = 500  # calls of functions within themselves


def build(function, kinds, names):
    """The `Program` of a function for parameters of given kinds (`Kind`, `Static` or tuples of these)."""
    source = Source(function)
    builder = Builder(source, names)
    body = Block()
    builder.block = body
    arguments = source.node.args
    if arguments.vararg or arguments.kwarg:
        source.refuse(source.node, "a function with *args or **kwargs")
    parameters = []
    for argument, kind in zip(every_argument(source.node), kinds, strict=True):
        what = builder.parameter(names.fresh(argument.arg), kind, body)
        builder.env[argument.arg] = what
        parameters.append((argument.arg, what))
    custom = getattr(function, "custom_derivative", None)
    if custom is None:
        result = builder.run()
    else:
        result = custom.build(builder, source.node, [what for _, what in parameters], {})
    program = Program(source.name, parameters, body, result, builder.externals)
    check_copies(program, source.refuse)
    hoist(program, names)
    return program


def check_copies(program, refuse):
    """Reject writing into an array that was reshaped to a view or a copy, or into the reshaped array."""
    memory = Memory(program)
    for op in walk(program.body):
        if isinstance(op, Apply) and op.rule is rules.RESHAPED:
            copy = op.result
            if copy in memory.stores or not memory.settled(op.args[0], op):
                refuse(op.line, "an array reshaped that is not in C order, and one of the two written into,")


class Builder(Expressions, Flow):
    """Walks one function; calls of others are built into the same program."""

    def __init__(self, source, names, caller=None, own=None):
        self.source, self.names, self.own = source, names, own
        self.env, self.block, self.line = {}, None, source.node.lineno
        self.externals = {} if caller is None else caller.externals
        self.identity = source.function if own is None else source.node
        self.outer = () if caller is None else (*caller.outer, caller.identity)
        self.repeated = [0] if caller is None else caller.repeated  # calls of functions within themselves
        self.guessed = set()  # variables treated as real numbers

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
        """Something as a `Value`; rejects anything else."""
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
        rule, args = rule.simplified(args)
        try:
            kind = rule.kind([arg.kind for arg in args], options)
        except (TypeError, ValueError, IndexError) as error:
            self.refuse(node, str(error) if isinstance(error, TypeError) else rule.name)
        if kind.ndim:
            kind = kind._replace(layout=rule.layout([arg.kind for arg in args], options))
        op = Apply(self.block, self.line, rule, list(args), options)
        op.result = Value(self.names.fresh("t"), kind, self.block, op, temporary=True)
        if getattr(rule, "view", False):
            op.result.base = args[0]
        self.block.ops.append(op)
        return op.result

    # Statements ----------------------------------------------------------------------------------------

    def run(self):
        """Build the body; returns the result of the function."""
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

    def do_FunctionDef(self, node):
        if node.decorator_list:
            self.refuse(node, f"the decorated function {node.name!r}")
        self.env[node.name] = self.own_function(node)

    def of_Lambda(self, node):
        answer = ast.copy_location(ast.Return(node.body), node.body)
        return self.own_function(ast.copy_location(ast.FunctionDef("lambda", node.args, [answer], []), node))

    def own_function(self, node):
        """A function that is defined within this one; it reads this one's variables when it is called."""
        arguments = node.args
        positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        given = [*zip(positional[::-1], arguments.defaults[::-1], strict=False)]
        given += zip((argument.arg for argument in arguments.kwonlyargs), arguments.kw_defaults, strict=True)
        defaults = {name: self.expression(default) for name, default in given if default is not None}
        return Static(OwnFunction(self.source.within(node), self, dict(self.env), defaults))

    def do_Expr(self, node):
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(node.value, ast.Call):
            self.expression(node.value)
            return
        self.refuse(node, f"the statement {ast.unparse(node)!r}")

    def do_Raise(self, node):
        call = node.exc if isinstance(node.exc, ast.Call) else ast.Call(node.exc, [], [])
        kind = getattr(builtins, getattr(call.func, "id", ""), None)
        plain = isinstance(kind, type) and issubclass(kind, Exception)
        constant = all(isinstance(arg, ast.Constant) for arg in call.args) and not call.keywords
        if not (plain and constant and node.cause is None):
            self.refuse(node, f"the statement {ast.unparse(node)!r}")
        self.apply(rules.Raise(ast.unparse(node)), [], node)

    def do_Assert(self, node):
        message = [node.msg] if isinstance(node.msg, ast.Constant) else []
        error = ast.Raise(ast.Call(ast.Name("AssertionError", ast.Load()), message, []), None)
        test = ast.If(ast.UnaryOp(ast.Not(), node.test), [error], [])
        self.do_If(ast.fix_missing_locations(ast.copy_location(test, node)))

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
        rule = rules.DOT if isinstance(node.op, ast.MatMult) else BINARY[type(node.op)]
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
        self.assign(ast.Name(node.target.id, ast.Store()), self.arithmetic(node.op, old, change, node))

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

    # Loops ---------------------------------------------------------------------------------------------

    # Calls of other functions --------------------------------------------------------------------------

    def inline(self, function, args, keywords, node):
        """The body of another function, in place of a call."""
        derivation = getattr(function, "derivation", None)
        if derivation is not None:
            function = derivation.written(tuple(_kinds(arg) for arg in args))[0]
        function = plain_function(function)
        inner = Builder(Source(function), self.names, self)
        defaults = dict(zip(inner.positional()[::-1], (function.__defaults__ or ())[::-1], strict=False))
        defaults.update(function.__kwdefaults__ or {})
        defaults = {name: inner.object(default, node) for name, default in defaults.items()}
        return self.answer(inner, defaults, args, keywords, node)

    def inline_own(self, function, args, keywords, node):
        """The body of a function that is defined within a function, in place of a call."""
        if keywords:  # Numba ignores those of parameters with a default
            self.refuse(node, f"a call of the inner function {function.source.node.name!r} with keywords")
        inner = Builder(function.source, self.names, self, function)
        return self.answer(inner, function.defaults, args, {}, node)

    def positional(self):
        """Names of the parameters that may be given by position."""
        arguments = self.source.node.args
        return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]

    def answer(self, inner, defaults, args, keywords, node):
        """The result of a function for the arguments of a call."""
        name, arguments = inner.source.node.name, inner.source.node.args
        if arguments.vararg or arguments.kwarg:
            inner.refuse(inner.source.node, "a function with *args or **kwargs")
        self.repeated[0] += inner.identity in inner.outer
        if len(inner.outer) > _DEEPEST or self.repeated[0] > _MOST:
            self.refuse(node, f"a recursive call of {name!r} that is not seen to end")
        inner.block = self.block
        positional = inner.positional()
        if len(args) > len(positional):
            self.refuse(node, f"a call of {name!r} with too many arguments")
        given = dict(zip(positional, args, strict=False))
        given.update(keywords)
        for parameter in (argument.arg for argument in every_argument(inner.source.node)):
            if parameter in given:
                inner.env[parameter] = given.pop(parameter)
            elif parameter in defaults:
                inner.env[parameter] = defaults[parameter]
            else:
                self.refuse(node, f"a call without the argument {parameter!r}")
        if given:
            self.refuse(node, f"a call with the unknown argument {next(iter(given))!r}")
        return inner.run()


def _kinds(what):
    """The kinds of an argument of a call."""
    if isinstance(what, tuple):
        return tuple(_kinds(item) for item in what)
    return what.kind if isinstance(what, Value) else what
