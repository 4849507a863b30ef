"""The sets that scikit-learn carries, and its ways of dividing data, compared with scikit-learn itself."""

import subprocess
import sys

import numpy as np
import pytest

from numgd import datasets

TABLES = ["iris", "wine", "breast_cancer", "diabetes", "linnerud"]


@pytest.fixture
def sklearn():
    pytest.importorskip("sklearn.datasets")
    return pytest.importorskip("sklearn")


@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
@pytest.mark.parametrize("name", TABLES)
def test_tables(name, dtype, sklearn):
    wanted = getattr(sklearn.datasets, f"load_{name}")()
    data = getattr(datasets, name)(*([] if dtype is None else [dtype]))
    dtype = np.dtype(dtype or np.float64)
    assert data.X.dtype == dtype and data.X.flags.c_contiguous
    np.testing.assert_array_equal(data.X, wanted.data.astype(dtype))
    is_labels = name not in ("diabetes", "linnerud")
    assert data.y.dtype == (np.int64 if is_labels else dtype)
    np.testing.assert_array_equal(data.y, wanted.target.astype(data.y.dtype))
    assert data.feature_names == tuple(wanted.feature_names)
    assert data.target_names == tuple(wanted.get("target_names", ()))
    assert all(type(text) is str for text in (*data.feature_names, *data.target_names))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_digits(dtype, sklearn):
    wanted = sklearn.datasets.load_digits()
    data = datasets.digits(dtype)
    assert data.X.dtype == dtype and data.X.shape == (1797, 8, 8, 1)
    np.testing.assert_array_equal(data.X[..., 0] * (1 if dtype == np.uint8 else 16), wanted.images)
    np.testing.assert_array_equal(data.y, wanted.target)
    assert data.y.dtype == np.int64 and data.target_names == tuple("0123456789")
    assert datasets.digits().X.dtype == np.float32


def test_each_call_gives_its_own_arrays(sklearn):
    first = datasets.iris()
    first.X[:] = -1
    first.y[:] = 7
    again = datasets.iris()
    assert again.X.min() > 0 and again.y.max() == 2


def numbered(y):
    """A data set whose inputs are the numbers of the rows."""
    return datasets.Dataset(np.arange(len(y)), y)


LABELS = np.random.default_rng(1).choice(3, 103, p=[0.6, 0.3, 0.1])


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_split(stratified, seed, fraction, sklearn):
    selection = pytest.importorskip("sklearn.model_selection")
    wanted = selection.train_test_split(
        np.arange(103), test_size=fraction, random_state=seed, stratify=LABELS if stratified else None
    )
    found = datasets.split(numbered(LABELS), fraction, seed=seed, stratified=stratified)
    for part, rows in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(part.X, rows)
        np.testing.assert_array_equal(part.y, LABELS[rows])
    if stratified:
        for part in found:
            shares = np.bincount(part.y) / len(part.y) - np.bincount(LABELS) / len(LABELS)
            assert np.abs(shares).max() < 1.5 / len(part.y)


@pytest.mark.parametrize("k, seed", [(2, 0), (5, 3), (7, 2**32 - 1)])
@pytest.mark.parametrize("kind", ["StratifiedKFold", "KFold", "numbers"])
def test_folds(kind, k, seed, sklearn):
    selection = pytest.importorskip("sklearn.model_selection")
    y = LABELS + 0.5 if kind == "numbers" else LABELS
    divide = getattr(selection, "KFold" if kind == "numbers" else kind)(k, shuffle=True, random_state=seed)
    found = list(datasets.folds(numbered(y), k, seed=seed, stratified=kind != "KFold"))
    for (train, test), (train_rows, test_rows) in zip(found, divide.split(y, y), strict=True):
        np.testing.assert_array_equal(train.X, train_rows)
        np.testing.assert_array_equal(test.X, test_rows)
        np.testing.assert_array_equal(test.y, y[test_rows])
    assert sorted(np.concatenate([test.X for _, test in found])) == list(range(103))


def test_parts_are_copies_with_names(sklearn):
    data = datasets.wine()
    train, test = datasets.split(data)
    assert len(train.y) + len(test.y) == 178 and train.X.base is not data.X
    assert train.feature_names == data.feature_names and test.target_names == data.target_names
    assert not np.shares_memory(train.X, data.X)


def test_wrong_arguments(sklearn):
    data = numbered(LABELS)
    for divide in (datasets.split, datasets.folds):
        with pytest.raises(TypeError, match="data must be a Dataset"):
            divide((data.X, data.y))
        with pytest.raises(ValueError, match="103 rows in X, but 102 in y"):
            divide(data._replace(y=data.y[1:]))
        with pytest.raises(ValueError, match="seed must be at most 4294967295"):
            divide(data, seed=2**32)
        with pytest.raises(TypeError, match="stratified must be True or False"):
            divide(data, stratified=1)
    for fraction in (0, 1, -0.5, np.nan):
        with pytest.raises(ValueError, match="test_fraction must lie in"):
            datasets.split(data, fraction)
    with pytest.raises(TypeError, match="test_fraction"):
        datasets.split(data, "half")
    with pytest.raises(ValueError, match="k must be"):
        datasets.folds(data, 1)
    smallest = np.bincount(LABELS).min()
    with pytest.raises(ValueError, match=f"smallest class, {smallest}; it is {smallest + 1}"):
        datasets.folds(data, smallest + 1)
    with pytest.raises(ValueError, match="the rows, 103; it is 104"):
        datasets.folds(data, 104, stratified=False)


def test_without_scikit_learn(monkeypatch):
    for name in ("sklearn", "sklearn.datasets", "sklearn.model_selection"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in (*TABLES, "digits"):
        with pytest.raises(ImportError, match=rf"datasets\.{name} needs .*: pip install scikit-learn"):
            getattr(datasets, name)()
    for divide in (datasets.split, datasets.folds):
        with pytest.raises(ImportError, match="pip install scikit-learn"):
            divide(datasets.spirals(10))


def test_the_package_is_imported_on_first_use_and_without_scikit_learn():
    code = (
        "import sys, numgd\n"
        "assert 'numgd.datasets' not in sys.modules\n"
        "assert numgd.datasets.spirals(3).y.size == 3\n"
        "assert 'sklearn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
