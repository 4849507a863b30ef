"""The source text of a function, and what its names mean."""

import ast
import builtins
import copy
import inspect
from functools import lru_cache
from types import CodeType, FunctionType

from numba.core.dispatcher import Dispatcher

from numgd.autodiff.program import NotDifferentiable


class NoSource(NotDifferentiable):
    """Raised if the source text of a function cannot be found, as for a notebook in another process."""


class Source:
    """A function's definition as a syntax tree.

    Attributes
    ----------
    name : str
    node : ast.FunctionDef
        Line numbers are those of the file.
    file : str
    local : set of str
        Names that always are its own variables, if it is defined within another function.
    """

    local = frozenset()

    def __init__(self, function):
        self.function = plain_function(function)
        self.name = self.function.__name__
        self.file = self.function.__code__.co_filename
        self.node = definition_of(self.function)
        if self.name == "<lambda>":
            self.name = "lambda"

    def within(self, node):
        """A function that is defined within this one."""
        inner = copy.copy(self)
        inner.node, inner.name = node, f"{self.name}.{node.name}"
        inner.local = {argument.arg for argument in every_argument(node)} | set(assigned(node.body))
        return inner

    def refuse(self, node, construct):
        """Raise `NotDifferentiable` for a construct at a node, or at a line."""
        raise NotDifferentiable(self.refusal(node, construct))

    def refusal(self, node, construct):
        """The message of that error."""
        line = node if isinstance(node, int) else getattr(node, "lineno", self.node.lineno)
        return f"{self.name} ({self.file}:{line}): {construct} cannot be differentiated"

    def lookup(self, name):
        """The object outside the function that a name refers to, as (object,), or None."""
        function = self.function
        if name in function.__code__.co_freevars:
            cell = function.__closure__[function.__code__.co_freevars.index(name)]
            try:
                return (cell.cell_contents,)
            except ValueError:  # not bound yet
                return None
        if name in function.__globals__:
            return (function.__globals__[name],)
        if hasattr(builtins, name):
            return (getattr(builtins, name),)
        return None


def every_argument(node):
    """The parameters of a definition, without starred ones."""
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def assigned(statements):
    """Names that statements assign, each once."""
    names, todo = [], list(statements)
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
        elif isinstance(node, ast.FunctionDef):
            names.append(node.name)
            continue
        elif isinstance(node, ast.Lambda):
            continue
        todo = [*ast.iter_child_nodes(node), *todo]
    return list(dict.fromkeys(names))


def plain_function(function):
    """The Python function of a dispatcher, or the function itself."""
    if isinstance(function, Dispatcher):
        return function.py_func
    if isinstance(function, FunctionType):
        return function
    raise NotDifferentiable(f"{function!r} is not a Python function; it cannot be differentiated")


def definition_of(function):
    """The definition attached to a function, or found in the syntax tree of its file."""
    own = function.__dict__.get("definition")
    return own if isinstance(own, ast.FunctionDef) else _definition(function)


def is_source_of(function):
    """Whether the file of a function still contains its text."""
    if "definition" in function.__dict__:
        return True
    code = function.__code__
    try:
        text = "".join(inspect.findsource(function)[0])
        return code in _codes(text, code.co_filename)
    except (OSError, TypeError, SyntaxError, ValueError):
        return False


@lru_cache(16)
def _codes(text, file):
    """The code objects of all functions in a text."""
    found, open_codes = set(), [compile(text, file, "exec", dont_inherit=True)]
    while open_codes:
        code = open_codes.pop()
        inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        found.update(inner)
        open_codes += inner
    return found


def _definition(function):
    """The definition of a function in the syntax tree of its file."""
    code = function.__code__
    where = f"{function.__name__} ({code.co_filename}:{code.co_firstlineno})"
    try:
        lines, _ = inspect.findsource(function)
    except (OSError, TypeError):
        raise NoSource(f"{where}: its source text cannot be found") from None
    try:
        tree = _parsed("".join(lines))
    except SyntaxError:
        raise NotDifferentiable(f"{where}: its source text cannot be read") from None
    if code.co_name != "<lambda>":
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first == code.co_firstlineno:
                    return node
        raise NotDifferentiable(f"{where}: only plain functions can be differentiated")
    found = [
        node for node in ast.walk(tree) if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno
    ]
    if len(found) > 1:
        if all(column is None for *_, column in code.co_positions()):
            raise NoSource(f"{where}: there are several lambdas on its line, which cannot be distinguished")
        found = [node for node in found if _holds(node.body, code)]
    if not found:
        raise NotDifferentiable(f"{where}: its source text cannot be found")
    node = found[-1]  # the innermost, which a walk visits last
    answer = ast.copy_location(ast.Return(node.body), node.body)
    return ast.copy_location(ast.FunctionDef("lambda", node.args, [answer], []), node)


@lru_cache(16)
def _parsed(text):
    return ast.parse(text)


def _holds(body, code):
    """Whether an expression contains everything that the instructions of a code object stand for."""
    first, last = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    for line, end_line, column, end_column in code.co_positions():
        known = column is not None and end_column > 0  # the first instructions have no position
        if known and not (first <= (line, column) and (end_line, end_column) <= last):
            return False
    return True
