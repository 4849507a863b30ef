"""The command line, run as users run it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import numgd
from numgd.cli import comparison, info, tables
from numgd.cli import main as cli

LOSS_TOLERANCE = 1e-7
"""How far two losses may differ.  Where a gradient in 31 dimensions is within `comparison.GTOL` of zero and
the curvature is the penalty's 1/569, the loss is within 31 GTOL² · 569/2 < 1e-8 of the lowest."""


def run(*arguments, folder=None, hidden=(), **environment):
    """The finished process of a command line, with some packages made impossible to import."""
    command = [sys.executable, "-m", "numgd"]
    if hidden:
        lines = [
            "import sys",
            f"sys.modules.update(dict.fromkeys({hidden!r}))",
            "from numgd.cli.main import main",
            "sys.exit(main())",
        ]
        command = [sys.executable, "-c", "\n".join(lines)]
    return subprocess.run(
        [*command, *arguments], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )


def table_rows(text):
    """Rows of the printed tables as dictionaries, one list a table."""
    tables, columns = [], None
    for line in text.splitlines():
        words = line.replace("max |g|", "max|g|").replace(" ms", "ms").split()
        if words[:2] == ["method", "library"]:
            columns = words
            tables.append([])
        elif columns and len(words) >= len(columns) - 1:
            tables[-1].append(dict(zip(columns, words, strict=False)))
        elif not words:
            columns = None
    return tables


def test_help_names_the_commands():
    process = run("--help")
    assert process.returncode == 0
    assert all(command in process.stdout for command in ("demo", "info", "warmup"))


@pytest.mark.parametrize("arguments", [("dance",), ("warmup", "--processes", "dance"), ("demo", "--dance")])
def test_what_is_unknown_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("numgd") and "dance" in line


def test_without_arguments_it_prints_its_help(capsys):
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0 and capsys.readouterr().out == shown and "warmup" in shown


def test_unknown_command_of_the_process_exits_with_2():
    process = run("dance")
    assert process.returncode == 2
    assert "dance" in process.stderr


def test_info(tmp_path):
    process = run("info", NUMGD_CACHE_DIR=str(tmp_path / "nothing"))
    assert process.returncode == 0, process.stderr
    facts = dict(line.split(maxsplit=1) for line in process.stdout.splitlines())
    assert facts["numgd"] == numgd.__version__
    assert facts["numpy"] == np.__version__
    assert {"python", "numba", "llvmlite", "scipy", "processor", "threads", "cuda"} <= facts.keys()
    assert str(tmp_path / "nothing") in facts["cache"] and "0 files" in facts["cache"]


def test_cuda_state_survives_a_broken_driver(monkeypatch):
    cuda = pytest.importorskip("numba.cuda")

    def fail():
        raise OSError("no driver")

    monkeypatch.setattr(cuda, "is_available", fail)
    assert isinstance(info.cuda_state(), str)


def test_info_as_json(tmp_path):
    process = run("info", "--json", NUMGD_CACHE_DIR=str(tmp_path))
    found = json.loads(process.stdout)
    assert found["numgd"] == numgd.__version__ and found["cache"]["cached"] == []
    assert found["used"]["compiler"] == [] and found["machine code"].keys() >= {"level", "reason", "shipped"}


def test_facts_say_where_machine_code_came_from():
    numgd.nn.functional.relu(np.ones(3))
    used = info.facts()["used"]
    assert "value-relu-float64" in {name for names in used.values() for name in names}


def test_aligned():
    text = tables.aligned([("name", "value"), ("a", "1"), ("longer", "23")], left=1)
    assert text.splitlines() == ["name    value", "-" * 13, "a           1", "longer     23"]


class TestDemo:
    def test_table_and_picture(self, tmp_path):
        pytest.importorskip("sklearn")
        process = run("demo", folder=tmp_path)
        assert process.returncode == 0, process.stderr
        tables = table_rows(process.stdout)
        assert len(tables) == len(comparison.PROBLEMS)
        for rows in tables:
            assert [row["method"] for row in rows if row["library"] == "numgd"] == list(comparison.METHODS)
            assert {row["method"] for row in rows if row["library"] == "SciPy"} == set(comparison.PEERS)
            losses = [float(row["loss"]) for row in rows]
            assert max(losses) - min(losses) < LOSS_TOLERANCE
            assert all(row["converged"] == "yes" for row in rows)
            assert {row["method"] for row in rows if row.get("ratio")} == set(comparison.PEERS)
        picture = (tmp_path / "numgd-demo.png").read_bytes()
        assert picture.startswith(b"\x89PNG\r\n\x1a\n") and picture.endswith(b"IEND\xaeB`\x82")
        assert [path.name for path in tmp_path.iterdir()] == ["numgd-demo.png"]

    def test_says_what_is_missing(self, tmp_path):
        process = run("demo", folder=tmp_path, hidden=("sklearn", "sklearn.datasets"))
        assert process.returncode == 1
        assert len(process.stderr.splitlines()) == 1
        assert "pip install scikit-learn" in process.stderr

    def test_output_in_no_folder(self, tmp_path, capsys):
        assert cli.main(["demo", "--output", str(tmp_path / "nowhere" / "a.png")]) == 1
        assert "nowhere" in capsys.readouterr().err

    @pytest.mark.parametrize("name", ["x.foo", "x", "x.npz", "folder.png"])
    def test_output_that_is_no_picture_fails_before_the_work(self, name, tmp_path, capsys, monkeypatch):
        (tmp_path / "folder.png").mkdir()
        monkeypatch.setattr(comparison, "PROBLEMS", [lambda: pytest.fail("the work has begun")])
        assert cli.main(["demo", "--output", str(tmp_path / name)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert name in line

    def test_output_where_nothing_may_be_written(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(comparison, "PROBLEMS", [lambda: pytest.fail("the work has begun")])
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        assert cli.main(["demo", "--output", str(tmp_path / "a.png")]) == 1
        assert "permission denied" in capsys.readouterr().err

    @pytest.mark.parametrize("load", comparison.PROBLEMS, ids=lambda load: load.__name__)
    def test_gradients_are_those_of_the_losses(self, load):
        pytest.importorskip("sklearn")
        problem = load()
        x = problem.x0 + np.random.default_rng(1).normal(scale=0.3, size=problem.x0.size)
        gradient = problem.fun(x, *problem.args)[1]
        for k in range(x.size):
            step = np.zeros(x.size)
            step[k] = 1e-5
            ahead, behind = (problem.fun(x + sign * step, *problem.args)[0] for sign in (1, -1))
            assert gradient[k] == pytest.approx((ahead - behind) / 2e-5, rel=1e-5, abs=1e-8)

    def test_logistic_regression_is_scikit_learns(self):
        linear_model = pytest.importorskip("sklearn.linear_model")
        problem = comparison.breast_cancer()
        features, labels, _ = problem.args
        result = numgd.minimize(problem.fun, problem.x0, problem.args, "bfgs", True, tol=1e-8)
        theirs = linear_model.LogisticRegression(tol=1e-10, max_iter=10_000).fit(features[:, :-1], labels)
        assert np.allclose(result.x, np.append(theirs.coef_, theirs.intercept_), atol=1e-4)

    def test_logistic_loss_far_out_is_finite(self):
        features, labels = np.array([[1e4, 1.0], [-1e4, 1.0]]), np.array([-1.0, -1.0])
        loss, gradient = comparison.logistic_loss(np.array([1.0, 0.0]), features, labels, 0.0)
        assert loss == pytest.approx(5e3)
        assert gradient == pytest.approx([5e3, 0.5])


def test_warmup(tmp_path):
    cache = {"NUMGD_CACHE_DIR": str(tmp_path)}
    first = run("warmup", "GD", "--dtype", "float64", "--processes", "2", **cache)
    assert first.returncode == 0, first.stderr
    assert "5 calls ready" in first.stdout
    names = {path.name.partition(".")[0] for path in tmp_path.rglob("*.nbc")}
    assert {"solve-gd", "step-gd-float64", "epoch-gd-float64", "sparse-epoch-gd-float64"} <= names
    assert any(name.startswith("solve-many-") for name in names)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("solve-*")}

    # Again from the cache, without the progress bar: a line for each call, and nothing compiled anew.
    again = run("warmup", "minimize/gd/float64", "relu", hidden=("tqdm",), **cache)
    assert again.returncode == 0, again.stderr
    assert "[3/3]" in again.stdout
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("solve-*")}


def test_warmup_of_an_unknown_part(capsys):
    assert cli.main(["warmup", "dance"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "'dance'" in line and "minimize" in line
