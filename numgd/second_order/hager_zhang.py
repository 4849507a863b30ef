"""Line search of CG_DESCENT: secant steps from both ends of a bracket.

W. W. Hager and H. Zhang, "A new conjugate gradient method with guaranteed descent and an efficient line
search", SIAM J. Optim. 16 (2005) 170-192, section 4, whose steps are named below.  Two differences: no step
leads to a higher point, and the first trial, which is a guess, is accepted only if it is nearly a minimum
along the line.
"""

import math

from numgd.foundations.linalg import epsilon
from numgd.jit.portable import portable
from numgd.second_order.line_search import (
    FAR,
    MINUS_INFINITY,
    TRIALS,
    WOLFE,
    Found,
    final_outcome,
    predicted_decrease,
)

NEARLY = 0.1
"""Maximum slope at which a first trial is accepted, relative to the slope at 0."""

# What a trial point is for.
GUESS = 0
EXPAND = 1  # to find an upper end of the bracket: B1 to B3
HALVE = 2  # to find one below a point that is too high: U3
FIRST_SECANT = 3
SECOND_SECANT = 4
BISECT = 5


@portable
def secant_step(a, slope_a, b, slope_b):
    """Where the line through two slopes vanishes."""
    return (a * slope_b - b * slope_a) / (slope_b - slope_a)


@portable
def ends_search(real, purpose, alpha, f, slope, f0, slope0, c1, c2):
    """The tests T1 and T2 of a trial step; a first trial must also be nearly a minimum."""
    enough = f <= f0 + c1 * alpha * slope0 and slope >= c2 * slope0  # T1
    enough |= slope <= (c1 + c1 - real(1)) * slope0 and slope >= c2 * slope0  # T2
    if purpose == GUESS:
        enough &= abs(slope) <= real(NEARLY) * -slope0
    return enough and f <= f0


@portable
def expanded(real, purpose, a, slope, slope0):
    """The next trial step if the function still falls at a."""
    alpha = real(5) * a
    if purpose == GUESS and slope > slope0:
        alpha = min(real(100) * a, secant_step(real(0), slope0, a, slope))
    return alpha


@portable
def inside_bracket(real, a, slope_a, b, slope_b, shortened):
    """The next trial step in a new bracket, and its purpose: a bisection if the last was not `shortened`."""
    if shortened:
        between = secant_step(a, slope_a, b, slope_b)  # S1
        if between > a and between < b:
            return between, FIRST_SECANT
    return a + (b - a) * real(0.5), BISECT  # L2


def make_hager_zhang(space, evaluate):
    """The search over a space; `evaluate(problem, x, gradient)` returns the value and writes the gradient."""
    dot, step = space.dot, space.step

    @portable
    def hager_zhang(problem, x, f0, slope0, p, alpha, x_trial, gradients, c1, c2, limit, negligible=0.0):
        """Search along p from x, first trying `alpha`, for at most `limit` evaluations.

        On return `x_trial` is x + alpha p and row `row` of `gradients` (2, n) its gradient.  For a decrease
        of at most `negligible`, only `TRIALS` steps are tried.
        """
        real = x.dtype.type
        zero = real(0)
        tiny = epsilon(x)
        allowed = real(8) * tiny * abs(f0)
        first_alpha = alpha
        # The function falls at a, where it is not above its value at 0, and rises at b.
        a, slope_a, b, slope_b = zero, slope0, zero, zero
        # The bracket before the last pair of secant steps.
        old_a, old_slope_a, old_b, old_slope_b = zero, slope0, real(math.inf), zero
        too_high = zero
        purpose = GUESS
        best_alpha, best_f, row = zero, f0, 1
        left = real(math.inf)
        evaluations = 0
        stuck = False
        while evaluations < limit:
            trial_row = 1 - row
            step(x_trial, x, alpha, p)
            f = evaluate(problem, x_trial, gradients[trial_row])
            slope = dot(gradients[trial_row], p)
            evaluations += 1
            if f == -math.inf:
                return Found(MINUS_INFINITY, alpha, f, trial_row, evaluations)
            finite = abs(f) < math.inf and abs(slope) < math.inf
            if finite and f < best_f:
                best_alpha, best_f, row = alpha, f, trial_row
            if finite and ends_search(real, purpose, alpha, f, slope, f0, slope0, c1, c2):
                return Found(WOLFE, alpha, f, trial_row, evaluations)

            if finite:
                left = min(left, predicted_decrease(real, slope0, alpha, slope))
            if evaluations >= TRIALS and left <= negligible and not best_f < f0:
                break

            rises = finite and slope >= zero
            falls = finite and slope < zero and f <= f0 + allowed
            if rises:
                b, slope_b = alpha, slope
            elif falls:
                a, slope_a = alpha, slope
            else:
                too_high = alpha
                purpose = HALVE
            if purpose == HALVE and not rises:
                alpha = a + (too_high - a) * real(0.5)
                if not (alpha > a and alpha < too_high and too_high - a > real(4) * tiny * too_high):
                    break
                continue
            if purpose <= EXPAND and falls:
                alpha = expanded(real, purpose, a, slope, slope0)
                if not alpha < math.inf:
                    break
                purpose = EXPAND
                continue

            if purpose == FIRST_SECANT:
                purpose = SECOND_SECANT
                if rises:
                    alpha = secant_step(b, slope_b, old_b, old_slope_b)  # S2
                else:
                    alpha = secant_step(a, slope_a, old_a, old_slope_a)  # S3
                if alpha > a and alpha < b:
                    continue
            width = b - a
            stuck = not width > real(4) * tiny * b
            if stuck:
                break
            shortened = purpose <= EXPAND or width <= real(0.66) * (old_b - old_a)
            old_a, old_slope_a, old_b, old_slope_b = a, slope_a, b, slope_b
            alpha, purpose = inside_bracket(real, a, slope_a, b, slope_b, shortened)

        if best_f < f0:
            step(x_trial, x, best_alpha, p)
        endless = b == zero and too_high == zero and best_alpha >= real(FAR) * first_alpha
        outcome = final_outcome(stuck, best_f < f0, left, negligible, endless)
        return Found(outcome, best_alpha, best_f, row, evaluations)

    return hager_zhang
