"""Overloads that Numba has to know in the middle of a compilation."""

from numba.core.registry import cpu_target


def refresh():
    """Have Numba read what was registered with it since it last began to compile.

    A public name of numgd may be looked up, and the module of its overload imported, by the very compilation
    that needs it.
    """
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
