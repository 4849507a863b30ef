"""Forward mode: the tangents of a program along one or several directions, as source text.

Every operation is followed by its derivative along each direction (A. Griewank and A. Walther, Evaluating
Derivatives, 2nd ed., SIAM, 2008, section 3.1); of the program itself only what the
tangents need is written.
"""

from numgd.autodiff.analysis import activate, closed, leaves, prune
from numgd.autodiff.limits import keep_limits
from numgd.autodiff.program import Apply, Load, Store, walk
from numgd.autodiff.rules import RAVEL, RESHAPE, ArrayRule, letters, substituted
from numgd.autodiff.writing import Forward, cast, zero


def tangents(program, directions, names, outputs=()):
    """Lines of the tangents of a program, and the texts of the tangents of its result.

    Parameters
    ----------
    program : Program
    directions : list of dict of Value to str
        For each direction the text of every parameter that moves along it.
    names : Names
    outputs : sequence of str
        For each direction the name of an array that the tangent of the result is written to, if any.

    Returns
    -------
    lines : list of str
    dots : list of list of str
        For each direction the tangents of the values in the result.
    """
    prune(program)
    activate(program, [value for moved in directions for value in moved])
    keep_limits(program, reverse=False)
    dry = Tangent(program, directions, names.copy(), None, outputs)
    dry.write()
    tangent = Tangent(program, directions, names, closed(program, dry.used), outputs)
    return tangent.lines, tangent.write()


class Tangent(Forward):
    """Writes the tangents; with `needed` None also the whole program, to learn which parts are needed."""

    def __init__(self, program, directions, names, needed, outputs):
        super().__init__(needed=needed)
        self.program, self.names, self.outputs = program, names, outputs
        self.used = set()
        self.dots_of = [dict(moved) for moved in directions]
        self.lane = 0
        self.owned = set()  # names of tangents that are arrays without other references
        self.same = {}  # other names of tangents, and their first ones
        self.written = {op.array.root for op in walk(program.body) if isinstance(op, Store)}
        views = [op for op in walk(program.body) if getattr(op, "rule", None) in (RESHAPE, RAVEL)]
        self.laid_out = {op.result.root for op in views} & self.written  # their tangents have the same layout

    def write(self):
        """Write the lines; returns the texts of the tangents of the results, for each direction."""
        roots = {root for root in self.written if root.active and root.op is None}
        for root in sorted(roots, key=lambda root: root.name):
            for _ in self.lanes():
                given = self.dots.get(root)
                name = self.dot_name(root)
                self.line(f"{name} = np.zeros_like({self.val(root)})")
                if given is not None:
                    self.line(f"{name}[:] = {given}")
        self.block(self.program.body)
        return [[self.final(value) for value in leaves(self.program.result)] for _ in self.lanes()]

    def lanes(self):
        """Iterate over the directions; methods below refer to the present one."""
        for lane in range(len(self.dots_of)):
            self.lane = lane
            yield lane

    @property
    def dots(self):
        """Names of the tangents in the present direction."""
        return self.dots_of[self.lane]

    # What rules use --------------------------------------------------------------------------------------

    def val(self, value):
        """The text of a value."""
        self.used.add(value)
        return value.name

    def writes(self, view):
        """Whether elements of a view, or of its array, are written."""
        return view.root in self.written

    def dot_name(self, value):
        """A new name for a value's tangent."""
        self.dots[value] = self.names.fresh(f"{value.name}_dot")
        return self.dots[value]

    def dot(self, value):
        """The text of a value's tangent."""
        if value in self.dots:
            return self.dots[value]
        return f"np.zeros_like({self.val(value)})" if value.kind.ndim else "0.0"

    def name(self, text):
        """A name for an expression."""
        name = self.names.fresh("part")
        self.line(f"{name} = {text}")
        return name

    def final(self, value):
        """The tangent of a result, as a separate array."""
        text = self.dot(value)
        if self.outputs:
            if text != self.outputs[self.lane]:
                self.line(f"{self.outputs[self.lane]}[:] = {text}")
            return text
        first = self.same.get(text, text)
        if not value.kind.ndim or first in self.owned:
            self.owned.discard(first)
            return text
        return f"{text} + np.zeros_like({self.val(value)})"

    # Operations ------------------------------------------------------------------------------------------

    def op(self, op):
        super().op(op)
        for _ in self.lanes():
            self.follow(op)

    def follow(self, op):
        """The tangent of the result of an operation without blocks, if it has one."""
        if isinstance(op, Apply) and op.result.active:
            moving = op.rule.smooth and any(arg in self.dots for arg in op.args)
            if moving:
                text = self.apart(op, self.tangent(op))
            elif self.outputs and op.result in self.written and op.result is self.program.result:
                self.dots[op.result] = self.outputs[self.lane]
                self.line(f"{self.dots[op.result]}[:] = 0.0")
                return
            elif op.result in self.written:
                text = op.rule.blank(self, op) or f"np.zeros_like({self.val(op.result)})"
            else:
                return
            name = self.dot_name(op.result)
            if moving and op.result in self.laid_out:
                self.line(f"{name} = np.zeros_like({self.val(op.result)})")
                self.line(f"{name}[:] = {text}")
                self.owned.add(name)
                return
            self.line(f"{name} = {text}")
            alias = text.isidentifier()
            if alias and all(arg.kind == op.result.kind for arg in op.args if arg in self.dots):
                self.same[name] = self.same.get(text, text)
            elif not alias and not getattr(op.rule, "view", False):
                self.owned.add(name)
        elif isinstance(op, Load) and op.result.active and op.array in self.dots:
            source = self.dot(op.array)
            self.line(f"{self.dot_name(op.result)} = {source}[{self.index(op.index, self.val)}]")
        elif isinstance(op, Store) and op.array.root.active:
            place = f"{self.dot(op.array)}[{self.index(op.index, self.val)}]"
            if op.value in self.dots:
                self.line(f"{place} {op.sign}= {self.dot(op.value)}")
            elif not op.sign:
                self.line(f"{place} = 0.0")

    def apart(self, op, text):
        """The tangent of a result, as a copy if it is that of an operand and one of them is written to."""
        shared = text.isidentifier() and op.result.kind.ndim and not getattr(op.rule, "view", False)
        if shared and any(value.root in self.written for value in (op.result, *op.args)):
            return f"{text}.copy()"
        return text

    def tangent(self, op):
        """The text of a result's tangent."""
        if isinstance(op.rule, ArrayRule):
            return op.rule.tangent(self, op)
        terms = []
        for position, arg in enumerate(op.args):
            template = op.rule.adjoint_template(position, op)
            if template is None or arg not in self.dots:
                continue
            used = letters(template)
            names = [self.val(a) if c in used else c for c, a in zip("abc", op.args, strict=False)]
            y = self.val(op.result) if "y" in used else "y"
            text = substituted(template, names, op, g=self.dot(arg), y=y)
            shaped = {a for c, a in zip("abc", op.args, strict=False) if c in used} | {arg}
            whole = "y" in used or all(a in shaped for a in op.args if a.kind.ndim)
            if op.result.kind.ndim and not (terms or whole):
                text = f"{text} + np.zeros_like({self.val(op.result)})"
            terms.append(text)
        if not terms:
            return f"np.zeros_like({self.val(op.result)})" if op.result.kind.ndim else "0.0"
        return " + ".join(f"({term})" for term in terms) if len(terms) > 1 else terms[0]

    # Loops and branches ----------------------------------------------------------------------------------

    def moving(self, value, kind):
        """The tangent of a value that becomes a variable of the given kind."""
        if value is None:
            return zero(kind)
        return self.dot(value) if value in self.dots or value.kind.ndim else "0.0"

    def enter(self, op):
        super().enter(op)
        for c in op.carried:
            if c.inner.active:
                for _ in self.lanes():
                    text = self.moving(c.init, c.inner.kind)
                    self.line(f"{self.dot_name(c.inner)} = {text}")

    def updates(self, op):
        carried = [c for c in op.carried if c.next is not c.inner]
        pairs = [(c.inner.name, cast(c.next, c.inner.kind)) for c in carried if self.asked(c.inner, c.out)]
        for _ in self.lanes():
            pairs += [
                (self.dot(c.inner), self.moving(c.next, c.inner.kind)) for c in carried if c.inner.active
            ]
        if not pairs:
            return []
        return [f"{', '.join(t for t, _ in pairs)} = {', '.join(s for _, s in pairs)}"]

    def leave(self, op):
        super().leave(op)
        for c in op.carried:
            if c.out is not None and c.inner.active:
                for _ in self.lanes():
                    self.line(f"{self.dot_name(c.out)} = {self.dot(c.inner)}")

    def branch(self, op):
        for m in op.merged:
            if m.out.active:
                for _ in self.lanes():
                    self.dot_name(m.out)
        super().branch(op)

    def merges(self, op, block):
        lines = super().merges(op, block)
        ends = [(m.out, m.then if block is op.then else m.other) for m in op.merged]
        for _ in self.lanes():
            lines += [
                f"{self.dot(out)} = {self.moving(value, out.kind)}" for out, value in ends if out.active
            ]
        return lines
