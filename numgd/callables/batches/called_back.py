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
        functions = Functions(*(given and self._over_batch(given) for given in functions))
        self.bound = bind_called_back(functions, scheme, args, np.empty((3, x.size), x.dtype), None)

    def _over_batch(self, function):
        def called(x, *args):
            first, count, ordered = self.cursor
            rows = slice(first, first + count)
            if ordered:
                rows = self.order[rows]
            return function(x, *(array[rows] for array in self._data), *args)

        return called
