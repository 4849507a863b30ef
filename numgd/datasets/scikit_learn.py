"""The data sets that scikit-learn carries in its package."""

import numpy as np

from numgd.datasets.arguments import ImageDtype, RealDtype
from numgd.datasets.dataset import Dataset
from numgd.datasets.images import as_images
from numgd.datasets.needed import scikit_learn
from numgd.foundations.ranges import check_arguments


@check_arguments
def digits(dtype: ImageDtype = np.float32) -> Dataset:
    """1797 handwritten digits of 8 × 8 pixels.

    Parameters
    ----------
    dtype : numpy.dtype, optional
        float32 or float64 for grey levels in [0, 1], uint8 for the original ones from 0 to 16.

    Returns
    -------
    Dataset
        Images (1797, 8, 8, 1) and labels (1797,) from 0 to 9.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Notes
    -----
    Source: E. Alpaydin and C. Kaynak, Optical recognition of handwritten digits, UCI (1998), the test set.

    Examples
    --------
    >>> from numgd import datasets
    >>> datasets.digits()
    Dataset: X float32 (1797, 8, 8, 1), y int64 (1797,), classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
    """
    found = scikit_learn("datasets", "digits").load_digits()
    levels = found.images.astype(np.uint8)[..., None]
    return Dataset(as_images(levels, dtype, white=16), _labels(found), (), _names(found.target_names))


@check_arguments
def iris(dtype: RealDtype = np.float64) -> Dataset:
    """150 irises of three species: lengths and widths of sepals and petals.

    Parameters
    ----------
    dtype : numpy.dtype, optional
        float32 or float64.

    Returns
    -------
    Dataset
        Features (150, 4) and labels (150,) from 0 to 2.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Notes
    -----
    Source: R. A. Fisher, The use of multiple measurements in taxonomic problems, Annals of Eugenics 7 (1936).

    Examples
    --------
    >>> from numgd import datasets
    >>> datasets.iris()
    Dataset: X float64 (150, 4), y int64 (150,), classes: setosa, versicolor, virginica
    """
    return _table("iris", dtype)


@check_arguments
def wine(dtype: RealDtype = np.float64) -> Dataset:
    """178 wines of three cultivars: 13 results of a chemical analysis.

    Parameters
    ----------
    dtype : numpy.dtype, optional
        float32 or float64.

    Returns
    -------
    Dataset
        Features (178, 13) and labels (178,) from 0 to 2.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Notes
    -----
    Source: S. Aeberhard and M. Forina, Wine, UCI (1991).

    Examples
    --------
    >>> from numgd import datasets
    >>> datasets.wine()
    Dataset: X float64 (178, 13), y int64 (178,), classes: class_0, class_1, class_2
    """
    return _table("wine", dtype)


@check_arguments
def breast_cancer(dtype: RealDtype = np.float64) -> Dataset:
    """569 tumours, malignant or benign: 30 measures of cell nuclei.

    Parameters
    ----------
    dtype : numpy.dtype, optional
        float32 or float64.

    Returns
    -------
    Dataset
        Features (569, 30) and labels (569,), 0 for malignant and 1 for benign.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Notes
    -----
    Source: W. Wolberg, O. Mangasarian, N. Street and W. Street, Breast cancer Wisconsin (diagnostic), UCI
    (1993).

    Examples
    --------
    >>> from numgd import datasets
    >>> datasets.breast_cancer()
    Dataset: X float64 (569, 30), y int64 (569,), classes: malignant, benign
    """
    return _table("breast_cancer", dtype)


@check_arguments
def diabetes(dtype: RealDtype = np.float64) -> Dataset:
    """442 patients: ten measures, and the progression of the disease a year later.

    Parameters
    ----------
    dtype : numpy.dtype, optional
        float32 or float64.

    Returns
    -------
    Dataset
        Features (442, 10), each with mean 0 and sum of squares 1, and numbers (442,) from 25 to 346.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Notes
    -----
    Source: B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least angle regression, Annals of Statistics
    32 (2004).

    Examples
    --------
    >>> from numgd import datasets
    >>> datasets.diabetes()
    Dataset: X float64 (442, 10), y float64 (442,)
    """
    return _table("diabetes", dtype)


@check_arguments
def linnerud(dtype: RealDtype = np.float64) -> Dataset:
    """20 men in a fitness club: three exercises, and weight, waist and pulse.

    Parameters
    ----------
    dtype : numpy.dtype, optional
        float32 or float64.

    Returns
    -------
    Dataset
        Features (20, 3) and numbers (20, 3).

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Notes
    -----
    Source: M. Tenenhaus, La régression PLS, Technip (1998).

    Examples
    --------
    >>> from numgd import datasets
    >>> datasets.linnerud()
    Dataset: X float64 (20, 3), y float64 (20, 3), outputs: Weight, Waist, Pulse
    """
    return _table("linnerud", dtype)


def _table(name, dtype):
    """A table of scikit-learn by its name."""
    found = getattr(scikit_learn("datasets", name), f"load_{name}")()
    y = _labels(found) if found.target.dtype.kind == "i" else found.target.astype(dtype)
    names = _names(found.feature_names), _names(found.get("target_names", ()))
    return Dataset(found.data.astype(dtype), y, *names)


def _labels(found):
    return found.target.astype(np.int64)


def _names(given):
    return tuple(map(str, given))
