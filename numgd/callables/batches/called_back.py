"""A loss over batches that Numba cannot compile, called back from the compiled steps."""

import numpy as np

from numgd.callables.batches.order import BatchOrder
from numgd.callables.objective import Functions, bind_called_back
from numgd.kernels.cpu.rules import epoch as stochastic


class CalledBackBatches(BatchOrder):
    """As `CompiledBatches`, with the user's functions called back."""

    kernels = stochastic
    own = ()

    def __init__(self, functions, scheme, data, args, x, size, shuffled):
        super().__init__(data[0].shape[0], size, shuffled)
        self._data = data
        *single, pair = functions
        over_batch = [given and self._over_batch(given) for given in single]
        functions = Functions(*over_batch, pair and self._pair_over_batch(pair))
        self.bound = bind_called_back(functions, scheme, args, np.empty((3, x.size), x.dtype), None)

    def _batch(self):
        """The rows of the data at the cursor."""
        first, count, ordered = self.cursor
        rows = slice(first, first + count)
        if ordered:
            rows = self.order[rows]
        return (array[rows] for array in self._data)

    def _over_batch(self, function):
        def called(x, *args):
            return function(x, *self._batch(), *args)

        return called

    def _pair_over_batch(self, function):
        def called(x, gradient, *args):
            return function(x, gradient, *self._batch(), *args)

        return called
