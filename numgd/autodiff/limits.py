"""Finds the derivatives that must keep a limit where one of their factors is not finite.

A product of an adjoint and a local derivative is 0 · inf if the adjoint is zero because another element was
selected, or if an exponential has overflowed.  It must then be zero; the operations where this can happen are
found here, and all others are written without a test.
"""

from numgd.autodiff import rules
from numgd.autodiff.program import Apply, For, If, Load, Store, Value, While, blocks_of, walk

GUARDED, SQUARES = "guarded", "squares"


def keep_limits(program, reverse):
    """Set `limit` of the operations of a program whose derivatives need one."""
    operations = [op for op in walk(program.body) if isinstance(op, Apply)]
    choices = [arg for op in operations if op.rule in rules.CHOICES for arg in op.args]
    chosen = _behind(program, choices) if reverse else set()
    absorbed = _behind(program, [arg for op in operations for arg in _absorbed(op)]) | chosen
    if not reverse:
        absorbed |= {op.result for op in operations}
    large = _spread(program, rules.OVERFLOWING, rules.LARGE_WITH)
    unbounded = _spread(program, rules.OVERFLOWING | rules.SINGULAR, rules.LARGE_WITH)
    for op in operations:
        if op.rule in rules.ROOTS and _is_norm(op) and _sum_of_squares(op.args[0], ()):
            op.limit = SQUARES
        elif op.rule in rules.OVERFLOWING:
            op.limit = GUARDED if op.result in absorbed or op.args[0] in large else ""
        elif _steep(op) and not _undone(op, program, reverse):
            op.limit = GUARDED
        elif op.rule in rules.PRODUCTS:
            beside = unbounded if op.result in chosen else large if op.result in absorbed else set()
            by_a_root = not reverse and len(op.args) == 2 and sum(map(_rooted, op.args)) == 1
            op.limit = GUARDED if by_a_root or any(arg in beside for arg in op.args) else ""
        elif op.rule in rules.SINGULAR:
            operand = op.args[op.rule is rules.DIVIDE]
            if operand in large or (op.result in chosen and not _harmless(op)):
                op.limit = GUARDED


def _absorbed(op):
    """The operands that may be infinite while the result is finite."""
    if op.rule is rules.DIVIDE:
        return op.args[1:]
    carries = op.rule in rules.LARGE_WITH and op.rule not in (rules.POWER, rules.CONSTANT_POWER)
    return [] if carries or not isinstance(op.rule, rules.Elementwise) else op.args


def _steep(op):
    """Whether the derivative of a root may be infinite; for powers of at least one it is not."""
    exponent = op.args[1].constant if op.rule in rules.POWERS and len(op.args) > 1 else None
    if op.rule not in rules.ROOTS or not (exponent is None or 0 < exponent < 1):
        return False
    inner = _origin(op.args[0]).op
    if isinstance(inner, Apply) and inner.rule is rules.ADD:
        others = [arg for arg in inner.args if not (arg.constant or 0.0) > 0.0]
        return len(others) == len(inner.args) or not all(_sum_of_squares(arg, ()) for arg in others)
    return True


def _harmless(op):
    """Whether an operation divides by a non-zero constant."""
    return op.rule is rules.DIVIDE and bool(op.args[1].constant)


def _behind(program, seeds):
    """The given values and all values that they depend on."""
    found = {value for value in seeds if value.kind.real}

    def add(*values):
        new = {value for value in values if isinstance(value, Value) and value.kind.real} - found
        found.update(new)
        return bool(new)

    changed = True
    while changed:
        changed = False
        for op in walk(program.body):
            if isinstance(op, Apply):
                if op.result in found:
                    changed |= add(*op.args)
            elif isinstance(op, Load):
                if op.result in found:
                    changed |= add(op.array, op.array.root)
            elif isinstance(op, Store):
                if op.array.root in found:
                    changed |= add(op.value)
            elif isinstance(op, If):
                for m in op.merged:
                    if m.out in found:
                        changed |= add(m.then, m.other)
            else:
                for c in op.carried:
                    if c.out in found or c.inner in found:
                        changed |= add(c.init, c.next, c.inner)
    return found


def _spread(program, sources, through):
    """The results of the given rules, and what is computed from them by arithmetic or chosen by a branch."""
    found = set()
    for op in _after_its_blocks(program.body):
        if isinstance(op, If):
            found.update(m.out for m in op.merged if m.then in found or m.other in found)
        elif isinstance(op, Apply) and (
            op.rule in sources or (op.rule in through and any(arg in found for arg in op.args))
        ):
            found.add(op.result)
    return found


def _after_its_blocks(block):
    """All operations of a block and of nested blocks, each after those in its own blocks."""
    for op in block.ops:
        for inner in blocks_of(op):
            yield from _after_its_blocks(inner)
        yield op


def _origin(value):
    """The value itself, or what it is wherever it is computed: a branch may set it to zero otherwise."""
    while isinstance(value.op, If):
        (merged,) = (m for m in value.op.merged if m.out is value)
        ends = [end for end in (merged.then, merged.other) if end is not None and end.constant != 0]
        if len(ends) != 1:
            break
        (value,) = ends
    return value


def _undone(op, program, reverse):
    """Whether one power may cancel another: the product of a flat and a steep one is not zero."""
    if not reverse:
        inner = _origin(op.args[0]).op  # the slope of |x| at 0 is zero by convention: it cancels nothing
        return isinstance(inner, Apply) and (inner.rule in rules.POWERS or inner.rule is rules.ABSOLUTE)
    follow = {op.result}
    for later in _after_its_blocks(program.body):
        if isinstance(later, If):
            follow.update(m.out for m in later.merged if m.then in follow or m.other in follow)
        elif isinstance(later, Apply) and any(arg in follow for arg in later.args):
            if later.rule in rules.POWERS:
                return True
            others_are_known = sum(1 for arg in later.args if arg.active) == 1
            if later.rule in rules.LARGE_WITH and (later.rule not in rules.PRODUCTS or others_are_known):
                follow.add(later.result)
            elif later.rule in rules.PRODUCTS and sum(_rooted(arg) for arg in later.args) > 1:
                return True
    return False


def _rooted(value):
    op = _origin(value).op
    return isinstance(op, Apply) and _steep(op)


def _is_norm(op):
    """Whether a root is the square root, or one that is nowhere steeper."""
    return op.rule is rules.SQRT or (op.rule in rules.POWERS and 0.5 <= (op.args[1].constant or 0.0) < 1.0)


def _sum_of_squares(value, assumed):
    """Whether a value is a sum of squares, whose square root has the subgradient zero at zero."""
    if value in assumed:
        return True
    op = value.op
    if isinstance(op, Load):
        return _sum_of_squares(op.array, assumed)
    if isinstance(op, If):
        (merged,) = (m for m in op.merged if m.out is value)
        return all(end is None or _sum_of_squares(end, assumed) for end in (merged.then, merged.other))
    if isinstance(op, For | While):
        for c in op.carried:
            if c.out is value and c.init is not None and isinstance(c.next, Value):
                starts = c.init.constant == 0 or _sum_of_squares(c.init, assumed)
                return starts and _sum_of_squares(c.next, (*assumed, c.inner))
        return False
    if not isinstance(op, Apply):
        return value.constant == 0 and value.constant is not None
    if op.rule in rules.SQUARES or op.rule is rules.VAR:
        return True
    if op.rule is rules.CONSTANT_POWER:
        exponent = op.args[1].constant
        return exponent is not None and exponent >= 2 and exponent % 2 == 0
    if op.rule is rules.MULTIPLY and _alike(*op.args):
        return True
    if op.rule is rules.DOT:
        return _alike(*op.args)
    if op.rule is rules.ADD:
        return all(_sum_of_squares(arg, assumed) for arg in op.args)
    if op.rule in (rules.MULTIPLY, rules.DIVIDE):
        known = [arg for arg in op.args if arg.constant is not None and arg.constant > 0]
        known += [arg for arg in op.args if arg.kind.dtype == "i8" and arg.constant is None]
        return bool(known) and _sum_of_squares(op.args[0 if op.args[1] in known else 1], assumed)
    if op.rule in (rules.SUM, rules.MEAN):
        return _sum_of_squares(op.args[0], assumed)
    return False


def _alike(first, second):
    """Whether two values are the same, such as two reads of the same element, or differences of them."""
    if first is second or (first.constant is not None and first.constant == second.constant):
        return True
    one, other = _origin(first).op, _origin(second).op
    if isinstance(one, Apply) and isinstance(other, Apply):
        same = one.rule is other.rule and one.options == other.options and len(one.args) == len(other.args)
        return same and all(map(_alike, one.args, other.args))
    if (
        isinstance(one, Load)
        and isinstance(other, Load)
        and first.kind == second.kind
        and not first.kind.ndim
    ):
        same = one.array is other.array and one.block is other.block and len(one.index) == len(other.index)
        return same and all(
            isinstance(i, Value) and isinstance(j, Value) and _alike(i, j)
            for i, j in zip(one.index, other.index, strict=True)
        )
    return False
