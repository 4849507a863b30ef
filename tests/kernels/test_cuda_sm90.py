"""The CUDA kernels as code for a real GPU (sm_90); neither a GPU nor a driver is needed to compile it."""

import re

import numba
import numpy as np
import pytest
from cuda_builds import CALLS, MOST_REGISTERS, build, built, check_build, cuda, dry, launches
from cuda_cases import DIFFERENTIATED, DTYPES, grid, quadratic, rosenbrock
from gradient_kernel import make_gradient_kernel

import numgd
from numgd.first_order.apply import exact_options, make_start
from numgd.foundations.evaluator import CARRIED
from numgd.kernels.cpu.rules.step import Change
from numgd.kernels.cuda.rules import step
from numgd.kernels.cuda.solvers import many_problems as solve_many
from numgd.registry import METHODS, RULES
from numgd.solve.options import settings


def array(dtype, ndim):
    return numba.types.Array(numba.from_dtype(np.dtype(dtype)), ndim, "C")


def solver_signature(method, dtype, args):
    """Types of a solver kernel's arguments."""
    limits = settings(METHODS[method], np.dtype(dtype), None, None).options
    return (
        array(dtype, 2), array(dtype, 2), array(dtype, 3), numba.typeof(limits), args,
        array(dtype, 2), array(dtype, 1), array(np.int64, 2),
    )  # fmt: skip


def check(found, dtype, record_property):
    """What every kernel must satisfy."""
    for name in ("registers", "stack", "spills"):
        record_property(name, getattr(found, name))
    print(f"{found.registers} registers, {found.stack} bytes of stack, {found.spills} bytes spilled")
    assert found.spills == 0
    assert found.registers < MOST_REGISTERS
    for name in CALLS:
        assert name not in found.ptx
    assert (".f64" in found.ptx) == (dtype == "float64")


@pytest.mark.parametrize(("method", "dtype"), grid("float32", default=("bfgs", "l-bfgs"), few=()))
def test_solver_kernel(method, dtype, record_property):
    kernel = solve_many.make_kernel(METHODS[method], quadratic, (True, False))
    args = numba.types.Tuple((array(dtype, 2), numba.from_dtype(np.dtype(dtype))))
    signature = solver_signature(method, dtype, args)
    check(build(kernel, signature), dtype, record_property)


@pytest.mark.parametrize("compiler", [cuda.jit(device=True), numba.njit], ids=["cuda.jit", "njit"])
def test_solver_kernel_takes_a_compiled_objective(compiler, record_property):
    kernel = solve_many.make_kernel(METHODS["gd"], compiler(rosenbrock), ())
    signature = solver_signature("gd", "float32", numba.types.Tuple(()))
    check(build(kernel, signature), "float32", record_property)


def test_a_gradient_that_allocates_is_refused():
    gradient = numgd.grad(DIFFERENTIATED["chained"])

    @cuda.jit
    def kernel(x, g):
        g[0] = gradient(x, 5)[0]

    with pytest.raises(Exception, match="in_a_CUDA_kernel_use_numgd_device_gradient"):
        build(kernel, (array("float64", 1), array("float64", 1)))


def test_a_gradient_kernel_calls_a_custom_derivative(record_property):
    square = numgd.autodiff.custom_vjp(lambda a: a * a, lambda grad, result, a: 2.0 * grad * a)

    def function(x, count):
        return square(x[0]) * square(x[1] * count)

    kernel = make_gradient_kernel(function, "float64")
    rows, row, numbers = array("float64", 2), array("float64", 1), array(np.int64, 1)
    check(build(kernel, (rows, rows, rows, row, numbers, numba.int64)), "float64", record_property)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DIFFERENTIATED)
def test_gradient_kernel(name, dtype, record_property):
    kernel = make_gradient_kernel(DIFFERENTIATED[name], dtype)
    rows, row = array(dtype, 2), array(dtype, 1)
    signature = (rows, rows, rows, row, array(np.int64, 1), numba.types.int64)
    found = build(kernel, signature)
    assert found.spills == 0
    for name in ("malloc", "NRT_", "vprintf"):
        assert name not in found.ptx


# Update rules -----------------------------------------------------------------------------------------------


def table_of(dtype, sizes=(64,)):
    """A table of arrays on the device."""
    arrays = [dry(np.zeros(size, dtype)) for size in sizes]
    table = step.Table(arrays)
    table.point(step.P, arrays)
    table.point(step.G, [dry(np.zeros(size, dtype)) for size in sizes])
    return table


def stepped(name, dtype, average=False, arch=90):
    """The kernels of one step of a rule, by name: pairs of launches and builds."""

    def drive():
        rule, table = RULES[name], table_of(dtype)
        slots, options = table.memory(len(rule.slots)), exact_options(rule, rule.options())
        table.start(make_start(rule), slots, options)
        made.clear()  # what filled memories
        change = Change(np.ones(1), 0.0, 1.0, np.inf)
        kept = (table.memory(), 0.5, 0.5) if average else None
        table.step(rule, slots, options, 1.0, np.zeros(CARRIED), change, kept)

    with launches() as made:
        drive()
    distinct = {one.kernel.py_func.__name__: one for one in made}
    distinct.pop("_fill", None)
    return {name: (one, one.build(arch)) for name, one in distinct.items()}


def wide(ptx, what):
    """The number of loads ("ld") or stores ("st") of 16 bytes in machine code."""
    return len(re.findall(rf"\b{what}\.global(?:\.nc)?\.(?:v4\.[a-z]32|v2\.[a-z]64)", ptx))


@pytest.mark.parametrize(("name", "dtype"), grid("float32", RULES, ("lamb", "adan", "lion", "sgd", "rprop")))
def test_rule(name, dtype, record_property):
    rule = RULES[name]
    for kernel, (made, found) in stepped(name, dtype).items():
        sums = kernel in ("measure", "adapt")  # which are in float64
        check_build(made, found, dtype, in_float64=sums)
        record_property(f"{kernel} registers", found.registers)
        if kernel == "step":  # the loop may be there several times, for what the coefficients decide
            each = 1 if dtype == "float32" else 2  # accesses of four numbers
            loops, rest = divmod(wide(found.ptx, "st"), each * (1 + len(rule.slots)))
            assert loops >= 1 and rest == 0
            assert wide(found.ptx, "ld") <= loops * each * (2 + len(rule.slots))


@pytest.mark.parametrize("arch", [80, 90])
def test_adam_moves_28_bytes_for_each_parameter(arch):
    made, found = stepped("adam", "float32", arch=arch)["step"]
    check_build(made, found, "float32")
    main = found.ptx.split("ld.global.v4", 1)[1].rsplit("st.global.v4", 1)[0]
    assert not re.search(r"\b(ld|st)\.(global|local)(?!\.v4)", main)  # nothing else lies between them
    assert 4 * (wide(found.ptx, "ld") + wide(found.ptx, "st")) == 28


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_with_an_average_reads_the_parameters_once(dtype):
    made, found = stepped("adam", dtype, average=True)["step"]
    check_build(made, found, dtype)
    each = 1 if dtype == "float32" else 2
    assert (wide(found.ptx, "ld"), wide(found.ptx, "st")) == (5 * each, 4 * each)


@pytest.mark.parametrize("dtype", DTYPES)
def test_other_kernels_of_rules(dtype):
    def drive():
        table = table_of(dtype)
        flat = table.memory()
        table.measure()
        table.combine(step.P, flat, 0.5, 0.5)
        table.position(RULES["asgd"], flat, table.memory(2), (dtype.type(1),) * 4)

    dtype = np.dtype(dtype)
    for made, found in built(drive):
        check_build(made, found, dtype, in_float64=made.kernel.py_func.__name__ == "_measure")


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_kernel(dtype):
    def drive():
        table = table_of(dtype)
        table.add_noise(table.memory(), np.ones(1), 1.0, 1.0, 1, np.uint64(1))

    # CUDA's cosine in float32 has a path in float64 and local memory, for arguments that are never met here.
    for made, found in built(drive):
        assert found.spills == 0 and found.registers < MOST_REGISTERS, made


def test_neighbours_are_one_launch():
    whole, slope = dry(np.zeros(64, np.float32)), dry(np.zeros(64, np.float32))
    table = step.Table([whole[:24], whole[24:]])
    with launches() as made:
        table.point(step.P, [whole[:24], whole[24:]])
        table.point(step.G, [slope[:24], slope[24:]])
        rule, change = RULES["gd"], Change(np.ones(2), 0.0, 1.0, np.inf)
        table.step(rule, table.memory(0), rule.options(), 1.0, np.zeros(CARRIED), change)
    (only,) = (one for one in made if one.kernel.py_func.__name__ == "step")
    assert only.arguments[0].size == 64
