"""Augmentation against loops over images and pixels."""

import numpy as np
import pytest
from stand_in import TwoLayers, data

from numgd.nn.training import Flip, Normalise, RandomCrop, Shift, fit

IMAGES = np.random.default_rng(0).normal(size=(12, 5, 6, 3)).astype(np.float32)


def pixel(image, row, column, mode):
    """The pixel at a place that may lie outside the image."""
    places = []
    for at, length in ((row, image.shape[0]), (column, image.shape[1])):
        if not 0 <= at < length:
            if mode == "constant":
                return np.zeros(image.shape[2], image.dtype)
            if mode == "edge":
                at = min(max(at, 0), length - 1)
            else:
                at = -at if at < 0 else 2 * (length - 1) - at
        places.append(at)
    return image[tuple(places)]


@pytest.mark.parametrize(
    ("change", "mode"),
    [
        (Shift(1), "constant"),
        (Shift(7), "constant"),  # some images leave their frame
        (RandomCrop(2), "constant"),
        (RandomCrop(4, "reflect"), "reflect"),
        (RandomCrop(3, mode="edge"), "edge"),
    ],
)
def test_moves(change, mode):
    moves = change.draw(np.random.default_rng(1), len(IMAGES))
    found = change.apply(IMAGES.copy(), moves)
    expected = np.empty_like(IMAGES)
    for n, (down, right) in enumerate(moves):
        for i in range(5):
            for j in range(6):
                expected[n, i, j] = pixel(IMAGES[n], i - down, j - right, mode)
    np.testing.assert_array_equal(found, expected)
    assert found.flags.c_contiguous and found.dtype == np.float32


@pytest.mark.parametrize("change", [Shift(2), RandomCrop(2)])
def test_every_move_is_equally_likely(change):
    moves = change.draw(np.random.default_rng(2), 50000)
    counts = np.unique(moves, axis=0, return_counts=True)[1]
    assert counts.size == 25
    assert abs(counts / 2000 - 1).max() < 0.12  # five standard deviations


@pytest.mark.parametrize(("horizontal", "vertical"), [(True, False), (False, True), (True, True)])
def test_flips(horizontal, vertical):
    change = Flip(horizontal, vertical)
    drawn = change.draw(np.random.default_rng(3), len(IMAGES))
    found = change.apply(IMAGES.copy(), drawn)
    for n, (upside_down, mirrored) in enumerate(drawn):
        expected = IMAGES[n, ::-1] if upside_down else IMAGES[n]
        np.testing.assert_array_equal(found[n], expected[:, ::-1] if mirrored else expected)
    shares = change.draw(np.random.default_rng(4), 10000).mean(axis=0)
    np.testing.assert_allclose(shares, [0.5 * vertical, 0.5 * horizontal], atol=0.025)


def test_normalise():
    mean, std = [0.1, 0.2, 0.3], [1.0, 2.0, 4.0]
    expected = (IMAGES - np.float32(mean)) / np.float32(std)
    np.testing.assert_array_equal(Normalise(mean, std)(IMAGES), expected)
    np.testing.assert_array_equal(Normalise(0.5, 2.0)(IMAGES), (IMAGES - np.float32(0.5)) / 2)
    assert Normalise(0, 1)(np.zeros((2, 3), np.uint8)).dtype == np.float32
    assert Normalise(0, 1)(np.zeros((2, 3))).dtype == np.float64


class Recording(TwoLayers):
    """A network that keeps the batches of each epoch by their labels, which are the rows."""

    def __init__(self):
        super().__init__(inputs=(5, 6, 3), outputs=12, dtype=np.float32)
        self.batches = []

    def loss_and_gradient(self, X, y, loss, seed):
        self.batches.append((X.copy(), y.copy()))
        return super().loss_and_gradient(X, y, loss, seed)


def images_of_epochs(size, shuffle=True, **options):
    network = Recording()
    options = {"augment": [Shift(2), Flip()]} | options
    fit(
        network,
        IMAGES,
        np.arange(12),
        loss="cross_entropy",
        epochs=2,
        batch_size=size,
        shuffle=shuffle,
        **options,
    )
    half = len(network.batches) // 2
    found = []
    for batches in (network.batches[:half], network.batches[half:]):
        rows = np.concatenate([y for _, y in batches])
        found.append(np.concatenate([X for X, _ in batches])[np.argsort(rows)])
    return found


def test_an_image_is_changed_by_seed_epoch_and_row_alone():
    first, second = images_of_epochs(5)
    assert not np.array_equal(first, second)
    for size, shuffle in ((12, True), (1, True), (7, False)):
        again = images_of_epochs(size, shuffle)
        np.testing.assert_array_equal(again[0], first)
        np.testing.assert_array_equal(again[1], second)
    assert not np.array_equal(images_of_epochs(5, seed=1)[0], first)


def test_changes_come_in_order_and_are_drawn_apart():
    rng = [np.random.default_rng((0, 0, 1 + i)) for i in range(3)]  # seed, epoch, place
    shift, flip, crop = Shift(2), Flip(), RandomCrop(1)
    expected = shift.apply(IMAGES.copy(), shift.draw(rng[0], 12))
    expected = flip.apply(expected, flip.draw(rng[1], 12))
    expected = crop.apply(expected, crop.draw(rng[2], 12))
    found = images_of_epochs(5, augment=[shift, flip, crop], normalise=Normalise(1.0, 2.0))[0]
    np.testing.assert_array_equal(found, (expected - np.float32(1)) / np.float32(2))


def test_validation_data_are_not_augmented():
    X, y = data(rows=20, inputs=(5, 6, 3))
    kept = []

    class Watching(TwoLayers):
        def forward(self, X):
            kept.append(X.copy())
            return super().forward(X)

    options = {"augment": [Shift(2)], "validation_data": (X, y), "normalise": Normalise(0.5, 1.0)}
    fit(Watching(inputs=(5, 6, 3)), X, y, loss="cross_entropy", epochs=1, batch_size=7, **options)
    np.testing.assert_array_equal(np.concatenate(kept), X - 0.5)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: Shift(0), ValueError, "pixels must be at least 1"),
        (lambda: Shift(1.5), TypeError, "pixels must be an integer"),
        (lambda: RandomCrop(-1), ValueError, "padding must be at least 1"),
        (lambda: RandomCrop(1, "wrap"), ValueError, "mode must be"),
        (lambda: Flip(False), ValueError, "horizontal or vertical"),
        (lambda: Flip(1), TypeError, "horizontal must be True or False"),
        (lambda: Normalise("a", 1), TypeError, "mean must be a number"),
        (lambda: Normalise(0, 0), ValueError, "std must be positive"),
        (lambda: Normalise(0, -1), ValueError, "std must be positive"),
        (lambda: Normalise(np.nan, 1), ValueError, "mean must be finite"),
        (lambda: Normalise(np.zeros((2, 2)), 1), ValueError, "mean must be finite, and a number or one"),
    ],
)
def test_ranges(make, error, match):
    with pytest.raises(error, match=match):
        make()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"augment": [Normalise(0, 1)]}, TypeError, "give it as normalise="),
        ({"augment": [Shift]}, TypeError, r"augment\[0\] must have the methods"),
        ({"augment": [RandomCrop(5, "reflect")]}, ValueError, "padding must be below"),
        ({"normalise": Normalise([0, 0], 1)}, ValueError, "mean has 2 entries, but the data have 3"),
    ],
)
def test_what_does_not_fit_the_network(options, error, match):
    network = Recording()
    with pytest.raises(error, match=match):
        fit(network, IMAGES, np.arange(12), loss="cross_entropy", **options)
    assert not network.batches


def test_augmentation_needs_images():
    with pytest.raises(ValueError, match="needs images"):
        fit(TwoLayers(), *data(), loss="cross_entropy", augment=[Flip()])
