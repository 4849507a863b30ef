"""Sizes that the kernels can index: places within an image and within the weights are int32."""

import math

MOST = 2**31 - 1


def check_sizes(image, weight, result):
    """Raise ValueError if an image, the weights or the pixels of a batch are more than kernels can count."""
    for name, count in (
        ("one sample of the input", math.prod(image.shape[1:])),
        ("one sample of the result", math.prod(result.shape[1:])),
        ("the weights", math.prod(weight.shape)),
        ("the pixels of the result", math.prod(tuple(result.shape)[:-1])),
    ):
        if count > MOST:
            raise ValueError(f"{name}: {count} numbers are more than the {MOST} that a GPU kernel can index")
