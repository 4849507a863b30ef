"""Metrics: what is measured of a network's outputs besides the loss."""

from dataclasses import dataclass

import numpy as np

from numgd.foundations.ranges import Count, check_fields


@dataclass(frozen=True)
class TopK:
    """The fraction of samples whose class has one of the `k` largest outputs.

    Outputs that are equal count in the order of the classes, and NaN counts as larger than any number.

    Parameters
    ----------
    k : int
        1 is the accuracy.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.training import TopK
    >>> outputs = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]])
    >>> TopK(1)(outputs, np.array([1, 2])), TopK(2)(outputs, np.array([1, 2]))
    (0.5, 1.0)
    """

    k: Count

    def __post_init__(self):
        check_fields(self)

    def __call__(self, outputs, y):
        """The fraction for a batch.

        Parameters
        ----------
        outputs : numpy.ndarray of shape (..., K)
            One number per class.  With K = 1 it is the logarithm of the odds of class 1 against class 0.
        y : numpy.ndarray of shape (...,) or (..., K)
            The classes as integers, or one number per class of which the largest marks it.

        Returns
        -------
        float
        """
        if outputs.shape[-1] == 1:
            return float(np.mean((outputs.reshape(-1) > 0) == (y.reshape(-1) > 0.5)))
        if y.shape == outputs.shape:
            y = y.argmax(axis=-1)
        if y.shape != outputs.shape[:-1]:
            raise ValueError(f"y has the shape {y.shape}, but outputs have {outputs.shape}: no classes")
        y = y.astype(np.intp)[..., None]
        own = np.take_along_axis(outputs, y, axis=-1)
        earlier = np.arange(outputs.shape[-1]) < y
        before = ~(outputs <= own) | ((outputs == own) & earlier)
        return float(np.mean(before.sum(axis=-1) < self.k))


NAMED = {"accuracy": TopK(1), "top5": TopK(5)}


def metrics_of(given, y, network):
    """Metrics by name; None stands for the accuracy if y holds classes. Errors name the argument."""
    if given is None:
        classes = y is not None and np.asarray(y[:1]).dtype.kind in "iub"
        given = ("accuracy",) if classes else ()
    if isinstance(given, str) or not isinstance(given, tuple | list):
        raise TypeError(f"metrics must be a sequence of names or callables; it is {given!r:.80}")
    found = {}
    for i, metric in enumerate(given):
        name = metric if isinstance(metric, str) else _name_of(metric)
        if isinstance(metric, str):
            if metric not in NAMED:
                raise ValueError(f"metrics[{i}] must be 'accuracy', 'top5' or a callable; it is {metric!r}")
            metric = NAMED[metric]
        elif not callable(metric):
            raise TypeError(f"metrics[{i}] must be a name or a callable; it is {metric!r:.80}")
        if isinstance(metric, TopK) and metric.k > 1 and network.output_shape[-1] <= metric.k:
            raise ValueError(
                f"metrics[{i}] needs more than {metric.k} classes; the network has {network.output_shape[-1]}"
            )
        if name in found or name == "loss":
            raise ValueError(f"metrics[{i}] has a name that is taken: {name!r}")
        found[name] = metric
    return found


def _name_of(metric):
    """A metric's name in the history."""
    if isinstance(metric, TopK):
        return f"top{metric.k}"
    return str(getattr(metric, "__name__", type(metric).__name__))
