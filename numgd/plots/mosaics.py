"""Many small pictures side by side, as one."""

from typing import Any

import numpy as np

MOST = 256
"""Most pictures of a mosaic."""


def mosaic(tiles: Any, columns: int, gap: int = 1) -> Any:
    """Pictures side by side, row by row.

    Parameters
    ----------
    tiles : (n, height, width) or (n, height, width, 4) array
    columns : int
    gap : int
        Pixels between pictures, which are masked or, with four channels, transparent.

    Returns
    -------
    (h, w) masked array, or (h, w, 4) array
    """
    n, height, width = tiles.shape[:3]
    rows = -(-n // columns)
    shape = rows * (height + gap) - gap, columns * (width + gap) - gap, *tiles.shape[3:]
    whole = np.zeros(shape) if tiles.ndim == 4 else np.ma.masked_all(shape)
    for k, tile in enumerate(tiles):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        whole[top : top + height, left : left + width] = tile
    return whole


def columns_for(n: int) -> int:
    """Columns for n pictures, so that the mosaic is about twice as wide as high."""
    return min(n, int(np.ceil(np.sqrt(2 * n)))) if n > 4 else n


def draw(ax: Any, whole: Any, title: str, **options: Any) -> Any:
    """Show a mosaic in axes without ticks; returns them."""
    ax.imshow(whole, interpolation="nearest", **options)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontsize="medium")
    return ax
