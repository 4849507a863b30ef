"""Convolutions of volumes (batch, depth, height, width, channels), computed as convolutions of images.

If the kernel is one tap deep, or one pixel high and wide, with stride 1 and no padding there, two
neighbouring axes can be taken as one, and the
volumes are images.  Otherwise the planes that the depth taps of a result read are copied side by side, as
channels of one image, so that one convolution sums all products.  For groups of one channel there are
algorithms that would no longer apply; their taps are convolved one by one, and the results added.
"""

import math

import numpy as np

from numgd.kernels.cpu.layers.conv import choose
from numgd.kernels.cpu.layers.conv.geometry import Geometry, ceil_divide
from numgd.kernels.cpu.layers.conv.pointwise import finish_pixels

CHUNK_BYTES = 16 * 2**20
"""Memory of the planes that are copied at a time, with the results computed from them."""


def _joined(array, axis):
    """The array with an axis and the next one as one."""
    shape = array.shape
    return array.reshape(*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])


def _images(kernel, geometry):
    """The first of two axes that can be taken as one, and the geometry of the images; or None."""
    stride, dilation, padding, groups = geometry
    if kernel[0] == stride[0] == 1 and not any(padding[:2]):
        return 0, Geometry(stride[1:], dilation[1:], padding[2:], groups)
    if kernel[1:] == stride[1:] == (1, 1) and not any(padding[2:]):
        return 2, Geometry(stride[:2], (dilation[0], 1), padding[:4], groups)
    return None


class _RearrangedWeight:
    """Weights of images, made from those of volumes, with the cache of their packed forms."""

    def __init__(self, array, packed_cache=None):
        self.array = array
        self.packed_cache = packed_cache

    @property
    def nbytes(self):
        """Bytes of the weights and of their packed forms."""
        return self.array.nbytes + sum(packed.nbytes for packed in self.packed_cache.values())


class _Planes:
    """A convolution of volumes by way of images whose channels are those of several planes.

    Parameters
    ----------
    volume, weight, result : tuple
        Shapes.
    geometry : Geometry
    """

    def __init__(self, volume, weight, result, geometry, itemsize):
        self.volume, self.weight, self.result = volume, weight, result
        self.step, self.dilation, self.before = geometry.stride[0], geometry.dilation[0], geometry.padding[0]
        self.groups = geometry.groups
        self.images = Geometry(geometry.stride[1:], geometry.dilation[1:], geometry.padding[2:], self.groups)
        taps = range(weight[1])
        one_by_one = weight[4] == 1 and self.groups > 1
        self.parts = [(tap,) for tap in taps] if one_by_one else [tuple(taps)]
        taken = (weight[1] * math.prod(volume[2:]) + math.prod(result[2:])) * itemsize
        self.planes_at_a_time = max(1, CHUNK_BYTES // max(taken, 1))

    def chunks(self):
        """Slices of the batch and of the depth of the result that are computed together."""
        batch, depth = self.result[:2]
        together = max(1, self.planes_at_a_time // depth)
        deep = min(depth, self.planes_at_a_time)
        for first in range(0, batch, together):
            for start in range(0, depth, deep):
                yield (
                    slice(first, min(first + together, batch)),
                    slice(start, min(start + deep, depth)),
                )

    def read(self, tap, results):
        """Of a slice of results, those whose tap is within the volume; and the planes that they read."""
        offset = tap * self.dilation - self.before
        first = max(results.start, ceil_divide(-offset, self.step))
        last = min(results.stop - 1, (self.volume[1] - 1 - offset) // self.step)
        if last < first:
            return slice(0, 0), slice(0, 0)
        planes = slice(first * self.step + offset, last * self.step + offset + 1, self.step)
        return slice(first - results.start, last + 1 - results.start), planes

    def by_groups(self, array, *taps):
        """The array with its channels divided into groups, taps and channels of a group at a tap."""
        return array.reshape(*array.shape[:-1], self.groups, *taps, self.weight[4])

    def side_by_side(self, x, taps, results):
        """The images for a slice of results, from the volumes x."""
        batch, count = x.shape[0], results.stop - results.start
        images = np.empty((batch, count, *x.shape[2:4], x.shape[4] * len(taps)), x.dtype)
        target, source = self.by_groups(images, len(taps)), self.by_groups(x)
        for k, tap in enumerate(taps):
            within, planes = self.read(tap, results)
            target[:, : within.start, ..., k, :] = 0
            target[:, within.stop :, ..., k, :] = 0
            target[:, within, ..., k, :] = source[:, planes]
        return _joined(images, 0)

    def add_to(self, x, images, taps, results):
        """Add the channels of images to the planes of the volumes x that they stand for."""
        images = images.reshape(x.shape[0], -1, *images.shape[1:])
        source, target = self.by_groups(images, len(taps)), self.by_groups(x)
        for k, tap in enumerate(taps):
            within, planes = self.read(tap, results)
            target[:, planes] += source[:, within, ..., k, :]

    def weights(self, weight, packed_cache):
        """For each part of the taps, the taps and the weights of the images."""
        for taps in self.parts:
            key = ("planes", taps)
            if packed_cache is not None and key in packed_cache:
                yield taps, packed_cache[key]
                continue
            of_taps = weight[:, taps[0] : taps[-1] + 1].transpose(0, 2, 3, 1, 4)
            channels = len(taps) * weight.shape[4]
            array = np.ascontiguousarray(of_taps).reshape(*of_taps.shape[:3], channels)
            rearranged = _RearrangedWeight(array, None if packed_cache is None else {})
            if packed_cache is not None:
                packed_cache[key] = rearranged
            yield taps, rearranged


def forward(x, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """Convolve; parameters as for `choose.forward`, with arrays of one axis more.

    `algorithm` names that of the images.
    """
    if out.size == 0:
        return
    merged = _images(weight.shape[1:4], geometry)
    if merged is not None:
        axis, images = merged
        arrays = _joined(x, axis), _joined(weight, axis), bias, _joined(out, axis)
        choose.forward(*arrays, images, activation, algorithm, packed_cache)
        return
    planes = _Planes(x.shape, weight.shape, out.shape, geometry, x.itemsize)
    parts = list(planes.weights(weight, packed_cache))
    alone = len(parts) == 1
    no_bias = np.zeros_like(bias)
    for samples, results in planes.chunks():
        target = _joined(out[samples, results], 0)
        for taps, kernel in parts:
            images = planes.side_by_side(x[samples], taps, results)
            result = target if taps[0] == 0 else np.empty_like(target)
            choose.forward(
                images, kernel.array, bias if alone else no_bias, result, planes.images,
                activation if alone else 0, algorithm, kernel.packed_cache,
            )  # fmt: skip
            if taps[0] > 0:
                target += result
        if not alone and (activation or bias.any()):
            finish_pixels(target.reshape(-1, out.shape[4]), bias, activation)


def gradient_of_input(grad, weight, bias, out, geometry, activation=0, algorithm=None, packed_cache=None):
    """The transposed convolution of `grad`, plus `bias`; parameters as for `forward`."""
    if out.size == 0:
        return
    merged = _images(weight.shape[1:4], geometry)
    if merged is not None:
        axis, images = merged
        arrays = _joined(grad, axis), _joined(weight, axis), bias, _joined(out, axis)
        choose.gradient_of_input(*arrays, images, activation, algorithm, packed_cache)
        return
    planes = _Planes(out.shape, weight.shape, grad.shape, geometry, out.itemsize)
    parts = list(planes.weights(weight, packed_cache))
    out[:] = 0
    for samples, results in planes.chunks():
        slopes = _joined(grad[samples, results], 0)
        for taps, kernel in parts:
            channels = len(taps) * out.shape[4]
            images = np.empty((slopes.shape[0], *out.shape[2:4], channels), out.dtype)
            no_bias = np.zeros(channels, out.dtype)
            choose.gradient_of_input(
                slopes, kernel.array, no_bias, images, planes.images, 0, algorithm, kernel.packed_cache
            )
            planes.add_to(out[samples], images, taps, results)
    if activation or bias.any():
        finish_pixels(out.reshape(-1, out.shape[4]), bias, activation)


def gradient_of_weight(grad, x, out, geometry, algorithm=None):
    """The gradient of the weights, as `choose.gradient_of_weight`."""
    if out.size == 0:
        return
    merged = _images(out.shape[1:4], geometry)
    if merged is not None:
        axis, images = merged
        choose.gradient_of_weight(*(_joined(array, axis) for array in (grad, x, out)), images, algorithm)
        return
    out[:] = 0
    planes = _Planes(x.shape, out.shape, grad.shape, geometry, x.itemsize)
    for samples, results in planes.chunks():
        slopes = _joined(grad[samples, results], 0)
        for taps in planes.parts:
            images = planes.side_by_side(x[samples], taps, results)
            sums = np.empty((out.shape[0], *out.shape[2:4], len(taps) * out.shape[4]), out.dtype)
            choose.gradient_of_weight(slopes, images, sums, planes.images, algorithm)
            by_taps = sums.reshape(*sums.shape[:3], len(taps), -1).transpose(0, 3, 1, 2, 4)
            out[:, taps[0] : taps[-1] + 1] += by_taps
