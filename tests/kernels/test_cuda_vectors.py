"""The kernels of the vector space of a device as machine code, and what solvers launch."""

from collections import Counter

import numpy as np
import pytest
from cuda_builds import accesses, built, check_build, dry_empty, launches

from numgd.first_order import RULES
from numgd.kernels.cuda import vector_forms, vectors
from numgd.kernels.cuda.solvers import one_problem
from numgd.kernels.cuda.vectors import DEVICE
from numgd.registry import METHODS
from numgd.second_order import box, fista, l1, lbfgs, owlqn

N = 4096
CASES = [
    (np.float32, 90),
    *(pytest.param(dtype, arch, marks=pytest.mark.slow) for dtype, arch in (
        (np.float64, 90), (np.float32, 80), (np.float64, 80),
    )),
]  # fmt: skip


def space_of(dtype):
    """A `Solve` and four of its vectors."""
    solve = vectors.Solve(N, dtype)
    return solve, [solve.vector(dry_empty(N, dtype)) for _ in range(4)]


def every_operation(dtype):
    """Launch all kernels of the space."""
    solve, (x, y, z, p) = space_of(dtype)
    DEVICE.copy(x, y)
    DEVICE.axpy(x, DEVICE.dot(z, p), p)
    DEVICE.dot(x, z)
    DEVICE.scale(x, 2.0)
    DEVICE.dot(x, x)
    DEVICE.scale(x, 2.0)
    DEVICE.step(y, x, 0.5, p)
    DEVICE.max_abs(y)
    DEVICE.power_sum(y, 1.0)
    solve.launch_pending()


def every_form(dtype):
    """Launch the kernels of the solvers' loops."""
    _, (x, y, z, p) = space_of(dtype)
    two = dtype(2)
    DEVICE.form(box.clip)(x, y, z)
    DEVICE.form(box.land)(x, p, y, z)
    DEVICE.form(box.projected_gradient)(x, y, two, z, p, p)
    DEVICE.form(l1.minimum_norm_subgradient)(x, y, z, two, p, p)
    DEVICE.form(l1.soft_threshold)(x, y, two, z, two)
    DEVICE.form(l1.absolute_sum)(x)
    DEVICE.form(owlqn.align)(x, y, z)
    DEVICE.form(owlqn.directional)(x, y, z)
    DEVICE.form(owlqn.leave_out)(x, y, z, p, p)
    DEVICE.form(owlqn.orthant_step)(x, y, two, z)
    DEVICE.form(owlqn.stay_on_bounds)(x, y, z, p, p)
    DEVICE.form(fista.expansion)(x, y, z)
    DEVICE.form(fista.turns)(x, y, z)
    vector_forms._count_steep(x, y, two)


SUMS = ("dot", "power_sum", "absolute_sum", "directional", "turns", "steep", "expansion", "measure")


def sums(made):
    """Whether a kernel adds up in float64."""
    return made.kernel.py_func.__name__.endswith(SUMS)


@pytest.mark.parametrize(("dtype", "arch"), CASES)
def test_the_space_accesses_sixteen_bytes(dtype, arch):
    found = built(lambda: every_operation(dtype), arch)
    names = {made.kernel.py_func.__name__ for made, _ in found}
    assert names == {"scaled", "combined", "scaled_dot", "combined_dot", "dot", "max_abs", "power_sum"}
    for made, code in found:
        check_build(made, code, dtype, in_float64=sums(made))
        assert 16 in accesses(code.ptx)["ld"], made.kernel
        if "out" in made.kernel.py_func.__code__.co_varnames:
            assert 16 in accesses(code.ptx)["st"], made.kernel
        assert code.registers <= 64, made.kernel  # 32 warps at a time


@pytest.mark.parametrize(("dtype", "arch"), CASES)
def test_loops_of_solvers_are_kernels(dtype, arch):
    found = built(lambda: every_form(dtype), arch)
    assert len(found) == 14
    for made, code in found:
        check_build(made, code, dtype, in_float64=sums(made))


def steps(dtype, names):
    for name in names:
        rule = RULES[name]
        _, (x, g, *_) = space_of(dtype)
        slots = vectors.Rows(x.solve, len(rule.slots))
        running = np.zeros(4, dtype)
        options = type(rule.options())(*map(dtype, rule.options()))
        with np.errstate(all="ignore"):
            DEVICE.form(vector_forms.apply.make_apply)(rule)(x, g, slots, options, dtype(1), running)


SOME = ("gd", "adam", "lamb")


def test_steps_of_rules_are_kernels():
    for made, code in built(lambda: steps(np.float32, ("gd", "adam", "lamb"))):
        check_build(made, code, np.float32, in_float64=sums(made))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_of_all_rules_are_kernels(dtype):
    for made, code in built(lambda: steps(dtype, RULES)):
        check_build(made, code, dtype, in_float64=sums(made))


def test_every_rule_and_method_that_says_so_has_its_forms():
    for method in METHODS.values():
        if method.over_device_vectors:
            one_problem.entry(method)


# What an iteration of L-BFGS launches -----------------------------------------------------------------------


def moved(launch):
    """Vectors that a launch reads, each once, and writes."""
    writes = "out" in launch.kernel.py_func.__code__.co_varnames
    arguments = launch.arguments[1:] if writes else launch.arguments
    return len({id(a) for a in arguments if getattr(a, "size", 0) == N}) + writes


def test_the_recursion_of_lbfgs_reads_each_pair_twice_and_waits_for_nothing(monkeypatch):
    count, waits = 10, []
    dtype = np.float32
    with launches() as made:
        solve, (p, g, x, _) = space_of(dtype)
        model = lbfgs.make_model(DEVICE)
        memory = vectors.Rows(solve, 2 * count + 1)
        monkeypatch.setattr(vectors.target, "fetch", lambda array: waits.append(1))
        del made[:]
        model.direct(None, x, p, g, memory, count, None)
        slope = DEVICE.dot(g, p)
        assert not waits
        assert slope.index
    names = Counter(one.kernel.py_func.__name__ for one in made)
    assert names == {"scaled_dot": 2, "combined_dot": 2 * count - 1, "combined": 1, "dot": 1}
    assert sum(moved(one) for one in made) == 8 * count + 6
