"""Differences of a function that replace the non-finite components of its gradient."""

from numgd.foundations.linalg import epsilon, is_finite
from numgd.jit.portable import seldom


def make_replacement(copy, value):
    """Make ``replace(problem, x, f, g, box, moved)``, which returns the number of replaced components.

    It writes central differences to the components of g that are not finite; f, the value at x, must be
    finite.  No point leaves `box`, which is (2, n), or (2, 0) without bounds.  If the value on one side is
    not finite, the difference is one-sided.  `moved` (n,) is scratch.

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
            if not is_finite(behind):  # one-sided difference
                low, behind = x[i], f
            elif not is_finite(ahead):
                high, ahead = x[i], f
            g[i] = (ahead - behind) / (high - low) if high > low else real(0)
            moved[i] = x[i]
            count += 1
        return count

    return replace
