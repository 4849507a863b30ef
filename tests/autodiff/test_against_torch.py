"""Derivatives of vectorised functions against PyTorch, which says the same in its own words."""

import math

import numpy as np
import pytest

import numgd
from autodiff.families.case import copied
from autodiff.functions import CASES, VECTOR_CASES

torch = pytest.importorskip("torch")

TOLERANCE = 1e-10
SECOND_TOLERANCE = 1e-9
BY_NAME = {given.name: given for given in CASES + VECTOR_CASES}
WEIGHTS = torch.tensor([0.4, 1.0, -0.7, 1.3, 0.6], dtype=torch.float64)


def chained_rosenbrock(x):
    return (100 * (x[1:] - x[:-1].square()).square() + (1 - x[:-1]).square()).sum()


def ackley(x):
    first = -20 * torch.exp(-0.2 * x.square().mean().sqrt())
    return first - torch.exp(torch.cos(2 * math.pi * x).mean()) + 20 + math.e


def least_squares_fit(x, t, y):
    return (x[0] * torch.exp(-x[1] * t) + x[2] - y).square().sum()


def logistic(w, features, labels):
    margins = torch.mv(features, w)
    return torch.nn.functional.binary_cross_entropy_with_logits(margins, labels)


def regularised_logistic(w, features, labels):
    return logistic(w, features, labels) + 0.05 * w.square().sum()


def summed_logistic(w, features, labels):
    return logistic(w, features, labels) * features.shape[0]


def perceptron(w1, b1, w2, b2, features, targets):
    return torch.nn.functional.mse_loss(torch.tanh(torch.addmm(b1, features, w1)).mv(w2) + b2, targets)


def perceptron_of_one_vector(w, features, targets):
    w1, b1, w2, b2 = w[:9].view(3, 3), w[9:12], w[12:15], w[15]
    hidden = torch.tanh(torch.nn.functional.linear(features, w1, b1))
    return (hidden.mv(w2) + b2 - targets).square().mean()


def perceptron_with_views(w, features, targets):
    w1, b1, w2 = w[:6].view(2, 3), w[6:9], w[9:12]
    return (torch.relu(features.mm(w1) + b1).mv(w2) + w[12] - targets).square().mean()


def cross_entropy(w, features, classes):
    return torch.nn.functional.cross_entropy(features.mm(w), classes)


def gaussian_process(theta, t, y):
    gaps = t.unsqueeze(1) - t
    k = torch.exp(2 * theta[0] - 0.5 * gaps.square() * torch.exp(-2 * theta[1]))
    k = k + torch.exp(2 * theta[2]) * torch.eye(t.numel(), dtype=t.dtype)
    zero = torch.zeros_like(t)
    density = torch.distributions.MultivariateNormal(zero, covariance_matrix=k, validate_args=False)
    return -density.log_prob(y) - 0.5 * t.numel() * math.log(2 * math.pi)


def gaussian_process_of_arrays(theta, t, y, identity):
    gaps = t.unsqueeze(1) - t
    k = theta[0] ** 2 * torch.exp(-(gaps**2) / (2 * theta[1] ** 2)) + theta[2] ** 2 * identity
    lower = torch.linalg.cholesky(k)
    alpha = torch.cholesky_solve(y.unsqueeze(1), lower).squeeze(1)
    return 0.5 * y.dot(alpha) + lower.diagonal().log().sum()


def cholesky_by_hand(a):
    lower = torch.linalg.cholesky(a.tril() + a.tril(-1).T)
    return lower.diagonal().log().sum() + lower[-1, 0] ** 2


def gaussian_elimination(a, b):
    return torch.linalg.solve(a, b).square().sum()


def tridiagonal_solve(x, rhs):
    n = rhs.numel()
    off = torch.diag(torch.ones(n - 1, dtype=rhs.dtype), 1)
    return torch.linalg.solve(torch.diag(4 + x) + off + off.T, rhs).square().sum()


def bodies_energy(positions, masses):
    n = positions.shape[0]
    i, j = torch.triu_indices(n, n, 1)
    squares = (positions[i] - positions[j]).square().sum(1) + 0.01
    return -(masses[i] * masses[j] * squares.rsqrt()).sum()


def lennard_jones(p):
    i, j = torch.triu_indices(p.shape[0], p.shape[0], 1)
    s = (p[i] - p[j]).square().sum(1) ** -3
    return 4 * (s.square() - s).sum()


def heat_equation_of_slices(u):
    matrix = torch.eye(u.numel(), dtype=u.dtype)
    for i in range(1, u.numel() - 1):
        matrix[i, i - 1 : i + 2] += torch.tensor([0.2, -0.4, 0.2], dtype=u.dtype)
    return (torch.linalg.matrix_power(matrix, 6) @ u).pow(3).sum()


def runge_kutta(x):
    def slope(u, v):
        return u * (x[0] - x[1] * v), -v * (x[2] - x[3] * u)

    u, v = torch.tensor(1.0, dtype=x.dtype), x[4]
    h = 0.05
    for _ in range(20):
        a1, b1 = slope(u, v)
        a2, b2 = slope(u + h / 2 * a1, v + h / 2 * b1)
        a3, b3 = slope(u + h / 2 * a2, v + h / 2 * b2)
        a4, b4 = slope(u + h * a3, v + h * b3)
        u, v = u + h * (a1 + 2 * a2 + 2 * a3 + a4) / 6, v + h * (b1 + 2 * b2 + 2 * b3 + b4) / 6
    return u**2 + v


def soft_time_warping(x, y):
    costs = (x[:, None] - y[None, :]).square()
    far = torch.tensor(1e3, dtype=x.dtype)
    best = {(0, 0): torch.tensor(0.0, dtype=x.dtype)}
    for i in range(1, x.numel() + 1):
        for j in range(1, y.numel() + 1):
            near = torch.stack([best.get(at, far) for at in ((i - 1, j), (i, j - 1), (i - 1, j - 1))])
            best[i, j] = costs[i - 1, j - 1] - torch.logsumexp(-near, 0)
    return best[x.numel(), y.numel()]


def hidden_markov_model(logits, observed):
    transition = torch.softmax(logits, 1)
    forward = torch.full((logits.shape[0],), 1 / logits.shape[0], dtype=logits.dtype)
    for t in observed:
        seen = torch.full_like(forward, 0.1)
        seen[t] = 0.8
        forward = (forward @ transition) * seen
    return forward.sum().log()


def recurrent_network(w, u, inputs):
    h = torch.zeros(w.shape[0], dtype=w.dtype)
    total = 0.0
    for each in inputs:
        h = torch.tanh(w.mv(h) + u.mv(each))
        total = total + h.square().sum()
    return total


def convolution(kernel, image):
    entries = torch.nn.functional.conv2d(image[None, None], kernel[None, None])
    return torch.nn.functional.leaky_relu(entries, 0.1).square().sum()


def horner_and_clenshaw(c, t):
    value = sum(c[k] * torch.cos(k * torch.acos(t)) for k in range(c.numel()))
    return value**2


def mixture_likelihood(x, data):
    weight = torch.sigmoid(x[0])
    a = weight.log() - 0.5 * (data - x[1]).square()
    b = (1 - weight).log() - 0.5 * ((data - x[2]) / x[3]).square() - x[3].abs().log()
    return -torch.logaddexp(a, b).sum()


def black_scholes(x):
    spot, strike, rate, volatility, time = x
    d1 = ((spot / strike).log() + (rate + volatility**2 / 2) * time) / (volatility * time.sqrt())
    d2 = d1 - volatility * time.sqrt()
    return spot * torch.special.ndtr(d1) - strike * (-rate * time).exp() * torch.special.ndtr(d2)


def robot_arm(angles):
    total = angles.cumsum(0)
    lengths = 1 + 0.1 * torch.arange(angles.numel(), dtype=angles.dtype)
    return ((total.cos() * lengths).sum() - 1) ** 2 + ((total.sin() * lengths).sum() - 2) ** 2


def matrix_exponential(a):
    identity = torch.eye(a.shape[0], dtype=a.dtype)
    total = identity
    for k in range(8, 0, -1):
        total = identity + a @ total / k
    return total.square().sum()


def written_slices(x):
    first = torch.stack([x[0] * 0, x[0] ** 2, x[1] ** 2 * 3, x[2] ** 2, x[3] * x[4] * 3, x[3] * x[4]])
    first = first * torch.tensor([3.0, 1.0, 1.0, 1.0, 1.0, 1.0], dtype=x.dtype)
    head = first[:2] + first[2:4]
    tail = torch.cat((head, torch.stack((first[2], first[3])), torch.stack((x[3] * x[4],) * 2)))
    return tail.square().sum()


def in_place_array_updates(x, z):
    return (((x + z) * x - z.square() / 2) / (2 + x.cos())).square().sum()


def normalised(x):
    return (((x - x.mean()) / x.std(unbiased=False)) ** 3).sum()


def softmax(x):
    return (torch.softmax(x, 0) * x).sum() - torch.log_softmax(x, 0)[1]


def variances(a):
    return a.var(unbiased=False) ** 2 + a.std(unbiased=False) * a[0].std(unbiased=False)


def cumulative_sums(x):
    return (x.square().cumsum(0) * x).sum() + x[:3].sum() ** 2


def concatenated(x, y):
    z = torch.cat((x, y, x.square()))
    return z.dot(z.flip(0)) + x[0] * x[-1] ** 2


def stacked(x, y):
    return (x * y.square()).sum() + (x * x * y).sum()


def quadratic_form(x, a):
    return x.dot(a.mv(x)) * (0.5 + x[0])


def inverted(a):
    inverse = torch.linalg.solve(a, torch.eye(a.shape[0], dtype=a.dtype))
    return inverse.square().sum() + inverse[0, 1]


def gaussian_log_density(x, covariance):
    return -0.5 * x.dot(torch.linalg.solve(covariance, x)) - 0.5 * torch.logdet(covariance)


def factorised(a, identity):
    lower = torch.linalg.cholesky(a.mm(a.T) + identity)
    return lower.diagonal()[:2].log().sum() + lower.square().sum() * lower[2, 1] + lower[1, 0] ** 2


def pairwise_differences(p):
    return (1 / (1 + (p.unsqueeze(1) - p.unsqueeze(0)).square().sum(-1))).sum()


def eigenvectors(x):
    a = torch.outer(x, x) + torch.diag(x.exp().cumsum(0))
    w, v = torch.linalg.eigh(a)
    return w[0] ** 2 + v[0, 1] ** 2 * v[2, 1] * v[3, 1] + ((v * w).mv(v[0]) * x).sum()


def norms_of_other_orders(x):
    norm = torch.linalg.vector_norm
    return norm(x, 1) * norm(x, 2) + norm(x, torch.inf) * norm(x, 3)


def repeated(x):
    y = x.repeat_interleave(2)
    z = (x**2).repeat_interleave(torch.tensor([1, 0, 2, 3, 1]))
    return (y[1:] * y[:-1] ** 2).sum() + z[1:].dot(z[:-1]) + x[0] * x[:3].sum()


BY_TORCH = {
    "rosenbrock": chained_rosenbrock,
    "rosenbrock_of_slices": chained_rosenbrock,
    "ackley": ackley,
    "rastrigin": lambda x: (x.square() - 10 * torch.cos(2 * math.pi * x) + 10).sum(),
    "least_squares_fit": least_squares_fit,
    "logistic_regression": regularised_logistic,
    "logistic_regression_of_arrays": logistic,
    "threaded_logistic_regression": summed_logistic,
    "perceptron": perceptron,
    "perceptron_of_one_vector": perceptron_of_one_vector,
    "perceptron_with_views": perceptron_with_views,
    "cross_entropy": cross_entropy,
    "gaussian_process": gaussian_process,
    "gaussian_process_of_arrays": gaussian_process_of_arrays,
    "cholesky_by_hand": cholesky_by_hand,
    "gaussian_elimination": gaussian_elimination,
    "tridiagonal_solve": tridiagonal_solve,
    "bodies_energy": bodies_energy,
    "lennard_jones": lennard_jones,
    "heat_equation_of_slices": heat_equation_of_slices,
    "runge_kutta": runge_kutta,
    "soft_time_warping": soft_time_warping,
    "hidden_markov_model": hidden_markov_model,
    "recurrent_network": recurrent_network,
    "convolution": convolution,
    "horner_and_clenshaw": horner_and_clenshaw,
    "mixture_likelihood": mixture_likelihood,
    "black_scholes": black_scholes,
    "robot_arm": robot_arm,
    "matrix_exponential": matrix_exponential,
    "written_slices": written_slices,
    "in_place_array_updates": in_place_array_updates,
    "normalised": normalised,
    "softmax": softmax,
    "log_sum_exp": lambda x: torch.logsumexp(x, 0),
    "variances": variances,
    "cumulative_sums": cumulative_sums,
    "cumulative_products": lambda x: (x.cumprod(0) ** 2 * x).sum() + x.cumprod(0)[2] * x[1],
    "cumulative_products_with_a_zero": lambda x: (
        ((x - 0.4).cumprod(0) * x**2).sum() + (x - x[2]).cumprod(0)[3]
    ),
    "sorted_rows": lambda a: ((a**2).sort().values * a).sum() + a.sort().values[1, 2] ** 3,
    "medians": lambda x: (x * x).median() ** 2 * x[0] + x[1:].quantile(0.5) * x[1],
    "flipped": lambda x: (x.flip(0) * x**2).sum() + x[-1] ** 2 * x[1],
    "rolled": lambda x: (x.roll(2) * x**2).sum() + x[1] ** 2 * x[0],
    "repeated": repeated,
    "norms_of_other_orders": norms_of_other_orders,
    "eigenvectors": eigenvectors,
    "determinant_of_a_vector": lambda x: torch.linalg.det(x.view(3, 3)) * (1 + x[0]),
    "concatenated": concatenated,
    "stacked": stacked,
    "quadratic_form": quadratic_form,
    "solved": lambda a, b: torch.linalg.solve(a, b).square().sum() * torch.linalg.solve(a, b)[0],
    "solved_matrix": lambda a, b: (torch.linalg.inv(a) @ b).square().sum(),
    "inverted": inverted,
    "determinant": lambda a: torch.linalg.det(a) ** 2,
    "log_determinant": lambda a: torch.sign(torch.det(a)) * torch.logdet(a) ** 2,
    "gaussian_log_density": gaussian_log_density,
    "factorised": factorised,
    "gram_matrix": lambda a: a.T.mm(a).square().sum() + a.mm(a.T).pow(3).sum(),
    "products_with_a_zero": lambda x: torch.prod(x - x[2]) + 2 * torch.prod(x - 0.4),
    "clipped": lambda x: (x.clamp(-1, 1) * x).sum(),
    "where_of_arrays": lambda x, y: torch.where(x > 0, x * y, x.sin()).sum(),
    "broadcast_both": lambda x, y: torch.exp(-((x.unsqueeze(1) - y) ** 2)).sum(),
    "broadcast_element": lambda x: ((x - x[0]).square() * x[1] / x).sum(),
    "smooth_absolute_value": lambda x, eps: torch.hypot(x, eps.expand_as(x)).sum(),
    "both_active_power_of_arrays": lambda x, y: (x**y).sum() + (y ** (x / 2)).sum(),
    "numpy_arctan2": lambda x, y: (torch.atan2(x, y) * WEIGHTS * x).sum(),
    "numpy_logaddexp": lambda x, y: (torch.logaddexp(x, y) * WEIGHTS * x).sum(),
    "numpy_sinc": lambda x: (torch.sinc(x) * WEIGHTS * x).sum(),
    "math_gamma": lambda t: torch.exp(torch.lgamma(t)),
    "math_erfc": lambda t: torch.erfc(t),
    "pairwise_differences": pairwise_differences,
    "decay_residuals": lambda x, t, y: x[0] * torch.exp(-x[1] * t) + x[2] - y,
    "broyden_tridiagonal": lambda x: (
        (3 - 2 * x) * x
        + 1
        - torch.nn.functional.pad(x[:-1], (1, 0))
        - 2 * torch.nn.functional.pad(x[1:], (0, 1))
    ),
    "solved_map": lambda b, a: torch.linalg.inv(a).mv(b),
}
named = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if i % 8 == 0 else pytest.mark.slow) for i, name in enumerate(BY_TORCH)],
)


def tensors(given):
    """Arguments for PyTorch."""
    return [torch.tensor(np.asarray(value)) for value in given.arguments]


def derivative(name):
    """Value and derivatives with respect to each of the argnums, by PyTorch."""
    given = BY_NAME[name]
    arguments = tensors(given)
    value = BY_TORCH[name](*arguments)
    of_vectors = torch.func.jacrev(BY_TORCH[name], argnums=given.argnums)(*arguments)
    return value.numpy(), [each.numpy() for each in of_vectors]


def close(found, expected, tolerance):
    expected = np.asarray(expected)
    assert np.shape(found) == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(np.abs(expected).max(), 1e-3)


@named
def test_torch_computes_the_same_function(name):
    given = BY_NAME[name]
    value, _ = derivative(name)
    np.testing.assert_allclose(given.compiled()(*copied(given.arguments)), value, rtol=1e-12, atol=1e-13)


@named
def test_first_derivatives(name):
    given = BY_NAME[name]
    _, expected = derivative(name)
    derive = numgd.jacobian if any(given is each for each in VECTOR_CASES) else numgd.grad
    found = derive(given.function, given.argnum)(*copied(given.arguments))
    found = found if isinstance(found, tuple) else (found,)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        close(ours, theirs, TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BY_TORCH if BY_NAME[name].second])
def test_hessians(name):
    given = BY_NAME[name]
    expected = torch.func.hessian(BY_TORCH[name], argnums=given.argnum)(*tensors(given)).numpy()
    found = numgd.hessian(given.function, given.argnum)(*copied(given.arguments))
    close(found, expected, SECOND_TOLERANCE)
