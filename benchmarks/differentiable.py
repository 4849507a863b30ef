"""The functions whose gradients are timed, and the same for JAX where it can express them."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit


class Timed(NamedTuple):
    """A function of a vector, and of data that is not differentiated."""

    name: str
    function: Callable
    arguments: tuple
    twin: Callable | None = None  # twin(jax) is the function for JAX

    @property
    def n(self):
        """Number of variables."""
        return self.arguments[0].size


def warm(x):
    """What is compiled before compilation is timed."""
    total = 0.0
    for i in range(x.size):
        total += np.sin(x[i]) * np.sum(x)
    return total


def rosenbrock(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def rosenbrock_slices(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def elementwise(x):
    return np.sum(np.exp(-(x**2)) * np.sin(3.0 * x) + np.sqrt(1.0 + x**2))


def log_sum_exp(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def recurrence(x):
    state = 0.0
    total = 0.0
    for i in range(x.size):
        state = math.tanh(0.9 * state + x[i])
        total += state * state
    return total


def tridiagonal(x):
    n = x.size
    c = np.empty(n)
    d = np.empty(n)
    c[0] = 1.0 / (4.0 + x[0])
    d[0] = c[0]
    for i in range(1, n):
        c[i] = 1.0 / (4.0 + x[i] - c[i - 1])
        d[i] = (1.0 - d[i - 1]) * c[i]
    for i in range(n - 2, -1, -1):
        d[i] -= c[i] * d[i + 1]
    return np.sum(d * d)


def exponential_fit(x, t, y):
    total = 0.0
    for i in range(t.size):
        residual = x[0] * math.exp(-x[1] * t[i]) + x[2] - y[i]
        total += residual * residual
    return total


def logistic_loop(w, features, labels):
    total = 0.0
    for i in range(features.shape[0]):
        margin = 0.0
        for j in range(features.shape[1]):
            margin += features[i, j] * w[j]
        total += math.log1p(math.exp(-abs(margin))) + max(margin, 0.0) - labels[i] * margin
    return total


def logistic_arrays(w, features, labels):
    margins = features @ w
    return np.sum(np.log1p(np.exp(-np.abs(margins))) + np.maximum(margins, 0.0) - labels * margins)


def perceptron(w, features, targets):
    inputs = features.shape[1]
    hidden = (w.size - 1) // (inputs + 2)
    w1 = w[: inputs * hidden].reshape(inputs, hidden)
    b1 = w[inputs * hidden : (inputs + 1) * hidden]
    w2 = w[(inputs + 1) * hidden : (inputs + 2) * hidden]
    residuals = np.tanh(features @ w1 + b1) @ w2 + w[w.size - 1] - targets
    return np.mean(residuals**2)


def gaussian_process(theta, t, y):
    n = t.size
    k = np.empty((n, n))
    variance = math.exp(2.0 * theta[0])
    rate = 0.5 * math.exp(-2.0 * theta[1])
    for i in range(n):
        for j in range(n):
            k[i, j] = variance * math.exp(-rate * (t[i] - t[j]) ** 2)
        k[i, i] += math.exp(2.0 * theta[2])
    lower = np.linalg.cholesky(k)
    value = 0.5 * np.dot(y, np.linalg.solve(k, y))
    for i in range(n):
        value += math.log(lower[i, i])
    return value


def bodies(x, masses):
    n = masses.size
    total = 0.0
    for i in range(n):
        for j in range(i + 1, n):
            dx = x[3 * i] - x[3 * j]
            dy = x[3 * i + 1] - x[3 * j + 1]
            dz = x[3 * i + 2] - x[3 * j + 2]
            total -= masses[i] * masses[j] / math.sqrt(dx * dx + dy * dy + dz * dz + 0.01)
    return total


@njit
def pendulum(angle, speed, damping):
    return speed, -math.sin(angle) - damping * speed


def runge_kutta_scalars(x, steps):
    angle = x[0]
    speed = x[1]
    h = 0.02
    for _ in range(steps):
        a1, s1 = pendulum(angle, speed, x[2])
        a2, s2 = pendulum(angle + 0.5 * h * a1, speed + 0.5 * h * s1, x[2])
        a3, s3 = pendulum(angle + 0.5 * h * a2, speed + 0.5 * h * s2, x[2])
        a4, s4 = pendulum(angle + h * a3, speed + h * s3, x[2])
        angle += h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
        speed += h / 6.0 * (s1 + 2.0 * s2 + 2.0 * s3 + s4)
    return angle * angle + speed


@njit
def chain(x, out):
    for i in range(out.size):
        left = x[i - 1] if i > 0 else 0.0
        right = x[i + 1] if i + 1 < out.size else 0.0
        out[i] = left - 2.0 * x[i] + right - x[i] ** 3


def runge_kutta_arrays(x, steps):
    state = x.copy()
    n = x.size
    k1 = np.empty(n)
    k2 = np.empty(n)
    k3 = np.empty(n)
    k4 = np.empty(n)
    h = 0.05
    for _ in range(steps):
        chain(state, k1)
        chain(state + 0.5 * h * k1, k2)
        chain(state + 0.5 * h * k2, k3)
        chain(state + h * k3, k4)
        for i in range(n):
            state[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])
    return np.sum(state * state)


def kalman(x, observed):
    mean = 0.0
    variance = 1.0
    value = 0.0
    process = math.exp(x[0])
    noise = math.exp(x[1])
    for z in observed:
        mean = x[2] * mean
        variance = x[2] * x[2] * variance + process
        spread = variance + noise
        innovation = z - mean
        value += 0.5 * (math.log(spread) + innovation * innovation / spread)
        gain = variance / spread
        mean += gain * innovation
        variance *= 1.0 - gain
    return value


def time_warping(x, y):
    n = x.size
    m = y.size
    r = np.full((n + 1, m + 1), 1e3)
    r[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            a = -r[i - 1, j]
            b = -r[i, j - 1]
            c = -r[i - 1, j - 1]
            top = max(a, b, c)
            soft = top + math.log(math.exp(a - top) + math.exp(b - top) + math.exp(c - top))
            r[i, j] = (x[i - 1] - y[j - 1]) ** 2 - soft
    return r[n, m]


def heat(x, steps):
    now = x.copy()
    for _ in range(steps):
        now[1:-1] = now[1:-1] + 0.2 * (now[:-2] - 2.0 * now[1:-1] + now[2:])
    return np.sum(now**3)


# The same for JAX.


def jax_rosenbrock(jax):
    return lambda x: jax.numpy.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def jax_elementwise(jax):
    np = jax.numpy
    return lambda x: np.sum(np.exp(-(x**2)) * np.sin(3.0 * x) + np.sqrt(1.0 + x**2))


def jax_log_sum_exp(jax):
    return jax.scipy.special.logsumexp


def jax_recurrence(jax):
    def step(carried, value):
        state = jax.numpy.tanh(0.9 * carried[0] + value)
        return (state, carried[1] + state * state), None

    return lambda x: jax.lax.scan(step, (0.0, 0.0), x)[0][1]


def jax_tridiagonal(jax):
    def forward(carried, value):
        c = 1.0 / (4.0 + value - carried[0])
        d = (1.0 - carried[1]) * c
        return (c, d), (c, d)

    def backward(after, pair):
        d = pair[1] - pair[0] * after
        return d, d

    def function(x):
        _, pairs = jax.lax.scan(forward, (0.0, 0.0), x)
        _, d = jax.lax.scan(backward, 0.0, pairs, reverse=True)
        return jax.numpy.sum(d * d)

    return function


def jax_exponential_fit(jax):
    np = jax.numpy
    return lambda x, t, y: np.sum((x[0] * np.exp(-x[1] * t) + x[2] - y) ** 2)


def jax_logistic(jax):
    def function(w, features, labels):
        margins = features @ w
        return jax.numpy.sum(jax.nn.softplus(margins) - labels * margins)

    return function


def jax_perceptron(jax):
    def function(w, features, targets):
        inputs = features.shape[1]
        hidden = (w.size - 1) // (inputs + 2)
        w1 = w[: inputs * hidden].reshape(inputs, hidden)
        b1 = w[inputs * hidden : (inputs + 1) * hidden]
        w2 = w[(inputs + 1) * hidden : (inputs + 2) * hidden]
        residuals = jax.numpy.tanh(features @ w1 + b1) @ w2 + w[-1] - targets
        return jax.numpy.mean(residuals**2)

    return function


def jax_gaussian_process(jax):
    np = jax.numpy

    def function(theta, t, y):
        k = np.exp(2.0 * theta[0] - 0.5 * np.exp(-2.0 * theta[1]) * (t[:, None] - t[None, :]) ** 2)
        k = k + np.exp(2.0 * theta[2]) * np.eye(t.size)
        lower = np.linalg.cholesky(k)
        alpha = jax.scipy.linalg.cho_solve((lower, True), y)
        return 0.5 * y @ alpha + np.sum(np.log(np.diag(lower)))

    return function


def jax_bodies(jax):
    np = jax.numpy

    def function(x, masses):
        i, j = np.triu_indices(masses.size, 1)
        p = x.reshape(-1, 3)
        return -np.sum(masses[i] * masses[j] / np.sqrt(np.sum((p[i] - p[j]) ** 2, axis=1) + 0.01))

    return function


def _jax_steps(jax, slope, h, state, steps):
    def step(state, _):
        k1 = slope(state)
        k2 = slope(state + 0.5 * h * k1)
        k3 = slope(state + 0.5 * h * k2)
        k4 = slope(state + h * k3)
        return state + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

    return jax.lax.scan(step, state, None, length=steps)[0]


def jax_runge_kutta_scalars(jax):
    np = jax.numpy

    def function(x, steps):
        def slope(state):
            return np.stack([state[1], -np.sin(state[0]) - x[2] * state[1]])

        state = _jax_steps(jax, slope, 0.02, x[:2], steps)
        return state[0] ** 2 + state[1]

    return function


def jax_runge_kutta_arrays(jax):
    np = jax.numpy

    def slope(x):
        wide = np.pad(x, 1)
        return wide[:-2] - 2.0 * x + wide[2:] - x**3

    return lambda x, steps: np.sum(_jax_steps(jax, slope, 0.05, x, steps) ** 2)


def jax_kalman(jax):
    np = jax.numpy

    def function(x, observed):
        def step(carried, z):
            mean, variance, value = carried
            mean = x[2] * mean
            variance = x[2] ** 2 * variance + np.exp(x[0])
            spread = variance + np.exp(x[1])
            innovation = z - mean
            value = value + 0.5 * (np.log(spread) + innovation**2 / spread)
            gain = variance / spread
            return (mean + gain * innovation, variance * (1.0 - gain), value), None

        return jax.lax.scan(step, (0.0, 1.0, 0.0), observed)[0][2]

    return function


def jax_heat(jax):
    def step(now, _):
        return now.at[1:-1].add(0.2 * (now[:-2] - 2.0 * now[1:-1] + now[2:])), None

    return lambda x, steps: jax.numpy.sum(jax.lax.scan(step, x, None, length=steps)[0] ** 3)


def _functions():
    rng = np.random.default_rng(0)

    def vector(n):
        return 0.5 * rng.standard_normal(n)

    features = rng.standard_normal((200, 20))
    labels = (rng.random(200) < 0.5) * 1.0
    inputs = rng.standard_normal((64, 6))
    targets = rng.standard_normal(64)
    times = np.linspace(0.0, 5.0, 50)
    grid = np.sort(rng.uniform(0.0, 10.0, 100))
    observed = rng.standard_normal(200)
    return [
        Timed("Rosenbrock, loop", rosenbrock, (vector(10),), jax_rosenbrock),
        Timed("Rosenbrock, loop", rosenbrock, (vector(100),), jax_rosenbrock),
        Timed("Rosenbrock, loop", rosenbrock, (vector(10_000),), jax_rosenbrock),
        Timed("Rosenbrock, slices", rosenbrock_slices, (vector(100),), jax_rosenbrock),
        Timed("Rosenbrock, slices", rosenbrock_slices, (vector(10_000),), jax_rosenbrock),
        Timed("elementwise", elementwise, (vector(100),), jax_elementwise),
        Timed("elementwise", elementwise, (vector(10_000),), jax_elementwise),
        Timed("log-sum-exp", log_sum_exp, (vector(10_000),), jax_log_sum_exp),
        Timed("recurrence", recurrence, (vector(100),), jax_recurrence),
        Timed("recurrence", recurrence, (vector(10_000),), jax_recurrence),
        Timed("tridiagonal solve", tridiagonal, (vector(100),), jax_tridiagonal),
        Timed("tridiagonal solve", tridiagonal, (vector(10_000),), jax_tridiagonal),
        Timed("heat equation, 20 steps", heat, (vector(10_000), 20), jax_heat),
        Timed(
            "exponential fit, 50 points",
            exponential_fit,
            (np.array([2.0, 0.7, 0.3]), times, 2.0 * np.exp(-0.7 * times) + 0.1 * rng.standard_normal(50)),
            jax_exponential_fit,
        ),
        Timed(
            "logistic regression 200 x 20, loop", logistic_loop, (vector(20), features, labels), jax_logistic
        ),
        Timed(
            "logistic regression 200 x 20, arrays",
            logistic_arrays,
            (vector(20), features, labels),
            jax_logistic,
        ),
        Timed("perceptron 64 x 6 x 8", perceptron, (vector(65), inputs, targets), jax_perceptron),
        Timed(
            "Gaussian process, 100 points",
            gaussian_process,
            (np.array([0.1, 0.2, -1.0]), grid, np.sin(grid) + 0.1 * rng.standard_normal(100)),
            jax_gaussian_process,
        ),
        Timed("20 bodies", bodies, (rng.standard_normal(60), rng.uniform(0.5, 2.0, 20)), jax_bodies),
        Timed(
            "Runge-Kutta, 200 steps, scalars",
            runge_kutta_scalars,
            (np.array([1.0, 0.2, 0.1]), 200),
            jax_runge_kutta_scalars,
        ),
        Timed("Runge-Kutta, 50 steps, arrays", runge_kutta_arrays, (vector(30), 50), jax_runge_kutta_arrays),
        Timed("Kalman filter, 200 steps", kalman, (np.array([-0.5, 0.2, 0.8]), observed), jax_kalman),
        Timed("soft time warping 30 x 30", time_warping, (vector(30), vector(30))),
    ]


FUNCTIONS = _functions()
