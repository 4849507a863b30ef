"""The package onnx, which is needed only here."""

from importlib import import_module

import numpy as np

from numgd.foundations.ranges import Integers

EXPORTED = Integers("[13, 27]")
"""Versions of ONNX's operators ("opsets") that are written."""

IMPORTED = Integers("[7, 27]")
"""Versions that are read; in 7, operators began to broadcast as in NumPy."""

REAL = (np.dtype(np.float32), np.dtype(np.float64))
"""Dtypes of numbers that networks have."""


def package():
    """The package onnx; raises ImportError with the extra that installs it."""
    try:
        return import_module("onnx")
    except ImportError as error:
        raise ImportError('ONNX models need the package onnx: python -m pip install "numgd[onnx]"') from error


def shortest(number):
    """The shortest decimal of a number that is a float32, as attributes are; another number as it is."""
    single = np.float32(number)
    return float(str(single)) if float(single) == float(number) else float(number)
