"""Random small networks for images, from seeds."""

import numpy as np

from numgd import nn

ACTIVATIONS = [None, None, "relu", "relu", "leaky_relu", "tanh", "sigmoid", "elu", "relu6", "gelu"]


def random_model(seed):
    """The shape of the input and a model of three classes."""
    rng = np.random.default_rng(seed)
    shape = (*(int(n) for n in rng.integers(6, 11, 2)), int(rng.choice([1, 3, 4, 8, 16])))
    parts, given = [], shape
    while len(parts) < 5:
        part = rng.choice(PARTS)(rng, given)
        try:
            given = nn.Network(part, given).output_shape
        except ValueError:  # such as a window larger than the image
            continue
        parts.append(part)
    head = nn.GlobalAvgPool2d() if rng.random() < 0.3 else nn.Flatten()
    middle = [nn.Dense(int(rng.integers(3, 20)), activation=_name(rng)), *_vectors(rng)]
    return shape, nn.Sequential(*parts, head, *middle, nn.Dense(3))


def _name(rng):
    return rng.choice(ACTIVATIONS)


def _pair(rng, low, high):
    return tuple(int(n) for n in rng.integers(low, high, 2))


def _conv(rng, given):
    channels = int(rng.choice([1, 2, 3, 4, 6, 8, 12, 16, 20, 32]))
    groups = int(rng.choice([g for g in (1, 1, 1, 2, 4) if channels % g == 0 and given[-1] % g == 0]))
    return nn.Conv2d(
        channels, _pair(rng, 1, 5), _pair(rng, 1, 3), tuple(int(n) for n in rng.integers(0, 3, 4)),
        _pair(rng, 1, 3) if rng.random() < 0.3 else 1, groups, _name(rng), bool(rng.random() < 0.7),
    )  # fmt: skip


def _same_conv(rng, given):
    channels, kernel = int(rng.choice([given[-1], 8, 16])), int(rng.choice([1, 3, 5]))
    return nn.Conv2d(channels, kernel, padding="same", activation=_name(rng), bias=bool(rng.random() < 0.5))


def _depthwise(rng, given):
    return nn.Conv2d(
        given[-1], (int(rng.choice([2, 3])), 3), int(rng.choice([1, 1, 2])), 1, groups="depthwise",
        activation=_name(rng),
    )  # fmt: skip


def _transposed(rng, given):
    return nn.Conv2dTranspose(
        int(rng.integers(1, 7)), _pair(rng, 1, 4), _pair(rng, 1, 3), activation=_name(rng)
    )


def _pool(rng, given):
    if rng.random() < 0.5:
        return nn.MaxPool2d(
            _pair(rng, 2, 4), _pair(rng, 1, 3), int(rng.integers(0, 2)), bool(rng.random() < 0.5)
        )
    return nn.AvgPool2d(
        _pair(rng, 2, 4),
        _pair(rng, 1, 3),
        int(rng.integers(0, 2)),
        count_include_pad=bool(rng.random() < 0.5),
    )


def _norm(rng, given):
    groups = int(rng.choice([g for g in (1, 2, 3, 4) if given[-1] % g == 0]))
    return rng.choice(
        [
            nn.BatchNorm(activation=_name(rng)),
            nn.GroupNorm(groups, activation=_name(rng)),
            nn.LayerNorm(activation=_name(rng)) if given[-1] > 1 else nn.BatchNorm(),
            nn.LocalResponseNorm(3, alpha=0.5),
        ]
    )


def _activation(rng, given):
    return nn.Activation(_name(rng) or "silu")


def _residual(rng, given):
    body = nn.Sequential(
        nn.Conv2d(given[-1], 3, padding=1, bias=False), _norm(rng, given), nn.Conv2d(given[-1], 3, padding=1)
    )
    shortcut = None if rng.random() < 0.5 else nn.Conv2d(given[-1], 1)
    return nn.Residual(body, shortcut, _name(rng))


def _concat(rng, given):
    branches = [_same_conv(rng, given) for _ in range(int(rng.integers(1, 3)))]
    return nn.Concat(nn.Identity(), *branches, nn.Sequential(nn.BatchNorm(), _same_conv(rng, given)))


def _graph(rng, given):
    """Values with several consumers, sums of one value twice, and an activation of a shared value."""
    names = ["input", "a", "b", "c"]
    drawn = [str(n) for n in rng.choice(names, int(rng.integers(2, 5)))]
    channels = given[-1]
    return nn.Graph(
        a=nn.Conv2d(channels, 1, activation=_name(rng)),
        b=(nn.Activation(str(rng.choice(["relu", "tanh"]))), str(rng.choice(["input", "a"]))),
        c=(nn.Add(_name(rng)), "a", str(rng.choice(["input", "b"]))),
        d=(nn.Add(_name(rng)), *drawn),
        e=(nn.Conv2d(channels, 1), str(rng.choice(names))),
        f=(nn.Add(), "d", "e"),
        g=(nn.Concatenate(), "f", str(rng.choice([*names, "d"]))),
    )


PARTS = [
    _conv,
    _conv,
    _same_conv,
    _depthwise,
    _transposed,
    _pool,
    _norm,
    _activation,
    _residual,
    _concat,
    _graph,
]


def _vectors(rng):
    return [part for part in (nn.BatchNorm(), nn.LayerNorm(), nn.Dropout(0.3)) if rng.random() < 0.3]
