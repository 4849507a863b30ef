"""The optimizer, the schedule and the augmentation that the options of ``numgd train`` describe."""

import argparse
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numgd.optimizers import Optimizer

SCHEDULES = ("constant", "cosine", "linear", "steps", "one-cycle", "plateau")
"""What `schedule_of` knows."""

AUGMENTATIONS = {"flip": ("Flip", None), "crop": ("RandomCrop", 4), "shift": ("Shift", 2)}
"""Classes of `numgd.nn.training` by name, with the default number of pixels."""


def optimizer_of(options: argparse.Namespace) -> "Optimizer":
    """The optimizer; raises TypeError or ValueError for unknown names and values out of their ranges."""
    from numgd.optimizers import of_rule

    given = dict(options.option)
    for name in ("learning_rate", "weight_decay"):
        value = getattr(options, name)
        if value is not None:
            given[name] = value
    return of_rule(_rule(options.optimizer))(**given)


def _rule(text: str) -> str:
    """The name of the update rule that is meant: its own, an alias, or that of its class."""
    from numgd.registry import RULES

    names = {
        name: rule.name
        for rule in RULES.values()
        for name in (rule.optimizer.lower(), *rule.aliases, rule.name)
    }
    wanted = text.lower().replace("_", "-")
    if wanted in names:
        return names[wanted]
    near = get_close_matches(wanted, names, n=3, cutoff=0.5)
    hint = f"near it are {', '.join(near)}; " if near else ""
    raise ValueError(f"no optimizer has the name {text!r}: {hint}all are {', '.join(RULES)}")


def schedule_of(options: argparse.Namespace, optimizer: "Optimizer", steps_per_epoch: int) -> Any:
    """The learning rate of each step, or None for that of the optimizer."""
    from numgd import schedules

    rate = options.learning_rate
    if rate is None:
        rate = dict(options.option).get("learning_rate", optimizer.rule.options().learning_rate)
    rising = options.warm_up or 0
    if rising >= options.epochs:
        raise ValueError(f"--warm-up must be below the number of epochs, {options.epochs}; it is {rising}")
    steps = (options.epochs - rising) * steps_per_epoch
    drops = (steps // 2, 3 * steps // 4)  # of K. He et al., Deep residual learning, CVPR (2016), section 4.2
    makers = {
        "constant": lambda: schedules.Constant(rate),
        "cosine": lambda: schedules.Cosine(rate, steps),
        "linear": lambda: schedules.Polynomial(rate, steps),
        "steps": lambda: schedules.Piecewise(drops, (rate, rate / 10, rate / 100)),
        "one-cycle": lambda: schedules.OneCycle(rate, steps),
        "plateau": lambda: schedules.ReduceOnPlateau(rate),
    }
    if options.schedule == "constant" and not rising:
        return None
    schedule = makers[options.schedule]()
    return schedules.WarmUp(schedule, rising * steps_per_epoch) if rising else schedule


def augmentation_of(text: str) -> Any:
    """A change of images, such as flip or crop:4; raises ValueError."""
    from numgd.nn import training

    name, colon, number = text.partition(":")
    kind, pixels = AUGMENTATIONS.get(name, ("", None))
    if not kind or (colon and (pixels is None or not number.isdecimal())):
        raise ValueError(f"--augment must be flip, crop, crop:PADDING, shift or shift:PIXELS; it is {text!r}")
    make = getattr(training, kind)
    return make() if pixels is None else make(int(number) if colon else pixels)
