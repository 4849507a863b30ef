"""Overloads that Numba must learn during a compilation."""

from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target


def refresh():
    """Make Numba read what has been registered since the current compilation began.

    The compilation that needs an overload may itself be the first to look up the public name, which imports
    the module of the overload.  Outside a compilation there is nothing to do: reading
    would load all of Numba's implementations, which code from the disk does not need.
    """
    if not global_compiler_lock.is_locked():
        return
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
