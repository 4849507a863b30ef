"""The commands train, predict and summary."""

import argparse
import csv
import json
import subprocess
import sys

import numpy as np
import pytest

import numgd
from numgd.cli import data as datas
from numgd.cli import results, settings, train, values
from numgd.cli.main import main
from numgd.nn import models

pytest.importorskip("sklearn")  # digits

MLP = ("--model", "mlp", "--model-option", "widths=16,", "--data", "digits", "--quiet")


def one_line(capsys):
    """The only line on stderr."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("numgd")
    return line


def record_of(path):
    return json.loads(path.with_suffix(".json").read_text())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A file of a small network for digits."""
    path = tmp_path_factory.mktemp("trained") / "digits.npz"
    assert main(["train", *MLP, "--epochs", "3", "--learning-rate", "0.01", "--out", str(path)]) == 0
    return path


def parts_of_digits(share=0.1, seed=0):
    return numgd.datasets.split(numgd.datasets.digits(), share, seed=seed)


class TestTrain:
    def test_files_and_text(self, tmp_path, capsys):
        path = tmp_path / "net.safetensors"
        words = ["train", "--model", "resnet20", "--width", "0.25", "--data", "digits", "--epochs", "1"]
        assert main([*words, "--augment", "shift:1", "--out", str(path)]) == 0
        shown = capsys.readouterr().out
        assert "17,254 parameters" in shown and "1617 for training, 180 for validation" in shown
        assert "epoch 1  loss" in shown and "samples per second" in shown and str(path) in shown
        assert {file.name for file in tmp_path.iterdir()} == {"net.safetensors", "net.json", "net.png"}
        picture = (tmp_path / "net.png").read_bytes()
        assert picture.startswith(b"\x89PNG\r\n\x1a\n") and picture.endswith(b"IEND\xaeB`\x82")
        network, recipe = models.load(path)
        assert network.parameters.size == 17_254 and recipe.name == "resnet20"
        assert recipe.options == {"width": 0.25} and recipe.classes == tuple("0123456789")

    def test_metrics_are_those_of_the_network_in_the_file(self, trained):
        train_part, held_out = parts_of_digits()
        network, recipe = models.load(trained)
        pixels = train_part.X.astype(np.float64)
        assert recipe.normalise.mean == pytest.approx([pixels.mean()])
        assert recipe.normalise.std == pytest.approx([pixels.std()])
        outputs = network((held_out.X - pixels.mean()) / pixels.std()).astype(np.float64)
        logs = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
        found = record_of(trained)["metrics"]["validation"]
        assert found["accuracy"] == pytest.approx(np.mean(outputs.argmax(axis=1) == held_out.y))
        assert found["accuracy"] > 0.8
        assert found["loss"] == pytest.approx(-np.mean(logs[np.arange(len(logs)), held_out.y]), rel=1e-4)

    def test_record(self, trained):
        record = record_of(trained)
        assert record["options"]["model"] == "mlp" and record["options"]["out"] == str(trained)
        assert record["epochs"] == 3 and record["steps"] == 3 * -(-1617 // 64)
        history = record["history"]
        assert len(history["loss"]) == len(history["validation accuracy"]) == 3
        best = int(np.argmin(history["validation loss"]))
        assert record["kept epoch"] == best + 1
        assert record["metrics"]["training"]["loss"] == history["loss"][best]
        assert record["metrics"]["validation"]["loss"] == pytest.approx(history["validation loss"][best])
        assert record["samples per second"] == pytest.approx(3 * 1617 / history["seconds"][-1])

    def test_seed_determines_the_result(self, trained, tmp_path):
        words = ["train", *MLP, "--epochs", "3", "--learning-rate", "0.01", "--out"]
        again, other = tmp_path / "again.npz", tmp_path / "other.npz"
        assert main([*words, str(again)]) == 0 and main([*words, str(other), "--seed", "1"]) == 0
        first, second, third = (models.load(path)[0].parameters for path in (trained, again, other))
        assert np.array_equal(first, second) and not np.array_equal(first, third)

    def test_without_validation_and_normalisation(self, tmp_path, capsys):
        path = tmp_path / "net.npz"
        assert (
            main(["train", *MLP, "--epochs", "1", "--validation", "0", "--no-normalise", "--out", str(path)])
            == 0
        )
        record = record_of(path)
        assert record["metrics"].keys() == {"training"} and "validation loss" not in record["history"]
        assert record["steps"] == -(-1797 // 64)
        assert models.load(path)[1].normalise is None
        assert "NaN" not in path.with_suffix(".json").read_text() + capsys.readouterr().out

    def test_resumed_run_is_that_without_interruption(self, tmp_path):
        words = ["train", *MLP, "--optimizer", "momentum", "--learning-rate", "0.01", "--schedule", "plateau"]
        whole, halves = tmp_path / "whole.npz", tmp_path / "halves.npz"
        assert main([*words, "--epochs", "2", "--out", str(whole)]) == 0
        kept = ["--checkpoint", str(tmp_path / "run.npz"), "--resume", "--out", str(halves)]
        assert main([*words, "--epochs", "1", *kept]) == 0
        assert main([*words, "--epochs", "2", *kept]) == 0
        assert np.array_equal(models.load(whole)[0].parameters, models.load(halves)[0].parameters)
        assert record_of(halves)["epochs"] == 2

    @pytest.mark.parametrize("share", ["0.1", "0"])
    def test_interruption_keeps_what_was_learnt(self, share, tmp_path, capsys, monkeypatch):
        def stop(found):
            if found.epoch == 4:
                if share != "0":  # what must not be kept
                    found.network.parameters[:] = 0
                raise KeyboardInterrupt
            return ""

        monkeypatch.setattr(train, "epoch_line", stop)
        monkeypatch.setattr(train, "find_spec", lambda name: None)  # lines instead of a bar
        words = ["--validation", share, "--out", str(tmp_path / "net.npz")]
        assert main(["train", *MLP[:-1], *words]) == 130
        said, record = one_line(capsys), record_of(tmp_path / "net.npz")
        assert record["epochs"] == 4
        if share == "0":
            assert "as trained so far" in said and record["kept epoch"] == 4
        else:
            losses = record["history"]["validation loss"]
            best = int(np.argmin(losses))
            assert f"after epoch {best + 1}" in said and record["kept epoch"] == best + 1
            assert record["metrics"]["validation"]["loss"] == pytest.approx(losses[best])
        start = models.load(tmp_path / "net.npz")[1].network(seed=0)
        assert not np.array_equal(models.load(tmp_path / "net.npz")[0].parameters, start.parameters)

    def test_interruption_before_the_first_step(self, tmp_path, capsys, monkeypatch):
        def stop(*arguments):
            raise KeyboardInterrupt

        monkeypatch.setattr(numgd.nn.Network, "loss_and_gradient", stop)
        assert main(["train", *MLP, "--out", str(tmp_path / "net.npz")]) == 130
        assert "not written" in one_line(capsys) and not list(tmp_path.iterdir())
        monkeypatch.setattr(train, "load_data", stop)
        assert main(["train", *MLP, "--out", str(tmp_path / "net.npz")]) == 130
        assert one_line(capsys) == "numgd: interrupted"

    def test_divergence(self, tmp_path, capsys):
        words = [
            "train",
            *MLP,
            "--optimizer",
            "sgd",
            "--learning-rate",
            "1e30",
            "--out",
            str(tmp_path / "a.npz"),
        ]
        assert main(words) == 1
        assert "not finite" in one_line(capsys) and not list(tmp_path.iterdir())

    def test_time_limit(self, tmp_path, capsys):
        words = ["train", *MLP, "--epochs", "100000", "--time-limit", "0.2", "--out", str(tmp_path / "a.npz")]
        assert main(words) == 0
        assert "time limit" in capsys.readouterr().out and models.load(tmp_path / "a.npz")

    def test_a_last_batch_of_one_sample_is_left_out(self, tmp_path):
        rng = np.random.default_rng(0)
        numgd.save(tmp_path / "own.npz", {"X": rng.normal(size=(33, 4)), "y": np.arange(33) % 2})
        words = ["--model", "mlp", "--model-option", "batch_norm=true", "--data", str(tmp_path / "own.npz")]
        words += [
            "--epochs",
            "2",
            "--batch-size",
            "16",
            "--validation",
            "0",
            "--out",
            str(tmp_path / "a.npz"),
        ]
        assert main(["train", *words, "--out", str(tmp_path / "a.npz")]) == 0
        assert record_of(tmp_path / "a.npz")["steps"] == 4

    def test_threads(self, tmp_path, monkeypatch):
        used = []
        monkeypatch.setattr("numba.set_num_threads", used.append)
        assert main(["train", *MLP, "--epochs", "1", "--threads", "1", "--out", str(tmp_path / "a.npz")]) == 0
        assert used == [1]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--model", "resnet21"], "'resnet20'"),
            (["--optimizer", "adm"], "near it are adam"),
            (["--optimizer", "qqqqqq"], "all are adabelief"),
            (["--option", "beta1=2"], "beta1 must lie in [0, 1)"),
            (["--option", "beta7=2"], "beta7"),
            (["--learning-rate", "-1"], "learning_rate"),
            (["--weight-decay", "-1"], "weight_decay"),
            (["--augment", "flop"], "'flop'"),
            (["--augment", "flip:2"], "'flip:2'"),
            (["--augment", "crop:x"], "'crop:x'"),
            (["--augment", "shift:0"], "pixels"),
            (["--validation", "1"], "--validation"),
            (["--resume"], "--checkpoint"),
            (["--checkpoint", "{}/net.npz"], "same file"),
            (["--checkpoint", "{}/none/../net.npz"], "same file"),
            (["--data", "{}/net.npz"], "would be overwritten"),
            (["--data", "{}/run.npz", "--checkpoint", "{}/run.npz"], "would be overwritten"),
            (["--out", "{}/none/net.npz"], "none does not exist"),
            (["--out", "{}/net.pt"], ".safetensors"),
            (["--out", "{}"], "is a folder"),
            (["--checkpoint", "{}/none/run.npz"], "none does not exist"),
            (["--checkpoint", "{}/run.pt"], "--checkpoint must end with"),
            (["--plot", "{}/none/net.png"], "none does not exist"),
            (["--plot", "{}/net.xyz"], "--plot"),
        ],
    )
    def test_what_is_wrong_is_said_before_data_are_read(self, words, said, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(train, "load_data", lambda text: pytest.fail("the work has begun"))
        words = [word.format(tmp_path) for word in words]
        assert main(["train", *MLP, "--out", str(tmp_path / "net.npz"), *words]) == 1
        assert said in one_line(capsys) and not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--data", "digit"], "'digit'"),
            (["--data", "cifar10"], "'cifar10'"),
            (["--data", "mnist:{}/none"], "none"),
            (["--data", "{}/none.npz"], "none.npz"),
            (["--model", "lenet5", "--model-option", "padding=2"], "c3: Conv2d"),
            (["--model-option", "widths=big"], "widths"),
            (["--model-option", "wide=2"], "'wide'"),
            (["--seed", "-1"], "seed"),
            (["--label-smoothing", "2"], "label_smoothing"),
            (["--warm-up", "10"], "--warm-up"),
            (["--threads", "100000"], "--threads"),
            (["--data", "iris", "--augment", "flip"], "augment"),
            (["--validation", "0.0001"], "--validation 0.0001 of digits"),
            (["--model-option", "num_classes=3"], "no option 'num_classes'"),
        ],
    )
    def test_what_is_wrong_is_said_before_training(self, words, said, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(numgd.nn.Network, "step", lambda *arguments: pytest.fail("training has begun"))
        words = [word.format(tmp_path) for word in words]
        given = [word for word in MLP if word != "widths=16," and word != "--model-option"]
        assert main(["train", *given, "--out", str(tmp_path / "net.npz"), *words]) == 1
        assert said in one_line(capsys) and not list(tmp_path.iterdir())

    def test_one_class(self, tmp_path, capsys):
        numgd.save(tmp_path / "own.npz", {"X": np.zeros((60, 5)), "y": np.zeros(60, int)})
        words = ["--data", str(tmp_path / "own.npz"), "--out", str(tmp_path / "net.npz")]
        assert main(["train", *MLP, *words]) == 1
        assert "one class only" in one_line(capsys) and not (tmp_path / "net.npz").exists()

    def test_all_files_can_be_written(self, tmp_path, capsys):
        (tmp_path / "net.json").mkdir()
        assert main(["train", *MLP, "--out", str(tmp_path / "net.npz")]) == 1
        assert "net.json is a folder" in one_line(capsys)

    @pytest.mark.parametrize(
        "words",
        [
            ["--epochs", "0"], ["--batch-size", "x"], ["--option", "beta1"], ["--model-option", "=3"],
            ["--schedule", "sine"], ["--dtype", "int8"],
        ],
    )  # fmt: skip
    def test_values_that_the_parser_refuses(self, words, tmp_path, capsys):
        with pytest.raises(SystemExit) as stop:
            main(["train", *MLP, "--out", str(tmp_path / "a.npz"), *words])
        assert stop.value.code == 2 and words[0] in one_line(capsys)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """CIFAR-10 in small: images of uint8, with a test set of their own."""
    folder = tmp_path_factory.mktemp("cifar")
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        records = rng.integers(0, 256, (40, 3073), np.uint8)
        records[:, 0] = np.arange(40) % 10
        records[:, 1:] //= 2 + records[:, :1]  # darker from class to class
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    return folder


@pytest.fixture(scope="module")
def file(folder):
    """A file of a small network for them."""
    words = ["--model", "mlp", "--model-option", "widths=8,", "--data", f"cifar10:{folder}", "--quiet"]
    assert main(["train", *words, "--epochs", "3", "--out", str(folder / "net.npz")]) == 0
    return folder / "net.npz"


class TestFolders:
    """Images of uint8, with a test set of their own."""

    def test_test_set_is_used_only_for_the_last_metrics(self, folder, file):
        _, test = numgd.datasets.cifar10(folder)
        network, recipe = models.load(file)
        labels = network.predict_labels(test.X, normalise=recipe.normalise)
        record = record_of(file)
        assert record["metrics"]["test"]["accuracy"] == pytest.approx(np.mean(labels == test.y))
        assert record["metrics"].keys() == {"training", "validation", "test"}
        train_part, _ = numgd.datasets.split(numgd.datasets.cifar10(folder)[0], 0.1, seed=0)
        pixels = train_part.X.astype(np.float64).reshape(-1, 3)
        assert recipe.normalise.mean == pytest.approx(pixels.mean(axis=0))
        assert recipe.normalise.std == pytest.approx(pixels.std(axis=0))

    def test_levels_and_numbers_are_the_same_images(self, folder, file, capsys):
        levels = numgd.datasets.cifar10(folder, dtype="uint8")[1].X
        np.save(folder / "levels.npy", levels)
        np.save(folder / "numbers.npy", levels / np.float32(255))
        for name in ("levels", "numbers"):
            words = [str(file), str(folder / f"{name}.npy"), "--out", str(folder / f"{name}-out.npy")]
            assert main(["predict", *words]) == 0
        one, other = (np.load(folder / f"{name}-out.npy") for name in ("levels", "numbers"))
        assert one.shape == (40, 10) and np.allclose(one, other, rtol=1e-4)
        capsys.readouterr()
        assert main(["predict", str(file), "--data", f"cifar10:{folder}"]) == 0
        *lines, last = capsys.readouterr().out.splitlines()
        accuracy = record_of(file)["metrics"]["test"]["accuracy"]
        assert last == f"accuracy {accuracy:.4f} over 40 samples" and len(lines) == 40
        names = numgd.datasets.cifar10(folder)[0].target_names
        assert [line.split("\t")[1] for line in lines] == [names[k] for k in one.argmax(axis=1)]


class TestOwnArrays:
    def test_arrays_with_a_test_set_and_names(self, tmp_path):
        rng = np.random.default_rng(1)
        arrays = {"X": rng.normal(size=(60, 5)), "y": np.arange(60) % 3, "classes": np.array(["a", "b", "c"])}
        arrays |= {"X_test": arrays["X"][:7], "y_test": arrays["y"][:7]}
        numgd.save(tmp_path / "own.npz", arrays)
        words = ["--model", "mlp", "--data", str(tmp_path / "own.npz"), "--epochs", "1", "--dtype", "float64"]
        assert main(["train", *words, "--quiet", "--out", str(tmp_path / "net.npz")]) == 0
        network, recipe = models.load(tmp_path / "net.npz")
        assert recipe.classes == ("a", "b", "c") and network.input_shape == (5,)
        assert network.dtype == np.float64 and "test" in record_of(tmp_path / "net.npz")["metrics"]

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"y": None}, "must hold the arrays X and y"),
            ({"Z": np.zeros(2)}, "Z"),
            ({"X_test": np.zeros((2, 5))}, "X_test"),
            ({"X": np.zeros(60)}, "X must hold samples"),
            ({"X": np.zeros((0, 5))}, "X must hold samples"),
            ({"X": np.zeros((60, 5), complex)}, "X must hold samples"),
            ({"y": np.zeros(60)}, "y must hold a label"),
            ({"y": np.zeros(59, int)}, "y must hold a label"),
            ({"y": np.full(60, -1)}, "y must hold a label"),
            ({"classes": np.array(["a", "b"])}, "label 2"),
            ({"classes": np.array("abc")}, "a name for each class"),
            ({"X": np.full((60, 5), np.nan)}, "X holds NaN"),
            ({"X_test": np.full((2, 5), np.inf), "y_test": np.arange(2)}, "X_test holds NaN or inf"),
            ({"X_test": np.zeros((2, 4)), "y_test": np.arange(2)}, r"of X_test \(4,\)"),
            ({f"layer{i}.weight": np.zeros(1) for i in range(50)}, r"layer0.weight, .{,90} …$"),
        ],
    )
    def test_arrays_that_are_refused(self, changed, said, tmp_path):
        arrays = {"X": np.zeros((60, 5)), "y": np.arange(60) % 3} | changed
        numgd.save(tmp_path / "own.npz", {name: a for name, a in arrays.items() if a is not None})
        with pytest.raises(ValueError, match=said):
            datas.load_data(str(tmp_path / "own.npz"))


class TestPredict:
    def test_data_with_labels(self, trained, capsys):
        digits = numgd.datasets.digits()
        network, recipe = models.load(trained)
        probabilities = network.predict_proba(digits.X, normalise=recipe.normalise)
        labels = probabilities.argmax(axis=1)
        assert main(["predict", str(trained), "--data", "digits"]) == 0
        *lines, last = capsys.readouterr().out.splitlines()
        assert lines[5] == f"5\t{labels[5]}\t{probabilities[5].max():.4f}" and len(lines) == 1797
        assert last == f"accuracy {np.mean(labels == digits.y):.4f} over 1797 samples"

    def test_tables_of_probabilities(self, trained, tmp_path, capsys):
        np.save(tmp_path / "images.npy", numgd.datasets.digits().X[:6])
        numgd.save(tmp_path / "more.npz", {"X": numgd.datasets.digits().X[6:9]})
        files = [str(tmp_path / name) for name in ("images.npy", "more.npz")]
        assert main(["predict", str(trained), *files, "--out", str(tmp_path / "out.csv")]) == 0
        assert main(["predict", str(trained), *files, "--out", str(tmp_path / "out.npy")]) == 0
        assert "9 samples" in capsys.readouterr().out
        heading, *rows = list(csv.reader((tmp_path / "out.csv").open()))
        assert heading == ["label", *"0123456789"] and len(rows) == 9
        table = np.array([row[1:] for row in rows], float)
        assert table.sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert np.allclose(table, np.load(tmp_path / "out.npy"), rtol=1e-5, atol=1e-12)
        assert [int(row[0]) for row in rows] == table.argmax(axis=1).tolist()

    @pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8), (1, 8, 8), (1, 8, 8, 1)])
    def test_a_single_image(self, shape, trained, tmp_path, capsys):
        np.save(tmp_path / "image.npy", numgd.datasets.digits().X[0].reshape(shape))
        assert main(["predict", str(trained), str(tmp_path / "image.npy")]) == 0
        assert capsys.readouterr().out.startswith("0\t0\t0.")

    def test_a_network_of_one_output(self, tmp_path, capsys):
        recipe = models.Recipe("mlp", 1, (4,))
        models.save(tmp_path / "net.npz", recipe.network(), recipe)
        assert main(["predict", str(tmp_path / "net.npz"), "--data", "iris"]) == 1
        assert "no classifier" in one_line(capsys)

    def test_samples_are_not_overwritten(self, trained, tmp_path, capsys):
        path = tmp_path / "image.npy"
        np.save(path, np.zeros((8, 8)))
        assert main(["predict", str(trained), str(path), "--out", str(path)]) == 1
        assert "would be overwritten" in one_line(capsys) and np.load(path).shape == (8, 8)

    @pytest.mark.parametrize("length", [0, 60, 200])
    def test_damaged_samples(self, length, trained, tmp_path, capsys):
        path = tmp_path / "image.npy"
        np.save(path, np.zeros((8, 8)))
        path.write_bytes(path.read_bytes()[:length])
        assert main(["predict", str(trained), str(path)]) == 1
        assert "image.npy cannot be read as .npy" in one_line(capsys)

    def test_what_is_refused(self, trained, tmp_path, capsys):
        np.save(tmp_path / "nan.npy", np.full((8, 8), np.nan))
        np.save(tmp_path / "flat.npy", np.zeros((3, 64)))
        np.save(tmp_path / "bytes.npy", np.zeros((3, 8, 8), np.uint8))
        np.save(tmp_path / "image.npy", np.zeros((8, 8)))
        numgd.save(tmp_path / "two.npz", {"a": np.zeros(3), "b": np.zeros(3)})
        numgd.save(tmp_path / "weights.npz", {"a": np.zeros(3)})
        (tmp_path / "image.png").write_bytes(b"")
        files = {path.stem + path.suffix: str(path) for path in tmp_path.iterdir()}
        for words, said in (
            ([str(trained)], "--data"),
            ([str(trained), files["image.npy"], "--data", "digits"], "--data"),
            ([str(trained), files["flat.npy"]], "(N, 8, 8, 1)"),
            ([str(trained), files["two.npz"]], "it holds a, b"),
            ([str(trained), files["nan.npy"]], "sample 0 holds NaN"),
            ([str(trained), files["image.png"]], "image.png"),
            ([str(trained), files["image.npy"], files["bytes.npy"]], "one dtype"),
            ([str(trained), "--data", "iris"], "(150, 4)"),
            ([str(trained), "--data", "digits", "--out", str(tmp_path / "a.txt")], ".csv"),
            ([files["weights.npz"], "--data", "digits"], "does not say of which model"),
            ([str(tmp_path / "none.npz"), "--data", "digits"], "none.npz"),
        ):
            assert main(["predict", *words]) == 1
            assert said in one_line(capsys)


class TestSummary:
    def test_all_models(self, capsys):
        assert main(["summary"]) == 0
        _, _, *lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == list(models.NAMED)
        assert ["lenet5", "28×28×1", "61,706", "416,520"] in [line.split() for line in lines]

    def test_a_model(self, capsys):
        words = ["resnet20", "--input-shape", "16x16x1", "--num-classes", "7", "--width", "0.25"]
        assert main(["summary", *words]) == 0
        made = models.create("resnet20", 7, (16, 16, 1), width=0.25)
        assert f"{made.parameters.size:,}" in capsys.readouterr().out.splitlines()[-1].split()

    def test_a_file(self, trained, capsys):
        assert main(["summary", str(trained)]) == 0
        assert capsys.readouterr().out.splitlines()[-1].split()[1] == f"{64 * 16 + 16 + 16 * 10 + 10:,}"

    def test_another_shape_of_input(self, tmp_path, capsys):
        recipe = models.Recipe("resnet20", input_shape=(8, 8, 1), options={"width": 0.125})
        models.save(tmp_path / "net.npz", recipe.network(), recipe)
        assert main(["summary", str(tmp_path / "net.npz"), "--input-shape", "16x16x1"]) == 0
        assert "16×16×1" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["lenet"], "'lenet5'"),
            (["--num-classes", "3"], "name of a model"),
            (["lenet5", "--input-shape", "8x8x1"], "c3"),
            (["none.npz"], "none.npz"),
            (["lenet5", "--model-option", "depth=3"], "'depth'"),
        ],
    )
    def test_what_is_refused(self, words, said, capsys):
        assert main(["summary", *words]) == 1
        assert said in one_line(capsys)

    def test_options_of_a_file_are_its_own(self, trained, capsys):
        assert main(["summary", str(trained), "--num-classes", "3"]) == 1
        assert "own number of classes" in one_line(capsys)


def options_of(*words):
    """The options of a training run."""
    parser = argparse.ArgumentParser()
    train.add_train(parser.add_subparsers())
    return parser.parse_args(["train", *MLP, "--out", "a.npz", *words])


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("cosine", {1: 0.1, 51: 0.05, 101: 0.0}),
        ("linear", {1: 0.1, 51: 0.05, 101: 0.0}),
        ("steps", {50: 0.1, 51: 0.01, 75: 0.01, 76: 0.001}),
        ("one-cycle", {1: 0.1 / 25, 30: 0.1}),
        ("plateau", {1: 0.1, 100: 0.1}),
    ],
)
def test_schedules(name, rates):
    options = options_of("--schedule", name, "--epochs", "10", "--learning-rate", "0.1")
    schedule = settings.schedule_of(options, settings.optimizer_of(options), 10)
    assert {t: schedule(t) for t in rates} == pytest.approx(rates, abs=1e-12)


def test_schedule_after_a_warm_up():
    options = options_of("--schedule", "linear", "--epochs", "12", "--warm-up", "2", "--optimizer", "sgd")
    optimizer = settings.optimizer_of(options)
    schedule, rate = settings.schedule_of(options, optimizer, 10), optimizer.rule.options().learning_rate
    found = {t: schedule(t) for t in (1, 11, 21, 71, 121)}
    assert found == pytest.approx({1: 0.0, 11: rate / 2, 21: rate, 71: rate / 2, 121: 0.0}, abs=1e-12)
    assert settings.schedule_of(options_of(), optimizer, 10) is None


@pytest.mark.parametrize(
    ("name", "made"),
    [("sgd", "SGD"), ("Adam", "Adam"), ("NAG", "Nesterov"), ("rmsprop_momentum", "RMSpropMomentum")],
)
def test_optimizers_by_name(name, made):
    options = options_of("--optimizer", name, "--option", "clip-global-norm=2", "--weight-decay", "0.5")
    optimizer = settings.optimizer_of(options)
    assert type(optimizer).__name__ == made and "weight_decay=0.5" in repr(optimizer)
    assert optimizer.clip_global_norm == 2


def test_augmentations():
    found = [settings.augmentation_of(text) for text in ("flip", "crop", "crop:2", "shift:1")]
    training = numgd.nn.training
    assert found == [training.Flip(), training.RandomCrop(4), training.RandomCrop(2), training.Shift(1)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=0.5", 0.5), ("a=3", 3), ("a=true", True), ("a=False", False), ("a=none", None), ("a=1,2", (1, 2)),
        ("a=5,", (5,)), ("a=B", "B"), ("a=x=y", "x=y"), ("a=", ""), ("a='1998'", "1998"),
    ],
)  # fmt: skip
def test_pairs(text, value):
    name, found = values.pair(text)
    assert name == "a" and found == value and type(found) is type(value)


def test_statistics_of_a_constant_channel():
    X = np.zeros((5, 2), np.float32)
    X[:, 1] = np.arange(5)
    found = datas.statistics(X)
    assert found.mean == (0.0, 2.0) and found.std == pytest.approx((1.0, X[:, 1].std()))


def test_line_of_an_epoch():
    found = argparse.Namespace(epoch=3, loss=0.5, validation=0.25, metrics={"accuracy": 0.75})
    assert results.epoch_line(found) == "epoch 3  loss 0.5000  validation 0.2500  accuracy 0.7500"


def test_help_imports_neither_numba_nor_networks():
    code = (
        "import sys\n"
        "from numgd.cli.main import main\n"
        "assert main([]) == 0\n"
        "assert not {'numba', 'matplotlib', 'numgd.nn'} & set(sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert all(command in process.stdout for command in ("train", "predict", "summary"))


def test_a_reader_that_has_seen_enough():
    command = [sys.executable, "-m", "numgd", "summary"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
