"""Confusion matrices: counts, names, and numbers that can be read."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from sklearn.metrics import confusion_matrix as reference

from numgd import plots

TRUE = np.random.default_rng(0).integers(0, 4, 200)
GUESS = np.where(np.random.default_rng(1).random(200) < 0.7, TRUE, (TRUE + 1) % 4)


def cells(axes):
    """The numbers in the cells by row and column."""
    return {(round(text.get_position()[1]), round(text.get_position()[0])): text for text in axes.texts}


def test_counts_against_scikit_learn():
    axes = plots.confusion_matrix(TRUE, GUESS)
    expected = reference(TRUE, GUESS)
    np.testing.assert_array_equal(axes.images[0].get_array(), expected)
    for place, text in cells(axes).items():
        assert text.get_text() == str(expected[place])
    assert len(axes.texts) == 16
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_shares_of_rows():
    names = ["a", "b", "c", "d", "never"]
    axes = plots.confusion_matrix(TRUE, GUESS, labels=names, normalise=True)
    shares = axes.images[0].get_array()
    np.testing.assert_allclose(shares[:4, :4], reference(TRUE, GUESS, normalize="true"))
    assert shares.mask[4].all() and not shares.mask[:4].any()
    assert cells(axes)[0, 0].get_text() == f"{shares[0, 0]:.2f}" and (4, 0) not in cells(axes)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == names


@pytest.mark.parametrize("normalise", [False, True])
def test_numbers_stand_out_from_their_cells(normalise):
    true = np.repeat(np.arange(10), 50)
    guess = np.concatenate([np.sort((k + np.arange(50) ** 2 // 40) % 10) for k in range(10)])
    axes = plots.confusion_matrix(true, guess, normalise=normalise)

    def light(colour):
        """Relative luminance by WCAG 2.2."""
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    image = axes.images[0]
    for place, text in cells(axes).items():
        lights = sorted([light(text.get_color()), light(image.to_rgba(image.get_array()[place])[:3])])
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5


def test_many_classes_without_numbers():
    many = np.arange(100)
    axes = plots.confusion_matrix(many, many)
    assert not axes.texts and axes.images[0].get_array().shape == (100, 100)
    assert len(axes.get_yticks()) < 30


def test_given_axes():
    figure, axes = plt.subplots()
    assert plots.confusion_matrix([True, False], [True, True], ax=axes) is axes and figure.axes == [axes]


REFUSED = {
    "negative": (
        lambda: plots.confusion_matrix([0, -1], [0, 1]),
        ValueError,
        "y_true must be labels from 0 to 1",
    ),
    "too large": (
        lambda: plots.confusion_matrix([0, 1], [0, 2], labels="ab"),
        ValueError,
        "y_pred .* 0 to 1; one is 2",
    ),
    "lengths": (lambda: plots.confusion_matrix([0], [0, 1]), ValueError, "equal length; they have 1 and 2"),
    "nothing": (lambda: plots.confusion_matrix([], []), ValueError, "y_true must not be empty"),
    "outputs": (
        lambda: plots.confusion_matrix([0], [[0.1, 0.9]]),
        ValueError,
        r"y_pred must have shape \(N,\).*argmax",
    ),
    "fractions": (lambda: plots.confusion_matrix([0.5], [0]), TypeError, "y_true must be integer labels"),
    "words": (lambda: plots.confusion_matrix(["cat"], ["dog"]), TypeError, "y_true must be integer labels"),
    "projection": (
        lambda: plots.confusion_matrix([0], [0], ax=plt.subplot(projection="polar")),
        ValueError,
        "flat axes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()
