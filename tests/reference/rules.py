"""The steps of PyTorch's optimisers on given gradients.

``python tests/reference/rules.py`` stores them in ``rules.npz``, which the tests read, so that they compare
with PyTorch where it is not installed.
"""

from pathlib import Path

import numpy as np

STEPS = 200
SIZE = 6
MARKS = (1, 2, 10, 200)  # steps after which the parameters are kept
FILE = Path(__file__).with_suffix(".npz")

CASES = {
    "gd": ("SGD", {"learning_rate": 1e-3}, {"lr": 1e-3}),
    "gd-large": ("SGD", {"learning_rate": 0.3}, {"lr": 0.3}),
    "momentum": ("SGD", {"learning_rate": 1e-3, "momentum": 0.9}, {"lr": 1e-3, "momentum": 0.9}),
    "adam": ("Adam", {}, {}),
    "adam-other": (
        "Adam",
        {"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-4},
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4},
    ),
}
"""Case to PyTorch's class, the rule's hyper-parameters, and PyTorch's names for them."""


def gradients(seed):
    """Start and the gradients of every step: of very different sizes, every third one sparse."""
    rng = np.random.default_rng(seed)
    start = rng.normal(size=SIZE)
    steps = rng.normal(size=(STEPS, SIZE)) * 10.0 ** np.arange(-3, 3)
    steps[::3, ::2] = 0.0
    return start, steps


SEEDS = range(8)


def by_pytorch(case, dtype, seed):
    """Parameters after each of MARKS steps, from PyTorch, shape (len(MARKS), SIZE)."""
    import torch

    name, _, options = CASES[case]
    start, steps = gradients(seed)
    parameters = torch.nn.Parameter(torch.tensor(start.astype(dtype)))
    optimizer = getattr(torch.optim, name)([parameters], **options)
    kept = []
    for t, gradient in enumerate(steps, start=1):
        parameters.grad = torch.tensor(gradient.astype(dtype))
        optimizer.step()
        if t in MARKS:
            kept.append(parameters.detach().numpy().copy())
    return np.array(kept)


if __name__ == "__main__":
    np.savez_compressed(
        FILE,
        **{
            f"{case}-{dtype}": np.array([by_pytorch(case, dtype, seed) for seed in SEEDS])
            for case in CASES
            for dtype in ("float64", "float32")
        },
    )
