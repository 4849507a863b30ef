"""Choice of the objective that suits the data and the functions."""

from numgd.callables.batches.called_back import CalledBackBatches
from numgd.callables.batches.compiled import CompiledBatches
from numgd.callables.batches.data import is_sparse
from numgd.callables.batches.sparse import SparseBatches


def make_objective(loss, data, args, x, size, shuffled):
    """The objective of a `Loss` over batches of data; see `CompiledBatches`."""
    sparse = any(map(is_sparse, data))
    if loss.pair is not None:
        kind = SparseBatches if sparse else CompiledBatches
        made = kind(loss.pair, data, args, x, size, shuffled)
        if not isinstance(made.bound, str):
            return made
    if sparse:
        raise TypeError("fun and jac must be functions that Numba can compile where data are sparse")
    return CalledBackBatches(loss.functions, loss.scheme, data, args, x, size, shuffled)
