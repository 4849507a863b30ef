"""CUDA graphs: launches that are captured once and then submitted to the device as one."""

from numgd.kernels.cuda import target


class Graph:
    """Launches as one graph.

    Parameters
    ----------
    make : callable
        ``make()`` makes the launches, of kernels that have been launched before, and nothing else.

    Raises
    ------
    Exception
        If the driver cannot capture them, of a kind that depends on the driver.
    """

    def __init__(self, make):
        from cuda.bindings import driver

        self._driver, stream = driver, target.cuda.stream()
        mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED  # memory may be freed meanwhile
        _succeeded(driver.cuStreamBeginCapture(int(stream), mode))
        try:
            with target.on_stream(stream):
                make()
        finally:
            (captured,) = _succeeded(driver.cuStreamEndCapture(int(stream)))
        try:
            (self._executable,) = _succeeded(driver.cuGraphInstantiate(captured, 0))
        finally:
            driver.cuGraphDestroy(captured)

    def launch(self):
        """Make all launches, after those made before on the current stream."""
        _succeeded(self._driver.cuGraphLaunch(self._executable, int(target.stream())))

    def __del__(self):
        executable = getattr(self, "_executable", None)
        if executable is not None:
            self._driver.cuGraphExecDestroy(executable)


def _succeeded(answer):
    """The values of a driver's answer; raises RuntimeError for an error."""
    status, *values = answer
    if int(status) != 0:
        raise RuntimeError(f"the CUDA driver answered {status!r}")
    return values
