"""Convolutions and matrix products as machine code."""

import re

import numpy as np
import pytest
from cuda_builds import accesses, built, check_build, dry_empty, launches

from numgd.kernels.cpu.layers.conv.geometry import Geometry
from numgd.kernels.cuda.layers import linear
from numgd.kernels.cuda.layers.conv import choose, products, winograd
from numgd.kernels.cuda.layers.conv.bias_gradient import bias_gradient

GEOMETRY = Geometry((1, 1), (1, 1), (1, 1, 1, 1), 1)
DTYPES = [np.float32, np.float64]
IN_FLOAT64_SLOWLY = [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)]
OPERATIONS = [products.FORWARD, products.INPUT_GRADIENT, products.WEIGHT_GRADIENT]
TILES = [(dtype, tile) for dtype in DTYPES for tile in products.TILES[np.dtype(dtype).itemsize]]


def drive(operation, dtype, channels, algorithm=None):
    """Launch an operation of a convolution 3×3 with as many input as output channels."""
    x, y = dry_empty((2, 8, 8, channels), dtype), dry_empty((2, 8, 8, channels), dtype)
    weight, bias = dry_empty((channels, 3, 3, channels), dtype), dry_empty((channels,), dtype)
    if operation == products.FORWARD:
        choose.forward(x, weight, bias, y, GEOMETRY, 1, algorithm)
    elif operation == products.INPUT_GRADIENT:
        choose.gradient_of_input(y, weight, bias, x, GEOMETRY, 1, algorithm)
    else:
        choose.gradient_of_weight(y, x, weight, GEOMETRY, algorithm)


def product_build(operation, dtype, tile, channels, arch):
    """The kernel of an operation with a given tile, and its launch."""
    with pytest.MonkeyPatch.context() as patch, launches() as made:
        patch.setattr(products, "plan", lambda *_: (tile, 1))
        drive(operation, dtype, channels)
    (launch,) = made
    return launch, launch.build(arch)


def inner_loop(ptx):
    """The instructions of the loop with the multiplications."""
    lines = [line.strip() for line in ptx.splitlines()]
    first = next(k for k, line in enumerate(lines) if line.startswith("fma.rn.f"))
    for start in range(first, -1, -1):
        label = re.match(r"(\$L\w+):", lines[start])
        if label:
            ends = [k for k, line in enumerate(lines) if k > first and f"bra \t{label[1]};" in line]
            ends += [
                k
                for k, line in enumerate(lines)
                if k > first and re.search(rf"bra\S*\s+{re.escape(label[1])};", line)
            ]
            if ends:
                return [line for line in lines[start : ends[0]] if line and not line.startswith(("$", "//"))]
    raise AssertionError("no loop around the multiplications")


def grid(default):
    """Operations, tiles, whether accesses have 16 bytes, and architectures; all but `default` are slow."""
    for operation in OPERATIONS:
        for dtype, tile in TILES:
            for channels in (64, 63):
                for arch in (90, 80):
                    name = f"{operation}-{dtype.__name__}-{tile.rows}x{tile.columns}-{channels}-sm_{arch}"
                    marks = [] if (operation, dtype, tile, channels, arch) in default else [pytest.mark.slow]
                    yield pytest.param(operation, dtype, tile, channels, arch, id=name, marks=marks)


LARGE = next(iter(products.TILES[4]))
SAMPLE = [
    (products.FORWARD, np.float32, LARGE, 64, 90),
    (products.WEIGHT_GRADIENT, np.float32, LARGE, 64, 90),
]


@pytest.mark.parametrize(("operation", "dtype", "tile", "channels", "arch"), list(grid(SAMPLE)))
def test_product(operation, dtype, tile, channels, arch, record_property):
    launch, found = product_build(operation, dtype, tile, channels, arch)
    loop = inner_loop(found.ptx)
    multiplications = sum(line.startswith("fma.rn") for line in loop)
    share = multiplications / len(loop)
    print(f"{found.registers} registers, {found.shared} bytes shared, {share:.0%} of the loop multiply")
    record_property("registers", found.registers)
    check_build(launch, found, dtype)
    assert found.shared <= 48 * 1024
    assert multiplications == tile.down * tile.across * tile.depth
    bits = 8 * np.dtype(dtype).itemsize
    together = 128 // bits
    wide = f"ld.shared.v{together}.f{bits}"
    loads = sum(line.startswith(wide) for line in loop)
    assert loads == (tile.down + tile.across) * tile.depth // together
    if channels % 4 == 0:
        assert 16 in accesses(found.ptx)["ld"]
        assert accesses(found.ptx)["st"] == {16}
    if tile == LARGE and channels % 4 == 0:
        assert share > 0.75
        assert found.registers * tile.threads <= 65_536


@pytest.mark.parametrize("dtype", IN_FLOAT64_SLOWLY)
def test_bias_gradients_and_sums_of_parts(dtype):
    def all_of_them():
        grad, out = dry_empty((4, 8, 8, 64), dtype), dry_empty((64,), dtype)
        bias_gradient(grad, out)
        bias_gradient(dry_empty((5, 3, 3, 63), dtype), dry_empty((63,), dtype))

    for launch, found in built(all_of_them):
        check_build(launch, found, dtype, in_float64=True)

    def in_their_dtype():
        for count in (100, 99):
            products.add_parts(dry_empty((3, count), dtype), dry_empty((count,), dtype), (dtype(0), dtype(6)))

    for launch, found in built(in_their_dtype):
        check_build(launch, found, dtype)


@pytest.mark.parametrize("channels", [64, pytest.param(63, marks=pytest.mark.slow)])
@pytest.mark.parametrize("arch", [90, pytest.param(80, marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", IN_FLOAT64_SLOWLY)
def test_depthwise(dtype, arch, channels):
    x, y = dry_empty((2, 8, 8, channels), dtype), dry_empty((2, 8, 8, channels), dtype)
    weight, bias = dry_empty((channels, 3, 3, 1), dtype), dry_empty((channels,), dtype)
    geometry = GEOMETRY._replace(groups=channels)

    def both():
        choose.forward(x, weight, bias, y, geometry, 1)
        choose.gradient_of_weight(y, x, weight, geometry)

    for launch, found in built(both, arch):
        check_build(launch, found, dtype)
        if channels == 64:
            assert 16 in accesses(found.ptx)["ld"]


@pytest.mark.parametrize("arch", [90, pytest.param(80, marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", IN_FLOAT64_SLOWLY)
def test_winograd(dtype, arch):
    with launches() as made:
        drive(products.FORWARD, dtype, 64, "winograd_2")
        drive(products.INPUT_GRADIENT, dtype, 64, "winograd_2")
    transforms = {one.kernel: one for one in made if one.kernel.py_func.__module__ == winograd.__name__}
    assert len(transforms) == 3
    for one in transforms.values():
        check_build(one, one.build(arch), dtype)


def test_winograd_is_chosen_where_its_tiles_are_small_beside_its_products():
    def faster(size, channels, dtype=np.float32):
        shape = 64, 1, size, size, channels
        return winograd.is_faster(shape, shape, dtype)

    assert faster(14, 256) and faster(28, 256)
    assert not faster(224, 16)
    assert not faster(14, 256, np.float64)


def test_long_sums_are_divided_among_blocks():
    x, weight, out = (
        dry_empty((1, 4096), np.float32),
        dry_empty((64, 4096), np.float32),
        dry_empty((1, 64), np.float32),
    )
    with launches() as made:
        linear.forward(x, weight, dry_empty((64,), np.float32), out)
    product, total = made
    assert product.blocks[0] > 8
    assert total.arguments[0].size == 64 * (product.blocks[0] // 2)


def test_an_image_that_is_too_large_is_refused():
    class Shaped:
        def __init__(self, *shape):
            self.shape, self.size = shape, int(np.prod(shape))

        def reshape(self, *shape):
            return Shaped(*shape)

    x, weight = Shaped(1, 2**16, 2**16, 1), Shaped(1, 1, 1, 1)
    with pytest.raises(ValueError, match="one sample of the input"):
        choose.forward(x, weight, None, x, GEOMETRY)
