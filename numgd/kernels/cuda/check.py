"""Whether there is a device to compute on."""

from importlib.util import find_spec


def check_device():
    """Raise an error that says what is missing, unless kernels can run here.

    Raises
    ------
    ImportError
        If numba-cuda is not installed.
    RuntimeError
        If there is no driver, if it is too old, or if there is no GPU.
    """
    check_package()
    from numgd.kernels.cuda import target

    target.check_driver()


def check_package():
    """Raise ImportError, which says how to install it, unless numba-cuda is there."""
    if find_spec("numba_cuda") is None:
        raise ImportError("numba-cuda is not installed: pip install numgd[cuda]")
