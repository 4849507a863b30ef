"""Moves what a loop computes anew in every iteration, with the same result, to before the loop.

Only chains of numbers with an elementary function or a division are moved.  Where it is not known that the
loop runs at all, they are computed only if it does, so that nothing is evaluated that would not have been.
"""

from numgd.autodiff import rules
from numgd.autodiff.flow import replace
from numgd.autodiff.program import BOOLEAN, Apply, Block, For, If, Load, Merged, Store, Value, operands, walk

_DEAR = 4  # operations


def hoist(program, names):
    """Move the operations of a program out of its loops."""
    for op in reversed(list(walk(program.body))):  # inner loops first
        if isinstance(op, For) and op.count.step.constant:
            moved = _worthwhile(_unchanging(op))
            if moved:
                _move(op, moved, names)


def _unchanging(loop):
    """The operations on numbers in a loop's body that have the same result in every iteration."""
    inside = {loop.body, *(op.block for op in walk(loop.body))}
    written = {op.array.root for op in walk(loop.body) if isinstance(op, Store)}
    found, results = [], set()
    for op in loop.body.ops:
        if any(isinstance(each, Apply) and each.rule.effect for each in (op, *_within(op))):
            break  # what follows may never be reached
        if isinstance(op, Apply):
            fits = isinstance(op.rule, rules.Elementwise) and not any(arg.kind.ndim for arg in op.args)
        else:
            fits = isinstance(op, Load) and op.array.root not in written and not op.result.kind.ndim
        if fits and all(arg.block not in inside or arg in results for arg in operands(op)):
            found.append(op)
            results.add(op.result)
    return found


def _within(op):
    """The operations in the blocks of an operation."""
    return [] if isinstance(op, Apply | Load | Store) else list(walk(Block(ops=[op])))


def _worthwhile(operations):
    """Those that contain an elementary function or a division, and what these are computed from."""
    dear = set()
    for op in operations:
        costly = isinstance(op, Apply) and (not op.rule.cheap or op.rule.cost >= _DEAR)
        if costly or any(arg in dear for arg in operands(op)):
            dear.add(op.result)
    for op in reversed(operations):
        if op.result in dear:
            dear.update(operands(op))
    return [op for op in operations if op.result in dear]


def _move(loop, moved, names):
    """Move operations of a loop's body to before the loop."""
    block, gone = loop.block, set(moved)
    loop.body.ops = [op for op in loop.body.ops if op not in gone]
    place = block.ops.index(loop)
    start, stop, step = loop.count
    low, high = (start, stop) if step.constant > 0 else (stop, start)
    if low.constant is not None and high.constant is not None and low.constant < high.constant:
        target, before = block, moved
    else:
        test = Apply(block, loop.line, rules.COMPARISONS["Lt"], [low, high], {})
        test.result = Value(names.fresh("runs"), BOOLEAN, block, test)
        branch = If(block, loop.line, test.result, None, None, [])
        branch.then, branch.other = Block(branch, moved), Block(branch)
        for op in moved:
            out = Value(names.fresh("fixed"), op.result.kind, block, branch)
            branch.merged.append(Merged(op.result, None, out))
            replace(loop, op.result, out)
        target, before = branch.then, [test, branch]
    for op in moved:
        op.block = op.result.block = target
    block.ops[place:place] = before
