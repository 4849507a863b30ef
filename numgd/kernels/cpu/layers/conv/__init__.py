"""Convolution of images: one algorithm per file.  `choose` selects one by shape."""

import sys

from numgd.foundations.records import records_of
from numgd.kernels.cpu.layers.conv.algorithm import ConvAlgorithm

ALGORITHMS: dict[str, ConvAlgorithm] = records_of(sys.modules[__name__], ConvAlgorithm)
"""Name to algorithm."""
