"""Programs of launches that are recorded once and then made again; see `numgd.jit.program`."""

from contextlib import contextmanager, nullcontext, suppress
from math import prod

from numgd.kernels.cuda import target
from numgd.kernels.cuda.graph import Graph

_ALIGNMENT = 256  # bytes, as of memory that the driver gives out


def preparing():
    """A block whose launches depend on parameters only; see `Recording`."""
    active = target.recording.get()
    return nullcontext() if active is None else active.preparing()


class Recording:
    """Notes the launches made in its `with` block by this thread; they are made as well.

    Parameters
    ----------
    prepared : bool
        Whether launches in a block of `preparing` are made only, so that programs use their results.

    Attributes
    ----------
    calls : list of tuple
        Of kernels, launch shapes and arguments.
    """

    def __init__(self, prepared=False):
        self.calls = []
        self.prepared, self._preparing = prepared, 0
        self._block, self._used = None, 0

    def __enter__(self):
        self._token = target.recording.set(self)
        return self

    def __exit__(self, *error):
        target.recording.reset(self._token)

    def note(self, function, shape, arguments):
        """Keep a launch."""
        if not self._preparing:
            self.calls.append((function, shape, arguments))

    @contextmanager
    def preparing(self):
        """A block whose launches depend on parameters only."""
        self._preparing += self.prepared
        try:
            yield
        finally:
            self._preparing -= self.prepared

    def take(self, shape, dtype):
        """Uninitialised memory that nothing reads after the present operation; operations share it."""
        if self._preparing:
            return target.empty(shape, dtype)
        nbytes = -(-prod(shape) * dtype.itemsize // _ALIGNMENT) * _ALIGNMENT
        if self._block is None or self._used + nbytes > self._block.size:
            size = max(nbytes, 0 if self._block is None else 2 * self._block.size, 2**16)
            self._block, self._used = target.empty((size,), "u1"), 0
        first, self._used = self._used, self._used + nbytes
        return self._block[first : first + prod(shape) * dtype.itemsize].view(dtype).reshape(shape)

    def forget_scratch(self):
        """Let the next scratch memory overlap with all that was given out before."""
        self._used = 0


class Program:
    """Recorded launches that are made again, in order: as one CUDA graph where the driver can capture them.

    Parameters
    ----------
    calls : list of tuple
        As in `Recording.calls`.
    watched : sequence of int
        Numbers of the launches whose last argument, one number, is read after each run.

    Attributes
    ----------
    results : list of float
        Of the last run; to read it waits until the run is done.
    graph : Graph or None
        The captured launches.
    """

    def __init__(self, calls, watched=()):
        self._calls = calls
        self._watched = [calls[number][2][-1] for number in watched]
        self.graph = None
        if not target.SIMULATED:
            # Without a graph, the same launches are made one by one, each at the cost of its arguments.
            with suppress(Exception):
                self.graph = Graph(self._launch_all)

    def run(self):
        """Make all launches; returns before they are done."""
        if self.graph is None:
            self._launch_all()
        else:
            self.graph.launch()

    def _launch_all(self):
        for function, shape, arguments in self._calls:
            target.run(function, shape, arguments)

    @property
    def results(self):
        """The results of the watched launches in the last run."""
        return [float(number.copy_to_host().reshape(-1)[0]) for number in self._watched]
