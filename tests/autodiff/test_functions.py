"""The functions themselves: they compile, and differences say that they are smooth at their points."""

import inspect

import numpy as np
import pytest

from autodiff.differences import richardson, richardson_jacobian
from autodiff.families.case import copied
from autodiff.functions import CASES, COMPILED, FAMILIES, VECTOR_CASES


def named(cases, each):
    """Parameters; all but every so many of them are slow."""
    return pytest.mark.parametrize(
        "given",
        [
            pytest.param(given, id=given.name, marks=() if i % each == 0 else pytest.mark.slow)
            for i, given in enumerate(cases)
        ],
    )


def test_there_are_enough_of_every_kind():
    assert len(CASES) >= 130
    assert len({given.name for given in CASES + VECTOR_CASES}) == len(CASES + VECTOR_CASES)
    assert min(len(family) for family in FAMILIES.values()) >= 25
    assert 3 * sum(given.second for given in CASES) >= len(CASES)
    assert len(VECTOR_CASES) >= 20
    for given in CASES:  # Hessians are of one vector or one number
        assert not given.second or (
            isinstance(given.argnum, int) and np.ndim(given.arguments[given.argnum]) < 2
        )


@named(COMPILED, each=30)
def test_function_is_smooth_at_its_point(given):
    assert inspect.getsource(given.function)
    f = given.compiled()
    before = copied(given.arguments)
    value = f(*before)
    assert np.ndim(value) == 0
    assert np.isfinite(value)
    for argnum in given.argnums:
        np.testing.assert_array_equal(before[argnum], given.arguments[argnum])  # it keeps its argument
        found = richardson(f, given.arguments, argnum)
        scale = max(np.abs(found.value).max(), abs(value) * 1e-2, 1e-2)
        assert found.error.max() <= 1e-8 * scale


@named(VECTOR_CASES, each=12)
def test_vector_function_is_smooth_at_its_point(given):
    f = given.compiled()
    value = f(*copied(given.arguments))
    assert value.ndim == 1
    assert np.isfinite(value).all()
    found = richardson_jacobian(f, given.arguments, given.argnum)
    assert found.error.max() <= 1e-8 * max(np.abs(found.value).max(), 1.0)
