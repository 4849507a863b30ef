"""Small grey images of geometric shapes."""

import math

import numpy as np

from numgd.datasets.arguments import ImageDtype, ImageSize, Noise
from numgd.datasets.dataset import Dataset
from numgd.datasets.images import as_images
from numgd.datasets.same_bits import noise as make_noise
from numgd.foundations.ranges import Count, Seed, check_arguments


@check_arguments
def shapes(
    n: Count = 1000,
    size: ImageSize = 28,
    *,
    noise: Noise = 0.1,
    seed: Seed = 0,
    dtype: ImageDtype = np.float32,
) -> Dataset:
    """Grey images of circles, squares, triangles, crosses and rings, at random places and of random sizes.

    Parameters
    ----------
    n : int
        Number of images.
    size : int
        Pixels of a side, from 12 to 1024.
    noise : float
        Standard deviation of what is added to each pixel, where white is 1; it has nearly a normal
        distribution.  Sums are clipped to [0, 1].
    seed : int
        From 0 to 2⁶⁴ - 1.  The same seed gives the same bits on every machine, and a larger n the same first
        images.
    dtype : numpy.dtype, optional
        float32 or float64 for grey levels in [0, 1], uint8 for 0 to 255.

    Returns
    -------
    Dataset
        Images (n, size, size, 1) and labels (n,): image i shows shape i modulo 5.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Notes
    -----
    Half the height of a shape is 0.2 to 0.4 of the side, its brightness 0.5 to 1, and it lies within the
    image; all are uniform.  Edges are smooth: a pixel is covered according to its distance from them.

    Examples
    --------
    >>> from numgd import datasets
    >>> data = datasets.shapes(1, 12, noise=0)
    >>> for row in data.X[0, :, :, 0]:
    ...     print("|" + "".join(" .o#"[int(3.99 * level)] for level in row) + "|")
    |   ....     |
    |  .oooo.    |
    | .oooooo.   |
    | .oooooo.   |
    | .oooooo.   |
    | .oooooo.   |
    |  .ooooo    |
    |   ..o.     |
    |            |
    |            |
    |            |
    |            |
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    y = np.arange(n) % len(_DISTANCES)
    images = np.empty((n, size, size, 1), np.uint8)
    inside = tuple(_DISTANCES.values())
    for image, label in zip(images, y, strict=True):
        image[:, :, 0] = _picture(rng, inside[label], size, noise)
    return Dataset(as_images(images, dtype), y.astype(np.int64), (), tuple(_DISTANCES))


def _picture(rng, inside, size, noise):
    """One image as grey levels from 0 to 255."""
    half, across, down, brightness = rng.random(4)
    half = size * (0.2 + 0.2 * half)
    pixels = np.arange(size) + 0.5
    x = pixels - (half + (size - 2 * half) * across)
    y = pixels - (half + (size - 2 * half) * down)
    covered = np.clip(inside(x, y[:, None], half) + 0.5, 0, 1)
    picture = (0.5 + 0.5 * brightness) * covered
    if noise:
        picture = picture + noise * make_noise(rng, (size, size))
    return np.rint(255 * np.clip(picture, 0, 1))


# Each function gives the distance from the edge of a shape that lies between -half and half in x and y:
# positive inside, in pixels.


def _circle(x, y, half):
    return half - np.sqrt(x * x + y * y)


def _square(x, y, half):
    return half - np.maximum(np.abs(x), np.abs(y))


def _triangle(x, y, half):
    sides = (y + half - 2 * np.abs(x)) / math.sqrt(5)
    return np.minimum(sides, half - y)


def _cross(x, y, half):
    x, y = np.abs(x), np.abs(y)
    return np.minimum(half - np.maximum(x, y), half / 3 - np.minimum(x, y))


def _ring(x, y, half):
    radius = np.sqrt(x * x + y * y)
    return np.minimum(half - radius, radius - 0.6 * half)


_DISTANCES = {"circle": _circle, "square": _square, "triangle": _triangle, "cross": _cross, "ring": _ring}
