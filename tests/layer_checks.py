"""What tests of layers share: derivatives by differences, poisoned memory, thread counts."""

import numba
import numpy as np


def poisoned(shape, dtype):
    """Memory that shows what was not written."""
    return np.full(shape, np.nan, dtype)


def assert_gradients(function, gradients, arrays, seed=0, step=1e-5, rtol=1e-6):
    """Compare gradients with central differences along random directions, in float64.

    `gradients` are those of ``sum(grad * function(*arrays))``, as a function of `grad`; None is skipped.
    """
    rng = np.random.default_rng(seed)
    grad = rng.normal(size=function(*arrays).shape)
    found = gradients(grad)
    for k, gradient in enumerate(found):
        if gradient is None:
            continue
        assert gradient.shape == arrays[k].shape
        for _ in range(3):
            direction = rng.normal(size=arrays[k].shape)
            ends = []
            for sign in (1, -1):
                moved = [*arrays[:k], arrays[k] + sign * step * direction, *arrays[k + 1 :]]
                ends.append(np.sum(grad * function(*moved)))
            slope = (ends[0] - ends[1]) / (2 * step)
            scale = np.linalg.norm(gradient) * np.linalg.norm(direction) + np.linalg.norm(grad)
            assert abs(np.sum(gradient * direction) - slope) < rtol * scale


def at_thread_counts(call):
    """What a call gives with one thread and with all; arrays are copied."""
    before = numba.get_num_threads()
    results = []
    try:
        for threads in (1, numba.config.NUMBA_NUM_THREADS):
            numba.set_num_threads(threads)
            answer = call()
            answer = answer if isinstance(answer, tuple) else (answer,)
            results.append([array.copy() for array in answer])
    finally:
        numba.set_num_threads(before)
    return results


def assert_same_bits(call):
    """The bits of the results do not depend on the number of threads."""
    for one, all_threads in zip(*at_thread_counts(call), strict=True):
        assert one.tobytes() == all_threads.tobytes()


def relative(found, wanted):
    """‖found - wanted‖ / ‖wanted‖ in float64."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    assert found.shape == wanted.shape
    if not wanted.size:
        return 0.0
    return np.linalg.norm(found - wanted) / max(np.linalg.norm(wanted), np.finfo(float).tiny)
