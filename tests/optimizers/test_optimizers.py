"""Optimizers over arrays: against PyTorch's formulas written out, and what goes with a step."""

import copy
import inspect
import math
import pickle
import re

import numba
import numpy as np
import pytest

import numgd
from numgd import optimizers
from numgd.first_order.apply import exact_options, make_apply, make_start
from numgd.first_order.other_names import OTHER_NAMES, VARIANTS_OF
from numgd.kernels.cpu.rules import step as cpu
from numgd.registry import RULES

CLASSES = [getattr(optimizers, name) for name in optimizers.__all__ if name != "Optimizer"]
SHAPES = ((3, 4), (), (7,), (2, 3, 2, 2), (0,))
RNG = np.random.default_rng


def arrays(seed, dtype=np.float64, shapes=SHAPES):
    rng = RNG(seed)
    return [np.asarray(rng.normal(size=shape), dtype) for shape in shapes]


def by_rule(rule_name, start, gradients, **hyperparameters):
    """The path of one vector by the rule itself."""
    rule = RULES[rule_name]
    options = exact_options(rule, rule.options(**hyperparameters))
    p, slots, running = start.copy(), np.empty((len(rule.slots), start.size), start.dtype), np.zeros(4)
    make_start(rule)(slots, options)
    for t, g in enumerate(gradients, start=1):
        make_apply(rule)(p, g, slots, options, np.float64(t), running)
    return p


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_step_is_the_rule(cls):
    params, gradients = arrays(1), [arrays(k) for k in range(2, 12)]
    start = np.concatenate([p.ravel() for p in params])
    flat = [np.concatenate([g.ravel() for g in own]) for own in gradients]
    optimizer = cls()
    for own in gradients:
        assert optimizer.step(params, own)
    found = np.concatenate([p.ravel() for p in params])
    if RULES[cls.rule_name].scope == "all":  # as it is for rules without sums
        expected = by_rule(cls.rule_name, start, flat)
    else:
        steps = zip(*([g.ravel() for g in own] for own in gradients), strict=True)
        starts = np.split(start, np.cumsum([p.size for p in params])[:-1])
        pairs = zip(starts, steps, strict=True)
        expected = np.concatenate([by_rule(cls.rule_name, own, given) for own, given in pairs])
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_signatures_say_what_the_rule_takes(cls):
    signature = inspect.signature(cls)
    defaults = RULES[cls.rule_name].options()._asdict()
    for name, value in defaults.items():
        assert signature.parameters[name].default == value
    assert cls.__doc__.strip()
    cls(**defaults)


def test_every_rule_has_an_optimizer():
    assert {cls.rule_name for cls in CLASSES} == set(RULES)


def test_one_array_a_list_a_tuple_and_a_dictionary_are_the_same():
    paths = []
    for make in (list, tuple, lambda given: dict(zip("abcde", given, strict=True))):
        params, optimizer = make(arrays(1)), numgd.Adam(0.1)
        for k in range(3):
            optimizer.step(params, make(arrays(10 + k)))
        paths.append([p.copy() for p in (params.values() if isinstance(params, dict) else params)])
    single = arrays(1)[0]
    optimizer = numgd.Adam(0.1)
    for k in range(3):
        optimizer.step(single, arrays(10 + k)[0])
    for path in paths:
        np.testing.assert_array_equal(path[0], single)
        for one, other in zip(path, paths[0], strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_dictionary_of_gradients_is_matched_by_key():
    params = {"a": np.zeros(2), "b": np.zeros(2)}
    numgd.SGD(1.0).step(params, {"b": np.ones(2), "a": np.full(2, 5.0)})
    np.testing.assert_array_equal(params["a"], -5.0)
    np.testing.assert_array_equal(params["b"], -1.0)


@pytest.mark.parametrize("size", [cpu.CHUNK - 1, cpu.CHUNK, 5 * cpu.CHUNK + 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_arrays_are_cut_in_chunks(size, dtype):
    (p,), (g,) = arrays(1, dtype, [(size,)]), arrays(2, dtype, [(size,)])
    expected = p - dtype(0.1) * g
    numgd.SGD(0.1).step(p, g)
    np.testing.assert_allclose(p, expected, rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)


def test_the_same_bits_at_any_number_of_threads():
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread")
    before, found = numba.get_num_threads(), []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            (p,), (g,) = arrays(1, np.float32, [(100_003,)]), arrays(2, np.float32, [(100_003,)])
            optimizer = numgd.Adam(0.1, clip_global_norm=1.0, ema=0.9)
            for _ in range(3):
                optimizer.step(p, g)
            found.append((p, optimizer.averaged()))
    finally:
        numba.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_arrays_of_both_dtypes_and_of_any_layout():
    base = np.zeros((4, 6))
    params = [base[:, ::2], np.asfortranarray(np.zeros((3, 2))), np.zeros(5, np.float32)]
    gradients = [np.ones((6, 4)).T[::1, ::2], np.ones((3, 2)), np.ones(5, np.float32)]
    optimizer = numgd.SGD(0.5)
    for _ in range(2):
        optimizer.step(params, gradients)
    for p in params:
        np.testing.assert_array_equal(p, -1.0)
    np.testing.assert_array_equal(base[:, 1::2], 0.0)


def test_other_arrays_of_the_same_shapes_go_on():
    whole, split = np.zeros(4), np.zeros(4)
    one, two = numgd.Momentum(0.1), numgd.Momentum(0.1)
    for k in range(4):
        one.step(whole, np.full(4, k + 1.0))
        split = split.copy()
        two.step(split, np.full(4, k + 1.0))
    np.testing.assert_array_equal(whole, split)


# What comes before the rule --------------------------------------------------------------------------------


def test_weight_decay():
    p, g = np.array([2.0, -1.0]), np.array([0.5, 0.5])
    numgd.SGD(0.1, weight_decay=0.2).step(p, g)
    np.testing.assert_allclose(p, [2.0 - 0.1 * (0.5 + 0.4), -1.0 - 0.1 * (0.5 - 0.2)], rtol=1e-15)
    p = np.array([2.0, -1.0])
    numgd.SGD(0.1, weight_decay=0.2, decoupled=True).step(p, g)
    np.testing.assert_allclose(p, np.array([2.0, -1.0]) * (1 - 0.1 * 0.2) - 0.1 * 0.5, rtol=1e-15)


@pytest.mark.parametrize(
    ("clipping", "expected"),
    [
        ({"clip_value": 1.0}, [[1.0, -1.0], [0.5]]),
        ({"clip_norm": 2.5}, [[1.5, -2.0], [0.5]]),
        ({"clip_global_norm": 2.0}, [np.array([3.0, -4.0]) * 2 / np.sqrt(25.25), [1.0 / np.sqrt(25.25)]]),
        ({"clip_global_norm": 100.0}, [[3.0, -4.0], [0.5]]),
    ],
)
def test_clipping(clipping, expected):
    params = [np.zeros(2), np.zeros(1)]
    numgd.SGD(1.0, **clipping).step(params, [np.array([3.0, -4.0]), np.array([0.5])])
    for p, gradient in zip(params, expected, strict=True):
        np.testing.assert_allclose(p, -np.asarray(gradient), rtol=1e-14)


@pytest.mark.parametrize("maximize", [False, True])
def test_clipping_against_pytorch(maximize):
    torch = pytest.importorskip("torch")
    params = arrays(1)
    twins = [torch.nn.Parameter(torch.tensor(p)) for p in params]
    ours = numgd.Adam(0.05, weight_decay=0.1, clip_global_norm=3.0, maximize=maximize)
    theirs = torch.optim.Adam(twins, 0.05, weight_decay=0.1, maximize=maximize)
    for k in range(20):
        gradients = arrays(100 + k)
        ours.step(params, gradients)
        for twin, g in zip(twins, gradients, strict=True):
            twin.grad = torch.tensor(g)
        torch.nn.utils.clip_grad_norm_(twins, 3.0)
        theirs.step()
    for p, twin in zip(params, twins, strict=True):
        np.testing.assert_allclose(
            p, twin.detach().numpy(), rtol=1e-6, atol=1e-6
        )  # torch adds 1e-6 to the norm


@pytest.mark.parametrize("cls", [numgd.SGD, numgd.LAMB], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize(
    "settings",
    [
        {"weight_decay": 0.3, "clip_value": 0.5},
        {"clip_norm": 1.0, "nonfinite": "raise", "groups": {1: {"learning_rate": 0.2}}},
        {"accumulate": 2, "noise": 0.1, "clip_value": 0.5, "lookahead": (2, 0.5)},
    ],
)
def test_up_is_down_the_negated_gradients(cls, settings):
    ups, downs = arrays(1), arrays(1)
    up, down = cls(0.1, maximize=True, **settings), cls(0.1, **settings)
    for k in range(6):
        gradients = arrays(50 + k)
        kept = copy.deepcopy(gradients)
        up.step(ups, gradients)
        down.step(downs, [np.asarray(-g) for g in gradients])
        assert all(map(np.array_equal, gradients, kept))
        up = pickle.loads(pickle.dumps(up))
    assert all(map(np.array_equal, ups, downs))
    assert not np.array_equal(ups[0], arrays(1)[0])


def test_groups():
    params = {"w": np.ones(2), "b": np.ones(2)}
    optimizer = numgd.SGD(0.1, weight_decay=1.0, groups={"b": {"weight_decay": 0.0, "learning_rate": 0.5}})
    optimizer.step(params, {"w": np.ones(2), "b": np.ones(2)})
    np.testing.assert_allclose(params["w"], 1.0 - 0.1 * 2.0)
    np.testing.assert_allclose(params["b"], 1.0 - 0.5)


def test_gradients_are_accumulated():
    p, optimizer = np.zeros(3), numgd.SGD(1.0, accumulate=3)
    steps = [optimizer.step(p, np.full(3, value)) for value in (1.0, 2.0, 6.0, 3.0, 3.0, 3.0)]
    assert steps == [False, False, True, False, False, True]
    np.testing.assert_allclose(p, -3.0 - 3.0)
    assert optimizer.t == 2


def test_averages():
    p, optimizer = np.zeros(1), numgd.SGD(1.0, ema=0.75)
    path = []
    for _ in range(4):
        optimizer.step(p, np.array([-1.0]))
        path.append(p[0])
    average = path[0]
    for value in path[1:]:
        average = 0.75 * average + 0.25 * value
    np.testing.assert_allclose(optimizer.averaged(), average)
    p, optimizer = np.zeros(1), numgd.SGD(1.0, average_from=3)
    for _ in range(5):
        optimizer.step(p, np.array([-1.0]))
    np.testing.assert_allclose(optimizer.averaged(), (3 + 4 + 5) / 3)


def test_lookahead():
    p, optimizer = np.zeros(1), numgd.SGD(1.0, lookahead=(2, 0.5))
    path = []
    for _ in range(4):
        optimizer.step(p, np.array([-1.0]))
        path.append(p[0])
    assert path == [1.0, 1.0, 2.0, 2.0]


def test_a_schedule_gives_the_learning_rate():
    p, optimizer = np.zeros(1), numgd.SGD(lambda t: 10.0**-t)
    assert optimizer.learning_rate == 0.1
    for _ in range(3):
        optimizer.step(p, np.array([-1.0]))
    np.testing.assert_allclose(p, 0.111)


def test_the_parameters_that_a_rule_is_about():
    def slope(point):
        return point * [1.0, 4.0]

    theta, v = np.array([1.0, -2.0]), np.zeros(2)
    params, optimizer = theta.copy(), numgd.Nesterov(0.1, momentum=0.8)
    for _ in range(5):
        optimizer.step(params, slope(params))
        v = 0.8 * v + 0.1 * slope(theta - 0.8 * v)
        theta = theta - v
    np.testing.assert_allclose(optimizer.parameters(), theta, rtol=1e-13)
    params, optimizer, path = {"a": np.zeros(1)}, numgd.ASGD(1.0, decay=0.0, averaging_start=1.0), []
    for _ in range(6):
        optimizer.step(params, {"a": np.array([-1.0])})
        path.append(params["a"][0])
    np.testing.assert_allclose(optimizer.parameters()["a"], np.mean(path[2:]))
    p, optimizer = np.ones(3), numgd.Adam()
    optimizer.step(p, np.ones(3))
    copied = optimizer.parameters()
    np.testing.assert_array_equal(copied, p)
    assert not np.shares_memory(copied, p)


# Gradients that are not finite, and other bad input -----------------------------------------------------


def resumed(settings, **later):
    """Parameters and an optimizer with `later` settings, three steps of gradient descent on."""
    p, first = np.array([4.0, -2.0]), numgd.SGD(0.5, **settings)
    for _ in range(3):
        first.step(p, 0.5 * p)
    second = numgd.SGD(0.5, **later)
    second.load_state_dict(first.state_dict())
    return p, second


def test_lookahead_that_starts_late_starts_at_the_parameters():
    p, optimizer = resumed({}, lookahead=(4, 0.5))
    start = p.copy()
    optimizer.step(p, 0.5 * p)  # step 4
    np.testing.assert_allclose(p, 0.5 * (start + 0.75 * start), rtol=1e-15)


@pytest.mark.parametrize("later", [{"ema": 0.9}, {"average_from": 2}])
def test_an_average_that_starts_late_starts_at_the_parameters(later):
    p, optimizer = resumed({}, **later)
    average = p.copy()
    for t in (4, 5):
        optimizer.step(p, 0.5 * p)
        weight = 0.9 if "ema" in later else 1 - 1 / (t - 1)  # of what went before
        average = weight * average + (1 - weight) * p
        np.testing.assert_allclose(optimizer.averaged(), average, rtol=1e-15)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_guard(bad):
    params = {"a": np.ones(2), "b": np.ones(3, np.float32)}
    wrong = {"a": np.ones(2), "b": np.array([1.0, bad, 1.0], np.float32)}
    optimizer = numgd.Adam(0.1, nonfinite="skip")
    assert not optimizer.step(params, wrong)
    assert optimizer.t == 0 and all(np.all(p == 1.0) for p in params.values())
    optimizer = numgd.Adam(0.1, nonfinite="raise", accumulate=2)
    with pytest.raises(FloatingPointError, match=r"grads\['b'\]"):
        optimizer.step(params, wrong)
    assert all(np.all(p == 1.0) for p in params.values())
    right = {key: np.ones_like(p) for key, p in params.items()}
    assert [optimizer.step(params, right) for _ in range(2)] == [False, True]
    assert np.isfinite(params["b"]).all()
    optimizer = numgd.SGD(0.1)
    optimizer.step(params, wrong)
    assert not np.isfinite(params["b"][1]) and np.isfinite(params["b"][[0, 2]]).all()


def test_an_accumulated_nan_does_not_stay():
    p, optimizer = np.zeros(1), numgd.SGD(1.0, accumulate=2)
    for value in (np.nan, 1.0):
        optimizer.step(p, np.array([value]))
    assert np.isnan(p[0])
    p[0] = 0.0
    for value in (1.0, 3.0):
        optimizer.step(p, np.array([value]))
    assert p[0] == -2.0


def read_only():
    p = np.zeros(2)
    p.flags.writeable = False
    return p


SHARED = np.zeros(4)
MEETING = np.lib.stride_tricks.as_strided(np.zeros(2), (3, 2), (0, 8))


@pytest.mark.parametrize(
    ("params", "grads", "error", "match"),
    [
        (np.zeros(2), np.zeros(3), ValueError, r"grads has shape \(3,\)"),
        ([np.zeros(2)], [np.zeros((2, 1))], ValueError, r"grads\[0\] has shape"),
        (np.zeros(2), np.zeros(2, np.float32), TypeError, "grads has dtype float32"),
        (np.zeros(2, complex), np.zeros(2, complex), TypeError, "params must be float32 or float64"),
        (np.zeros(2, int), np.zeros(2, int), TypeError, "params must be float32 or float64"),
        (read_only(), np.zeros(2), ValueError, "read-only"),
        (SHARED, SHARED, ValueError, "shares memory"),
        (SHARED[:3], SHARED[1:], ValueError, "shares memory"),
        ({"a": np.zeros(2)}, {"b": np.zeros(2)}, ValueError, "structure of params"),
        ([np.zeros(2)], [np.zeros(2), np.zeros(2)], ValueError, "structure of params"),
        ([1.0], [1.0], TypeError, r"params\[0\] must be an array"),
        ([], [], ValueError, "no array"),
        (
            [SHARED, SHARED],
            [np.ones(4), np.ones(4)],
            ValueError,
            r"params\[1\] shares memory with params\[0\]",
        ),
        ([SHARED[:3], SHARED[2:]], [np.ones(3), np.ones(2)], ValueError, r"params\[1\] shares memory"),
        ({"a": SHARED[::2], "b": SHARED[1:3]}, {"a": np.ones(2), "b": np.ones(2)}, ValueError, "params"),
        ([SHARED[:2], SHARED[2:]], [np.ones(2), SHARED[:2]], ValueError, r"grads\[1\] shares .* params\[0\]"),
        (MEETING, np.zeros((3, 2)), ValueError, "params has elements that share memory"),
    ],
)
def test_arrays_that_do_not_fit(params, grads, error, match):
    optimizer = numgd.Adam()
    with pytest.raises(error, match=match):
        optimizer.step(params, grads)
    assert optimizer.t == 0


def test_neighbours_in_memory_are_no_shared_memory():
    both = np.zeros(6)
    both[1::2] = 1.0
    numgd.SGD(1.0).step(both[::2], both[1::2])
    np.testing.assert_array_equal(both, [-1.0, 1.0] * 3)


def test_apart_or_not_is_asked_of_elements_not_of_bounds():
    """Interleaved parameters and gradients, in one block of memory; and gradients may be one array."""
    block, single = np.zeros((6, 4)), np.ones(6)
    block[:, 2:] = 1.0
    numgd.SGD(1.0).step([block[:, 0], block[:, 1]], [block[:, 2], block[:, 3]])
    np.testing.assert_array_equal(block, np.repeat([[-1.0, -1.0, 1.0, 1.0]], 6, 0))
    numgd.SGD(1.0).step([block[:, 0], block[:, 1]], [single, single])
    assert (block[:, :2] == -2.0).all()
    empty = block[:0]
    numgd.SGD(1.0).step([block[:, 0].copy(), empty, empty], [single, empty, empty])


def _moved(array):
    """Give an array other memory and its old length."""
    size = array.size
    array.resize(10**6, refcheck=False)
    array.resize(size, refcheck=False)


CHANGES = {  # what may happen to an array between two steps; the error, or none where it still fits
    "resized": (lambda a: a.resize(9, refcheck=False), ValueError, "shape"),
    "moved": (_moved, None, ""),
    "reshaped": (lambda a: setattr(a, "shape", (2, 2)), ValueError, "shape"),
    "retyped": (lambda a: setattr(a, "dtype", np.int64), (TypeError, ValueError), "float|dtype"),
    "read-only": (lambda a: a.setflags(write=False), ValueError, "params is read-only"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("of", ["params", "grads"])
@pytest.mark.parametrize("change", CHANGES)
def test_an_array_that_is_no_longer_what_it_was(change, of):
    act, error, match = CHANGES[change]
    error = None if (change, of) == ("read-only", "grads") else error
    optimizer, memory = numgd.SGD(1.0), {"params": np.zeros(4), "grads": np.ones(4)}
    optimizer.step(**memory)
    act(memory[of])
    if error is not None:
        before = memory["params"].copy()
        with pytest.raises(error, match=match):
            optimizer.step(**memory)
        assert np.array_equal(memory["params"], before)
        if of == "params":
            with pytest.raises(error, match=match):
                optimizer.parameters()
        return
    optimizer.step(**memory)
    assert np.array_equal(memory["params"], np.full(4, -2.0))
    assert np.array_equal(optimizer.parameters(), memory["params"])


def test_what_a_structure_holds_is_looked_at():
    """Other arrays under the same keys, and the same arrays under other keys."""
    params, grads = {"a": np.zeros(2), "b": np.zeros(2)}, {"a": np.ones(2), "b": np.full(2, 2.0)}
    optimizer = numgd.SGD(1.0)
    optimizer.step(params, grads)
    optimizer.step(params, {"b": grads["a"], "a": grads["b"]})
    assert params["a"][0] == params["b"][0] == -3.0
    old, params["a"] = params["a"], np.zeros(2)
    optimizer.step(params, grads)
    assert old[0] == -3.0 and params["a"][0] == -1.0
    with pytest.raises(ValueError, match="at every step"):
        optimizer.step(list(params.values()), list(grads.values()))
    whole = np.zeros((4, 2))
    view, strided = numgd.SGD(1.0), whole[:, 0]
    view.step(strided, np.ones(4))
    whole[:] = 5.0  # the copy of an array that is not contiguous is made again at every step
    view.step(strided, np.ones(4))
    assert (whole[:, 0] == 4.0).all()
    whole[:] = 7.0
    assert (view.parameters() == 7.0).all()


def test_arrays_that_are_not_aligned():
    p = np.zeros(17, np.uint8)[1:].view(np.float64)
    assert not p.flags.aligned
    numgd.SGD(1.0).step(p, np.ones(2))
    assert p.tolist() == [-1.0, -1.0]


def test_arrays_that_change_their_shape():
    optimizer = numgd.Adam()
    optimizer.step([np.zeros(2)], [np.ones(2)])
    for params in ([np.zeros(3)], [np.zeros(2, np.float32)], [np.zeros(2), np.zeros(2)]):
        with pytest.raises(ValueError, match="at every step"):
            optimizer.step(params, [np.ones_like(p) for p in params])
    assert optimizer.t == 1


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"learning_rate": -1.0}, ValueError, "learning_rate"),
        ({"learning_rate": "large"}, TypeError, "learning_rate"),
        ({"beta1": 1.0}, ValueError, "beta1"),
        ({"gamma": 1.0}, TypeError, "gamma"),
        ({"weight_decay": -1.0}, ValueError, "weight_decay"),
        ({"decoupled": 1}, TypeError, "decoupled"),
        ({"clip_norm": 0.0}, ValueError, "clip_norm"),
        ({"nonfinite": "perhaps"}, ValueError, "nonfinite"),
        ({"maximize": 1}, TypeError, "maximize must be True or False"),
        ({"accumulate": 0}, ValueError, "accumulate"),
        ({"accumulate": 1.5}, TypeError, "accumulate"),
        ({"ema": 1.0}, ValueError, "ema"),
        ({"ema": 0.9, "average_from": 1}, ValueError, "ema and average_from"),
        ({"lookahead": 5}, TypeError, "lookahead"),
        ({"lookahead": (0, 0.5)}, ValueError, "lookahead"),
        ({"lookahead": (5, 1.5)}, ValueError, "lookahead"),
        ({"groups": [1]}, TypeError, "groups"),
        ({"groups": {"a": {"beta3": 1.0}}}, TypeError, "beta3"),
    ],
)
def test_settings_that_make_no_sense(settings, error, match):
    with pytest.raises(error, match=match):
        numgd.Adam(**settings)


def test_groups_must_be_there():
    with pytest.raises(ValueError, match="groups"):
        numgd.Adam(groups={"b": {}}).step({"a": np.zeros(2)}, {"a": np.ones(2)})


# State -----------------------------------------------------------------------------------------------------

EVERYTHING = {
    "ema": 0.9,
    "lookahead": (3, 0.5),
    "accumulate": 2,
    "clip_global_norm": 2.0,
    "weight_decay": 0.1,
}


@pytest.mark.parametrize("suffix", [None, ".npz", ".safetensors"])
@pytest.mark.parametrize("stop", [1, 5, 8])
def test_resumed_is_uninterrupted(suffix, stop, tmp_path):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    gradients = [arrays(k) for k in range(20)]
    whole, optimizer = arrays(99), numgd.Adam(0.1, **EVERYTHING)
    for own in gradients:
        optimizer.step(whole, own)
    params, first, second = arrays(99), numgd.Adam(0.1, **EVERYTHING), numgd.Adam(0.1, **EVERYTHING)
    for own in gradients[:stop]:
        first.step(params, own)
    if suffix is None:
        second.load_state_dict(first.state_dict())
    else:
        path = tmp_path / f"state{suffix}"
        first.save(path)
        second.load(path)
    for own in gradients[stop:]:
        second.step(params, own)
    for one, other in zip(whole, params, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(optimizer.averaged(), second.averaged(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_states_of_others_are_refused(tmp_path):
    trained = numgd.Adam()
    trained.step(np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match="rule"):
        numgd.SGD().load_state_dict(trained.state_dict())
    other = numgd.Adam()
    other.load_state_dict(trained.state_dict())
    with pytest.raises(ValueError, match="shape"):
        other.step(np.zeros(4), np.ones(4))
    path = tmp_path / "hostile.npz"
    np.savez(path, plain=np.array({"t": 1}, object))
    with pytest.raises(ValueError, match="does not contain the state of an optimizer"):
        numgd.Adam().load(path)
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(ValueError, match="does not contain the state of an optimizer"):
        numgd.Adam().load(tmp_path / "text.npz")
    with pytest.raises(ValueError, match="npz"):
        trained.save(tmp_path / "state.pkl")
    with pytest.raises(FileNotFoundError):
        trained.load(tmp_path / "nowhere.npz")


STATE = {
    "rule": "adam", "t": 3, "accumulated": 0, "0.slots": np.ones((2, 3)), "0.running": np.zeros(4),
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "match"),
    [
        *(
            ({"t": value}, "t must")
            for value in (-1, 2**53 + 1, 10**400, 1e300, math.nan, "three", None, True)
        ),
        *(({"t": value}, "t must") for value in ([3], np.ones(2), np.ones(2, complex))),
        *(({"accumulated": value}, "accumulated") for value in (-1, 1, "one", None, 10**30)),
        *(({"rule": value}, "rule") for value in ("sgd", None, 5, "x" * 10**5)),
        ({"0.slots": np.ones((2, 3), complex)}, "0.slots must be float"),
        ({"0.slots": np.full((2, 3), "1.0")}, "0.slots must be float"),
        ({"0.slots": np.full((2, 3), None)}, "0.slots must be float"),
        ({"0.slots": np.ones((2, 3), int)}, "0.slots must be float"),
        ({"0.slots": "text"}, "0.slots must be float"),
        ({"0.slots": [[1.0], [1.0, 2.0]]}, "0.slots is not an array"),
        ({"0.slots": np.ones((3, 3))}, "slots must have 2 rows"),
        ({"0.slots": np.ones(6)}, "slots must have 2 rows"),
        ({"0.running": np.ones(5)}, "running must have the shape"),
        ({"0.average": np.ones(4)}, "average must have the shape"),
        ({"0.unheard": np.ones(3)}, "unheard"),
        ({"unheard": 1}, "unheard"),
        ({5: np.ones(3)}, "5"),
        ({"2.slots": np.ones((2, 3)), "2.running": np.zeros(4)}, "lacks arrays"),
        ({"1.slots": np.ones((2, 3))}, "lacks running"),
        ({"t": ...}, "t must"),
        ({"rule": ...}, "rule"),
        ({"0.slots": ...}, "lacks slots"),
        ({"0.running": ...}, "lacks running"),
        ({"0.running": ..., "0.slots": ...}, "lacks arrays"),
    ],
)
@pytest.mark.parametrize("stepped", [False, True])
def test_a_damaged_state_changes_nothing(change, match, stepped):
    state = {name: value for name, value in (STATE | change).items() if value is not ...}
    optimizer = numgd.Adam()
    optimizer.load_state_dict(STATE)
    if stepped:
        optimizer.step(np.zeros(3), np.ones(3))
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=match):
        optimizer.load_state_dict(state)
    _same_state(optimizer.state_dict(), before)


def _same_state(one, other):
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_state_of_other_arrays_changes_nothing():
    """Found at once after a step, else at the first one; which then may be made with other arrays."""
    optimizer = numgd.Adam()
    optimizer.step(np.zeros(4), np.ones(4))
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match="shape"):
        optimizer.load_state_dict(STATE)
    two = STATE | {"1.slots": STATE["0.slots"], "1.running": STATE["0.running"]}
    with pytest.raises(ValueError, match="2 groups"):
        optimizer.load_state_dict(two)
    _same_state(optimizer.state_dict(), before)
    optimizer = numgd.Adam()
    optimizer.load_state_dict(STATE)
    with pytest.raises(ValueError, match="shape"):
        optimizer.step(np.zeros(4), np.ones(4))
    optimizer.step(np.zeros(3), np.ones(3))
    assert optimizer.t == 4


def test_a_loaded_state_is_a_copy_and_can_be_saved_again():
    optimizer, state = numgd.Adam(), {**STATE, "0.slots": np.ones((2, 3))}
    optimizer.load_state_dict(state)
    state["0.slots"][:] = 5.0
    _same_state(optimizer.state_dict(), STATE)
    with pytest.raises(TypeError, match="dictionary"):
        optimizer.load_state_dict([1])


@pytest.mark.parametrize("rate", [-1.0, math.nan, "text", None])
def test_a_damaged_state_of_the_schedule_changes_nothing(rate):
    optimizer = numgd.Adam(numgd.schedules.ReduceOnPlateau(0.1))
    whole = optimizer.state_dict()
    with pytest.raises(ValueError, match=r"rate|schedule"):
        optimizer.load_state_dict({**whole, **STATE, "schedule.rate": rate})
    with pytest.raises(ValueError, match="keys"):
        optimizer.load_state_dict(STATE)
    _same_state(optimizer.state_dict(), whole)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_damaged_file_changes_nothing(suffix, tmp_path):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    path, optimizer = tmp_path / f"state{suffix}", numgd.Adam()
    optimizer.load_state_dict(STATE)
    optimizer.save(path)
    whole = path.read_bytes()
    for damaged in (b"", whole[:10], whole[: len(whole) // 2], whole[:-1], b"\x00" * len(whole)):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="does not contain the state of an optimizer"):
            optimizer.load(path)
    numgd.save(path, {"x": np.ones(3)})
    with pytest.raises(ValueError, match="does not contain the state of an optimizer"):
        optimizer.load(path)
    for plain in ("[]", "[" * 10**5, "{", '{"rule": "adam", "t": -1, "accumulated": 0}'):
        np.savez(tmp_path / "plain.npz", plain=np.array(plain))
        with pytest.raises(ValueError, match=r"the state of an optimizer|t must"):
            optimizer.load(tmp_path / "plain.npz")
    _same_state(optimizer.state_dict(), STATE)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
@pytest.mark.parametrize("stop", [0, 5])
def test_a_copy_goes_on_alone(copied, stop):
    params, optimizer = {"a": np.ones(3), "b": np.ones((2, 2), np.float32)}, numgd.Adam(
        numgd.schedules.ReduceOnPlateau(0.1), groups={"b": {"beta1": 0.5}}, **EVERYTHING
    )  # fmt: skip
    gradients = [{"a": np.full(3, k + 1.0), "b": np.full((2, 2), k - 1.0, np.float32)} for k in range(9)]
    for own in gradients[:stop]:
        optimizer.step(params, own)
    twin, twin_params = copied(optimizer), copy.deepcopy(params)
    assert type(twin) is numgd.Adam and repr(twin) == repr(optimizer)
    _same_state(twin.state_dict(), optimizer.state_dict())
    if stop:
        for key, average in optimizer.averaged().items():
            np.testing.assert_array_equal(twin.averaged()[key], average)
        with pytest.raises(ValueError, match="first step"):
            twin.parameters()
        with pytest.raises(ValueError, match="at every step"):
            twin.step({"a": np.ones(4), "b": params["b"]}, {"a": np.ones(4), "b": params["b"].copy()})
    for own in gradients[stop:]:
        optimizer.step(params, own)
    for own in gradients[stop:]:
        twin.step(twin_params, own)
    for key, array in params.items():
        np.testing.assert_array_equal(twin_params[key], array)
    _same_state(twin.state_dict(), optimizer.state_dict())


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_optimizer_is_pickled(cls):
    twin = pickle.loads(pickle.dumps(cls(0.25)))
    assert type(twin) is cls and twin.learning_rate == 0.25


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_repr_is_in_the_order_of_the_signature(cls):
    shown = re.findall(r"(\w+)=", repr(cls()))
    signature = [name for name in inspect.signature(cls).parameters if name in shown]
    assert shown == signature and shown[0] == "learning_rate"
    assert repr(eval(repr(cls()), {cls.__name__: cls, "inf": np.inf})) == repr(cls())


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    optimizer = numgd.Adam()
    optimizer.load_state_dict(STATE)
    optimizer.save(path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    with pytest.raises(OSError, match="disk full"):
        optimizer.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["state.npz"]


def test_nothing_before_the_first_step():
    for ask in (numgd.Adam().parameters, numgd.Adam(ema=0.9).averaged, numgd.Adam().averaged):
        with pytest.raises(ValueError, match=r"first step|averaged needs"):
            ask()


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("Adam", "lr", "'learning_rate'"),
        ("Adam", "betas", "'beta1' and 'beta2'"),
        ("Adam", "epsilon", "'eps'"),
        ("Adam", "beta_1", "'beta1'"),
        ("Adam", "amsgrad", r"numgd\.AMSGrad"),
        ("Adam", "clipnorm", "'clip_norm'"),
        ("Adam", "global_clipnorm", "'clip_global_norm'"),
        ("Lion", "momentum", "'beta1'"),
        ("NAdam", "schedule_decay", "'momentum_decay'"),
        ("RMSprop", "rho", "'decay'"),
        ("RMSprop", "alpha", "'decay'"),
        ("RMSprop", "eps_in_sqrt", "'eps_root'"),
        ("RMSprop", "momentum", r"numgd\.RMSpropMomentum"),
        ("RMSprop", "centered", r"numgd\.RMSpropCentred"),
        ("Adadelta", "rho", "'decay'"),
        ("SGD", "momentum", r"numgd\.Momentum"),
        ("SGD", "nesterov", r"numgd\.Nesterov"),
        ("Nesterov", "dampening", r"numgd\.Momentum"),
        ("ASGD", "alpha", "'power'"),
        ("ASGD", "lambd", "'decay'"),
        ("Rprop", "etas", "'decrease_factor' and 'increase_factor'"),
        ("Rprop", "eta_plus", "'increase_factor'"),
        ("ScheduleFreeSGD", "b1", "'momentum'"),
        ("Adagrad", "lr_decay", "'learning_rate_decay'"),
        ("Adadelta", "momentum", "it has learning_rate, decay, eps, weight_decay, decoupled"),
        ("Adam", "nonsense", "it has learning_rate, beta1"),
    ],
)
def test_names_of_other_libraries_are_told_in_ours(name, given, said):
    with pytest.raises(TypeError, match=f"{name} has no hyper-parameter '{given}'; .*{said}"):
        getattr(numgd, name)(**{given: 0.5})
    with pytest.raises(TypeError, match=said):
        getattr(numgd, name)(groups={"a": {given: 0.5}})


def test_every_name_of_another_library_is_told_by_some_rule():
    """A name that none of the rules has anything for would be told nobody."""
    settings = set(inspect.signature(optimizers.Optimizer).parameters)
    known = settings.union(*(inspect.signature(cls).parameters for cls in CLASSES))
    for given, ours in OTHER_NAMES.items():
        assert set(ours) <= known, given
    for (rule, given), other in VARIANTS_OF.items():
        assert rule in RULES and other in RULES and given not in RULES[rule].options._fields


def test_a_schedule_may_fail_for_later_steps():
    """Schedules are asked for many steps at once."""
    rates = np.array([0.5, 0.25, 0.125])
    optimizer = numgd.SGD(numgd.schedules.Function(lambda t: rates[t - 1]))
    p = np.zeros(1)
    for _ in range(3):
        optimizer.step(p, np.ones(1))
    assert p[0] == -0.875
    with pytest.raises(IndexError):
        optimizer.step(p, np.ones(1))
    assert p[0] == -0.875 and optimizer.t == 3


def test_arrays_with_equal_hyperparameters_are_one_group():
    own = {"weight_decay": 0.0}
    optimizer = numgd.SGD(0.1, weight_decay=1.0, groups={"b": own, "d": dict(own)})
    arrays = {name: np.ones(2) for name in "abcd"}
    optimizer.step(arrays, {name: np.zeros(2) for name in "abcd"})
    assert [arrays[name][0] for name in "abcd"] == [0.9, 1.0, 0.9, 1.0]
    assert [group.places for group in optimizer._groups] == [[0, 2], [1, 3]]
