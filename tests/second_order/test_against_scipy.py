"""Every second-order method solves as many of the standard problems as SciPy does, as cheaply."""

import numpy as np
import pytest
from problems import PROBLEMS, UNBOUNDED, problem
from scipy_peers import PEERLESS, PEERS, compare, solve, summary

import numgd
from numgd.second_order import METHODS

SMALL = [given.name for given in PROBLEMS if given.x0.size <= 60]
LARGE = [given.name for given in PROBLEMS if given.x0.size > 60]
RATIO = 1.1  # evaluations over SciPy's, geometric mean

# Where SciPy takes minutes: its BFGS multiplies n×n matrices.
BEYOND = {"BFGS": 500}


peers = pytest.mark.parametrize(
    "peer",
    [pytest.param(peer, id=str(peer), marks=[] if peer.binding else [pytest.mark.slow]) for peer in PEERS],
)
methods = pytest.mark.parametrize("method", METHODS)


def named(problems):
    return pytest.mark.parametrize("given", problems, ids=lambda given: given.name)


def test_every_method_is_compared():
    assert {peer.method for peer in PEERS} | PEERLESS == {*METHODS}


def check(peer, names):
    pairs = [compare(peer, name) for name in names]
    found = summary(pairs)
    lost = [f"{pair.name}: {pair.ours.said}" for pair in pairs if pair.theirs_solved and not pair.ours_solved]
    if peer.binding:
        assert found.ours_solved >= found.theirs_solved, lost
        assert found.same >= 0.9 * found.theirs_solved
        assert all(ratio is None or ratio <= RATIO for ratio in found.ratios.values()), found
    else:
        assert found.ours_solved >= 0.8 * len(names), lost


@peers
def test_small_problems(peer):
    check(peer, SMALL)


@pytest.mark.slow
@peers
def test_large_problems(peer):
    limit = BEYOND.get(peer.scipys, np.inf)
    check(peer, [name for name in LARGE if problem(name).x0.size <= limit])


@methods
@named(UNBOUNDED)
def test_no_success_without_a_minimum(method, given):
    result = solve(method, given, np.inf)
    assert not result.success
    assert result.fun <= given.fun(given.x0)
    # Where the fall is exponential a model may overflow before the end is in sight.
    overflown = result.fun < -1e100 and result.status == numgd.Status.NOT_FINITE
    assert overflown or result.status == numgd.Status.UNBOUNDED


@methods
@named([given for given in PROBLEMS if "optimal_start" in given.tags])
def test_nothing_to_do_at_the_optimum(method, given):
    result = solve(method, given, np.inf)
    assert result.status == numgd.Status.CONVERGED_GRADIENT
    assert (result.nit, result.nfev, result.njev) == (0, 1, 1)
    assert np.array_equal(result.x, given.x0)
