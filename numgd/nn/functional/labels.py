"""Classes of samples as integer labels: checks, weights of the classes, labels that are ignored."""

from typing import Annotated

import numpy as np

from numgd.foundations.ranges import Integers
from numgd.kernels.layers import cross_entropy as kernel
from numgd.kernels.layers import elementwise
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
    if target.dtype == np.uint64 and (target > np.iinfo(np.int64).max).any():
        raise ValueError(f"target has labels above {classes - 1}; x has {classes} classes")
    labels, ignored = np.ascontiguousarray(target, np.int64).reshape(samples), None
    within = kernel.labels_within(labels.reshape(-1), classes)
    if not within or 0 <= ignore_index < classes:
        ignored = labels == ignore_index
        labels = np.where(ignored, 0, labels)
        within = within or kernel.labels_within(labels.reshape(-1), classes)
    if not within:
        raise ValueError(f"target has labels below 0 or above {classes - 1}; x has {classes} classes")
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
    if ignored is None or np.isfinite(x[ignored]).all():
        return x
    x = x.copy()
    x[ignored] = 0
    return x


def by_label(by, labels, ignored, weight, reduction):
    """`Weighing` of samples, each multiplied by the weight of its label, which is 0 where it is ignored."""
    if ignored is None and weight is None:
        return by
    factors = np.ones(labels.shape, by.weights.dtype) if weight is None else weight[labels]
    if ignored is not None:
        factors = np.where(ignored, factors.dtype.type(0), factors)
    return by.multiplied(factors, reduction)
