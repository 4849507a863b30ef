"""What hyper-parameters are called elsewhere: by PyTorch, TensorFlow and optax."""

OTHER_NAMES = {
    "alpha": ("power", "decay"),  # of PyTorch's ASGD and RMSprop
    "b1": ("beta1",),
    "b2": ("beta2",),
    "beta_1": ("beta1",),
    "beta_2": ("beta2",),
    "betas": ("beta1", "beta2"),
    "clipnorm": ("clip_norm",),
    "clipvalue": ("clip_value",),
    "decay_rate": ("decay",),
    "decoupled_weight_decay": ("decoupled",),
    "ema_momentum": ("ema",),
    "epsilon": ("eps",),
    "etas": ("decrease_factor", "increase_factor"),
    "global_clipnorm": ("clip_global_norm",),
    "gradient_accumulation_steps": ("accumulate",),
    "initial_accumulator_value": ("initial_accumulator",),
    "lambd": ("decay",),
    "learning_rate_init": ("learning_rate",),
    "lr": ("learning_rate",),
    "lr_decay": ("learning_rate_decay",),
    "momentum": ("beta1",),
    "rho": ("decay",),
    "schedule_decay": ("momentum_decay",),
    "step_size": ("learning_rate",),
    "step_sizes": ("min_step_size", "max_step_size"),
    "t0": ("averaging_start",),
    "use_ema": ("ema",),
}
"""A name that no rule has, or not every one, to numgd's; of several single ones the first that a rule has."""

TOGETHER = frozenset(("betas", "etas", "step_sizes"))
"""Those that give several numbers at once."""

RELATIVES = {
    ("gd", "momentum"): "momentum",
    ("gd", "nesterov"): "nesterov",
    ("momentum", "nesterov"): "nesterov",
    ("rmsprop", "momentum"): "rmsprop-momentum",
    ("rmsprop", "centered"): "rmsprop-centred",
    ("rmsprop-momentum", "centered"): "rmsprop-centred",
    ("adam", "amsgrad"): "amsgrad",
}
"""The rule that does what a setting of another one does elsewhere."""


def known_as(name, known):
    """What a name of another library is called here: a tuple of those of the `known` names, often empty."""
    found = tuple(own for own in OTHER_NAMES.get(name, ()) if own in known)
    return found if name in TOGETHER else found[:1]


def relative(rule, name):
    """The name of the rule that has what the given one is asked for by a name of another library, or None."""
    return RELATIVES.get((rule, name))
