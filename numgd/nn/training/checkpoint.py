"""Checkpoints: everything that a training run needs to continue bit for bit, in one file."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numgd.foundations import files
from numgd.foundations.ranges import Finite, Tolerance, Whole, checked
from numgd.nn.training.weights import Weights

_TEXT = "training"
_VERSION = 1


class Point(NamedTuple):
    """How far a run has come."""

    epoch: Any  # completed epochs
    step: Any  # steps within the current epoch
    nit: Any  # steps altogether
    total: Any  # sum of the samples' losses in the current epoch
    rows: Any  # samples in the current epoch
    seconds: Any
    best: Any  # lowest value of what is monitored
    best_epoch: Any  # the epoch after which it was measured, 0 for none
    waited: Any


_RANGES = Point(Whole, Whole, Whole, Finite, Whole, Tolerance, None, Whole, Whole)


class Saved(NamedTuple):
    """The content of a checkpoint."""

    point: Any  # Point
    weights: Any  # Weights
    best: Any  # Weights, or None
    optimizer: Any  # state_dict()
    history: Any  # (epochs, columns) float64


def check_path(path):
    """Raise unless checkpoints can be written under this name."""
    path = Path(path)
    if path.suffix.lower() not in (".npz", ".safetensors"):
        raise ValueError(f"checkpoint must end with .npz or .safetensors; it is {str(path)!r}")
    if not path.parent.is_dir():
        raise ValueError(f"checkpoint is in a folder that does not exist: {str(path)!r}")


def describe(network):
    """Names and shapes of a network's parameters and states, as they are after a round through JSON."""
    arrays = {"parameters": network.named_parameters(), "states": network.named_states()}
    found: dict[str, Any] = {
        kind: [[name, list(array.shape)] for name, array in own.items()] for kind, own in arrays.items()
    }
    return found | {"dtype": np.dtype(network.dtype).name, "size": network.parameters.size}


def write(path, network, settings, saved):
    """Write a checkpoint; an existing file is replaced once the new one is complete."""
    arrays, plain = {"history": saved.history}, {}
    for kind, weights in (("weights", saved.weights), ("best", saved.best)):
        if weights is not None:
            arrays[f"{kind}.parameters"] = weights.parameters
            arrays |= {f"{kind}.state.{k}": state for k, state in enumerate(weights.states.values())}
    for name, value in saved.optimizer.items():
        if isinstance(value, np.ndarray):
            arrays[f"optimizer.{name}"] = value
        else:
            plain[name] = value
    text = {
        "version": _VERSION,
        "network": describe(network),
        "settings": settings,
        "point": saved.point._asdict(),
        "optimizer": plain,
    }
    files.write(path, arrays, {_TEXT: json.dumps(text)})


def read(path, network, settings, columns):
    """Read a checkpoint of a network like this one, made with these settings.

    Parameters
    ----------
    path : str or path-like
    network : Network
    settings : dict
        Plain values that must be those of the run that wrote the file.
    columns : int
        Number of columns of the history.

    Returns
    -------
    Saved

    Raises
    ------
    ValueError
        If the file is damaged, or of another network or run; the message names the first difference.
    OSError
        If it cannot be opened.
    """
    try:
        arrays, texts = files.read(path, texts=(_TEXT,))
        text = json.loads(texts[_TEXT])
        if not isinstance(text, dict) or text.get("version") != _VERSION:
            raise ValueError("its version is unknown")
        _compare_networks(text["network"], describe(network))
        _compare_settings(text["settings"], settings)
        return _content(arrays, text, network, columns)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        said = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{os.fspath(path)} is not a checkpoint of this training: {said}") from error


def _compare_networks(found, own):
    """Raise ValueError that names the first difference between two descriptions."""
    for kind in ("parameters", "states"):
        theirs, ours = found[kind], own[kind]
        for k in range(max(len(theirs), len(ours))):
            there, here = (_entry(entries, k) for entries in (theirs, ours))
            if there != here:
                raise ValueError(
                    f"of the {kind}, number {k + 1} is {there} in the file, but {here} in the network"
                )
    for name in ("dtype", "size"):
        if found[name] != own[name]:
            raise ValueError(
                f"the {name} of the parameters is {found[name]!r:.80}, but the network's is {own[name]!r}"
            )


def _entry(entries, k):
    """An entry of a description in words."""
    if k >= len(entries):
        return "missing"
    name, shape = entries[k]
    return f"{name!r:.100} of shape {tuple(shape)!r:.100}"


def _compare_settings(found, own):
    """Raise ValueError that names the first setting in which two runs differ."""
    if not isinstance(found, dict):
        raise ValueError("its settings are not a dictionary")
    for name, value in own.items():
        if found.get(name) != value:
            raise ValueError(f"{name} is {found.get(name)!r:.100} in the file, but {value!r:.100} here")


def _content(arrays, text, network, columns):
    given = text["point"]
    values = [
        given[name] if kind is None else checked(name, given[name], kind)
        for name, kind in _RANGES._asdict().items()
    ]
    point = Point(*values)
    if not isinstance(point.best, float) or point.best != point.best:
        raise ValueError(f"best must be a number; it is {point.best!r:.80}")
    if (point.step == 0) != (point.rows == 0) or not point.step <= min(point.rows, point.nit):
        raise ValueError("the numbers of its steps and samples contradict each other")
    if not point.best_epoch <= point.epoch or point.waited > point.epoch:
        raise ValueError("best_epoch and waited are beyond the last epoch")
    weights, best = (_weights(arrays, kind, network) for kind in ("weights", "best"))
    if weights is None or (best is None) != (point.best_epoch == 0):
        raise ValueError("it lacks weights")
    history = arrays.pop("history")
    if history.dtype != np.float64 or history.shape != (point.epoch, columns):
        raise ValueError(
            f"history is {history.dtype} of shape {history.shape}, not float64 of {(point.epoch, columns)}"
        )
    plain = text["optimizer"]
    if not isinstance(plain, dict):
        raise ValueError("optimizer is not a dictionary")
    prefix = "optimizer."
    unknown = [name for name in arrays if not name.startswith(prefix)]
    if unknown:
        raise ValueError(f"it has an unknown array {unknown[0]!r:.100}")
    optimizer = plain | {name.removeprefix(prefix): array for name, array in arrays.items()}
    return Saved(point, weights, best, optimizer, history)


def _weights(arrays, kind, network):
    """Weights out of the arrays of a file; None if there are none of this kind."""
    if f"{kind}.parameters" not in arrays:
        return None
    parameters = _taken(arrays, f"{kind}.parameters", network.parameters)
    states = {
        name: _taken(arrays, f"{kind}.state.{k}", state)
        for k, (name, state) in enumerate(network.named_states().items())
    }
    return Weights(parameters, states)


def _taken(arrays, name, like):
    """Take an array out of a dictionary; raises ValueError unless it is finite and like another."""
    array = arrays.pop(name)
    if array.shape != like.shape or array.dtype != like.dtype:
        raise ValueError(f"{name} is {array.dtype} of shape {array.shape}, not {like.dtype} of {like.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite")
    return array
