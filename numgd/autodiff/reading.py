"""The source text of a function, and what its names mean."""

import ast
import builtins
import inspect
import textwrap
from types import FunctionType

from numba.core.dispatcher import Dispatcher

from numgd.autodiff.program import NotDifferentiable


class Source:
    """A function's definition as a syntax tree.

    Attributes
    ----------
    name : str
    node : ast.FunctionDef
        Line numbers are those of the file.
    file : str
    """

    def __init__(self, function):
        self.function = plain_function(function)
        self.name = self.function.__name__
        self.file = self.function.__code__.co_filename
        self.node = _definition(self.function)
        if self.name == "<lambda>":
            self.name = "lambda"

    def refuse(self, node, construct):
        """Raise `NotDifferentiable` for a construct at a node."""
        line = node if isinstance(node, int) else getattr(node, "lineno", self.node.lineno)
        raise NotDifferentiable(f"{self.name} ({self.file}:{line}): {construct} cannot be differentiated")

    def lookup(self, name):
        """The object that a name refers to beyond the function, as (object,), or None."""
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


def plain_function(function):
    """The Python function of a dispatcher, or of a function itself."""
    if isinstance(function, Dispatcher):
        return function.py_func
    if isinstance(function, FunctionType):
        return function
    raise NotDifferentiable(f"{function!r} is not a Python function; it cannot be differentiated")


def _definition(function):
    where = f"{function.__name__} ({function.__code__.co_filename}:{function.__code__.co_firstlineno})"
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        raise NotDifferentiable(f"{where}: its source text cannot be found") from None
    text = textwrap.dedent("".join(lines))
    tree = _parsed(text)
    if tree is None:
        raise NotDifferentiable(f"{where}: its source text cannot be read")
    ast.increment_lineno(tree, first - 1)
    code = function.__code__
    if code.co_name != "<lambda>":
        found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        if found and found[0].name == code.co_name:
            return found[0]
        raise NotDifferentiable(f"{where}: only plain functions can be differentiated")
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    same = [node for node in found if _code_of(node, function).co_code == code.co_code]
    same = [node for node in same if _code_of(node, function).co_consts == code.co_consts] or same
    if len({ast.dump(node) for node in same}) != 1:
        raise NotDifferentiable(f"{where}: the lambda cannot be told from others on its line; use def")
    node = same[0]
    answer = ast.copy_location(ast.Return(node.body), node.body)
    definition = ast.FunctionDef("lambda", node.args, [answer], [])
    return ast.copy_location(definition, node)


def _parsed(text):
    """The tree of a text that may be a piece of an expression, as a lambda's is."""
    for before, after in (("", ""), ("(", ")"), ("(", ""), ("f(", ""), ("", "\n    pass"), ("{", "}")):
        for cut in range(len(text), 0, -1) if (before, after) != ("", "") else [len(text)]:
            try:
                return ast.parse(before + text[:cut].rstrip() + after)
            except SyntaxError:
                if len(text) > 2000:
                    break
    return None


def _code_of(node, function):
    """The code of a lambda, compiled where the same variables are free."""
    free = function.__code__.co_freevars
    if not free:
        return compile(ast.Expression(node), "", "eval").co_consts[0]
    inner = ast.FunctionDef(
        "outer",
        ast.arguments([], [ast.arg(name) for name in free], None, [], [], None, []),
        [ast.Return(node)],
        [],
    )
    module = ast.fix_missing_locations(ast.Module([ast.copy_location(inner, node)], []))
    outer = next(c for c in compile(module, "", "exec").co_consts if hasattr(c, "co_code"))
    return next(c for c in outer.co_consts if hasattr(c, "co_code"))
