"""The command ``numgd predict``: what a trained network says of samples."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from numgd.cli.data import HELP, load_data, normalisation, read_samples
from numgd.cli.outputs import fault_of_output, fault_of_overwriting
from numgd.cli.tables import fail, reported


def add_predict(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "predict",
        help="classify samples by a network that was trained",
        description="Print the class and its probability for each sample.  Images of uint8 have white at "
        "255; others are taken as they are, and those that `numgd train` reads lie in [0, 1].",
    )
    command.add_argument("file", type=Path, metavar="FILE", help="what `numgd train` wrote")
    command.add_argument(
        "samples", type=Path, nargs="*", metavar="SAMPLES", help=".npy or .npz files of arrays (N, H, W, C)"
    )
    command.add_argument("--data", help=f"the test set, or else all samples, of {HELP}; shows the accuracy")
    command.add_argument(
        "--out", type=Path, metavar="FILE", help="write the probabilities of all classes as .csv or .npy"
    )
    command.set_defaults(run=run_predict)


@reported
def run_predict(options: argparse.Namespace) -> int:
    """Print or write what the network says."""
    if bool(options.samples) == bool(options.data):
        return fail("predict needs either files of samples or --data")
    if options.out:
        fault = fault_of_output("--out", options.out, (".csv", ".npy"))
        fault = fault or fault_of_overwriting("--out", options.out, options.samples)
        if fault:
            return fail(fault)
    from numgd.nn import models

    network, recipe = models.load(options.file)
    if len(network.output_shape) != 1 or network.output_shape[0] < 2:
        return fail(f"{options.file} is no classifier: the shape of its outputs is {network.output_shape}")
    y = None
    if options.data:
        data = load_data(options.data)
        X, y = (data.test or data.train)[:2]
    else:
        X = read_samples(options.samples, recipe.input_shape)
    probabilities = network.predict_proba(X, normalise=normalisation(recipe.normalise, X))
    labels = probabilities.argmax(axis=1)
    names = recipe.classes or tuple(map(str, range(probabilities.shape[1])))
    if options.out:
        _write(options.out, names, labels, probabilities)
        print(f"Written: {options.out}, {len(labels)} samples")
    else:
        for number, label in enumerate(labels):
            print(f"{number}\t{names[label]}\t{probabilities[number, label]:.4f}")
    if y is not None:
        print(f"accuracy {np.mean(labels == y):.4f} over {len(y)} samples")
    return 0


def _write(path: Path, names: tuple[str, ...], labels: Any, probabilities: Any) -> None:
    """Write the probabilities to a file; one of text has the label first."""
    if path.suffix.lower() == ".npy":
        np.save(path, probabilities)
        return
    import csv

    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("label", *names))
        for label, row in zip(labels, probabilities.tolist(), strict=True):
            writer.writerow((names[label], *(f"{value:.6g}" for value in row)))
