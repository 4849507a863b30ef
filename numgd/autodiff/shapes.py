"""Which arrays of a program have the same shape for all arguments.

The length of an axis is a pair (token, offset): the number that the token stands for plus the offset, or 0
if that is negative; the token None stands for 0.  A length that is not understood gets a new token.
"""

from numgd.autodiff import rules
from numgd.autodiff.program import ELLIPSIS, NEW_AXIS, Apply, For, Load, Slice, Value, While, walk

ONE = (None, 1)


class Shapes:
    """The shapes of a program's arrays."""

    def __init__(self, program):
        self.known, self.alias = {}, {}
        self.at_hand = {}  # by shape and kind: an array that exists during the whole reverse sweep
        loops = [op for op in walk(program.body) if isinstance(op, For | While)]
        for op in loops:
            for c in op.carried:
                self.known[c.inner] = _own(c.inner)
        for op in loops:
            for c in op.carried:
                if isinstance(c.next, Value) and isinstance(c.init, Value) and c.inner.kind.ndim:
                    self._keep_alike(c)
        everywhere = [what for _, what in program.parameters if isinstance(what, Value)]
        everywhere += [op.result for op in program.body.ops if isinstance(op, Apply | Load)]
        for value in everywhere:
            if value.kind.ndim:
                self.at_hand.setdefault((self.of(value), value.kind), value)

    def _keep_alike(self, c):
        """A variable that a loop carries without changing its shape has the shape of its first value."""
        if self.of(c.next) == self.of(c.inner):
            for token, dimension in zip(_own(c.inner), self.of(c.init), strict=True):
                self.alias[token[0]] = dimension
            if c.out is not None:
                self.known[c.out] = self.of(c.inner)

    def of(self, value):
        """The lengths of a value's axes."""
        if value not in self.known:
            self.known[value] = self._of(value)
        return tuple(self._canonical(dimension) for dimension in self.known[value])

    def same(self, first, second):
        """Whether two values have the same shape."""
        return self.of(first) == self.of(second)

    def like(self, value):
        """A value of the same shape and kind that exists in the whole reverse sweep, or the value itself."""
        return self.at_hand.get((self.of(value), value.kind), value)

    def _canonical(self, dimension):
        token, offset = dimension
        while token in self.alias:
            token, more = self.alias[token]
            offset += more
        return token, offset

    def _of(self, value):
        op = value.op
        if isinstance(op, Load):
            return self._selected(value, op)
        if not isinstance(op, Apply):
            return _own(value)
        rule, args = op.rule, op.args
        if isinstance(rule, rules.Elementwise):
            return self._broadcast(value, args)
        if rule.shaped_like is not None:
            return self.of(args[rule.shaped_like])
        if isinstance(rule, rules.Filled):  # the last operand of a `Full` is not a length
            return tuple(self.number(arg) for arg in args[: value.kind.ndim])
        if isinstance(rule, rules.Reduction) and op.options.get("axis") is not None:
            axis = op.options["axis"]
            return tuple(d for k, d in enumerate(self.of(args[0])) if k != axis)
        if rule is rules.TRANSPOSE:
            axes = op.options.get("axes") or range(value.kind.ndim)[::-1]
            return tuple(self.of(args[0])[axis] for axis in axes)
        if rule is rules.DOT:
            return self.of(args[0])[:-1] + self.of(args[1])[1:]
        lengths = args[1:]
        if rule is rules.RESHAPE and not any(n.constant is not None and n.constant < 0 for n in lengths):
            return tuple(self.number(length) for length in lengths)
        return _own(value)

    def number(self, value):
        """An integer as the length of an axis."""
        if value.constant is not None:
            return None, int(value.constant)
        op = value.op
        if isinstance(op, Apply):
            if op.rule is rules.SHAPE:
                return self.of(op.args[0])[op.options["axis"]]
            if op.rule is rules.SIZE and op.args[0].kind.ndim == 1:
                return self.of(op.args[0])[0]
            if op.rule in (rules.ADD, rules.SUBTRACT) and isinstance(op.args[1].constant, int):
                token, offset = self.number(op.args[0])
                change = op.args[1].constant
                return token, offset + (change if op.rule is rules.ADD else -change)
        return (value, "number"), 0

    def _broadcast(self, value, args):
        found = list(_own(value))
        for place in range(1, value.kind.ndim + 1):
            lengths = {self.of(arg)[-place] for arg in args if arg.kind.ndim >= place} - {ONE}
            if len(lengths) <= 1:
                found[-place] = lengths.pop() if lengths else ONE
        return tuple(found)

    def _selected(self, value, op):
        arrays = [item for item in op.index if isinstance(item, Value) and item.kind.ndim]
        if arrays:
            return self._taken(value, op, arrays)
        rest = list(self.of(op.array))
        index = list(op.index)
        if ELLIPSIS in index:
            place = index.index(ELLIPSIS)
            used = sum(1 for item in index if item not in (ELLIPSIS, NEW_AXIS))
            index[place : place + 1] = [Slice()] * (len(rest) - used)
        found = []
        for item in index:
            if item == NEW_AXIS:
                found.append(ONE)
                continue
            length = rest.pop(0)
            if isinstance(item, Slice):
                found.append(self._sliced(item, length) or ((value, len(found)), 0))
        return tuple(found + rest)

    def _taken(self, value, op, arrays):
        """The shape of what arrays as indices select."""
        if any(array.kind.dtype == "b1" for array in arrays):
            return _own(value)
        if len(op.index) == op.array.kind.ndim:
            return self._broadcast(value, arrays)
        return self.of(arrays[0]) + self.of(op.array)[1:]

    def _sliced(self, item, length):
        """The length of a slice of an axis, None if it is not understood."""
        token, offset = length
        first = 0 if item.start is None else item.start.constant
        if not (item.step is None or item.step.constant == 1) or first is None or first < 0:
            return None
        if item.stop is None:
            return token, offset - first
        if item.stop.constant is not None:
            return (token, offset + item.stop.constant - first) if item.stop.constant < 0 else None
        end, before = self._canonical(self.number(item.stop))
        return (token, before - first) if end == token and before <= offset else None


def _own(value):
    return tuple(((value, axis), 0) for axis in range(value.kind.ndim))
