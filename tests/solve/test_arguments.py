"""Arrays in args of every byte order, alignment, layout and class, after and before plain ones."""

import numpy as np
import pytest
from conftest import distance, distance_gradient
from numba import njit
from scipy import optimize

import numgd
from numgd.jit.arguments import fingerprint, native, type_of

CENTRE = np.array([1.0, -2.0, 3.0])
ORIGIN = np.zeros(3)


def unaligned(array):
    """The same numbers, at an odd address."""
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    moved = memory.view(array.dtype).reshape(array.shape)
    moved[:] = array
    assert not moved.flags.aligned
    return moved


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


KINDS = {
    "native": CENTRE,
    "big-endian": CENTRE.astype(">f8"),
    "big-endian, read-only": read_only(CENTRE.astype(">f8")),
    "read-only": read_only(CENTRE),
    "big-endian float32": CENTRE.astype(">f4"),
    "big-endian integers": CENTRE.astype(">i4"),
    "big-endian, strided": np.repeat(CENTRE, 2).astype(">f8")[::2],
    "unaligned": unaligned(CENTRE),
    "unaligned, big-endian": unaligned(CENTRE.astype(">f8")),
}


def squares(x, c):
    return np.sum((x - c) ** 2)


def squares_in_reverse(x, c):
    return np.sum((c - x) ** 2)


@pytest.mark.parametrize(("fun", "names"), [(squares, list(KINDS)), (squares_in_reverse, list(KINDS)[1::-1])])
def test_minimize(fun, names):
    for name in names:
        result = numgd.minimize(fun, ORIGIN, KINDS[name])
        assert result.success, name
        np.testing.assert_allclose(result.x, CENTRE, atol=1e-5, err_msg=name)


def test_every_other_solver():
    def residuals(x, c):
        return x - c

    data = np.random.default_rng(0).normal(size=(60, 3))

    def mean(x, A, c):
        return np.mean((A @ (x - c)) ** 2)

    options = {"learning_rate": 0.05}
    for name in ("native", "big-endian"):
        centre = KINDS[name]
        rows = np.stack((centre, -centre)).astype(centre.dtype)
        found = (
            numgd.minimize(distance, ORIGIN, centre, jac=distance_gradient).x,
            numgd.minimize(distance, ORIGIN, centre, "SLSQP", distance_gradient).x,
            -numgd.minimize_many(distance, np.zeros((2, 3)), rows, jac=distance_gradient).x[1],
            numgd.minimize_multistart(distance, np.zeros((2, 3)), centre, jac=distance_gradient).x,
            numgd.least_squares(residuals, ORIGIN, args=centre).x,
            numgd.minimize_stochastic(
                mean, ORIGIN, data.astype(centre.dtype), centre, options=options, epochs=150
            ).x,
        )
        for x in found:
            np.testing.assert_allclose(x, CENTRE, atol=1e-4, err_msg=name)


def test_a_function_that_writes_into_its_args_writes_into_the_callers():
    def counted(x, c, calls):
        calls[0] += 1
        return np.sum((x - c) ** 2)

    for order in ("<", ">"):
        calls = np.zeros(1, order + "i8")
        result = numgd.minimize(counted, ORIGIN, (CENTRE, calls), jac=lambda x, c, calls: 2 * (x - c))
        np.testing.assert_allclose(result.x, CENTRE, atol=1e-5)
        assert calls[0] >= result.nfev, order


def test_masked_arrays_mean_what_they_mean_in_numpy():
    masked = np.ma.array(CENTRE, mask=[False, True, False])
    expected = optimize.minimize(squares, ORIGIN, masked).x  # the second stays where it is
    for centre in (CENTRE, masked):
        x = numgd.minimize(squares, ORIGIN, centre).x
    np.testing.assert_allclose(x, expected, atol=1e-5)
    assert x[1] == 0.0


@pytest.mark.parametrize("order", ["<", ">"])
def test_points_bounds_and_data_of_every_byte_order(order):
    for size in (4, 8):
        x0 = np.zeros(3, f"{order}f{size}")
        result = numgd.minimize(distance, x0, CENTRE, jac=distance_gradient)
        many = numgd.minimize_many(distance, x0[None], CENTRE[None], jac=distance_gradient)
        assert result.x.dtype == many.x.dtype == np.dtype(f"f{size}")
        np.testing.assert_allclose(result.x, CENTRE, atol=1e-3)
        np.testing.assert_allclose(many.x[0], CENTRE, atol=1e-3)
    box = np.array([[0, 0.5], [-1, 0], [0, 9]], f"{order}f8")
    result = numgd.minimize(distance, ORIGIN, CENTRE, jac=distance_gradient, bounds=box)
    np.testing.assert_allclose(result.x, [0.5, -1.0, 3.0], atol=1e-5)
    t = np.linspace(0, 3, 20)
    data = [values.astype(f"{order}f8") for values in (t, 2.5 * t - 1.0, 1.0 + t)]
    for change in (np.asarray, unaligned):
        popt, _ = numgd.curve_fit(_line, *map(change, data[:2]), np.ones(2, f"{order}f8"), change(data[2]))
        np.testing.assert_allclose(popt, [2.5, -1.0], atol=1e-6)


@njit
def _line(t, a, b):
    return a * t + b


def test_values_of_different_types_have_different_keys():
    packed = np.zeros(3, [("k", "i1"), ("v", "f8")])
    values = [
        *KINDS.values(), np.float32(1), 1.0, 1, np.int32(1), np.uint64(1), True, 1j, None, "a", b"a", packed,
        packed[0], packed["v"], packed.astype([("k", "i1"), ("v", ">f8")]), np.array(1.0), np.zeros((2, 3)),
        np.zeros((2, 3)).T, np.zeros((4, 6))[::2, ::2], np.zeros(2, "M8[s]"), np.zeros(2, "M8[m]"),
        np.datetime64(1, "s"), np.datetime64(1, "m"), (1, 2.0), ((1,), 2.0), np.zeros(2, ">c16"),
        np.zeros(2, complex), np.zeros(2, "U3"), np.zeros(2, "S3"),
        np.zeros((1,) * 6), np.zeros((1,) * 6, ">f8"),
    ]  # fmt: skip
    keys = {}
    for value in values:
        value = native((value,))
        keys.setdefault(fingerprint(value), set()).add(type_of(value))
    assert len(keys) > 30 and all(len(types) == 1 for types in keys.values())
    for value in (2**63, np.ma.zeros(3), [1.0], np.bytes_("a"), KINDS["big-endian"]):
        with pytest.raises(ValueError, match="compiled code does not take"):
            fingerprint((1, (value,)))
