"""Branches and loops of a `Program` under construction: the variables that they set, carry and leave."""

import ast

import numpy as np

from numgd.autodiff import helpers, rules
from numgd.autodiff.program import (
    FLOAT,
    INTEGER,
    UNDEFINED,
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
    Sequence,
    Slice,
    Static,
    Store,
    Value,
    While,
    blocks_of,
    promoted,
)
from numgd.autodiff.reading import assigned

_SAFE = {*(rule.name for rule in rules.COMPARISONS.values()), "not", "and", "or", "size", "shape"}
"""Names of operations that may be computed even if they are not needed."""


class Unset(NotDifferentiable):
    """Raised when a variable is read that an earlier iteration of a loop may have set."""

    def __init__(self, message, name):
        super().__init__(message)
        self.name = name


class Flow:
    """The part of a `Builder` for statements and expressions that branch or repeat."""

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
        """What a loop iterates over, as a `Sequence`."""
        if isinstance(what, Sequence):
            return what
        if isinstance(what, Counted):
            length = self.length_of(what, node)

            def number(i):
                product = self.arithmetic(ast.Mult(), i, what.step, node)
                return self.arithmetic(ast.Add(), what.start, product, node)

            return Sequence(length, number)
        if isinstance(what, Value) and what.kind.ndim:
            length = self.apply(rules.SHAPE, [what], node, axis=0)
            return Sequence(length, lambda i: self.load(what, [i], node))
        if isinstance(what, tuple):
            self.refuse(node, "a loop over tuples of numbers together with others")
        self.refuse(node, "a loop over this")

    def length_of(self, counted, node):
        start, stop, step = counted
        if start.constant == 0 and step.constant == 1:
            return stop
        return self.apply(rules.FUNCTIONS[helpers.length], [start, stop, step], node)

    def loop(self, node, statements, count, build_body):
        """A `For`."""

        def start():
            op = For(self.block, self.line, None, count, None, [])
            op.body = Block(op)
            op.index = Value(self.names.fresh(_hint(node, "i")), INTEGER, op.body, op)
            return op

        def build(op):
            self.block = op.body
            build_body(op.index)

        self.settled(start, build, statements)

    def settled(self, start, build, statements):
        """A loop, rebuilt until the kinds of the variables that it carries are determined.

        ``start()`` returns the operation without its contents, ``build(op)`` fills its blocks.
        """
        names = assigned(statements)
        kinds = {}
        settled = False
        while not settled:
            op = start()
            before, outer = self.env, self.block
            carried = self.enter(op, names, kinds)
            try:
                build(op)
                settled = self.leave(op, carried, kinds)
            except Unset as unset:
                self.guess(unset, names, kinds)
            self.env, self.block = before, outer
        outer.ops.append(op)
        self.finish(op, carried, statements)
        return op

    def guess(self, unset, names, kinds):
        """Treat a variable that an earlier iteration must have set as a real number."""
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
        """Record what is carried; returns whether the kinds are as assumed."""
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
                replace(op, c.inner, c.init)
                continue
            c.out = Value(self.names.fresh(name), c.inner.kind, self.block, op)
            kept.append(c)
            outs[name] = c.out
        op.carried = kept
        for name in assigned(statements):
            self.env[name] = _rebuilt(name, self.env.get(name, UNDEFINED), outs)

    def interrupted(self, node, sequence, leave):
        """A counted loop that may be exited early, as a `While`."""
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
                return self.value(static(self.truth(node.test)), node)
            flags = [ast.Name(flag, ast.Load()) for flag in leave]
            stays = [ast.UnaryOp(ast.Not(), flag) for flag in flags]
            both = ast.copy_location(ast.BoolOp(ast.And(), [*stays, node.test]), node)
            return self.value(static(self.truth(ast.fix_missing_locations(both))), node)

        self.conditional(node.body, test, lambda: self.statements(node.body))

    def conditional(self, statements, test, build_body):
        """A `While`."""

        def start():
            count = Value(self.names.fresh("count"), INTEGER, self.block)
            op = While(self.block, self.line, None, None, None, [], count)
            op.head, op.body, count.op = Block(op), Block(op), op
            return op

        def build(op):
            at_start = dict(self.env)
            self.block = op.head
            op.condition = test()
            self.env, self.block = at_start, op.body
            build_body()

        self.settled(start, build, statements)

    def lazily(self, left, right_node, ends, node):
        """``left or right``, ``left and right``; the right operand is computed only if it is needed."""
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
            self.env["<lazy>"] = self.value(static(self.truth(right_node)), node)

        def known():
            self.env["<lazy>"] = self.constant(ends)

        self.branches(left, *((known, asked) if ends else (asked, known)), node)
        return self.env.pop("<lazy>")


def united(first, second):
    """The common kind of two values, or None."""
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
    if first.kind.ndim:  # in different layouts
        return first.kind._replace(layout="A") if first.kind.dtype == second.kind.dtype else None
    return Kind(promoted(first.kind.dtype, second.kind.dtype))


def _hint(node, default):
    target = getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else default


def static(truth):
    """A known condition, as something that a name can stand for."""
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


def replace(op, old, new):
    """Substitute a value in the blocks of an operation."""
    for block in blocks_of(op):
        for inner in block.ops:
            _replace_in(inner, old, new)
            replace(inner, old, new)
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
