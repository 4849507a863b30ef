"""A network of two layers in NumPy, with dropout and a running mean, that `fit` can train."""

import numpy as np


class TwoLayers:
    """x − mean → dense → tanh → dropout → dense; the mean is that of the batch, or the running one."""

    undecayed = ("hidden.bias", "out.bias")

    def __init__(self, inputs=(3,), hidden=4, outputs=3, dtype=np.float64, dropout=0.25, seed=0):
        self.dtype, self.input_shape, self.output_shape = np.dtype(dtype), tuple(inputs), (outputs,)
        self.shapes = {
            "hidden.weight": (int(np.prod(inputs)), hidden),
            "hidden.bias": (hidden,),
            "out.weight": (hidden, outputs),
            "out.bias": (outputs,),
        }
        size = sum(int(np.prod(shape)) for shape in self.shapes.values())
        self.parameters = np.random.default_rng(seed).normal(size=size).astype(dtype)
        self.gradient = np.zeros_like(self.parameters)
        self.dropout, self.mean = dropout, np.zeros(int(np.prod(inputs)), dtype)
        self.steps = 0
        self.fail_at = {}  # number of a call of loss_and_gradient -> what happens in it
        self.seen = []

    def _views(self, flat):
        found, first = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            found[name] = flat[first : first + size].reshape(shape)
            first += size
        return found

    def named_parameters(self):
        return self._views(self.parameters)

    def named_gradients(self):
        return self._views(self.gradient)

    def named_states(self):
        return {"mean": self.mean}

    def checked_data(self, X, y, loss):
        X = np.asarray(X)
        if X.dtype.kind not in "fiub":
            raise TypeError(f"X must hold numbers; its dtype is {X.dtype}")
        if X.shape[1:] != self.input_shape:
            raise ValueError(f"X must have the shape (N, {self.input_shape}); it has {X.shape}")
        if not np.isfinite(X).all():
            raise ValueError("X is not finite")
        if y is None:
            return X, None
        y = np.asarray(y)
        if len(y) != len(X):
            raise ValueError(f"y has {len(y)} entries, but X has {len(X)}")
        if loss == "cross_entropy" and not ((y >= 0) & (y < self.output_shape[0])).all():
            raise ValueError("y holds a label out of range")
        return X, (y if loss == "cross_entropy" else y.astype(self.dtype))

    def forward(self, X):
        p = self.named_parameters()
        assert X.dtype == self.dtype
        h = np.tanh((X.reshape(len(X), -1) - self.mean) @ p["hidden.weight"] + p["hidden.bias"])
        return h @ p["out.weight"] + p["out.bias"]

    def loss(self, outputs, y, loss):
        return self._value_and_slope(outputs, y, loss)[0]

    @staticmethod
    def _value_and_slope(outputs, y, loss):
        n = len(outputs)
        if loss == "mse":
            return float(np.mean((outputs - y) ** 2)), 2 * (outputs - y) / outputs.size
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        slope = p.copy()
        slope[np.arange(n), y] -= 1
        return float(-np.mean(np.log(p[np.arange(n), y]))), slope / n

    def loss_and_gradient(self, X, y, loss, seed):
        self.steps += 1
        if self.steps in self.fail_at:
            self.fail_at[self.steps]()
        assert X.dtype == self.dtype and 0 <= seed < 2**63
        self.seen.append(seed)
        p, g = self.named_parameters(), self.named_gradients()
        x = X.reshape(len(X), -1)
        mean = x.mean(axis=0)
        with np.errstate(invalid="ignore"):  # tests spoil it
            self.mean += self.dtype.type(0.1) * (mean - self.mean)
        x = x - mean
        h = np.tanh(x @ p["hidden.weight"] + p["hidden.bias"])
        kept = np.random.default_rng(seed).random(h.shape) >= self.dropout
        mask = (kept / (1 - self.dropout)).astype(self.dtype)
        value, slope = self._value_and_slope(h * mask @ p["out.weight"] + p["out.bias"], y, loss)
        g["out.weight"][...] = (h * mask).T @ slope
        g["out.bias"][...] = slope.sum(axis=0)
        back = (slope @ p["out.weight"].T) * mask * (1 - h * h)
        g["hidden.weight"][...] = x.T @ back
        g["hidden.bias"][...] = back.sum(axis=0)
        return value


def data(rows=50, inputs=(3,), classes=3, seed=1):
    """Samples in noisy classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, rows)
    centres = rng.normal(size=(classes, *inputs))
    return centres[y] + rng.normal(size=(rows, *inputs)), y


def raises(error):
    """A function that raises an exception."""

    def fail():
        raise error

    return fail
