"""The steps of PyTorch's optimisers, and of others' where PyTorch has none, on given gradients.

``python tests/reference/rules.py`` stores them in ``rules.npz``, which the tests read, so that they compare
with all where none is installed.  They are PyTorch 2.13.0, optax 0.2.8, prodigyopt 1.1.2, schedulefree 1.4.1
(both by the authors of the papers) and pytorch_optimizer 4.1.0.
"""

from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np

STEPS = 200
SIZE = 6
MARKS = (1, 2, 10, 200)  # steps after which the parameters are kept
FILE = Path(__file__).with_suffix(".npz")

BETAS = {"beta1": 0.8, "beta2": 0.95}
CASES = {
    "gd": ("torch.optim.SGD", {"learning_rate": 1e-3}, {"lr": 1e-3}),
    "gd:large": ("torch.optim.SGD", {"learning_rate": 0.3}, {"lr": 0.3}),
    "momentum": ("torch.optim.SGD", {}, {"lr": 1e-3, "momentum": 0.9}),
    "momentum:other": (
        "torch.optim.SGD",
        {"learning_rate": 0.05, "momentum": 0.5},
        {"lr": 0.05, "momentum": 0.5},
    ),
    "momentum:dampened": (
        "torch.optim.SGD",
        {"learning_rate": 0.05, "momentum": 0.7, "dampening": 0.4},
        {"lr": 0.05, "momentum": 0.7, "dampening": 0.4},
    ),
    "nesterov": ("torch.optim.SGD", {}, {"lr": 1e-3, "momentum": 0.9, "nesterov": True}),
    "nesterov:other": (
        "torch.optim.SGD",
        {"learning_rate": 0.05, "momentum": 0.5},
        {"lr": 0.05, "momentum": 0.5, "nesterov": True},
    ),
    "asgd": ("torch.optim.ASGD", {}, {}),
    "asgd:other": (
        "torch.optim.ASGD",
        {"learning_rate": 0.05, "decay": 0.01, "power": 0.6, "averaging_start": 50},
        {"lr": 0.05, "lambd": 0.01, "alpha": 0.6, "t0": 50},
    ),
    "rprop": ("torch.optim.Rprop", {}, {}),
    "rprop:other": (
        "torch.optim.Rprop",
        {
            "learning_rate": 0.1,
            "decrease_factor": 0.7,
            "increase_factor": 1.1,
            "min_step_size": 0.02,
            "max_step_size": 0.15,
        },
        {"lr": 0.1, "etas": (0.7, 1.1), "step_sizes": (0.02, 0.15)},
    ),
    "adagrad": ("torch.optim.Adagrad", {}, {}),
    "adagrad:other": (
        "torch.optim.Adagrad",
        {"learning_rate": 0.5, "learning_rate_decay": 0.01, "initial_accumulator": 0.1, "eps": 1e-3},
        {"lr": 0.5, "lr_decay": 0.01, "initial_accumulator_value": 0.1, "eps": 1e-3},
    ),
    "adadelta": ("torch.optim.Adadelta", {}, {}),
    "adadelta:other": (
        "torch.optim.Adadelta",
        {"learning_rate": 0.5, "decay": 0.8, "eps": 1e-3},
        {"lr": 0.5, "rho": 0.8, "eps": 1e-3},
    ),
    "rmsprop": ("torch.optim.RMSprop", {}, {"lr": 1e-3, "alpha": 0.9}),
    "rmsprop:other": (
        "torch.optim.RMSprop",
        {"learning_rate": 0.05, "decay": 0.99, "eps": 1e-4},
        {"lr": 0.05, "alpha": 0.99, "eps": 1e-4},
    ),
    "rmsprop-momentum": ("torch.optim.RMSprop", {}, {"lr": 1e-3, "alpha": 0.9, "momentum": 0.9}),
    "rmsprop-momentum:other": (
        "torch.optim.RMSprop",
        {"learning_rate": 0.05, "decay": 0.99, "eps": 1e-4, "momentum": 0.5},
        {"lr": 0.05, "alpha": 0.99, "eps": 1e-4, "momentum": 0.5},
    ),
    "rmsprop-centred": ("torch.optim.RMSprop", {}, {"lr": 1e-3, "alpha": 0.9, "centered": True}),
    "rmsprop-centred:other": (
        "torch.optim.RMSprop",
        {"learning_rate": 0.05, "decay": 0.99, "eps": 1e-4, "momentum": 0.5},
        {"lr": 0.05, "alpha": 0.99, "eps": 1e-4, "momentum": 0.5, "centered": True},
    ),
    "rmsprop:root": (
        "optax.rmsprop",
        {"learning_rate": 0.05, "decay": 0.8, "eps": 0.0, "eps_root": 1e-4},
        {"learning_rate": 0.05, "decay": 0.8, "eps": 1e-4},
    ),
    "rmsprop-momentum:root": (
        "optax.rmsprop",
        {"learning_rate": 0.05, "decay": 0.8, "eps": 0.0, "eps_root": 1e-4, "momentum": 0.5},
        {"learning_rate": 0.05, "decay": 0.8, "eps": 1e-4, "momentum": 0.5},
    ),
    "rmsprop-centred:root": (
        "optax.rmsprop",
        {"learning_rate": 0.05, "decay": 0.8, "eps": 0.0, "eps_root": 1e-4, "momentum": 0.5},
        {"learning_rate": 0.05, "decay": 0.8, "eps": 1e-4, "momentum": 0.5, "centered": True},
    ),
    "adam": ("torch.optim.Adam", {}, {}),
    "adam:other": (
        "torch.optim.Adam",
        {"learning_rate": 0.05, **BETAS, "eps": 1e-4},
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4},
    ),
    "amsgrad": ("torch.optim.Adam", {}, {"amsgrad": True}),
    "amsgrad:other": (
        "torch.optim.Adam",
        {"learning_rate": 0.05, **BETAS, "eps": 1e-4},
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "amsgrad": True},
    ),
    "adamax": ("torch.optim.Adamax", {}, {}),
    "adamax:other": (
        "torch.optim.Adamax",
        {"learning_rate": 0.05, **BETAS, "eps": 1e-4},
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4},
    ),
    "nadam": ("torch.optim.NAdam", {}, {}),
    "nadam:other": (
        "torch.optim.NAdam",
        {"learning_rate": 0.05, **BETAS, "eps": 1e-4, "momentum_decay": 0.1},
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "momentum_decay": 0.1},
    ),
    "radam": ("torch.optim.RAdam", {}, {}),
    "radam:other": (
        "torch.optim.RAdam",
        {"learning_rate": 0.05, **BETAS, "eps": 1e-4},
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4},
    ),
    "adamw": ("torch.optim.AdamW", {}, {}),
    "adamw:other": (
        "torch.optim.AdamW",
        {"learning_rate": 0.05, **BETAS, "eps": 1e-4, "weight_decay": 0.3},
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.3},
    ),
    "nadamw": ("torch.optim.NAdam", {}, {"decoupled_weight_decay": True, "weight_decay": 0.01}),
    "nadamw:other": (
        "torch.optim.NAdam",
        {"learning_rate": 0.05, **BETAS, "eps": 1e-4, "momentum_decay": 0.1, "weight_decay": 0.3},
        {
            "lr": 0.05,
            "betas": (0.8, 0.95),
            "eps": 1e-4,
            "momentum_decay": 0.1,
            "decoupled_weight_decay": True,
            "weight_decay": 0.3,
        },
    ),
    "adabelief": ("optax.adabelief", {}, {"learning_rate": 1e-3}),
    "adabelief:other": (
        "optax.adabelief",
        {"learning_rate": 0.05, **BETAS, "eps": 1e-4},
        {"learning_rate": 0.05, "b1": 0.8, "b2": 0.95, "eps": 1e-4, "eps_root": 1e-4},
    ),
    "yogi": ("optax.yogi", {}, {"learning_rate": 0.01}),
    "yogi:other": (
        "optax.yogi",
        {"learning_rate": 0.05, **BETAS, "eps": 1e-4},
        {"learning_rate": 0.05, "b1": 0.8, "b2": 0.95, "eps": 1e-4},
    ),
    "adan": ("pytorch_optimizer.Adan", {}, {"lr": 1e-3}),
    "adan:other": (
        "pytorch_optimizer.Adan",
        {"learning_rate": 0.05, **BETAS, "beta3": 0.9, "eps": 1e-4, "weight_decay": 0.3},
        {"lr": 0.05, "betas": (0.8, 0.95, 0.9), "eps": 1e-4, "weight_decay": 0.3, "weight_decouple": False},
    ),
    "lamb": ("optax.lamb", {}, {"learning_rate": 1e-3}),
    "lamb:other": (
        "optax.lamb",
        {"learning_rate": 0.05, **BETAS, "eps": 1e-4, "weight_decay": 0.3},
        {"learning_rate": 0.05, "b1": 0.8, "b2": 0.95, "eps": 1e-4, "weight_decay": 0.3},
    ),
    "lars": ("pytorch_optimizer.LARS", {}, {"lr": 1.0}),
    "lars:other": (
        "pytorch_optimizer.LARS",
        {"learning_rate": 0.5, "momentum": 0.5, "weight_decay": 0.3, "trust_coefficient": 0.02},
        {"lr": 0.5, "momentum": 0.5, "weight_decay": 0.3, "trust_coefficient": 0.02},
    ),
    "prodigy": ("prodigyopt.Prodigy", {}, {}),
    "prodigy:other": (
        "prodigyopt.Prodigy",
        {
            "learning_rate": 0.5,
            **BETAS,
            "eps": 1e-4,
            "weight_decay": 0.3,
            "d0": 1e-3,
            "d_factor": 0.5,
            "growth_rate": 1.05,
        },
        {
            "lr": 0.5,
            "betas": (0.8, 0.95),
            "eps": 1e-4,
            "weight_decay": 0.3,
            "d0": 1e-3,
            "d_coef": 0.5,
            "growth_rate": 1.05,
        },
    ),
    "schedule-free-sgd": ("schedulefree.SGDScheduleFree", {"learning_rate": 1e-3}, {"lr": 1e-3}),
    "schedule-free-sgd:other": (
        "schedulefree.SGDScheduleFree",
        {
            "learning_rate": 0.05,
            "momentum": 0.6,
            "warmup_steps": 30,
            "weight_power": 0.5,
            "weight_rate_power": 1.0,
        },
        {"lr": 0.05, "momentum": 0.6, "warmup_steps": 30, "r": 0.5, "weight_lr_power": 1.0},
    ),
    "schedule-free-adamw": ("schedulefree.AdamWScheduleFree", {}, {"lr": 0.0025}),
    "schedule-free-adamw:other": (
        "schedulefree.AdamWScheduleFree",
        {
            "learning_rate": 0.05,
            **BETAS,
            "eps": 1e-4,
            "weight_decay": 0.3,
            "warmup_steps": 30,
            "weight_power": 0.5,
            "weight_rate_power": 1.0,
        },
        {
            "lr": 0.05,
            "betas": (0.8, 0.95),
            "eps": 1e-4,
            "weight_decay": 0.3,
            "warmup_steps": 30,
            "r": 0.5,
            "weight_lr_power": 1.0,
        },
    ),
    "lion": ("optax.lion", {}, {"learning_rate": 1e-4, "weight_decay": 0.0}),
    "lion:other": (
        "optax.lion",
        {"learning_rate": 0.05, **BETAS, "weight_decay": 0.3},
        {"learning_rate": 0.05, "b1": 0.8, "b2": 0.95, "weight_decay": 0.3},
    ),
}
"""Case to the oracle, the rule's hyper-parameters, and the oracle's names for them."""


def rule_of(case):
    """Name of the rule that a case is about."""
    return case.partition(":")[0]


def oracle_of(case):
    """The package that a case is compared with, and the name in it."""
    package, _, name = CASES[case][0].rpartition(".")
    return package.partition(".")[0], name


def gradients(seed):
    """Start and the gradients of every step: of very different sizes, every third one sparse."""
    rng = np.random.default_rng(seed)
    start = rng.normal(size=SIZE)
    steps = rng.normal(size=(STEPS, SIZE)) * 10.0 ** np.arange(-3, 3)
    steps[::3, ::2] = 0.0
    return start, steps


SEEDS = range(8)


def by_oracle(case, dtype, seed):
    """Parameters after each of MARKS steps, from the oracle, shape (len(MARKS), SIZE)."""
    package, name = oracle_of(case)
    start, steps = gradients(seed)
    points = ORACLES[package](name, CASES[case][2], start.astype(dtype), steps.astype(dtype))
    return np.array([point for t, point in enumerate(points, start=1) if t in MARKS])


def by_pytorch(name, options, start, steps, package="torch.optim"):
    """Parameters after every step of an optimiser of PyTorch, or one made for it."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, start.dtype.name))  # of the scalars that an optimiser keeps
    try:
        # A matrix: optimisers for layers treat vectors, as biases, otherwise.
        parameters = torch.nn.Parameter(torch.tensor(start[None]))
        optimizer = getattr(import_module(package), name)([parameters], **options)
        if hasattr(optimizer, "train"):  # schedule-free ones: the parameters are where gradients are taken
            optimizer.train()
        for gradient in steps:
            parameters.grad = torch.tensor(gradient[None])
            optimizer.step()
            yield parameters.detach().numpy()[0].copy()
    finally:
        torch.set_default_dtype(before)


def by_optax(name, options, start, steps):
    """Parameters after every step of an optimiser of optax."""
    import jax
    import optax

    with jax.enable_x64(True):
        parameters = jax.numpy.asarray(start)
        optimizer = getattr(optax, name)(**options)
        state = optimizer.init(parameters)
        for gradient in steps:
            changes, state = optimizer.update(jax.numpy.asarray(gradient), state, parameters)
            parameters = optax.apply_updates(parameters, changes)
            yield np.array(parameters)


ORACLES = {
    "torch": by_pytorch,
    "optax": by_optax,
    **{
        package: partial(by_pytorch, package=package)
        for package in ("prodigyopt", "pytorch_optimizer", "schedulefree")
    },
}

if __name__ == "__main__":
    np.savez_compressed(
        FILE,
        **{
            f"{case}-{dtype}": np.array([by_oracle(case, dtype, seed) for seed in SEEDS])
            for case in CASES
            for dtype in ("float64", "float32")
        },
    )
