"""Points along interleaved spirals."""

import numpy as np

from numgd.datasets.arguments import Arms, Noise, RealDtype, Turns
from numgd.datasets.dataset import Dataset
from numgd.datasets.same_bits import noise as make_noise
from numgd.datasets.same_bits import unit_circle
from numgd.foundations.ranges import Count, Seed, check_arguments


@check_arguments
def spirals(
    n: Count = 1000,
    arms: Arms = 2,
    *,
    turns: Turns = 1.0,
    noise: Noise = 0.02,
    seed: Seed = 0,
    dtype: RealDtype = np.float64,
) -> Dataset:
    """Points in the plane along interleaved spirals: classes that no straight line separates.

    Parameters
    ----------
    n : int
        Number of points.
    arms : int
        Number of spirals, at most 1000; each is a class.
    turns : float
        Turns that a spiral makes between the centre and radius 1, at most 1000; negative ones run clockwise.
    noise : float
        Standard deviation of what is added to each coordinate; it has nearly a normal distribution.
    seed : int
        From 0 to 2⁶⁴ - 1.  The same seed gives the same bits on every machine.
    dtype : numpy.dtype, optional
        float32 or float64.

    Returns
    -------
    Dataset
        Points (n, 2) and labels (n,): point i belongs to arm i modulo `arms`.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Notes
    -----
    At distance r from the centre arm a has the angle 2π (turns r + a / arms).  The squares of the radii are
    uniform, so that the density is nearly the same along an arm.

    Examples
    --------
    >>> from numgd import datasets
    >>> datasets.spirals(4, noise=0).X.round(3)
    array([[ 0.238, -0.762],
           [ 0.516,  0.063],
           [ 0.06 ,  0.193],
           [-0.089, -0.093]])
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    y = np.arange(n) % arms
    radius = np.sqrt(rng.random(n))
    points = radius[:, None] * np.stack(unit_circle(turns * radius + y / arms), axis=1)
    points += noise * make_noise(rng, (n, 2))
    return Dataset(
        points.astype(dtype, copy=False),
        y.astype(np.int64),
        ("x", "y"),
        tuple(f"arm {arm}" for arm in range(arms)),
    )
