"""MNIST and Fashion-MNIST from files in a folder."""

import numpy as np
import pytest
from dataset_files import idx_bytes, random_levels, write

from numgd import datasets

LOADERS = datasets.mnist, datasets.fashion_mnist
every_loader = pytest.mark.parametrize("load", LOADERS, ids=lambda load: load.__name__)


def contents(rng, train=5, test=3):
    """Images and labels by the names of the four files."""
    found = {}
    for part, count in (("train", train), ("t10k", test)):
        found[f"{part}-images-idx3-ubyte"] = random_levels(rng, count, 28, 28)
        found[f"{part}-labels-idx1-ubyte"] = rng.integers(0, 10, count, np.uint8)
    return found


def written(folder, arrays, rename=str):
    for name, array in arrays.items():
        write(folder / rename(name), idx_bytes(array))
    return folder


RENAMINGS = {
    "plain": str,
    "compressed": "{}.gz".format,
    "dots": lambda name: name.replace("-idx", ".idx"),
    "dots, compressed": lambda name: f"{name.replace('-idx', '.idx')}.gz",
}


@every_loader
@pytest.mark.parametrize("rename", RENAMINGS.values(), ids=RENAMINGS)
def test_names_of_files(load, rename, tmp_path):
    arrays = contents(np.random.default_rng(1))
    both = load(written(tmp_path, arrays, rename), np.uint8)
    for data, part in zip(both, ("train", "t10k"), strict=True):
        np.testing.assert_array_equal(data.X[..., 0], arrays[f"{part}-images-idx3-ubyte"])
        np.testing.assert_array_equal(data.y, arrays[f"{part}-labels-idx1-ubyte"])
        assert data.X.dtype == np.uint8 and data.y.dtype == np.int64
        assert len(set(data.target_names)) == 10 and data.feature_names == ()


@pytest.mark.parametrize("dtype", [np.float32, "float64"])
def test_levels_from_0_to_1(dtype, tmp_path):
    arrays = contents(np.random.default_rng(2))
    train, _ = datasets.mnist(str(written(tmp_path, arrays)), dtype=dtype)
    assert train.X.dtype == dtype and train.X.shape == (5, 28, 28, 1) and train.X.flags.c_contiguous
    levels = arrays["train-images-idx3-ubyte"].astype(np.float64)
    np.testing.assert_array_equal(train.X[..., 0], (levels / 255).astype(dtype))
    assert train.X.min() == 0 and train.X.max() == 1


def test_float32_is_the_default(tmp_path):
    assert datasets.mnist(written(tmp_path, contents(np.random.default_rng(3))))[1].X.dtype == np.float32


@every_loader
@pytest.mark.parametrize("name", contents(np.random.default_rng(0)))
def test_a_missing_file_is_named(load, name, tmp_path):
    written(tmp_path, contents(np.random.default_rng(4)))
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()  # a folder is no file
    dotted = name.replace("-idx", ".idx")
    with pytest.raises(FileNotFoundError) as error:
        load(tmp_path)
    for part in (str(tmp_path), name, f"{name}.gz", dotted, f"{dotted}.gz"):
        assert part in str(error.value)


@every_loader
def test_a_missing_folder_is_named(load, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere.*train-images-idx3-ubyte"):
        load(tmp_path / "nowhere")


IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
WRONG = {
    "fewer labels": (LABELS, np.zeros(2, np.uint8), "3 images.* 2 labels"),
    "labels in place of images": (IMAGES, np.zeros(3, np.uint8), r"images of shape \(N, 28, 28\)"),
    "images of another size": (IMAGES, np.zeros((3, 32, 32), np.uint8), r"\(3, 32, 32\)"),
    "images in place of labels": (LABELS, np.zeros((3, 28, 28), np.uint8), r"labels of shape \(N,\)"),
    "a label out of range": (LABELS, np.array([9, 10, 255], np.uint8), r"at most 9; number 1 .* is 10"),
}


@every_loader
@pytest.mark.parametrize("name, array, said", WRONG.values(), ids=WRONG)
def test_wrong_contents(load, name, array, said, tmp_path):
    written(tmp_path, contents(np.random.default_rng(5)) | {name: array})
    with pytest.raises(ValueError, match=said) as error:
        load(tmp_path)
    assert name in str(error.value)


def test_wrong_dtypes_in_files(tmp_path):
    written(tmp_path, contents(np.random.default_rng(6)))
    write(tmp_path / LABELS, idx_bytes(np.array([1, 2, 3]), 0x0C))
    with pytest.raises(ValueError, match=r"uint8 labels.*int32"):
        datasets.mnist(tmp_path)
    write(tmp_path / IMAGES, idx_bytes(np.zeros((3, 28, 28)), 0x0D))
    with pytest.raises(ValueError, match=r"uint8 images.*float32"):
        datasets.mnist(tmp_path)


@pytest.mark.parametrize(
    "dtype, error",
    [(np.int64, ValueError), ("float16", ValueError), (">f4", ValueError), (None, TypeError), (3, TypeError)],
)
def test_wrong_dtype(dtype, error, tmp_path):
    with pytest.raises(error, match="dtype must be uint8, float32 or float64"):
        datasets.mnist(tmp_path, dtype)
