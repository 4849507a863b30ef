"""Dropout, with a mask that is computed again in the backward pass."""

import numpy as np

from numgd.foundations.ranges import Flag, Seed, UnitInterval, check_arguments
from numgd.kernels.layers import dropout as kernels
from numgd.kernels.layers import memory
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import output, real_array
from numgd.nn.functional.operation import operation, sample


@anywhere
@check_arguments
def dropout(
    x: np.ndarray,
    p: UnitInterval = 0.5,
    *,
    seed: Seed,
    stream: Seed = 0,
    training: Flag = True,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Each number is zero with probability p; the others are multiplied by 1 / (1 - p).

    Parameters
    ----------
    x : array_like of float32 or float64, any shape
    p : float
        From 0 to 1.
    seed, stream : int
        From 0 to 2⁶⁴ - 1.  The mask depends only on them and on the position in x.  Use another stream for
        each layer and step.
    training : bool
        If false, the result is a copy of x.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Raises
    ------
    ValueError
        If p, seed or stream is out of range.
    TypeError
        Dtypes other than float32 and float64.

    Notes
    -----
    The words of Philox-4x32-10 are compared with p 2³².  The mask is the same for any number of threads.

    Source: N. Srivastava et al., Dropout, JMLR 15 (2014), with scaling in training.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import dropout
    >>> dropout(np.ones(8), 0.5, seed=1)
    array([2., 2., 0., 2., 0., 0., 0., 0.])
    """
    x = real_array("x", x)
    seed, stream = np.uint64(seed), np.uint64(stream)
    out = output(out, x.shape, x.dtype, x)
    if not training or p == 0:
        memory.assign(out, x)
    elif p == 1:
        memory.assign(out, 0)
    else:
        scale = x.dtype.type(1 / (1 - p))
        kernels.dropout(x.reshape(-1), seed, stream, np.uint64(round(p * 2**32)), scale, out.reshape(-1))
    return out


@anywhere
@check_arguments
def dropout_backward(
    grad: np.ndarray,
    p: UnitInterval = 0.5,
    *,
    seed: Seed,
    stream: Seed = 0,
    training: Flag = True,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of ``sum(grad * dropout(x, p, seed=seed, stream=stream))`` with respect to x.

    Parameters
    ----------
    grad : array_like of the shape and dtype of x
    p, seed, stream, training
        As given to `dropout`; the mask is computed again.
    out : array of the shape and dtype of x, optional

    Returns
    -------
    array of the shape and dtype of x

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import dropout_backward
    >>> dropout_backward(np.ones(8), 0.5, seed=1)
    array([2., 2., 0., 2., 0., 0., 0., 0.])
    """
    grad = real_array("grad", grad)
    return dropout(grad, p, seed=seed, stream=stream, training=training, out=out)


def _exercise(dtype):
    x = sample(dtype, 2, 3)
    dropout_backward(dropout(x, seed=0), seed=0)


DROPOUT = operation(dropout, dropout_backward, _exercise)
