"""Augmentation: random changes of the images of a batch, and the normalisation of their channels.

The random numbers of an image depend on the seed, the epoch and its row in the data set, not on the batch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from numgd.foundations.ranges import Count, Flag, check_fields, one_of


@dataclass(frozen=True)
class Shift:
    """Move each image by up to `pixels` pixels along both axes; zeros fill what becomes free.

    Parameters
    ----------
    pixels : int
        At least 1; every shift is equally likely.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.training import Shift
    >>> images = np.arange(1.0, 5.0).reshape(1, 2, 2, 1)
    >>> Shift(1).apply(images, np.array([[0, 1]])).reshape(2, 2)
    array([[0., 1.],
           [0., 3.]])
    """

    pixels: Count

    def __post_init__(self):
        check_fields(self)

    def draw(self, rng, rows):
        """The moves down and to the right, an integer array (rows, 2)."""
        return rng.integers(-self.pixels, self.pixels + 1, (rows, 2))

    def apply(self, images, drawn):
        """The images of shape (N, H, W, C), moved by what was drawn for each."""
        return _moved(images, self.pixels, drawn, "constant")


@dataclass(frozen=True)
class RandomCrop:
    """Pad each image on all sides, and cut an image of its former size out of it at random.

    Parameters
    ----------
    padding : int
        At least 1.
    mode : {'constant', 'reflect', 'edge'}
        Pad with zeros, with the mirrored image, or with the pixels at its edge.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.training import RandomCrop
    >>> images = np.arange(1.0, 5.0).reshape(1, 2, 2, 1)
    >>> RandomCrop(1, mode="edge").apply(images, np.array([[0, 1]])).reshape(2, 2)
    array([[1., 1.],
           [3., 3.]])
    """

    padding: Count
    mode: one_of("constant", "reflect", "edge") = "constant"

    def __post_init__(self):
        check_fields(self)

    def draw(self, rng, rows):
        """The moves of the image in its frame, down and to the right, an integer array (rows, 2)."""
        return rng.integers(-self.padding, self.padding + 1, (rows, 2))

    def apply(self, images, drawn):
        """What is cut out of the images of shape (N, H, W, C)."""
        return _moved(images, self.padding, drawn, self.mode)


def _moved(images, most, moves, mode):
    """Images moved down and to the right, with what is beyond their edges according to `mode`."""
    count, height, width, channels = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode=mode)
    lines = padded.reshape(count, height + 2 * most, -1)  # rows of pixels in one piece are copied fast
    windows = sliding_window_view(lines, (height, width * channels), axis=(1, 2))[:, :, ::channels]
    found = windows[np.arange(count), most - moves[:, 0], most - moves[:, 1]]
    return found.reshape(images.shape)


@dataclass(frozen=True)
class Flip:
    """Mirror each image with probability 1/2, along one axis or along both, independently.

    Parameters
    ----------
    horizontal, vertical : bool
        Whether left and right, and whether top and bottom, may be exchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.training import Flip
    >>> images = np.arange(4.0).reshape(1, 2, 2, 1)
    >>> Flip().apply(images, np.array([[False, True]])).reshape(2, 2)
    array([[1., 0.],
           [3., 2.]])
    """

    horizontal: Flag = True
    vertical: Flag = False

    def __post_init__(self):
        check_fields(self)
        if not (self.horizontal or self.vertical):
            raise ValueError("horizontal or vertical must be True")

    def draw(self, rng, rows):
        """Whether to exchange top and bottom, and left and right: a bool array (rows, 2)."""
        wanted = np.array([self.vertical, self.horizontal])
        return (rng.integers(0, 2, (rows, 2), np.int8) == 1) & wanted

    def apply(self, images, drawn):
        """The images of shape (N, H, W, C), changed in place."""
        for axis in (0, 1):
            chosen = drawn[:, axis]
            images[chosen] = np.flip(images[chosen], axis + 1)
        return images


@dataclass(frozen=True)
class Normalise:
    """Subtract a mean and divide by a standard deviation, of each channel or of all.

    Unlike augmentation it is part of the network's input: give the same object as ``normalise=`` to `fit`,
    `evaluate` and `predict`.  It is applied to each batch, after augmentation, so that the data may stay on
    disk or in small integers.

    Parameters
    ----------
    mean, std : float or array_like of shape (C,)
        Of the data's last axis; `std` is positive.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.training import Normalise
    >>> Normalise(mean=[1.0, 2.0], std=[1.0, 0.5])(np.array([[2.0, 3.0]]))
    array([[1., 2.]])
    """

    mean: Any
    std: Any

    def __post_init__(self):
        for name in ("mean", "std"):
            try:
                values = np.array(getattr(self, name), np.float64)
            except (TypeError, ValueError):
                raise TypeError(
                    f"{name} must be a number or one for each channel; it is {getattr(self, name)!r:.80}"
                ) from None
            if values.ndim > 1 or not np.isfinite(values).all():
                raise ValueError(f"{name} must be finite, and a number or one for each channel")
            if name == "std" and not (values > 0).all():
                raise ValueError("std must be positive")
            object.__setattr__(self, name, tuple(values.tolist()) if values.ndim else float(values))

    def check(self, channels):
        """Raise ValueError unless the last axis of the data can have this length."""
        for name in ("mean", "std"):
            values = getattr(self, name)
            if isinstance(values, tuple) and len(values) != channels:
                raise ValueError(
                    f"normalise: {name} has {len(values)} entries, but the data have {channels} channels"
                )

    def __call__(self, x, out=None):
        """(x − mean) / std.

        Parameters
        ----------
        x : numpy.ndarray of shape (..., C)
            Integers are converted to float32.
        out : numpy.ndarray, optional
            Memory for the result; it may be `x`.

        Returns
        -------
        numpy.ndarray
            float64 if `x` is, else float32.
        """
        x = np.asarray(x)
        dtype = x.dtype.type if x.dtype in (np.float32, np.float64) else np.float32
        result = np.subtract(x, np.asarray(self.mean, dtype), out=out, dtype=dtype, casting="unsafe")
        result /= np.asarray(self.std, dtype)
        return result


def checked_augmentation(augment, network):
    """The augmentations as a tuple; errors name the argument."""
    if not isinstance(augment, tuple | list):
        augment = (augment,)
    for i, change in enumerate(augment):
        if isinstance(change, Normalise):
            raise TypeError(f"augment[{i}]: Normalise is needed for prediction too; give it as normalise=")
        if isinstance(change, type) or not (hasattr(change, "draw") and hasattr(change, "apply")):
            raise TypeError(f"augment[{i}] must have the methods draw and apply; it is {change!r:.80}")
        if len(network.input_shape) != 3:
            raise ValueError(f"augment needs images (H, W, C); the network takes {network.input_shape}")
        if getattr(change, "mode", None) == "reflect" and change.padding >= min(network.input_shape[:2]):
            raise ValueError(
                f"augment[{i}]: padding must be below the size of the images, {network.input_shape[:2]}"
            )
    return tuple(augment)


def checked_normalisation(normalise, network):
    """The `Normalise`, or None; errors name the argument."""
    if normalise is not None:
        if not isinstance(normalise, Normalise):
            raise TypeError(f"normalise must be a Normalise or None; it is {normalise!r:.80}")
        normalise.check(network.input_shape[-1])
    return normalise


class Augmenter:
    """Augmentations with the random numbers of one run."""

    def __init__(self, changes: tuple[Any, ...], normalise: Callable[..., Any] | None, seed: int):
        self._changes, self._normalise, self._seed = changes, normalise, seed
        self.writes = bool(changes) or normalise is not None

    @property
    def random(self):
        """Whether anything is drawn."""
        return bool(self._changes)

    def draws(self, rows, *numbers):
        """What is drawn for some rows; the numbers are that of the epoch and, in a stream, of the batch."""
        first, *others = numbers
        return [
            change.draw(np.random.default_rng((self._seed, first, 1 + i, *others)), rows)  # 0 is the order's
            for i, change in enumerate(self._changes)
        ]

    def apply(self, images, draws):
        """The batch with all changes made; its memory may be overwritten."""
        for change, drawn in zip(self._changes, draws, strict=True):
            images = change.apply(images, drawn)
        return images if self._normalise is None else self._normalise(images, out=images)
