"""Update rules and optimizers on the device against those of the CPU."""

import numpy as np
import pytest
from on_device import DTYPES, sizes, tolerance

import numgd
from numgd.first_order.apply import exact_options, make_start
from numgd.first_order.treatment import noise_stream
from numgd.foundations.evaluator import CARRIED
from numgd.kernels.cpu.rules import step as cpu
from numgd.kernels.cuda import target
from numgd.kernels.cuda.rules import step as cuda
from numgd.registry import RULES

SHAPES = sizes(((2, 3), (0,), (1,), (3, 46)), ((200, 300), (0,), (1,), (3, 4600)))
FACTORS = np.array([0.5, 1.0, 2.0, -1.0])


def drawn(seed, dtype, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def launches(monkeypatch):
    """The list of the names of kernels that are launched from now on."""
    names, run = [], target.run

    def noted(function, shape, arguments):
        names.append(getattr(function, "py_func", getattr(function, "fn", None)).__name__)
        run(function, shape, arguments)

    monkeypatch.setattr(target, "run", noted)
    return names


def fetches(monkeypatch):
    """The list of the shapes of arrays that are copied to the host from now on."""
    shapes, fetch = [], target.fetch

    def noted(array):
        shapes.append(tuple(array.shape))
        return fetch(array)

    monkeypatch.setattr(target, "fetch", noted)
    return shapes


def views(device, arrays):
    """Views of one vector on the device, without gaps."""
    flat = device.put(np.concatenate([a.ravel() for a in arrays]))
    ends = np.cumsum([0, *(a.size for a in arrays)])
    return [
        flat[first:last].reshape(a.shape)
        for a, first, last in zip(arrays, ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    ]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RULES)
def test_a_rule_steps_as_on_the_cpu(device, name, dtype):
    """Over numbers of which some are accessed by fours, in one launch or two."""
    rule = RULES[name]
    p, own = drawn(1, dtype, [(37,)]), []
    options = exact_options(rule, rule.options())
    for table_type, put, steps in ((cpu.Table, np.array, 2), (cuda.Table, device.put, 2)):
        params, running = [put(a) for a in p], np.zeros(CARRIED)
        table = table_type(params)
        table.point(cpu.P, params)
        slots = table.memory(len(rule.slots))
        table.start(make_start(rule), slots, options)
        for t in range(1, steps + 1):
            table.point(cpu.G, [put(a) for a in drawn(t + 1, dtype, [(37,)])])
            change = cpu.Change(np.array([0.5]), 0.1, 0.9, 1.5)
            table.step(rule, slots, options, float(t), running, change)
        own.append((params[0], table.fetched(slots), running))
    (expected, slots, running), (found, found_slots, found_running) = own
    close = tolerance(dtype, 20)
    np.testing.assert_allclose(found.copy_to_host(), expected, **close)
    np.testing.assert_allclose(found_slots, slots, **close)
    np.testing.assert_allclose(found_running, running, **close)


@pytest.mark.parametrize("name", ["Adam", "LAMB", "Prodigy"])
def test_no_numbers_and_one_number(device, name):
    expected, found = np.ones(1, np.float32), device.put(np.ones(1, np.float32))
    nothing, here = device.put(np.ones(0, np.float32)), np.ones(0, np.float32)
    for params, grads in (([here], [here]), ([nothing], [nothing])):
        assert getattr(numgd, name)().step(params, grads)
    on_cpu, on_device = getattr(numgd, name)(), getattr(numgd, name)()
    on_cpu.step([here, expected], [here, 2 * expected])
    on_device.step([nothing, found], [nothing, device.put(2 * np.ones(1, np.float32))])
    np.testing.assert_allclose(found.copy_to_host(), expected, **tolerance(np.float32))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("put", ["views", "separate"])
def test_several_arrays(device, put, dtype):
    params, gradients = drawn(1, dtype), drawn(2, dtype)
    own = []
    for table_type in (cpu.Table, cuda.Table):
        if table_type is cuda.Table:
            arrange = views if put == "views" else lambda device, arrays: [device.put(a) for a in arrays]
            params, gradients = arrange(device, params), arrange(device, gradients)
        table = table_type(params)
        table.point(cpu.P, params)
        table.point(cpu.G, gradients)
        squares, finite = table.measure()
        assert finite
        rule, average, noisy = RULES["adam"], table.memory(), table.memory()
        slots = table.memory(2)
        table.add_noise(noisy, FACTORS, 1.5, 0.7, 9, noise_stream(4, 1))
        change = cpu.Change(FACTORS, 0.1, 0.9, 1.5)
        table.step(rule, slots, rule.options(0.1), 1.0, np.zeros(CARRIED), change, (average, 0.0, 1.0))
        table.step(rule, slots, rule.options(0.1), 2.0, np.zeros(CARRIED), change, (average, 0.25, 0.75))
        stepped = [np.array(p) if table_type is cpu.Table else p.copy_to_host() for p in params]
        table.put(average)
        kept = [np.array(p) if table_type is cpu.Table else p.copy_to_host() for p in params]
        own.append((squares, table.fetched(noisy), table.fetched(average), *stepped, *kept))
        if table_type is cpu.Table:
            params = drawn(1, dtype)
    for expected, found in zip(*own, strict=True):
        np.testing.assert_allclose(found, expected, **tolerance(dtype))


@pytest.mark.parametrize(
    ("factors", "expected"), [(np.ones(4), 1), (np.array([1.0, 5.0, 1.0, 2.0]), 2), (FACTORS, 3)]
)
def test_neighbours_of_equal_factors_are_one_launch(device, monkeypatch, factors, expected):
    params, gradients = views(device, drawn(1, np.float32)), views(device, drawn(2, np.float32))
    table = cuda.Table(params)
    table.point(cpu.P, params)
    table.point(cpu.G, gradients)
    rule, slots = RULES["gd"], table.memory(0)
    made = launches(monkeypatch)
    table.step(rule, slots, rule.options(), 1.0, np.zeros(CARRIED), cpu.Change(factors, 0.0, 1.0, np.inf))
    assert made == ["step"] * expected


SETTINGS = {
    "Adam": ({}, 1, 0),
    "SGD": ({"clip_value": 0.5, "weight_decay": 0.1, "decoupled": True, "maximize": True}, 1, 0),
    "AdamW": ({"ema": 0.9}, 1, 0),
    "Momentum": ({"clip_global_norm": 1.0, "lookahead": (2, 0.5)}, None, 1),
    "LAMB": ({}, None, 0),
    "LARS": ({"nonfinite": "skip"}, None, 1),
    "Prodigy": ({"average_from": 2}, None, 1),
    "ScheduleFreeAdamW": ({"accumulate": 2}, None, 0),
    "ASGD": ({"noise": 0.1}, None, 0),
}
"""Options, the number of launches in a step over neighbours, unless None, and of copies to the host."""


@pytest.mark.parametrize("name", SETTINGS)
def test_an_optimizer_steps_as_on_the_cpu_and_waits_for_the_device_no_more_than_it_must(
    device, monkeypatch, name
):
    settings, expected_launches, expected_fetches = SETTINGS[name]
    shapes = [shape for shape in SHAPES if 0 not in shape]
    params = drawn(1, np.float32, shapes)
    on_cpu, on_device = (getattr(numgd, name)(0.01, **settings) for _ in range(2))
    copies = views(device, params)
    for t in range(4):
        gradients = drawn(t + 2, np.float32, shapes)
        on_cpu.step(params, gradients)
        slopes = views(device, gradients)
        made, fetched = launches(monkeypatch), fetches(monkeypatch)
        on_device.step(copies, slopes)
        if t > 0:  # memory is made in the first step
            assert len(fetched) == expected_fetches
            assert expected_launches in (None, len(made))
        monkeypatch.undo()
    for expected, found in zip(params, copies, strict=True):
        np.testing.assert_allclose(found.copy_to_host(), expected, **tolerance(np.float32))
    for of in (numgd.Optimizer.parameters, *([numgd.Optimizer.averaged] if on_cpu.keeps_average else [])):
        for expected, found in zip(of(on_cpu), of(on_device), strict=True):
            np.testing.assert_allclose(found.copy_to_host(), expected, **tolerance(np.float32))
    one, other = on_cpu.state_dict(), on_device.state_dict()
    assert list(one) == list(other)
    for key, expected in one.items():
        if isinstance(expected, np.ndarray):
            np.testing.assert_allclose(other[key], expected, **tolerance(np.float32), err_msg=key)
            assert other[key].shape == expected.shape


def test_a_state_goes_from_one_machine_to_the_other(device):
    params, gradients = drawn(1, np.float32), drawn(2, np.float32)
    on_cpu, on_device, resumed = numgd.Adam(0.01), numgd.Adam(0.01), numgd.Adam(0.01)
    copies, slopes = [device.put(p) for p in params], [device.put(g) for g in gradients]
    on_device.step(copies, slopes)
    on_cpu.load_state_dict(on_device.state_dict())
    params = [p.copy_to_host() for p in copies]
    on_cpu.step(params, gradients)
    resumed.load_state_dict(on_device.state_dict())
    resumed.step(copies, slopes)
    for expected, found in zip(params, copies, strict=True):
        np.testing.assert_allclose(found.copy_to_host(), expected, **tolerance(np.float32))


def test_a_gradient_that_is_not_finite_is_named(device):
    params, gradients = drawn(1, np.float32), drawn(2, np.float32)
    gradients[3][1, 5] = np.nan
    copies = [device.put(p) for p in params]
    with pytest.raises(FloatingPointError, match=r"grads\[3\] is not finite"):
        numgd.Adam(nonfinite="raise").step(copies, views(device, gradients))
    np.testing.assert_array_equal(copies[3].copy_to_host(), params[3])


def test_views_that_are_not_aligned(device):
    """From the second number of a vector on there are no accesses of 16 bytes."""
    p, g = drawn(1, np.float32, [(40,), (40,)])
    found, slope = device.put(p), device.put(g)
    numgd.Adam(0.01).step(found[1:], slope[1:])
    expected = p.copy()
    numgd.Adam(0.01).step(expected[1:], g[1:])
    np.testing.assert_allclose(found.copy_to_host(), expected, **tolerance(np.float32))


def test_arrays_that_a_step_refuses(device):
    p = np.ones((4, 4), np.float32)
    there = device.put(p)
    for params, grads, error, match in (
        (
            [p, there],
            [p, there],
            TypeError,
            r"params\[0\] is in the host's memory, but params\[1\] is on a GPU",
        ),
        ({"w": there}, {"w": p}, TypeError, r"grads\['w'\] and the parameter must be on the same device"),
        ({"w": p}, {"w": there}, TypeError, r"grads\['w'\] and the parameter must be on the same device"),
        ({"w": device.put(p)[:, 1:]}, {"w": there}, ValueError, r"params\['w'\] must be contiguous"),
        ([there[:, :2]], [there[:, 2:]], ValueError, r"params\[0\] must be contiguous"),
        ([device.put(p[:, :2])], [there[:, 2:]], ValueError, r"grads\[0\] must be contiguous"),
        (
            device.put(p.astype(np.float16)),
            there,
            TypeError,
            "must be float32 or float64; its dtype is float16",
        ),
        (there, device.put(p.astype(np.float64)), TypeError, "grads has dtype float64"),
        (there, there, ValueError, "shares memory"),
    ):
        optimizer = numgd.Adam()
        with pytest.raises(error, match=match):
            optimizer.step(params, grads)
        assert optimizer.t == 0
        np.testing.assert_array_equal(there.copy_to_host(), p)
