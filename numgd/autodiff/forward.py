"""Forward mode: a program together with its tangent, as source text.

Every operation is followed by its derivative along the direction (A. Griewank and A. Walther, Evaluating
Derivatives, 2nd ed., SIAM, 2008, section 3.1).
"""

from numgd.autodiff.analysis import activate, leaves, prune
from numgd.autodiff.array_rules import ArrayRule
from numgd.autodiff.program import Apply, If, Load, NotDifferentiable, Store, walk
from numgd.autodiff.rules import letters, substituted
from numgd.autodiff.writing import Forward, cast, zero


class Tangent(Forward):
    """Writes a program and its derivative along a direction.

    Parameters
    ----------
    program : Program
    directions : dict of Value to str
        Text of the direction of each parameter that moves.
    names : Names
    """

    def __init__(self, program, directions, names):
        super().__init__()
        self.names = names
        prune(program)
        activate(program, list(directions))
        self.program, self.directions = program, directions
        self.dots = {}

    def write(self):
        """Lines of the program, and the text of the tangents of its results."""
        for value, text in self.directions.items():
            self.dots[value] = text
        for op in walk(self.program.body):
            if isinstance(op, Store) and op.array.root.active and op.array.root.op is None:
                root = op.array.root
                if root not in self.dots:
                    self.line(f"{self.dot_name(root)} = np.zeros_like({root.name})")
        self.block(self.program.body)
        return self.lines, [self.dot(value) for value in leaves(self.program.result)]

    # What rules use --------------------------------------------------------------------------------------

    def val(self, value):
        return value.name

    def dot_name(self, value):
        self.dots[value] = self.names.fresh(f"{value.name}_dot")
        return self.dots[value]

    def dot(self, value):
        """The text of a value's tangent."""
        if value in self.dots:
            return self.dots[value]
        if not value.kind.ndim:
            return "0.0"
        return f"np.zeros_like({value.name})"

    def name(self, text):
        name = self.names.fresh("part")
        self.line(f"{name} = {text}")
        return name

    # Operations ------------------------------------------------------------------------------------------

    def op(self, op):
        super().op(op)
        if isinstance(op, Apply) and op.result.active:
            text = self.tangent(op)
            self.line(f"{self.dot_name(op.result)} = {text}")
        elif isinstance(op, Load) and op.result.active:
            source = self.dot(op.array)
            self.line(f"{self.dot_name(op.result)} = {source}[{self.index(op.index)}]")
        elif isinstance(op, Store) and op.array.root.active:
            place = f"{self.dot(op.array)}[{self.index(op.index)}]"
            if op.value in self.dots:
                self.line(f"{place} {op.sign}= {self.dot(op.value)}")
            elif not op.sign:
                self.line(f"{place} = 0.0")

    def tangent(self, op):
        if not op.rule.smooth or not any(arg in self.dots for arg in op.args):
            return f"np.zeros_like({op.result.name})" if op.result.kind.ndim else "0.0"
        if isinstance(op.rule, ArrayRule):
            return op.rule.tangent(self, op)
        terms = []
        names = [arg.name for arg in op.args]
        for position, arg in enumerate(op.args):
            template = op.rule.adjoint_template(position, op)
            if template is None or arg not in self.dots:
                continue
            text = substituted(template, names, op, g=self.dot(arg), y=op.result.name)
            narrow = arg.kind.ndim < op.result.kind.ndim
            if narrow or (sum(a.kind.ndim > 0 for a in op.args) > 1 and not letters(template)):
                text = f"{text} + 0.0 * {op.result.name}" if not terms else text
            terms.append(text)
        if not terms:
            raise NotDifferentiable(f"line {op.line}: {op.rule.name} has no tangent")
        return " + ".join(f"({term})" for term in terms) if len(terms) > 1 else terms[0]

    # Tangents of what loops and branches set -------------------------------------------------------------

    def moving(self, value, kind):
        """The tangent of a value that becomes a variable of a kind."""
        if value is None:
            return zero(kind)
        return self.dot(value) if value in self.dots or value.kind.ndim else "0.0"

    def enter(self, op):
        super().enter(op)
        for c in op.carried:
            if c.inner.active:
                text = self.moving(c.init, c.inner.kind)
                self.line(f"{self.dot_name(c.inner)} = {text}")

    def updates(self, op):
        pairs = [(c.inner.name, cast(c.next, c.inner.kind)) for c in op.carried if c.next is not c.inner]
        pairs += [
            (self.dot(c.inner), self.moving(c.next, c.inner.kind))
            for c in op.carried
            if c.inner.active and c.next is not c.inner
        ]
        if not pairs:
            return []
        return [f"{', '.join(t for t, _ in pairs)} = {', '.join(s for _, s in pairs)}"]

    def leave(self, op):
        super().leave(op)
        for c in op.carried:
            if c.inner.active and c.out is not None:
                self.line(f"{self.dot_name(c.out)} = {self.dot(c.inner)}")

    def branch(self, op):
        for m in op.merged:
            if m.out.active:
                self.dot_name(m.out)
        super().branch(op)

    def block(self, block, after=list):
        super().block(block, lambda: after() + self.merged(block))

    def merged(self, block):
        """What a branch sets of the tangents."""
        op = block.parent
        if not isinstance(op, If):
            return []
        active = [m for m in op.merged if m.out.active]
        ends = [(m.out, m.then if block is op.then else m.other) for m in active]
        return [f"{self.dot(out)} = {self.moving(value, out.kind)}" for out, value in ends]
