"""Learning rates of PyTorch's schedulers.

``python tests/reference/schedules.py`` stores them in ``schedules.npz``, which the tests read, so that they
compare with PyTorch where it is not installed.
"""

from pathlib import Path

import numpy as np

STEPS = 60
RATE = 0.3
FILE = Path(__file__).with_suffix(".npz")

CASES = {
    "step": (
        "StepLR",
        {"step_size": 7, "gamma": 0.5},
        "Step",
        {"learning_rate": RATE, "every": 7, "factor": 0.5},
    ),
    "exponential": (
        "ExponentialLR",
        {"gamma": 0.9},
        "Exponential",
        {"learning_rate": RATE, "decay_rate": 0.9},
    ),
    "polynomial": (
        "PolynomialLR",
        {"total_iters": 40, "power": 2.5},
        "Polynomial",
        {"learning_rate": RATE, "steps": 40, "power": 2.5},
    ),
    "linear": (
        "LinearLR",
        {"start_factor": 1.0, "end_factor": 0.2, "total_iters": 25},
        "Polynomial",
        {"learning_rate": RATE, "steps": 25, "end": 0.06},
    ),
    "cosine": (
        "CosineAnnealingLR",
        {"T_max": STEPS - 1, "eta_min": 0.03},
        "Cosine",
        {"learning_rate": RATE, "steps": STEPS - 1, "end_fraction": 0.1},
    ),
    "restarts": (
        "CosineAnnealingWarmRestarts",
        {"T_0": 8, "eta_min": 0.03},
        "WarmRestarts",
        {"learning_rate": RATE, "period": 8, "end_fraction": 0.1},
    ),
    "restarts-doubled": (
        "CosineAnnealingWarmRestarts",
        {"T_0": 3, "T_mult": 2},
        "WarmRestarts",
        {"learning_rate": RATE, "period": 3, "period_multiplier": 2},
    ),
    "one-cycle": (
        "OneCycleLR",
        {"max_lr": RATE, "total_steps": STEPS},
        "OneCycle",
        {"learning_rate": RATE, "steps": STEPS},
    ),
    "one-cycle-linear": (
        "OneCycleLR",
        {"max_lr": RATE, "total_steps": STEPS, "anneal_strategy": "linear", "pct_start": 0.42},
        "OneCycle",
        {"learning_rate": RATE, "steps": STEPS, "annealing": "linear", "rising": 0.42},
    ),
    "one-cycle-three": (
        "OneCycleLR",
        {
            "max_lr": RATE,
            "total_steps": STEPS,
            "three_phase": True,
            "div_factor": 10.0,
            "final_div_factor": 5.0,
        },
        "OneCycle",
        {
            "learning_rate": RATE,
            "steps": STEPS,
            "three_phases": True,
            "initial_divisor": 10.0,
            "final_divisor": 5.0,
        },
    ),
    "multi-step": (
        "MultiStepLR",
        {"milestones": [10, 35]},
        "Piecewise",
        {"boundaries": [10, 35], "values": [RATE, 0.1 * RATE, 0.01 * RATE]},
    ),
}
"""Case to PyTorch's class and its parameters, and the schedule's."""

PLATEAUS = {
    "default": ({}, {}),
    "quick": (
        {"factor": 0.5, "patience": 2, "threshold": 0.05},
        {"factor": 0.5, "patience": 2, "threshold": 0.05},
    ),
    "absolute": (
        {"factor": 0.3, "patience": 1, "threshold": 0.1, "threshold_mode": "abs", "cooldown": 3},
        {"factor": 0.3, "patience": 1, "threshold": 0.1, "relative": False, "cooldown": 3},
    ),
    "bounded": (
        {"factor": 0.2, "patience": 0, "cooldown": 1, "min_lr": 0.01},
        {"factor": 0.2, "patience": 0, "cooldown": 1, "minimum": 0.01},
    ),
}
"""Case to the parameters of PyTorch's ReduceLROnPlateau, and those of ReduceOnPlateau."""


def losses(seed):
    """Values that fall, stall and jump; some are NaN."""
    rng = np.random.default_rng(seed)
    values = 5.0 * np.exp(-0.1 * np.arange(STEPS)) + rng.exponential(0.3, STEPS)
    values[rng.integers(0, STEPS, 3)] = np.nan
    return values


def _optimizer():
    import torch

    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)


def _followed(optimizer, scheduler, values):
    """The rate of every step, the scheduler told a value after each; empty values for none."""
    rates = []
    for value in values:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*value)
    return np.array(rates)


def by_pytorch(case):
    """The rates of steps 1 to STEPS, from PyTorch."""
    from torch.optim import lr_scheduler

    name, options, _, _ = CASES[case]
    optimizer = _optimizer()
    return _followed(optimizer, getattr(lr_scheduler, name)(optimizer, **options), [()] * STEPS)


def warm_up_by_pytorch(steps, fraction):
    """A linear warm-up to a cosine, from PyTorch."""
    from torch.optim import lr_scheduler

    optimizer = _optimizer()
    parts = [
        lr_scheduler.LinearLR(optimizer, start_factor=fraction, total_iters=steps),
        lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS),
    ]
    return _followed(optimizer, lr_scheduler.SequentialLR(optimizer, parts, [steps]), [()] * STEPS)


def plateau_by_pytorch(case, seed):
    """The rates of steps 1 to STEPS, a loss told after each, from PyTorch."""
    from torch.optim import lr_scheduler

    optimizer = _optimizer()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, eps=0.0, **PLATEAUS[case][0])
    return _followed(optimizer, scheduler, [(value,) for value in losses(seed)])


SEEDS = range(4)
WARM_UP = (6, 0.25)

if __name__ == "__main__":
    np.savez_compressed(
        FILE,
        **{case: by_pytorch(case) for case in CASES},
        **{
            f"plateau-{case}": np.array([plateau_by_pytorch(case, seed) for seed in SEEDS])
            for case in PLATEAUS
        },
        **{"warm-up": warm_up_by_pytorch(*WARM_UP)},
    )
