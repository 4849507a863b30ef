"""What tools/notebooks.py stores of a cell's outputs."""

import importlib.util
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")

TOOL = Path(__file__).parents[1] / "tools" / "notebooks.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("notebooks_tool", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_announcements_of_compilations_are_dropped_and_all_else_is_kept(tool):
    def stream(name, text):
        return nbformat.v4.new_output("stream", name=name, text=text)

    announced = "numgd: compiling solve-newton (once per machine; `numgd warmup` does it ahead)\n"
    cell = nbformat.v4.new_code_cell(
        outputs=[
            stream("stderr", announced),
            stream("stdout", "one\n"),
            stream("stdout", announced),
            stream("stderr", announced[:10]),
            stream("stderr", announced[10:]),
            stream("stderr", "a warning\n"),
            nbformat.v4.new_output("display_data", {"text/plain": "picture"}),
        ]
    )
    tool.joined(cell)
    kept = [(output.get("name"), output.get("text")) for output in cell.outputs]
    assert kept == [("stdout", "one\n" + announced), ("stderr", "a warning\n"), (None, None)]
