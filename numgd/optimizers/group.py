"""Arrays that are updated together, and the memory that belongs to them."""

from typing import NamedTuple

import numpy as np

from numgd.first_order.apply import make_start, step_coefficients
from numgd.first_order.treatment import shrinkage
from numgd.foundations.evaluator import CARRIED
from numgd.foundations.ranges import Flag, NonNegative
from numgd.kernels.cpu.rules import step as cpu
from numgd.kernels.layers import memory
from numgd.kernels.machines import on_device
from numgd.schedules.schedule import Schedule, rate_of_step, rates_of_steps

AHEAD = 64
"""Steps for which a schedule is asked at once: a call takes as long as a small step."""


class Penalty(NamedTuple):
    """Hyper-parameters added to every rule that does not define weight decay itself."""

    weight_decay: NonNegative = 0.0
    decoupled: Flag = False


class Group:
    """Arrays of one dtype with the same hyper-parameters, and the memory that belongs to them."""

    def __init__(self, rule, hyperparameters, places, arrays):
        self.places = places
        self.rate = hyperparameters["learning_rate"]
        penalty = Penalty()._asdict().items()
        decay, self.decoupled = (hyperparameters.get(name, value) for name, value in penalty)
        self.decay = 0.0 if "weight_decay" in rule.options._fields else decay
        own = {name: value for name, value in hyperparameters.items() if name in rule.options._fields}
        self.options = rule.options(**{**own, "learning_rate": 0.0 if callable(self.rate) else self.rate})
        self.parameter_copies, self.gradient_copies = [], []
        self.table = _table_type(arrays[0])(arrays)
        self.slots = self.table.memory(len(rule.slots))
        self.table.start(make_start(rule), self.slots, self.options)
        self.running = np.zeros(CARRIED)
        self.ones = np.ones(len(arrays))
        self.memories = {}
        self._scratch = None
        self._ahead = (None, 0, [])  # a schedule, a step, and the rates from that step on

    def point_to_parameters(self, arrays):
        """Use these parameters from now on."""
        found, self.parameter_copies = _contiguous(arrays)
        self.table.point(cpu.P, found)

    def point_to_gradients(self, gradients):
        """Use these gradients from now on."""
        found, self.gradient_copies = _contiguous(gradients)
        self.table.point(cpu.G, found)

    def copy_in(self):
        """Refresh the contiguous copies of non-contiguous arrays."""
        self.copy_parameters()
        for array, copy in self.gradient_copies:
            np.copyto(copy, array)

    def copy_parameters(self):
        """Refresh the copies of the parameters only."""
        for array, copy in self.parameter_copies:
            np.copyto(copy, array)

    def copy_back(self):
        """Write the parameters back from their contiguous copies."""
        for array, copy in self.parameter_copies:
            np.copyto(array, copy)

    def memory(self, name):
        """The flat memory of this name, initially zero."""
        if name not in self.memories:
            self.memories[name] = self.table.memory()
        return self.memories[name]

    def start_at_parameters(self, names):
        """Start the memories of these names at the parameters, unless there are some from earlier steps."""
        for name in names:
            if name not in self.memories:
                self.table.combine(cpu.P, self.memory(name), 0.0, 1.0)

    def scratch(self):
        """Flat memory whose contents are not kept between steps."""
        if self._scratch is None:
            self._scratch = self.table.memory()
        return self._scratch

    def options_of_step(self, t):
        """The rule's options at step t."""
        if not callable(self.rate):
            return self.options
        return self.options._replace(learning_rate=self._rate_of_step(t))

    def _rate_of_step(self, t):
        """The learning rate of step t; a schedule of numgd is asked for many steps at a time."""
        rate = self.rate
        if not isinstance(rate, Schedule) or rate.state_dict():
            return rate_of_step(rate, t)
        first = (t - 1) // AHEAD * AHEAD + 1  # the same for a resumed run, in the last bit too
        if self._ahead[:2] != (rate, first):
            try:
                rates = rates_of_steps(rate, first, AHEAD).tolist()
            except Exception:  # a user's function that fails for a later step
                return rate_of_step(rate, t)
            self._ahead = rate, first, rates
        return self._ahead[2][t - first]

    def step(self, rule, options, t, factors, bound, weights=None):
        """One step of the rule, and of the average of the parameters if there are weights for it."""
        decay, keep = shrinkage(self.decay, self.decoupled, options.learning_rate)
        change = cpu.Change(factors, decay, keep, bound)
        average = None if weights is None else (self.memory("average"), *weights)
        self.table.step(rule, self.slots, options, float(t), self.running, change, average)

    def positions(self, rule, t):
        """The parameters that the rule yields, as vectors."""
        flat = self.table.memory()
        self.table.combine(cpu.P, flat, 0.0, 1.0)
        if rule.position is not None and t > 0:
            c = step_coefficients(rule, self.options_of_step(t), t, self.table.dtype, self.running.copy())
            self.table.position(rule, flat, self.slots, c)
        return self.table.views(flat)

    def copied(self, name):
        """A copy of the memory of this name, on the same device."""
        copy = self.table.memory()
        memory.assign(copy, self.memory(name))
        return copy

    def state(self):
        """Copies of the group's memory by name, on the host."""
        own = {"slots": self.slots, **self.memories}
        found = {name: self.table.fetched(values) for name, values in own.items()}
        return {"slots": found.pop("slots"), "running": self.running.copy(), **found}

    def check(self, state):
        """Raise unless a state fits these arrays."""
        found, wanted = state["slots"].shape, (self.slots.shape[0], self.table.total)
        if found != wanted:
            raise ValueError(f"state: slots has shape {found}, but these parameters take {wanted}")

    def restore(self, state):
        """Continue from a checked state; memory that it lacks starts at zero."""
        self.memories = {}
        for name, values in state.items():
            if name == "running":
                self.running[...] = values
            else:
                self.table.assign(self.slots if name == "slots" else self.memory(name), values)


def check_fit(groups, states):
    """Raise unless there is one state per group and each fits its group."""
    if len(groups) != len(states):
        raise ValueError(f"state has {len(states)} groups of arrays, but params has {len(groups)}")
    for group, state in zip(groups, states, strict=True):
        group.check(state)


def restore(groups, states):
    """Let groups continue from their states; raises ValueError, and changes nothing, if these do not fit."""
    check_fit(groups, states)
    for group, state in zip(groups, states, strict=True):
        group.restore(state)


def _table_type(array):
    """The table class for the device that an array is on."""
    if not on_device(array):
        return cpu.Table
    from numgd.kernels.cuda.rules.step import Table  # imports CUDA

    return Table


def _contiguous(arrays):
    """The arrays, with copies of any that are not contiguous and aligned, and the (array, copy) pairs."""
    found, copies = [], []
    for array in arrays:
        if isinstance(array, np.ndarray) and not (array.flags.c_contiguous and array.flags.aligned):
            copies.append((array, np.array(array, order="C")))
            array = copies[-1][1]
        found.append(array)
    return found, copies
