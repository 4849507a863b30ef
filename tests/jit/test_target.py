"""The level of a processor, from a list of its features."""

import itertools
import os
import platform
import subprocess
import sys

import pytest

from numgd.jit import target

V3 = "+avx,+avx2,+bmi,+bmi2,+cx16,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sahf,+sse3,+sse4.1,+sse4.2,+ssse3"
V4 = f"{V3},+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl"


@pytest.mark.parametrize(
    ("triple", "processor", "features", "levels", "width"),
    [
        ("x86_64-unknown-linux-gnu", "znver3", V3, ["x86-64-v3"], 32),
        ("x86_64-pc-windows-msvc", "znver4", V4, ["x86-64-v4", "x86-64-v3"], 64),
        ("x86_64-apple-darwin", "haswell", f"{V3},-avx512f,+adx", ["x86-64-v3"], 32),
        # A first generation of AVX-512, without its short vectors: neither the level nor the wide registers.
        ("x86_64-unknown-linux-gnu", "knl", f"{V3},+avx512f,+avx512cd", ["x86-64-v3"], 32),
        ("x86_64-unknown-linux-gnu", "sandybridge", "+avx,+cx16,+popcnt,+sse4.2", [], 16),
        ("x86_64-unknown-linux-gnu", "generic", "", [], 16),
        ("x86_64-unknown-linux-gnu", "x86-64-v3", "", ["x86-64-v3"], 32),
        ("x86_64-unknown-linux-gnu", "x86-64-v4", "", ["x86-64-v4", "x86-64-v3"], 64),
        ("x86_64-unknown-linux-gnu", "x86-64-v4", "-avx512vl,-avx512f", ["x86-64-v3"], 32),
        ("arm64-apple-darwin22", "apple-m1", "+neon,+fp-armv8", ["generic"], 16),
        ("aarch64-unknown-linux-gnu", "neoverse-n1", "+neon", ["generic"], 16),
        ("riscv64-unknown-linux-gnu", "generic", "", [], 16),
    ],
)
def test_levels_and_registers(triple, processor, features, levels, width):
    architecture, found = target.architecture_of(triple), target.features_of(processor, features)
    assert list(target.supported_levels(architecture, found)) == levels
    assert target.width_with(architecture, found) == width


@pytest.mark.parametrize(
    ("architecture", "features", "count"), [("x86_64", V3, 16), ("x86_64", V4, 32), ("aarch64", "+neon", 32)]
)
def test_number_of_registers(architecture, features, count):
    assert target.registers_with(architecture, target.features_of("", features)) == count


def test_each_level_contains_the_lower_ones():
    for levels in target.LEVELS.values():
        ordered = list(levels.values())
        assert all(low < high for low, high in itertools.pairwise(ordered))


@pytest.mark.skipif(
    target.architecture_of(platform.machine()) != "x86_64",
    reason="the levels of x86-64",
)
@pytest.mark.parametrize(("level", "width"), [("x86-64-v3", 32), ("x86-64-v4", 64)])
def test_kernels_take_the_width_of_the_target(level, width):
    code = "from numgd.jit.micro_kernels import register_bytes; print(register_bytes())"
    environment = {**os.environ, "NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": ""}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert process.stdout.split() == [str(width)], process.stderr
