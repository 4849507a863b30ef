"""One training run: the loop over epochs and steps."""

import math
import time
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np

from numgd.foundations.patience import Patience
from numgd.foundations.status import (
    CALLBACK,
    EARLY,
    EPOCHS,
    INTERRUPTED,
    MESSAGES,
    NOT_FINITE,
    SUCCESSES,
    TIME_LIMIT,
)
from numgd.nn.training import checkpoint
from numgd.nn.training.history import TrainingHistory
from numgd.nn.training.inference import assess
from numgd.nn.training.prefetch import prefetched
from numgd.nn.training.stepping import step_seed
from numgd.nn.training.weights import finite, first_not_finite, weights_of
from numgd.system.scipy_result import Result

SHOWN = 0.1
"""Seconds between two updates of the progress bar."""


class Settings(NamedTuple):
    """The arguments of `fit` that the loop needs."""

    loss: Any
    epochs: Any
    seed: Any
    batch_size: Any
    validation: Any  # checked pair of arrays, or None
    metrics: Any  # name -> callable
    monitor: Any
    restore_best: Any
    use_average: Any
    normalise: Any
    checkpoint: Any
    checkpoint_every: Any
    callbacks: Any
    record: Any  # what a checkpoint must share with the run that resumes it


def _where_it_lives(network, batches, loss):
    """The batches where the network lives, which a stand-in for a network need not say."""
    return network.ahead(batches, loss) if hasattr(network, "ahead") else batches


class Run:
    """A network in training.

    Parameters
    ----------
    network : Network
    source : ArraySource or StreamSource
    stepper : Stepper
    patience : Patience
    settings : Settings
    saved : Saved or None
        The checkpoint to continue from; the optimizer has taken its state already.
    """

    def __init__(self, network, source, stepper, patience: Patience, settings, saved):
        self.network, self.source, self.stepper = network, source, stepper
        self.patience, self.settings = patience, settings
        self.watched = settings.validation is not None
        self.epoch = self.step = self.nit = self.rows = self.best_epoch = 0
        self.total, self.elapsed = 0.0, 0.0
        self.history: list[Any] = []
        self.best = None
        if saved is not None:
            self._resume(saved)
        self.safe = weights_of(network)  # those before the current epoch, or where the run was resumed
        self.written = None
        self.started = time.perf_counter()

    def _resume(self, saved):
        point = saved.point
        saved.weights.put(self.network)
        self.epoch, self.step, self.nit = point.epoch, point.step, point.nit
        self.total, self.rows, self.elapsed = point.total, point.rows, point.seconds
        self.patience.best, self.patience.waited = point.best, point.waited
        self.best, self.best_epoch = saved.best, point.best_epoch
        self.history = [tuple(row) for row in saved.history.tolist()]

    def train(self, watch):
        """Run the epochs and leave the final weights in the network; returns the result."""
        watch.left()  # starts the clock
        try:
            status = self._epochs(watch)
            restored = self._finish(status)
        except KeyboardInterrupt:
            status, restored = INTERRUPTED, None
        if self.settings.use_average and restored is None and self.stepper.optimizer.t:
            self.stepper.put_average(self.network.parameters)
        return self._result(status, restored)

    def _epochs(self, watch):
        if self.patience.exhausted:  # in the run that is resumed
            return EARLY
        while self.epoch < self.settings.epochs:
            status = self._steps(watch)
            if first_not_finite(self.network) is not None:  # the last step may have overflowed
                return NOT_FINITE
            if status == EPOCHS:
                status = self._after_epoch(watch)
            if status != EPOCHS:
                return status
            self.safe.update(self.network)
        return EPOCHS

    def _steps(self, watch):
        """The steps of the rest of an epoch; returns why the run ends, or EPOCHS."""
        network, settings, step = self.network, self.settings, self.stepper.step
        loss, seed, every = settings.loss, settings.seed, settings.checkpoint_every
        gradient, watches, show = network.gradient, watch.watches, 0.0
        batches = self.source.batches(self.epoch, self.step)
        with closing(prefetched(batches) if self.source.slow else batches) as prepared:
            for X, y in _where_it_lives(network, prepared, loss):
                value = float(network.loss_and_gradient(X, y, loss, step_seed(seed, self.nit)))
                if not (math.isfinite(value) and finite(gradient)):
                    return NOT_FINITE
                step()
                self.nit += 1
                self.step += 1
                self.total += len(X) * value
                self.rows += len(X)
                if every is not None and self.nit % every == 0:
                    self._save()
                if watches:
                    if watch.is_over():
                        return TIME_LIMIT
                    if time.perf_counter() >= show:
                        watch.reach(self.nit, loss=self.total / self.rows)
                        show = time.perf_counter() + SHOWN
        return EPOCHS

    def _after_epoch(self, watch):
        """Validate, record and call back after an epoch; returns why the run ends, or EPOCHS."""
        settings, loss, rate = self.settings, self.total / self.rows, self.stepper.last_rate()
        found = self._validated()
        self.epoch += 1
        self.step, self.total, self.rows = 0, 0.0, 0
        judged = self._judged(found) if found else loss
        self.stepper.observe(judged)
        self.patience.wait(judged)
        self._see(judged)
        held_out = found.get("loss", math.nan)
        measured = {name: found[name] for name in settings.metrics} if found else {}
        self.history.append((loss, held_out, rate, self._seconds(), *measured.values()))
        shown = {"validation": held_out, **measured} if found else {}
        watch.reach(self.nit, loss=loss, **shown)
        ended = self._called_back(
            Result(
                network=self.network, epoch=self.epoch, nit=self.nit, loss=loss, validation=held_out,
                metrics=measured, learning_rate=rate,
            )
        )  # fmt: skip
        if settings.checkpoint_every is None:
            self._save()
        if ended:
            return CALLBACK
        return EARLY if self.patience.exhausted else EPOCHS

    def _validated(self):
        """Loss and metrics over the validation data; empty without them."""
        if not self.watched:
            return {}
        s = self.settings
        X, y = s.validation
        return assess(self.network, X, y, s.loss, s.metrics, s.batch_size, s.normalise)

    def _judged(self, found):
        """What is monitored, as a value that should fall."""
        monitor = self.settings.monitor
        return found["loss"] if monitor == "loss" else -found[monitor]

    def _see(self, judged):
        """Keep the weights if they are the best so far."""
        if not self.patience.see(judged) or not self.settings.restore_best:
            return
        if self.best is None:
            self.best = weights_of(self.network)
        else:
            self.best.update(self.network)
        if self.settings.use_average:
            self.stepper.put_average(self.best.parameters)
        self.best_epoch = self.epoch

    def _called_back(self, intermediate):
        """Whether a callback ends the run."""
        ended = False
        for callback in self.settings.callbacks:
            try:
                callback(intermediate)
            except StopIteration:
                ended = True
        return ended

    def _finish(self, status):
        """Save, and restore the best weights or, after NaN, the last good ones; returns their epoch."""
        if status == NOT_FINITE:
            (self.best or self.safe).put(self.network)
            return self.epoch if self.best is None else self.best_epoch
        self._save()
        if status == TIME_LIMIT and self.watched and self.step:
            self._see(self._judged(self._validated()))
        if self.best is None:
            return None
        self.best.put(self.network)
        return self.best_epoch

    def _save(self):
        """Write a checkpoint, unless the last one is of the same point; never one that is not finite."""
        path, place = self.settings.checkpoint, (self.epoch, self.step)
        if path is None or self.written == place or first_not_finite(self.network) is not None:
            return
        point = checkpoint.Point(
            self.epoch, self.step, self.nit, self.total, self.rows, self._seconds(), self.patience.best,
            self.best_epoch, self.patience.waited,
        )  # fmt: skip
        history = np.array(self.history, np.float64).reshape(self.epoch, 4 + len(self.settings.metrics))
        state = self.stepper.optimizer.state_dict()
        saved = checkpoint.Saved(point, weights_of(self.network), self.best, state, history)
        checkpoint.write(path, self.network, self.settings.record, saved)
        self.written = place

    def _seconds(self):
        return self.elapsed + time.perf_counter() - self.started

    def _result(self, status, restored):
        history = TrainingHistory.of(self.history, tuple(self.settings.metrics))
        return Result(
            fun=history.loss[-1] if self.history else math.nan,
            nit=self.nit, nepoch=self.epoch, status=status, success=status in SUCCESSES,
            message=MESSAGES[status], history=history, best_epoch=restored,
        )  # fmt: skip
