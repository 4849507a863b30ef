"""Losses that networks are trained with: the mean over a batch, and its gradient."""

from dataclasses import dataclass
from math import prod

import numpy as np

from numgd.foundations.ranges import UnitInterval, check_fields, checked, one_of
from numgd.kernels.cpu.layers import cross_entropy as rows
from numgd.kernels.cpu.layers import elementwise
from numgd.nn.layers.shared import ONE
from numgd.scalars import LOSSES


@dataclass(frozen=True)
class Loss:
    """The mean loss of a batch; `value` makes a single compiled call, whose result is times `scale`."""

    def __post_init__(self):
        check_fields(self)


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Softmax cross-entropy of logits (…, classes) with integer labels, the mean over all labels.

    Parameters
    ----------
    label_smoothing : float
        ε: the target becomes (1 − ε) t + ε / classes.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd import nn
    >>> network = nn.Network(nn.Dense(2, initialiser="zeros"), input_shape=(3,))
    >>> loss = network.loss_and_gradient(np.ones((4, 3)), [0, 1, 0, 1], nn.CrossEntropy())
    >>> round(loss, 4)
    0.6931
    """

    label_smoothing: UnitInterval = 0.0

    def target_shape(self, shape):
        """Shape of the targets for outputs of a shape."""
        return shape[:-1]

    def target_dtype(self, dtype):
        """Their dtype."""
        return np.dtype(np.int64)

    def scale(self, shape):
        """What the result of the call is multiplied by."""
        return 1.0 / max(1, prod(shape[:-1]))

    def value(self, y, target):
        """The sum of the losses."""
        one, nothing = ONE[y.dtype], np.empty(0, y.dtype)
        flat, labels, many = y.reshape(-1), target.reshape(-1), y.size + 1
        return rows.cross_entropy(flat, labels, y.shape[-1], one, many, self.label_smoothing, nothing)

    def gradient(self, y, target, out):
        """The gradient of the mean."""
        rows.cross_entropy_backward(
            y.reshape(-1), target.reshape(-1), y.shape[-1], ONE[y.dtype], y.size + 1, self.scale(y.shape),
            self.label_smoothing, out.reshape(-1),
        )  # fmt: skip

    def checked(self, target, shape, dtype):
        """Labels for outputs of a shape, as int64; raises TypeError or ValueError."""
        labels = np.asarray(target)
        if labels.dtype.kind not in "iu":
            raise TypeError(f"y must be integer labels for a cross-entropy; its dtype is {labels.dtype}")
        if labels.shape == (*shape[:-1], 1):
            labels = labels[..., 0]
        if labels.shape != shape[:-1]:
            raise ValueError(
                f"y has shape {labels.shape}, but the labels of outputs {shape} have {shape[:-1]}"
            )
        if labels.size and not (labels.min() >= 0 and labels.max() < shape[-1]):
            wrong = labels[(labels < 0) | (labels >= shape[-1])].flat[0]
            raise ValueError(f"y must be labels from 0 to {shape[-1] - 1}; one is {wrong}")
        return labels.astype(np.int64, copy=False)


@dataclass(frozen=True)
class ElementwiseLoss(Loss):
    """The mean over all elements of a loss of output and target.

    Parameters
    ----------
    kind : str
        A name in `numgd.scalars.LOSSES`.
    parameter : float, optional
        Of the loss, such as delta of 'huber'; by default the usual one.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.ElementwiseLoss("mse")
    ElementwiseLoss(kind='mse', parameter=None)
    """

    kind: one_of(*LOSSES)
    parameter: float | None = None

    def __post_init__(self):
        super().__post_init__()
        record = LOSSES[self.kind]
        if self.parameter is not None:
            if record.range is None:
                raise ValueError(f"loss {self.kind!r} has no parameter; parameter is {self.parameter!r}")
            object.__setattr__(self, "parameter", checked("parameter", self.parameter, record.range))

    @property
    def _number(self):
        return LOSSES[self.kind].default if self.parameter is None else self.parameter

    def target_shape(self, shape):
        """Shape of the targets for outputs of a shape."""
        return shape

    def target_dtype(self, dtype):
        """Their dtype, for outputs of a dtype."""
        return dtype

    def scale(self, shape):
        """What the result of the call is multiplied by."""
        return 1.0 / max(1, prod(shape))

    def value(self, y, target):
        """The sum of the losses."""
        return elementwise.total(
            self.kind, y.reshape(-1), target.reshape(-1), ONE[y.dtype], y.size + 1, self._number
        )

    def gradient(self, y, target, out):
        """The gradient of the mean."""
        elementwise.derivatives(
            self.kind, y.reshape(-1), target.reshape(-1), ONE[y.dtype], y.size + 1, self.scale(y.shape),
            self._number, out.reshape(-1),
        )  # fmt: skip

    def checked(self, target, shape, dtype):
        """Targets for outputs of a shape and dtype; raises TypeError or ValueError."""
        found = np.asarray(target)
        if found.dtype.kind not in "fiub":
            raise TypeError(f"y must be numbers; its dtype is {found.dtype}")
        if found.shape != shape and (*found.shape, 1) == shape:
            found = found[..., None]
        if found.shape != shape:
            raise ValueError(f"y has shape {found.shape}, but the outputs have {shape}")
        found = found.astype(dtype, copy=False)
        if not np.isfinite(found).all():
            raise ValueError("y must be finite; it holds NaN or inf")
        test = LOSSES[self.kind].target
        if test is not None and elementwise.count_invalid(test, np.ascontiguousarray(found).reshape(-1)):
            raise ValueError(f"y must be {_WORDS[test]} for the loss {self.kind!r}")
        return found


_WORDS = {"probability": "probabilities from 0 to 1", "sign": "-1 or 1"}


def loss_of(given):
    """A `Loss`, from one or its name; raises TypeError or ValueError."""
    if isinstance(given, Loss):
        return given
    if not isinstance(given, str):
        raise TypeError(f"loss must be a name or an object of numgd.nn.losses; it is {given!r}")
    if given == "cross_entropy":
        return CrossEntropy()
    name = given.removesuffix("_loss")
    if name not in LOSSES:
        listed = ", ".join(repr(known) for known in ("cross_entropy", *LOSSES))
        raise ValueError(f"loss must be one of {listed}; it is {given!r}")
    return ElementwiseLoss(name)
