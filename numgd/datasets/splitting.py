"""Parts of a data set for training and for testing, chosen by scikit-learn."""

from collections.abc import Iterator

import numpy as np

from numgd.datasets.arguments import Folds, SplitSeed
from numgd.datasets.dataset import Dataset
from numgd.datasets.needed import scikit_learn
from numgd.foundations.ranges import Flag, OpenFraction, check_arguments


@check_arguments
def split(
    data: Dataset, test_fraction: OpenFraction = 0.25, *, seed: SplitSeed = 0, stratified: Flag = True
) -> tuple[Dataset, Dataset]:
    """Divide a data set at random into one for training and one for testing.

    Parameters
    ----------
    data : Dataset
    test_fraction : float
        Part of the rows, between 0 and 1, that is for testing; their number is rounded up.
    seed : int
        From 0 to 2³² - 1.
    stratified : bool, optional
        Whether all classes have the same part in both.  Where y is not labels this makes no difference.

    Returns
    -------
    train, test : Dataset
        Copies of the rows that ``sklearn.model_selection.train_test_split`` chooses with this seed.

    Raises
    ------
    TypeError
        If `data` is not a Dataset.
    ValueError
        If an argument is out of range, or there are too few rows for both parts to have some of each class.
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> from numgd import datasets
    >>> datasets.split(datasets.spirals(100), 0.2, seed=1)
    (Dataset: X float64 (80, 2), y int64 (80,), classes: arm 0, arm 1,
     Dataset: X float64 (20, 2), y int64 (20,), classes: arm 0, arm 1)
    """
    _check(data)
    train, test = scikit_learn("model_selection", "split").train_test_split(
        np.arange(len(data.y)),
        test_size=test_fraction,
        random_state=seed,
        stratify=data.y if stratified and _has_classes(data) else None,
    )
    return data.take(train), data.take(test)


@check_arguments
def folds(
    data: Dataset, k: Folds = 5, *, seed: SplitSeed = 0, stratified: Flag = True
) -> Iterator[tuple[Dataset, Dataset]]:
    """Divide a data set at random into k parts, each of which is for testing once.

    Parameters
    ----------
    data : Dataset
    k : int
        At least 2.
    seed : int
        From 0 to 2³² - 1.
    stratified : bool, optional
        Whether all classes have the same part everywhere.  Where y is not labels this makes no difference.

    Returns
    -------
    iterator of k pairs (train, test) of Dataset
        Copies of the rows that ``StratifiedKFold`` or ``KFold`` in ``sklearn.model_selection`` chooses with
        this seed, made one pair at a time.

    Raises
    ------
    TypeError
        If `data` is not a Dataset.
    ValueError
        If an argument is out of range, or k is larger than the number of rows, or of rows in a class.
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> from numgd import datasets
    >>> for train, test in datasets.folds(datasets.spirals(90), 3):
    ...     print(len(train.y), len(test.y), test.y.mean())
    60 30 0.5
    60 30 0.5
    60 30 0.5
    """
    _check(data)
    by_class = stratified and _has_classes(data)
    sizes = np.unique(data.y, return_counts=True)[1] if by_class else len(data.y)
    least = np.min(sizes, initial=len(data.y))
    if k > least:
        rows = "the rows in the smallest class" if by_class else "the rows"
        raise ValueError(f"k must be at most the number of {rows}, {least}; it is {k}")
    selection = scikit_learn("model_selection", "folds")
    divide = (selection.StratifiedKFold if by_class else selection.KFold)(k, shuffle=True, random_state=seed)
    chosen = list(divide.split(data.y, data.y))
    return ((data.take(train), data.take(test)) for train, test in chosen)


def _check(data):
    """Raise unless the argument `data` is a data set with as many inputs as outputs."""
    if not isinstance(data, Dataset):
        raise TypeError(f"data must be a Dataset; it is {type(data).__name__}")
    if len(data.X) != len(data.y):
        raise ValueError(f"data has {len(data.X)} rows in X, but {len(data.y)} in y")


def _has_classes(data):
    """Whether y is labels."""
    return data.y.dtype.kind in "iu" and data.y.ndim == 1
