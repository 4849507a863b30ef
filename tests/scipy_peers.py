"""numgd's methods beside SciPy's on the standard problems: who solves what, and with how many evaluations.

Both sides get the same compiled functions, start, tolerance and norm of the gradient, no other stopping test
and the same limit of iterations.  SciPy's evaluations are counted where they happen, numgd's are as it
reports them.
"""

import math
import warnings
from functools import cache
from typing import NamedTuple

import numpy as np
from problems import problem
from scipy import optimize

import numgd
from numgd.registry import METHODS

GTOL = 1e-5
MAXITER = 5000
COUNTS = ("nfev", "njev", "nhev")


class Peer(NamedTuple):
    """A method of numgd and the method of SciPy that it is measured by."""

    method: str
    scipys: str
    norm: float  # of the gradient in both stopping tests
    binding: bool = True  # False: no method of SciPy's is the same, the figures are for information

    def __str__(self):
        return f"{self.method}~{self.scipys}"


PEERS = (
    Peer("bfgs", "BFGS", math.inf),
    Peer("l-bfgs", "L-BFGS-B", math.inf),
    Peer("l-bfgs-b", "L-BFGS-B", math.inf),
    Peer("cg", "CG", math.inf),
    Peer("newton-cg", "Newton-CG", math.inf),
    Peer("trust-exact", "trust-exact", 2.0),
    Peer("trust-ncg", "trust-ncg", 2.0),
    Peer("trust-krylov", "trust-krylov", 2.0),
    Peer("dogleg", "dogleg", 2.0),
    Peer("newton", "Newton-CG", math.inf),
    Peer("newton", "trust-exact", 2.0),
    Peer("dfp", "BFGS", math.inf, binding=False),
    Peer("sr1", "BFGS", math.inf, binding=False),
    Peer("broyden", "BFGS", math.inf, binding=False),
    Peer("cg-fr", "CG", math.inf, binding=False),
    Peer("cg-hs", "CG", math.inf, binding=False),
    Peer("cg-dy", "CG", math.inf, binding=False),
    Peer("cg-hz", "CG", math.inf, binding=False),
)
"""Every method of numgd that has a peer in SciPy, and what it is measured by."""

PEERLESS = frozenset(("steepest-descent", "owl-qn", "fista"))
"""Methods without one."""

_HESSIANS = frozenset(("Newton-CG", "trust-exact", "trust-ncg", "trust-krylov", "dogleg"))

# Where the gradient test at 1e-5 is met earlier than the value is accurate.
_FLAT = {
    "quartc": 1e-5,
    "broyden_tridiagonal_500": 2.0,
    "powell_badly_scaled": 1e-5,
    "penalty_1": 2e-6,
}


class Run(NamedTuple):
    """One solve of one problem."""

    success: bool  # the method says so, and the gradient at its point is within the tolerance
    fun: float  # at its point, evaluated anew
    gradient: float  # norm of the gradient there
    nfev: int
    njev: int
    nhev: int
    said: str


class Pair(NamedTuple):
    """The same problem solved by both."""

    name: str
    ours: Run
    theirs: Run
    ours_solved: bool
    theirs_solved: bool
    same: bool  # both solved it, at the same value

    def ratio(self, count):
        """Our evaluations over SciPy's; None where SciPy made none."""
        theirs = getattr(self.theirs, count)
        return max(1, getattr(self.ours, count)) / theirs if theirs else None


class Summary(NamedTuple):
    """A list of pairs in six numbers."""

    problems: int
    ours_solved: int
    theirs_solved: int
    same: int
    ratios: dict  # count to the geometric mean of its ratios where both solved, None without any


def settings(method, norm):
    """Options of a method of numgd that leave the gradient test alone to stop it."""
    names = {*METHODS[method].options._fields}
    wanted = {"gtol": GTOL, "norm": norm, "maxiter": MAXITER, "maxfun": 20 * MAXITER}
    wanted.update(ftol=0.0, xtol=0.0, xrtol=0.0)
    return {name: value for name, value in wanted.items() if name in names}


def solve(method, given, norm):
    """numgd's result."""
    hess = {"hess": given.hess} if METHODS[method].curvature else {}
    return numgd.minimize(
        given.fun, given.x0, method=method, jac=given.jac, options=settings(method, norm), **hess
    )


def solve_by_scipy(scipys, given, norm, fun=None, jac=None, hess=None):
    """SciPy's result, of the problem's functions or of others in their place."""
    options = {"gtol": GTOL, "maxiter": MAXITER}
    callback = None
    if scipys in ("BFGS", "CG"):
        options["norm"] = norm
    elif scipys == "L-BFGS-B":
        options.update(ftol=0.0, maxfun=20 * MAXITER)
    elif scipys == "Newton-CG":
        # its own test is one of the step's length: stop it where the gradient test holds, the sooner
        options = {"xtol": 0.0, "maxiter": MAXITER}

        def callback(intermediate_result):
            if np.linalg.norm(given.jac(intermediate_result.x), norm) <= GTOL:
                raise StopIteration

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return optimize.minimize(
            fun or given.fun, given.x0, method=scipys, jac=jac or given.jac,
            hess=(hess or given.hess) if scipys in _HESSIANS else None, callback=callback, options=options,
        )  # fmt: skip


def _judged(given, norm, result, success, counts):
    with np.errstate(all="ignore"):
        fun = given.fun(result.x)
        gradient = np.linalg.norm(given.jac(result.x), norm)
    # SciPy's norm and NumPy's may round differently
    within = bool(gradient <= GTOL * (1.0 + 1e-10)) and math.isfinite(fun)
    said = f"{int(result.status)} {result.message}"
    return Run(bool(success) and within, fun, gradient, *counts, said)


@cache
def run(method, name, norm):
    """How numgd fares on a problem."""
    given = problem(name)
    result = solve(method, given, norm)
    return _judged(given, norm, result, result.success, (result.nfev, result.njev, result.get("nhev", 0)))


@cache
def run_by_scipy(scipys, name, norm):
    """How SciPy fares on it.  An exception is a failure."""
    given = problem(name)
    counts = dict.fromkeys(COUNTS, 0)

    def counted(count, function):
        def call(x):
            counts[count] += 1
            return function(x)

        return call

    functions = map(counted, COUNTS, (given.fun, given.jac, given.hess))
    try:
        result = solve_by_scipy(scipys, given, norm, *functions)
    except Exception as error:
        return Run(False, math.nan, math.nan, *counts.values(), f"{type(error).__name__}: {error}")
    stopped = scipys == "Newton-CG" and result.status == 99  # by the callback
    return _judged(given, norm, result, result.success or stopped, counts.values())


def compare(peer, name):
    """Both on one problem.

    A run solves it if it succeeds at the known minimum or below, or where the other one succeeded too and no
    higher: some problems have several minima.
    """
    given = problem(name)
    ours, theirs = run(peer.method, name, peer.norm), run_by_scipy(peer.scipys, name, peer.norm)
    size = max(1.0, abs(given.minimum))
    tolerance = _FLAT.get(name, 1e-6) * size

    def solved(one, other):
        enough = max(given.minimum, other.fun) if other.success else given.minimum
        return one.success and one.fun <= enough + tolerance

    both = solved(ours, theirs) and solved(theirs, ours)
    same = both and abs(ours.fun - theirs.fun) <= tolerance
    return Pair(name, ours, theirs, solved(ours, theirs), solved(theirs, ours), same)


def geometric_mean(ratios):
    """Geometric mean of those that are there; None of none."""
    ratios = [ratio for ratio in ratios if ratio is not None]
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None


def summary(pairs):
    """The `Summary` of a list of pairs."""
    same = [pair for pair in pairs if pair.same]
    return Summary(
        len(pairs),
        sum(pair.ours_solved for pair in pairs),
        sum(pair.theirs_solved for pair in pairs),
        len(same),
        {count: geometric_mean(pair.ratio(count) for pair in same) for count in COUNTS},
    )
