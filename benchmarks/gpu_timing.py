"""What the CUDA benchmarks share: medians by CUDA events, and the bandwidth of a copy."""

import statistics

import torch

WARM, SAMPLES, SHORTEST = 5, 21, 2e-3


def interleaved(calls):
    """Median seconds of functions that launch work on the default stream, in turns.

    A sample repeats a short function until it lasts `SHORTEST` seconds, between two events.
    """
    repeats = {}
    for name, call in calls.items():
        for _ in range(WARM):
            call()  # compiles, and warms the clock
        repeats[name] = max(1, round(SHORTEST / max(_seconds(call, 1), 1e-6)))
    samples = {name: [] for name in calls}
    for turn in range(SAMPLES):
        for name in list(calls)[:: -1 if turn % 2 else 1]:
            samples[name].append(_seconds(calls[name], repeats[name]))
    return {name: statistics.median(values) for name, values in samples.items()}


def _seconds(call, repeats):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    begin.record()
    for _ in range(repeats):
        call()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) * 1e-3 / repeats


def copy_bandwidth():
    """Bytes per second, read and written, of a copy of 1 GiB on the device."""
    source = torch.zeros(2**28, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / interleaved({"": lambda: target.copy_(source)})[""]
