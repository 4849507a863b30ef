# This file is made by tools/generate.py.

from collections.abc import Callable, Mapping
from typing import Any

from numgd.optimizers.optimizer import Optimizer as Optimizer

def of_rule(name: str) -> type[Optimizer]: ...

class AdaBelief(Optimizer):
    """Adam by the variance about the mean."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Adadelta(Optimizer):
    """Adadelta."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        decay: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Adagrad(Optimizer):
    """Adagrad."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        learning_rate_decay: float = ...,
        initial_accumulator: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Adam(Optimizer):
    """Adam."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Adamax(Optimizer):
    """Adam with the infinity norm."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class AdamW(Optimizer):
    """Adam with decoupled weight decay."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Adan(Optimizer):
    """Adam with Nesterov's momentum by differences of gradients."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        beta3: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class AMSGrad(Optimizer):
    """Adam with the largest second moment so far."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class ASGD(Optimizer):
    """Averaged gradient descent."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        decay: float = ...,
        power: float = ...,
        averaging_start: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class SGD(Optimizer):
    """Gradient descent, stochastic where the gradients are."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class LAMB(Optimizer):
    """Adam with steps as long as each array's norm."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class LARS(Optimizer):
    """Momentum with steps in proportion to each array's norm."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        momentum: float = ...,
        weight_decay: float = ...,
        trust_coefficient: float = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Lion(Optimizer):
    """Steps by the sign of a momentum."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        weight_decay: float = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Momentum(Optimizer):
    """Gradient descent with momentum."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        momentum: float = ...,
        dampening: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class NAdam(Optimizer):
    """Adam with Nesterov's momentum."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        momentum_decay: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class NAdamW(Optimizer):
    """NAdam with decoupled weight decay."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        momentum_decay: float = ...,
        weight_decay: float = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Nesterov(Optimizer):
    """Gradient descent with Nesterov's momentum."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        momentum: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Prodigy(Optimizer):
    """Adam that estimates its step size."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        d0: float = ...,
        d_factor: float = ...,
        growth_rate: float = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class RAdam(Optimizer):
    """Adam with a rectified variance."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class RMSprop(Optimizer):
    """RMSprop."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        decay: float = ...,
        eps: float = ...,
        eps_root: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class RMSpropCentred(Optimizer):
    """RMSprop by the variance of gradients."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        decay: float = ...,
        eps: float = ...,
        momentum: float = ...,
        eps_root: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class RMSpropMomentum(Optimizer):
    """RMSprop with momentum."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        decay: float = ...,
        eps: float = ...,
        momentum: float = ...,
        eps_root: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Rprop(Optimizer):
    """Resilient propagation, for full batches."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        decrease_factor: float = ...,
        increase_factor: float = ...,
        min_step_size: float = ...,
        max_step_size: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class ScheduleFreeAdamW(Optimizer):
    """AdamW with an average instead of a schedule."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        weight_decay: float = ...,
        warmup_steps: float = ...,
        weight_power: float = ...,
        weight_rate_power: float = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class ScheduleFreeSGD(Optimizer):
    """Gradient descent with an average instead of a schedule."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        momentum: float = ...,
        warmup_steps: float = ...,
        weight_power: float = ...,
        weight_rate_power: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...

class Yogi(Optimizer):
    """Adam with an additive second moment."""

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = ...,
        *,
        beta1: float = ...,
        beta2: float = ...,
        eps: float = ...,
        initial_accumulator: float = ...,
        weight_decay: float = ...,
        decoupled: bool = ...,
        groups: Mapping[Any, Mapping[str, Any]] | None = ...,
        maximize: bool = ...,
        clip_value: float | None = ...,
        clip_norm: float | None = ...,
        clip_global_norm: float | None = ...,
        nonfinite: str = ...,
        accumulate: int = ...,
        ema: float | None = ...,
        average_from: int | None = ...,
        lookahead: tuple[int, float] | None = ...,
        noise: float = ...,
        noise_decay: float = ...,
        noise_seed: int = ...,
    ) -> None: ...
