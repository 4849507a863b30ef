"""Depthwise convolution and narrow groups: a vector holds whole groups of neighbouring channels.

Each group has as many output as input channels, and few of them.  A channel of the result depends only on the
channels of its own group, which are in the same vector: the micro-kernel broadcasts each channel of a group
to all lanes of the group and multiplies by the weights of that channel.

Pixels with many channels are memory pages apart and would evict each other from the cache.  A band of the
image is therefore copied first, with zeros at its borders, into panels that hold one vector of channels each.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import from_dtype

from numgd.jit.making import made_once
from numgd.jit.micro_kernels import (
    any_of,
    gather_lanes,
    lanes_of,
    move_vector,
    reduce_lanes,
    register_bytes,
    vector_registers,
)
from numgd.jit.parallel import parallel_for, threads_for
from numgd.jit.pointers import address_of, borrow
from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled, portable
from numgd.jit.program import scratch as scratch_memory
from numgd.kernels.cpu.layers.conv.addresses import phases, whole_sweep
from numgd.kernels.cpu.layers.conv.algorithm import ConvAlgorithm
from numgd.kernels.cpu.layers.conv.cost import Work, copied
from numgd.kernels.cpu.layers.conv.geometry import by_shape, ceil_divide, work_of, workspace
from numgd.kernels.cpu.layers.conv.packing import cached
from numgd.kernels.cpu.layers.conv.shares import MAX_BYTES, MAX_SHARES, add_shares
from numgd.kernels.cpu.layers.fused import finish

BAND_BYTES = 2**17
"""Target size of the panels of a thread, in bytes."""

MAX_PANELS = 16
"""Maximum number of vectors of channels that are copied together."""

MAX_SEGMENT = 512
"""Maximum number of results of a row that are computed together."""


GROUP_WIDTHS = (1, 2, 4, 8)
"""Channels per group for which there are micro-kernels."""


def group_widths(dtype):
    """The `GROUP_WIDTHS` that fit into a vector."""
    return tuple(group_width for group_width in GROUP_WIDTHS if group_width <= lanes_of(dtype))


def taps_for(group_width):
    """Number of taps whose sums fit into the registers at the same time."""
    return max(1, min(9, (vector_registers() - 6) // (group_width + 1)))


def _pixels_for(group_width):
    """Block sizes in pixels for a group width, in descending order; image widths of 7 · 2ⁿ are common."""
    if vector_registers() == 16:
        return (6 if group_width > 1 else 8, 4, 2, 1)
    # The factors and the shuffled numbers of wider groups take registers that the sums would need.
    return (14, 7, 4, 1) if group_width <= 2 else (7, 4, 2, 1)


def lane_blocks(dtype):
    """The compiled blocks of all group widths."""
    lanes = lanes_of(dtype)
    return tuple(
        (rows, lanes, group_width) for group_width in group_widths(dtype) for rows in _pixels_for(group_width)
    )


@by_shape
def cover(count, sizes):
    """Blocks that cover a number of pixels and may overlap: their indices in `sizes`, and first pixels."""
    chosen, begins, done = [], [], 0
    fitting = [k for k, size in enumerate(sizes) if size <= count]
    while done < count:
        kind = max((k for k in fitting if sizes[k] >= count - done), default=fitting[0])
        begin = min(done, count - sizes[kind])
        chosen.append(kind)
        begins.append(begin)
        done = begin + sizes[kind]
    return np.array(chosen), np.array(begins)


def reason_against(layer):
    """Why the algorithm does not apply, or None."""
    lanes = lanes_of(np.dtype(np.float32))
    channels, groups = layer.in_channels, layer.geometry.groups
    widths = group_widths(np.dtype(np.float64))
    if channels != layer.out_channels or channels // groups not in widths or channels < lanes:
        return (
            f"it requires groups of {' or '.join(map(str, widths))} channels, as many output as input "
            f"channels, and at least {lanes} of them; "
            f"there are {channels} in, {layer.out_channels} out and {groups} groups"
        )
    return None


@portable
def first_channel(block, lanes, lead, channels):
    """The first channel of a block: block · lanes − lead, limited so that all its channels exist."""
    return max(0, min(block * lanes - lead, channels - lanes))


@portable
def _pack_block(block, weight, taps, transposed, lanes, lead, packed):
    channels, _, group_width = weight.shape
    first = first_channel(block, lanes, lead, channels)
    for t in range(taps.size):
        for j in range(group_width):
            place = ((block * taps.size + t) * group_width + j) * lanes
            for n in range(lanes):
                channel = first + n
                if transposed:
                    value = weight[channel // group_width * group_width + j, taps[t], channel % group_width]
                else:
                    value = weight[channel, taps[t], j]
                packed[place + n] = value


@compiled("conv-depthwise-pack", ELEMENTWISE_FLAGS)
def _pack(weight, taps, transposed, lanes, lead, packed):
    """Fill ``packed[b, t, j, n]``: the weight at tap t for lane n of block b and channel j of its group.

    `weight` is (out, taps, group width).  Block b begins at its `first_channel`.
    """
    blocks = (weight.shape[0] + lead + lanes - 1) // lanes
    parallel_for(_pack_block, blocks, packed.size, weight, taps, transposed, lanes, lead, packed)


class Cut(NamedTuple):
    """A sweep over results, cut into bands, segments of rows and panels."""

    start_y: int
    step_y: int
    count_y: int
    start_x: int
    step_x: int
    count_x: int
    source_step_y: int
    source_step_x: int
    first_y: int  # first row and column of the image that the first result reads
    first_x: int
    extent_y: int  # rows and columns that a result reads
    extent_x: int
    band: int  # rows of results at a time
    segment: int  # results of a row at a time
    panels: int  # vectors of channels at a time
    workers: int


@cache
def _copier(dtype):
    """Portable function that copies part of an image into panels."""
    lanes = lanes_of(dtype)
    move = move_vector(from_dtype(dtype), lanes)

    @portable
    def copy(source, shape, image, from_y, from_x, in_rows, in_columns, first, panels, zeros, target):
        # target[panel, y, x, lane], with zeros outside the image.  Panel p holds the channels from
        # min((first + p) · lanes, channels - lanes) on.
        _, height, width, channels = shape
        pitch = in_rows * in_columns * lanes
        low = min(in_columns, max(0, -from_x))
        high = max(low, min(in_columns, width - from_x))
        for r in range(in_rows):
            y = from_y + r
            begin, end = low, high
            if y < 0 or y >= height:
                begin, end = in_columns, in_columns
            for panel in range(panels):
                start = panel * pitch + r * in_columns * lanes
                for x in range(begin):
                    move(zeros, 0, target, start + x * lanes)
                for x in range(end, in_columns):
                    move(zeros, 0, target, start + x * lanes)
            for x in range(begin, end):
                pixel = ((image * height + y) * width + from_x + x) * channels
                start = (r * in_columns + x) * lanes
                for panel in range(panels):
                    shift = min((first + panel) * lanes, channels - lanes)
                    move(source, pixel + shift, target, start + panel * pitch)

    return copy


@made_once
def _driver(dtype):
    """The loop over bands."""
    lanes = lanes_of(dtype)
    copy_part = _copier(dtype)
    gather = any_of(gather_lanes, from_dtype(dtype), lane_blocks(dtype))

    @portable
    def do_items(
        worker, source, zeros, packed, bias, out, scratch, sums, dy, dx, cut, kinds, begins, group_width,
        activation,
    ):  # fmt: skip
        batch, channels = source.shape[0], source.shape[3]
        taps = dy.size
        itemsize = source.itemsize
        panels = (channels + lanes - 1) // lanes
        parts = (panels + cut.panels - 1) // cut.panels
        bands = (cut.count_y + cut.band - 1) // cut.band
        segments = (cut.count_x + cut.segment - 1) // cut.segment
        numbers, flat = source.reshape(-1), out.reshape(-1)
        items = batch * bands * segments * parts
        copy = borrow(scratch)[worker]
        table = np.empty(max(1, taps), np.int64)
        for item in range(worker * items // cut.workers, (worker + 1) * items // cut.workers):
            part = item % parts
            segment = cut.segment
            from_x = min(item // parts % segments * segment, cut.count_x - segment)  # segments may overlap
            from_y = item // (parts * segments) % bands * cut.band
            image = item // (parts * segments * bands)
            band = min(cut.band, cut.count_y - from_y)
            in_rows = (band - 1) * cut.source_step_y + cut.extent_y
            in_columns = (segment - 1) * cut.source_step_x + cut.extent_x
            first = part * cut.panels
            count = min(cut.panels, panels - first)
            y, x = from_y * cut.source_step_y + cut.first_y, from_x * cut.source_step_x + cut.first_x
            copy_part(numbers, source.shape, image, y, x, in_rows, in_columns, first, count, zeros, copy)
            step = cut.source_step_x * lanes
            # Results are stored in scratch memory first: writes to pixels that are memory pages apart would
            # each wait for a cache line.  The last vector may begin before the part's first channel.
            pitch = (cut.panels + 1) * lanes
            results = borrow(sums)[worker]
            for t in range(taps):
                table[t] = address_of(copy)
                table[t] += ((dy[t] - cut.first_y) * in_columns + dx[t] - cut.first_x) * lanes * itemsize
            for panel in range(count):
                shift = min((first + panel) * lanes, channels - lanes)
                place = (first + panel) * taps * group_width * lanes
                for row in range(band):
                    start = row * segment * pitch + lanes + shift - first * lanes
                    origin = (panel * in_rows + row * cut.source_step_y) * in_columns * lanes
                    for block in range(kinds.size):
                        at = begins[block]
                        gather(
                            kinds[block], table, taps, origin + at * step, step, packed, place, results,
                            start + at * pitch, pitch,
                        )  # fmt: skip
            c = first * lanes
            length = min(channels, (first + count) * lanes) - c
            for row in range(band):
                to_y = cut.start_y + (from_y + row) * cut.step_y
                for column in range(segment):
                    to_x = cut.start_x + (from_x + column) * cut.step_x
                    place = ((image * out.shape[1] + to_y) * out.shape[2] + to_x) * channels + c
                    start = (row * segment + column) * pitch + lanes
                    finish(activation, results, start, bias, c, flat, place, length)

    @compiled(f"conv-depthwise-{dtype}")
    def drive(
        work, source, zeros, packed, bias, out, scratch, sums, dy, dx, cut, kinds, begins, group_width,
        activation,
    ):  # fmt: skip
        parallel_for(
            do_items, cut.workers, work, source, zeros, packed, bias, out, scratch, sums, dy, dx, cut, kinds,
            begins, group_width, activation,
        )  # fmt: skip

    return drive


def _reach(offsets):
    """The smallest offset of the taps, and the extent that they span."""
    least = int(offsets.min()) if offsets.size else 0
    return least, int(offsets.max()) - least + 1 if offsets.size else 1


@by_shape
def _cut(sweep, reach_y, reach_x, batch, channels, vector_bytes, itemsize, max_threads):
    """The `Cut` of a sweep, and the size of a band's panels; `reach_y` and `reach_x` come from `_reach`."""
    (first_y, extent_y), (first_x, extent_x) = reach_y, reach_x
    lanes = vector_bytes // itemsize
    segment = min(MAX_SEGMENT, sweep.count_x)
    panels = min(MAX_PANELS, ceil_divide(channels, lanes))

    def cost(band, panels):
        rows = (band - 1) * sweep.source_step_y + extent_y
        return rows * ((segment - 1) * sweep.source_step_x + extent_x) * panels * vector_bytes

    while panels > 1 and cost(1, panels) > BAND_BYTES:
        panels = ceil_divide(panels, 2)
    band = max((b for b in range(1, sweep.count_y + 1) if cost(b, panels) <= BAND_BYTES), default=1)
    band = ceil_divide(sweep.count_y, ceil_divide(sweep.count_y, band))
    items = batch * ceil_divide(sweep.count_y, band) * ceil_divide(sweep.count_x, segment)
    items *= ceil_divide(ceil_divide(channels, lanes), panels)
    workers = max(1, min(max_threads, items, 16 * 2**20 // cost(band, panels)))
    cut = Cut(*sweep[:8], first_y, first_x, extent_y, extent_x, band, segment, panels, workers)
    return cut, cost(band, panels) // itemsize


def packed_weights(weight, taps, transposed, packed_cache, lead=0):
    """The packed weights of chosen taps; see `_pack`."""
    channels, lanes = weight.shape[0], lanes_of(weight.dtype)
    blocks = ceil_divide(channels + lead, lanes)

    def make():
        flat = weight.reshape(channels, -1, weight.shape[3])
        packed = workspace(blocks * taps.size * flat.shape[2] * lanes, weight.dtype)
        _pack(flat, taps, transposed, lanes, lead, packed)
        return packed

    return cached(packed_cache, ("depthwise", transposed, taps.tobytes(), lead), make)


def _run(source, weight, bias, out, taps, transposed, sweep, activation, packed_cache):
    """One sweep; `taps` is (indices into the kernel, dy, dx)."""
    if out.size == 0 or sweep.count_y <= 0 or sweep.count_x <= 0:
        return
    reached, dy, dx = taps
    dtype = out.dtype
    channels = out.shape[3]
    group_width = weight.shape[3]
    lanes = lanes_of(dtype)

    packed = packed_weights(weight, reached, transposed, packed_cache)
    work = work_of(source.shape[0] * sweep.count_y * sweep.count_x * channels, reached.size * group_width)
    max_threads = threads_for(work)
    cut, length = _cut(
        sweep,
        _reach(dy),
        _reach(dx),
        source.shape[0],
        channels,
        register_bytes(),
        dtype.itemsize,
        max_threads,
    )
    scratch = workspace(length, dtype, cut.workers)
    sums = workspace(cut.band * cut.segment * (cut.panels + 1) * lanes, dtype, cut.workers)
    sizes = _pixels_for(group_width)
    chosen, begins = cover(cut.segment, sizes)
    chosen = chosen + len(sizes) * group_widths(dtype).index(group_width)
    _driver(dtype)(
        work,
        source,
        np.zeros(lanes, dtype),
        packed,
        bias,
        out,
        scratch,
        sums,
        dy,
        dx,
        cut,
        chosen,
        begins,
        group_width,
        activation,
    )


def forward(x, weight, bias, out, geometry, activation=0, packed_cache=None):
    """Convolve; parameters as for `direct.forward`."""
    taps, sweep = whole_sweep(out.shape, weight.shape, geometry)
    _run(x, weight, bias, out, taps, False, sweep, activation, packed_cache)


def input_gradient(grad, weight, bias, out, geometry, activation=0, packed_cache=None):
    """The gradient of the input; parameters as for `direct.input_gradient`."""
    for taps, sweep in phases(out.shape, weight.shape, geometry):
        _run(grad, weight, bias, out, taps, True, sweep, activation, packed_cache)


@made_once
def _weight_driver(dtype):
    """The loop over bands of results."""
    lanes = lanes_of(dtype)
    kinds = tuple((taps_for(group_width), lanes, group_width) for group_width in group_widths(dtype))
    max_taps = max(taps for taps, _, _ in kinds)
    copy_part = _copier(dtype)
    reduce = any_of(reduce_lanes, from_dtype(dtype), kinds)

    @portable
    def do_items(
        worker, grad, x, zeros, scratch, grad_scratch, partial, dy, dx, cut, kind, group_width, tap_count
    ):
        # `partial` is (shares, blocks of channels, groups of taps, taps, group width, lanes).
        batch, channels = x.shape[0], x.shape[3]
        itemsize = x.itemsize
        zero = x.dtype.type(0.0)
        taps = dy.size
        groups = (taps + tap_count - 1) // tap_count
        panels = (channels + lanes - 1) // lanes
        parts = (panels + cut.panels - 1) // cut.panels
        bands = (cut.count_y + cut.band - 1) // cut.band
        segments = (cut.count_x + cut.segment - 1) // cut.segment
        block = tap_count * group_width * lanes
        numbers, grad_numbers = x.reshape(-1), grad.reshape(-1)
        chunks = batch * bands * segments
        shares = partial.shape[0]
        items = shares * parts
        copy, grad_copy = borrow(scratch)[worker], borrow(grad_scratch)[worker]
        table = np.empty(max_taps, np.int64)
        sums = np.empty(block, x.dtype)
        for item in range(worker * items // cut.workers, (worker + 1) * items // cut.workers):
            share, part = item // parts, item % parts
            first = part * cut.panels
            count = min(cut.panels, panels - first)
            share_sums = borrow(partial)[share, first * groups * block : (first + count) * groups * block]
            for i in range(share_sums.size):
                share_sums[i] = zero
            for chunk in range(share * chunks // shares, (share + 1) * chunks // shares):
                from_x = chunk % segments * cut.segment
                from_y = chunk // segments % bands * cut.band
                image = chunk // (segments * bands)
                band = min(cut.band, cut.count_y - from_y)
                segment = min(cut.segment, cut.count_x - from_x)
                in_rows = (band - 1) * cut.source_step_y + cut.extent_y
                in_columns = (segment - 1) * cut.source_step_x + cut.extent_x
                y, xx = from_y * cut.source_step_y + cut.first_y, from_x * cut.source_step_x + cut.first_x
                copy_part(numbers, x.shape, image, y, xx, in_rows, in_columns, first, count, zeros, copy)
                copy_part(
                    grad_numbers, grad.shape, image, from_y, from_x, band, segment, first, count, zeros,
                    grad_copy,
                )  # fmt: skip
                for group in range(groups):
                    for t in range(tap_count):
                        # Beyond the last tap, the last one is summed again and the sum is ignored.
                        tap = min(group * tap_count + t, taps - 1)
                        pixel = (dy[tap] - cut.first_y) * in_columns + dx[tap] - cut.first_x
                        table[t] = address_of(copy) + pixel * lanes * itemsize
                    for panel in range(count):
                        for i in range(block):
                            sums[i] = zero
                        for row in range(band):
                            origin = (panel * in_rows + row * cut.source_step_y) * in_columns * lanes
                            start = (panel * band + row) * segment * lanes - origin
                            reduce(
                                kind, address_of(grad_copy) + start * itemsize, lanes, table, 0, origin,
                                segment, cut.source_step_x * lanes, sums, 0,
                            )  # fmt: skip
                        target = share_sums[(panel * groups + group) * block :]
                        for i in range(block):
                            target[i] += sums[i]

    @compiled(f"conv-depthwise-weight-gradient-{dtype}")
    def drive(
        work, grad, x, zeros, scratch, grad_scratch, partial, dy, dx, cut, kind, group_width, tap_count
    ):
        parallel_for(
            do_items, cut.workers, work, grad, x, zeros, scratch, grad_scratch, partial, dy, dx, cut, kind,
            group_width, tap_count,
        )  # fmt: skip

    return drive


def weight_gradient(grad, x, out, geometry):
    """The gradient of the weights; parameters as for `weight_gradient.weight_gradient`."""
    dtype = out.dtype
    channels, _, _, group_width = out.shape
    lanes = lanes_of(dtype)
    (taps, dy, dx), sweep = whole_sweep(grad.shape, out.shape, geometry)
    count = taps_for(group_width)
    work = work_of(grad.size, taps.size * group_width)
    max_threads = threads_for(work)
    cut, length = _cut(
        sweep, _reach(dy), _reach(dx), grad.shape[0], channels, register_bytes(), dtype.itemsize, max_threads
    )
    blocks = ceil_divide(channels, lanes)
    total = blocks * ceil_divide(taps.size, count) * count * group_width * lanes
    chunks = grad.shape[0] * ceil_divide(sweep.count_y, cut.band) * ceil_divide(sweep.count_x, cut.segment)
    shares = max(1, min(MAX_SHARES, chunks, MAX_BYTES // (total * dtype.itemsize)))
    partial = scratch_memory((shares, total), dtype)
    scratch = workspace(length, dtype, cut.workers)
    grad_copy = workspace(cut.band * cut.segment * cut.panels * lanes, dtype, cut.workers)
    kind = group_widths(dtype).index(group_width)
    _weight_driver(dtype)(
        work,
        grad,
        x,
        np.zeros(lanes, dtype),
        scratch,
        grad_copy,
        partial,
        dy,
        dx,
        cut,
        kind,
        group_width,
        count,
    )
    write_weights(partial, out)


def write_weights(partial, out, lead=0):
    """Sum `partial` (shares, blocks of channels · taps · group width · lanes) into the weight gradient `out`.

    Blocks are as in `_pack`.  Superfluous taps at the end of a block are ignored.
    """
    summed = partial[0]
    if len(partial) > 1:
        summed = scratch_memory(summed.shape, out.dtype)
        add_shares(partial, summed)
    lanes, channels, group_width = lanes_of(out.dtype), out.shape[0], out.shape[3]
    blocks = summed.reshape(ceil_divide(channels + lead, lanes), -1, group_width, lanes)
    _unpack(blocks, lead, out.reshape(channels, -1, group_width))


@compiled("conv-depthwise-unpack", ELEMENTWISE_FLAGS)
def _unpack(blocks, lead, flat):
    """Copy weights packed as (blocks, taps, group width, lanes) to (channels, taps, group width)."""
    channels, taps, group_width = flat.shape
    lanes = blocks.shape[3]
    for block in range(blocks.shape[0]):
        first = first_channel(block, lanes, lead, channels)
        for n in range(lanes):
            for t in range(taps):
                for j in range(group_width):
                    flat[first + n, t, j] = blocks[block, t, j, n]


def vectors_work(task, moved=0.0):
    """What algorithms for groups within a vector do, apart from numbers that they move."""
    layer = task.layer
    in_group = layer.in_channels // layer.geometry.groups
    vectors = task.pixels * ceil_divide(layer.in_channels, lanes_of(np.dtype(np.float32)))
    return Work(steps=vectors * task.taps * in_group, moved=moved)


def _work(task):
    together = min(task.layer.in_channels, MAX_PANELS * lanes_of(np.dtype(np.float32)))
    return vectors_work(task, copied(task, BAND_BYTES // 4, together))


ALGORITHM = ConvAlgorithm(
    name="depthwise",
    summary="groups of one or a few channels, as many out as in",
    reason_against=reason_against,
    forward=forward,
    input_gradient=input_gradient,
    weight_gradient=weight_gradient,
    work=_work,
)
