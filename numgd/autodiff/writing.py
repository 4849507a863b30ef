"""Programs as source text, which keep what the reverse sweep needs on a tape."""

from numgd.autodiff.program import (
    ELLIPSIS,
    Apply,
    For,
    Load,
    Slice,
    Store,
    Value,
    While,
    blocks_of,
)
from numgd.autodiff.rules import DTYPE_NAMES

INDENT = "    "


class Writer:
    """Lines of source text at a level of indentation."""

    def __init__(self):
        self.lines, self.depth = [], 1

    def line(self, text):
        self.lines.append(INDENT * self.depth + text)

    def index(self, index, name=lambda value: value.name):
        """An index as text."""
        if index == [ELLIPSIS]:
            return ":"
        return ", ".join(_item(item, name) for item in index)


def _item(item, name):
    if isinstance(item, Slice):
        parts = ["" if part is None else name(part) for part in (item.start, item.stop, item.step)]
        return ":".join(parts if parts[2] else parts[:2])
    return name(item) if isinstance(item, Value) else item


def in_f_order(value):
    """Whether an array is in Fortran order; it is put on the tape transposed, to preserve that."""
    return value.kind.ndim > 1 and value.kind.layout == "F"


def zero(kind):
    """Any value of a kind."""
    if kind.ndim:
        return f"np.empty(({'0, ' * kind.ndim}), {DTYPE_NAMES[kind.dtype]})"
    return {"f8": "0.0", "f4": "np.float32(0.0)", "i8": "0", "b1": "False"}[kind.dtype]


def cast(value, kind):
    """A value as text, in the kind of the variable that receives it."""
    if value is None:
        return zero(kind)
    if value.kind == kind or kind.ndim:
        return value.name
    if value.constant is not None and kind.dtype == "f8":
        return repr(float(value.constant))
    return {"f8": "float({})", "f4": "np.float32({})", "i8": "int({})", "b1": "bool({})"}[kind.dtype].format(
        value.name
    )


class Forward(Writer):
    """Writes a block in forward direction.

    Parameters
    ----------
    kept : dict of Block to list of Value
        What is put on the tape at the end of each run of a block.
    counted : set of While
        Loops whose iterations are counted.
    needed : set of Value, optional
        Nothing else of the program is written.
    names : Names, optional
        The supply of names, if anything is kept.
    """

    def __init__(self, kept=None, counted=(), needed=None, names=None):
        super().__init__()
        self.kept, self.counted, self.needed, self.names = kept or {}, counted, needed, names
        self.reserved = set()

    def block(self, block, after=list):
        """Write the operations, what is kept of them, and the lines that `after` returns then."""
        before = len(self.lines)
        for op in block.ops:
            self.op(op)
        self.keep(block)
        for text in after():
            self.line(text)
        if len(self.lines) == before:
            self.line("pass")

    def asked(self, *values):
        """Whether one of these is needed."""
        return self.needed is None or any(value in self.needed for value in values)

    def wants(self, op):
        """Whether an operation is written: its result is needed, it writes to an argument, or has blocks."""
        if isinstance(op, Apply | Load):
            return self.asked(op.result)
        return not isinstance(op, Store) or self.asked(op.array.root) or op.array.root.op is None

    def op(self, op):
        if isinstance(op, Apply) and op.rule.effect:
            self.line(op.rule.text([], op))
        elif not self.wants(op):
            return
        elif isinstance(op, Apply):
            self.line(f"{op.result.name} = {op.rule.text([arg.name for arg in op.args], op)}")
        elif isinstance(op, Load):
            self.line(f"{op.result.name} = {op.array.name}[{self.index(op.index)}]")
        elif isinstance(op, Store):
            self.line(f"{op.array.name}[{self.index(op.index)}] {op.sign}= {op.value.name}")
        elif isinstance(op, For):
            self.loop(op)
        elif isinstance(op, While):
            self.conditional(op)
        else:
            self.branch(op)

    def enter(self, op):
        for c in op.carried:
            if self.asked(c.inner, c.out):
                self.line(f"{c.inner.name} = {cast(c.init, c.inner.kind)}")

    def updates(self, op):
        """What is carried at the end of an iteration."""
        carried = [c for c in op.carried if c.next is not c.inner and self.asked(c.inner, c.out)]
        pairs = [(c.inner.name, cast(c.next, c.inner.kind)) for c in carried]
        targets = {target for target, _ in pairs}
        if any(source in targets for _, source in pairs) and len(pairs) > 1:
            return [f"{', '.join(t for t, _ in pairs)} = {', '.join(s for _, s in pairs)}"]
        return [f"{target} = {source}" for target, source in pairs]

    def leave(self, op):
        for c in op.carried:
            if c.out is not None and self.asked(c.out):
                self.line(f"{c.out.name} = {c.inner.name}")

    def loop(self, op):
        self.enter(op)
        start, stop, step = (part.name for part in op.count)
        self.reserve(op)
        before = len(self.lines)
        self.line(f"for {op.index.name} in {range_text(start, stop, step)}:")
        self.depth += 1
        self.block(op.body, lambda: self.updates(op))
        self.depth -= 1
        if self.lines[before + 1 :] == [INDENT * (self.depth + 1) + "pass"]:
            del self.lines[before:]
        self.leave(op)

    def reserve(self, op):
        """Reserve space on the tape for all iterations of a loop, if it is known how much they may keep."""
        start, stop, step = (part.name for part in op.count)
        most = self.reserved_for(op)
        if most:
            count = stop if (start, step) == ("0", "1") else f"helpers.length({start}, {stop}, {step})"
            self.grow(f"top + {most} * {count}")

    def reserved_for(self, op):
        """How many numbers an iteration may keep, for which the loop reserves space; 0 if it does not."""
        most = [self.most_kept(block) for block in blocks_of(op)]
        if None in most or not any(most):
            return 0
        self.reserved |= {*_all_blocks(op)}
        return sum(most)

    def most_kept(self, block):
        """How many numbers a block may keep; None if that is not known in advance."""
        kept = self.kept.get(block, [])
        if any(value.kind.ndim for value in kept):
            return None
        most = len(kept)
        for op in block.ops:
            inner = [self.most_kept(each) for each in blocks_of(op)]
            if None in inner or (any(inner) and isinstance(op, For | While)):
                return None
            most += max(inner, default=0)
        return most

    def grow(self, size):
        """Ensure a tape of at least this size."""
        self.line(f"if {size} > tape.size:")
        self.line(f"{INDENT}tape = helpers.grown(tape, {size})")

    def conditional(self, op):
        self.enter(op)
        if op in self.counted:
            self.line(f"{op.count.name} = 0")
        most, full = self.reserved_for(op), None
        if most:
            # The tape grows in a loop around this one: where a loop may replace an array, Numba counts
            # references in each iteration.
            full = self.names.fresh("full")
            self.line("while True:")
            self.depth += 1
            self.grow(f"top + {most}")
            self.line(f"{full} = True")
            self.line(f"while top + {most} <= tape.size:")
        else:
            self.line("while True:")
        self.depth += 1
        for inner in op.head.ops:
            self.op(inner)
        self.line(f"if not {op.condition.name}:")
        if most:
            self.line(f"{INDENT}{full} = False")
        self.line(f"{INDENT}break")
        counting = [f"{op.count.name} += 1"] if op in self.counted else []
        self.block(op.body, lambda: self.updates(op) + counting)
        self.depth -= 1
        if most:
            self.line(f"if not {full}:")
            self.line(f"{INDENT}break")
            self.depth -= 1
        self.leave(op)

    def branch(self, op):
        nothing = INDENT * (self.depth + 1) + "pass"
        before = len(self.lines)
        self.line(f"if {op.condition.name}:")
        self.depth += 1
        self.block(op.then, lambda: self.merges(op, op.then))
        self.depth -= 1
        middle = len(self.lines)
        self.line("else:")
        self.depth += 1
        self.block(op.other, lambda: self.merges(op, op.other))
        self.depth -= 1
        if self.lines[middle + 1 :] == [nothing]:
            del self.lines[middle:]
            if self.lines[before + 1 :] == [nothing]:
                del self.lines[before:]

    def merges(self, op, block):
        """What a branch sets at its end."""
        ends = [(m.out, m.then if block is op.then else m.other) for m in op.merged]
        return [f"{out.name} = {cast(value, out.kind)}" for out, value in ends if self.asked(out)]

    def keep(self, block):
        """Write what is kept of a run of the block to the tape."""
        scalars = [value for value in self.kept.get(block, []) if not value.kind.ndim]
        if scalars:
            if block not in self.reserved:
                self.grow(f"top + {len(scalars)}")
            self.push(scalars)
            self.line(f"top += {len(scalars)}")
        for value in self.kept.get(block, []):
            if value.kind.ndim:
                turned = ".T" if in_f_order(value) else ""
                self.line(f"tape, top = helpers.kept(tape, top, {value.name}{turned})")

    def push(self, scalars):
        """Push numbers onto the tape."""
        for number, value in enumerate(scalars):
            self.line(f"tape[top{f' + {number}' if number else ''}] = {value.name}")


def range_text(start, stop, step):
    """``range`` in its shortest form."""
    if step != "1":
        return f"range({start}, {stop}, {step})"
    return f"range({stop})" if start == "0" else f"range({start}, {stop})"


def _all_blocks(op):
    for block in blocks_of(op):
        yield block
        for inner in block.ops:
            yield from _all_blocks(inner)


def contains(op, test):
    """Whether a test is true for an operation within another."""
    for block in blocks_of(op):
        for inner in block.ops:
            if test(inner) or contains(inner, test):
                return True
    return False
