"""What people differentiate: simulations, models, solvers, dynamic programmes."""

import math

import numpy as np
from numba import njit, prange

from .case import P5, X5, case, definite, normal, positive


def rosenbrock(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def rosenbrock_of_slices(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def beale(x):
    return (
        (1.5 - x[0] * (1.0 - x[1])) ** 2
        + (2.25 - x[0] * (1.0 - x[1] ** 2)) ** 2
        + (2.625 - x[0] * (1.0 - x[1] ** 3)) ** 2
    )


def rastrigin(x):
    total = 10.0 * x.size
    for value in x:
        total += value**2 - 10.0 * math.cos(2.0 * math.pi * value)
    return total


def ackley(x):
    n = x.size
    spread = np.sqrt(np.sum(x**2) / n)
    waves = np.sum(np.cos(2.0 * np.pi * x)) / n
    return -20.0 * np.exp(-0.2 * spread) - np.exp(waves) + 20.0 + np.e


def least_squares_fit(x, t, y):
    total = 0.0
    for i in range(t.size):
        residual = x[0] * math.exp(-x[1] * t[i]) + x[2] - y[i]
        total += residual**2
    return total


def logistic_regression(w, features, labels):
    total = 0.0
    for i in range(features.shape[0]):
        margin = 0.0
        for j in range(features.shape[1]):
            margin += features[i, j] * w[j]
        margin *= 2.0 * labels[i] - 1.0
        if margin > 0.0:
            total += math.log1p(math.exp(-margin))
        else:
            total += -margin + math.log1p(math.exp(margin))
    return total / features.shape[0] + 0.05 * np.sum(w**2)


def logistic_regression_of_arrays(w, features, labels):
    margins = features @ w
    return np.mean(np.logaddexp(0.0, margins) - labels * margins)


def perceptron(w1, b1, w2, b2, features, targets):
    hidden = np.tanh(features @ w1 + b1)
    outputs = hidden @ w2 + b2
    return np.mean((outputs - targets) ** 2)


def perceptron_of_one_vector(w, features, targets):
    hidden = 3
    inputs = features.shape[1]
    total = 0.0
    for i in range(features.shape[0]):
        output = w[w.size - 1]
        for k in range(hidden):
            sum_k = w[hidden * inputs + k]
            for j in range(inputs):
                sum_k += w[k * inputs + j] * features[i, j]
            output += w[hidden * inputs + hidden + k] * math.tanh(sum_k)
        total += (output - targets[i]) ** 2
    return total / features.shape[0]


def perceptron_with_views(w, features, targets):
    w1 = w[:6].reshape(2, 3)
    b1 = w[6:9]
    w2 = w[9:12]
    hidden = np.maximum(features @ w1 + b1, 0.0)
    outputs = hidden @ w2 + w[12]
    return np.mean((outputs - targets) ** 2)


def cross_entropy(w, features, classes):
    total = 0.0
    for i in range(features.shape[0]):
        scores = features[i] @ w
        top = np.max(scores)
        total += top + np.log(np.sum(np.exp(scores - top))) - scores[classes[i]]
    return total / features.shape[0]


def gaussian_process(theta, t, y):
    n = t.size
    k = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            k[i, j] = math.exp(2.0 * theta[0] - 0.5 * (t[i] - t[j]) ** 2 * math.exp(-2.0 * theta[1]))
        k[i, i] += math.exp(2.0 * theta[2])
    lower = np.linalg.cholesky(k)
    alpha = np.linalg.solve(k, y)
    value = 0.5 * np.dot(y, alpha)
    for i in range(n):
        value += math.log(lower[i, i])
    return value


def gaussian_process_of_arrays(theta, t, y, identity):
    gaps = t[:, None] - t[None, :]
    k = theta[0] ** 2 * np.exp(-0.5 * gaps**2 / theta[1] ** 2) + theta[2] ** 2 * identity
    _, logarithm = np.linalg.slogdet(k)
    return 0.5 * y @ np.linalg.solve(k, y) + 0.5 * logarithm


def cholesky_by_hand(a):
    n = a.shape[0]
    lower = np.zeros((n, n))
    for j in range(n):
        total = a[j, j]
        for k in range(j):
            total -= lower[j, k] ** 2
        lower[j, j] = math.sqrt(total)
        for i in range(j + 1, n):
            entry = a[i, j]
            for k in range(j):
                entry -= lower[i, k] * lower[j, k]
            lower[i, j] = entry / lower[j, j]
    value = 0.0
    for i in range(n):
        value += math.log(lower[i, i])
    return value + lower[n - 1, 0] ** 2


def gaussian_elimination(a, b):
    n = b.size
    u = a.copy()
    x = b.copy()
    for k in range(n):
        for i in range(k + 1, n):
            factor = u[i, k] / u[k, k]
            for j in range(k, n):
                u[i, j] -= factor * u[k, j]
            x[i] -= factor * x[k]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            x[i] -= u[i, j] * x[j]
        x[i] /= u[i, i]
    return np.sum(x**2)


def tridiagonal_solve(x, rhs):
    n = rhs.size
    c = np.empty(n)
    d = np.empty(n)
    c[0] = 1.0 / (4.0 + x[0])
    d[0] = rhs[0] / (4.0 + x[0])
    for i in range(1, n):
        pivot = 4.0 + x[i] - c[i - 1]
        c[i] = 1.0 / pivot
        d[i] = (rhs[i] - d[i - 1]) / pivot
    for i in range(n - 2, -1, -1):
        d[i] -= c[i] * d[i + 1]
    return np.sum(d**2)


@njit
def lotka_volterra(state, x):
    return np.array(
        [state[0] * (x[0] - x[1] * state[1]), -state[1] * (x[2] - x[3] * state[0])],
    )


def runge_kutta(x):
    state = np.array([1.0, x[4]])
    h = 0.05
    for _ in range(20):
        k1 = lotka_volterra(state, x)
        k2 = lotka_volterra(state + 0.5 * h * k1, x)
        k3 = lotka_volterra(state + 0.5 * h * k2, x)
        k4 = lotka_volterra(state + h * k3, x)
        state = state + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return state[0] ** 2 + state[1]


@njit
def pendulum(angle, speed, damping):
    return speed, -math.sin(angle) - damping * speed


def runge_kutta_of_scalars(x):
    angle = x[0]
    speed = x[1]
    h = 0.1
    for _ in range(15):
        a1, s1 = pendulum(angle, speed, x[2])
        a2, s2 = pendulum(angle + 0.5 * h * a1, speed + 0.5 * h * s1, x[2])
        a3, s3 = pendulum(angle + 0.5 * h * a2, speed + 0.5 * h * s2, x[2])
        a4, s4 = pendulum(angle + h * a3, speed + h * s3, x[2])
        angle += h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
        speed += h / 6.0 * (s1 + 2.0 * s2 + 2.0 * s3 + s4)
    return angle**2 + 0.5 * speed


def leapfrog(x):
    position = x[0]
    momentum = x[1]
    for _ in range(10):
        momentum -= 0.05 * position**3
        position += 0.1 * momentum
        momentum -= 0.05 * position**3
    return 0.5 * momentum**2 + 0.25 * position**4 + position


def bodies_energy(positions, masses):
    total = 0.0
    n = positions.shape[0]
    for i in range(n):
        for j in range(i + 1, n):
            square = 0.01
            for k in range(3):
                square += (positions[i, k] - positions[j, k]) ** 2
            total -= masses[i] * masses[j] / math.sqrt(square)
    return total


def bodies_in_motion(positions, masses):
    n = positions.shape[0]
    p = positions.copy()
    v = np.zeros((n, 2))
    for _ in range(4):
        for i in range(n):
            for j in range(n):
                if i == j:
                    continue
                dx = p[j, 0] - p[i, 0]
                dy = p[j, 1] - p[i, 1]
                inverse = masses[j] / (dx * dx + dy * dy + 0.1) ** 1.5
                v[i, 0] += 0.05 * dx * inverse
                v[i, 1] += 0.05 * dy * inverse
        p += 0.05 * v
    return np.sum(p**2)


def lennard_jones(p):
    total = 0.0
    for i in range(p.shape[0]):
        for j in range(i):
            gap = p[i] - p[j]
            s = 1.0 / np.dot(gap, gap)
            s3 = s * s * s
            total += 4.0 * (s3 * s3 - s3)
    return total


def heat_equation(u):
    now = u.copy()
    for _ in range(6):
        after = now.copy()
        for i in range(1, now.size - 1):
            after[i] = now[i] + 0.2 * (now[i - 1] - 2.0 * now[i] + now[i + 1]) * (1.0 + 0.1 * now[i])
        now = after
    return np.sum(now**2)


def heat_equation_of_slices(u):
    now = u.copy()
    for _ in range(6):
        now[1:-1] = now[1:-1] + 0.2 * (now[:-2] - 2.0 * now[1:-1] + now[2:])
    return np.sum(now**3)


def newton_square_root(x):
    root = 1.0 + 0.1 * x[0]
    for _ in range(6):
        root = 0.5 * (root + x[0] / root)
    return root * x[1]


def newton_until_converged(x):
    root = 1.0
    for _ in range(50):
        value = root**3 + x[0] * root - x[1]
        step = value / (3.0 * root**2 + x[0])
        root -= step
        if abs(step) < 1e-14:
            break
    return root**2


def fixed_point(x):
    y = 0.0
    change = 1.0
    while change > 1e-15:
        after = 0.4 * math.cos(y + x[0]) + 0.1 * x[1]
        change = abs(after - y)
        y = after
    return y * x[0]


def power_iteration(a):
    v = np.ones(a.shape[0])
    value = 0.0
    for _ in range(30):
        w = a @ v
        value = np.linalg.norm(w)
        v = w / value
    return value + v[0]


def conjugate_gradient(b, a):
    x = np.zeros(b.size)
    r = b.copy()
    p = r.copy()
    rs = np.dot(r, r)
    for _ in range(3):
        ap = a @ p
        alpha = rs / np.dot(p, ap)
        x += alpha * p
        r -= alpha * ap
        after = np.dot(r, r)
        p = r + after / rs * p
        rs = after
    return np.sum(x**2)


def gradient_descent_inside(x, target):
    w = np.zeros(target.size)
    rate = 0.1 * x[0]
    velocity = np.zeros(target.size)
    for _ in range(8):
        slope = 2.0 * (w - target) * x[1] ** 2
        velocity = x[2] * velocity - rate * slope
        w = w + velocity
    return np.sum((w - target) ** 2)


def edit_distance(costs):
    n, m = costs.shape
    best = np.zeros((n + 1, m + 1))
    for i in range(1, n + 1):
        best[i, 0] = best[i - 1, 0] + 0.7
    for j in range(1, m + 1):
        best[0, j] = best[0, j - 1] + 0.7
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best[i, j] = min(
                best[i - 1, j] + 0.7, best[i, j - 1] + 0.7, best[i - 1, j - 1] + costs[i - 1, j - 1]
            )
    return best[n, m] ** 2


def soft_time_warping(x, y):
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


def hidden_markov_model(logits, observed):
    n = logits.shape[0]
    transition = np.empty((n, n))
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += math.exp(logits[i, j])
        for j in range(n):
            transition[i, j] = math.exp(logits[i, j]) / total
    forward = np.full(n, 1.0 / n)
    value = 0.0
    for t in range(observed.size):
        after = np.zeros(n)
        for j in range(n):
            for i in range(n):
                after[j] += forward[i] * transition[i, j]
            after[j] *= 0.8 if observed[t] == j else 0.1
        scale = np.sum(after)
        value += math.log(scale)
        forward = after / scale
    return value


def kalman_filter(x, observed):
    mean = 0.0
    variance = 1.0
    value = 0.0
    process = math.exp(x[0])
    noise = math.exp(x[1])
    for z in observed:
        mean = x[2] * mean
        variance = x[2] ** 2 * variance + process
        s = variance + noise
        innovation = z - mean
        value += 0.5 * (math.log(s) + innovation**2 / s)
        gain = variance / s
        mean += gain * innovation
        variance *= 1.0 - gain
    return value


def garch(x, returns):
    variance = 0.5
    value = 0.0
    for i in range(returns.size):
        if i > 0:
            variance = x[0] ** 2 + x[1] ** 2 * returns[i - 1] ** 2 + x[2] ** 2 * variance
        value += math.log(variance) + returns[i] ** 2 / variance
    return value


def recurrent_network(w, u, inputs):
    h = np.zeros(w.shape[0])
    total = 0.0
    for t in range(inputs.shape[0]):
        h = np.tanh(w @ h + u @ inputs[t])
        total += np.sum(h**2)
    return total


def convolution(kernel, image):
    rows, columns = image.shape
    total = 0.0
    for i in range(rows - 2):
        for j in range(columns - 2):
            entry = 0.0
            for p in range(3):
                for q in range(3):
                    entry += kernel[p, q] * image[i + p, j + q]
            total += max(entry, 0.1 * entry) ** 2
    return total


def horner_and_clenshaw(c, t):
    b1 = 0.0
    b2 = 0.0
    for k in range(c.size - 1, 0, -1):
        b1, b2 = 2.0 * t * b1 - b2 + c[k], b1
    return (t * b1 - b2 + c[0]) ** 2


def simpson(x):
    n = 10
    h = x[1] / n
    total = 0.0
    for i in range(n + 1):
        t = i * h
        weight = 1.0 if i == 0 or i == n else (4.0 if i % 2 == 1 else 2.0)
        total += weight * math.exp(-x[0] * t * t)
    return total * h / 3.0


def spline_energy(x, knots):
    total = 0.0
    for i in range(1, x.size - 1):
        left = (x[i] - x[i - 1]) / (knots[i] - knots[i - 1])
        right = (x[i + 1] - x[i]) / (knots[i + 1] - knots[i])
        total += (right - left) ** 2
    return total


def interpolation(values, at):
    total = 0.0
    for t in at:
        i = int(t)
        w = t - i
        total += ((1.0 - w) * values[i] + w * values[i + 1]) ** 2
    return total


def mixture_likelihood(x, data):
    total = 0.0
    weight = 1.0 / (1.0 + math.exp(-x[0]))
    for value in data:
        a = weight * math.exp(-0.5 * (value - x[1]) ** 2)
        b = (1.0 - weight) * math.exp(-0.5 * ((value - x[2]) / x[3]) ** 2) / abs(x[3])
        total -= math.log(a + b)
    return total


def black_scholes(x):
    spot, strike, rate, volatility, time = x[0], x[1], x[2], x[3], x[4]
    d1 = (math.log(spot / strike) + (rate + 0.5 * volatility**2) * time) / (volatility * math.sqrt(time))
    d2 = d1 - volatility * math.sqrt(time)
    first = 0.5 * math.erfc(-d1 / math.sqrt(2.0))
    second = 0.5 * math.erfc(-d2 / math.sqrt(2.0))
    return spot * first - strike * math.exp(-rate * time) * second


def robot_arm(angles):
    total = 0.0
    px = 0.0
    py = 0.0
    for i, angle in enumerate(angles):
        total += angle
        px += math.cos(total) * (1.0 + 0.1 * i)
        py += math.sin(total) * (1.0 + 0.1 * i)
    return (px - 1.0) ** 2 + (py - 2.0) ** 2


def matrix_exponential(a):
    n = a.shape[0]
    term = np.zeros((n, n))
    for i in range(n):
        term[i, i] = 1.0
    total = term.copy()
    for k in range(1, 9):
        term = term @ a / k
        total += term
    return np.sum(total**2)


@njit(parallel=True)
def threaded_logistic_regression(w, features, labels):
    total = 0.0
    for i in prange(features.shape[0]):
        margin = 0.0
        for j in range(features.shape[1]):
            margin += features[i, j] * w[j]
        total += math.log1p(math.exp(-margin * (2.0 * labels[i] - 1.0)))
    return total


F73 = normal(81, 7, 3)
F72 = normal(82, 7, 2)
LABELS = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0])
T7 = np.linspace(0.0, 3.0, 7)
Y7 = normal(83, 7)

CASES = [
    case(rosenbrock, X5, second=True, single=True),
    case(rosenbrock_of_slices, X5, second=True),
    case(beale, X5[:2].copy(), second=True),
    case(rastrigin, X5, second=True),
    case(ackley, X5, second=True),
    case(least_squares_fit, P5[:3].copy(), T7, Y7, second=True),
    case(logistic_regression, normal(84, 3), F73, LABELS, second=True, single=True),
    case(logistic_regression_of_arrays, normal(84, 3), F73, LABELS, second=True),
    case(perceptron, normal(85, 3, 4), normal(86, 4), normal(87, 4), 0.3, F73, Y7, argnum=(0, 1, 2, 3)),
    case(perceptron_of_one_vector, normal(88, 16), F73, Y7, second=True),
    case(perceptron_with_views, normal(89, 13), F72, Y7),
    case(cross_entropy, normal(90, 3, 4), F73, np.array([0, 3, 1, 2, 2, 0, 1])),
    case(gaussian_process, np.array([0.2, -0.4, -1.0]), T7, Y7, second=True),
    case(gaussian_process_of_arrays, np.array([1.1, 0.8, 0.4]), T7, Y7, np.eye(7), second=True),
    case(cholesky_by_hand, definite(91, 4), single=True),
    case(gaussian_elimination, definite(92, 4), normal(93, 4), argnum=(0, 1)),
    case(tridiagonal_solve, X5, P5, argnum=(0, 1)),
    case(runge_kutta, np.array([1.1, 0.4, 0.9, 0.3, 0.7]), second=True),
    case(runge_kutta_of_scalars, np.array([0.9, -0.2, 0.3]), second=True, single=True),
    case(leapfrog, np.array([0.9, -0.4]), second=True),
    case(bodies_energy, normal(94, 4, 3), positive(95, 4), argnum=(0, 1)),
    case(bodies_in_motion, normal(96, 3, 2), positive(97, 3), argnum=(0, 1)),
    case(lennard_jones, np.array([[0.0, 0.0], [1.2, 0.1], [0.4, 1.3]]), single=True),
    case(heat_equation, X5, second=True),
    case(heat_equation_of_slices, normal(98, 7)),
    case(newton_square_root, np.array([2.3, 0.7]), second=True),
    case(newton_until_converged, np.array([1.4, 2.2]), second=True),
    case(fixed_point, np.array([0.4, 0.9]), second=True),
    case(power_iteration, np.abs(definite(99, 3)) + 0.2),
    case(conjugate_gradient, normal(100, 4), definite(101, 4), second=True),
    case(gradient_descent_inside, np.array([0.8, 1.1, 0.4]), X5, argnum=(0, 1)),
    case(edit_distance, positive(102, 4, 3)),
    case(soft_time_warping, X5, P5[:4].copy(), argnum=(0, 1)),
    case(hidden_markov_model, normal(103, 3, 3), np.array([0, 2, 1, 1, 0, 2])),
    case(kalman_filter, np.array([-0.5, 0.2, 0.8]), Y7, second=True),
    case(garch, np.array([0.4, 0.3, 0.7]), Y7, second=True),
    case(recurrent_network, 0.5 * normal(104, 3, 3), normal(105, 3, 2), normal(106, 4, 2), argnum=(0, 1)),
    case(convolution, normal(107, 3, 3), normal(108, 5, 5), argnum=(0, 1)),
    case(horner_and_clenshaw, X5, 0.4, argnum=(0, 1)),
    case(simpson, np.array([0.7, 1.4]), second=True),
    case(spline_energy, X5, np.array([0.0, 0.7, 1.2, 2.1, 3.0]), argnum=(0, 1)),
    case(interpolation, X5, np.array([0.3, 1.6, 2.2, 3.9]), argnum=(0, 1)),
    case(mixture_likelihood, np.array([0.2, -0.6, 0.9, 1.3]), Y7, second=True),
    case(black_scholes, np.array([1.1, 1.0, 0.05, 0.3, 1.5]), second=True),
    case(robot_arm, X5, second=True),
    case(matrix_exponential, 0.5 * normal(109, 3, 3)),
    case(threaded_logistic_regression, normal(84, 3), F73, LABELS, second=True),
]
