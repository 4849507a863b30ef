"""From the grey levels in a file to the images that networks take."""

import numpy as np


def as_images(levels, dtype, white=255):
    """Contiguous images of a dtype: levels as they are if it is uint8, otherwise divided by that of white."""
    dtype = np.dtype(dtype)
    if dtype == np.uint8:
        return np.ascontiguousarray(levels, np.uint8)
    return np.divide(levels, white, dtype=dtype, order="C")
