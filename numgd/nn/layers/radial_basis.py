"""Distances from fixed prototypes."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numgd.foundations.ranges import Finite
from numgd.kernels.layers import distances as kernels
from numgd.nn.layers.layer import Layer, one_input


@dataclass(frozen=True, eq=False)
class RadialBasis(Layer):
    """The squared Euclidean distances of vectors from fixed prototypes, times a factor.

    Parameters
    ----------
    prototypes : (classes, features) array_like
        Finite numbers, which are copied.  They are not trained.
    factor : float
        With −1 the results can serve as logits: the nearest prototype has the largest.

    Raises
    ------
    TypeError, ValueError
        For prototypes that are no matrix of finite real numbers; in a network, for vectors of another length.

    Notes
    -----
    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document
    recognition, Proceedings of the IEEE 86 (1998), equation 7.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd import nn
    >>> network = nn.Network(nn.RadialBasis([[1, 1], [-1, 1]]), input_shape=(2,))
    >>> network(np.array([[1.0, 0.0]]))
    array([[1., 5.]], dtype=float32)
    """

    prototypes: Any = field(repr=False)
    factor: Finite = 1.0

    def __post_init__(self):
        super().__post_init__()
        try:
            given = np.array(self.prototypes)
        except ValueError:  # rows of different lengths
            raise ValueError("prototypes must be a matrix; its rows have different lengths") from None
        if given.dtype.kind not in "fiub":
            raise TypeError(f"prototypes must be real numbers; their dtype is {given.dtype}")
        if given.ndim != 2 or 0 in given.shape:
            raise ValueError(f"prototypes must be a matrix (classes, features); the shape is {given.shape}")
        if not np.isfinite(given).all():
            raise ValueError("prototypes must be finite; they hold NaN or inf")
        object.__setattr__(self, "prototypes", given.astype(np.float64))

    def output_shape(self, *shapes):
        classes, features = self.prototypes.shape
        if one_input(shapes, 1, "vectors, (features,): put Flatten before it") != (features,):
            raise ValueError(f"takes vectors of {features} features, got shape {shapes[0]}")
        return (classes,)

    def forward(self, at):
        x = at.x[0]
        kernels.forward(x, self.prototypes.astype(x.dtype), self.factor, at.y)

    def backward(self, at):
        x = at.x[0]
        kernels.backward(at.grad, x, self.prototypes.astype(x.dtype), self.factor, at.grad_x[0])
