"""Arguments of the interfaces inside ``@njit`` code, where only their types are known."""

from numba import types
from numba.core.errors import TypingError


def given(argument):
    """Whether an argument was given: it is neither omitted nor None."""
    return isinstance(argument, types.Type) and not isinstance(argument, types.Omitted | types.NoneType)


def literal(argument, name, default=None):
    """The compile-time value of an argument that must be a literal; `default` if it was not given."""
    if not given(argument):
        return default
    if isinstance(argument, types.Literal):
        return argument.literal_value
    raise TypingError(f"{name} must be a literal inside @njit code")


def dispatcher(argument, name):
    """The ``@njit`` function that an argument stands for."""
    if isinstance(argument, types.Dispatcher):
        return argument.dispatcher
    raise TypingError(f"{name} must be an @njit function inside @njit code")
