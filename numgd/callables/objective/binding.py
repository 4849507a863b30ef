"""An objective bound to its args for the duration of one solve."""

import numpy as np

from numgd.callables.objective.called_back import PythonObjective, bridge
from numgd.callables.objective.compiled import compile_objective
from numgd.callables.objective.recording import RecordingObjective
from numgd.jit.arguments import native, pack, unpack
from numgd.jit.compilable import UNKNOWN_ARGS


class Bound:
    """An objective bound to its args for the duration of one solve.

    Attributes
    ----------
    address : int
        Address of the compiled objective.
    context : int
        Address of the packed args.
    called_back : str or None
        Why the functions are called back; None if they are compiled.
    evaluations : Evaluations or None
        Of an objective that records them.
    """

    def __init__(self, address, size, values, keep, called_back=None):
        self.address = address
        self.context = 0
        self.called_back = called_back
        self._values, self._keep = values, keep
        self.recorded = None
        if size:
            self._buffer = np.empty(size, np.uint8)
            self.context = pack(self._buffer, values)

    @property
    def evaluations(self):
        return None if self.recorded is None else self.recorded.evaluations()

    def release(self):
        """Release the references to the args."""
        if self.context:
            unpack(self._buffer, self._values)
            self.context = 0


def bind(functions, scheme, args, x, rows, record=False):
    """The objective of a user's functions and args, compiled if possible.

    Parameters
    ----------
    functions : Functions
    scheme : int
        How the gradient is obtained.
    args : tuple
    x : numpy.ndarray
        The starting point.
    rows : numpy.ndarray
        The host's rows of scratch memory, which pass the arguments to a function that is called back.
    record : bool
        Whether to record all evaluations, as `Bound.evaluations`.
    """
    if record:
        return _bind_recording(functions, scheme, args, x, rows)
    bound = bind_compiled(functions, scheme, args, x)
    if isinstance(bound, Bound):
        return bound
    return bind_called_back(functions, scheme, args, rows, bound)


def bind_called_back(functions, scheme, args, rows, reason):
    """As `bind`, with the functions called back for the given reason."""
    return _bind_object(PythonObjective(functions, scheme, args, rows), reason)


def _bind_recording(functions, scheme, args, x, rows):
    """As `bind`, by an object that records evaluations and calls the functions, compiled if possible."""
    args = native(args)
    found = compile_objective(functions, scheme, args, x)
    reason = found if isinstance(found, str) else None
    target = RecordingObjective(functions if reason else found.functions, scheme, args, rows, not reason)
    bound = _bind_object(target, reason)
    bound.recorded = target
    return bound


def _bind_object(target, reason):
    """A `PythonObjective`, bound."""
    address, size = bridge(target.vector.dtype)
    values = (target.argument, target.vector, target.matrix.reshape(-1), id(target))
    return Bound(address, size, values, target, reason)


def bind_compiled(functions, scheme, args, x, rows=False):
    """As `bind`, or a `str` that says why it cannot be compiled; `rows`: args vary between problems."""
    args = native(args)
    found = compile_objective(functions, scheme, args, x, rows)
    if isinstance(found, str):
        return found
    try:
        return Bound(found.address, found.args_size, args, found)
    except Exception:  # a value that does not fit the type that Numba inferred for it
        return UNKNOWN_ARGS
