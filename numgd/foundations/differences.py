"""Differences of a function that stand in for what is not finite of its gradient."""

from numgd.foundations.linalg import epsilon, is_finite
from numgd.jit.portable import seldom


def make_replacement(copy, value):
    """Function ``replace(problem, x, f, g, box, moved)``, which gives how many components it replaced.

    It writes central differences to the components of g that are not finite; f, the value at x, is.  No point
    leaves the box, (2, n) or (2, 0), and a point where the value is not finite is done without.

    Parameters
    ----------
    copy : callable
        ``copy(out, x)`` of a space.
    value : callable
        Portable function ``value(problem, x)``.
    """

    @seldom
    def replace(problem, x, f, g, box, moved):
        real = x.dtype.type
        reach = epsilon(x) ** (real(1) / real(3))
        count = 0
        copy(moved, x)
        for i in range(x.size):
            if is_finite(g[i]):
                continue
            h = reach * max(real(1), abs(x[i]))
            low, high = x[i] - h, x[i] + h
            if box.size > 0:
                low, high = max(low, box[0, i]), min(high, box[1, i])
            behind = ahead = f
            if low < x[i]:
                moved[i] = low
                behind = value(problem, moved)
            if high > x[i]:
                moved[i] = high
                ahead = value(problem, moved)
            if not is_finite(behind):  # a wall on one side
                low, behind = x[i], f
            elif not is_finite(ahead):
                high, ahead = x[i], f
            g[i] = (ahead - behind) / (high - low) if high > low else real(0)
            moved[i] = x[i]
            count += 1
        return count

    return replace
