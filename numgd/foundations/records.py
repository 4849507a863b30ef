"""Records: each method or rule is described by one typed value, made in its own file.

A package collects its own records with `records_of`; users add theirs with `numgd.register`.
"""

import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import import_module
from typing import Any, Literal

from numgd.jit.sources import foreign_digest


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Record:
    """The fields common to all records.

    Attributes
    ----------
    name : str
        The name by which it is selected, in lower case.
    summary : str
        What it is, in one sentence.
    aliases : tuple of str
        Its other names.
    """

    name: str
    summary: str
    aliases: tuple[str, ...] = ()

    def __post_init__(self):
        for name in (self.name, *self.aliases):
            if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", name):
                raise ValueError(f"a name of a {type(self).__name__} must be in lower case; it is {name!r}")

    def __repr__(self):
        return f"<{type(self).__name__} {self.name!r}>"

    @cached_property
    def _foreign(self):
        return foreign_digest(getattr(self, field.name) for field in fields(self))

    @property
    def is_own(self):
        """Whether the record is numgd's own: none of its functions is a user's."""
        return self._foreign == ""

    def code_name(self, *words):
        """The name under which machine code made from the record is cached; None if it must not be."""
        if self._foreign is None:
            return None
        return "-".join(str(word) for word in (*words, self._foreign) if word)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Method(Record):
    """A minimisation method.

    Attributes
    ----------
    options : NamedTuple
        Its options with their default values; the annotations of the fields are their ranges.
    rows : callable
        ``rows(n, maxcor)``, portable: the number of vectors of length n that its solver needs as scratch
        memory.  A call from Python adds 7 vectors: x and its copy for a resumed run, the gradient in the
        result, and 4 used to evaluate the objective.
    make_solver : callable
        ``make_solver(space, evaluator)`` returns its solver; see `numgd.foundations.evaluator.Evaluator`.
    maxcor : int or None
        Default number of pairs of steps and gradient differences to keep, if it keeps any.
    tolerances : tuple of str
        The options set by the argument `tol`.
    curvature : {None, 'hessian', 'product'}
        Which second derivative it needs: none, the Hessian, or its product with a vector.
    bounded : bool
        Whether it supports bounds.
    matrix_free : bool
        Whether it accesses vectors only through its space, so that long ones use all cores.
    over_device_vectors : bool
        Whether it runs over the vectors of a device: it reaches their elements only through its space and through
        functions that the space has a form of, and keeps no small arrays beside its vectors.
    on_device : bool
        Whether its solver can run in a CUDA kernel; one that returns views cannot.
    kernel_form : tuple or None
        The `rows` and the `make_solver` for CUDA kernels, if there they are others.
    result_fields : callable or None
        ``result_fields(x, work, age, maxcor)``: a dictionary of further fields of the result, made from the
        solver's scratch memory.  They must not be views of it, because a resumed run reads it again.
    take_hess_inv : callable or None
        ``take_hess_inv(matrix, work, maxcor)``: prepares `work` for a start from an inverse Hessian, and
        returns the `age` to start with.
    """

    options: Any
    rows: Callable
    make_solver: Callable
    maxcor: int | None = None
    tolerances: tuple[str, ...] = ("gtol",)
    curvature: Literal["hessian", "product"] | None = None
    bounded: bool = False
    matrix_free: bool = False
    over_device_vectors: bool = False
    on_device: bool = True
    kernel_form: tuple[Callable, Callable] | None = None
    result_fields: Callable | None = None
    take_hess_inv: Callable | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.curvature not in (None, "hessian", "product"):
            raise ValueError(f"curvature must be 'hessian', 'product' or None; it is {self.curvature!r}")
        unknown = [name for name in self.tolerances if name not in self.options._fields]
        if unknown:
            raise ValueError(f"tolerances contains {unknown[0]!r}, which is not an option")

    @property
    def options_type(self):
        """The NamedTuple type of the options."""
        return type(self.options)


def records_of(package, kind):
    """The records of one kind in the modules of a package, by name, in the order of the files."""
    found = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, kind):
                if found.get(value.name, value) is not value:
                    raise ValueError(f"two records have the name {value.name!r}")
                found[value.name] = value
    return found
