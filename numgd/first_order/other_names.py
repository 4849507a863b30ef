"""Names of hyper-parameters in PyTorch, TensorFlow and optax."""

OTHER_NAMES = {
    "alpha": ("power", "decay"),  # in PyTorch's ASGD and RMSprop
    "b1": ("beta1", "momentum"),
    "b2": ("beta2",),
    "b3": ("beta3",),
    "beta_1": ("beta1",),
    "beta_2": ("beta2",),
    "betas": ("beta1", "beta2"),
    "clipnorm": ("clip_norm",),
    "clipvalue": ("clip_value",),
    "d_coef": ("d_factor",),
    "decay_rate": ("decay",),
    "decoupled_weight_decay": ("decoupled",),
    "ema_momentum": ("ema",),
    "eps_in_sqrt": ("eps_root",),  # with eps = 0
    "epsilon": ("eps",),
    "estim_lr0": ("d0",),
    "estim_lr_coef": ("d_factor",),
    "eta_minus": ("decrease_factor",),
    "eta_plus": ("increase_factor",),
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
    "weight_lr_power": ("weight_rate_power",),
}
"""Other libraries' names to numgd's; if there are several, the first one that the rule has is used."""

TOGETHER = frozenset(("betas", "etas", "step_sizes"))
"""Names that stand for all of their numgd names at once."""

VARIANTS_OF = {
    ("gd", "momentum"): "momentum",
    ("gd", "dampening"): "momentum",
    ("gd", "nesterov"): "nesterov",
    ("momentum", "nesterov"): "nesterov",
    ("nesterov", "dampening"): "momentum",
    ("rmsprop", "momentum"): "rmsprop-momentum",
    ("rmsprop", "centered"): "rmsprop-centred",
    ("rmsprop-momentum", "centered"): "rmsprop-centred",
    ("adam", "amsgrad"): "amsgrad",
}
"""The rule that corresponds to another library's setting: (rule, name of the setting) to rule."""


def known_as(name, known):
    """The `known` names that correspond to another library's name: a tuple, often empty."""
    found = tuple(own for own in OTHER_NAMES.get(name, ()) if own in known)
    return found if name in TOGETHER else found[:1]


def variant_of(rule, name):
    """The rule that offers the setting which another library passes to the given rule by `name`, or None."""
    return VARIANTS_OF.get((rule, name))
