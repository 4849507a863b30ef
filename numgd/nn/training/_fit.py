"""`fit`: train a network by an update rule on batches of data."""

from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from numgd.foundations.patience import Patience
from numgd.foundations.progress import Progress
from numgd.foundations.ranges import (
    Called,
    Count,
    Flag,
    NonNegative,
    Seed,
    Tolerance,
    Whole,
    check_arguments,
    one_of,
)
from numgd.nn.training import checkpoint as checkpoints
from numgd.nn.training.augmentation import Augmenter, checked_augmentation, checked_normalisation
from numgd.nn.training.metrics import metrics_of
from numgd.nn.training.network import check_network
from numgd.nn.training.run import Run, Settings
from numgd.nn.training.sources import Order, checked_pair, make_source
from numgd.nn.training.stepping import Stepper, checked_optimizer
from numgd.nn.training.weights import first_not_finite


@check_arguments
def fit(
    network,
    X,
    y=None,
    *,
    loss,
    optimizer="adam",
    epochs: Whole = 10,
    batch_size: Count = 32,
    shuffle: Flag = True,
    last_batch: one_of("keep", "drop") = "keep",
    seed: Seed = 0,
    validation_data=None,
    metrics=None,
    schedule: Called | None = None,
    patience: Count | None = None,
    min_delta: NonNegative = 0.0,
    monitor="loss",
    restore_best: Flag = True,
    decay_all: Flag = True,
    use_average: Flag = False,
    augment=(),
    normalise=None,
    checkpoint=None,
    checkpoint_every: Count | None = None,
    resume: Flag = False,
    time_limit: Tolerance | None = None,
    callbacks=(),
    progress: Flag = False,
) -> Any:
    """Train a network: minimise the mean of a loss over data by steps on batches of the data.

    Parameters
    ----------
    network : Network, or anything that is `Trainable`
        Its parameters and running statistics are changed in place.
    X : array_like of shape (N, *input_shape), or iterable of batches
        Memory maps are read batch by batch, and integers converted batch by batch.  An iterable yields pairs
        (X, y), from a thread and one pair ahead; it is gone through once per epoch, and `batch_size`,
        `shuffle` and `last_batch` then have no effect on training.
    y : array_like of shape (N, ...), optional
        Labels or targets, as `loss` takes them; None if `X` is an iterable.
    loss : str or loss
        As the network takes it, for instance ``'cross_entropy'`` or ``'mse'``.
    optimizer : str or Optimizer
        The name of an update rule, or an optimizer, to which clipping, averages and weight decay belong.  An
        optimizer that has made steps continues from its state.
    epochs : int
        Number of passes through the data.
    batch_size : int
        Samples per step, and per piece of the validation data.
    shuffle : bool
        Whether the samples are in another order in each epoch.
    last_batch : {'keep', 'drop'}
        Whether to use or skip a last batch that is shorter.
    seed : int
        Determines the order of the samples, augmentation, and the random numbers of dropout.
    validation_data : tuple of two arrays, optional
        ``(X, y)``, over which the loss and `metrics` are computed after each epoch.
    metrics : sequence of str or callable, optional
        ``'accuracy'``, ``'top5'``, or functions ``metric(outputs, y) -> float``, the mean over a batch.  By
        default the accuracy if the labels are integers.
    schedule : callable, optional
        A schedule of `numgd.schedules`, or any function of the number of the step, in place of the
        optimizer's learning rate.  One that observes values is shown what `monitor` names after each epoch.
    patience : int, optional
        Stop after this many consecutive epochs without an improvement.
    min_delta : float
        Smallest change that counts as an improvement.
    monitor : str
        What `patience` and `restore_best` go by: ``'loss'`` (over the validation data; without these, the
        mean over the batches of the epoch), or a metric, of which more is better.
    restore_best : bool
        With validation data or `patience`: whether the network gets the weights after the best epoch at the
        end, instead of the last ones.
    decay_all : bool
        Whether weight decay applies to biases and to the scales and shifts of normalisation
        (``network.undecayed``) too.  An optimizer that is told to skip them keeps doing so.
    use_average : bool
        Whether the network gets the average of the parameters that the optimizer keeps (`ema` or
        `average_from`) at the end.  Validation during training is without it.
    augment : sequence
        Random changes of the images of each batch, in this order: `Shift`, `RandomCrop`, `Flip`, or objects
        with their methods `draw` and `apply`.
    normalise : Normalise, optional
        Applied to all batches after augmentation, and to the validation data.  Give it to `predict` and
        `evaluate`, too.
    checkpoint : str or path-like, optional
        A file, ``.npz`` or ``.safetensors``, to which the state of the run is written, whole or not at all.
    checkpoint_every : int, optional
        Steps between checkpoints; by default one is written after each epoch.  There is always one when the
        run ends, unless a value was not finite or Ctrl-C ended it.
    resume : bool
        Whether to continue from `checkpoint` if that file exists.  The parameters, and all later results, are
        then those of a run that was not interrupted, bit for bit.  `epochs` counts the earlier ones too.
    time_limit : float, optional
        Limit of the running time in seconds.
    callbacks : sequence of callable
        Each is called after each epoch with a result that has `network`, `epoch`, `nit`, `loss`,
        `validation`, `metrics` and `learning_rate`; raising StopIteration ends the run.
    progress : bool
        Whether to show a progress bar, with the package tqdm.

    Returns
    -------
    OptimizeResult
        `fun` (mean loss of the last completed epoch), `nit` (steps), `nepoch` (completed epochs), `status`,
        `success`, `message`, `history` (`TrainingHistory`), and `best_epoch`, the epoch after which
        the network had the weights that were restored, None if they are the last ones.

    Raises
    ------
    TypeError, ValueError
        For invalid data or arguments, or a checkpoint of another network or run; the network is not changed.

    Notes
    -----
    A loss, gradient or parameter that is not finite ends the run with ``success=False``.  The network gets
    the best weights, or, if none are kept, those before the epoch (or from where the run was resumed).

    Ctrl-C ends the run with `Status.INTERRUPTED`: the network stays as trained so far, and the last
    checkpoint is whole.  Any other exception leaves the network likewise.

    Examples
    --------
    A network is whatever has the attributes and methods of `Trainable`, for instance linear regression:

    >>> import numgd, numpy as np
    >>> from numgd.nn import training
    >>> class Linear:
    ...     dtype, input_shape, output_shape, undecayed = np.dtype(float), (2,), (1,), ()
    ...     def __init__(self):
    ...         self.parameters, self.gradient = np.zeros(2), np.zeros(2)
    ...     def named_parameters(self):
    ...         return {"weight": self.parameters}
    ...     def named_gradients(self):
    ...         return {"weight": self.gradient}
    ...     def named_states(self):
    ...         return {}
    ...     def checked_data(self, X, y, loss):
    ...         return np.asarray(X, float), None if y is None else np.asarray(y, float).reshape(-1, 1)
    ...     def forward(self, X):
    ...         return X @ self.parameters[:, None]
    ...     def loss(self, outputs, y, loss):
    ...         return float(np.mean((outputs - y) ** 2))
    ...     def loss_and_gradient(self, X, y, loss, seed):
    ...         outputs = self.forward(X)
    ...         self.gradient[:] = 2 * np.mean((outputs - y) * X, axis=0)
    ...         return self.loss(outputs, y, loss)
    >>> X = np.random.default_rng(1).normal(size=(500, 2))
    >>> y = X @ [1.0, -2.0]
    >>> network = Linear()
    >>> found = training.fit(network, X, y, loss="mse", optimizer=numgd.SGD(0.1), epochs=40)
    >>> network.parameters.round(3), found.success, found.history.loss.size
    (array([ 1., -2.]), True, 40)
    """
    check_network(network)
    callbacks = _checked_callbacks(callbacks)
    changes = checked_augmentation(augment, network)
    normalise = checked_normalisation(normalise, network)
    optimizer = checked_optimizer(optimizer)
    if use_average and not optimizer.keeps_average:
        raise ValueError("use_average needs an optimizer with ema or average_from")
    validation, metrics = _checked_validation(validation_data, metrics, network, loss)
    _check_monitor(monitor, metrics)
    _check_checkpoint(checkpoint, checkpoint_every, resume)
    if (name := first_not_finite(network)) is not None:
        raise ValueError(f"the network's {name!r} is not finite (NaN or inf)")
    order = Order(batch_size, shuffle, last_batch, seed)
    source = make_source(network, X, y, loss, epochs, order, Augmenter(changes, normalise, seed))
    record = {
        **order._asdict(),
        "samples": source.rows,
        "loss": loss if isinstance(loss, str) else type(loss).__name__,
        "augment": [repr(change) if is_dataclass(change) else type(change).__name__ for change in changes],
        "normalise": repr(normalise),
        "validation samples": None if validation is None else len(validation[0]),
        "metrics": list(metrics),
        "monitor": monitor,
        "restore_best": restore_best,
        "use_average": use_average,
    }
    saved = None
    if resume and Path(checkpoint).exists():
        saved = checkpoints.read(checkpoint, network, record, 4 + len(metrics))
    stepper = Stepper(network, optimizer, schedule, decay_all)
    if saved is not None:
        stepper.load(saved.optimizer, checkpoint)
    settings = Settings(
        loss, epochs, seed, batch_size, validation, metrics, monitor,
        restore_best and (validation is not None or patience is not None),
        use_average, normalise, checkpoint, checkpoint_every, callbacks, record,
    )  # fmt: skip
    steps = None if source.steps is None else source.steps * epochs
    with Progress(progress, time_limit, " steps", steps) as watch:
        return Run(network, source, stepper, Patience(patience, min_delta), settings, saved).train(watch)


def _checked_callbacks(callbacks):
    """The callbacks as a tuple; one alone counts as a sequence."""
    found = (callbacks,) if callable(callbacks) else callbacks
    if not isinstance(found, tuple | list):
        raise TypeError(f"callbacks must be a sequence of callables; it is {callbacks!r:.80}")
    for i, callback in enumerate(found):
        if not callable(callback):
            raise TypeError(f"callbacks[{i}] must be callable; it is {callback!r:.80}")
    return tuple(found)


def _checked_validation(given, metrics, network, loss):
    """The validation data as checked arrays, and the metrics by name; None and no metrics without data."""
    if given is None:
        if metrics:
            raise ValueError("metrics need validation_data")
        return None, {}
    if not (isinstance(given, tuple | list) and len(given) == 2):
        raise TypeError(f"validation_data must be a tuple (X, y); it is {type(given).__name__}")
    metrics = metrics_of(metrics, given[1], network)
    return checked_pair("validation_data", network, *given, loss), metrics


def _check_monitor(monitor, metrics):
    if not isinstance(monitor, str):
        raise TypeError(f"monitor must be a string; it is {monitor!r:.80}")
    if monitor != "loss" and monitor not in metrics:
        raise ValueError(f"monitor must be 'loss' or one of the metrics, {list(metrics)}; it is {monitor!r}")


def _check_checkpoint(checkpoint, every, resume):
    if checkpoint is not None:
        checkpoints.check_path(checkpoint)
    elif resume or every is not None:
        raise ValueError("resume and checkpoint_every need checkpoint, the name of a file")
