"""What ``numgd train`` says of a run, as text and as JSON."""

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from numgd.cli.data import Data, normalisation
from numgd.cli.tables import aligned
from numgd.cli.values import shown_shape

if TYPE_CHECKING:
    from numgd.nn.models import Recipe


class Trained(NamedTuple):
    """A network after training, with what it was trained on."""

    network: Any
    recipe: "Recipe"
    loss: Any
    data: Data
    result: Any  # of fit

    @property
    def epoch(self) -> int:
        """The epoch after which the network had its weights."""
        return self.result.nepoch if self.result.best_epoch is None else self.result.best_epoch

    @property
    def rate(self) -> float:
        """Images per second of training, with validation and compilation; NaN before the end of an epoch."""
        seconds = self.result.history.seconds
        return len(self.data.train.y) * len(seconds) / seconds[-1] if len(seconds) else math.nan

    def metrics(self) -> dict[str, dict[str, float]]:
        """Loss, and over data that are held out accuracy, for each part of the data."""
        found = {}
        if self.epoch:  # the mean over the batches of the epoch
            found["training"] = {"loss": float(self.result.history.loss[self.epoch - 1])}
        for name in ("validation", "test"):
            part = getattr(self.data, name)
            if part is not None:
                normalise = normalisation(self.recipe.normalise, part.X)
                found[name] = self.network.evaluate(part.X, part.y, loss=self.loss, normalise=normalise)
        return found


def heading(options: argparse.Namespace, network: Any, data: Data) -> str:
    """What is going to be trained on what."""
    shape = shown_shape(network.input_shape)
    sizes = ", ".join(
        f"{len(part.y)} for {name}"
        for name, part in (("training", data.train), ("validation", data.validation), ("testing", data.test))
        if part is not None
    )
    return (
        f"{options.model} on {shape}, {data.num_classes} classes: {network.parameters.size:,} parameters\n"
        f"{options.data}: {sizes}"
    )


def epoch_line(found: Any) -> str:
    """The result of an epoch."""
    values = {"loss": found.loss}
    if not math.isnan(found.validation):
        values |= {"validation": found.validation, **found.metrics}
    return f"epoch {found.epoch}  " + "  ".join(f"{name} {value:.4f}" for name, value in values.items())


def report(trained: Trained, metrics: dict[str, dict[str, float]]) -> str:
    """The final metrics as a table, and how long it took."""
    rows = [("data", "loss", "accuracy")]
    for name, found in metrics.items():
        rows.append((name, f"{found['loss']:.4f}", f"{found['accuracy']:.4f}" if "accuracy" in found else ""))
    result, lines = trained.result, []
    if result.best_epoch is not None:
        lines.append(f"The weights are those after epoch {result.best_epoch} of {result.nepoch}.")
    if result.nepoch:
        lines.append(
            f"{result.nepoch} epochs, {result.nit} steps in {result.history.seconds[-1]:.3g} s: "
            f"{trained.rate:,.0f} samples per second"
        )
    return "\n".join([result.message, *lines, *([aligned(rows, left=1)] if len(rows) > 1 else [])])


def write_record(
    path: Path, options: argparse.Namespace, trained: Trained, metrics: dict[str, dict[str, float]]
) -> None:
    """Write the options, the history and the final metrics as JSON."""
    result, history = trained.result, trained.result.history
    curves = {"loss": history.loss, "learning_rate": history.learning_rate, "seconds": history.seconds}
    if trained.data.validation is not None:
        curves |= {
            "validation loss": history.validation,
            **{f"validation {name}": values for name, values in history.metrics.items()},
        }
    settings = {name: value for name, value in vars(options).items() if name != "run"}
    paths = {name: str(value) for name, value in settings.items() if isinstance(value, Path)}
    record = {
        "options": settings | paths,
        "parameters": trained.network.parameters.size,
        "status": result.message,
        "epochs": result.nepoch,
        "steps": result.nit,
        "kept epoch": trained.epoch,
        "samples per second": None if math.isnan(trained.rate) else trained.rate,
        "metrics": metrics,
        "history": {name: values.tolist() for name, values in curves.items()},
    }
    path.write_text(json.dumps(record, indent=2) + "\n")
