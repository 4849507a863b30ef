"""A network as an objective: the loss as a function of one vector."""

import numpy as np

from numgd.kernels.layers import memory
from numgd.kernels.machines import on_device
from numgd.nn.losses import loss_of


class Objective:
    """The mean loss of a network as a function of its parameters; the result of `Network.objective`.

    It is called as ``objective(x)``, or ``objective(x, X, y)`` if it was made without data.  An evaluation
    leaves the network as it is, and is the only one at a time.
    """

    def __init__(self, network, loss, X=None, y=None, seed=0):
        self.network, self._loss, self._seed = network, loss_of(loss), seed
        if (X is None) != (y is None):
            raise ValueError("X and y must be given together")
        self._data = () if X is None else self._checked((X, y))

    def __call__(self, x, *batch):
        """The mean loss at x."""
        return self.value_and_gradient(x, None, *batch)

    def jac(self, x, *batch):
        """Its gradient at x, an array of the dtype of x."""
        if on_device(x):
            there = memory.taken("x", x)
            gradient = memory.empty(there, there.shape, there.dtype)
            self.value_and_gradient(there, gradient, *batch)
            return memory.in_kind(gradient, x)
        gradient = np.empty(np.shape(x), getattr(x, "dtype", np.float64))
        self.value_and_gradient(x, gradient, *batch)
        return gradient

    def hessp(self, x, p, *batch):
        """The product of the Hessian at x with a vector p.

        It is a central difference of gradients: in float64 seven to nine digits are right, in float32 about
        three.
        """
        if on_device(x) or on_device(p):
            return self._hessp_on_device(x, p, batch)
        x, p = np.asarray(x) + 0.0, np.asarray(p)
        largest = float(np.abs(p).max(initial=0.0))
        if largest == 0.0:
            return np.zeros_like(x)
        with np.errstate(over="ignore", invalid="ignore"):  # p may be huge or not finite
            along = p / largest  # whose length does not overflow
            eps = np.finfo(self.network.dtype).eps
            size = (1.0 + float(np.abs(x).max())) * np.sqrt(p.size) / float(np.sqrt(np.vdot(along, along)))
            step = x.dtype.type(eps ** (1 / 3) * size)
            change = self.jac(x + step * along, *batch) - self.jac(x - step * along, *batch)
            return change * (largest / (2 * step))

    def _hessp_on_device(self, x, p, batch):
        """`hessp` for vectors on a device; sums and differences of vectors are computed on the host."""
        if not (on_device(x) and on_device(p)):
            raise TypeError("x and p must both live on the host or both on a device")
        there = memory.taken("x", x)
        product = self.hessp(memory.fetched(there), memory.fetched(memory.taken("p", p)), *batch)
        found = memory.empty(there, there.shape, there.dtype)
        memory.assign(found, product)
        return memory.in_kind(found, x)

    def value_and_gradient(self, x, out, *batch):
        """The mean loss at x, whose gradient is written to `out` unless that is None."""
        network = self.network
        x, out = _taken("x", x), _taken("out", out)
        if np.shape(x) != network.parameters.shape:
            raise ValueError(
                f"x has shape {np.shape(x)}, but the network has {network.parameters.size} parameters"
            )
        X, y = self._data or self._checked(batch)
        with network._lock:
            network._check_not_frozen()
            vectors = network.parameters, network.gradient, network.state
            kept = [(array, memory.copied(array)) for array in vectors]
            try:
                network.parameters = x
                return self._mean(X, y, out)
            finally:
                for array, before in kept:
                    memory.assign(array, before)

    def _checked(self, batch):
        if len(batch) != 2:
            raise TypeError(
                f"an objective without data takes (x, X, y); it got {len(batch)} arguments after x"
            )
        X, y = self.network.checked_data(*batch, self._loss)
        if len(X) == 0:
            raise ValueError("X contains no samples")
        return X, y

    def _mean(self, X, y, out):
        """The mean over all samples, in chunks if the layers permit."""
        network, total = self.network, 0.0
        size = len(X) if network.takes_batch_statistics else network.chunk
        if out is not None:
            memory.assign(out, 0)
        for first in range(0, len(X), size):
            part = slice(first, first + size)
            share = len(X[part]) / len(X)
            total += share * network.step(X[part], y[part], self._loss, (self._seed + first) % 2**64)
            if out is not None:
                memory.add(out, network.gradient, share)
        return total


def _taken(name, vector):
    """A vector on a device as one of Numba's; any other as it is."""
    return memory.taken(name, vector) if on_device(vector) else vector
