"""What a network says of data: `predict`, `predict_proba`, `predict_labels` and `evaluate`."""

from typing import Any

import numpy as np

from numgd.foundations.ranges import Count, check_arguments
from numgd.nn.training.augmentation import checked_normalisation
from numgd.nn.training.metrics import metrics_of


def assess(network, X, y, loss, metrics, batch_size, normalise):
    """Mean loss and metrics over checked data, as a dictionary of floats."""
    total, sums = 0.0, dict.fromkeys(metrics, 0.0)
    for rows, part in _batches(network, X, batch_size, normalise):
        count, wanted = len(part), y[rows]
        outputs = network.forward(part)
        total += count * float(network.loss(outputs, wanted, loss))
        for name, metric in metrics.items():
            sums[name] += count * float(metric(outputs, wanted))
    return {"loss": total / len(X), **{name: found / len(X) for name, found in sums.items()}}


def _batches(network, X, size, normalise):
    """Slices and rows of data in the network's dtype; the rows last until the next ones."""
    memory = None
    for first in range(0, len(X), size):
        rows = slice(first, min(first + size, len(X)))
        part = X[rows]
        if normalise is not None or part.dtype != network.dtype:
            if memory is None:
                memory = np.empty((size, *X.shape[1:]), network.dtype)
            copy = memory[: len(part)]
            np.copyto(copy, part, casting="unsafe")
            part = copy if normalise is None else normalise(copy, out=copy)
        yield rows, part


@check_arguments
def evaluate(
    network, X, y, *, loss, metrics=None, batch_size: Count = 128, normalise=None
) -> dict[str, float]:
    """Mean loss and metrics of a network over data.

    Parameters
    ----------
    network : Network
        It computes in inference mode and is not changed.
    X : array_like of shape (N, *input_shape)
        Memory maps are read batch by batch.
    y : array_like of shape (N, ...)
        Labels or targets, as the loss takes them.
    loss : str or loss
        As for `fit`.
    metrics : sequence of str or callable, optional
        As for `fit`.
    batch_size : int
        Samples that are computed together; it limits the memory.
    normalise : Normalise, optional
        As for `fit`.

    Returns
    -------
    dict of str to float
        ``'loss'``, and each metric by its name.

    Raises
    ------
    TypeError, ValueError
        For invalid data or arguments.

    Examples
    --------
    Any object with the few attributes that are needed will do as a network:

    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from numgd.nn import training
    >>> network = SimpleNamespace(
    ...     dtype=np.dtype(float), input_shape=(1,), output_shape=(2,),
    ...     checked_data=lambda X, y, loss: (np.asarray(X, float), y),
    ...     forward=lambda X: np.hstack([X, -X]),
    ...     loss=lambda outputs, y, loss: np.mean(outputs**2),
    ... )
    >>> X, y = [[1.0], [-2.0], [3.0]], np.array([0, 1, 1])
    >>> training.evaluate(network, X, y, loss="mse", metrics=["accuracy"])
    {'loss': 4.666666666666667, 'accuracy': 0.6666666666666666}
    """
    metrics = metrics_of(metrics, y, network)
    normalise = checked_normalisation(normalise, network)
    X, y = network.checked_data(X, y, loss)
    if len(X) == 0:
        raise ValueError("X contains no samples")
    return assess(network, X, y, loss, metrics, batch_size, normalise)


@check_arguments
def predict(network, X, *, batch_size: Count = 128, normalise=None) -> np.ndarray:
    """The outputs of a network in inference mode.

    Parameters
    ----------
    network : Network
    X : array_like of shape (N, *input_shape)
        Memory maps are read batch by batch.
    batch_size : int
        Samples that are computed together; it limits the memory.
    normalise : Normalise, optional
        As for `fit`.

    Returns
    -------
    numpy.ndarray of shape (N, *output_shape)
        Of the network's dtype.

    Raises
    ------
    TypeError, ValueError
        For invalid data or arguments.

    Examples
    --------
    Any object with the few attributes that are needed will do as a network:

    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from numgd.nn import training
    >>> network = SimpleNamespace(
    ...     dtype=np.dtype(float), input_shape=(1,), output_shape=(2,),
    ...     checked_data=lambda X, y, loss: (np.asarray(X, float), y),
    ...     forward=lambda X: np.hstack([X, -X]),
    ...     loss=lambda outputs, y, loss: np.mean(outputs**2),
    ... )
    >>> training.predict(network, [[1.0], [-2.0]])
    array([[ 1., -1.],
           [-2.,  2.]])
    """
    normalise = checked_normalisation(normalise, network)
    X, _ = network.checked_data(X, None, None)
    found: Any = np.empty((len(X), *network.output_shape), network.dtype)
    for rows, part in _batches(network, X, batch_size, normalise):
        found[rows] = network.forward(part)
    return found


def predict_proba(network, X, *, batch_size=128, normalise=None) -> np.ndarray:
    """Probabilities of the classes, for a network whose outputs are logits.

    Parameters
    ----------
    network, X, batch_size, normalise
        As for `predict`.

    Returns
    -------
    numpy.ndarray of shape (N, *output_shape)
        The softmax over the last axis; of a single output the sigmoid, the probability of class 1.

    Examples
    --------
    Any object with the few attributes that are needed will do as a network:

    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from numgd.nn import training
    >>> network = SimpleNamespace(
    ...     dtype=np.dtype(float), input_shape=(1,), output_shape=(2,),
    ...     checked_data=lambda X, y, loss: (np.asarray(X, float), y),
    ...     forward=lambda X: np.hstack([X, -X]),
    ...     loss=lambda outputs, y, loss: np.mean(outputs**2),
    ... )
    >>> training.predict_proba(network, [[1.0], [-2.0]]).round(3)
    array([[0.881, 0.119],
           [0.018, 0.982]])
    """
    from numgd.nn.functional import sigmoid, softmax  # imports the kernels of all layers

    outputs = predict(network, X, batch_size=batch_size, normalise=normalise)
    if outputs.size == 0:
        return outputs
    return sigmoid(outputs) if outputs.shape[-1] == 1 else softmax(outputs)


def predict_labels(network, X, *, batch_size=128, normalise=None) -> np.ndarray:
    """The most probable classes, for a network whose outputs are logits.

    Parameters
    ----------
    network, X, batch_size, normalise
        As for `predict`.

    Returns
    -------
    numpy.ndarray of int64, of shape (N, *output_shape[:-1])
        The first of the largest outputs; of a single output, whether it is positive.

    Examples
    --------
    Any object with the few attributes that are needed will do as a network:

    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from numgd.nn import training
    >>> network = SimpleNamespace(
    ...     dtype=np.dtype(float), input_shape=(1,), output_shape=(2,),
    ...     checked_data=lambda X, y, loss: (np.asarray(X, float), y),
    ...     forward=lambda X: np.hstack([X, -X]),
    ...     loss=lambda outputs, y, loss: np.mean(outputs**2),
    ... )
    >>> training.predict_labels(network, [[1.0], [-2.0]])
    array([0, 1])
    """
    outputs = predict(network, X, batch_size=batch_size, normalise=normalise)
    if outputs.shape[-1] == 1:
        return (outputs[..., 0] > 0).astype(np.int64)
    return outputs.argmax(axis=-1).astype(np.int64)
