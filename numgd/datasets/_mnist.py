"""MNIST and Fashion-MNIST from local IDX files."""

import numpy as np

from numgd.datasets.arguments import AnyPath, ImageDtype
from numgd.datasets.dataset import Dataset
from numgd.datasets.folder import find
from numgd.datasets.idx import read_idx
from numgd.datasets.images import as_images
from numgd.datasets.labels import checked_labels
from numgd.foundations.ranges import check_arguments

_DIGITS = tuple("0123456789")
_CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


@check_arguments
def mnist(folder: AnyPath, dtype: ImageDtype = np.float32) -> tuple[Dataset, Dataset]:
    """MNIST, handwritten digits, from four local files.

    Parameters
    ----------
    folder : str or path-like
        Contains ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
        ``t10k-labels-idx1-ubyte``; each may end with ``.gz``, and may have a dot before ``idx``.
    dtype : numpy.dtype, optional
        float32 or float64 for grey levels in [0, 1], uint8 for those in the files.

    Returns
    -------
    train, test : Dataset
        Images (N, 28, 28, 1) and labels (N,) from 0 to 9; N is 60000 and 10000 in the original files.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing; the message says which names were looked for.
    ValueError
        If a file is damaged, contains something else, or images and labels differ in number.

    Notes
    -----
    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document
    recognition, Proceedings of the IEEE 86 (1998).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numgd import datasets
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("train", "t10k"):  # one black image each
    ...     images = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(28 * 28)
    ...     _ = (folder / f"{name}-images-idx3-ubyte").write_bytes(images)
    ...     _ = (folder / f"{name}-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]))
    >>> train, test = datasets.mnist(folder)
    >>> train.X.shape, train.y
    ((1, 28, 28, 1), array([7]))
    """
    return _both(folder, dtype, _DIGITS)


@check_arguments
def fashion_mnist(folder: AnyPath, dtype: ImageDtype = np.float32) -> tuple[Dataset, Dataset]:
    """Fashion-MNIST, pictures of clothes, from four local files.

    Parameters
    ----------
    folder : str or path-like
        Contains files of the same names as those of `mnist`.
    dtype : numpy.dtype, optional
        float32 or float64 for grey levels in [0, 1], uint8 for those in the files.

    Returns
    -------
    train, test : Dataset
        Images (N, 28, 28, 1) and labels (N,) from 0 to 9; N is 60000 and 10000 in the original files.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing; the message says which names were looked for.
    ValueError
        If a file is damaged, contains something else, or images and labels differ in number.

    Notes
    -----
    Source: H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, arXiv:1708.07747 (2017).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numgd import datasets
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("train", "t10k"):  # one black image each
    ...     images = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(28 * 28)
    ...     _ = (folder / f"{name}-images-idx3-ubyte").write_bytes(images)
    ...     _ = (folder / f"{name}-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]))
    >>> train, test = datasets.fashion_mnist(folder)
    >>> train.target_names[train.y[0]]
    'Sneaker'
    """
    return _both(folder, dtype, _CLOTHES)


def _both(folder, dtype, names):
    """The training set and the test set; all files are found before one is read."""
    paths = [
        find(folder, *_alternatives(f"{part}-{content}"))
        for part in ("train", "t10k")
        for content in ("images-idx3", "labels-idx1")
    ]
    return _one(paths[0], paths[1], dtype, names), _one(paths[2], paths[3], dtype, names)


def _alternatives(name):
    """The usual names of a file."""
    for plain in (f"{name}-ubyte", f"{name.replace('-idx', '.idx')}-ubyte"):
        yield from (plain, f"{plain}.gz")


def _one(of_images, of_labels, dtype, names):
    """The data in a file of images and a file of labels."""
    images, labels = read_idx(of_images), read_idx(of_labels)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise ValueError(
            f"{of_images} must contain uint8 images of shape (N, 28, 28); "
            f"it contains {images.dtype} of shape {images.shape}"
        )
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise ValueError(
            f"{of_labels} must contain uint8 labels of shape (N,); "
            f"it contains {labels.dtype} of shape {labels.shape}"
        )
    if len(images) != len(labels):
        raise ValueError(f"{of_images} contains {len(images)} images, but {of_labels} {len(labels)} labels")
    y = checked_labels(of_labels, labels, len(names))
    return Dataset(as_images(images[..., None], dtype), y, (), names)
