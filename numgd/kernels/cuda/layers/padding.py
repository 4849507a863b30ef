"""Padding of images (N, H, W, C) on the device; see `numgd.kernels.cpu.layers.padding`."""

from functools import cache

import numpy as np

from numgd.first_order.apply import make_tuple
from numgd.jit.portable import portable
from numgd.kernels.cuda import memory, target
from numgd.kernels.cuda.layers.grids import divided, of_rows
from numgd.kernels.cuda.layers.pool import flat, lanes_for
from numgd.kernels.cuda.target import cuda, kernel, launch

_NONE = -1  # a place whose number is the value, not a pixel


def pad(x, sides, value, rows, columns, out):
    """out (N, H + top + bottom, W + left + right, C): the images with their padding."""
    images, height, width, channels = out.shape
    rows, columns = _sources(x, sides, rows, columns)
    if out.size and not x.size:
        memory.fill(out, value)
    elif out.size:
        lanes = lanes_for(channels, x, out)
        launch(
            _make_pad(lanes), of_rows(images * height, width * (channels // lanes.count)), flat(x),
            x.shape[1], x.shape[2], channels, images, target.constant(rows), target.constant(columns),
            x.dtype.type(value), flat(out),
        )  # fmt: skip


def pad_gradient(grad, sides, rows, columns, out):
    """out (N, H, W, C): for each pixel, the sum of the gradients of where it is in the result."""
    if not out.size:
        return
    images, height, width, channels = out.shape
    rows, columns = _sources(out, sides, rows, columns)
    lanes = lanes_for(channels, grad, out)
    launch(
        _make_pad_gradient(lanes), of_rows(images * height, width * (channels // lanes.count)), flat(grad),
        grad.shape[1], grad.shape[2], channels, images, *_places(rows, height), *_places(columns, width),
        flat(out),
    )  # fmt: skip


def _sources(image, sides, rows, columns):
    """The pixel of the image that each row and column of the result repeats, or `_NONE`."""
    if rows is not None:
        return rows, columns
    top, bottom, left, right = sides
    height, width = image.shape[1:3]
    return tuple(
        np.r_[np.full(before, _NONE), np.arange(length), np.full(after, _NONE)]
        for before, length, after in ((top, height, bottom), (left, width, right))
    )


def _places(sources, length):
    """The places of the result in the order of the pixels that they repeat, and where each pixel's begin."""
    order = np.argsort(sources, kind="stable")
    begins = np.searchsorted(sources[order], np.arange(length + 1))
    return target.constant(order), target.constant(begins)


@cache
def _make_pad(lanes):
    load, store, count = lanes.load, lanes.store, lanes.count
    all_of = make_tuple(count, _constant)

    @kernel
    def pad(x, height, width, channels, images, rows, columns, value, out):
        groups = channels // count
        first, first_row = cuda.grid(2)
        across, down = cuda.gridsize(2)
        row = first_row
        while row < images * rows.size:
            n, i = divided(row, rows.size)
            h = rows[i]
            element = first
            while element < columns.size * groups:
                j, group = divided(element, groups)
                c, w = group * count, columns[j]
                values = all_of(value, 0)
                if h >= 0 and w >= 0:
                    values = load(x, ((n * height + h) * width + w) * channels + c)
                store(out, (row * columns.size + j) * channels + c, values)
                element += across
            row += down

    return pad


@cache
def _make_pad_gradient(lanes):
    load, store, count = lanes.load, lanes.store, lanes.count
    all_of, add = make_tuple(count, _constant), make_tuple(count, _sum)

    @kernel
    def pad_gradient(
        grad, tall, wide, channels, images, rows, row_begins, columns, column_begins, out,
    ):  # fmt: skip
        height, width, groups = row_begins.size - 1, column_begins.size - 1, channels // count
        first, first_row = cuda.grid(2)
        across, down = cuda.gridsize(2)
        row = first_row
        while row < images * height:
            n, h = divided(row, height)
            element = first
            while element < width * groups:
                w, group = divided(element, groups)
                c = group * count
                total = all_of(grad.dtype.type(0), 0)
                for i in range(row_begins[h], row_begins[h + 1]):
                    start = (n * tall + rows[i]) * wide
                    for j in range(column_begins[w], column_begins[w + 1]):
                        total = add((total, load(grad, (start + columns[j]) * channels + c)), 0)
                store(out, (row * width + w) * channels + c, total)
                element += across
            row += down

    return pad_gradient


@portable
def _constant(number, k, _):
    return number


@portable
def _sum(given, k, _):
    total, values = given
    return total[k] + values[k]
