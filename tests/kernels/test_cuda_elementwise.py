"""Elementwise operations, softmax, losses and small layers as machine code."""

import numpy as np
import pytest
from cuda_builds import accesses, built, check_build, dry

from numgd.kernels.cuda.layers import (
    concatenate,
    cross_entropy,
    distances,
    dropout,
    elementwise,
    map_criterion,
    places,
    shortcut,
    softmax,
    transpose,
)
from numgd.scalars import ACTIVATIONS, LOSSES

COUNT = 64 * 128  # more than one block adds up


def _vectors(dtype, number, count=COUNT):
    return [dry(np.zeros(count, dtype)) for _ in range(number)]


def _one(x):
    return elementwise.one(x), x.size + 1


def _map(kind, part):
    def drive(dtype):
        x, y, out = _vectors(dtype, 3)
        getattr(elementwise, part)(kind, x, y, *_one(x), 1.0, 1.0, out)

    return drive


def _total(kind):
    def drive(dtype):
        x, y = _vectors(dtype, 2)
        elementwise.total(kind, x, y, *_one(x), 1.0)

    return drive


def _totals_of_rows(dtype):
    x, y = _vectors(dtype, 2)
    elementwise.totals_of_rows("mse", x, y, 64, *_one(x), 1.0, 1.0, dry(np.zeros(COUNT // 64, dtype)))


def _softmax(name):
    def drive(dtype):
        x, grad, out = _vectors(dtype, 3)
        given = (grad, x) if name.endswith("backward") else (x,)
        getattr(softmax, name)(*given, 64, out)

    return drive


def _cross_entropy(labelled, backward):
    def drive(dtype):
        x, targets, out = _vectors(dtype, 3)
        if labelled:
            targets = dry(np.zeros(COUNT // 64, np.int64))
        if backward:
            cross_entropy.cross_entropy_backward(x, targets, 64, *_one(x), 1.0, 0.1, out)
        else:
            cross_entropy.cross_entropy(x, targets, 64, *_one(x), 0.1, out)

    return drive


def _dropout(dtype):
    x, out = _vectors(dtype, 2)
    dropout.dropout(x, np.uint64(1), np.uint64(2), np.uint64(3), dtype(2), out)


def _dropout_of_step(dtype):
    x, out = _vectors(dtype, 2)
    dropout.dropout_of_step(x, dry(np.zeros(1, np.uint64)), np.uint64(2), np.uint64(3), dtype(2), out)


def _map_criterion(part):
    def drive(dtype):
        z, labels = dry(np.zeros((1024, 10), dtype)), dry(np.zeros(1024, np.int64))
        if part == "value":
            map_criterion.value(z, labels, 1.0)
        else:
            map_criterion.gradient(z, labels, 1.0, 1.0, dry(z))

    return drive


def _distances(dtype):
    x, prototypes, out = (dry(np.zeros(shape, dtype)) for shape in ((64, 84), (10, 84), (64, 10)))
    distances.forward(x, prototypes, 1.0, out)
    distances.backward(out, x, prototypes, 1.0, dry(x))


def _concatenate(dtype):
    narrow, wide = dry(np.zeros((64, 8), dtype)), dry(np.zeros((64, 32), dtype))
    concatenate.put(narrow, wide, 4)
    concatenate.take(wide, 4, True, narrow)


def _shortcut(dtype):
    x, out = dry(np.zeros((2, 8, 8, 8), dtype)), dry(np.zeros((2, 4, 4, 16), dtype))
    shortcut.forward(x, 2, out)
    shortcut.backward(out, 2, x)


def _places(dtype):
    (out,), where = _vectors(dtype, 1), dry(np.zeros(64, np.int64))
    places.put(out[:64], where, out)
    places.take(out, where, out[:64])


def _transpose(dtype):
    x, out = _vectors(dtype, 2)
    transpose.transpose(x, 64, 128, out)


MAPS = {
    f"{part} {kind}": _map(kind, part)
    for part in ("values", "derivatives")
    for kind in (*ACTIVATIONS, *LOSSES)
} | {"values sum": _map("sum", "values"), "values sum-relu": _map("sum-relu", "values")}
SUMS = {f"total {kind}": _total(kind) for kind in (*LOSSES, *elementwise.INVALID)}
SOFTMAX = ("softmax", "softmax_backward", "log_softmax", "log_softmax_backward")
ROWS = {
    "totals of rows": _totals_of_rows,
    **{name: _softmax(name) for name in SOFTMAX},
    **{
        f"cross-entropy, {labelled=}, {backward=}": _cross_entropy(labelled, backward)
        for labelled in (True, False)
        for backward in (True, False)
    },
    "map criterion": _map_criterion("value"),
    "gradient of the map criterion": _map_criterion("gradient"),
}
COPIES = {"concatenate": _concatenate, "shortcut": _shortcut}
OTHERS = {
    "dropout": _dropout,
    "dropout of step": _dropout_of_step,
    "distances": _distances,
    "places": _places,
    "transpose": _transpose,
}
SAMPLE = {
    "values gelu",
    "derivatives cross-entropy",
    "derivatives mse",
    "total huber",
    "softmax_backward",
    "cross-entropy, labelled=True, backward=False",
    "dropout of step",
    "concatenate",
    "shortcut",
    "transpose",
    "distances",
}


def _cases():
    """All drivers: some are compiled by default, the rest are slow."""
    for name in MAPS | SUMS | ROWS | COPIES | OTHERS:
        for dtype in (np.float32, np.float64):
            for arch in (80, 90):
                default = name in SAMPLE and arch == 90 and dtype == np.float32
                marks = () if default else pytest.mark.slow
                yield pytest.param(name, dtype, arch, marks=marks, id=f"{name}-{dtype.__name__}-sm_{arch}")


@pytest.mark.parametrize("name, dtype, arch", _cases())
def test_machine_code(name, dtype, arch):
    drive = (MAPS | SUMS | ROWS | COPIES | OTHERS)[name]
    for made, found in built(lambda: drive(dtype), arch):
        check_build(made, found, dtype, in_float64=name in SUMS or name in ROWS)
        if name in MAPS or name in COPIES or name.startswith("dropout"):
            assert 16 in accesses(found.ptx)["ld"] & accesses(found.ptx)["st"], accesses(found.ptx)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_read_sixteen_bytes(dtype):
    first, last = built(lambda: _total("mse")(dtype))
    assert 16 in accesses(first[1].ptx)["ld"]
    assert last[0].arguments[-1].shape == (1,) and last[0].arguments[-1].dtype == np.float64
