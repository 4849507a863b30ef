"""What cannot be differentiated is refused, with the function's name, the line, and the construct."""

# ruff: noqa: NPY002

import contextlib
import inspect
import math
import re

import numpy as np
import pytest
from numba import njit, objmode
from numba.typed import Dict, List

import numgd
from autodiff.families.case import copied
from autodiff.functions import REFUSED as REFUSED_CASES
from numgd.autodiff import NotDifferentiable

COUNTER = 0
X = np.array([0.7, -1.3, 0.4, 1.9])


class Plain:
    """No object that Numba knows."""

    factor = 2.0

    def __call__(self, value):
        return 2.0 * value


thing = Plain()


@njit
def tiles(x):
    y = np.tile(x, 2)  # line
    return y[0] ** 2


def uses_dict(x):
    table = {0: x[0], 1: x[1]}  # line
    return table[0] * table[1]


def uses_typed_dict(x):
    table = Dict()  # line
    table[0] = x[0]
    return table[0] ** 2


def uses_typed_list(x):
    values = List()  # line
    values.append(x[0])
    return values[0] ** 2


def uses_append(x):
    values = [x[0]]  # line
    values.append(x[1])  # line
    return values[0] * values[1]


def uses_list_comprehension(x):
    values = [v**2 for v in x]  # line
    return values[0] + values[1]


def uses_generator_expression(x):
    return sum(v**2 for v in x)  # line


def uses_set(x):
    kinds = {1, 2, 3}  # line
    return x[0] * len(kinds)


def uses_strings(x):
    name = "a" + "b"  # line
    return x[0] * len(name)


def uses_formatted_strings(x):
    name = f"{x.size}"  # line
    return x[0] * len(name)


def uses_try(x):
    try:  # line
        y = x[0] ** 2
    except Exception:
        y = 0.0
    return y


def uses_with(x):
    with objmode(y="float64"):  # line
        y = x[0] ** 2
    return y


def uses_context_manager(x):
    with contextlib.suppress(ValueError):  # line
        return x[0] ** 2
    return 0.0


def uses_global(x):
    global COUNTER  # line
    COUNTER = COUNTER + 1
    return x[0] ** 2 * COUNTER


def uses_delete(x):
    y = x[0] ** 2
    z = y * x[1]
    del y  # line
    return z


def uses_decorated_function(x):
    @njit  # line
    def inner(value):  # line
        return value**2

    return inner(x[0])


def uses_keywords_of_an_inner_function(x):
    def inner(value, power=2.0):
        return value**power

    return inner(x[0], power=3.0)  # line


def uses_a_variable_that_is_set_again(x):
    scale = x[0]

    def inner(value):
        return value * scale  # line

    scale = scale * 2.0
    return inner(x[1])


def uses_yield(x):
    for value in x:
        yield value**2  # line


def uses_complex_literal(x):
    z = x[0] + 1j * x[1]  # line
    return z.real**2


def uses_complex_constructor(x):
    z = complex(x[0], x[1])  # line
    return abs(z)


def uses_complex_array(x):
    z = np.zeros(2, dtype=np.complex128)  # line
    z[0] = x[0]
    return z[0].real ** 2


def uses_random(x):
    return x[0] * np.random.normal()  # line


def uses_tile(x):
    y = np.tile(x, 2)  # line
    return y[0] * y[5] ** 2


def uses_squeeze(x):
    return np.squeeze(x[:1])  # line


def uses_fft(x):
    return np.abs(np.fft.fft(x)[1])  # line


def uses_eigenvalues(x):
    a = np.outer(x, x)
    return np.linalg.eigvals(a)[0]  # line


def uses_python_object(x):
    return thing(x[0])  # line


def uses_attribute_of_an_object(x):
    return x[0] * thing.factor  # line


def uses_unknown_name(x):
    return undefined_function(x[0])  # noqa: F821  # line


def uses_print(x):
    print(x[0])  # line
    return x[0] ** 2


def uses_open(x):
    return float(open("/dev/null").read()) * x[0]  # line


def uses_starred_assignment(x):
    first, *rest = (x[0], x[1], x[2])  # line
    return first * rest[0]


def uses_walrus(x):
    if (y := x[0] ** 2) > 0.1:  # line
        return y
    return 0.0


def uses_match(x, kind):
    match kind:  # line
        case 0:
            return x[0] ** 2
        case _:
            return x[1]


def uses_import(x):
    import math as mathematics  # line

    return mathematics.sin(x[0])


def uses_boolean_mask(x):
    y = x.copy()
    y[x > 0.0] = 2.0  # line
    return np.sum(y**2)


def uses_view_of_another_type(x):
    y = x.view(np.int64)  # line
    return x[0] * y[0]


def writes_into_a_list_argument(x, values):  # line
    values[0] = x[0] ** 2  # line
    return values[0] * values[1]


def refused_in_a_callee(x):
    return tiles(x) * x[0]


def writes_into_a_global(x):
    X[0] = x[0]  # line
    return X[0] ** 2


REFUSED = {
    uses_dict: r"dict",
    uses_typed_dict: r"dict",
    uses_typed_list: r"list",
    uses_append: r"append|list",
    uses_list_comprehension: r"comprehension",
    uses_generator_expression: r"generator|comprehension",
    uses_set: r"\bset\b",
    uses_strings: r"str",
    uses_formatted_strings: r"str",
    uses_try: r"\btry\b",
    uses_with: r"\bwith\b",
    uses_context_manager: r"\bwith\b",
    uses_global: r"global",
    uses_delete: r"\bdel",
    uses_decorated_function: r"decorated function 'inner'",
    uses_keywords_of_an_inner_function: r"inner function 'inner' with keywords",
    uses_a_variable_that_is_set_again: r"'scale', which is set after",
    uses_yield: r"yield|generator",
    uses_complex_literal: r"complex",
    uses_complex_constructor: r"complex",
    uses_complex_array: r"complex",
    uses_random: r"random",
    uses_tile: r"tile",
    uses_squeeze: r"squeeze",
    uses_fft: r"fft",
    uses_eigenvalues: r"eigvals",
    uses_python_object: r"thing",
    uses_attribute_of_an_object: r"thing",
    uses_unknown_name: r"undefined_function",
    uses_print: r"print",
    uses_open: r"open",
    uses_starred_assignment: r"star|\*rest",
    uses_walrus: r":=|assignment expression|NamedExpr|walrus",
    uses_match: r"match",
    uses_import: r"import",
    uses_boolean_mask: r"mask|index|bool",
    uses_view_of_another_type: r"view",
    writes_into_a_list_argument: r"list|values",
    writes_into_a_global: r"\bX\b|global|constant",
}
"""Functions, and what the message says of the construct."""

OTHER_ARGUMENTS = {
    uses_match: (1,),
    writes_into_a_list_argument: ([1.0, 2.0],),
}


def names_a_line(message, function):
    """Whether a message has the number, in its file, of a line that is marked."""
    lines, first = inspect.getsourcelines(function)
    marked = [first + i for i, text in enumerate(lines) if text.rstrip().endswith("# line")]
    assert marked
    return any(re.search(rf"\b{number}\b", message) for number in marked)


@pytest.mark.parametrize("function", REFUSED, ids=lambda function: function.__name__)
def test_refused_with_name_line_and_construct(function):
    with pytest.raises(NotDifferentiable) as caught:
        numgd.grad(function)(X.copy(), *OTHER_ARGUMENTS.get(function, ()))
    message = str(caught.value)
    assert function.__name__ in message
    assert names_a_line(message, function), message
    without_name = message.replace(function.__name__, "")
    assert re.search(REFUSED[function], without_name, re.IGNORECASE), message


@pytest.mark.parametrize("derive", ["value_and_grad", "jvp", "hessp", "hessian"])
def test_every_derivative_refuses(derive):
    vector = (X.copy(),) if derive in ("jvp", "hessp") else ()
    with pytest.raises(NotDifferentiable, match="tile"):
        getattr(numgd, derive)(uses_tile)(X.copy(), *vector)


UNKNOWN_ARGUMENTS = [
    lambda x: np.sum(np.linspace(0.0, x[0], 4, False)),
    lambda x: np.sum(x * np.argmax(np.outer(x, x), 0)),
    lambda x: round(x[0], 2) * x[1],
    lambda x: np.sum(np.eye(4, k=1) * x),
    lambda x: np.sum(np.dot(x, np.outer(x, x), np.empty(4))),
    lambda x: sum(x, x[0]),
    lambda x: np.sum(np.clip(x, 0.0, 1.0, np.empty(4))),
    lambda x: np.sum(np.sin(x, np.empty(4))),
    lambda x: np.sum(x, 0, np.float32),
    lambda x: np.sum(x, axis=0, keepdims=True)[0],
    lambda x: np.max(x, initial=3.0),
    lambda x: np.sum(np.zeros_like(x, np.float64, order="F") + x),
    lambda x: np.linalg.norm(x, axis=0),
    lambda x: np.flip(x, 0)[0],
    lambda x: np.roll(x, 1, 0)[0],
    lambda x: np.repeat(x, 2, 0)[0],
    lambda x: np.sort(x, axis=0)[0],
    lambda x: np.median(x, axis=0),
    lambda x: np.cumprod(x, 0)[2],
    lambda x: np.interp(0.5, x, x, 0.0),
    lambda x: np.linalg.eigh(np.outer(x, x), "U")[0][1],
    lambda x: np.sum(np.diff(x, 2)),
    lambda x: np.var(x, ddof=1),
    lambda x: np.sum(np.searchsorted(x, x, sorter=np.argsort(x)) * x),
    lambda x: max(x[0], x[1], key=abs),
    lambda x: np.sum(np.array(x, copy=False)),
    lambda x: x.sum(0, 1),
    lambda x: np.trace(np.outer(x, x), 1),
]


@pytest.mark.parametrize("function", UNKNOWN_ARGUMENTS)
def test_arguments_that_are_not_known_are_refused(function):
    with pytest.raises(NotDifferentiable, match=r"arguments|argument|further"):
        numgd.grad(function)(X.copy())


def test_a_refusal_in_a_callee_names_the_callee():
    with pytest.raises(NotDifferentiable) as caught:
        numgd.grad(refused_in_a_callee)(X.copy())
    message = str(caught.value)
    assert "tiles" in message
    assert names_a_line(message, tiles.py_func), message


def test_a_refusal_is_a_type_error():
    assert issubclass(NotDifferentiable, TypeError)


def test_a_function_without_source_is_refused():
    namespace = {"math": math}
    exec("def hidden(x):\n    return math.sin(x[0])\n", namespace)
    with pytest.raises(NotDifferentiable, match="hidden"):
        numgd.grad(namespace["hidden"])(X.copy())


@pytest.mark.parametrize("given", [3, "text", None, np.sin, thing], ids=lambda given: type(given).__name__)
def test_what_is_no_python_function_is_a_type_error(given):
    with pytest.raises(TypeError):
        numgd.grad(given)(X.copy())


def test_an_integer_argument_is_not_differentiated():
    def square(k):
        return k * k * 1.0

    with pytest.raises(TypeError):
        numgd.grad(square)(3)


def test_argnum_beyond_the_arguments_is_refused():
    with pytest.raises((TypeError, ValueError)):
        numgd.grad(no_argument_more, argnum=2)(X.copy())


def no_argument_more(x):
    return x[0] ** 2


def vector_valued(x):
    return x * 2.0


def test_the_gradient_of_a_vector_is_refused():
    with pytest.raises(TypeError):
        numgd.grad(vector_valued)(X.copy())


def test_the_jacobian_of_a_number_is_refused_or_has_one_row():
    try:
        found = numgd.jacobian(no_argument_more)(X.copy())
    except TypeError:
        return
    np.testing.assert_allclose(np.ravel(found), [2.0 * X[0], 0.0, 0.0, 0.0], atol=1e-15)


@pytest.mark.parametrize("given", REFUSED_CASES, ids=lambda given: given.name)
def test_cases_that_compile_but_are_refused(given):
    with pytest.raises(NotDifferentiable, match=r"recursive|written into|arguments"):
        numgd.grad(given.function)(*copied(given.arguments))


def test_a_number_repeated_by_an_array_of_counts():
    with pytest.raises(NotDifferentiable, match="of a number, with an array of counts"):
        numgd.grad(lambda x: np.sum(np.repeat(x[0], np.array([2, 1]))))(np.ones(2))
