"""Arguments of the interfaces inside ``@njit`` code, where only their types are known."""

from numba import types
from numba.core.errors import TypingError

from numgd.jit.arguments import stored_type


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


def refuse(caller, **arguments):
    """Raise for each argument that was given and is not its default ``()`` or 0."""
    for name, argument in arguments.items():
        if given(argument) and argument not in (types.Tuple(()), types.literal(0)):
            raise TypingError(f"{caller}: {name} is not available inside @njit code")


def tuple_type(args):
    """The type of the tuple that `args` is stored as, and whether `args` is a tuple itself."""
    args = args.value if isinstance(args, types.Omitted) else args
    args = types.Tuple(()) if args == () else args
    is_tuple = isinstance(args, types.BaseTuple)
    return stored_type(args if is_tuple else types.Tuple((args,))), is_tuple
