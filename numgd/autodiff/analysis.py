"""What the derivative of a program needs to know: what is used, what is active, what stays unchanged."""

from numgd.autodiff.program import (
    Apply,
    For,
    If,
    Load,
    NotDifferentiable,
    Store,
    Value,
    While,
    blocks_of,
    enclosing,
    index_values,
    operands,
    walk,
)
from numgd.autodiff.rules import SHAPE, SIZE, ArrayRule, Elementwise


def leaves(what):
    """The values of a result, which may be a tuple."""
    if isinstance(what, tuple):
        return [value for item in what for value in leaves(item)]
    return [what] if isinstance(what, Value) else []


def prune(program):
    """Remove what the result does not depend on."""
    live = set()

    def mark(value):
        if value is not None and value not in live:
            live.add(value)
            if value.base is not None:
                mark(value.base)
            return True
        return False

    for value in leaves(program.result):
        mark(value)
    changed = True
    while changed:
        changed = False
        for op in walk(program.body):
            if isinstance(op, Apply | Load):
                if op.result in live:
                    changed |= _each(mark, operands(op))
            elif isinstance(op, Store):
                if op.array.root in live or op.array.root.op is None:
                    changed |= _each(mark, operands(op))
            else:
                changed |= _each(mark, _asked(op, live))
    _sweep(program.body, live)


def _each(mark, values):
    """Mark all values; returns whether any was not marked before."""
    found = False
    for value in values:
        found |= mark(value)
    return found


def _asked(op, live):
    """What an operation with blocks requires, given what is live."""
    if isinstance(op, If):
        found = [op.condition]
        for m in op.merged:
            if m.out in live:
                found += [m.then, m.other]
        return found
    found = [*op.count] if isinstance(op, For) else [op.condition]
    for c in op.carried:
        if c.inner in live or c.out in live:
            found += [c.init, c.next, c.inner]
    return found


def _sweep(block, live):
    kept = []
    for op in block.ops:
        for inner in blocks_of(op):
            _sweep(inner, live)
        if isinstance(op, Apply | Load):
            if op.result in live or (isinstance(op, Apply) and op.rule.effect):
                kept.append(op)
            continue
        if isinstance(op, If):
            op.merged = [m for m in op.merged if m.out in live]
            if op.merged or op.then.ops or op.other.ops:
                kept.append(op)
            continue
        if isinstance(op, For | While):
            op.carried = [c for c in op.carried if c.inner in live or c.out in live]
            if op.carried or op.body.ops:
                kept.append(op)
            continue
        if op.array.root in live or op.array.root.op is None:
            kept.append(op)
    block.ops = kept


def activate(program, independent):
    """Mark the values that depend on the independent ones and that the result depends on."""
    varied = set(independent)
    changed = True

    def vary(value):
        if value is None or value in varied or not value.kind.real:
            return False
        varied.add(value)
        return True

    while changed:
        changed = False
        for op in walk(program.body):
            if isinstance(op, Apply):
                if op.rule.smooth and any(arg in varied for arg in op.args):
                    changed |= vary(op.result)
            elif isinstance(op, Load):
                if op.array.root in varied or op.array in varied:
                    changed |= vary(op.result)
            elif isinstance(op, Store):
                if op.value in varied:
                    changed |= vary(op.array.root)
                if op.array.root in varied:
                    changed |= vary(op.array)
            elif isinstance(op, If):
                for m in op.merged:
                    if m.then in varied or m.other in varied:
                        changed |= vary(m.out)
            else:
                for c in op.carried:
                    if c.init in varied or c.next in varied or c.inner in varied:
                        changed |= vary(c.inner) | vary(c.out)
    useful = set()

    def use(value):
        if value is None or value in useful or value not in varied:
            return False
        useful.add(value)
        use(value.base)
        return True

    for value in leaves(program.result):
        use(value)
    changed = True
    while changed:
        changed = False
        for op in walk(program.body):
            if isinstance(op, Apply):
                if op.result in useful:
                    changed |= _each(use, op.args)
            elif isinstance(op, Load):
                if op.result in useful or op.array.root in useful:
                    changed |= use(op.array)
                if op.result.base is not None and op.array.root in useful:
                    changed |= use(op.result)
            elif isinstance(op, Store):
                if op.array.root in useful:
                    changed |= use(op.value) | use(op.array)
            elif isinstance(op, If):
                for m in op.merged:
                    if m.out in useful:
                        changed |= use(m.then) | use(m.other)
            else:
                for c in op.carried:
                    if c.out in useful or c.inner in useful:
                        changed |= use(c.init) | use(c.next) | use(c.inner) | use(c.out)
    for value in useful:
        value.active = True


def closed(program, needed):
    """The needed values, with everything that they are computed from."""
    needed = set(needed)
    before = -1
    while len(needed) > before:
        before = len(needed)
        for op in reversed(list(walk(program.body))):
            for value in _read(op, needed):
                while value is not None:
                    needed.add(value)
                    value = value.base
    return needed


def _read(op, needed):
    """What an operation reads, given the values that are needed."""
    if isinstance(op, Apply | Load):
        return operands(op) if op.result in needed else ()
    if isinstance(op, Store):
        root = op.array.root
        return operands(op) if root in needed or root.op is None else ()
    if isinstance(op, If):
        merged = [value for m in op.merged if m.out in needed for value in (m.then, m.other)]
        return [op.condition, *merged]
    carried = [c for c in op.carried if c.inner in needed or c.out in needed]
    ends = [value for c in carried for value in (c.init, c.next, c.inner)]
    return [*(op.count if hasattr(op, "index") else [op.condition]), *ends]


class Memory:
    """When the contents of arrays change."""

    def __init__(self, program):
        self.program = program
        self.position, self.stores = {}, {}
        for number, op in enumerate(walk(program.body)):
            self.position[op] = number
            if isinstance(op, Store):
                self.stores.setdefault(op.array.root, []).append(op)

    def settled(self, value, op):
        """Whether the contents of an array stay unchanged from an operation onwards."""
        root = value.root
        loops = [block.parent for block in enclosing(op.block) if isinstance(block.parent, For | While)]
        own = set(enclosing(root.block)) if root.block is not None else set()
        around = [loop for loop in loops if not any(block in own for block in blocks_of(loop))]
        for store in self.stores.get(root, ()):
            if self.position[store] > self.position[op]:
                return False
            if any(block.parent in around for block in enclosing(store.block)):
                return False
        return True

    def check(self, refuse):
        """Reject what would be wrong for arrays under several names."""
        for op in walk(self.program.body):
            for value, out in _renamed(op):
                if value is None or not value.kind.ndim:
                    continue
                if out is not None and (out in self.stores or out.root in self.stores):
                    refuse(op.line, "an array that is written into under a name that a loop or a branch sets")
                if value.root in self.stores and not self._closed(value, op):
                    refuse(op.line, "an array that is written into after a loop or a branch has renamed it")

    def _closed(self, value, op):
        """Whether nothing is written into an array once an operation has renamed it."""
        end = max([self.position[inner] for inner in _within(op)], default=self.position[op])
        root = value.root
        own = set(enclosing(root.block)) if root.block is not None else set()
        inside = any(block in own for block in blocks_of(op))
        if inside:
            return all(self.position[store] <= end for store in self.stores[root])
        return self.settled(value, op)


def _within(op):
    for block in blocks_of(op):
        yield from walk(block)


def _renamed(op):
    """Pairs of a value and another value that it becomes."""
    if isinstance(op, If):
        return [(v, m.out) for m in op.merged for v in (m.then, m.other)]
    if isinstance(op, For | While):
        return [(v, o) for c in op.carried for v in (c.init, c.next) for o in (c.inner, c.out)]
    return []


def in_loop(block):
    """Whether a block runs more than once."""
    return any(isinstance(outer.parent, For | While) for outer in enclosing(block))


FREE, KEPT, EXPENSIVE, NEVER = 0, 3, 15, 1000
"""Costs, in operations: of an available value, of one read from the tape, of an elementary function, and of
what is never recomputed."""


class Plan:
    """How the reverse sweep obtains values that were computed in loops: recomputed, or from the tape.

    Parameters
    ----------
    memory : Memory
    needed : set of Value
        What the reverse sweep reads.
    results : list of Value
        What is returned besides the derivatives.
    """

    def __init__(self, memory, needed, results):
        self.memory = memory
        self.cost_of = {}
        self.again, self.kept = {}, {}  # by block, in order
        self.known = set()
        self.wholly = self._wholly(needed, results)
        order = sorted(needed, key=lambda value: (memory.position.get(value.op, -1), value.name))
        # First what has to be kept, which makes what follows from it cheap.
        for value in [v for v in order if self.cost(v) >= NEVER] + order:
            self.cost_of.clear()
            self.need(value)

    def _wholly(self, needed, results):
        """Blocks of loops in which everything that is needed is recomputed.

        This costs as much as the tape, or nothing if the forward sweep can then omit the loop.
        """
        found = set()
        for block in {value.block for value in needed if value.block is not None and in_loop(value.block)}:
            operations = set()
            wanted = [value for value in needed if value.block is block]
            if not all(self._collect(value, operations) for value in wanted):
                continue
            loop = block.parent
            dispensable = isinstance(loop, For) and not any(
                c.out in results or c.out in needed or c.inner in needed for c in loop.carried
            )
            arithmetic = sum(
                op.rule.cost if op.rule.cheap else EXPENSIVE for op in operations if isinstance(op, Apply)
            )
            kept = sum(1 for value in wanted if not self.free(value) and self.cost(value) > KEPT + 1)
            if dispensable or arithmetic <= 2 * KEPT * kept:
                found.add(block)
        return found

    def _collect(self, value, operations):
        """Add the operations that recompute a value; returns whether it can be recomputed."""
        if self.free(value) or value.op in operations:
            return True
        op = value.op
        if isinstance(op, Apply):
            if not isinstance(op.rule, Elementwise) and op.rule.smooth:
                return False
        elif not isinstance(op, Load):
            return False
        arrays = [v for v in operands(op) if v.kind.ndim]
        if (value.kind.ndim and value.base is None) or not all(self.memory.settled(a, op) for a in arrays):
            return False
        operations.add(op)
        return all(self._collect(v, operations) for v in operands(op))

    def need(self, value):
        """Note that the reverse sweep needs a value."""
        if value is None or value in self.known:
            return
        self.known.add(value)
        if self.free(value):
            return
        cheap = self.cost(value) <= KEPT + 1 and isinstance(value.op, Apply | Load)
        if cheap or value.block in self.wholly:
            for operand in operands(value.op):
                self.need(operand)
            self.again.setdefault(value.block, []).append(value)
        else:
            self.kept.setdefault(value.block, []).append(value)

    def free(self, value):
        """Whether a value is available in the reverse sweep as it is."""
        if value.constant is not None or value.block is None or not in_loop(value.block):
            return True
        return isinstance(value.op, For) and value is value.op.index

    def share(self, value):
        """The cost of an operand, which is available if it is needed anyway."""
        return FREE if value in self.known else min(KEPT, self.cost(value))

    def cost(self, value):
        """The arithmetic cost of recomputing a value."""
        if value not in self.cost_of:
            self.cost_of[value] = NEVER  # while it is being determined
            self.cost_of[value] = self._cost(value)
        return self.cost_of[value]

    def _cost(self, value):
        if self.free(value):
            return FREE
        op = value.op
        if isinstance(op, Apply):
            arrays = [arg for arg in op.args if arg.kind.ndim]
            written = value.kind.ndim and value.base is None and value in self.memory.stores
            if written or not op.rule.cheap or isinstance(op.rule, ArrayRule):
                return NEVER
            reads = op.rule not in (SHAPE, SIZE)
            if any(not (self.cost(a) <= KEPT and (not reads or self.memory.settled(a, op))) for a in arrays):
                return NEVER
            return op.rule.cost + sum(self.share(arg) for arg in op.args)
        if isinstance(op, Load):
            indices = sum(self.share(v) for v in index_values(op.index))
            if value.base is not None:
                return self.cost(op.array) + indices
            if not self.memory.settled(op.array, op) or self.cost(op.array) > KEPT:
                return NEVER
            return 1 + indices + self.cost(op.array)
        return NEVER


def refused(source):
    """A function ``refuse(line, construct)``."""

    def refuse(line, construct):
        raise NotDifferentiable(f"{source.name} ({source.file}:{line}): {construct} cannot be differentiated")

    return refuse
