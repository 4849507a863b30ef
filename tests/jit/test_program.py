"""Recorded programs: constants of every type, failures, threads and what is restored."""

import gc
import threading
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher

from numgd.jit.program import Program, Recording, is_recording, scratch


@njit
def put(number, out):
    out[0] = number


@njit
def put_all(numbers, out):
    for i in range(len(numbers)):
        out[i] = numbers[i]


@njit
def add_one(x):
    x += 1


@njit
def total(x):
    return x.sum()


@njit
def fails(x):
    if x[0] > 0:
        raise ValueError("positive")
    x[0] += 1


class Pair(NamedTuple):
    first: int
    second: tuple


@njit
def put_pair(pair, out):
    out[0], out[1], out[2] = pair.first, pair.second[0], pair.second[1]


def recorded(work, watched=()):
    """The program of the calls in a function."""
    with Recording() as recording:
        work()
    return Program(recording.calls, watched)


NUMBERS = {
    "float": (np.pi, np.float64),
    "tiny": (5e-324, np.float64),
    "inf": (np.inf, np.float64),
    "-inf": (-np.inf, np.float64),
    "-0": (-0.0, np.float64),
    "float32": (np.float32(0.1), np.float32),
    "float32 tiny": (np.float32(1e-45), np.float32),
    "float32 inf": (np.float32(-np.inf), np.float32),
    "int": (-7, np.int64),
    "int64 min": (-(2**63), np.int64),
    "int32": (np.int32(-5), np.int32),
    "uint64": (np.uint64(2**64 - 1), np.uint64),
    "true": (True, np.int64),
    "false": (False, np.int64),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_as_constants(name):
    number, dtype = NUMBERS[name]
    out = np.zeros(1, dtype)
    program = recorded(lambda: put(number, out))
    out[0] = 3
    program.run()
    assert out.tobytes() == np.array([number], dtype).tobytes()


def test_nan_as_constant():
    out = np.zeros(1)
    program = recorded(lambda: put(np.nan, out))
    out[0] = 0
    program.run()
    assert np.isnan(out[0])


def test_tuples_as_constants():
    out, other = np.zeros(3), np.zeros(3)
    program = recorded(lambda: (put_all((1, 2, 3), out), put_pair(Pair(4, (5, 6.5)), other)))
    out[:], other[:] = 0, 0
    program.run()
    assert out.tolist() == [1, 2, 3]
    assert other.tolist() == [4, 5, 6.5]


def test_arrays_of_any_layout():
    base = np.zeros((4, 6))
    views = [base[::2, 1::3], base.T[::3], base[3:], base[:0]]
    program = recorded(lambda: [add_one(view) for view in views])
    expected = base.copy()
    for view in (expected[::2, 1::3], expected.T[::3], expected[3:]):
        view += 1
    program.run()
    np.testing.assert_array_equal(base, expected)


def test_calls_are_carried_out_and_repeated_in_order():
    x, results = np.zeros(3), []

    def work():
        add_one(x)
        results.append(total(x))
        x[0] = 10  # not a compiled call: it is not repeated
        results.append(total(x))

    program = recorded(work, watched=(1, 2))
    assert results == [3.0, 12.0]
    x[:] = 5
    program.run()
    assert program.results.tolist() == [18.0, 18.0]


def test_results_of_integers():
    x = np.array([3, 4])
    program = recorded(lambda: total(x), watched=(0,))
    x[0] = -9
    program.run()
    assert program.results.tolist() == [-5.0]


def test_a_program_keeps_its_arrays():
    def work():
        x = np.zeros(100_000)
        add_one(x)
        return total(x)

    program = recorded(work, watched=(1,))
    gc.collect()
    others = [np.full(100_000, np.nan) for _ in range(5)]
    program.run()
    assert program.results[0] == 200_000
    assert len(others) == 5


def test_a_call_that_fails():
    x, y = np.array([-1.0]), np.zeros(1)
    program = recorded(lambda: (add_one(y), fails(x), add_one(y)))
    for _ in range(3):
        x[0], y[0] = 1.0, 0.0
        with pytest.raises(RuntimeError, match="fails failed in a recorded program"):
            program.run()
        assert y[0] == 1.0  # what follows is not computed
        x[0] = -5.0
        program.run()  # and the program can be run again
        assert (x[0], y[0]) == (-4.0, 3.0)


def test_what_cannot_be_recorded():
    x = np.zeros(1, complex)
    with pytest.raises(TypeError, match="complex128"):
        recorded(lambda: put(1j, x))
    y = np.zeros(1)
    with pytest.raises(TypeError, match="put has keyword arguments"):
        recorded(lambda: put(number=1.0, out=y))
    assert Dispatcher.__call__ is not _noted()


def _noted():
    """What is in the slot while something is recorded."""
    with Recording():
        return Dispatcher.__call__


def test_everything_is_restored():
    plain = Dispatcher.__call__
    x = np.zeros(1)
    with pytest.raises(KeyboardInterrupt), Recording() as recording:
        assert is_recording()
        add_one(x)
        raise KeyboardInterrupt
    assert not is_recording()
    assert Dispatcher.__call__ == plain
    add_one(x)
    assert len(recording.calls) == 1
    with pytest.raises(ValueError, match="positive"), Recording() as recording:
        fails(np.ones(1))
    assert not recording.calls  # a call that failed is none
    assert Dispatcher.__call__ == plain


def test_nested_recordings():
    x, y = np.zeros(1), np.zeros(1)
    with Recording() as outer:
        add_one(x)
        with Recording() as inner:
            add_one(y)
        add_one(x)
        assert is_recording()
    assert [a is x for _, (a,) in outer.calls] == [True, True]
    assert [a is y for _, (a,) in inner.calls] == [True]


def test_other_threads_are_not_recorded():
    x, y, entered, done = np.zeros(1), np.zeros(1), threading.Event(), threading.Event()

    def other():
        entered.wait(10)
        add_one(x=y)  # with its own manner of calling
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with Recording() as recording:
        add_one(x)
        entered.set()
        assert done.wait(10)
    thread.join()
    assert y[0] == 1.0
    assert len(recording.calls) == 1


def test_recordings_of_many_threads():
    plain, failures = Dispatcher.__call__, []

    def record(k):
        x = np.zeros(1)
        for _ in range(200):
            with Recording() as recording:
                for _ in range(k):
                    add_one(x)
            if len(recording.calls) != k:
                failures.append(k)

    workers = [threading.Thread(target=record, args=(k,)) for k in range(1, 7)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
    assert Dispatcher.__call__ == plain


def test_programs_run_without_the_gil():
    """Two threads inside one function at the same time: each waits for what the other writes."""

    @njit(nogil=True)
    def meet(own, others):
        own[0] = 1
        for _ in range(20_000_000_000):
            if others[0] == 1:
                return 1
            own[0] = 1
        return 0

    a, b = np.ones(1, np.int64), np.ones(1, np.int64)
    programs = [recorded(lambda: meet(a, b), (0,)), recorded(lambda: meet(b, a), (0,))]
    a[:], b[:] = 0, 0
    threads = [threading.Thread(target=program.run) for program in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [program.results[0] for program in programs] == [1, 1]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_scratch(dtype):
    def block(shape):
        memory = scratch(shape, dtype)
        assert memory.shape == shape
        assert memory.dtype == dtype
        assert memory.size == 0 or memory.ctypes.data % 64 == 0
        return memory

    assert not np.shares_memory(block((3, 5)), block((3, 5)))
    with Recording() as recording:
        blocks = [block((3, 5)), block((0,)), block((70_000,)), block((1,)), block((300_000,)), block((7,))]
        for i, one in enumerate(blocks):
            assert not any(np.shares_memory(one, other) for other in blocks[:i])
        recording.forget_scratch()
        before = block((9,))
        recording.forget_scratch()
        assert np.shares_memory(block((9,)), before)
