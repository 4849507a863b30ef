"""The base class of all optimizers: steps over one or many arrays, averages, and saved states."""

import inspect
import math
from typing import Annotated

import numpy as np

from numgd.first_order.other_names import known_as, variant_of
from numgd.first_order.treatment import average_weights, noise_deviation, noise_stream
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
    in_structure_of,
    label,
    named,
)
from numgd.optimizers.group import Group, Penalty, check_fit, restore
from numgd.optimizers.state import checked_state
from numgd.optimizers.storage import read, write
from numgd.registry import RULES
from numgd.schedules.schedule import rate_of_step
from numgd.system.html import counted, of_fields


class _Lookahead:
    """The range of `lookahead`: a tuple of a number of steps and a fraction."""

    def check(self, name, value):
        """Both as plain numbers; raises TypeError or ValueError naming the one at fault."""
        if not (isinstance(value, tuple) and len(value) == 2):
            raise TypeError(f"{name} must be a tuple (k, alpha); it is {value!r}")
        return checked(f"{name}: k", value[0], Count), checked(f"{name}: alpha", value[1], UnitInterval)


class Optimizer:
    """Steps by one update rule; the base class of `numgd.Adam` and all other optimizers.

    Parameters
    ----------
    learning_rate : float or callable, optional
        The step size, or a schedule: ``learning_rate(t)`` is the step size of step t = 1, 2, …
    groups : dict, optional
        Different hyper-parameters for some arrays: maps an array's key in the dictionary, or its index in
        the list, to a dictionary of hyper-parameters.
    weight_decay : float, optional
        This multiple of the parameters is added to the gradients (L2 penalty); with ``decoupled=True`` the
        parameters are multiplied by 1 − learning_rate · weight_decay instead (Loshchilov and Hutter,
        ICLR 2019).
    maximize : bool, optional
        Step up the gradients instead of down: they are negated before weight decay is added.
    clip_value, clip_norm, clip_global_norm : float, optional
        Upper bounds on the magnitude of each gradient element, on the Euclidean norm of each array's
        gradient, and on the norm of all gradients together.  The norms are clipped first.
    nonfinite : {'ignore', 'skip', 'raise'}
        What to do if a gradient contains NaN or infinity: step as usual, skip the step, or raise a
        FloatingPointError that names the array.  The last two change nothing.
    accumulate : int
        Make one step every `accumulate` calls, with the mean of their gradients.
    ema : float, optional
        Decay of an exponential moving average of the parameters, which `averaged` returns.
    average_from : int, optional
        Average the parameters with equal weights instead, from this step on (Polyak and Juditsky, SIAM J.
        Control Optim. 30 (1992) 838-855).
    lookahead : tuple of int and float, optional
        ``(k, alpha)``: after every k steps the parameters are moved back to a fraction alpha of the way that
        those steps took them (Zhang et al., NeurIPS 2019).
    noise : float, optional
        Variance at the first step of normal random numbers added to the gradients; at step t it is
        ``noise / t**noise_decay`` (Neelakantan et al., arXiv:1511.06807).
    noise_decay : float
    noise_seed : int
        Seed of the noise, which depends only on the seed, the step and the position of the element.
    **hyperparameters
        Hyper-parameters of the rule.

    Notes
    -----
    Before the rule sees the gradients, they are checked for non-finite values, accumulated, clipped and, with
    ``maximize=True``, negated, and noise and weight decay are added, in this order.
    """

    rule_name = None

    @check_arguments
    def __init__(
        self,
        learning_rate: Unchecked = None,  # checked with the rule's hyper-parameters
        *,
        groups: Unchecked = None,
        maximize: Flag = False,
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
        self.maximize, self.nonfinite, self.accumulate = maximize, nonfinite, accumulate
        self.ema, self.average_from, self.lookahead = ema, average_from, lookahead
        self.noise, self.noise_decay, self.noise_seed = noise, noise_decay, noise_seed
        self.t = 0
        self._accumulated = 0
        self._groups = self._shapes = None
        self._given = self._parameters = self._gradients = None
        self._loaded = None

    def _hyperparameters(self, others, given):
        """A group's hyper-parameters: `given`, else `others`, else defaults; raises for invalid ones."""
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
        """The error message for an unknown hyper-parameter."""
        start = f"{type(self).__name__} has no hyper-parameter {name!r}"
        settings = [*known, *inspect.signature(Optimizer).parameters]
        own, other = known_as(name, settings), variant_of(self.rule_name, name)
        if own:
            return f"{start}; here it is {' and '.join(map(repr, own))}"
        if other is not None:
            return f"{start}; numgd.{RULES[other].optimizer} is the optimizer with it"
        return f"{start}; it has {', '.join(known)}"

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in self._own.items())
        return f"{type(self).__name__}({settings})"

    def _repr_html_(self):
        shown = {"one step": self.rule.formula.replace("`", ""), **self._own, **self._settings()}
        if self._overrides:
            shown["groups"] = self._overrides
        shown |= {"t": self.t, "state": self._size_of_state()}
        return of_fields(type(self).__name__, shown)

    def _settings(self):
        """The settings besides hyper-parameters that differ from their defaults, by name."""
        found = {}
        for parameter in inspect.signature(Optimizer).parameters.values():
            name = parameter.name
            if name in ("learning_rate", "groups", "hyperparameters"):
                continue
            value, default = getattr(self, name), parameter.default
            if value not in (default, math.inf if default is None else default):
                found[name] = value
        return found

    def _size_of_state(self):
        """How much memory the state takes, in words."""
        if self._groups is None:
            return "none before the first step"
        arrays = [array for group in self._groups for array in (group.slots, *group.memories.values())]
        nbytes = sum(math.prod(array.shape) * np.dtype(array.dtype).itemsize for array in arrays)
        return f"{nbytes:,} bytes for {counted(len(self._shapes), 'array')} of parameters"

    # The step -------------------------------------------------------------------------------------------

    def step(self, params, grads):
        """Update parameters in place from their gradients.

        Parameters
        ----------
        params : array, or list, tuple or dict of arrays
            float32 or float64, of any shape and layout: NumPy arrays, or device arrays (anything with
            ``__cuda_array_interface__``).  Keys, shapes and dtypes must be the same in every call.
        grads : the same
            The gradients, with the structure, shapes and dtypes of `params`.

        Returns
        -------
        bool
            Whether the parameters were updated; False while gradients are being accumulated and if the step
            was skipped.

        Raises
        ------
        TypeError, ValueError
            For invalid arrays; nothing is changed then.
        FloatingPointError
            For non-finite gradients, with ``nonfinite='raise'``.
        """
        self.attach(params, grads)
        if self.nonfinite != "ignore" and not self._finite():
            return False
        if self._accumulated + 1 >= self.accumulate:  # a failing schedule raises before anything changes
            options = [group.options_of_step(self.t + 1) for group in self._groups]
        if self.accumulate > 1 and not self._accumulate():
            return False
        factors = self._factors()
        for group in self._groups:
            group.start_at_parameters(self.followers)
        self.t += 1
        bound = self.clip_value
        if self.noise > 0.0:
            self._add_noise(factors)
            factors, bound = [group.ones for group in self._groups], math.inf
        weights = None
        if self.keeps_average:
            weights = average_weights(self.ema or 0.0, self.average_from or 0, self.t)
        for group, own, factor in zip(self._groups, options, factors, strict=True):
            group.step(self.rule, own, self.t, factor, bound, weights)
        self._look_ahead()
        for group in self._groups:
            group.copy_back()
        return True

    def attach(self, params, grads):
        """Check and remember the arrays; the first call also allocates the memory that belongs to them."""
        known = self._parameters is not None and self._parameters.matches(params)
        if known and self._gradients is not None and self._gradients.matches(grads):
            for group in self._groups:
                group.copy_in()
            return
        keys, items, arrays = named("params", params)
        grad_keys, grad_items, gradients = named("grads", grads)
        if list(grad_keys) != list(keys):
            if set(grad_keys) != set(keys):
                raise ValueError("grads must have the structure of params: " + _difference(keys, grad_keys))
            by_key = dict(zip(grad_keys, gradients, strict=True))
            ordered = [by_key[key] for key in keys]
        else:
            ordered = gradients
        parameters = self._parameters if known else self._known(keys, items, arrays)
        check_gradients(keys, parameters.arrays, ordered)
        gradients = Known(grad_keys, grad_items, gradients)
        check_gradients_apart(parameters, gradients)
        if self._groups is None:
            groups = self._make_groups(list(keys), parameters.arrays)
            if self._loaded:
                restore(groups, self._loaded)
            self._groups, self._shapes, self._loaded = groups, _shapes(parameters), None
        if not known:
            self._point_to(parameters)
        for group in self._groups:
            if known:
                group.copy_parameters()
            group.point_to_gradients([ordered[i] for i in group.places])
        self._given, self._gradients = params, gradients

    def _known(self, keys, items, arrays):
        """The parameters as `Known` arrays, after checks."""
        check_parameters(keys, arrays)
        parameters = Known(keys, items, arrays)
        check_parameters_apart(parameters)
        if self._groups is not None and _shapes(parameters) != self._shapes:
            raise ValueError("params must have the same keys, shapes and dtypes at every step")
        return parameters

    def _point_to(self, parameters):
        for group in self._groups:
            group.point_to_parameters([parameters.arrays[i] for i in group.places])
        self._parameters = parameters

    def _make_groups(self, keys, arrays):
        unknown = [key for key in self._overrides if key not in keys and None not in keys]
        if unknown or (self._overrides and keys == [None]):
            raise ValueError(f"groups names arrays that params does not have: {list(self._overrides)}")
        found = []  # (hyper-parameters, dtype, places): arrays that share both are one group
        for i, (key, p) in enumerate(zip(keys, arrays, strict=True)):
            own = self._overrides.get(key, self._own)
            for hyperparameters, dtype, places in found:
                if dtype == p.dtype and hyperparameters == own:
                    places.append(i)
                    break
            else:
                found.append((own, p.dtype, [i]))
        made = []
        for hyperparameters, _, places in found:
            made.append(Group(self.rule, hyperparameters, places, [arrays[i] for i in places]))
        return made

    def _finite(self):
        """Whether all gradients are finite; raises if not and ``nonfinite='raise'``."""
        for group in self._groups:
            squares, finite = group.table.measure()
            if not finite:
                if self.nonfinite == "raise":
                    place = group.places[int(np.flatnonzero(~np.isfinite(squares))[0])]
                    key = self._shapes[place][0]
                    raise FloatingPointError(f"{label('grads', key)} is not finite (NaN or inf)")
                return False
        return True

    def _accumulate(self):
        """Accumulate the gradients; True once their mean is complete, which then replaces the gradients."""
        self._accumulated += 1
        for group in self._groups:
            memory = group.memory("sum")
            group.table.combine(cpu.G, memory, 0.0 if self._accumulated == 1 else 1.0, 1.0 / self.accumulate)
            if self._accumulated == self.accumulate:
                group.table.point_to_flat(cpu.G, memory)
                self._gradients = None  # the next call must point to its gradients again
        if self._accumulated < self.accumulate:
            return False
        self._accumulated = 0
        return True

    def _factors(self):
        """For each group, the factors of its arrays' gradients, which clip norms and turn signs."""
        factors = self._norm_factors()
        return [-own for own in factors] if self.maximize else factors

    def _norm_factors(self):
        """For each group, the factors that clip the norms of its arrays' gradients."""
        if self.clip_norm == self.clip_global_norm == math.inf:
            return [group.ones for group in self._groups]
        norms = [np.sqrt(group.table.measure()[0]) for group in self._groups]
        factors = [np.minimum(1.0, self.clip_norm / np.maximum(own, 1e-300)) for own in norms]
        clipped = [factor * norm for factor, norm in zip(factors, norms, strict=True)]
        whole = math.sqrt(sum(float(np.dot(own, own)) for own in clipped))
        if whole > self.clip_global_norm:
            factors = [factor * (self.clip_global_norm / whole) for factor in factors]
        return factors

    def _add_noise(self, factors):
        """Replace the gradients by clipped ones with noise added, in separate memory."""
        deviation = noise_deviation(self.noise, self.noise_decay, self.t)
        for number, (group, own) in enumerate(zip(self._groups, factors, strict=True)):
            memory, stream = group.scratch(), noise_stream(self.t, number)
            group.table.add_noise(memory, own, self.clip_value, deviation, self.noise_seed, stream)
            group.table.point_to_flat(cpu.G, memory)
        self._gradients = None  # the next call must point to its gradients again

    def _look_ahead(self):
        """Move the parameters back after the last of every k steps."""
        if self.lookahead is None or self.t % self.lookahead[0] != 0:
            return
        for group in self._groups:
            slow, alpha = group.memory("slow"), self.lookahead[1]
            group.table.combine(cpu.P, slow, 1.0 - alpha, alpha)
            group.table.put(slow)

    # For callers that drive the steps themselves -----------------------------------------------------------

    @property
    def keeps_average(self):
        """Whether an average of the parameters is kept."""
        return self.ema is not None or self.average_from is not None

    @property
    def followers(self):
        """Names of the memories that follow the parameters."""
        wanted = {"average": self.keeps_average, "slow": self.lookahead is not None}
        return tuple(name for name, kept in wanted.items() if kept)

    def only_group(self):
        """The group of the parameters, which must be one array."""
        (group,) = self._groups
        return group

    @property
    def sees_arrays(self):
        """Whether a step depends on how the parameters are divided into arrays."""
        by_array = self.rule.measure is not None and self.rule.scope == "array"
        return by_array or bool(self._overrides) or self.clip_norm < math.inf

    def exempt(self, keys):
        """Let weight decay skip the arrays with these keys, as hyper-parameters of `groups` would.

        Raises ValueError if the optimizer has made steps in which it did not skip them.
        """
        before = {key: self._overrides.get(key, self._own) for key in keys}
        decayed = {key: own for key, own in before.items() if own["weight_decay"] != 0.0}
        if decayed and self._groups is not None:
            raise ValueError("weight decay cannot skip more arrays after the first step of an optimizer")
        for key, own in decayed.items():
            self._overrides[key] = self._hyperparameters(own, {"weight_decay": 0.0})

    @property
    def rate(self):
        """The learning rate as it was given: a number, or a schedule."""
        return self._own["learning_rate"]

    def follow(self, schedule):
        """Take the learning rates from a schedule, except for groups that have a rate of their own."""
        before = self.rate
        for own in (self._own, *self._overrides.values()):
            if own["learning_rate"] == before:
                own["learning_rate"] = schedule
        for group in self._groups or ():
            if group.rate == before:
                group.rate = schedule

    def refuse(self, *settings):
        """Raise if any of these settings differs from its default."""
        for name in settings:
            default = inspect.signature(Optimizer).parameters[name].default
            value = self._overrides or None if name == "groups" else getattr(self, name)
            if value not in (default, math.inf if default is None else default):
                raise ValueError(f"option {name!r} is not available here")

    # Results --------------------------------------------------------------------------------------------

    @property
    def learning_rate(self):
        """The learning rate of the next step."""
        return self.rate_of(self.t + 1)

    def rate_of(self, t):
        """The learning rate of step t."""
        return rate_of_step(self.rate, t) if callable(self.rate) else self.rate

    def parameters(self):
        """Copies of the parameters that the rule yields, in the structure of `params`.

        For some rules they differ from `params`: with `numgd.Nesterov`, `params` is the look-ahead point;
        with `numgd.ASGD`, the copies hold the average.
        """
        if self._parameters is None:
            raise ValueError("there are no parameters before the first step of an optimizer or its copy")
        if not self._parameters.unchanged():
            known = self._parameters
            self._point_to(self._known(known.keys, *named("params", known.items)[1:]))
        for group in self._groups:
            group.copy_parameters()
        return self._in_structure(lambda group: group.positions(self.rule, self.t))

    def averaged(self):
        """The average of the parameters requested by `ema` or `average_from`."""
        if not self.keeps_average:
            raise ValueError("averaged needs ema or average_from")
        return self._in_structure(lambda group: group.table.views(group.copied("average")))

    def _in_structure(self, of_group):
        if self._groups is None:
            raise ValueError("there are no parameters before the first step")
        found = [None] * len(self._shapes)
        for group in self._groups:
            for place, values in zip(group.places, of_group(group), strict=True):
                found[place] = values.reshape(self._shapes[place][1])
        return in_structure_of(self._given, found)

    # State ----------------------------------------------------------------------------------------------

    def state_dict(self):
        """Numbers and arrays that, with the parameters, let a later run continue bit for bit."""
        state = {"rule": self.rule_name, "t": self.t, "accumulated": self._accumulated}
        for number, arrays in enumerate(self._arrays()):
            state.update({f"{number}.{name}": values.copy() for name, values in arrays.items()})
        schedule = self._own["learning_rate"]
        if hasattr(schedule, "state_dict"):
            state.update({f"schedule.{name}": value for name, value in schedule.state_dict().items()})
        return state

    def _arrays(self):
        """For each group, its memory by name, on the host."""
        return self._loaded or [] if self._groups is None else [group.state() for group in self._groups]

    def load_state_dict(self, state):
        """Continue from a state returned by `state_dict`.

        Before the first step the parameters are unknown: whether the arrays fit them is checked at that step.

        Raises
        ------
        TypeError
            If `state` is not a dictionary.
        ValueError
            For a state that is not from an optimizer like this one; nothing is changed then.
        """
        loaded = checked_state(state, self.rule_name, len(self.rule.slots), self.accumulate)
        if self._groups is not None:
            check_fit(self._groups, loaded.groups)
        schedule = self._own["learning_rate"]
        if hasattr(schedule, "load_state_dict"):
            try:
                schedule.load_state_dict(loaded.schedule)
            except (KeyError, TypeError) as error:
                raise ValueError(f"state of the schedule: {error}") from error
        if self._groups is None:
            self._loaded = loaded.groups
        else:
            restore(self._groups, loaded.groups)
        self.t, self._accumulated = loaded.t, loaded.accumulated

    def __getstate__(self):
        """The state for pickling and copying, without the parameters: a copy gets them at its next step."""
        kept = self.__dict__ | dict.fromkeys(("rule", "_groups", "_parameters", "_gradients"))
        kept["_loaded"] = self._arrays()
        on_host = self._groups is not None and all(isinstance(g.slots, np.ndarray) for g in self._groups)
        if on_host:
            kept["_given"] = in_structure_of(self._given, [None] * len(self._shapes))
        else:
            kept["_given"] = kept["_shapes"] = None
        return kept

    def __setstate__(self, kept):
        self.__dict__.update(kept)
        self.rule = RULES[self.rule_name]
        if self._shapes is not None:
            stand_ins = [np.broadcast_to(dtype.type(0), shape) for _, shape, dtype in self._shapes]
            self._groups = self._make_groups([key for key, _, _ in self._shapes], stand_ins)
            restore(self._groups, self._loaded)
            self._loaded = None

    def save(self, path):
        """Write `state_dict` to a file: ``.npz``, or ``.safetensors`` with the package of that name."""
        write(path, self.state_dict())

    def load(self, path):
        """`load_state_dict` from a file written by `save`; nothing in the file is executed.

        Raises
        ------
        ValueError
            If the file is damaged or not a state of such an optimizer; nothing is changed then.
        OSError
            If the file cannot be opened.
        """
        self.load_state_dict(read(path))


def _shapes(parameters):
    return [(key, p.shape, p.dtype) for key, p in zip(parameters.keys, parameters.arrays, strict=True)]


def _difference(keys, others):
    missing, extra = [k for k in keys if k not in others], [k for k in others if k not in keys]
    return f"missing {missing}, unknown {extra}"
