"""The result of every loader: inputs, outputs and their names."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Dataset(NamedTuple):
    """Inputs X, outputs y and their names.

    Attributes
    ----------
    X : array (N, features), or (N, height, width, channels) for images
        Tables are float32 or float64.  Images are float32 or float64 in [0, 1], or uint8.
    y : array
        int64 labels (N,) from 0, or numbers (N,) or (N, outputs) of the dtype of X.
    feature_names : tuple of str
        A name for each column of X; empty for images.
    target_names : tuple of str
        A name for each class, or for each column of y; empty if there are none.

    Examples
    --------
    >>> from numgd import datasets
    >>> data = datasets.spirals(100, arms=3)
    >>> data
    Dataset: X float64 (100, 2), y int64 (100,), classes: arm 0, arm 1, arm 2
    >>> data.take([0, 1, 2]).y
    array([0, 1, 2])
    """

    X: NDArray[Any]
    y: NDArray[Any]
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()

    def take(self, rows: ArrayLike) -> "Dataset":
        """The data set that consists of some rows, copied: those at some indices or True in a mask."""
        rows = np.asarray(rows)
        return self._replace(X=self.X[rows], y=self.y[rows])

    def __repr__(self):
        """Summary: dtypes, shapes and the names of the first classes."""
        arrays = ", ".join(
            f"{name} {array.dtype} {array.shape}" for name, array in (("X", self.X), ("y", self.y))
        )
        if not self.target_names:
            return f"Dataset: {arrays}"
        kind = "classes" if self.y.dtype.kind in "iu" else "outputs"
        more = ", …" if len(self.target_names) > 10 else ""
        return f"Dataset: {arrays}, {kind}: {', '.join(self.target_names[:10])}{more}"
