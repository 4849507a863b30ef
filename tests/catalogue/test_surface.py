"""With the machine code of a wheel, ordinary calls of the public surface compile nothing of numgd's own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from numgd.jit.shipped import shipped

SURFACE = Path(__file__).with_name("surface.py")


@pytest.mark.skipif(shipped().folder is None, reason=f"no machine code is used: {shipped().reason}")
def test_nothing_is_compiled(tmp_path):
    environment = {**os.environ, "NUMGD_CACHE_DIR": str(tmp_path)}
    process = subprocess.run(
        [sys.executable, "-P", SURFACE], env=environment, capture_output=True, text=True, cwd=tmp_path
    )
    assert process.returncode == 0, process.stderr + process.stdout[-3000:]
    count, *compiled = process.stdout.splitlines()
    assert int(count.split()[0]) > 400
    assert not compiled
