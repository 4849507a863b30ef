"""What a training run records per epoch."""

from typing import Any, NamedTuple

import numpy as np

from numgd.system.html import of_history


class TrainingHistory(NamedTuple):
    """One row per completed epoch, as float64 arrays (epochs,).

    Examples
    --------
    >>> from numgd.nn.training import TrainingHistory
    >>> history = TrainingHistory.of([(0.7, 0.8, 1e-3, 1.2, 0.5), (0.4, 0.6, 1e-3, 2.4, 0.75)], ["accuracy"])
    >>> history.loss, history.metrics["accuracy"]
    (array([0.7, 0.4]), array([0.5 , 0.75]))
    """

    loss: Any  # mean over the samples of the batches' losses, each before its step
    validation: Any  # loss over the validation data, NaN if there are none
    learning_rate: Any  # of the epoch's last step
    seconds: Any  # since the start, including that of earlier runs which this one resumes
    metrics: Any  # name -> metric over the validation data; empty if there are none

    @classmethod
    def of(cls, rows, names):
        """The history of rows of numbers, the metrics last."""
        columns = np.array(rows, np.float64).reshape(-1, 4 + len(names)).T
        return cls(*columns[:4], dict(zip(names, columns[4:], strict=True)))

    def _repr_html_(self):
        return of_history("TrainingHistory", "epoch", self._asdict() | self.metrics, first=1)
