"""Files of named models: what is written is what is read, and nothing else is."""

import dataclasses
import json

import numpy as np
import pytest

import numgd
from numgd.foundations import files
from numgd.nn import models
from numgd.nn.models.file import recipe_of
from numgd.nn.training import Normalise

RECIPE = models.Recipe(
    "resnet20",
    num_classes=3,
    input_shape=(8, 8, 2),
    dtype="float64",
    options={"width": 0.125, "shortcut": "B"},
    classes=["a", "b", "ç"],
    normalise=Normalise([0.1, 0.2], [1.0, 2.0]),
)


@pytest.fixture(scope="module")
def network():
    made = RECIPE.network(seed=3)
    made.state[:] = np.random.default_rng(0).uniform(0.5, 1.5, made.state.size)
    return made


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_round_trip(suffix, network, tmp_path):
    path = tmp_path / f"model{suffix}"
    models.save(path, network, RECIPE)
    found, recipe = models.load(path)
    assert recipe == RECIPE == recipe_of(path)
    assert found.dtype == np.float64 and found.input_shape == (8, 8, 2)
    assert np.array_equal(found.parameters, network.parameters)
    assert np.array_equal(found.state, network.state)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_the_arrays_can_be_read_alone(suffix, network, tmp_path):
    path = tmp_path / f"model{suffix}"
    models.save(path, network, RECIPE)
    other = RECIPE.network(seed=4)
    other.load(path)
    assert np.array_equal(other.parameters, network.parameters)
    arrays = numgd.load(path)
    assert all(np.array_equal(arrays[name], array) for name, array in network.state_dict().items())


def test_options_with_sequences(tmp_path):
    recipe = models.Recipe("mlp", 2, (4,), options={"widths": (5, 3), "batch_norm": True, "dropout": 0.5})
    models.save(tmp_path / "mlp.npz", recipe.network(), recipe)
    found, again = models.load(tmp_path / "mlp.npz")
    assert again == recipe
    assert found.parameters.size == (4 * 5 + 2 * 5) + (5 * 3 + 2 * 3) + (3 * 2 + 2)


def test_defaults_of_a_recipe():
    recipe = models.Recipe("lenet5")
    assert recipe.input_shape == (28, 28, 1) and recipe.dtype == "float32"
    assert recipe.network().parameters.size == 61_706


@pytest.mark.parametrize(
    ("arguments", "error", "word"),
    [
        ({"name": "resnet21"}, ValueError, "resnet20"),
        ({"name": 3}, TypeError, "name"),
        ({"num_classes": 0}, ValueError, "num_classes"),
        ({"input_shape": (0, 8, 1)}, ValueError, "input_shape"),
        ({"dtype": "int8"}, TypeError, "dtype"),
        ({"options": [1]}, TypeError, "options"),
        ({"options": {"width": np.zeros(2)}}, TypeError, "width"),
        ({"input_shape": (np.inf, 8, 1)}, TypeError, "input_shape"),
        ({"options": {"num_classes": 3}}, TypeError, "no option 'num_classes'"),
        ({"options": {"seed": 3}}, TypeError, "no option 'seed'"),
        ({"classes": "ab"}, TypeError, "classes"),
        ({"classes": 5}, TypeError, "classes"),
        ({"classes": ["a", "b"]}, ValueError, "2 names for 10 classes"),
        ({"classes": ["a"], "num_classes": 2}, ValueError, "classes"),
        ({"normalise": 3}, TypeError, "normalise"),
        ({"normalise": Normalise([0, 0], [1, 1])}, ValueError, "channels"),
    ],
)
def test_recipes_that_are_refused(arguments, error, word):
    with pytest.raises(error, match=word):
        models.Recipe(**{"name": "resnet20", **arguments})


def test_unknown_option_of_a_model():
    with pytest.raises(TypeError, match=r"resnet20 has no option 'wide'; it has depth, .*width"):
        models.Recipe("resnet20", options={"wide": 2})
    with pytest.raises(TypeError, match="has no option"):
        models.create("resnet20", wide=2)


def test_a_recipe_of_another_network_is_refused(network, tmp_path):
    path = tmp_path / "model.npz"
    for other, word in (
        (models.Recipe("resnet20", 3, (8, 8, 1)), "input_shape"),
        (dataclasses.replace(RECIPE, dtype="float32"), "recipe has dtype float32, the network float64"),
        (
            models.Recipe("resnet20", 4, (8, 8, 2), "float64", options={"width": 0.125, "shortcut": "B"}),
            "fc.weight",
        ),
        (
            models.Recipe("resnet20", 3, (8, 8, 2), "float64", options={"width": 0.125}),
            r"do not fit the recipe: unknown \['layer2.0.shortcut.0.weight', ",
        ),
        (
            models.Recipe("resnet32", 3, (8, 8, 2), "float64", options={"width": 0.125, "shortcut": "B"}),
            "missing",
        ),
    ):
        with pytest.raises(ValueError, match=word):
            models.save(path, network, other)
    with pytest.raises(TypeError, match="recipe"):
        models.save(path, network, "resnet20")
    with pytest.raises(TypeError, match="network"):
        models.save(path, RECIPE, RECIPE)
    assert not path.exists()


def test_files_that_are_refused(network, tmp_path):
    path = tmp_path / "model.npz"
    network.save(path)
    with pytest.raises(ValueError, match="does not say of which model"):
        models.load(path)
    models.save(path, network, RECIPE)
    arrays, texts = files.read(path, texts=("model",))
    text = json.loads(texts["model"])
    for changed, word in (
        ({"version": 2}, "version"),
        ({"name": "nothing"}, "nothing"),
        ({"options": {"width": -1}}, "width"),
        ({"options": {"width": 10**6}}, "shape"),  # before any memory is taken
        ({"normalise": {"mean": 0.0}}, "std"),
        ({"more": 1}, "more"),
    ):
        files.write(path, arrays, {"model": json.dumps(text | changed)})
        with pytest.raises(ValueError, match=word) as caught:
            models.load(path)
        assert str(path) in str(caught.value)
    del text["normalise"]
    for broken in (json.dumps(text), "{", "[1]", "null"):
        files.write(path, arrays, {"model": broken})
        with pytest.raises(ValueError, match="is not a file of a model"):
            models.load(path)
    with pytest.raises(FileNotFoundError):
        models.load(tmp_path / "nothing.npz")


def test_numbers_that_are_not_real_are_refused(network, tmp_path):
    arrays = network.state_dict()
    arrays["fc.bias"] = arrays["fc.bias"].astype(complex)
    models.save(tmp_path / "model.npz", network, RECIPE)
    _, texts = files.read(tmp_path / "model.npz", texts=("model",))
    files.write(tmp_path / "model.npz", arrays, texts)
    with pytest.raises(ValueError, match=r"fc\.bias"):
        models.load(tmp_path / "model.npz")
