"""What all optimizers share: a step over one array or many, and what goes with it."""

import inspect
import math
import sys
from typing import Annotated, NamedTuple

import numpy as np

from numgd.first_order.apply import make_start, step_coefficients
from numgd.first_order.other_names import known_as, relative
from numgd.first_order.treatment import average_weights, noise_deviation, noise_stream, shrinkage
from numgd.foundations.evaluator import CARRIED
from numgd.foundations.ranges import (
    Count,
    Extent,
    Flag,
    Fraction,
    NonNegative,
    Seed,
    Unchecked,
    UnitInterval,
    check_arguments,
    check_relations,
    checked,
    one_of,
    parameters_of,
)
from numgd.kernels.cpu.rules import step as cpu
from numgd.optimizers.arrays import (
    Known,
    check_gradients,
    check_gradients_apart,
    check_parameters,
    check_parameters_apart,
    label,
    like,
    named,
)
from numgd.optimizers.state import checked_state
from numgd.optimizers.storage import read, write
from numgd.registry import RULES
from numgd.schedules.schedule import rate_of_step


class Penalty(NamedTuple):
    """Hyper-parameters of every rule that has no decay of its own."""

    weight_decay: NonNegative = 0.0
    decoupled: Flag = False


class _Lookahead:
    """A tuple of the number of steps and of the fraction."""

    def check(self, name, value):
        """The two as plain numbers; raises TypeError or ValueError with what they are called."""
        if not (isinstance(value, tuple) and len(value) == 2):
            raise TypeError(f"{name} must be a tuple (k, alpha); it is {value!r}")
        return checked(f"{name}: k", value[0], Count), checked(f"{name}: alpha", value[1], UnitInterval)


class Optimizer:
    """Steps of one update rule; the base of `numgd.Adam` and its relatives.

    Parameters
    ----------
    learning_rate : float or callable, optional
        The step size, or a schedule: ``learning_rate(t)`` is that of step t = 1, 2, …
    groups : dict, optional
        Other hyper-parameters for some arrays: from the key of an array in a dictionary, or its place in a
        list, to a dictionary of hyper-parameters.
    weight_decay : float, optional
        Times the parameters is added to the gradients (L2); with ``decoupled=True`` the parameters are
        multiplied by 1 − learning_rate · weight_decay instead (Loshchilov and Hutter, ICLR 2019).
    clip_value, clip_norm, clip_global_norm : float, optional
        Largest magnitude of a gradient's element; largest Euclidean norm of one array's gradient, and of all
        gradients together.  The norms come first.
    nonfinite : {'ignore', 'skip', 'raise'}
        What becomes of a step with a gradient that holds NaN or infinity: nothing special, nothing at all, or
        a FloatingPointError that names the array.  The last two change nothing.
    accumulate : int
        A step is made by the mean of that many gradients, at every so manieth call.
    ema : float, optional
        Decay of an exponential average of the parameters, which `averaged` gives.
    average_from : int, optional
        Instead, the mean of the parameters after each step from that one on (Polyak and Juditsky, SIAM J.
        Control Optim. 30 (1992) 838-855).
    lookahead : tuple of int and float, optional
        ``(k, alpha)``: after every k steps the parameters go back to the fraction alpha of the way that they
        came (Zhang et al., NeurIPS 2019).
    noise : float, optional
        Variance of normal random numbers that are added to the gradients, at the first step; at step t it is
        ``noise / t**noise_decay`` (Neelakantan et al., arXiv:1511.06807).
    noise_decay : float
    noise_seed : int
        The numbers depend on it, on the step and on the place of the element alone.
    **hyperparameters
        The rule's own.

    Notes
    -----
    Gradients are guarded, gathered, clipped, disturbed and decayed in this order before the rule sees them.
    """

    rule_name = None

    @check_arguments
    def __init__(
        self,
        learning_rate: Unchecked = None,  # with the rule's own
        *,
        groups: Unchecked = None,
        clip_value: Extent | None = None,
        clip_norm: Extent | None = None,
        clip_global_norm: Extent | None = None,
        nonfinite: one_of("ignore", "skip", "raise") = "ignore",
        accumulate: Count = 1,
        ema: Fraction | None = None,
        average_from: Count | None = None,
        lookahead: Annotated[tuple, _Lookahead()] | None = None,
        noise: NonNegative = 0.0,
        noise_decay: NonNegative = 0.55,
        noise_seed: Seed = 0,
        **hyperparameters,
    ):
        self.rule = RULES[self.rule_name]
        if learning_rate is not None:
            hyperparameters["learning_rate"] = learning_rate
        self._own = self._hyperparameters({}, hyperparameters)
        if groups is not None and not isinstance(groups, dict):
            raise TypeError(f"groups must be a dictionary; it is {groups!r}")
        self._overrides = {key: self._hyperparameters(self._own, own) for key, own in (groups or {}).items()}
        given = {"clip_value": clip_value, "clip_norm": clip_norm, "clip_global_norm": clip_global_norm}
        for name, value in given.items():
            setattr(self, name, math.inf if value is None else value)
        if ema is not None and average_from is not None:
            raise ValueError("ema and average_from cannot be given together")
        self.nonfinite, self.accumulate = nonfinite, accumulate
        self.ema, self.average_from, self.lookahead = ema, average_from, lookahead
        self.noise, self.noise_decay, self.noise_seed = noise, noise_decay, noise_seed
        self.t = 0
        self._gathered = 0
        self._groups = self._shapes = None
        self._given = self._parameters = self._gradients = None
        self._loaded = None

    def _hyperparameters(self, others, given):
        """Hyper-parameters of a group, where not given those of others; raises for unknown ones."""
        known, ranges = self.rule.options()._asdict(), parameters_of(self.rule.options)
        if "weight_decay" not in known:
            known, ranges = {**known, **Penalty()._asdict()}, {**ranges, **parameters_of(Penalty)}
        known |= others
        for name, value in given.items():
            if name not in known:
                raise TypeError(self._unknown(name, known))
            scheduled = name == "learning_rate" and callable(value)
            known[name] = value if scheduled else ranges[name].kind.check(name, value)
        check_relations(ranges, known)
        return known

    def _unknown(self, name, known):
        """What is said of a name that no hyper-parameter has."""
        start = f"{type(self).__name__} has no hyper-parameter {name!r}"
        settings = [*known, *inspect.signature(Optimizer).parameters]
        own, other = known_as(name, settings), relative(self.rule_name, name)
        if own:
            return f"{start}; here it is {' and '.join(map(repr, own))}"
        if other is not None:
            return f"{start}; numgd.{RULES[other].optimizer} does what it stands for"
        return f"{start}; it has {', '.join(known)}"

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in self._own.items())
        return f"{type(self).__name__}({settings})"

    # The step -------------------------------------------------------------------------------------------

    def step(self, params, grads):
        """Update parameters in place by their gradients.

        Parameters
        ----------
        params : array, or list, tuple or dict of arrays
            float32 or float64, of any shape and layout: NumPy arrays, or arrays on a device, anything with
            ``__cuda_array_interface__``.  Each call is for the same number of arrays of the same shapes.
        grads : the same
            The gradients, in the structure, shapes and dtypes of `params`.

        Returns
        -------
        bool
            Whether the parameters were updated: not while gradients are gathered, or where a step was
            skipped.

        Raises
        ------
        TypeError, ValueError
            For arrays that do not fit, before anything is changed.
        FloatingPointError
            For gradients that are not finite, with ``nonfinite='raise'``.
        """
        self.attach(params, grads)
        if self.nonfinite != "ignore" and not self._finite():
            return False
        if self._gathered + 1 >= self.accumulate:  # a schedule that fails does so before anything changes
            options = [group.options_of_step(self.t + 1) for group in self._groups]
        if self.accumulate > 1 and not self._gather():
            return False
        factors = self._factors()
        if self.lookahead is not None and self.t == 0:
            for group in self._groups:
                group.table.combine(cpu.P, group.memory("slow"), 0.0, 1.0)
        self.t += 1
        bound = self.clip_value
        if self.noise > 0.0:
            self._disturb(factors)
            factors, bound = [group.ones for group in self._groups], math.inf
        for group, own, factor in zip(self._groups, options, factors, strict=True):
            group.step(self.rule, own, self.t, factor, bound)
        self._follow()
        for group in self._groups:
            group.copy_back()
        return True

    def attach(self, params, grads):
        """Take note of the arrays, checked; at the first call also make the memory that goes with them."""
        known = self._parameters is not None and self._parameters.still(params)
        if known and self._gradients is not None and self._gradients.still(grads):
            for group in self._groups:
                group.copy_in()
            return
        keys, arrays = named("params", params)
        grad_keys, gradients = named("grads", grads)
        if list(grad_keys) != list(keys):
            if set(grad_keys) != set(keys):
                raise ValueError("grads must have the structure of params: " + _difference(keys, grad_keys))
            ordered = [grads[key] for key in keys]
        else:
            ordered = gradients
        parameters = self._parameters if known else self._known(keys, arrays)
        check_gradients(keys, parameters.arrays, ordered)
        gradients = Known(grad_keys, gradients)
        check_gradients_apart(parameters, gradients)
        if self._groups is None:
            groups = self._make_groups(list(keys), parameters.arrays)
            if self._loaded:
                _restore(groups, self._loaded)
            self._groups, self._shapes, self._loaded = groups, _shapes(parameters), None
        if not known:
            self._point_to(parameters)
        for group in self._groups:
            if known:
                group.copy_parameters()
            group.point_to_gradients([ordered[i] for i in group.places])
        self._given, self._gradients = params, gradients

    def _known(self, keys, arrays):
        """Parameters, checked."""
        check_parameters(keys, arrays)
        parameters = Known(keys, arrays)
        check_parameters_apart(parameters)
        if self._groups is not None and _shapes(parameters) != self._shapes:
            raise ValueError("params must be arrays of the same keys, shapes and dtypes at every step")
        return parameters

    def _point_to(self, parameters):
        for group in self._groups:
            group.point_to_parameters([parameters.arrays[i] for i in group.places])
        self._parameters = parameters

    def _make_groups(self, keys, arrays):
        unknown = [key for key in self._overrides if key not in keys and None not in keys]
        if unknown or (self._overrides and keys == [None]):
            raise ValueError(f"groups names arrays that params does not have: {list(self._overrides)}")
        places = {}
        for i, (key, p) in enumerate(zip(keys, arrays, strict=True)):
            places.setdefault((key if key in self._overrides else None, p.dtype), []).append(i)
        made = []
        for (key, _), own in places.items():
            hyperparameters = self._own if key is None else self._overrides[key]
            made.append(_Group(self.rule, hyperparameters, own, [arrays[i] for i in own]))
        return made

    def _finite(self):
        """Whether all gradients are; raises where that was asked for."""
        for group in self._groups:
            squares, finite = group.table.measure()
            if not finite:
                if self.nonfinite == "raise":
                    place = group.places[int(np.flatnonzero(~np.isfinite(squares))[0])]
                    key = self._shapes[place][0]
                    raise FloatingPointError(f"{label('grads', key)} is not finite (NaN or inf)")
                return False
        return True

    def _gather(self):
        """Add the gradients to the sum; whether that is complete, and stands for the gradients then."""
        self._gathered += 1
        for group in self._groups:
            memory = group.memory("sum")
            group.table.combine(cpu.G, memory, 0.0 if self._gathered == 1 else 1.0, 1.0 / self.accumulate)
            if self._gathered == self.accumulate:
                group.table.point_to_flat(cpu.G, memory)
                self._gradients = None  # the next call points to other ones
        if self._gathered < self.accumulate:
            return False
        self._gathered = 0
        return True

    def _factors(self):
        """What the gradients of each group's arrays are multiplied by for their norms."""
        if self.clip_norm == self.clip_global_norm == math.inf:
            return [group.ones for group in self._groups]
        norms = [np.sqrt(group.table.measure()[0]) for group in self._groups]
        factors = [np.minimum(1.0, self.clip_norm / np.maximum(own, 1e-300)) for own in norms]
        clipped = [factor * norm for factor, norm in zip(factors, norms, strict=True)]
        whole = math.sqrt(sum(float(np.dot(own, own)) for own in clipped))
        if whole > self.clip_global_norm:
            factors = [factor * (self.clip_global_norm / whole) for factor in factors]
        return factors

    def _disturb(self, factors):
        """Clipped gradients with noise, in memory of their own, stand for the gradients."""
        deviation = noise_deviation(self.noise, self.noise_decay, self.t)
        for number, (group, own) in enumerate(zip(self._groups, factors, strict=True)):
            memory, stream = group.scratch(), noise_stream(self.t, number)
            group.table.disturb(memory, own, self.clip_value, deviation, self.noise_seed, stream)
            group.table.point_to_flat(cpu.G, memory)
        self._gradients = None  # the next call points to other ones

    def _follow(self):
        """What averages and lookahead make of a step."""
        for group in self._groups:
            if self.averages:
                old, new = average_weights(self.ema or 0.0, self.average_from or 0, self.t)
                group.table.combine(cpu.P, group.memory("average"), old, new)
            if self.lookahead is not None and self.t % self.lookahead[0] == 0:
                slow, alpha = group.memory("slow"), self.lookahead[1]
                group.table.combine(cpu.P, slow, 1.0 - alpha, alpha)
                group.table.put(slow)

    # For those who make the steps themselves ---------------------------------------------------------------

    @property
    def averages(self):
        """Whether an average of the parameters is kept."""
        return self.ema is not None or self.average_from is not None

    def only_group(self):
        """What belongs to the parameters, which are one array."""
        (group,) = self._groups
        return group

    def refuse(self, *settings):
        """Raise for settings that differ from their defaults."""
        for name in settings:
            default = inspect.signature(Optimizer).parameters[name].default
            value = self._overrides or None if name == "groups" else getattr(self, name)
            if value not in (default, math.inf if default is None else default):
                raise ValueError(f"option {name!r} is not available here")

    # What became of it ----------------------------------------------------------------------------------

    @property
    def learning_rate(self):
        """The learning rate of the next step."""
        rate = self._own["learning_rate"]
        return rate_of_step(rate, self.t + 1) if callable(rate) else rate

    def parameters(self):
        """The parameters that the rule is about, as copies in the structure of `params`.

        They differ from `params` where the rule keeps others: with `numgd.Nesterov` those are the look-ahead
        point, with `numgd.ASGD` these are the average.
        """
        if self._parameters is None:
            raise ValueError("there are no parameters before the first step, of a copy its own first one")
        if not self._parameters.unchanged():
            self._point_to(self._known(self._parameters.keys, self._parameters.arrays))
        for group in self._groups:
            group.copy_parameters()
        return self._gathered_from(lambda group: group.positions(self.rule, self.t))

    def averaged(self):
        """The average of the parameters that `ema` or `average_from` asks for."""
        if not self.averages:
            raise ValueError("averaged needs ema or average_from")
        return self._gathered_from(lambda group: group.table.views(group.copied("average")))

    def _gathered_from(self, of_group):
        if self._groups is None:
            raise ValueError("there are no parameters before the first step")
        found = [None] * len(self._shapes)
        for group in self._groups:
            for place, values in zip(group.places, of_group(group), strict=True):
                found[place] = values.reshape(self._shapes[place][1])
        return like(self._given, found)

    # State ----------------------------------------------------------------------------------------------

    def state_dict(self):
        """All that a later run needs to go on bit for bit, beside the parameters: numbers and arrays."""
        state = {"rule": self.rule_name, "t": self.t, "gathered": self._gathered}
        for number, arrays in enumerate(self._arrays()):
            state.update({f"{number}.{name}": values.copy() for name, values in arrays.items()})
        schedule = self._own["learning_rate"]
        if hasattr(schedule, "state_dict"):
            state.update({f"schedule.{name}": value for name, value in schedule.state_dict().items()})
        return state

    def _arrays(self):
        """The memory of each group by name, on the host."""
        return self._loaded or [] if self._groups is None else [group.state() for group in self._groups]

    def load_state_dict(self, state):
        """Go on where `state_dict` was taken.

        Whether the arrays fit the parameters is checked at the next step, if there was none.

        Raises
        ------
        TypeError
            If `state` is no dictionary.
        ValueError
            For anything that `state_dict` of such an optimizer does not give; nothing is changed then.
        """
        loaded = checked_state(state, self.rule_name, len(self.rule.slots), self.accumulate)
        if self._groups is not None:
            _check_fit(self._groups, loaded.groups)
        schedule = self._own["learning_rate"]
        if hasattr(schedule, "load_state_dict"):
            try:
                schedule.load_state_dict(loaded.schedule)
            except (KeyError, TypeError) as error:
                raise ValueError(f"state of the schedule: {error}") from error
        if self._groups is None:
            self._loaded = loaded.groups
        else:
            _restore(self._groups, loaded.groups)
        self.t, self._gathered = loaded.t, loaded.gathered

    def __getstate__(self):
        """For pickling and copying: all but the parameters, which a copy is given at its next step."""
        kept = self.__dict__ | dict.fromkeys(("rule", "_groups", "_parameters", "_gradients"))
        kept["_loaded"] = self._arrays()
        on_host = self._groups is not None and all(isinstance(g.slots, np.ndarray) for g in self._groups)
        if on_host:
            kept["_given"] = like(self._given, [None] * len(self._shapes))
        else:
            kept["_given"] = kept["_shapes"] = None
        return kept

    def __setstate__(self, kept):
        self.__dict__.update(kept)
        self.rule = RULES[self.rule_name]
        if self._shapes is not None:
            stand_ins = [np.broadcast_to(dtype.type(0), shape) for _, shape, dtype in self._shapes]
            self._groups = self._make_groups([key for key, _, _ in self._shapes], stand_ins)
            _restore(self._groups, self._loaded)
            self._loaded = None

    def save(self, path):
        """Write `state_dict` to a file: ``.npz``, or ``.safetensors`` with the package of that name."""
        write(path, self.state_dict())

    def load(self, path):
        """`load_state_dict` from a file that `save` wrote; nothing in a file is executed.

        Raises
        ------
        ValueError
            For a damaged file, or one of something else; nothing is changed then.
        OSError
            For a file that cannot be opened.
        """
        self.load_state_dict(read(path))


class _Group:
    """Arrays of one dtype with the same hyper-parameters, and the memory that goes with them."""

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

    def point_to_parameters(self, arrays):
        """Go on with these parameters."""
        found, self.parameter_copies = _contiguous(arrays)
        self.table.point(cpu.P, found)

    def point_to_gradients(self, gradients):
        """Go on with these gradients."""
        found, self.gradient_copies = _contiguous(gradients)
        self.table.point(cpu.G, found)

    def copy_in(self):
        """Renew the contiguous copies of arrays that are not."""
        self.copy_parameters()
        for array, copy in self.gradient_copies:
            np.copyto(copy, array)

    def copy_parameters(self):
        """The same for the parameters alone."""
        for array, copy in self.parameter_copies:
            np.copyto(copy, array)

    def copy_back(self):
        """Write the parameters from their contiguous copies."""
        for array, copy in self.parameter_copies:
            np.copyto(array, copy)

    def memory(self, name):
        """Flat memory of a name, zeros at first."""
        if name not in self.memories:
            self.memories[name] = self.table.memory()
        return self.memories[name]

    def scratch(self):
        """Flat memory that keeps nothing from step to step."""
        if self._scratch is None:
            self._scratch = self.table.memory()
        return self._scratch

    def options_of_step(self, t):
        """The rule's options at step t."""
        if not callable(self.rate):
            return self.options
        return self.options._replace(learning_rate=rate_of_step(self.rate, t))

    def step(self, rule, options, t, factors, bound):
        """One step of the rule."""
        decay, keep = shrinkage(self.decay, self.decoupled, options.learning_rate)
        change = cpu.Change(factors, decay, keep, bound)
        self.table.step(rule, self.slots, options, float(t), self.running, change)

    def positions(self, rule, t):
        """The parameters that the rule is about, as vectors."""
        flat = self.table.memory()
        self.table.combine(cpu.P, flat, 0.0, 1.0)
        if rule.position is not None and t > 0:
            c = step_coefficients(rule, self.options_of_step(t), t, self.table.dtype, self.running.copy())
            flat = np.asarray(rule.position(flat, tuple(self.slots), c))
        return self.table.views(flat)

    def copied(self, name):
        """A copy of the memory of a name, on the same machine."""
        memory = self.memory(name)
        if isinstance(memory, np.ndarray):
            return memory.copy()
        copy = self.table.memory()
        copy.copy_to_device(memory)
        return copy

    def state(self):
        """Arrays by name, on the host."""
        found = {"slots": self.slots, "running": self.running, **self.memories}
        return {
            name: values.copy() if isinstance(values, np.ndarray) else values.copy_to_host()
            for name, values in found.items()
        }

    def check(self, state):
        """Raise unless a state is one of these arrays."""
        found, wanted = state["slots"].shape, tuple(self.slots.shape)
        if found != wanted:
            raise ValueError(f"state: slots has shape {found}, but these parameters take {wanted}")

    def restore(self, state):
        """Go on from a state that was checked; what it lacks is zero."""
        self.memories = {}
        for name, values in state.items():
            memory = {"slots": self.slots, "running": self.running}.get(name)
            memory = self.memory(name) if memory is None else memory
            if isinstance(memory, np.ndarray):
                memory[...] = values
            else:
                memory.copy_to_device(np.ascontiguousarray(values, memory.dtype))


def _check_fit(groups, states):
    """Raise unless there is a state for each group, one of its arrays."""
    if len(groups) != len(states):
        raise ValueError(f"state has {len(states)} groups of arrays, but params has {len(groups)}")
    for group, state in zip(groups, states, strict=True):
        group.check(state)


def _restore(groups, states):
    """Let groups go on from their states; raises ValueError, and changes nothing, where these do not fit."""
    _check_fit(groups, states)
    for group, state in zip(groups, states, strict=True):
        group.restore(state)


def _table_type(array):
    """The drivers of the machine that an array is on."""
    if isinstance(array, np.ndarray):
        return cpu.Table
    from numgd.kernels.cuda.rules.step import Table  # imports CUDA

    return Table


def _contiguous(arrays):
    """The arrays, with contiguous and aligned copies of those that are not, and pairs of both."""
    found, copies = [], []
    for array in arrays:
        if isinstance(array, np.ndarray) and not (array.flags.c_contiguous and array.flags.aligned):
            copies.append((array, np.array(array, order="C")))
            array = copies[-1][1]
        found.append(array)
    return found, copies


def _shapes(parameters):
    return [(key, p.shape, p.dtype) for key, p in zip(parameters.keys, parameters.arrays, strict=True)]


def _difference(keys, others):
    missing, extra = [k for k in keys if k not in others], [k for k in others if k not in keys]
    return f"missing {missing}, unknown {extra}"


def optimizer_class(rule):
    """The optimizer of a rule."""
    own = [
        inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=value)
        for field, value in rule.options()._asdict().items()
    ]
    own[0] = own[0].replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    shared = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(Optimizer).parameters.values()
        if parameter.name not in ("learning_rate", "hyperparameters")
    ]
    if "weight_decay" not in rule.options._fields:
        own += [
            inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=value)
            for field, value in Penalty()._asdict().items()
        ]
    own_file = sys.modules.get(f"numgd.first_order.{rule.name.replace('-', '_')}")
    text = f"{rule.summary}\n\n{rule.formula if own_file is None else inspect.getdoc(own_file)}\n"
    made = type(rule.optimizer, (Optimizer,), {"rule_name": rule.name, "__doc__": text})
    made.__module__ = "numgd.optimizers"
    made.__signature__ = inspect.Signature([*own, *shared])
    return made
