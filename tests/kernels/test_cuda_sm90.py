"""The CUDA kernels as code for a real GPU (sm_90); neither a GPU nor a driver is needed to compile it."""

import re
from types import SimpleNamespace
from typing import NamedTuple

import numba
import numpy as np
import pytest
from cuda_cases import DIFFERENTIATED, DTYPES, SOME, grid, quadratic, rosenbrock

import numgd
from numgd.first_order.apply import coefficients_of, first_coefficients_of
from numgd.registry import METHODS, RULES
from numgd.solve.options import settings

pytest.importorskip("numba_cuda")
core = pytest.importorskip("cuda.core")
cuda = pytest.importorskip("numba.cuda")
if numba.cuda.config.ENABLE_CUDASIM:
    pytest.skip("the simulator compiles nothing", allow_module_level=True)

from gradient_kernel import make_gradient_kernel  # noqa: E402

from numgd.kernels.cuda.rules import step  # noqa: E402
from numgd.kernels.cuda.solvers import many_problems as solve_many  # noqa: E402

MOST_REGISTERS = 255  # of a thread; 65 536 of a multiprocessor


class Build(NamedTuple):
    """What the assembler says about a kernel."""

    registers: int
    stack: int  # bytes of local memory
    spills: int  # bytes stored and loaded
    ptx: str


def build(kernel, signature):
    """Compile a kernel for sm_90: link-time optimisation to PTX, then machine code."""
    codes, _ = cuda.compile_all(
        kernel.py_func, signature, device=False, abi="numba", cc=(9, 0), output="ltoir"
    )
    objects = [core.ObjectCode.from_ltoir(code) for code in codes]
    options = core.LinkerOptions(arch="sm_90", link_time_optimization=True, ptx=True)
    ptx = bytes(core.Linker(*objects, options=options).link("ptx").code).rstrip(b"\0")
    options = core.LinkerOptions(arch="sm_90", verbose=True, ptxas_options=["-v"])
    assembler = core.Linker(core.ObjectCode.from_ptx(ptx), options=options)
    assembler.link("cubin")
    log = assembler.get_info_log()
    numbers = {
        name: [int(number) for number in re.findall(pattern, log)]
        for name, pattern in (
            ("registers", r"Used (\d+) registers"),
            ("stack", r"(\d+) bytes stack frame"),
            ("spills", r"(\d+) bytes spill"),
        )
    }
    assert all(numbers.values()), log
    return Build(max(numbers["registers"]), max(numbers["stack"]), sum(numbers["spills"]), ptx.decode())


@pytest.fixture(autouse=True)
def no_device(monkeypatch):
    """Device functions are compiled for the current device: name one."""
    stub = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: stub)


def array(dtype, ndim):
    return numba.types.Array(numba.from_dtype(np.dtype(dtype)), ndim, "C")


def solver_signature(method, dtype, args):
    """Types of a solver kernel's arguments."""
    limits = settings(METHODS[method], np.dtype(dtype), None, None).options
    return (
        array(dtype, 2), array(dtype, 2), array(dtype, 3), numba.typeof(limits), args,
        array(dtype, 2), array(dtype, 1), array(np.int64, 2),
    )  # fmt: skip


def check(built, dtype, record_property):
    """What every kernel must satisfy."""
    for name in ("registers", "stack", "spills"):
        record_property(name, getattr(built, name))
    print(f"{built.registers} registers, {built.stack} bytes of stack, {built.spills} bytes spilled")
    assert built.spills == 0
    assert built.registers < MOST_REGISTERS
    for name in ("malloc", "NRT_", "vprintf", "__assertfail"):
        assert name not in built.ptx
    assert (".f64" in built.ptx) == (dtype == "float64")


@pytest.mark.parametrize(("method", "dtype"), grid("float32", default=SOME))
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
    built = build(kernel, signature)
    assert built.spills == 0
    for name in ("malloc", "NRT_", "vprintf"):
        assert name not in built.ptx


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_kernel(dtype, record_property):
    vector, real = array(dtype, 1), numba.from_dtype(np.dtype(dtype))
    counts = (numba.types.uint64, numba.types.uint64, numba.types.int64)
    built = build(step._make_add_noise(np.dtype(dtype)), (vector, vector, real, real, real, *counts))
    # CUDA's cosine in float32 has a path in float64, for arguments that are never met here.
    check(built, "float64", record_property)


@pytest.mark.parametrize(("name", "dtype"), grid("float32", RULES))
def test_step_kernel(name, dtype, record_property):
    rule = RULES[name]
    real = numba.from_dtype(np.dtype(dtype))
    vector, slots = array(dtype, 1), numba.types.Array(real, 2, "A")  # columns of a larger array
    coefficients = numba.types.UniTuple(real, coefficients_of(rule))
    check(
        build(step._make_step(rule), (vector, vector, slots, coefficients, *[real] * 4)),
        dtype,
        record_property,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.measure])
def test_kernel_of_a_rules_sums(name, dtype, record_property):
    rule = RULES[name]
    real = numba.from_dtype(np.dtype(dtype))
    vector, slots = array(dtype, 1), numba.types.Array(real, 2, "A")
    coefficients = numba.types.UniTuple(real, first_coefficients_of(rule))
    signature = (vector, vector, slots, coefficients, *[real] * 4, array("float64", 2))
    check(build(step._make_measure(rule), signature), "float64", record_property)  # sums are in float64
