"""CIFAR-10 and CIFAR-100 from files in a folder."""

import numpy as np
import pytest
from dataset_files import random_levels

from numgd import datasets

BATCHES = [f"data_batch_{i}.bin" for i in range(1, 6)]


def write_records(path, labels, images):
    """Records of labels and of images (N, 32, 32, 3), a byte at a time as the format is described."""
    with open(path, "wb") as file:
        for own, image in zip(labels, images, strict=True):
            file.write(bytes(own))
            for channel in range(3):
                for row in range(32):
                    file.write(bytes(image[row, :, channel].tolist()))


def ten(folder, seed=1):
    """A small CIFAR-10: its images and labels."""
    rng = np.random.default_rng(seed)
    images = [random_levels(rng, count, 32, 32, 3) for count in (2, 1, 3, 2, 2, 3)]
    labels = [rng.integers(0, 10, len(part)) for part in images]
    for name, y, X in zip([*BATCHES, "test_batch.bin"], labels, images, strict=True):
        write_records(folder / name, y[:, None].tolist(), X)
    return images, labels


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_cifar10(dtype, tmp_path):
    images, labels = ten(tmp_path)
    train, test = datasets.cifar10(tmp_path, dtype)
    scale = 1 if dtype == np.uint8 else 255
    for data, X, y in (
        (train, np.concatenate(images[:5]), np.concatenate(labels[:5])),
        (test, images[5], labels[5]),
    ):
        assert data.X.dtype == dtype and data.X.flags.c_contiguous and data.y.dtype == np.int64
        np.testing.assert_array_equal(data.X, (X / scale).astype(dtype))
        np.testing.assert_array_equal(data.y, y)
        assert len(data.target_names) == 10 and data.target_names[3] == "cat"
    assert train.X.min() == 0 and train.X.max() == 255 / scale


@pytest.mark.parametrize("labels", ["fine", "coarse"])
def test_cifar100(labels, tmp_path):
    rng = np.random.default_rng(2)
    kept = {}
    for name in ("train", "test"):
        images, coarse, fine = (
            random_levels(rng, 4, 32, 32, 3),
            rng.integers(0, 20, 4),
            rng.integers(0, 100, 4),
        )
        write_records(tmp_path / f"{name}.bin", np.stack((coarse, fine), axis=1).tolist(), images)
        kept[name] = images, {"fine": fine, "coarse": coarse}[labels]
    both = datasets.cifar100(tmp_path, np.uint8, labels=labels)
    for data, (images, wanted) in zip(both, kept.values(), strict=True):
        np.testing.assert_array_equal(data.X, images)
        np.testing.assert_array_equal(data.y, wanted)
        names = data.target_names
        assert len(set(names)) == (100 if labels == "fine" else 20)
        assert list(names) == sorted(names)  # both kinds are numbered by the alphabet
    assert datasets.cifar100(tmp_path)[0].X.dtype == np.float32


@pytest.mark.parametrize("name", [*BATCHES, "test_batch.bin"])
def test_a_missing_batch_is_named(name, tmp_path):
    ten(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        datasets.cifar10(tmp_path)


def test_a_missing_file_or_folder_is_named(tmp_path):
    write_records(tmp_path / "train.bin", [[0, 0]], np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(FileNotFoundError, match=r"test\.bin"):
        datasets.cifar100(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere.*train\.bin"):
        datasets.cifar100(tmp_path / "nowhere")


@pytest.mark.parametrize("size", [0, 1, 3072, 3074, 2 * 3073 - 1])
def test_truncated_batches(size, tmp_path):
    ten(tmp_path)
    path = tmp_path / "data_batch_3.bin"
    path.write_bytes(bytes(size))
    with pytest.raises(ValueError, match=rf"data_batch_3\.bin .*3073 bytes; it has {size} bytes"):
        datasets.cifar10(tmp_path)


def test_labels_out_of_range(tmp_path):
    ten(tmp_path)
    blank = np.zeros((2, 32, 32, 3), np.uint8)
    write_records(tmp_path / "test_batch.bin", [[9], [10]], blank)
    with pytest.raises(ValueError, match=r"test_batch\.bin: labels must be at most 9; number 1 .* is 10"):
        datasets.cifar10(tmp_path)
    for wrong in ([20, 0], [0, 100]):
        write_records(tmp_path / "train.bin", [[19, 99], wrong], blank)
        write_records(tmp_path / "test.bin", [[0, 0]], blank[:1])
        for labels in ("fine", "coarse"):
            with pytest.raises(ValueError, match=rf"train\.bin: .* number 1 .* is {max(wrong)}"):
                datasets.cifar100(tmp_path, labels=labels)


def test_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="labels must be 'fine' or 'coarse'"):
        datasets.cifar100(tmp_path, labels="medium")
    with pytest.raises(TypeError, match="folder must be a path"):
        datasets.cifar10(None)
