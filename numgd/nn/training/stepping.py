"""Steps of an optimizer over the parameters of a network."""

from typing import Any

from numgd.kernels.layers import memory
from numgd.optimizers.classes import of_rule
from numgd.optimizers.optimizer import Optimizer
from numgd.registry import RULES

_MASK = 2**64 - 1


def step_seed(seed, step):
    """The seed of a step's random numbers: an integer below 2⁶³.

    SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, Fast splittable pseudorandom number generators, OOPSLA
    2014), the number `step` of the sequence that begins at `seed`.
    """
    z = (seed + (step + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return (z ^ (z >> 31)) >> 1


def checked_optimizer(optimizer):
    """The optimizer, made if it is a name; errors name the argument."""
    if isinstance(optimizer, Optimizer):
        optimizer.refuse("nonfinite")
        return optimizer
    if not isinstance(optimizer, str):
        raise TypeError(f"optimizer must be a name or a numgd optimizer; it is {optimizer!r:.80}")
    name = _rule_names().get(optimizer.lower())
    if name is None:
        raise ValueError(f"optimizer must be one of {', '.join(sorted(RULES))}; it is {optimizer!r}")
    return of_rule(name)()


def _rule_names():
    """The rules by all their names."""
    return {other: rule.name for rule in RULES.values() for other in (*rule.aliases, rule.name)}


class Stepper:
    """An optimizer with the parameters and gradients of a network.

    Parameters
    ----------
    network : Network
    optimizer : Optimizer
    schedule : callable or None
        Learning rates in place of the optimizer's own.
    decay_all : bool
        Whether weight decay applies to ``network.undecayed`` too.
    """

    def __init__(self, network, optimizer, schedule, decay_all):
        self._network, self.optimizer = network, optimizer
        if not decay_all:
            optimizer.exempt(network.undecayed)
        if schedule is not None:
            optimizer.follow(schedule)
        self._arrays: Any = (network.parameters, network.gradient)
        if optimizer.sees_arrays:
            self._arrays = (network.named_parameters(), network.named_gradients())
        optimizer.attach(*self._arrays)

    def load(self, state, path):
        """Continue from a state of the optimizer that was read from a file."""
        try:
            self.optimizer.load_state_dict(state)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a checkpoint of this training: {error}") from error

    def step(self):
        """One step with the current gradient."""
        self.optimizer.step(*self._arrays)

    def last_rate(self):
        """The learning rate of the last step."""
        return float(self.optimizer.rate_of(max(1, self.optimizer.t)))

    def observe(self, value):
        """Show a value to the schedule, if it observes any."""
        if hasattr(self.optimizer.rate, "observe"):
            self.optimizer.rate.observe(value)

    def put_average(self, out):
        """Copy the average of the parameters to a vector laid out as the network's."""
        average = self.optimizer.averaged()
        if not isinstance(average, dict):
            memory.assign(out, average)
            return
        flat = memory.fetched(self._network.parameters).copy()
        first = 0
        for name, view in self._arrays[0].items():  # in the order in which they lie in the vector
            flat[first : first + view.size] = memory.fetched(average[name]).ravel()
            first += view.size
        memory.assign(out, flat)
