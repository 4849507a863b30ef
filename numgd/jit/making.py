"""How compiled functions are made, so that another process can make the same one."""

from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from functools import cache, wraps
from importlib import import_module
from inspect import isfunction
from typing import Any, NamedTuple


class Recipe(NamedTuple):
    """A call that makes compiled functions: the import of a module, or of a function in it and its call."""

    module: str
    function: str | None = None
    arguments: tuple = ()

    def follow(self):
        """Make the compiled functions; what the call returns."""
        module = import_module(self.module)
        return None if self.function is None else getattr(module, self.function)(*self.arguments)

    def modules(self):
        """Names of the modules whose functions the compiled functions may contain."""
        return {self.module, *_modules_of(self.arguments)}


def _modules_of(values):
    """Names of the modules of the functions in records and tuples."""
    for value in values:
        if isfunction(value):
            yield value.__module__
        elif isinstance(value, tuple):
            yield from _modules_of(value)
        elif is_dataclass(value) and not isinstance(value, type):
            yield from _modules_of(getattr(value, field.name) for field in fields(value))


_followed: ContextVar[Recipe | None] = ContextVar("recipe", default=None)
_made: dict[tuple[str, Recipe], Any] = {}


def made_once(make):
    """Decorate a function of a module that makes compiled functions: it is called once for given arguments.

    The functions made in its calls can then be made in other processes, by their `Recipe`.
    """

    @cache
    @wraps(make)
    def call(*arguments):
        token = _followed.set(Recipe(make.__module__, make.__name__, arguments))
        try:
            return make(*arguments)
        finally:
            _followed.reset(token)

    return call


def recipe_of(function):
    """The recipe of a function that is being compiled; None if it is made by other functions or by users."""
    recipe = _followed.get()
    if recipe is None and function.__qualname__ == function.__name__:
        recipe = Recipe(function.__module__)
    return recipe


def remember(name, recipe, dispatcher):
    """Let `made` find a compiled function by its name and recipe: several recipes may make the same name."""
    _made[name, recipe] = dispatcher


def made(name, recipe):
    """The compiled function of this name among those that a recipe makes; made now if it has not been."""
    if (name, recipe) not in _made:
        recipe.follow()
    return _made[name, recipe]
