"""Reverse mode: the adjoint of a program as source text.

The forward sweep runs the program.  The reverse sweep goes through its operations backwards and adds to the
adjoint of every operand the contribution of the adjoint of the result (A. Griewank and A. Walther, Evaluating
Derivatives, 2nd ed., SIAM, 2008, chapter 3).  Values computed in a loop are recomputed if that takes few
operations, otherwise kept on a tape.  The adjoint of an array that is read or written by elements is a
separate array, and adjoints of its views are views of that; the adjoint of any other array is an expression.
"""

import ast
import re

from numgd.autodiff.analysis import Memory, Plan, activate, closed, leaves, prune
from numgd.autodiff.limits import keep_limits
from numgd.autodiff.program import (
    Apply,
    For,
    If,
    Kind,
    Load,
    NotDifferentiable,
    Store,
    Value,
    While,
    blocks_of,
    operands,
    walk,
)
from numgd.autodiff.rules import ADD, COPY, SUBTRACT, ArrayRule, Elementwise, letters, substituted
from numgd.autodiff.shapes import Shapes
from numgd.autodiff.writing import INDENT, Forward, Writer, contains, in_f_order, range_text


class Adjoint:
    """The reverse mode of a program with respect to some of its parameters.

    Parameters
    ----------
    program : Program
    independent : list of Value
        The parameters.
    refuse : callable
        ``refuse(line, construct)`` raises.
    names : Names
    with_value : bool
        Whether the result of the program is returned too.
    outputs : sequence of str
        For each parameter the name of an array that its gradient is written to, if any.
    """

    def __init__(self, program, independent, refuse, names, with_value=False, outputs=()):
        self.program, self.independent, self.names = program, independent, names
        self.outputs = dict(zip(independent, outputs, strict=False))
        prune(program)
        activate(program, independent)
        keep_limits(program, reverse=True)
        self.results = leaves(program.result)
        facts = Facts()
        self.shapes = Shapes(program)
        while True:
            memory = Memory(program)
            memory.check(refuse)
            dry = self.sweep(memory, facts, None)
            dry.run([f"seed{i}" for i in range(len(self.results))])
            found = dry.facts()
            if dry.snapshots:
                for op, value in dry.snapshots:
                    facts.snapshots[op, value] = self.snapshot(op, value)
                continue
            if found == facts:
                break
            facts.nested, facts.buffers, facts.needed = found.nested, found.buffers, found.needed
        results = self.results if with_value else []
        plan = Plan(memory, facts.needed, results)
        counted = {op for op in walk(program.body) if isinstance(op, While) and op.count in facts.needed}
        order = dict(memory.position.items())
        for values in (*plan.again.values(), *plan.kept.values()):
            values.sort(key=lambda value: order.get(value.op, -1))
        self.memory, self.facts, self.plan, self.counted = memory, facts, plan, counted
        kept = {value for values in plan.kept.values() for value in values}
        self.needed = closed(program, kept | set(results) | {v for v in plan.known if plan.free(v)})

    def sweep(self, memory, known, plan):
        """The writer of the reverse sweep."""
        return Sweep(self, memory, known, plan)

    def snapshot(self, op, value):
        """A copy of an array, in its state at an operation that reads or creates it."""
        after = isinstance(op, Apply) and op.result is value
        copy = Apply(op.block, op.line, COPY, [value], {})
        kind = value.kind._replace(layout="C")
        copy.result = Value(self.names.fresh(value.name + "_then"), kind, op.block, copy)
        place = op.block.ops.index(op)
        op.block.ops.insert(place + after, copy)
        return copy.result

    def write(self, seeds):
        """Lines of the forward and the reverse sweep, and the names of the gradients."""
        forward = Forward(self.plan.kept, self.counted, self.needed, self.names)
        if any(self.plan.kept.values()):
            forward.line("tape = helpers.short_tape()")
            forward.line("top = 0")
        forward.block(self.program.body)
        sweep = self.sweep(self.memory, self.facts, self.plan)
        gradients = sweep.run(seeds)
        return forward.lines + sweep.lines, gradients


class Facts:
    """What one pass of writing the sweep learns for the next."""

    def __init__(self):
        self.nested, self.buffers, self.needed, self.snapshots = set(), set(), set(), {}

    def __eq__(self, other):
        return (self.nested, self.buffers, self.needed) == (other.nested, other.buffers, other.needed)

    __hash__ = None


class Sweep(Writer):
    """Writes the reverse sweep; without a plan, only to learn what it needs."""

    def __init__(self, adjoint, memory, known, plan):
        super().__init__()
        self.adjoint, self.memory, self.known, self.plan = adjoint, memory, known, plan
        self.bars, self.uniform = {}, set()
        self.block, self.current = None, None
        self.added, self.buffers, self.needed = {}, set(known.buffers), set()
        self.snapshots = []
        self.names = adjoint.names.copy()
        self.own = {}  # the name of each adjoint that has its own variable
        self.made = set()  # names of adjoints that are separate arrays
        self.given = set()  # adjoints that are returned as they are

    def facts(self):
        found = Facts()
        found.needed, found.buffers = set(self.needed), set(self.buffers)
        found.nested = {value for value, blocks in self.added.items() if blocks - {value.block}}
        found.buffers |= {value for value in found.nested if value.kind.ndim}
        for value in list(found.buffers):
            while value.base is not None:
                value = value.base
                found.buffers.add(value)
        return found

    # What rules use --------------------------------------------------------------------------------------

    def val(self, value):
        """The text of a value, in its state when the present operation ran."""
        op = self.current
        if value.kind.ndim and op is not None and not self.memory.settled(value, op):
            snapshot = self.known.snapshots.get((op, value))
            if snapshot is None:
                if value.block is None:
                    return value.name
                self.snapshots.append((op, value))
                return value.name
            value = snapshot
        self.needed.add(value)
        return value.name

    def like(self, value):
        """The text of a value of which only the shape and the kind are used."""
        if value.kind.ndim:
            value = self.adjoint.shapes.like(value)
        self.needed.add(value)
        return value.name

    def bar(self, value, full=False):
        """The text of the adjoint of a value; with `full`, never one number for all elements of an array."""
        if full and value in self.uniform:
            self.uniform.discard(value)
            name = self.fresh(value)
            self.line(f"{name} = np.full({self.like(value)}.shape, {self.bars[value]})")
            self.bars[value] = name
        return self.bars[value]

    def add(self, value, text, uniform=False):
        """Add to the adjoint of a value."""
        if not value.active or value.constant is not None:
            return
        self.added.setdefault(value, set()).add(self.block)
        if value in self.known.buffers:
            if value.kind.dtype == "f4" and not uniform:
                text = f"helpers.single({text})"
            self.line(f"{self.bars[value]}[:] += {text}")
            return
        if value in self.known.nested:
            self.line(f"{self.bars[value]} += {text}")
            return
        if value not in self.bars:
            if re.fullmatch(r"\w+", text):
                self.bars[value] = text
            else:
                name = self.fresh(value)
                self.line(f"{name} = {text}")
                self.bars[value] = name
                computed = text.startswith(("helpers.products(", "helpers.ratios("))
                if computed or isinstance(ast.parse(text, mode="eval").body, ast.BinOp | ast.UnaryOp):
                    self.made.add(name)
            if uniform:
                self.uniform.add(value)
            return
        if value in self.uniform and not uniform:
            self.uniform.discard(value)
        old = self.bars[value]
        name = self.own.get(value)
        if old != name:
            name = self.fresh(value)
        self.line(f"{name} = {old} + {text}")
        self.bars[value] = name
        self.made.add(name)

    def add_uniform(self, value, text):
        """Add one number to the adjoint of every element."""
        self.add(value, text, uniform=True)

    def name(self, text):
        """A name for an expression."""
        name = self.names.fresh("part")
        self.line(f"{name} = {text}")
        return name

    def fresh(self, value):
        """A new variable for the adjoint of a value."""
        self.own[value] = self.names.fresh(f"{value.name}_bar")
        return self.own[value]

    # The sweep -------------------------------------------------------------------------------------------

    def run(self, seeds):
        body = self.adjoint.program.body
        self.block = body
        for value in leaves(tuple(what for _, what in self.adjoint.program.parameters)):
            self.start(value)
        self.open(body)
        for value, seed in zip(self.adjoint.results, seeds, strict=True):
            self.add(value, seed)
        self.operations(body)
        self.current = None
        return [self.final(value) for value in self.adjoint.independent]

    def final(self, value):
        """The gradient with respect to a parameter, as text: a separate array of its dtype."""
        if value in self.adjoint.outputs:
            return self.put(value, self.adjoint.outputs[value])
        if value not in self.bars:
            return f"np.zeros_like({value.name})" if value.kind.ndim else "0.0"
        text = self.bar(value, full=True)
        if value in self.known.buffers or not value.kind.ndim:
            self.given.add(text)
            return text if value.kind.dtype == "f8" or value.kind.ndim else f"np.float32({text})"
        if value.kind.dtype == "f4":
            return f"{text}.astype(np.float32)"
        buffers = {self.own.get(v) for v in self.known.buffers if v.base is None}
        if text in self.made | buffers and text not in self.given:
            self.given.add(text)
            return text
        return f"{text}.copy()"  # it may be a view of another array

    def put(self, value, output):
        """Write the gradient with respect to a vector to its output array, and return its name."""
        text = self.bars.get(value, "0.0")
        if value not in self.bars or value in self.uniform:
            self.fill(output, text)
        elif text != output:
            self.line(f"helpers.put({output}, {text})")
        return output

    def fill(self, vector, number):
        """Set every element of a vector."""
        cell = self.names.fresh("cell")
        self.line(f"for {cell} in range({vector}.size):")
        self.line(f"{INDENT}{vector}[{cell}] = {number}")

    def open(self, block):
        """Initialise the adjoints that operations of inner blocks or elements add to."""
        for op in block.ops:
            for value in _defined(op):
                self.start(value)

    def start(self, value):
        if not value.active or value.constant is not None:
            return
        if value in self.known.buffers:
            name = self.adjoint.outputs.get(value) or self.fresh(value)
            if value in self.adjoint.outputs:
                self.fill(name, "0.0")
            elif value.base is not None and isinstance(value.op, Load):
                index = self.index(value.op.index, self.like)
                self.line(f"{name} = {self.bars[value.base]}[{index}]")
            elif value.base is not None:
                lengths = [self.like(arg) for arg in value.op.args[1:]]
                self.line(f"{name} = {value.op.rule.text([self.bars[value.base], *lengths], value.op)}")
            else:
                self.blank(name, value)
            self.bars[value] = name
        elif value in self.known.nested:
            name = self.fresh(value)
            self.line(f"{name} = 0.0")
            self.bars[value] = name

    def blank(self, name, value):
        """Create the adjoint of an array, filled with zeros."""
        self.line(f"{name} = np.zeros_like({self.like(value)})")

    def run_block(self, block, first=(), values=()):
        """The reverse of an inner block; `first` are pairs (value, text) to add at its end."""
        outer, before = self.block, len(self.lines)
        self.block = block
        self.restore(block)
        for value in values:
            self.start(value)
        self.open(block)
        for value, text in first:
            self.add(value, text)
        self.operations(block)
        self.block = outer
        return len(self.lines) > before

    def restore(self, block):
        """Make the needed values of a block available again."""
        if self.plan is None:
            return
        kept = self.plan.kept.get(block, [])
        for value in reversed(kept):
            if value.kind.ndim:
                self.pop_array(value)
        scalars = [value for value in kept if not value.kind.ndim]
        if scalars:
            self.line(f"top -= {len(scalars)}")
        for number, value in enumerate(scalars):
            text = f"tape[top{f' + {number}' if number else ''}]"
            text = {"f8": text, "f4": f"np.float32({text})", "i8": f"int({text})", "b1": f"{text} != 0.0"}[
                value.kind.dtype
            ]
            self.line(f"{value.name} = {text}")
        writer = Forward()
        writer.depth = self.depth
        for value in self.plan.again.get(block, []):
            writer.op(value.op)
        self.lines += writer.lines

    def pop_array(self, value):
        ndim, turned = value.kind.ndim, in_f_order(value)
        self.line(f"top -= {ndim}")
        lengths = [f"int(tape[top + {axis}])" for axis in range(ndim)]
        shape = f"({', '.join(lengths)},)"
        size = " * ".join(lengths)
        name = self.names.fresh(f"{value.name}_shape")
        self.line(f"{name} = {shape}")
        self.line(f"top -= {size}")
        total = " * ".join(f"{name}[{axis}]" for axis in range(ndim))
        text = f"tape[top : top + {total}].reshape({name}){'.T' if turned else ''}"
        tail = {"f8": "", "f4": ".astype(np.float32)", "i8": ".astype(np.int64)", "b1": " != 0.0"}
        self.line(f"{value.name} = {text}{tail[value.kind.dtype]}")

    def operations(self, block):
        for op in reversed(block.ops):
            self.current = op
            if isinstance(op, Apply):
                if op.result.base is not None and op.result.active and self.shares(op):
                    self.buffers |= {op.result, op.args[0]}
                elif op.rule.smooth and op.result in self.bars and op.result.active:
                    self.apply(op)
            elif isinstance(op, Load):
                self.load(op)
            elif isinstance(op, Store):
                self.store(op)
            elif isinstance(op, If):
                self.branch(op)
            else:
                self.loop(op)
        self.current = None

    def shares(self, op):
        """Whether the adjoint of a view made by a rule is a view of the adjoint of its array."""
        return op.result in self.known.buffers or op.result.root in self.memory.stores

    def apply(self, op):
        if isinstance(op.rule, ArrayRule):
            op.rule.adjoint(self, op)
        elif isinstance(op.rule, Elementwise):
            self.elementwise(op)
        else:
            raise NotDifferentiable(f"line {op.line}: {op.rule.name} cannot be differentiated")

    def elementwise(self, op):
        """The adjoints of the operands of a function of numbers, summed where an operand was broadcast."""
        result = op.result
        for position, arg in enumerate(op.args):
            template = op.rule.adjoint_template(position, op)
            if template is None or not arg.active:
                continue
            used = letters(template)
            values = {letter: op.args["abc".index(letter)] for letter in used - {"y"}}
            if "y" in used:
                values["y"] = result
            factors = [value for value in values.values() if value.kind.ndim]
            alike = self.adjoint.shapes.same(arg, result)
            uniform = result in self.uniform and not factors and (alike or not arg.kind.ndim)
            whole = any(self.adjoint.shapes.same(value, result) for value in factors)
            g = self.bar(result, full=not uniform and not whole)
            texts = {letter: self.val(value) for letter, value in values.items()}
            names = [texts.get(letter, letter) for letter in "abc"[: len(op.args)]]
            text = substituted(template, names, op, g=g, y=texts.get("y", "y"))
            if not arg.kind.ndim and result.kind.ndim:
                if uniform:
                    text = f"({text}) * {self.like(result)}.size"
                else:
                    text = f"np.sum({text})"
                self.add(arg, text)
            elif uniform:
                self.add_uniform(arg, text)
            elif alike:
                self.add(arg, text)
            else:
                self.add(arg, f"helpers.fit({text}, {self.like(arg)})")

    def load(self, op):
        if not op.result.active:
            return
        if op.result.base is not None:
            self.buffers.add(op.result)
            self.buffers.add(op.array)
            return
        if op.result not in self.bars:
            return
        self.buffers.add(op.array)
        self.added.setdefault(op.array, set()).add(self.block)
        if op.array not in self.known.buffers:
            return
        bar = self.bars[op.array]
        if op.result.kind.ndim:
            index, g = [self.val(item) for item in op.index], self.bar(op.result, full=True)
            if len(index) == op.result.kind.ndim == 1 or op.array.kind.ndim > len(index):
                self.line(f"{bar}[:] += helpers.scatter({bar}, {index[0]}, {g})")
            else:
                self.line(f"{bar}[:] += helpers.scatter_elements({bar}, {g}, {', '.join(index)})")
        else:
            place = f"{bar}[{self.index(op.index, self.val)}]"
            self.line(f"{place} = {place} + {self.bar(op.result)}")  # of one number, recognised by `tidied`

    def store(self, op):
        array = op.array
        if not array.root.active:
            return
        self.buffers |= {array, array.root}
        if array not in self.bars:
            return
        place = f"{self.bars[array]}[{self.index(op.index, self.val)}]"
        numbers = [item for item in op.index if isinstance(item, Value)]
        whole = len(numbers) == array.kind.ndim
        if op.value.active:
            sign = "-" if op.sign == "-" else ""
            text = f"{sign}{place}"
            if not whole:
                text = (
                    f"{text}{'' if sign else '.copy()'}" if op.value.kind.ndim else f"{sign}np.sum({place})"
                )
            if not op.sign:
                text = self.name(text)
                self.line(f"{place} = 0.0")
            if op.value.kind.ndim and not self.fills(op):
                text = f"helpers.fit({text}, {self.like(op.value)})"
            self.add(op.value, text)
        elif not op.sign:
            self.line(f"{place} = 0.0")

    def fills(self, op):
        """Whether a stored value has the shape of its destination."""
        place = Load(op.block, op.line, op.array, op.index)
        rank = op.array.kind.ndim - sum(1 for item in op.index if isinstance(item, Value))
        place.result = Value("place", Kind(op.array.kind.dtype, rank), op.block, place)
        return self.adjoint.shapes.same(place.result, op.value)

    def branch(self, op):
        if not self.relevant(op):
            return
        condition = self.val(op.condition)
        ends = [m for m in op.merged if m.out.active and m.out in self.bars]
        bars = {m: self.bar(m.out, full=True) for m in ends}
        before = len(self.lines)
        self.line(f"if {condition}:")
        self.depth += 1
        wrote = self.run_block(op.then, [(m.then, bars[m]) for m in ends if m.then is not None])
        if not wrote:
            self.line("pass")
        self.depth -= 1
        self.line("else:")
        self.depth += 1
        wrote_other = self.run_block(op.other, [(m.other, bars[m]) for m in ends if m.other is not None])
        self.depth -= 1
        if not wrote_other:
            self.lines.pop()
            if not wrote:
                del self.lines[before:]

    def loop(self, op):
        if not self.relevant(op):
            return
        carried = [c for c in op.carried if c.inner.active]
        names = {}
        for c in carried:
            names[c] = self.names.fresh(f"{c.inner.name}_carried_bar")
            if c.out is not None and c.out in self.bars:
                end = self.bar(c.out, full=True)
            elif c.inner.kind.ndim:
                end = f"np.zeros_like({self.like(c.out or c.inner)})"
            else:
                end = "0.0"
            self.line(f"{names[c]} = {end}")
        if isinstance(op, While):
            self.line(f"for {self.names.fresh('k')} in range({self.like(op.count)}):")
        else:
            start, stop, step = (self.like(part) if part.constant is None else part.name for part in op.count)
            if self.in_any_order(op, carried):
                text = range_text(start, stop, step)
            elif step == "1":
                text = f"range({stop} - 1, {start} - 1, -1)" if start != "0" else f"range({stop} - 1, -1, -1)"
            else:
                last = f"{start} + (helpers.length({start}, {stop}, {step}) - 1) * {step}"
                text = f"range({last}, {start} - {step}, -{step})"
            self.line(f"for {op.index.name} in {text}:")
        self.depth += 1
        ends = [(c.next, names[c]) for c in carried if c.next is not None]
        self.run_block(op.body, ends, [c.inner for c in carried])
        updates = []
        for c in carried:
            if c.inner in self.bars:
                updates.append((names[c], self.bar(c.inner, full=True)))
            elif c.inner.kind.ndim:
                updates.append((names[c], f"np.zeros_like({names[c]})"))
            else:
                updates.append((names[c], "0.0"))
        updates = [(target, source) for target, source in updates if target != source]
        if updates:
            self.line(f"{', '.join(t for t, _ in updates)} = {', '.join(s for _, s in updates)}")
        else:
            self.line("pass")
        self.depth -= 1
        for c in carried:
            if c.init is not None:
                self.add(c.init, names[c])

    def relevant(self, op):
        """Whether an operation with blocks has anything active."""

        def active(inner):
            if isinstance(inner, Apply | Load):
                return inner.result.active
            return isinstance(inner, Store) and inner.array.root.active

        if contains(op, active):
            return True
        if isinstance(op, If):
            return any(m.out.active and m.out in self.bars for m in op.merged)
        return any(c.inner.active for c in op.carried)

    def in_any_order(self, op, carried):
        """Whether the iterations of the reverse sweep are independent of each other."""
        if self.plan is None:
            return False
        blocks = [op.body]
        for block in blocks:
            blocks += [b for inner in block.ops for b in blocks_of(inner)]
        if any(self.plan.kept.get(block) for block in blocks):
            return False
        if contains(op, lambda inner: isinstance(inner, Store) and inner.array.root.active):
            return False
        for c in carried:
            last = c.next.op if isinstance(c.next, Value) else None
            if not (isinstance(last, Apply) and last.rule in (ADD, SUBTRACT) and last.args[0] is c.inner):
                return False
            if sum(_uses(inner, c.inner) for block in blocks for inner in block.ops) != 1:
                return False
        return True


def _uses(op, value):
    return sum(1 for operand in operands(op) if operand is value)


def _defined(op):
    """The values that an operation creates in its block."""
    if isinstance(op, Apply | Load):
        return [op.result]
    if isinstance(op, If):
        return [m.out for m in op.merged]
    if isinstance(op, For | While):
        return [c.out for c in op.carried if c.out is not None]
    return []
