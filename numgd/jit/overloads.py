"""Overloads that Numba must learn during a compilation."""

from numba.core.registry import cpu_target


def refresh():
    """Make Numba read what has been registered since the current compilation began.

    The compilation that needs an overload may itself be the first to look up the public name, which imports
    the module of the overload.
    """
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
