"""`minimize_stochastic`: minimise the mean of a loss over data by steps on batches of the data."""

import math
import time
from typing import Any, NamedTuple

import numpy as np

from numgd import optimizers
from numgd.callables import batches
from numgd.foundations.patience import Patience
from numgd.foundations.progress import Progress
from numgd.foundations.ranges import (
    Called,
    Count,
    Flag,
    NonNegative,
    Seed,
    Tolerance,
    Whole,
    check_arguments,
    one_of,
)
from numgd.foundations.status import (
    CALLBACK,
    EARLY,
    EPOCHS,
    MESSAGES,
    NOT_FINITE,
    ROSE,
    SUCCESSES,
    TIME_LIMIT,
)
from numgd.jit.portable import check_compilation
from numgd.kernels.cpu.rules.epoch import Memory, Treatment
from numgd.schedules.schedule import rates_of_steps
from numgd.solve._minimize_many import without_disp
from numgd.solve.options import find_rule
from numgd.solve.points import earlier_result, starting_point
from numgd.solve.result import show
from numgd.solve.warm_start import State, remember_state
from numgd.system.html import of_history
from numgd.system.scipy_result import Result

BLOCK_SECONDS = 0.05
"""Approximate time the compiled loop runs before it checks the clock and Ctrl-C again."""


class StochasticHistory(NamedTuple):
    """One row per epoch."""

    loss: Any  # mean of the batches' losses, each before its step
    validation: Any  # loss over the validation data, NaN if there are none
    learning_rate: Any  # of the epoch's last step
    seconds: Any  # since the start

    def _repr_html_(self):
        return of_history("StochasticHistory", "epoch", self._asdict(), first=1)


@check_arguments
def minimize_stochastic(
    fun: Called,
    x0,
    data,
    args=(),
    method="adam",
    jac=None,
    *,
    batch_size: Count | None = 32,
    epochs: Whole = 10,
    seed: Seed = 0,
    shuffle: Flag = True,
    last_batch: one_of("keep", "drop") = "keep",
    validation=None,
    patience: Count | None = None,
    min_delta: NonNegative = 0.0,
    restore_best: Flag = True,
    time_limit: Tolerance | None = None,
    callback: Called | None = None,
    progress: Flag = False,
    options=None,
) -> Any:
    """Minimise the mean of a loss over data by stochastic gradient methods.

    Parameters
    ----------
    fun : callable
        ``fun(x, *batch, *args) -> float``: the mean loss over the samples of a batch.
    x0 : array_like of shape (n,), or OptimizeResult
        Starting point; float32 is kept.  A result of this function continues where it stopped, with the same
        or other data; the count of epochs continues too.
    data : array, sparse matrix, tuple of these, or iterable of batches
        The first axis of each array counts the samples.  Memory maps are read batch by batch; arrays that are
        not C-contiguous are copied.  In place of a SciPy sparse matrix, `fun` receives `indptr`, `indices`
        and `values` of the batch's rows in CSR form; see the notes.  An iterable yields the batches, as
        arrays or tuples of arrays; `batch_size`, `shuffle` and `last_batch` then have no effect, and it is
        iterated over once per epoch.
    args : tuple, optional
        Further arguments of `fun` and `jac`.
    method : str
        The name of an update rule, or ``'svrg'``: gradient descent with the variance of the
        gradients reduced by a full gradient at the start of each epoch (Johnson and Zhang, NeurIPS 2013).
    jac : callable or True, optional
        ``jac(x, *batch, *args)``, the gradient; True if `fun` returns value and gradient.  By default the
        gradient is derived from the source of `fun`.
    batch_size : int or None
        Samples per step: 1 is stochastic gradient descent, None uses all samples (batch gradient descent).
    epochs : int
        Number of passes through the data.
    seed : int
        Determines the order of the samples in each epoch, which is the same on every machine.
    shuffle : bool
        Whether the order differs from epoch to epoch.
    last_batch : {'keep', 'drop'}
        Whether to use or skip a last batch that is shorter.
    validation : array or tuple of arrays, optional
        Data in the form of `data`, whose loss is computed after each epoch.
    patience : int, optional
        Stop after this many consecutive epochs in which the loss (of the validation data if given) did not
        fall more than `min_delta` below its lowest value.
    min_delta : float
        Smallest decrease that counts as an improvement for `patience`.
    restore_best : bool
        With validation data or `patience`: whether to return the point with the lowest loss, instead of the
        last one.  The candidates are the start and the points at the end of each epoch, compared by their
        loss over the validation data if given, else over all data.
    time_limit : float, optional
        Limit of the running time in seconds.
    callback : callable, optional
        ``callback(intermediate_result)``, called after each epoch with `x`, `fun` (the epoch's mean loss),
        `epoch` and `validation`; raising StopIteration ends the run.
    progress : bool
        Whether to show a progress bar, with the package tqdm.
    options : dict, optional
        Hyper-parameters of the rule, and those of `numgd.optimizers.Optimizer`: `weight_decay`, `decoupled`,
        `clip_value`, `clip_global_norm`, `ema`, `average_from`, `lookahead`, `noise`.  `learning_rate` may be
        a schedule, which is called with the number of the step.  ``disp`` prints how the run ended.

    Returns
    -------
    OptimizeResult
        `x`, `fun` and `jac` (mean loss and gradient over all data at x), `nit` (steps), `nepoch`, `nfev` and
        `njev` (batches evaluated), `status`, `success`, `message`, `history` (`StochasticHistory`),
        `derivatives`, and, if an average was requested, `averaged` and its loss, `averaged_fun`.  A run that
        ends with a higher loss than at its start is not a success.

    Raises
    ------
    TypeError, ValueError, NotDifferentiable
        For invalid input, before anything is evaluated.

    Notes
    -----
    With a sparse matrix each step only involves the parameters of the columns that have an entry in the
    batch: `fun` receives these parameters as `x`, and `indices` that refer to them.  The other parameters and
    their state in the rule stay unchanged (for Adam as in PyTorch's SparseAdam), so the time of a step
    depends on the entries in the batch, not on the number of columns.  `x` holds one number per column, or
    several consecutive ones.  Averages, lookahead and ``'svrg'`` are then not available.

    A function that Numba cannot compile is called back for each batch.  The loss at the start takes one pass
    over the data, and so do `fun` and `jac` of the result; with `patience` but no validation data there is
    another pass after each epoch.  With an iterator that cannot be restarted, `fun` is the mean loss of the
    epoch's batches, each before its step, `jac` is None, and only the first batch is used to decide whether
    the loss rose.

    A loss or gradient that is not finite ends the run with ``success=False`` at the best point seen, or at
    the start if there is none.  Without validation data and `patience`, a point is judged by the mean loss of
    the epoch before it.  The steps are compiled: with a batch of one sample, a step costs little more than
    its arithmetic.

    Examples
    --------
    >>> import numgd, numpy as np
    >>> rng = np.random.default_rng(1)
    >>> A = rng.normal(size=(500, 2))
    >>> b = A @ [1.0, -2.0]
    >>> def loss(x, A, b):
    ...     return np.mean((A @ x - b) ** 2)
    >>> options = {"learning_rate": 0.01}
    >>> found = numgd.minimize_stochastic(loss, np.zeros(2), (A, b), options=options, epochs=50)
    >>> found.x.round(3)
    array([ 1., -2.])
    """
    check_compilation()
    settings = _Settings(
        batch_size, epochs, seed, last_batch == "keep", patience, min_delta, callback, shuffle
    )
    earlier = earlier_result(x0)
    x = starting_point(x0 if earlier is None else earlier.x)
    if not np.isfinite(x).all():
        raise ValueError("x0 must be finite; it holds NaN or inf")
    args = args if isinstance(args, tuple) else (args,)
    source = batches.make_source("data", data, x, settings)
    held_out = None if validation is None else batches.checked_data("validation", validation, x)
    reduced = str(method).lower() == "svrg"
    rule = find_rule("gd" if reduced else method)
    options, disp = without_disp(options)
    optimizer = optimizers.of_rule(rule.name)(**(options or {}))
    optimizer.refuse("accumulate", "clip_norm", "groups", "maximize", "nonfinite")
    if reduced and not source.whole:
        raise ValueError("method 'svrg' needs all data as dense arrays")
    if source.partial:
        optimizer.refuse("ema", "average_from", "lookahead")
        if rule.measure is not None:
            raise ValueError(f"method {rule.name!r} takes sums over all parameters: not with sparse rows")
    loss = batches.loss_of(fun, jac, source.sample(), args, x)
    source.open(loss, loss.args, x)
    run = _Run(optimizer, source, x, earlier, reduced, settings)
    try:
        if held_out is not None:
            run.validation = batches.make_objective(loss, held_out, loss.args, x, batches.MEAN, False)
        with Progress(progress, time_limit, " epochs", epochs) as watch:
            status = run.epochs(watch, patience is not None or held_out is not None, restore_best)
        result = run.result(status, loss.used, f"stochastic-{'svrg' if reduced else rule.name}")
    finally:
        run.release()
    if disp:
        show(result, rule.method)
    return result


class _Settings(NamedTuple):
    batch_size: Any
    epochs: Any
    seed: Any
    keep_last: Any
    patience: Any
    min_delta: Any
    callback: Any
    shuffle: Any


class _Run:
    """One run: the point, the state of the rule, and the best point so far."""

    def __init__(self, optimizer, source, x, earlier, reduced, settings):
        self.optimizer, self.source, self.settings = optimizer, source, settings
        self.x, self.g = x, np.zeros_like(x)
        optimizer.attach(x, self.g)
        self.group = optimizer.only_group()
        self.validation = None
        self.epoch = 0
        self.nit = 0
        self.evaluations = 0
        self._resume(earlier, reduced)
        self.started = time.perf_counter()
        self.group.start_at_parameters(optimizer.followers)
        average, slow = (self.group.memories.get(name, x[:0]) for name in ("average", "slow"))
        vectors = [np.empty_like(x) for _ in range(3)] if reduced else [x[:0]] * 3
        self.memory = Memory(average, slow, *vectors)
        self.treatment = _treatment(optimizer, self.group)
        self.pace = 64  # steps per block
        self.rows = []
        self.patience = Patience(settings.patience, settings.min_delta)
        self.best_x = x.copy()
        self.best_average = x.copy() if optimizer.t == 0 else average.copy()
        self.first_x, self.last = x.copy(), math.nan

    def _resume(self, earlier, reduced):
        state = getattr(earlier, "_numgd_state", None)
        method = f"stochastic-{'svrg' if reduced else self.optimizer.rule_name}"
        if state is None or not np.array_equal(earlier.x, state.carry):
            return
        if state.method == method and state.work["0.slots"].shape[1] == self.x.size:
            self.optimizer.load_state_dict(state.work)
            self.epoch = state.age
            self.x[:] = state.x

    def release(self):
        """Give back the references to the data."""
        self.source.release()
        if self.validation is not None:
            self.validation.release()

    def mean(self, objective, x):
        """Loss and gradient over all of an objective's data."""
        total, bound = np.empty_like(x), objective.bound
        value = objective.kernels.mean(x.dtype)(
            x, np.empty_like(x), total, bound.address, bound.context, objective.all, *objective.own
        )
        self.evaluations += -(-objective.all.rows // objective.all.size)
        return value, total

    def epochs(self, progress, watched, restore_best):
        """Run the epochs; returns the status."""
        settings = self.settings
        progress.left()  # starts the clock
        self.begin(watched)
        status = EPOCHS
        for done in range(settings.epochs):
            status = self.one_epoch(progress)
            if status == TIME_LIMIT and watched:
                self.see(self.judged())
            if status != EPOCHS:
                break
            loss, last_rate = self.finished
            judged = self.judged(loss) if watched else loss
            held_out = math.nan if self.validation is None else judged
            self.epoch += 1
            self.rows.append((loss, held_out, last_rate, time.perf_counter() - self.started))
            if hasattr(self.group.rate, "observe"):
                self.group.rate.observe(judged)
            self.patience.wait(judged)
            self.see(judged)
            progress.reach(done + 1, loss=loss, validation=None if self.validation is None else held_out)
            if settings.callback is not None and self._called_back(loss, held_out):
                status = CALLBACK
                break
            if self.patience.exhausted:
                status = EARLY
                break
        self.watched, self.restored = watched, status == NOT_FINITE or (watched and restore_best)
        return status

    def begin(self, watched):
        """Look at the start, which is a point seen."""
        if watched:
            self.see(self.judged())

    def judged(self, otherwise=math.inf):
        """The loss at the point by which it is judged: of the validation data, or else of all data.

        Of data that cannot be gone through again it is not known, and `otherwise` is given.
        """
        if self.validation is not None:
            return float(self.mean(self.validation, self.x)[0])
        found = self.source.mean(self, self.x)
        return otherwise if found is None else float(found[0])

    def see(self, judged):
        """Keep the point if it is the best one so far."""
        self.last = judged
        if self.patience.see(judged):
            self.best_x[:] = self.x
            if self.optimizer.keeps_average and self.optimizer.t:
                self.best_average[:] = self.group.memory("average")

    def _called_back(self, loss, held_out):
        try:
            self.settings.callback(Result(x=self.x.copy(), fun=loss, epoch=self.epoch, validation=held_out))
        except StopIteration:
            return True
        return False

    def one_epoch(self, progress):
        """The steps of one pass through the data, in blocks."""
        optimizer, group = self.optimizer, self.group
        self.source.start(self.epoch)
        if self.memory.snapshot.size:
            self.memory.snapshot[:] = self.x
            self.memory.full[:] = self.source.mean(self, self.x)[1]
        total, rows, rate = 0.0, 0, math.nan
        for objective, first, count in self.source.blocks(self):
            rates = _rates(group.rate, optimizer.t + 1, count)
            losses, bound = np.empty(count, self.x.dtype), objective.bound
            drive = objective.kernels.epoch(optimizer.rule, self.x.dtype)
            before = time.perf_counter()
            made = drive(
                self.x, self.g, group.slots, group.options, rates, group.running, float(optimizer.t + 1),
                bound.address, bound.context, objective.batches, first, losses, self.treatment, self.memory,
                *objective.own,
            )  # fmt: skip
            elapsed = time.perf_counter() - before
            if elapsed < BLOCK_SECONDS / 2 and count == self.pace:
                self.pace *= 2
            elif elapsed > 2 * BLOCK_SECONDS and self.pace > 1:
                self.pace //= 2
            optimizer.t += made
            self.nit += made
            self.evaluations += (made + (made < count)) * (2 if self.memory.snapshot.size else 1)
            if made < count:
                return NOT_FINITE
            seen, seen_rows = objective.total(losses, first)
            total, rows = total + seen, rows + seen_rows
            rate = float(rates[-1])
            if progress.is_over():
                return TIME_LIMIT
        self.finished = total / rows, rate
        return EPOCHS

    def result(self, status, used, method):
        """SciPy's result object."""
        last = self.x.copy()
        average = self.group.memory("average") if self.optimizer.keeps_average else self.x[:0]
        if self.restored:
            self.x[:], average = self.best_x, self.best_average
        start, found = (self.source.mean(self, x) for x in (self.first_x, self.x))
        if status == NOT_FINITE and found is not None and not found[0] <= start[0]:
            self.x[:], average, found = self.first_x, self.first_x, start
        value, gradient = found or (self.rows[-1][0] if self.rows else math.nan, None)
        if status in SUCCESSES and self.rose(start, value):
            status = ROSE
        columns = np.array(self.rows, float).reshape(-1, 4).T
        found = Result(
            x=self.x, fun=value, jac=gradient, nit=self.nit, nepoch=self.epoch, nfev=self.evaluations,
            njev=self.evaluations, status=status, success=status in SUCCESSES and bool(np.isfinite(value)),
            message=MESSAGES[status], history=StochasticHistory(*columns), derivatives=used,
        )  # fmt: skip
        if self.optimizer.keeps_average:
            found.averaged = average.copy()
            of_average = self.source.mean(self, found.averaged)
            found.averaged_fun = math.nan if of_average is None else of_average[0]
        if status != NOT_FINITE:
            work = self.optimizer.state_dict()
            remember_state(found, State(method, last, work, self.x.copy(), self.epoch, 0))
        return found

    def rose(self, start, value):
        """Whether the loss at the end of the run is higher than at its start."""
        if start is None:  # the data cannot be read again: compare by the first batch
            before, after = (self.source.first_mean(self, x)[0] for x in (self.first_x, self.x))
            return value > before and after > before
        nothing_gained = self.restored and np.array_equal(self.x, self.first_x)
        return value > start[0] or (nothing_gained and self.last > self.patience.best)


def _treatment(optimizer, group):
    interval, alpha = optimizer.lookahead or (0, 0.0)
    return Treatment(
        decay=float(group.decay),
        decoupled=group.decoupled,
        bound=float(optimizer.clip_value),
        max_norm=float(optimizer.clip_global_norm),
        ema=-1.0 if optimizer.ema is None else optimizer.ema,
        average_from=int(optimizer.average_from or 0),
        interval=int(interval),
        alpha=float(alpha),
        noise=optimizer.noise,
        noise_decay=optimizer.noise_decay,
        noise_seed=np.uint64(optimizer.noise_seed),
    )


def _rates(rate, first, count):
    """The learning rates of the steps from number `first` on."""
    if not callable(rate):
        return np.full(count, float(rate))
    return rates_of_steps(rate, first, count)
