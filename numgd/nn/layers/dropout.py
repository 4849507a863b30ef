"""Dropout."""

from dataclasses import dataclass

import numpy as np

from numgd.foundations.ranges import UnitInterval
from numgd.kernels.layers import dropout as kernels
from numgd.nn.layers.layer import Layer, one_input


@dataclass(frozen=True, eq=False)
class Dropout(Layer):
    """In training, each number is 0 with probability p, and else divided by 1 − p.

    Parameters
    ----------
    p : float

    Notes
    -----
    The mask is computed again for the gradient, from the seed of the step and the position.  Source:
    N. Srivastava et al., Dropout, JMLR 15 (2014) 1929-1958.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Dropout(0.2)
    Dropout(p=0.2)
    """

    p: UnitInterval = 0.5

    reads = ""
    keeps_features = True

    def output_shape(self, *shapes):
        return one_input(shapes, None, "")

    def passes(self, training):
        return not training or self.p == 0

    def _apply(self, at, x, out):
        threshold = np.uint64(round(self.p * 2**32))
        scale = x.dtype.type(1 / (1 - self.p) if self.p < 1 else 0)
        stream = np.uint64(at.number)
        kernels.dropout_of_step(x.reshape(-1), at.words, stream, threshold, scale, out.reshape(-1))

    def forward(self, at):
        self._apply(at, at.x[0], at.y)

    def backward(self, at):
        self._apply(at, at.grad, at.grad_x[0])
