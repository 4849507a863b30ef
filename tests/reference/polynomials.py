"""The polynomials of `numgd.jit.coefficients`: best approximations by Remez's exchange, in 60 digits.

``python tests/reference/polynomials.py`` prints them.  E. Ya. Remez (1934); M. J. D. Powell, Approximation
Theory and Methods (1981), chapter 8.
"""

from mpmath import mp, mpf

mp.dps = 60


def remez(target, weight, low, high, degree, points=1500, rounds=12):
    """Coefficients, lowest first, of the p that makes max |weight (p − target)| smallest on [low, high]."""
    low, high = mpf(low), mpf(high)

    def chebyshev(count):
        return [
            (low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * count))
            for i in range(count)
        ]

    grid = chebyshev(points)
    values, weights = [target(x) for x in grid], [weight(x) for x in grid]
    nodes = [min(range(points), key=lambda j, x=x: abs(grid[j] - x)) for x in sorted(chebyshev(degree + 2))]
    for _ in range(rounds):
        matrix = mp.matrix(degree + 2, degree + 2)
        right = mp.matrix(degree + 2, 1)
        for row, j in enumerate(nodes):
            for power in range(degree + 1):
                matrix[row, power] = grid[j] ** power
            matrix[row, degree + 1] = (-1) ** row / weights[j]
            right[row] = values[j]
        solution = mp.lu_solve(matrix, right)
        coefficients = [solution[i] for i in range(degree + 1)]
        errors = [
            w * (mp.polyval(coefficients[::-1], x) - v) for x, v, w in zip(grid, values, weights, strict=True)
        ]
        new = _alternation(errors, degree + 2)
        if new is None or new == nodes:
            break
        nodes = new
    return coefficients, max(abs(e) for e in errors)


def _alternation(errors, count):
    """The largest error of each run of one sign; the outermost runs are dropped while there are too many."""
    runs = []
    for j, error in enumerate(errors):
        if runs and (errors[runs[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[runs[-1]]):
                runs[-1] = j
        else:
            runs.append(j)
    while len(runs) > count:
        runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
    return runs if len(runs) == count else None


HALF_LOG_2 = mp.log(2) / 2
SMALLEST, LARGEST = mp.sqrt(2) / 2 - 1, mp.sqrt(2) - 1  # m − 1 of mantissas m
MILLS_STEPS = mpf("0.305"), mpf("0.2")  # of u = 1/(1 + step x), for float32 and float64
MILLS_ENDS = mpf("14.5"), mpf("38.7")  # where the normal density is 0


def exponential_rest(r):
    """(e^r − 1 − r) / r²."""
    return (mp.expm1(r) - r) / r**2 if r else mpf("0.5")


def logarithm_rest(f):
    """(log(1 + f) − f + f²/2) / f³."""
    return (mp.log1p(f) - f + f * f / 2) / f**3 if abs(f) > mpf(10) ** -12 else mpf(1) / 3


def logarithm_series(z):
    """(log((1 + s)/(1 − s)) − 2 s) / s³ of z = s²."""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s**3 if z > mpf(10) ** -20 else mpf(2) / 3


def mills(x):
    """Mills' ratio of the normal distribution, (1 − Φ(x))/φ(x)."""
    return mp.sqrt(mp.pi / 2) * mp.erfc(x / mp.sqrt(2)) * mp.exp(x * x / 2)


def mills_rest(step):
    """Function mills(x)/u of u = 1/(1 + step x)."""
    return lambda u: mills((1 / u - 1) / step) / u


def mills_table(step, end):
    """What `remez` is given for one format."""
    return mills_rest(step), relative_to(mills_rest(step), lambda u: 1), 1 / (1 + step * end), mpf(1)


def relative_to(function, factor):
    """The weight that makes an error of the rest one relative to the function."""
    return lambda x: abs(factor(x) / function(x)) if function(x) else mpf(1)


S = LARGEST / (2 + LARGEST)
TABLES = {  # name: what `remez` is given, with the degrees for float32 and float64
    "EXP": (
        exponential_rest,
        relative_to(mp.expm1, lambda r: r * r),
        -HALF_LOG_2 * 1.001,
        HALF_LOG_2 * 1.001,
    ),
    "LOG": (logarithm_rest, relative_to(mp.log1p, lambda f: f**3), SMALLEST, LARGEST),
    "ATANH": (logarithm_series, lambda z: z, 0, (S * mpf("1.001")) ** 2),
    "MILLS32": mills_table(MILLS_STEPS[0], MILLS_ENDS[0]),
    "MILLS64": mills_table(MILLS_STEPS[1], MILLS_ENDS[1]),
}
DEGREES = {
    "EXP": (4, 9),
    "LOG": (7, None),
    "ATANH": (None, 6),
    "MILLS32": (7, None),
    "MILLS64": (None, 21),
}


def tables():
    """Name, coefficients, degree and error of every table."""
    for name, arguments in TABLES.items():
        for bits, degree in zip((32, 64), DEGREES[name], strict=True):
            if degree is not None:
                yield f"{name.removesuffix(str(bits))}_{bits}", *remez(*arguments, degree), degree


def main():
    """Print the tables."""
    for name, coefficients, error, degree in tables():
        print(f"# degree {degree}, error {mp.nstr(error, 3)}")
        digits = 11 if name.endswith("32") else 20
        lines = "".join(f"    {mp.nstr(c, digits)},\n" for c in coefficients)
        print(f"{name} = (\n{lines})")


if __name__ == "__main__":
    main()
