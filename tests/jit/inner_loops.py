"""Compiles the blocks of all micro-kernels for a target and prints how they use memory, as JSON.

``python inner_loops.py TARGET``, where the target is a level of x86-64 or ``aarch64``.  Nothing is executed.
"""

import json
import os
import re
import sys

TARGET = sys.argv[1]
ARM, AVX2 = TARGET == "aarch64", TARGET == "x86-64-v3"
if not ARM:
    os.environ.update(NUMBA_CPU_NAME=TARGET, NUMBA_CPU_FEATURES="")

import numpy as np  # noqa: E402
from llvmlite import binding  # noqa: E402
from numba import from_dtype, njit, types  # noqa: E402

from numgd.jit import target  # noqa: E402

if ARM:  # Numba compiles for x86-64 here; its vectors then have the width of NEON's
    target._target = lambda: ("aarch64", frozenset({"neon"}))

from numgd.jit import micro_kernels as kernels  # noqa: E402
from numgd.kernels.cpu.layers import pool  # noqa: E402
from numgd.kernels.cpu.layers.conv import depthwise, depthwise_lines, packing, weight_gradient  # noqa: E402
from numgd.kernels.cpu.layers.fused import PIECES  # noqa: E402

I = types.intp
TABLE = types.Array(types.int64, 1, "C")


def families(dtype):
    """Names, intrinsics and argument types of the micro-kernels that are compiled for a dtype."""
    real, vector = from_dtype(dtype), types.Array(from_dtype(dtype), 1, "C")
    gathered = (TABLE, I, I, I, I, vector, I, vector, I, I)
    convolved = (TABLE, I, I, I, I, vector, I, I, I, vector, I, vector, TABLE, I, I, I, I)
    for block in packing.blocks_of(dtype):
        yield "gather", block, kernels.gather_block(real, *block), gathered
        yield "convolve", block, kernels.convolve_block(real, *block, PIECES), convolved
    for block in weight_gradient.blocks(dtype):
        yield "reduce", block, kernels.reduce_block(real, *block), (I, I, TABLE, I, I, I, I, vector, I, I)
    for kind in depthwise.lane_blocks(dtype):
        arguments = (TABLE, I, I, I, vector, I, vector, I, I)
        yield "gather_lanes", kind, kernels.gather_lanes(real, *kind), arguments
    lanes = kernels.lanes_of(dtype)
    for width in depthwise.group_widths(dtype):
        taps = depthwise.taps_for(width)
        arguments = (I, I, TABLE, I, I, I, I, vector, I)
        yield "reduce_lanes", (taps, width), kernels.reduce_lanes(real, taps, lanes, width), arguments
    for kind in depthwise_lines.line_blocks(dtype, depthwise_lines.line_sizes()):
        arguments = (TABLE, I, I, I, vector, I, vector, I, I, I, I)
        yield "line", kind, kernels.line_block(real, *kind, PIECES), arguments
    for kind in depthwise_lines.line_blocks(dtype, depthwise_lines.disjoint_sizes()):
        arguments = (I, TABLE, I, I, I, vector, I)
        yield "line_reduce", kind, kernels.line_reduce(real, *kind), arguments


def assembly(intrinsic, arguments):
    """The assembly of a function that calls an intrinsic."""
    names = ", ".join(f"a{i}" for i in range(len(arguments)))
    namespace = {"intrinsic": intrinsic}
    exec(f"def call({names}):\n    intrinsic({names})", namespace)
    call = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")(namespace["call"])
    call.compile(arguments)
    if not ARM:
        return call.inspect_asm(call.signatures[0])
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    machine = binding.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(
        cpu="neoverse-n1", opt=3, reloc="pic", codemodel="small"
    )
    text = call.inspect_llvm(call.signatures[0])
    text = re.sub(r'target triple = ".*"', 'target triple = "aarch64-unknown-linux-gnu"', text)
    text = re.sub(r'target datalayout = ".*"', f'target datalayout = "{machine.target_data}"', text)
    return machine.emit_assembly(binding.parse_assembly(text))


def pooling(dtype):
    """The assembly of maximum pooling, with and without the positions of the maxima."""
    images, windows = types.Array(from_dtype(dtype), 4, "C"), types.Array(types.int64, 2, "C")
    places, flag = types.Array(types.int32, 4, "C"), types.boolean
    return assembly(pool._maximum_of_row, (I, images, windows, windows, flag, flag, flag, images, places))


MASKED_STORE = re.compile(r"maskmov\w*\s+%")  # of a load, the first operand is memory
JUMP = re.compile(r"(?:j\w+|b\.\w+|cbn?z\s+\w+,|tbn?z\s+\w+,.*,)\s+(\S+)")


def loops(text):
    """The instructions of each block that ends with a jump to its own start: the innermost loops."""
    label, body = None, []
    for line in map(str.strip, text.splitlines()):
        if named := re.match(r"([.\w$]+):", line):
            label, body = named[1], []
        elif line and not line.startswith((".", "#", "//")):
            body.append(line)
            jump = JUMP.match(line)
            if jump and jump[1] == label:
                yield tuple(body)


def is_product(line):
    return re.match(r"(vfn?m(add|sub)|fml[as])", line) is not None


def main():
    found, masked = {}, []
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        if AVX2 and MASKED_STORE.search(pooling(dtype)):
            masked.append(f"pooling {dtype}")
        for name, block, intrinsic, arguments in families(dtype):
            text = assembly(intrinsic, arguments)
            if AVX2 and MASKED_STORE.search(text):
                masked.append(f"{name} {block} {dtype}")
            inner = [body for body in loops(text) if any(map(is_product, body))]
            stack = [line for body in inner for line in body if re.search(r"\(%rsp|\[sp\b", line)]
            products = max((sum(map(is_product, body)) for body in inner), default=0)
            found[f"{name} {tuple(map(int, block))} {dtype}"] = {"products": products, "stack": stack}
    print(json.dumps([found, masked]))


if __name__ == "__main__":
    main()
