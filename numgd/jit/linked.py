"""Compiled functions that other machine code calls by address, even machine code that users keep on disk.

A user's ``@njit`` function that calls a solver could contain the solver: it would be compiled again in each
such function.  Instead it reads the solver's address from a word of memory.  When the function is loaded from
the user's disk cache in another process, its `Link` is loaded first, and makes the solver and the word
available.  If numgd has changed since, the link cannot be loaded, and Numba compiles the function again.
"""

import ctypes
import hashlib
from functools import cache

from llvmlite import binding, ir
from numba.core import types
from numba.core.codegen import CodeLibrary
from numba.extending import intrinsic

from numgd.jit.making import Recipe
from numgd.jit.pointers import compiled_call, function_address
from numgd.jit.portable import compile_quietly, linkable, portable
from numgd.system.own_sources import sources_digest

FOLLOWS_LINKS = "_reload_init" in CodeLibrary.__init__.__code__.co_names
"""Whether Numba keeps what must be loaded before a function, for all functions that contain its code."""

_words = {}


class _Unavailable(OSError):
    """The solver of another version of numgd; Numba takes an OSError for a missing file."""


class Link:
    """Makes the address of a compiled function available to machine code.

    Parameters
    ----------
    recipe : Recipe
        A function in a module of numgd that returns a compiled function and the types of its arguments.  Its
        own arguments are strings and booleans.
    """

    def __init__(self, recipe):
        self.recipe = recipe
        text = hashlib.sha256(repr((*recipe, sources_digest(recipe.module))).encode()).hexdigest()[:16]
        self.symbol = f"numgd.{recipe.function}.{text}"

    def __call__(self):
        """Do nothing: the link is made when this object is created or unpickled."""

    def __eq__(self, other):
        return isinstance(other, Link) and self.symbol == other.symbol

    def __hash__(self):
        return hash(self.symbol)

    def __reduce__(self):
        return _load, (*self.recipe, sources_digest(self.recipe.module))

    def make(self):
        """Compile the function, or load it, and return its signature."""
        dispatcher, signature = self.recipe.follow()
        compile_quietly(dispatcher, signature)
        result = dispatcher.overloads[signature]
        if self.symbol not in _words:
            word = ctypes.c_ssize_t(function_address(result))
            _words[self.symbol] = word, dispatcher
            binding.add_symbol(self.symbol, ctypes.addressof(word))
        return result.signature


def _load(module, function, arguments, digest):
    """The link that was pickled as these."""
    if digest != sources_digest(module):
        raise _Unavailable("numgd has changed")
    try:
        link = Link(Recipe(module, function, arguments))
        link.make()
    except Exception as error:
        raise _Unavailable(f"{function}{arguments} cannot be made") from error
    return link


@cache
def linked(make, *words):
    """Portable function ``call(arguments)``: a call of a compiled function with a tuple of arguments.

    Parameters
    ----------
    make : callable
        A function of a module in numgd: ``make(*words)`` returns the compiled function, and the types that
        `arguments` must have exactly.
    *words : str or bool
    """
    if not FOLLOWS_LINKS:
        dispatcher, _ = make(*words)
        return linked_into(dispatcher)
    link = Link(Recipe(make.__module__, make.__name__, words))
    by_address, address = compiled_call(link.make()), _address_of(link)

    @portable
    def call(arguments):
        return by_address(address(), arguments)

    return call


def linked_into(dispatcher):
    """The same function, for code that then contains the compiled function."""
    dispatcher = linkable(dispatcher)

    @portable
    def call(arguments):
        return dispatcher(*arguments)

    return call


def _address_of(link):
    """Intrinsic ``address()``, which reads the word of a link."""

    @intrinsic
    def address(typingctx):
        def codegen(context, builder, signature, arguments):
            context.active_code_library._reload_init.add(link)
            word = ir.IntType(64)
            if link.symbol in builder.module.globals:
                place = builder.module.globals[link.symbol]
            else:
                place = ir.GlobalVariable(builder.module, word, link.symbol)
            return builder.load(place)

        return types.intp(), codegen

    return address
