"""Strong-Wolfe line search: safeguarded cubic and quadratic interpolation.

J. J. Moré and D. J. Thuente, "Line search algorithms with guaranteed sufficient decrease", ACM TOMS 20
(1994) 286-307.  Two additions: a trial point where the function is not finite is a wall that limits later
steps; and where rounding hides the decrease, the approximate Wolfe test of W. W. Hager and H. Zhang (SIAM J.
Optim. 16 (2005) 170-192, eq. 4.1) decides.
"""

import math
from typing import Any, NamedTuple

from numgd.foundations.linalg import epsilon
from numgd.jit.portable import portable

WOLFE = 0  # both conditions hold
DECREASE = 1  # a lower point was found, but the curvature condition does not hold there
FAILED = 2  # no lower point was found
DESCENDS = 3  # the function kept falling as far as the search went
MINUS_INFINITY = 4  # the objective is -inf at the step
STUCK = 5  # a lower point was found, and rounding leaves no room for a better one
CEILING = 6  # the function still falls at the largest step
ARRIVED = 7  # no better point was found, and the slopes predict no significant decrease


FAR = 1e10
"""Ratio of a step to the first trial step from which on the function is assumed to fall without bound."""

TRIALS = 3
"""Number of trial steps after which a search that can only find a negligible decrease ends."""


class Found(NamedTuple):
    """Where a line search ended."""

    outcome: Any
    alpha: Any
    f: Any
    row: Any  # row of `gradients` that holds the gradient at the step
    evaluations: Any


@portable
def nothing_found(found):
    """Whether a search found no point other than its start."""
    return found.outcome == FAILED or (found.outcome == ARRIVED and found.alpha == 0)


@portable
def unbounded(found):
    """Whether a search saw the function decrease without bound."""
    return found.outcome == MINUS_INFINITY or found.outcome == DESCENDS


class Bracket(NamedTuple):
    """The interval of a search, and the next trial step.

    `low` has the least value seen of the function that the interval is for, which descends from there towards
    `high`.
    """

    low: Any
    f_low: Any
    slope_low: Any
    high: Any
    f_high: Any
    slope_high: Any
    trial: Any
    closed: Any


@portable
def predicted_decrease(real, slope0, alpha, slope):
    """The decrease of a function up to the minimum that its slopes at 0 and alpha predict.

    That minimum is before alpha if the function rises there, otherwise where the line through both slopes
    vanishes; a parabola falls by half the slope at 0 times the distance.  Infinite if the slopes hardly
    differ, as is usual far from a minimum, or differ in the wrong sense, as those of a wrong gradient may.
    """
    way = alpha
    if slope < real(0):
        if slope < real(0.9) * slope0:
            return real(math.inf)
        way = alpha * (slope0 / (slope0 - slope))
    return real(-0.5) * slope0 * way


@portable
def cubic_terms(real, a, fa, da, b, fb, db):
    """(θ, γ) of the cubic through two points with their derivatives; Moré & Thuente, section 4."""
    theta = real(3) * (fa - fb) / (b - a) + da + db
    size = max(abs(theta), abs(da), abs(db))
    radicand = (theta / size) * (theta / size) - (da / size) * (db / size)
    gamma = size * math.sqrt(max(radicand, real(0)))
    if b < a:
        gamma = -gamma
    return theta, gamma


@portable
def cubic_minimizer(real, a, fa, da, b, fb, db):
    """Minimiser of the cubic through (a, fa, da) and (b, fb, db)."""
    theta, gamma = cubic_terms(real, a, fa, da, b, fb, db)
    return a + (gamma - da + theta) / (gamma - da + gamma + db) * (b - a)


@portable
def narrow(real, bracket, t, ft, dt, tilt, smallest, largest):
    """Update the bracket with the trial point (t, ft, dt) and propose the next one.

    Values and slopes are compared after the line `tilt` α is subtracted.  The four cases are those of
    Moré & Thuente, section 4.
    """
    low, f_low, d_low, high, f_high, d_high, _, closed = bracket
    ft, dt = ft - t * tilt, dt - tilt
    f_low, d_low = f_low - low * tilt, d_low - tilt
    f_high, d_high = f_high - high * tilt, d_high - tilt
    opposite = dt * (d_low / abs(d_low)) < real(0)
    if ft > f_low:  # 1: higher value, the minimum is between
        cubic = cubic_minimizer(real, low, f_low, d_low, t, ft, dt)
        parabola = low + d_low / ((f_low - ft) / (t - low) + d_low) / real(2) * (t - low)
        if abs(cubic - low) < abs(parabola - low):
            trial = cubic
        else:
            trial = cubic + (parabola - cubic) / real(2)
        closed = True
    elif opposite:  # 2: lower value, slopes of opposite sign, the minimum is between
        cubic = cubic_minimizer(real, t, ft, dt, low, f_low, d_low)
        secant = t + dt / (dt - d_low) * (low - t)
        trial = cubic if abs(cubic - t) > abs(secant - t) else secant
        closed = True
    elif abs(dt) < abs(d_low):  # 3: lower value, same sign, flatter
        theta, gamma = cubic_terms(real, t, ft, dt, low, f_low, d_low)
        ratio = (gamma - dt + theta) / (gamma - dt + gamma + d_low)
        secant = t + dt / (dt - d_low) * (low - t)
        if ratio < real(0) and gamma != real(0):
            cubic = t + ratio * (low - t)
        else:
            cubic = largest if t > low else smallest
        if closed:
            trial = cubic if abs(cubic - t) < abs(secant - t) else secant
            bound = t + real(0.66) * (high - t)
            trial = min(bound, trial) if t > low else max(bound, trial)
        else:
            trial = cubic if abs(cubic - t) > abs(secant - t) else secant
            trial = max(smallest, min(largest, trial))
    elif closed:  # 4: lower value, same sign, not flatter
        trial = cubic_minimizer(real, t, ft, dt, high, f_high, d_high)
    else:
        trial = largest if t > low else smallest

    if ft > f_low:
        high, f_high, d_high = t, ft, dt
    else:
        if opposite:
            high, f_high, d_high = low, f_low, d_low
        low, f_low, d_low = t, ft, dt
    return Bracket(
        low, f_low + low * tilt, d_low + tilt, high, f_high + high * tilt, d_high + tilt, trial, closed
    )


@portable
def outcome_of_trial(real, alpha, f, slope, f0, slope0, c1, c2, ceiling, tiny):
    """WOLFE or CEILING if a trial step ends the search, otherwise DECREASE."""
    decrease = c1 * slope0
    enough = f <= f0 + alpha * decrease
    rounding = abs(f - f0) <= real(8) * tiny * abs(f0)
    if enough and abs(slope) <= -c2 * slope0:
        return WOLFE
    if rounding and f <= f0 and c2 * slope0 <= slope and slope <= (c1 + c1 - real(1)) * slope0:
        return WOLFE
    if alpha >= ceiling and enough and slope <= decrease:
        return CEILING
    return DECREASE


@portable
def no_room(real, bracket, alpha, smallest, largest, f0, tiny):
    """Whether rounding leaves no room for a better point in a closed bracket."""
    room = largest - smallest
    if not (alpha > smallest and alpha < largest and room > real(4) * tiny * largest):
        return True
    return room * abs(bracket.slope_low) < real(0.1) * tiny * abs(f0)  # any decrease would be hidden


@portable
def final_outcome(stuck, lower, left, negligible, endless):
    """Outcome of a search that did not reach a point where both conditions hold.

    `lower`: whether it found a lower point; `left`: the further decrease that the slopes predict; `endless`:
    whether the function kept falling over a very long step.
    """
    if not lower:
        return ARRIVED if left <= negligible else FAILED
    if endless:
        return DESCENDS
    if stuck:
        return ARRIVED if left <= negligible else STUCK
    return DECREASE


def make_strong_wolfe(space, evaluate):
    """The search over a space; `evaluate(problem, x, gradient)` returns the value and writes the gradient."""
    step = space.step

    @portable
    def move(problem, out, x, alpha, p):
        step(out, x, alpha, p)

    search = make_limited_strong_wolfe(space, evaluate, move)

    @portable
    def strong_wolfe(problem, x, f0, slope0, p, alpha, x_trial, gradients, c1, c2, limit, negligible=0.0):
        """Search along p from x, first trying `alpha`, for at most `limit` evaluations.

        On return `x_trial` is x + alpha p and row `row` of `gradients` (2, n) its gradient.  For a decrease
        of at most `negligible`, only `TRIALS` steps are tried.
        """
        ceiling = x.dtype.type(math.inf)
        return search(
            problem, x, f0, slope0, p, alpha, x_trial, gradients, c1, c2, limit, negligible, ceiling
        )

    return strong_wolfe


def make_limited_strong_wolfe(space, evaluate, move):
    """The search for steps up to a largest one; `move(problem, out, x, alpha, p)` makes the trial points."""
    dot = space.dot

    @portable
    def search(problem, x, f0, slope0, p, alpha, x_trial, gradients, c1, c2, limit, negligible, ceiling):
        """As `strong_wolfe`, for steps up to `ceiling`, which is taken if the function still falls there."""
        real = x.dtype.type
        zero = real(0)
        decrease = c1 * slope0
        tiny = epsilon(x)
        first_alpha = alpha
        bracket = Bracket(zero, f0, slope0, zero, f0, slope0, alpha, False)
        smallest, largest = zero, min(real(5) * alpha, ceiling)
        width = last_width = real(math.inf)
        wall = real(math.inf)  # the least step known to leave the domain
        modified = True
        best_alpha, best_f, row = zero, f0, 1
        left = real(math.inf)
        evaluations = 0
        stuck = False
        while evaluations < limit and not stuck:
            trial_row = 1 - row
            move(problem, x_trial, x, alpha, p)
            f = evaluate(problem, x_trial, gradients[trial_row])
            slope = dot(gradients[trial_row], p)
            evaluations += 1
            if f == -math.inf:
                return Found(MINUS_INFINITY, alpha, f, trial_row, evaluations)
            if not (abs(f) < math.inf and abs(slope) < math.inf):
                if alpha > bracket.low:
                    wall = alpha
                    largest = min(largest, wall)
                alpha = bracket.low + (alpha - bracket.low) * real(0.25)
                if abs(alpha - bracket.low) <= tiny * abs(bracket.low):
                    break
                continue

            outcome = outcome_of_trial(real, alpha, f, slope, f0, slope0, c1, c2, ceiling, tiny)
            if outcome != DECREASE:
                return Found(outcome, alpha, f, trial_row, evaluations)
            if f < best_f:
                best_alpha, best_f, row = alpha, f, trial_row
            left = min(left, predicted_decrease(real, slope0, alpha, slope))
            if evaluations >= TRIALS and left <= negligible and not best_f < f0:
                break

            enough = f <= f0 + alpha * decrease
            if modified and enough and slope >= zero:
                modified = False
            # The interval is for ψ(α) = φ(α) − φ(0) − c1 α φ'(0) until ψ has a negative value.
            tilt = decrease if modified and f <= bracket.f_low and not enough else zero
            bracket = narrow(real, bracket, alpha, f, slope, tilt, smallest, largest)

            alpha = bracket.trial
            if bracket.closed:
                # Bisect if two steps did not shorten the interval enough.
                if abs(bracket.high - bracket.low) >= real(0.66) * last_width:
                    alpha = bracket.low + (bracket.high - bracket.low) / real(2)
                last_width = width
                width = abs(bracket.high - bracket.low)
                smallest = min(bracket.low, bracket.high)
                largest = max(bracket.low, bracket.high)
            else:
                smallest = alpha + real(1.1) * (alpha - bracket.low)
                largest = alpha + real(4) * (alpha - bracket.low)
                if alpha >= wall:
                    alpha = bracket.low + (wall - bracket.low) / real(2)
                alpha = min(alpha, ceiling)
                largest = min(largest, wall, ceiling)
            if not (alpha > zero and alpha < math.inf):
                alpha = bracket.low + (bracket.high - bracket.low) / real(2)
            stuck = bracket.closed and no_room(real, bracket, alpha, smallest, largest, f0, tiny)

        if best_f < f0:
            move(problem, x_trial, x, best_alpha, p)
        endless = not bracket.closed and best_alpha >= real(FAR) * first_alpha
        outcome = final_outcome(stuck, best_f < f0, left, negligible, endless)
        return Found(outcome, best_alpha, best_f, row, evaluations)

    return search
