"""Ranges of arguments: dtypes, paths and numbers."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from numgd.foundations.ranges import Integers, Interval


@dataclass(frozen=True)
class Dtypes:
    """One of a few dtypes, in native byte order."""

    names: tuple

    def check(self, name, value):
        """The value as a numpy.dtype; raises TypeError or ValueError for anything else."""
        said = f"{name} must be {', '.join(self.names[:-1])} or {self.names[-1]}; it is {value!r}"
        try:
            dtype = None if value is None else np.dtype(value)  # NumPy takes None for float64
        except (TypeError, ValueError, SyntaxError):
            dtype = None
        if dtype is None:
            raise TypeError(said)
        if dtype not in map(np.dtype, self.names):
            raise ValueError(said)
        return dtype


@dataclass(frozen=True)
class Paths:
    """Paths of files and folders, with ``~`` for the home folder."""

    def check(self, name, value):
        """The value as a pathlib.Path; raises TypeError for anything else."""
        if not isinstance(value, str | os.PathLike):
            raise TypeError(f"{name} must be a path; it is {value!r}")
        return Path(value).expanduser()


RealDtype = Annotated[Any, Dtypes(("float32", "float64"))]
ImageDtype = Annotated[Any, Dtypes(("uint8", "float32", "float64"))]
AnyPath = Annotated[Any, Paths()]
Noise = Annotated[float, Interval("[0, 1000]")]  # a standard deviation
SplitSeed = Annotated[int, Integers("[0, inf]", 2**32 - 1)]  # of the generator that scikit-learn uses
Folds = Annotated[int, Integers("[2, inf]")]
Arms = Annotated[int, Integers("[1, 1000]")]
Turns = Annotated[float, Interval("[-1000, 1000]")]
ImageSize = Annotated[int, Integers("[12, 1024]")]  # enough pixels to tell shapes from one another
Variables = Annotated[int, Integers("[2, inf]")]
Condition = Annotated[float, Interval("[1, 1e12]")]  # that a rounded matrix can have
