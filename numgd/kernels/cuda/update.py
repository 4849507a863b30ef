"""One step of an update rule over a flat parameter vector on the device: twin of `kernels.cpu.update`."""

from functools import cache

from numba import cuda

from numgd.first_order.apply import make_element
from numgd.kernels.cuda.launch import launch_shape


@cache
def make_kernel(rule):
    """The grid-stride kernel of a rule; its arguments are those of the driver."""
    element = make_element(rule)

    @cuda.jit
    def kernel(p, g, slots, c):
        for i in range(cuda.grid(1), p.size, cuda.gridsize(1)):
            element(i, p, g, slots, c)

    return kernel


@cache
def update(rule):
    """The driver of a rule, a module of `numgd.first_order.RULES`.

    ``update(rule)(p, g, slots, c)`` updates the parameters `p` (n,) in place by their gradient `g` (n,);
    `slots` (n_slots, n) holds the rule's running quantities and `c` is what `step_coefficients` gives.
    All are of one dtype; the arrays live on the device.
    """
    kernel = make_kernel(rule)

    def drive(p, g, slots, c):
        if p.size > 0:
            kernel[launch_shape(p.size)](p, g, slots, c)

    return drive
