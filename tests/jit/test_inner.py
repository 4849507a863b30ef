"""Functions that are called only by other compiled code."""

from numba import float64, njit

from numgd.jit.inner import InnerLibrary
from numgd.jit.portable import portable, seldom


@portable
def increased(x):
    return x + 1.0


@seldom
def doubled(x):
    return 2.0 * increased(x)


@portable
def both(x):
    return increased(x) - doubled(x) + x**3


@portable
def again(x):
    return both(x) + doubled(x)


def test_what_functions_share_is_linked_after_all_of_its_callers():
    @njit
    def outermost(x):
        return again(x) * increased(x)

    @njit
    def user(x):
        return outermost(x) + both(x)

    x = 1.5
    expected = (again(x) * increased(x), again(x) * increased(x) + both(x))
    assert (outermost(x), user(x)) == expected


def test_the_code_of_an_inner_function_is_its_own_alone():
    outermost = njit(lambda x: again(x))
    outermost.compile((float64,))
    seen, waiting = set(), list(outermost.overloads[(float64,)].library._linking_libraries)
    while waiting:
        library = waiting.pop()
        if isinstance(library, InnerLibrary) and library not in seen:
            seen.add(library)
            waiting.extend(library._linking_libraries)
    assert len(seen) == 4
    for library in seen:
        assert len([*library.get_defined_functions()]) == 1
