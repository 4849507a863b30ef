"""Where arrays live, and the drivers that serve them: those of the CPU or those of the GPU.

An array says itself where it lives.  Nothing above this package asks: it calls the drivers of
`numgd.kernels.layers`, which find the twin for their arrays.
"""

from functools import cache
from importlib import import_module

import numpy as np


def on_device(array):
    """Whether an array lives on a GPU."""
    if type(array) is np.ndarray:
        return False
    return hasattr(array, "__cuda_array_interface__") or hasattr(array, "__cuda_ndarray__")


def on_machine(name):
    """An empty array on a machine, 'cpu' or 'cuda'; RuntimeError says what is missing for a GPU."""
    return _module(name, "memory").nothing()


@cache
def _module(machine, name):
    """A module of a machine; ImportError says what is missing for a GPU."""
    if machine == "cuda" and name != "check":
        import_module("numgd.kernels.cuda.check").check_package()
    return import_module(f"numgd.kernels.{machine}.{name}")


_ON_HOST = {np.ndarray, np.float32, np.float64, np.uint64, int, float, bool, str, tuple, type(None)}
"""Types that need no closer look."""


def _is_on_device(argument):
    """Whether an argument is an array on a GPU, or a list of arrays there."""
    return on_device(argument[0]) if type(argument) is list and argument else on_device(argument)


class Drivers:
    """The functions of a module that exists for each machine; a call with a device array goes to the GPU's.

    Parameters
    ----------
    module : str
        Its name in ``numgd.kernels.cpu`` and ``numgd.kernels.cuda``.
    """

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        on_cpu = on_cuda = None

        def driver(*arguments, **named):
            nonlocal on_cpu, on_cuda
            for argument in arguments:
                if type(argument) not in _ON_HOST and _is_on_device(argument):
                    if on_cuda is None:
                        on_cuda = getattr(self.of("cuda"), name)
                    return on_cuda(*arguments, **named)
            if on_cpu is None:
                on_cpu = getattr(self.of("cpu"), name)
            return on_cpu(*arguments, **named)

        driver.__name__ = driver.__qualname__ = name
        setattr(self, name, driver)
        return driver

    def beside(self, array):
        """The module of the machine where an array lives."""
        return self.of("cuda" if on_device(array) else "cpu")

    def of(self, machine):
        """The module of a machine, 'cpu' or 'cuda'."""
        return _module(machine, self._module)
