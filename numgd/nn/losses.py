"""Losses that networks are trained with: the mean over a batch, and its gradient."""

from dataclasses import dataclass
from math import prod

import numpy as np

from numgd.foundations.ranges import Finite, UnitInterval, check_fields, checked, one_of
from numgd.kernels.layers import cross_entropy as rows
from numgd.kernels.layers import elementwise, map_criterion, memory
from numgd.scalars import LOSSES


@dataclass(frozen=True)
class Loss:
    """The mean loss of a batch; `value` makes a single compiled call, whose result is times `scale`."""

    def __post_init__(self):
        check_fields(self)


@dataclass(frozen=True)
class OfLabels(Loss):
    """A loss of outputs (…, classes) with integer labels, the mean over all labels."""

    def target_shape(self, shape):
        """Shape of the targets for outputs of a shape."""
        return shape[:-1]

    def target_dtype(self, dtype):
        """Their dtype."""
        return np.dtype(np.int64)

    def scale(self, shape):
        """What the result of the call is multiplied by."""
        return 1.0 / max(1, prod(shape[:-1]))

    def checked(self, target, shape, dtype):
        """Labels for outputs of a shape, as int64; raises TypeError or ValueError."""
        labels = np.asarray(target)
        if labels.dtype.kind not in "iu":
            raise TypeError(f"y must be integer labels; its dtype is {labels.dtype}")
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
class CrossEntropy(OfLabels):
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

    def value(self, y, target):
        """The sum of the losses."""
        one, nothing = elementwise.one(y), memory.constant(y, (0,), 0, y.dtype)
        flat, labels, many = y.reshape(-1), target.reshape(-1), y.size + 1
        return rows.cross_entropy(flat, labels, y.shape[-1], one, many, self.label_smoothing, nothing)

    def gradient(self, y, target, out, weight=1.0):
        """`weight` times the gradient of the mean."""
        rows.cross_entropy_backward(
            y.reshape(-1), target.reshape(-1), y.shape[-1], elementwise.one(y), y.size + 1,
            weight * self.scale(y.shape), self.label_smoothing, out.reshape(-1),
        )  # fmt: skip


@dataclass(frozen=True)
class MAPCriterion(OfLabels):
    """The criterion of LeNet-5 for minus the distances y from prototypes: y_label + log(e⁻ʲ + Σ e⁻ʸ).

    It reduces the distance of the right class and raises those of the others, until they are well beyond
    `rubbish`, which is the distance of a further class: that of images of nothing known.

    Parameters
    ----------
    rubbish : float
        j.  The paper does not state its value.

    Notes
    -----
    The outputs of the network are −y, as `numgd.nn.RadialBasis` gives them with factor −1.  For j → ∞ it is
    the cross-entropy with these as logits.  Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner,
    Gradient-based learning applied to document recognition, Proceedings of the IEEE 86 (1998), equation 9.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd import nn
    >>> model = nn.Sequential(nn.Dense(2), nn.RadialBasis([[1, 1], [-1, 1]], factor=-1.0))
    >>> network = nn.Network(model, input_shape=(3,))
    >>> loss = network.loss_and_gradient(np.zeros((4, 3)), [0, 1, 0, 1], nn.MAPCriterion(2.0))
    >>> round(loss, 4)
    1.0986
    """

    rubbish: Finite

    def value(self, y, target):
        """The sum of the losses."""
        return map_criterion.value(y.reshape(-1, y.shape[-1]), target.reshape(-1), self.rubbish)

    def gradient(self, y, target, out, weight=1.0):
        """`weight` times the gradient of the mean."""
        rows, labels, scale = y.reshape(-1, y.shape[-1]), target.reshape(-1), weight * self.scale(y.shape)
        map_criterion.gradient(rows, labels, self.rubbish, scale, out.reshape(rows.shape))


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
            self.kind, y.reshape(-1), target.reshape(-1), elementwise.one(y), y.size + 1, self._number
        )

    def gradient(self, y, target, out, weight=1.0):
        """`weight` times the gradient of the mean."""
        elementwise.derivatives(
            self.kind, y.reshape(-1), target.reshape(-1), elementwise.one(y), y.size + 1,
            weight * self.scale(y.shape), self._number, out.reshape(-1),
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
