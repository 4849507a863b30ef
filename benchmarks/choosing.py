"""How much work methods do on problems of different kinds, in evaluations; the table of docs/choosing.md.

Counted are evaluations of the function, the gradient, and the Hessian or its products with a vector, until no
entry of the gradient exceeds 1e-5.  They depend on rounding, so other processors
may differ by a few.  Nothing is timed.
"""

import numpy as np

import numgd

METHODS = (
    "steepest-descent", "nesterov", "adam", "cg", "l-bfgs", "bfgs", "newton-cg", "trust-krylov",
    "trust-exact", "newton",
)  # fmt: skip
GTOL = 1e-5
LIMIT = 20_000  # iterations


def valley(x):
    """Rosenbrock's function."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def ravine(x, curvatures, normal):
    """A quadratic function whose curvatures differ by a factor of 10⁴, along mirrored axes."""
    return 0.5 * np.sum(curvatures * (x - 2.0 * np.sum(normal * x) * normal) ** 2)


def logistic(w, X, signs):
    """A logistic regression."""
    return np.mean(np.logaddexp(0.0, -signs * (X @ w))) + 1e-3 * np.sum(w**2)


def saddle(x):
    """A sum of double wells, which starts near a saddle."""
    return np.sum(0.25 * x**4 - 0.5 * x**2) + 0.1 * np.sum((x[1:] - x[:-1]) ** 2)


def problems():
    """Columns of the table: function, start, arguments, and the learning rates of the two rules."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 20)) * np.logspace(0.0, 1.0, 20)
    signs = np.where(X @ rng.normal(size=20) + 5.0 * rng.normal(size=1000) > 0.0, 1.0, -1.0)
    normal = rng.normal(size=1000)
    normal /= np.linalg.norm(normal)
    return {
        "valley, n = 2": (valley, np.array([-1.2, 1.0]), ()),
        "valley, n = 100": (valley, np.tile([-1.2, 1.0], 50), ()),
        "ravine, n = 1000": (ravine, rng.normal(size=1000), (np.logspace(-2.0, 2.0, 1000), normal)),
        "logistic, n = 20": (logistic, np.zeros(20), (X, signs)),
        "saddle, n = 50": (saddle, 1e-3 * rng.normal(size=50), ()),
    }


def work(method, fun, x0, args):
    """Evaluations that a method needs, a rule with the best learning rate; "–" if it does not get there."""
    options = {"gtol": GTOL, "maxiter": LIMIT}
    choices = [{"ftol": 0.0}] if method == "l-bfgs" else [{}]
    if method in ("nesterov", "adam"):
        choices = [{"learning_rate": rate} for rate in np.logspace(-4.5, 0.0, 10)]
    runs = [numgd.minimize(fun, x0, args, method, options=options | choice) for choice in choices]
    runs = [run for run in runs if np.all(np.isfinite(run.jac)) and np.abs(run.jac).max() <= GTOL]
    if not runs:
        return "–"
    best = min(runs, key=lambda run: run.nfev + run.njev)
    counts = [best.nfev, best.njev, *([best.nhev] if "nhev" in best else [])]
    return " / ".join(str(count) for count in counts)


def main():
    """Print the table in Markdown."""
    columns = problems()
    print("| method |", " | ".join(columns), "|")
    print("|---|" + "---|" * len(columns))
    for method in METHODS:
        cells = [work(method, *given) for given in columns.values()]
        print(f"| `{method}` |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
