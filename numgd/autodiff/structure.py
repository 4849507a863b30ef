"""Control flow without jumps: `break`, `continue` and early `return` become flags and branches.

What follows a branch that always jumps moves into its other branch, so that most functions need no flag.
"""

import ast

ALWAYS, SOMETIMES, NEVER = "always", "sometimes", "never"

RETURNED, ANSWER = "<returned>", "<answer>"
"""Variables of the rewritten function: whether it has returned, and the result."""


def restructure(node):
    """The body of a function definition, rewritten; its answer is in the variable `ANSWER`.

    A loop that may be exited early has the attribute `leave`: names of flags, any of which ends it.
    """
    body = list(node.body)
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]  # the docstring
    writer = _Writer()
    body, jumps = writer.block(body, None)
    if writer.flagged_return:
        body.insert(0, _set(RETURNED, False, node))
    else:
        body = _Without(RETURNED).of(body)
    return [ast.fix_missing_locations(statement) for statement in body], jumps


class _Without(ast.NodeTransformer):
    """Drops assignments to a variable that is not used."""

    def __init__(self, name):
        self.name = name

    def of(self, statements):
        return [new for statement in statements if (new := self.visit(statement)) is not None]

    def visit_Assign(self, node):
        target = node.targets[0]
        return None if isinstance(target, ast.Name) and target.id == self.name else node


class _Loop:
    def __init__(self, number):
        self.broken, self.skipped = f"<broken {number}>", f"<skipped {number}>"
        self.leave, self.skips = [], False


class _Writer:
    def __init__(self):
        self.loops = 0
        self.flagged_return = False

    def block(self, statements, loop):
        """The statements without jumps, and whether they always, sometimes or never jump."""
        written = []
        for i, statement in enumerate(statements):
            rest = statements[i + 1 :]
            if isinstance(statement, ast.Return):
                value = statement.value or ast.Constant(None)
                written.append(_assign(ANSWER, value, statement))
                written.append(_set(RETURNED, True, statement))
                if loop is not None:
                    self.flagged_return = True
                    _add(loop.leave, RETURNED)
                return written, ALWAYS
            if isinstance(statement, ast.Break):
                _add(loop.leave, loop.broken)
                written.append(_set(loop.broken, True, statement))
                return written, ALWAYS
            if isinstance(statement, ast.Continue):
                written.append(_set(loop.skipped, True, statement))
                loop.skips = True
                return written, ALWAYS
            if isinstance(statement, ast.If):
                jumps = self.branch(statement, rest, loop, written)
                if jumps is not None:
                    return written, jumps
            elif isinstance(statement, ast.For | ast.While):
                jumps = self.loop(statement, rest, loop, written)
                if jumps is not None:
                    return written, jumps
            else:
                written.append(statement)
        return written, NEVER

    def branch(self, statement, rest, loop, written):
        then, then_jumps = self.block(statement.body, loop)
        other, other_jumps = self.block(statement.orelse, loop)
        new = ast.copy_location(ast.If(statement.test, then or [ast.Pass()], other), statement)
        written.append(new)
        if then_jumps == other_jumps == NEVER:
            return None
        if then_jumps == other_jumps == ALWAYS:
            return ALWAYS
        if then_jumps == ALWAYS and other_jumps == NEVER:
            after, jumps = self.block(rest, loop)
            new.orelse = other + after
            return ALWAYS if jumps == ALWAYS else SOMETIMES
        if other_jumps == ALWAYS and then_jumps == NEVER:
            after, jumps = self.block(rest, loop)
            new.body = (then + after) or [ast.Pass()]
            return ALWAYS if jumps == ALWAYS else SOMETIMES
        self.guard(statement, rest, loop, written)
        return SOMETIMES

    def guard(self, statement, rest, loop, written):
        """The remaining statements, executed if no flag of a jump is set."""
        if not rest:
            return
        if loop is None:
            self.flagged_return = True
        after, _ = self.block(rest, loop)
        flags = [RETURNED] if loop is None else [loop.skipped, *loop.leave]
        if loop is not None:
            loop.skips = True  # set at the start of every iteration
            if loop.broken not in flags:
                flags.append(loop.broken)
                _add(loop.leave, loop.broken)
        test = _none_of(flags)
        written.append(ast.copy_location(ast.If(test, after or [ast.Pass()], []), statement))

    def loop(self, statement, rest, outer, written):
        own = _Loop(self.loops)
        self.loops += 1
        body, _ = self.block(statement.body, own)
        if own.skips:
            body.insert(0, _set(own.skipped, False, statement))
        if isinstance(statement, ast.For):
            new = ast.For(statement.target, statement.iter, body, [])
        else:
            new = ast.While(statement.test, body, [])
        ast.copy_location(new, statement)
        new.leave = own.leave
        if own.broken in own.leave:
            written.append(_set(own.broken, False, statement))
        written.append(new)
        if statement.orelse:
            if own.broken in own.leave:
                rest = [
                    ast.copy_location(
                        ast.If(_none_of([own.broken]), statement.orelse, []), statement.orelse[0]
                    ),
                    *rest,
                ]
            else:
                rest = [*statement.orelse, *rest]
        returns = RETURNED in own.leave
        if returns and outer is not None:
            _add(outer.leave, RETURNED)
        if not returns:
            if statement.orelse:
                after, jumps = self.block(rest, outer)
                written.extend(after)
                return jumps
            return None
        after, jumps = self.block(rest, outer)
        written.append(ast.copy_location(ast.If(_none_of([RETURNED]), after or [ast.Pass()], []), statement))
        return ALWAYS if jumps == ALWAYS else SOMETIMES


def _add(names, name):
    if name not in names:
        names.append(name)


def _assign(name, value, at):
    return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), at)


def _set(name, flag, at):
    return _assign(name, ast.Constant(flag), at)


def _none_of(flags):
    tests = [ast.UnaryOp(ast.Not(), ast.Name(flag, ast.Load())) for flag in flags]
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)
