"""Bitmaps of the ten digits, seven pixels wide and twelve high.

They are drawn in the manner of figure 3 of Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based
learning applied to document recognition, Proceedings of the IEEE 86 (1998), which shows those of the paper as
a picture; no numbers are published, so single pixels may differ.
"""

import numpy as np

_DRAWN = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...#...  .#####.  .#####.  ....##.  #######  ..####.  #######  .#####.  .#####.
.##.##.  ..##...  ##...##  ##...##  ...###.  ##.....  .##....  #....##  ##...##  ##...##
##...##  .###...  .....##  .....##  ..####.  ##.....  ##.....  .....##  ##...##  ##...##
##...##  ...#...  .....##  .....##  .##.##.  ##.....  ##.....  ....##.  ##...##  ##...##
##...##  ...#...  ....##.  ..####.  ##..##.  ######.  ######.  ....##.  .#####.  ##..###
##...##  ...#...  ...##..  .....##  ##..##.  .....##  ##...##  ...##..  ##...##  .####.#
##...##  ...#...  ..##...  .....##  #######  .....##  ##...##  ...##..  ##...##  .....##
##...##  ...#...  .##....  .....##  ....##.  .....##  ##...##  ..##...  ##...##  .....##
.##.##.  ...#...  ##.....  ##...##  ....##.  ##...##  ##...##  ..##...  ##...##  ....##.
..###..  .#####.  #######  .#####.  ....##.  .#####.  .#####.  ..##...  .#####.  .####..
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""


def digit_bitmaps():
    """The bitmaps as rows of numbers, row of pixels by row of pixels: 1 where a digit is drawn, else −1.

    Returns
    -------
    (10, 84) float64 array
    """
    lines = [line.split() for line in _DRAWN.split("\n") if line]
    digits = ["".join(pieces) for pieces in zip(*lines, strict=True)]
    return np.array([[1.0 if pixel == "#" else -1.0 for pixel in digit] for digit in digits])
