"""The machine code of the micro-kernels keeps in registers what their blocks are sized for.

On AVX2 it stores nothing with a mask, and neither does maximum pooling: some processors take twenty cycles.
"""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from numgd.jit.target import architecture_of

TARGETS = ("x86-64-v3", "x86-64-v4", "aarch64")


@pytest.mark.skipif(architecture_of(platform.machine()) != "x86_64", reason="compiles from x86-64")
@pytest.mark.parametrize("target", TARGETS)
def test_inner_loops_and_memory(target):
    program = Path(__file__).with_name("inner_loops.py")
    process = subprocess.run([sys.executable, str(program), target], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    found, masked = json.loads(process.stdout)
    assert not masked
    assert {name.split()[0] for name in found} == {
        *("gather", "convolve", "reduce", "gather_lanes", "reduce_lanes", "line", "line_reduce")
    }
    for name, loop in found.items():
        stack = loop["stack"]
        if name.startswith("reduce_lanes"):  # up to nine taps have more addresses than there are registers
            stack = [line for line in stack if is_vector(line)]
        assert loop["products"] > 0 and not stack, name


def is_vector(line):
    return line.startswith("v") or " q" in line.replace("\t", " ")
