"""Data that commands are told by a text such as ``digits`` or ``cifar10:FOLDER``."""

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numgd.datasets import Dataset
    from numgd.nn.training import Normalise

BUILT_IN = ("breast_cancer", "digits", "iris", "shapes", "wine")
"""Functions of `numgd.datasets` that need no files."""

FOLDERS = ("cifar10", "cifar100", "fashion_mnist", "mnist")
"""Functions of `numgd.datasets` that read a folder."""

HELP = (
    f"{', '.join(BUILT_IN)}, {', '.join(f'{name}:FOLDER' for name in FOLDERS)}, "
    "or FILE.npz with arrays X and y, and maybe X_test, y_test and classes"
)

WHITE = 255.0
"""The level of white in images of uint8, which networks see as 1."""


class Data(NamedTuple):
    """Samples with labels for training, and maybe others for validation and for testing."""

    train: "Dataset"
    test: "Dataset | None" = None
    validation: "Dataset | None" = None

    @property
    def num_classes(self) -> int:
        """Number of classes: of their names, or else of the labels."""
        return len(self.train.target_names) or 1 + max(int(part.y.max()) for part in self if part is not None)


def load_data(text: str) -> Data:
    """The data of a text; raises ValueError, OSError or ImportError."""
    from numgd import datasets

    name, _, path = text.partition(":")
    if text.lower().endswith(".npz"):
        return _from_file(text)
    if name in BUILT_IN and not path:
        return Data(getattr(datasets, name)())
    if name in FOLDERS and path:
        return Data(*getattr(datasets, name)(path, dtype="uint8"))
    raise ValueError(f"--data must be one of {HELP}; it is {text!r}")


def _from_file(path: str) -> Data:
    import numgd

    arrays = numgd.load(path)
    classes = arrays.pop("classes", np.empty(0, str))
    if classes.ndim != 1:
        raise ValueError(f"{path}: classes must hold a name for each class; its shape is {classes.shape}")
    names = tuple(map(str, classes))
    unknown = [name for name in arrays if name not in ("X", "y", "X_test", "y_test")]
    if not {"X", "y"} <= arrays.keys() or unknown or ("X_test" in arrays) != ("y_test" in arrays):
        raise ValueError(
            f"{path} must hold the arrays X and y, and maybe X_test and y_test, and classes; "
            f"it holds {_listed(arrays)}"
        )
    train = _dataset(path, arrays, "", names)
    if "X_test" not in arrays:
        return Data(train)
    test = _dataset(path, arrays, "_test", names)
    if test.X.shape[1:] != train.X.shape[1:]:
        raise ValueError(f"{path}: samples of X have shape {train.X.shape[1:]}, of X_test {test.X.shape[1:]}")
    return Data(train, test)


def _listed(names: Iterable[str]) -> str:
    """The names as text, or the first ones of many."""
    return textwrap.shorten(", ".join(names), 100, placeholder=" …")


def _dataset(path: str, arrays: dict[str, Any], suffix: str, names: tuple[str, ...]) -> "Dataset":
    """Two arrays of a file as a data set; raises ValueError unless they are samples with labels."""
    from numgd.datasets import Dataset

    X, y = arrays[f"X{suffix}"], arrays[f"y{suffix}"]
    if X.ndim < 2 or X.size == 0 or X.dtype.kind not in "fiu":
        raise ValueError(
            f"{path}: X{suffix} must hold samples, numbers of shape (N, …); "
            f"it is {X.dtype} of shape {X.shape}"
        )
    if X.dtype.kind == "f" and not np.isfinite(X).all():
        raise ValueError(f"{path}: X{suffix} holds NaN or inf")
    if y.shape != X.shape[:1] or y.dtype.kind not in "iu" or y.min() < 0:
        raise ValueError(
            f"{path}: y{suffix} must hold a label from 0 on for each of {len(X)} samples; "
            f"it is {y.dtype} of shape {y.shape}"
        )
    if names and y.max() >= len(names):
        raise ValueError(f"{path}: y{suffix} has the label {y.max()}, but there are {len(names)} classes")
    return Dataset(X, y.astype(np.int64), (), names)


def statistics(X: Any) -> "Normalise":
    """The mean and the standard deviation of each channel of samples; white is 1 in those of uint8."""
    from numgd.nn.training import Normalise

    total, squares, count = 0.0, 0.0, X.size // X.shape[-1]
    for first in range(0, len(X), 1024):  # in parts, which are float64
        part = X[first : first + 1024].astype(np.float64).reshape(-1, X.shape[-1])
        total = total + part.sum(axis=0)
    mean = total / count
    for first in range(0, len(X), 1024):
        part = X[first : first + 1024].astype(np.float64).reshape(-1, X.shape[-1])
        with np.errstate(over="ignore"):  # `Normalise` refuses what is not finite
            squares = squares + ((part - mean) ** 2).sum(axis=0)
    std = np.sqrt(squares / count)
    std = np.where(std > 0, std, 1.0)
    white = WHITE if X.dtype == np.uint8 else 1.0
    return Normalise(mean / white, std / white)


def normalisation(normalise: "Normalise | None", X: Any) -> "Normalise | None":
    """What `fit` and `predict` apply to samples: levels of uint8 first become numbers in [0, 1]."""
    from numgd.nn.training import Normalise

    if X.dtype != np.uint8:
        return normalise
    mean, std = (0.0, 1.0) if normalise is None else (normalise.mean, normalise.std)
    return Normalise(WHITE * np.asarray(mean), WHITE * np.asarray(std))


def read_samples(paths: list[Path], input_shape: tuple[int, ...]) -> Any:
    """The samples in some files as one array (N, *input_shape)."""
    parts = [_as_batch(path, _array(path), input_shape) for path in paths]
    if len({part.dtype for part in parts}) > 1:
        raise ValueError(f"the files must have one dtype; they have {', '.join(str(p.dtype) for p in parts)}")
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _array(path: Path) -> Any:
    """The samples in a file."""
    if path.suffix.lower() == ".npy":
        try:
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except (EOFError, ValueError) as error:
            raise ValueError(f"{path} cannot be read as .npy: {error}") from error
    if path.suffix.lower() != ".npz":
        raise ValueError(f"samples are read from .npy and .npz files; one is {path}")
    import numgd

    arrays = numgd.load(path)
    if "X" not in arrays and len(arrays) != 1:
        raise ValueError(f"{path} must hold an array X, or one array; it holds {_listed(arrays)}")
    return arrays["X"] if "X" in arrays else next(iter(arrays.values()))


def _as_batch(path: Path, array: Any, input_shape: tuple[int, ...]) -> Any:
    """An array as (N, *input_shape); a single sample may lack the first axis, grey images the last."""
    for shape in (array.shape, (*array.shape, 1)):
        if shape[1:] == input_shape:
            return array.reshape(shape)
        if shape == input_shape:
            return array.reshape(1, *shape)
    wanted = ", ".join(map(str, input_shape))
    raise ValueError(f"{path} must hold samples of shape (N, {wanted}); its shape is {array.shape}")
