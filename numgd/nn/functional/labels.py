"""Classes of samples as integer labels: checks, weights of the classes, labels that are ignored."""

from typing import Annotated

from numgd.foundations.ranges import Integers
from numgd.kernels.layers import elementwise
from numgd.kernels.layers import labels as kernels
from numgd.nn.functional.checks import real_array

Label = Annotated[int, Integers("[-inf, inf]")]
"""Any integer."""


def check_classes(x):
    """Raise unless the last axis of x, the classes, has elements."""
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"x must have a last axis with elements, the classes; its shape is {x.shape}")


def is_labels(target):
    """Whether an array holds integers."""
    return target.dtype.kind in "iu"


def labels_of(target, x, ignore_index):
    """Labels as int64, 0 in place of those that are ignored, and a mask of these or None."""
    samples, classes = x.shape[:-1], x.shape[-1]
    if target.shape != samples:
        raise ValueError(f"target has shape {target.shape}, but the labels of x {x.shape} have {samples}")
    labels, ignored, within = kernels.prepared(target, classes, ignore_index)
    if not within:
        wrong = "above" if target.dtype.kind == "u" else "below 0 or above"
        raise ValueError(f"target has labels {wrong} {classes - 1}; x has {classes} classes")
    return labels, ignored


def class_weights(weight, x):
    """The weights of the classes, checked, or None."""
    if weight is None:
        return None
    weight = real_array("weight", weight, ndim=1, dtype=x.dtype)
    if weight.shape != x.shape[-1:]:
        raise ValueError(f"weight has shape {weight.shape}, but x has {x.shape[-1]} classes")
    if elementwise.count_invalid("weight", weight):
        raise ValueError("weight must be finite and at least 0")
    return weight


def without_ignored(x, ignored):
    """x with zeros in the rows that are ignored, if the loss of these may be NaN, whatever its weight."""
    return x if ignored is None else kernels.without_ignored(x, ignored)


def by_label(by, labels, ignored, weight, reduction):
    """`Weighing` of samples, each multiplied by the weight of its label, which is 0 where it is ignored."""
    if ignored is None and weight is None:
        return by
    return by.multiplied(kernels.factors(labels, ignored, weight, by.weights), reduction)
