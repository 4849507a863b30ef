"""What comparisons of models with PyTorch have in common; they are skipped without PyTorch."""

import re

import numpy as np
import pytest

from numgd.nn.network.wiring import wired

torch = pytest.importorskip("torch")
F = torch.nn.functional

SUFFIXES = {"gamma": "weight", "beta": "bias", "running_variance": "running_var"}


def batch_norm(x, p, path):
    """In training, over a batch."""
    axes = [0, 2, 3] if x.ndim == 4 else [0]
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
    shape = mean.shape
    gamma, beta = p[f"{path}.gamma"].reshape(shape), p[f"{path}.beta"].reshape(shape)
    return (x - mean) / torch.sqrt(variance + 1e-5) * gamma + beta


def running_norm(x, p, path):
    """Batch norm in inference, of images."""
    names = "running_mean", "running_variance", "gamma", "beta"
    mean, variance, gamma, beta = (p[f"{path}.{name}"][:, None, None] for name in names)
    return (x - mean) / torch.sqrt(variance + 1e-5) * gamma + beta


def flat(x):
    """As vectors with the channels last, which is the order of our dense weights."""
    return x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x


def tensors(network):
    """The parameters in PyTorch's order of axes, and how to bring their gradients back into ours."""
    found = {}
    for name, array in network.named_parameters().items():
        order = (0, 3, 1, 2) if array.ndim == 4 else range(array.ndim)
        found[name] = torch.tensor(np.ascontiguousarray(array.transpose(*order)), requires_grad=True)
    return found


def of_ours(tensor):
    gradient = tensor.grad.numpy()
    return np.moveaxis(gradient, 1, 3) if gradient.ndim == 4 else gradient


def relative_error(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def check_against(forward, network, batch, seed=1):
    """Loss, gradient and outputs of a network against ``forward(x, p, norm)`` in PyTorch.

    Parameters and states are drawn first, so that biases and norms count.  The gradient of a bias before a
    batch norm is zero: errors of arrays are relative to their norms, or a thousandth of that of all.
    """
    random = np.random.default_rng(seed)
    network.parameters += 0.02 * random.normal(size=network.parameters.size)
    X = random.normal(size=(batch, *network.input_shape))
    y = random.integers(0, network.output_shape[0], batch)
    x, p = torch.tensor(np.moveaxis(X, 3, 1)), tensors(network)
    expected = F.cross_entropy(forward(x, p, batch_norm), torch.tensor(y))
    expected.backward()
    assert network.loss_and_gradient(X, y, "cross_entropy") == pytest.approx(expected.item(), rel=1e-10)
    gradients = {name: of_ours(tensor) for name, tensor in p.items()}
    least = 1e-3 * np.sqrt(sum(np.sum(gradient**2) for gradient in gradients.values()))
    for name, gradient in network.named_gradients().items():
        error = np.linalg.norm(gradient - gradients[name])
        assert error <= 1e-10 * max(np.linalg.norm(gradients[name]), least), name
    for state in network.named_states().values():
        state[:] = random.uniform(0.5, 1.5, state.shape)
    states = {name: torch.tensor(state) for name, state in network.named_states().items()}
    with torch.no_grad():
        outputs = forward(x, p | states, running_norm).numpy()
    assert np.linalg.norm(network(X) - outputs) <= 1e-10 * np.linalg.norm(outputs)


def shapes_in_torch(model, input_shape):
    """The shapes of all arrays of a model, by the names and with the axes that they have in PyTorch."""
    wiring, found = wired(model, input_shape), {}
    for node in wiring.nodes:
        taken = [wiring.shapes[i] for i in node.inputs]
        for name, own in {**node.layer.parameters(*taken), **node.layer.states(*taken)}.items():
            path = f"{node.path}.{SUFFIXES.get(name, name)}"
            for pattern, replacement in model.torch_names:
                path = re.sub(pattern, replacement, path)
            shape = own.shape
            found[path] = (shape[0], shape[3], *shape[1:3]) if len(shape) == 4 else shape
    return found


def shapes_of_torchvision(name):
    """The shapes of all arrays of a model of torchvision, by name; skips the test if it is not installed."""
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        state = getattr(torchvision.models, name)().state_dict()
    return {
        key: tuple(array.shape) for key, array in state.items() if not key.endswith("num_batches_tracked")
    }
