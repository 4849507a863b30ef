"""Gradients of random programs against differences."""

import importlib.util
import itertools
import sys

import numpy as np
import pytest

import numgd
from autodiff.differences import richardson
from numgd.autodiff import NotDifferentiable

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, assume, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from numba import njit  # noqa: E402

EXAMPLES = 2
TOLERANCE = 1e-7

HEAD = """\
import math

import numpy as np
from numba import njit

WEIGHT = 0.8


@njit
def mixed(p, q, k=2):
    if p > q:
        return math.sin(p) * q + 0.1 * p**k
    return math.tanh(p - q) * k


@njit
def relaxed(out, rate):
    for i in range(1, out.size):
        out[i] = out[i] * rate + math.sin(out[i - 1])
    return out[0]


"""
SCALARS = ("a", "b", "c")
VECTORS = ("y", "z")
COUNTERS = ("i", "j", "k")


@st.composite
def programs(draw):
    """Source text of a module whose function `program` maps a vector of five and an integer to a number."""
    writer = Writer(draw)
    body = [
        "a, b = x[0], x[1] * 0.5",
        "c = 0.3",
        "y = x.copy()",
        draw(
            st.sampled_from(["z = np.zeros(5)", "z = np.ones_like(x)", "z = np.full(5, x[2])", "z = x * 0.5"])
        ),
    ]
    for _ in range(draw(st.integers(4, 9))):
        body += writer.statement(0, ())
    body.append("return a * b + math.sin(c) + np.sum(y * z) + 0.5 * np.sum(z**2)")
    return HEAD + "def program(x, n):\n" + "".join(f"    {line}\n" for line in body)


class Writer:
    """Draws statements; every value stays of moderate size."""

    def __init__(self, draw):
        self.draw = draw
        self.names = itertools.count()

    def pick(self, *choices):
        return self.draw(st.sampled_from(choices))

    def index(self, counters):
        return self.pick("0", "2", "4", "-1", "-2", *counters, *(f"({name} + 1) % 5" for name in counters))

    def value(self, counters, depth=2):
        """An expression."""
        kind = self.draw(st.integers(0, 13 if depth else 3))
        if kind == 0:
            return self.pick("0.7", "-1.3", "WEIGHT", "0.25 * n", *(f"0.2 * {name}" for name in counters))
        if kind == 1:
            return f"x[{self.index(counters)}]"
        if kind == 2:
            return f"{self.pick(*VECTORS)}[{self.index(counters)}]"
        if kind == 3:
            return self.pick(*SCALARS)
        one = self.value(counters, depth - 1)
        if kind <= 5:
            return self.pick(
                f"math.sin({one})", f"math.tanh({one})", f"math.exp(-(({one}) ** 2))", f"-({one})"
            )
        other = self.value(counters, depth - 1)
        if kind <= 9:
            return f"({one} {self.pick('+', '-', '*')} {other})"
        if kind == 10:
            return f"({one}) / (1.5 + ({other}) ** 2)"
        if kind == 11:
            return f"math.sqrt(1.0 + ({one}) ** 2)"
        if kind == 12:
            return f"mixed({one}, {other}{self.pick('', ', k=3')})"
        return f"({one} if {self.condition(counters)} else {other})"

    def bounded(self, counters):
        """An expression in [-1, 1] or so."""
        wrap = self.pick("math.sin({})", "math.tanh({})", "math.cos({})")
        return wrap.format(self.value(counters))

    def condition(self, counters):
        by_value = (
            f"{self.pick(*SCALARS, 'x[0]', 'y[1]')} {self.pick('<', '>')} {self.pick('0.1', '0.9', '-0.4')}"
        )
        by_count = (
            [f"{name} % 2 == 0" for name in counters] + [f"{name} > 1" for name in counters] + ["n > 2"]
        )
        simple = self.pick(by_value, *by_count)
        other = self.pick("", "", f" and {by_value}", f" or {by_count[-1]}")
        return self.pick(simple, simple, f"not ({simple})", simple + other)

    def block(self, depth, counters):
        lines = []
        for _ in range(self.draw(st.integers(1, 3))):
            lines += self.statement(depth + 1, counters)
        return [f"    {line}" for line in lines]

    def statement(self, depth, counters):
        """Lines of one statement."""
        kind = self.draw(st.integers(0, 19 if depth < 3 else 9))
        name = self.pick(*SCALARS)
        vector = self.pick(*VECTORS)
        if kind <= 1:
            return [f"{name} = {self.bounded(counters)}"]
        if kind == 2:
            return [f"{name} = 0.5 * {name} + {self.bounded(counters)}"]
        if kind == 3:
            return [
                self.pick(
                    f"{name} *= 0.9", f"{name} += {self.bounded(counters)}", f"{name} /= 1.0 + {name}**2"
                )
            ]
        if kind == 4:
            return [self.pick("a, b = b, a", f"a, c = c, {self.bounded(counters)}", "b = a")]
        if kind <= 6:
            return [f"{vector}[{self.index(counters)}] = {self.bounded(counters)}"]
        if kind == 7:
            change = self.pick("+= 0.3 *", "*= 0.5 +", "-= 0.2 *")
            return [f"{vector}[{self.index(counters)}] {change} {self.bounded(counters)}"]
        if kind == 8:
            return [
                self.pick(
                    f"{vector}[1:] = np.sin({vector}[:-1]) * {name}",
                    f"{vector}[:3] = x[2:] * 0.5",
                    f"{vector} = np.tanh({vector} * x + {name})",
                    f"{vector} = {vector} * 0.5 + x[::-1]",
                    "y = z.copy()",
                    "y, z = z, y",
                    f"{vector}[::2] *= 0.7",
                    f"{vector} += 0.1 * x",
                )
            ]
        if kind == 9:
            call = self.pick(f"relaxed({vector}, 0.4)", f"relaxed({vector}[2:], math.sin({name}))")
            return [f"{name} = {call}"]
        if kind <= 12:
            lines = [f"if {self.condition(counters)}:", *self.block(depth, counters)]
            if self.draw(st.booleans()):
                lines += [f"elif {self.condition(counters)}:", *self.block(depth, counters)]
            if self.draw(st.booleans()):
                lines += ["else:", *self.block(depth, counters)]
            return lines
        if kind <= 16 and len(counters) < len(COUNTERS):
            counter = COUNTERS[len(counters)]
            span = self.pick("range(4)", "range(1, 5)", "range(4, 0, -1)", "range(0, 5, 2)", "range(n)")
            head = f"for {counter} in {span}:"
            inside = (*counters, counter)
            return [head, *self.block(depth, inside), *self.leave(depth, inside), *self.block(depth, inside)]
        if kind == 17:
            return [
                f"for value in {self.pick('x', 'y.copy()')}:",
                f"    {name} = 0.5 * {name} + math.sin(value)",
            ]
        if kind == 18:
            count = f"count_{next(self.names)}"
            return [
                f"{count} = 0",
                f"while {count} < 3 and {name} < 5.0:",
                f"    {count} += 1",
                *self.block(depth, counters),
            ]
        return [f"if {self.condition(counters)}:", f"    return {self.bounded(counters)} + {name}"]

    def leave(self, depth, counters):
        """Maybe a way out of the loop."""
        way = self.pick("", "", "break", "continue")
        return [f"    if {self.condition(counters)}:", f"        {way}"] if way else []


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """A function that imports source text as a module with a file."""
    folder = tmp_path_factory.mktemp("programs")
    numbers = itertools.count()
    names = []

    def load(text):
        name = f"random_program_{next(numbers)}"
        path = folder / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        names.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in names:
        del sys.modules[name]


POINTS = np.array([[0.7, -1.3, 0.4, 1.9, -0.6], [-0.2, 0.55, 1.15, -0.85, 0.33]])


def compared(text, load):
    """How many points were smooth, after the gradient agreed with differences there."""
    program = load(text).program
    f = njit(program)
    gradient = numgd.value_and_grad(program)
    smooth = 0
    for x in POINTS:
        n = 3
        value = f(x.copy(), n)
        try:
            found_value, found = gradient(x.copy(), n)
        except NotDifferentiable as error:
            assert "written into" in str(error)  # under a second name: refused, not wrong
            return 0
        np.testing.assert_allclose(found_value, value, rtol=1e-13, atol=1e-13)
        expected = richardson(f, (x, n))
        scale = max(np.abs(expected.value).max(), 1.0)
        if expected.error.max() > 1e-9 * scale:  # a branch is too near
            continue
        smooth += 1
        np.testing.assert_allclose(found, expected.value, rtol=0.0, atol=TOLERANCE * scale)
    return smooth


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(text=programs())
def test_gradients_of_random_programs(text, imported):
    assume(compared(text, imported) > 0)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=programs())
def test_gradients_of_many_random_programs(text, imported):
    assume(compared(text, imported) > 0)
