"""The command ``numgd train``: trains a named model on data and writes it to a file."""

import argparse
import math
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numgd.cli.data import HELP, Data, load_data, normalisation, statistics
from numgd.cli.outputs import fault_of_output, fault_of_overwriting, fault_of_picture, fault_of_weights
from numgd.cli.results import Trained, epoch_line, heading, report, write_record
from numgd.cli.settings import SCHEDULES, augmentation_of, optimizer_of, schedule_of
from numgd.cli.tables import INTERRUPTED, fail, reported
from numgd.cli.values import DTYPES, add_model_options, count, model_options, pair

if TYPE_CHECKING:
    from numgd.nn.models import Recipe


def add_train(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "train",
        help="train a named model on images or tables and write it to a file",
        description="Train a named model.  FILE holds what `numgd predict` needs; learning curves are drawn "
        "and metrics written as JSON next to it.",
    )
    command.add_argument("--model", required=True, metavar="NAME", help="`numgd summary` lists all names")
    command.add_argument("--data", required=True, help=HELP)
    command.add_argument("--out", required=True, type=Path, metavar="FILE", help=".npz or .safetensors")
    add_model_options(command)
    _add_steps(command)
    _add_data(command)
    _add_run(command)
    command.set_defaults(run=run_train)


def _add_steps(command: argparse.ArgumentParser) -> None:
    """What determines the steps of the optimizer."""
    group = command.add_argument_group("steps")
    add = group.add_argument
    add("--optimizer", default="adam", metavar="NAME", help="an update rule, such as sgd (default: adam)")
    add("--epochs", type=count, default=10, metavar="N", help="passes through the data (default: 10)")
    add("--batch-size", type=count, default=64, metavar="N", help="samples per step (default: 64)")
    add("--learning-rate", type=float, metavar="RATE", help="default: that of the rule")
    add("--weight-decay", type=float, metavar="FACTOR", help="default: that of the rule")
    add(
        "--option",
        type=pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another hyper-parameter or setting of the optimizer, such as beta1=0.95; may be repeated",
    )
    add("--schedule", choices=SCHEDULES, default="constant", help="of the learning rate (default: constant)")
    add("--warm-up", type=count, metavar="N", help="epochs in which the learning rate rises from 0")
    add("--label-smoothing", type=float, default=0.0, metavar="SHARE", help="in [0, 1] (default: 0)")


def _add_data(command: argparse.ArgumentParser) -> None:
    """What is done to the data."""
    group = command.add_argument_group("data")
    add = group.add_argument
    add(
        "--validation",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="of the training data, held out to choose the best epoch; 0 for none (default: 0.1)",
    )
    add(
        "--augment",
        nargs="+",
        default=[],
        metavar="CHANGE",
        help="random changes of the images: flip, crop (or crop:PADDING), shift (or shift:PIXELS)",
    )
    add(
        "--normalise",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="by mean and standard deviation of the training data's channels (default: yes)",
    )


def _add_run(command: argparse.ArgumentParser) -> None:
    """How the run proceeds and what it shows."""
    group = command.add_argument_group("run")
    add = group.add_argument
    add("--seed", type=int, default=0, metavar="N", help="of weights, order and held-out part (default: 0)")
    add("--dtype", choices=DTYPES, default="float32", help="default: float32")
    add("--threads", type=count, metavar="N", help="default: one per core")
    add("--patience", type=count, metavar="N", help="stop after this many epochs without improvement")
    add("--time-limit", type=float, metavar="SECONDS", help="stop training after this time")
    add("--checkpoint", type=Path, metavar="FILE", help="file of the state of the run, written each epoch")
    add("--resume", action="store_true", help="continue from --checkpoint, if that file exists")
    add("--plot", type=Path, metavar="PNG", help="learning curves (default: next to FILE)")
    add("--quiet", action="store_true", help="show the result only")


@reported
def run_train(options: argparse.Namespace) -> int:
    """Train, write the file, and print what was reached."""
    options.plot = options.plot or options.out.with_suffix(".png")
    fault = _fault(options)
    if fault:
        return fail(fault)
    optimizer, augment = optimizer_of(options), [augmentation_of(text) for text in options.augment]
    data = _held_out(load_data(options.data), options)
    from numgd.foundations.status import Status
    from numgd.nn import CrossEntropy

    recipe = _recipe(options, data)
    network, loss = recipe.network(options.seed), CrossEntropy(label_smoothing=options.label_smoothing)
    whole, rest = divmod(len(data.train.y), options.batch_size)
    alone = whole > 0 and rest == 1  # a last batch of one sample, whose variance batch norms cannot take
    schedule = schedule_of(options, optimizer, whole + (rest > 0 and not alone))
    _use_threads(options.threads)
    if not options.quiet:
        print(heading(options, network, data), flush=True)
    bar = sys.stderr.isatty() and find_spec("tqdm") is not None
    validation, best = data.validation, Best()
    result = network.fit(
        data.train.X,
        data.train.y,
        loss=loss,
        optimizer=optimizer,
        epochs=options.epochs,
        batch_size=options.batch_size,
        last_batch="drop" if alone else "keep",
        seed=options.seed,
        validation_data=None if validation is None else (validation.X, validation.y),
        schedule=schedule,
        patience=options.patience,
        augment=augment,
        normalise=normalisation(recipe.normalise, data.train.X),
        checkpoint=options.checkpoint,
        resume=options.resume,
        time_limit=options.time_limit,
        callbacks=[best] if bar or options.quiet else [best, _print_epoch],
        progress=bar and not options.quiet,
    )
    if result.status == Status.INTERRUPTED:
        best.restore(result, network)
    return _conclude(options, Trained(network, recipe, loss, data, result))


class Best:
    """A callback that keeps the weights after the best epoch, which `fit` does not restore after Ctrl-C."""

    def __init__(self) -> None:
        self.validation, self.epoch, self.weights = math.inf, None, None

    def __call__(self, found: Any) -> None:
        """Keep the weights after an epoch with the lowest loss over the validation data so far."""
        from numgd.nn.training.weights import weights_of

        if found.validation < self.validation:
            self.validation, self.epoch = found.validation, found.epoch
            self.weights = weights_of(found.network)

    def restore(self, result: Any, network: Any) -> None:
        """Put the weights into the network, if any were kept, and their epoch into the result."""
        if self.weights is not None:
            self.weights.put(network)
            result.best_epoch = self.epoch


def _fault(options: argparse.Namespace) -> str:
    """What is wrong with options that only this command has; empty if nothing is."""
    from numgd.nn.models.named import entry

    entry(options.model)
    if not 0 <= options.validation < 1:
        return f"--validation must lie in [0, 1); it is {options.validation:g}"
    if options.resume and options.checkpoint is None:
        return "--resume needs --checkpoint, the file to continue from"
    data, checkpoint = [Path(options.data)], options.checkpoint
    if checkpoint and checkpoint.resolve() == options.out.resolve():
        return f"--checkpoint and --out are the same file, {options.out}"
    return (
        fault_of_overwriting("--out", options.out, data)
        or fault_of_weights("--out", options.out)
        or (checkpoint and fault_of_overwriting("--checkpoint", checkpoint, data))
        or (checkpoint and fault_of_weights("--checkpoint", checkpoint))
        or fault_of_output("--out", options.out.with_suffix(".json"), (".json",))
        or fault_of_picture("--plot", options.plot)
    )


def _held_out(data: Data, options: argparse.Namespace) -> Data:
    """The data with a part of the training data for validation, with the same share of all classes."""
    if options.validation == 0:
        return data
    from numgd.datasets import split

    try:
        train, validation = split(data.train, options.validation, seed=options.seed)
    except ValueError as error:
        raise ValueError(f"--validation {options.validation:g} of {options.data}: {error}") from None
    return data._replace(train=train, validation=validation)


def _recipe(options: argparse.Namespace, data: Data) -> "Recipe":
    from numgd.nn.models import Recipe

    if data.num_classes < 2:
        raise ValueError(f"{options.data} has samples of one class only")
    return Recipe(
        options.model,
        data.num_classes,
        data.train.X.shape[1:],
        options.dtype,
        model_options(options),
        data.train.target_names,
        statistics(data.train.X) if options.normalise else None,
    )


def _use_threads(number: int | None) -> None:
    """Compute on a given number of threads from now on."""
    if number is None:
        return
    import numba

    if number > numba.config.NUMBA_NUM_THREADS:
        raise ValueError(f"--threads must be at most {numba.config.NUMBA_NUM_THREADS}; it is {number}")
    numba.set_num_threads(number)


def _print_epoch(found: Any) -> None:
    """Print a line after an epoch."""
    print(epoch_line(found), flush=True)


def _conclude(options: argparse.Namespace, trained: Trained) -> int:
    """Write the files and print the results of a run, which may have ended early; returns the exit code."""
    from numgd.foundations.status import Status
    from numgd.nn.models import save
    from numgd.plots.learning import draw_learning

    result = trained.result
    diverged, interrupted = (result.status == s for s in (Status.NOT_FINITE, Status.INTERRUPTED))
    if result.nit == 0 or (diverged and result.nepoch == 0):
        fail(f"{result.message} Nothing has been learnt, and {options.out} is not written.")
        return INTERRUPTED if interrupted else 1
    save(options.out, trained.network, trained.recipe)
    written = [options.out, options.out.with_suffix(".json")]
    metrics = trained.metrics()
    write_record(written[1], options, trained, metrics)
    if result.nepoch:
        title = f"{options.model}, {options.data}, {options.optimizer}"
        draw_learning(result.history, options.plot, title, result.best_epoch)
        written.append(options.plot)
    print(report(trained, metrics))
    print(f"Written: {', '.join(map(str, written))}")
    if interrupted:
        which = "as trained so far" if result.best_epoch is None else f"after epoch {result.best_epoch}"
        fail(f"interrupted: {options.out} holds the weights {which}")
        return INTERRUPTED
    return fail(result.message) if diverged else 0
