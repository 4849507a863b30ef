"""Synthetic sets: their geometry, their statistics, and that their bits are the same everywhere."""

import hashlib

import numpy as np
import pytest
from scipy import stats

from numgd import datasets
from numgd.datasets.same_bits import noise, unit_circle

# Angles and noise ------------------------------------------------------------------------------------------


def test_unit_circle():
    rng = np.random.default_rng(1)
    turns = np.concatenate([rng.uniform(-3, 3, 20000), np.arange(-24, 25) / 8, [0.125 - 1e-17, 1e-300]])
    cosine, sine = unit_circle(turns)
    angle = 2 * np.pi * (turns - np.rint(turns))  # the angle is rounded: half an ulp of π
    assert np.abs(cosine - np.cos(angle)).max() < 6e-16
    assert np.abs(sine - np.sin(angle)).max() < 6e-16
    quarters = unit_circle(np.arange(-4, 5) / 4)
    np.testing.assert_array_equal(quarters[0], [1, 0, -1, 0, 1, 0, -1, 0, 1])
    np.testing.assert_array_equal(quarters[1], [0, 1, 0, -1, 0, 1, 0, -1, 0])


def test_noise_is_nearly_normal():
    drawn = noise(np.random.default_rng(2), (100, 200))
    assert drawn.shape == (100, 200) and np.abs(drawn).max() < 6
    assert abs(drawn.mean()) < 4 / np.sqrt(drawn.size)
    assert abs(drawn.var() - 1) < 4 * np.sqrt(2 / drawn.size)
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]) < 4 / np.sqrt(drawn.size)


# Spirals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arms, turns", [(1, 0.0), (2, 1.0), (3, -0.75), (5, 2.5)])
def test_points_lie_on_their_arms(arms, turns):
    data = datasets.spirals(2000, arms, turns=turns, noise=0, seed=3)
    np.testing.assert_array_equal(data.y, np.arange(2000) % arms)
    assert data.X.dtype == np.float64 and data.y.dtype == np.int64 and len(data.target_names) == arms
    radius = np.hypot(*data.X.T)
    excess = np.arctan2(data.X[:, 1], data.X[:, 0]) / (2 * np.pi) - turns * radius - data.y / arms
    assert np.abs((excess - np.rint(excess)) * radius).max() < 1e-14
    assert stats.kstest(radius**2, "uniform").pvalue > 1e-3


def test_noise_of_spirals():
    still, moved = (datasets.spirals(5000, noise=noise, seed=4) for noise in (0, 0.3))
    moves = (moved.X - still.X).ravel()
    np.testing.assert_array_equal(moved.y, still.y)
    assert stats.kstest(moves / 0.3, "norm").pvalue > 1e-3


def test_spirals_need_more_than_a_straight_line():
    linear_model = pytest.importorskip("sklearn.linear_model")
    neighbors = pytest.importorskip("sklearn.neighbors")
    train, test = datasets.split(datasets.spirals(2000, seed=5))
    line = linear_model.LogisticRegression().fit(train.X, train.y)
    near = neighbors.KNeighborsClassifier(5).fit(train.X, train.y)
    assert line.score(test.X, test.y) < 0.75 and near.score(test.X, test.y) > 0.95


# Shapes ----------------------------------------------------------------------------------------------------

CROSS = 5 / 9  # of the square around it: two bars, each a third of the width
PARTS = {"circle": np.pi / 4, "square": 1, "triangle": 1 / 2, "cross": CROSS, "ring": np.pi / 4 * 0.64}


def test_areas_of_shapes():
    """The covered part of the smallest box around a shape, which is as wide as it is high."""
    data = datasets.shapes(100, 256, noise=0, seed=6, dtype=np.float64)
    assert data.target_names == tuple(PARTS)
    for image, label in zip(data.X[..., 0], data.y, strict=True):
        rows, columns = (np.flatnonzero(image.max(axis=axis) > image.max() / 2) for axis in (1, 0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert abs(height - width) <= 3
        wanted = PARTS[data.target_names[label]]
        assert image.sum() / image.max() / width**2 == pytest.approx(wanted, rel=0.04)


def test_places_sizes_and_brightness_are_uniform():
    data = datasets.shapes(1000, 64, noise=0, seed=7, dtype=np.float64)
    images = data.X[data.target_names.index("square") :: 5, :, :, 0]
    brightness = images.max(axis=(1, 2))
    half = np.sqrt(images.sum(axis=(1, 2)) / brightness) / 2 / 64
    pixels = np.arange(64) + 0.5
    assert stats.kstest(brightness, stats.uniform(0.5, 0.5).cdf).pvalue > 1e-3
    assert stats.kstest(half, stats.uniform(0.2, 0.2).cdf).pvalue > 1e-3
    for axis in (1, 2):
        centre = images.sum(axis=axis) @ pixels / images.sum(axis=(1, 2)) / 64
        assert stats.kstest((centre - half) / (1 - 2 * half), "uniform").pvalue > 1e-3


def test_noise_of_shapes():
    clean, noisy = (datasets.shapes(1, 512, noise=level, seed=6).X for level in (0, 0.1))
    inside = clean == clean.max()
    assert 0.5 < clean.max() < 0.7  # so that noise is hardly ever clipped there
    assert stats.kstest((noisy - clean)[inside][:2000] / 0.1, "norm").pvalue > 1e-3
    assert np.mean(noisy[clean == 0] == 0) == pytest.approx(0.5, abs=0.02)  # half of it is clipped
    assert noisy.min() == 0 and noisy.max() <= 1


def test_shapes_can_be_learned():
    ensemble = pytest.importorskip("sklearn.ensemble")
    train, test = datasets.split(datasets.shapes(1500, 16, noise=0.05, seed=9), seed=1)
    forest = ensemble.ExtraTreesClassifier(100, random_state=0)
    forest.fit(train.X.reshape(len(train.y), -1), train.y)
    assert forest.score(test.X.reshape(len(test.y), -1), test.y) > 0.7


def test_dtypes_and_first_images_of_shapes():
    levels = datasets.shapes(12, 20, seed=10, dtype=np.uint8)
    assert levels.X.shape == (12, 20, 20, 1) and levels.y.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    for dtype in (np.float32, np.float64):
        data = datasets.shapes(12, 20, seed=10, dtype=dtype)
        assert data.X.dtype == dtype and data.y.dtype == np.int64
        np.testing.assert_array_equal(data.X, (levels.X / 255).astype(dtype))
    np.testing.assert_array_equal(datasets.shapes(5, 20, seed=10, dtype=np.uint8).X, levels.X[:5])


# The ravine ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, condition", [(2, 1), (2, 100), (3, 1e12), (30, 1e4), (200, 1e8)])
def test_eigenvalues_of_a_ravine(n, condition):
    problem = datasets.ravine(n, condition, seed=11)
    assert problem.A.shape == (n, n) and problem.minimiser.shape == (n,)
    np.testing.assert_array_equal(problem.A, problem.A.T)
    wanted = np.geomspace(1 / condition, 1, n)
    np.testing.assert_allclose(np.linalg.eigvalsh(problem.A), wanted, rtol=1e-13, atol=2e-15)
    assert np.linalg.cond(problem.A) == pytest.approx(condition, rel=1e-14 + 1e-15 * condition)


def test_minimiser_of_a_ravine():
    optimize = pytest.importorskip("scipy.optimize")
    A, minimiser = datasets.ravine(6, 1e3, seed=12)
    assert np.unique(minimiser).size == 6

    def value(x):
        return 0.5 * (x - minimiser) @ A @ (x - minimiser), A @ (x - minimiser)

    assert value(minimiser)[0] == 0 and not value(minimiser)[1].any()
    found = optimize.minimize(value, np.zeros(6), jac=True, method="BFGS", options={"gtol": 1e-10})
    np.testing.assert_allclose(found.x, minimiser, atol=1e-6)


def test_axes_of_a_ravine_are_not_those_of_the_variables():
    for n in (2, 5, 50):
        A, _ = datasets.ravine(n, 1e4, seed=13)
        assert np.abs(np.linalg.eigh(A)[1]).max() < np.sqrt(2 / n) + 1e-10
        scaled = A / np.sqrt(np.outer(np.diag(A), np.diag(A)))
        assert np.linalg.cond(scaled) > 1e3


# The same bits ---------------------------------------------------------------------------------------------

DIGESTS = {
    "spirals": (lambda seed: datasets.spirals(500, 3, turns=1.3, seed=seed)[:2], "77091cdcdd469fe0"),
    "shapes": (lambda seed: datasets.shapes(20, 24, seed=seed)[:2], "a5181eccb92d99cc"),
    "ravine": (lambda seed: datasets.ravine(20, 1e5, seed=seed), "4ecbe5876cdd6491"),
}


def digest(arrays):
    text = b"".join(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays)
    return hashlib.sha256(text).hexdigest()[:16]


@pytest.mark.parametrize("name", DIGESTS)
def test_the_same_seed_gives_the_same_bits(name):
    make, wanted = DIGESTS[name]
    assert digest(make(1)) == digest(make(1)) == wanted
    assert len({digest(make(seed)) for seed in (0, 1, 2**64 - 1)}) == 3


# Wrong arguments -------------------------------------------------------------------------------------------

WRONG = [
    ("spirals", {"n": 0}, ValueError, "n must be"),
    ("spirals", {"n": 2.5}, TypeError, "n must be an integer"),
    ("spirals", {"arms": 0}, ValueError, "arms"),
    ("spirals", {"arms": 10**9}, ValueError, "arms"),
    ("spirals", {"turns": np.inf}, ValueError, "turns"),
    ("spirals", {"noise": -0.1}, ValueError, "noise"),
    ("spirals", {"noise": np.nan}, ValueError, "noise"),
    ("spirals", {"seed": -1}, ValueError, "seed"),
    ("spirals", {"seed": None}, TypeError, "seed"),
    ("spirals", {"dtype": np.uint8}, ValueError, "dtype must be float32 or float64"),
    ("spirals", {"dtype": "nonsense"}, TypeError, "dtype"),
    ("shapes", {"n": True}, TypeError, "n must be"),
    ("shapes", {"size": 11}, ValueError, "size"),
    ("shapes", {"size": 1025}, ValueError, "size"),
    ("shapes", {"noise": "much"}, TypeError, "noise"),
    ("shapes", {"seed": 2**64}, ValueError, "seed"),
    ("shapes", {"dtype": np.int32}, ValueError, "dtype must be uint8, float32 or float64"),
    ("ravine", {"n": 1}, ValueError, "n must be"),
    ("ravine", {"condition": 0.5}, ValueError, "condition"),
    ("ravine", {"condition": 1e13}, ValueError, "condition"),
    ("ravine", {"condition": np.nan}, ValueError, "condition"),
    ("ravine", {"seed": 0.5}, TypeError, "seed"),
]


@pytest.mark.parametrize("name, arguments, error, said", WRONG)
def test_wrong_arguments_are_named(name, arguments, error, said):
    with pytest.raises(error, match=said):
        getattr(datasets, name)(**arguments)


# Their type ------------------------------------------------------------------------------------------------


def test_printed_form_and_rows():
    data = datasets.spirals(30, 12, dtype=np.float32)
    assert repr(data).startswith("Dataset: X float32 (30, 2), y int64 (30,), classes: arm 0,")
    assert repr(data).endswith("arm 9, …")
    part = data.take([3, 3, 0])
    np.testing.assert_array_equal(part.X, data.X[[3, 3, 0]])
    assert part.y.tolist() == [3, 3, 0] and part.target_names == data.target_names
    assert data.take(data.y == 4).y.tolist() == [4, 4, 4]
    assert not np.shares_memory(part.X, data.X)
    X, y, *_ = data
    assert X is data.X and y is data.y
