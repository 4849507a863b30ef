"""CIFAR-10 and CIFAR-100 from local files of the binary version."""

import os

import numpy as np

from numgd.datasets.arguments import AnyPath, ImageDtype
from numgd.datasets.dataset import Dataset
from numgd.datasets.folder import find
from numgd.datasets.images import as_images
from numgd.datasets.labels import checked_labels
from numgd.foundations.ranges import check_arguments, one_of

_PLANES = 3, 32, 32


def _words(text):
    return tuple(text.split())


_CIFAR10 = _words("airplane automobile bird cat deer dog frog horse ship truck")
_COARSE = _words(
    """aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices
    household_furniture insects large_carnivores large_man-made_outdoor_things
    large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals non-insect_invertebrates
    people reptiles small_mammals trees vehicles_1 vehicles_2"""
)
_FINE = _words(
    """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
    camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
    dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
    leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
    otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road
    rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower
    sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
    willow_tree wolf woman worm"""
)


@check_arguments
def cifar10(folder: AnyPath, dtype: ImageDtype = np.float32) -> tuple[Dataset, Dataset]:
    """CIFAR-10, small colour images of ten classes, from local files of the binary version.

    Parameters
    ----------
    folder : str or path-like
        Contains ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin``.
    dtype : numpy.dtype, optional
        float32 or float64 for colours in [0, 1], uint8 for those in the files.

    Returns
    -------
    train, test : Dataset
        Images (N, 32, 32, 3) and labels (N,) from 0 to 9; N is 50000 and 10000 in the original files.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing; the message says which.
    ValueError
        If a file does not consist of whole records, or a label is out of range.

    Notes
    -----
    Source: A. Krizhevsky, Learning multiple layers of features from tiny images (2009).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numgd import datasets
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
    ...     _ = (folder / f"{name}.bin").write_bytes(bytes([6]) + bytes(3072))  # one black image
    >>> train, test = datasets.cifar10(folder)
    >>> train.X.shape, train.target_names[test.y[0]]
    ((5, 32, 32, 3), 'frog')
    """
    train = [find(folder, f"data_batch_{i}.bin") for i in range(1, 6)]
    test = [find(folder, "test_batch.bin")]
    return _read(train, dtype, (_CIFAR10,), 0), _read(test, dtype, (_CIFAR10,), 0)


@check_arguments
def cifar100(
    folder: AnyPath, dtype: ImageDtype = np.float32, labels: one_of("fine", "coarse") = "fine"
) -> tuple[Dataset, Dataset]:
    """CIFAR-100, small colour images of a hundred classes, from local files of the binary version.

    Parameters
    ----------
    folder : str or path-like
        Contains ``train.bin`` and ``test.bin``.
    dtype : numpy.dtype, optional
        float32 or float64 for colours in [0, 1], uint8 for those in the files.
    labels : {'fine', 'coarse'}, optional
        The 100 classes, or the 20 groups of five classes.

    Returns
    -------
    train, test : Dataset
        Images (N, 32, 32, 3) and labels (N,); N is 50000 and 10000 in the original files.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing; the message says which.
    ValueError
        If a file does not consist of whole records, or a label of either kind is out of range.

    Notes
    -----
    Source: A. Krizhevsky, Learning multiple layers of features from tiny images (2009).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from numgd import datasets
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("train", "test"):  # one black image each
    ...     _ = (folder / f"{name}.bin").write_bytes(bytes([1, 73]) + bytes(3072))
    >>> [datasets.cifar100(folder, labels=kind)[0].y for kind in ("fine", "coarse")]
    [array([73]), array([1])]
    """
    train, test = [find(folder, "train.bin")], [find(folder, "test.bin")]
    kinds, column = (_COARSE, _FINE), ("coarse", "fine").index(labels)  # in the order of a record
    return _read(train, dtype, kinds, column), _read(test, dtype, kinds, column)


def _read(paths, dtype, kinds, column):
    """The images in some files, with one of the kinds of labels that begin each record."""
    found = [_records(path, kinds) for path in paths]
    images = np.concatenate([records[:, len(kinds) :] for records, _ in found])
    images = images.reshape(-1, *_PLANES).transpose(0, 2, 3, 1)
    y = np.concatenate([labels[column] for _, labels in found])
    return Dataset(as_images(images, dtype), y, (), kinds[column])


def _records(path, kinds):
    """The records of a file, one per row, and their labels of each kind."""
    width = len(kinds) + 32 * 32 * 3
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0 or size % width:
            raise ValueError(f"{path} must consist of records of {width} bytes; it has {size} bytes")
        records = np.empty((size // width, width), np.uint8)
        if file.readinto(records.reshape(-1).data) != size:
            raise ValueError(f"{path} became shorter while it was read")
    return records, [checked_labels(path, records[:, i], len(names)) for i, names in enumerate(kinds)]
