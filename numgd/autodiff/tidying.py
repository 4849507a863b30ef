"""Shortens generated source: a value that is used once is moved to where it is used.

Numba computes an array expression in one loop without temporaries; separate operations are separate loops and
arrays.  Fewer variables also compile faster, and are easier to read.
"""

import ast
import re
from collections import Counter

_GENERATED = re.compile(r"(t|part)[\d_]*|\w+_(bar|dot|then)[\d_]*")
_LARGEST = 80  # nodes of an expression


def tidied(text):
    """The source text of one function, tidied."""
    tree = ast.parse(text)
    (function,) = tree.body
    _without_copies(function)
    for node in ast.walk(function):
        for field in ("body", "orelse") if isinstance(node, ast.stmt) else ():
            _add_together(getattr(node, field, []))
    _Inliner(function).block(function.body)
    for node in ast.walk(function):
        for field in ("body", "orelse") if isinstance(node, ast.stmt) else ():
            _sum_at_once(getattr(node, field, []))
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _names(node, kind):
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, kind)]


def _stores(function):
    """How often each name is assigned; parameters are, once."""
    return Counter(_names(function, ast.Store) + [a.arg for a in function.args.args])


def _without_copies(function):
    """Replace names by the numbers, or the names that are never reassigned, that they stand for."""
    stores = _stores(function)
    meaning = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if stores[name] == 1 and _GENERATED.fullmatch(name) and _stands(value, stores):
                meaning[name] = value
    if not meaning:
        return

    class Substitution(ast.NodeTransformer):
        def visit_Name(self, node):
            while isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in meaning:
                node = meaning[node.id]
            return node

        def visit_Assign(self, node):
            (target,) = node.targets
            if isinstance(target, ast.Name) and target.id in meaning:
                return None
            return self.generic_visit(node)

    Substitution().visit(function)
    for node in ast.walk(function):
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]


def _stands(value, stores):
    if isinstance(value, ast.UnaryOp):
        value = value.operand
        return isinstance(value, ast.Constant)
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and stores[value.id] == 1)


def _addend(statement):
    """What ``a[i] = a[i] + value`` adds to one number, else None."""
    if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript)):
        return None
    target, value = statement.targets[0], statement.value
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        same = ast.unparse(value.left) == ast.unparse(target)
        return value.right if same else None
    return None


def _add_together(statements):
    """Successive additions to the same number become one addition, with ``+=``."""
    i = 0
    while i < len(statements):
        addend = _addend(statements[i])
        if addend is None:
            i += 1
            continue
        target = statements[i].targets[0]
        operands = set(_names(statements[i], ast.Load))
        k = i + 1
        while k < len(statements) and _addend(statements[k]) is None and _only_names(statements[k], operands):
            k += 1
        follows = k < len(statements) and _addend(statements[k]) is not None
        if follows and ast.unparse(statements[k].targets[0]) == ast.unparse(target):
            statements[k].value.right = ast.BinOp(addend, ast.Add(), statements[k].value.right)
            del statements[i]
        else:
            statements[i] = ast.AugAssign(target, ast.Add(), addend)
            i += 1


def _sum_at_once(statements):
    """``a = b`` and later ``a = a + c`` become ``a = b + c``, if nothing in between prevents it."""
    i = 0
    while i < len(statements):
        k = _summed_with(statements, i)
        if k is None:
            i += 1
            continue
        statements[k].value.left = statements[i].value
        del statements[i]
        i = max(0, i - 1)


def _summed_with(statements, i):
    """The index of the statement that adds to the name that statement i assigns."""
    first = statements[i]
    if not (isinstance(first, ast.Assign) and isinstance(first.targets[0], ast.Name)):
        return None
    name = first.targets[0].id
    if not re.fullmatch(r"\w+_bar[\d_]*", name) or isinstance(first.value, ast.Tuple):
        return None
    operands = {name, *_names(first, ast.Load)}
    for k in range(i + 1, len(statements)):
        later = statements[k]
        if not (isinstance(later, ast.Assign) and isinstance(later.targets[0], ast.Name)):
            return None
        if later.targets[0].id == name:
            value = later.value
            adds = isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add)
            if not (adds and isinstance(value.left, ast.Name) and value.left.id == name):
                return None
            small = sum(1 for node in (first, later) for _ in ast.walk(node)) <= _LARGEST
            return k if small and name not in _names(value.right, ast.Load) else None
        if operands & {later.targets[0].id} or name in _names(later, ast.Load):
            return None
    return None


def _only_names(statement, operands):
    """Whether a statement only assigns names, none of which is among these."""
    if not isinstance(statement, ast.Assign) or _writes(statement):
        return False
    return not operands & set(_names(statement, ast.Store))


def _writes(statement):
    """Whether elements of an array are written; any name may be a view of it."""
    return any(isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store) for n in ast.walk(statement))


class _Inliner:
    """Moves the values of names that are assigned and read once to where they are read."""

    def __init__(self, function):
        self.stores, self.loads = _stores(function), Counter(_names(function, ast.Load))

    def block(self, statements):
        """Tidy a list of statements in place."""
        if len(statements) > 1:
            statements[:] = [s for s in statements if not isinstance(s, ast.Pass)] or statements[:1]
        stores = Counter(name for s in statements for name in _names(s, ast.Store))
        loads = Counter(name for s in statements for name in _names(s, ast.Load))
        i = 0
        while i < len(statements):
            statement = statements[i]
            for field in ("body", "orelse"):
                self.block(getattr(statement, field, []))
            if self.moved(statements, i, stores, loads):
                del statements[i]
                i = max(0, i - 1)
            else:
                i += 1

    def moved(self, statements, i, stores, loads):
        """Whether the value that a statement assigns has been moved further down.

        `stores` and `loads` are those within these statements.  A name that is also read elsewhere must be
        reassigned there, as are values that the reverse sweep recomputes.
        """
        statement = statements[i]
        if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)):
            return False
        name, value = statement.targets[0].id, statement.value
        if not (_GENERATED.fullmatch(name) and stores[name] == loads[name] == 1):
            return False
        if self.stores[name] == 1 and self.loads[name] > 1:
            return False
        operands = set(_names(value, ast.Load))
        size = sum(1 for _ in ast.walk(value))
        for later in statements[i + 1 :]:
            part = _evaluated_first(later)
            if part is not None and name in _names(part, ast.Load):
                if size + sum(1 for _ in ast.walk(part)) > _LARGEST:
                    return False
                _Replacement(name, value).visit(later)
                return True
            if operands & set(_names(later, ast.Store)) or name in _names(later, ast.Load) or _writes(later):
                return False
        return False


def _evaluated_first(statement):
    """The part of a statement that is evaluated once, before anything else in it; None if there is none."""
    if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return | ast.Expr):
        return statement
    if isinstance(statement, ast.If):
        return statement.test
    return statement.iter if isinstance(statement, ast.For) else None


class _Replacement(ast.NodeTransformer):
    """Replaces the single read of a name by an expression."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def visit_Name(self, node):
        return self.value if node.id == self.name and isinstance(node.ctx, ast.Load) else node
