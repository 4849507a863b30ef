"""Small networks on scikit-learn's digits: stratified 5-fold cross-validation with three seeds.

Run it with ``python examples/digits_protocol.py`` (needs scikit-learn; 10 to 20 minutes on two cores).
With ``--write docs/networks-digits.md`` the tables are stored, with ``--seeds 0`` the protocol is shorter.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import numgd
from numgd import datasets, nn, schedules
from numgd.cli.info import facts
from numgd.nn.training import Shift

BATCH = 32


def lenet():
    """LeNet for images of 8 × 8: two convolutions with pooling, then layers of 120, 84 and 10."""
    return nn.Sequential(
        nn.Conv2d(16, 3, padding=1, activation="relu"),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 3, padding=1, activation="relu"),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dense(120, activation="relu"),
        nn.Dropout(0.3),
        nn.Dense(84, activation="relu"),
        nn.Dropout(0.3),
        nn.Dense(10),
    )


def resnet():
    """A residual network with one block for each of 8 × 8, 4 × 4 and 2 × 2 pixels."""
    return nn.models.resnet_cifar(8, "B")


def googlenet():
    """GoogLeNet with a quarter of its channels."""
    return nn.models.googlenet(10, stem="small", width=0.25)


def resnext():
    """ResNeXt-50 with an eighth of its channels, and 8 groups of 2, 4, 8 and 16 in the four stages."""
    return nn.models.resnext(50, 10, cardinality=8, base_width=16, width=0.125, stem="small", zero_gamma=True)


def densenet():
    """DenseNet-BC-22 with growth rate 8."""
    return nn.models.densenet_cifar(22, 8, bottleneck=True, compression=0.5)


class Recipe(NamedTuple):
    """A network and how it is trained."""

    model: Callable
    epochs: int
    learning_rate: float  # the highest of the schedule
    target: float  # mean accuracy


RECIPES = {
    "LeNet type": Recipe(lenet, 120, 3e-3, 0.985),
    "ResNet-8": Recipe(resnet, 30, 1e-2, 0.98),
    "GoogLeNet": Recipe(googlenet, 20, 1e-2, 0.98),
    "ResNeXt-50": Recipe(resnext, 20, 5e-3, 0.98),
    "DenseNet-BC-22": Recipe(densenet, 20, 1e-2, 0.98),
}


class Trained(NamedTuple):
    """What came of a fold."""

    accuracy: float
    wrong: int
    seconds: float  # of training
    parameters: int


def trained(recipe, train, test, seed):
    """Train a network on one data set and test it on another, once, after the last epoch."""
    network = nn.Network(recipe.model(), train.X.shape[1:], seed=seed)
    steps = recipe.epochs * -(-len(train.y) // BATCH)
    start = time.perf_counter()
    network.fit(
        train.X,
        train.y,
        loss=nn.CrossEntropy(label_smoothing=0.1),
        optimizer=numgd.Adam(),
        schedule=schedules.OneCycle(recipe.learning_rate, steps),
        epochs=recipe.epochs,
        batch_size=BATCH,
        augment=[Shift(1)],
        seed=seed,
    )
    seconds = time.perf_counter() - start
    right = network.predict_labels(test.X) == test.y
    return Trained(float(right.mean()), int((~right).sum()), seconds, network.parameters.size)


def protocol(seeds):
    """All folds of all seeds and networks: the lines of a table in Markdown, and the means by network."""
    data = datasets.digits()
    yield "| network | parameters | seed | accuracy | lowest fold | wrong | seconds per fold | longest |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, recipe in RECIPES.items():
        first, _ = datasets.split(data, 0.5)
        trained(recipe._replace(epochs=1), first, first, 0)  # loads machine code, or compiles it
        means = []
        for seed in seeds:
            folds = [trained(recipe, *fold, seed) for fold in datasets.folds(data, 5, seed=seed)]
            accuracy, seconds = ([getattr(fold, of) for fold in folds] for of in ("accuracy", "seconds"))
            means.append(float(np.mean(accuracy)))
            yield (
                f"| {name} | {folds[0].parameters:,} | {seed} | {means[-1]:.2%} | {min(accuracy):.2%} | "
                f"{sum(fold.wrong for fold in folds)} | {np.mean(seconds):.1f} | {max(seconds):.1f} |"
            )
        yield f"| **{name}** | | all | **{np.mean(means):.2%}** (target {recipe.target:.1%}) | | | | |"


def main():
    """Print the protocol, and store it where that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="by default 0 1 2")
    parser.add_argument("--write", type=Path, help="a page, whose part after the line 'Results' is replaced")
    options = parser.parse_args()
    known = facts()
    lines = [
        f"{known['processor']}, threads {known['threads']}; numgd {known['numgd']}, numba {known['numba']}.",
        "",
    ]
    print(*lines, sep="\n")
    for line in protocol(options.seeds):
        print(line, flush=True)
        lines.append(line)
    if options.write is not None:
        before, _, _ = options.write.read_text(encoding="utf-8").partition("## Results\n")
        text = before + "## Results\n\n" + "\n".join(lines) + "\n"
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
