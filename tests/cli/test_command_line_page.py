"""The examples of docs/command-line.md run in the order of the page and print what it shows."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

import numgd
from numgd.cli.main import main

PAGE = Path(numgd.__file__).parents[1] / "docs" / "command-line.md"


def without_numbers(text):
    """The lines of a text without the numbers that may differ between machines, and without their widths."""
    varying = r"\d[\d,]*\.\d+(e-?\d+)?|\d[\d,]* samples per second|epoch \d+ of"
    text = re.sub(varying, "#", text.rstrip())
    return [re.sub(r" +|-{3,}", " ", line) for line in text.splitlines()]


def fits(shown, printed):
    """Whether lines are those that the page shows, where "…" stands for any number of lines."""
    if "…" not in shown:
        return shown == printed
    place = shown.index("…")
    rest = shown[place + 1 :]
    return printed[:place] == shown[:place] and (not rest or printed[-len(rest) :] == rest)


def test_examples_of_the_page(tmp_path, capsys, monkeypatch):
    for package in ("sklearn", "onnx"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    known, count = {}, 0
    for kind, block, output in re.findall(
        r"```(console|python)\n(.*?)```\n(?:\n```\n(.*?)```)?", PAGE.read_text(), re.S
    ):
        if kind == "python":
            Path("example.py").write_text(block)
            known = runpy.run_path("example.py", known)
            assert capsys.readouterr().out == output
            continue
        for command, shown in re.findall(r"^\$ numgd (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            assert main(shlex.split(command)) == 0
            printed = capsys.readouterr().out
            assert fits(without_numbers(shown), without_numbers(printed)), printed
            count += 1
    assert count == PAGE.read_text().count("$ numgd ")


def test_the_page_lists_all_commands(capsys):
    assert main([]) == 0
    commands = re.findall(r"^    (\w+) ", capsys.readouterr().out, re.M)
    assert len(commands) == 7 and all(f"`{command}`" in PAGE.read_text() for command in commands)
