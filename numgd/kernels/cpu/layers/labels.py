"""Labels of samples: which are valid or ignored, their weights, and the numbers of their classes."""

import numpy as np

from numgd.kernels.cpu.layers.cross_entropy import labels_within


def prepared(target, classes, ignore_index):
    """Labels of any integer type as int64, 0 in place of those to be ignored.

    Also a mask of the latter, None where there are none, and whether all others are from 0 to classes − 1.
    """
    if target.dtype == np.uint64 and (target > np.iinfo(np.int64).max).any():
        return target, None, False
    labels, ignored = np.ascontiguousarray(target, np.int64).reshape(target.shape), None
    within = labels_within(labels.reshape(-1), classes)
    if not within or 0 <= ignore_index < classes:
        ignored = labels == ignore_index
        labels = np.where(ignored, 0, labels)
        within = within or labels_within(labels.reshape(-1), classes)
    return labels, ignored, within


def without_ignored(x, ignored):
    """x with zeros in the rows that are ignored, if the loss of these may be NaN, whatever its weight."""
    if np.isfinite(x[ignored]).all():
        return x
    x = x.copy()
    x[ignored] = 0
    return x


def factors(labels, ignored, weight, like):
    """The weight of each label, 1 without weights of the classes, and 0 where it is ignored."""
    found = np.ones(labels.shape, like.dtype) if weight is None else weight[labels]
    return found if ignored is None else np.where(ignored, found.dtype.type(0), found)


def one_hot(labels, like):
    """An array like (…, classes) of zeros, and 1 at each label."""
    found = np.zeros_like(like)
    np.put_along_axis(found, labels[..., None], 1, axis=-1)
    return found


def picked(x, labels):
    """The number of each label in x (…, classes)."""
    return np.take_along_axis(x, labels[..., None], axis=-1)[..., 0]


def spread(labels, weights, repeat, factor, out):
    """out (…, classes) = 0, except factor · weights[sample // repeat] at the label of each sample."""
    out[...] = 0
    numbers = np.repeat(weights, repeat)[: labels.size]
    np.put_along_axis(out, labels[..., None], (factor * numbers).reshape(*labels.shape, 1), axis=-1)
