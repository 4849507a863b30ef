"""Densely connected networks."""

from typing import Annotated

from numgd.foundations.ranges import Count, Flag, Fraction, Interval, Positive, check_arguments, one_of
from numgd.nn.containers import Concat, Identity, Sequential
from numgd.nn.layers import AvgPool2d, BatchNorm, Conv2d, Dense, Dropout, GlobalAvgPool2d, MaxPool2d
from numgd.nn.models.entry import Entry
from numgd.nn.models.width import scaled

LAYERS = {
    121: (6, 12, 24, 16),
    161: (6, 12, 36, 24),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
    264: (6, 12, 64, 48),
}
"""Numbers of layers of the dense blocks by depth: table 1 of the paper, and DenseNet-161 of torchvision."""

TORCHVISION = ((r"\.added\.", "."),)

Compression = Annotated[float, Interval("(0, 1]")]


@check_arguments
def densenet(
    depth: one_of(*LAYERS) = 121,
    num_classes: Count = 1000,
    *,
    growth_rate: Count | None = None,
    width: Positive = 1.0,
    stem: one_of("imagenet", "small") = "imagenet",
    dropout: Fraction = 0.0,
):
    """A densely connected network: DenseNet-121, 161, 169, 201 or 264.

    Parameters
    ----------
    depth : {121, 161, 169, 201, 264}
        Number of convolutions and of the dense layer; the network that the paper calls 264 has 265.
    num_classes : int
    growth_rate : int, optional
        k: the number of channels that each layer adds, by default 32, and 48 for depth 161.
    width : float
        Multiplies the growth rate, and with it all numbers of channels.
    stem : {'imagenet', 'small'}
        What comes before the dense blocks: a convolution of 7×7 and a pool, each with stride 2, or, for
        images of 8 to 64 pixels, a convolution of 3×3 alone, as in `densenet_cifar`.
    dropout : float
        Probability with which each number after a convolution, but the first one, is dropped in training,
        in [0, 1).

    Returns
    -------
    Sequential
        With torchvision's names.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges.

    Notes
    -----
    Source: G. Huang, Z. Liu, L. van der Maaten and K. Q. Weinberger, Densely connected convolutional
    networks, CVPR (2017), table 1: DenseNet-BC with compression θ = 0.5.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.densenet(121), input_shape=(224, 224, 3)).parameters
    7978856
    """
    k = scaled(growth_rate or (48 if depth == 161 else 32), width)
    first = {"conv0": _conv(2 * k, 3)}
    if stem == "imagenet":
        first = {
            "conv0": _conv(2 * k, 7, stride=2),
            "norm0": BatchNorm(activation="relu"),
            "pool0": MaxPool2d(3, stride=2, padding=1),
        }
    return _network(
        first, 2 * k, LAYERS[depth], k, num_classes, bottleneck=True, compression=0.5, dropout=dropout
    )


@check_arguments
def densenet_cifar(
    depth: Count = 40,
    growth_rate: Count = 12,
    *,
    bottleneck: Flag = False,
    compression: Compression = 1.0,
    num_classes: Count = 10,
    dropout: Fraction = 0.0,
):
    """A densely connected network for images of 32×32 pixels, with three dense blocks.

    Parameters
    ----------
    depth : int
        Number of layers with weights: 3 n + 4 with n layers in each block, or 6 n + 4 with bottlenecks.
    growth_rate : int
        k: the number of channels that each layer adds.
    bottleneck : bool
        Whether a convolution of 1×1 to 4 k channels comes before each one of 3×3: DenseNet-B.
    compression : float
        θ in (0, 1]: the transitions between blocks keep ⌊θ m⌋ of m channels, at least one; DenseNet-C for
        less than 1.  In DenseNet-BC, with bottlenecks and θ < 1, the first convolution has 2 k channels and
        not 16.
    num_classes : int
    dropout : float
        Probability with which each number after a convolution, but the first one, is dropped in training, in
        [0, 1).  The paper takes 0.2 for data without augmentation.

    Returns
    -------
    Sequential
        Its parts are named as those of `densenet`.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges, and for a depth that is not 3 n + 4, or 6 n + 4.

    Notes
    -----
    Source: G. Huang, Z. Liu, L. van der Maaten and K. Q. Weinberger, Densely connected convolutional
    networks, CVPR (2017), section 3, "Implementation details", and table 2.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.densenet_cifar(40, 12), input_shape=(32, 32, 3)).parameters
    1019722
    >>> model = nn.models.densenet_cifar(100, 12, bottleneck=True, compression=0.5)
    >>> nn.summary(model, input_shape=(32, 32, 3)).parameters
    769162
    """
    by = 6 if bottleneck else 3
    layers, rest = divmod(depth - 4, by)
    if layers < 1 or rest:
        kind = "with" if bottleneck else "without"
        raise ValueError(f"depth must be {by} n + 4 with n from 1 on, {kind} bottlenecks; it is {depth}")
    channels = 2 * growth_rate if bottleneck and compression < 1 else 16
    return _network(
        {"conv0": _conv(channels, 3)}, channels, 3 * (layers,), growth_rate, num_classes,
        bottleneck=bottleneck, compression=compression, dropout=dropout,
    )  # fmt: skip


def _network(first, channels, blocks, growth_rate, num_classes, *, bottleneck, compression, dropout):
    """Dense blocks with transitions between them, after the first parts and their number of channels."""
    features = dict(first)
    for number, layers in enumerate(blocks, start=1):
        if number > 1:
            channels = max(1, int(compression * channels))
            features[f"transition{number - 1}"] = transition(channels, dropout)
        features[f"denseblock{number}"] = dense_block(layers, growth_rate, bottleneck, dropout)
        channels += layers * growth_rate
    model = Sequential(
        features=Sequential(**features, norm5=BatchNorm(activation="relu")),
        pool=GlobalAvgPool2d(),
        classifier=Dense(num_classes),
    )
    model.torch_names = TORCHVISION
    return model


def dense_block(layers, growth_rate, bottleneck, dropout):
    """Layers that each add channels to all those before them."""
    return Sequential(
        **{
            f"denselayer{number}": Concat(
                kept=Identity(), added=dense_layer(growth_rate, bottleneck, dropout)
            )
            for number in range(1, layers + 1)
        }
    )


def dense_layer(growth_rate, bottleneck, dropout):
    """What a dense block adds: batch norm, ReLU and convolution, once or twice."""
    convolutions = [_conv(4 * growth_rate, 1)] if bottleneck else []
    convolutions.append(_conv(growth_rate, 3))
    parts = {}
    for number, conv in enumerate(convolutions, start=1):
        parts[f"norm{number}"] = BatchNorm(activation="relu")
        parts[f"conv{number}"] = conv
        if dropout > 0:
            parts[f"dropout{number}"] = Dropout(dropout)
    return Sequential(**parts)


def transition(channels, dropout):
    """What lies between two dense blocks: half the size, and maybe fewer channels."""
    parts = {"norm": BatchNorm(activation="relu"), "conv": _conv(channels, 1)}
    if dropout > 0:
        parts["dropout"] = Dropout(dropout)
    return Sequential(**parts, pool=AvgPool2d(2))


def _conv(channels, size, stride=1):
    return Conv2d(channels, size, stride, padding=size // 2, bias=False, initialiser="he_normal")


_BC = {"bottleneck": True, "compression": 0.5}

MODELS = {
    **{f"densenet{depth}": Entry(densenet, (224, 224, 3), {"depth": depth}) for depth in LAYERS},
    "densenet40": Entry(densenet_cifar, (32, 32, 3), {"depth": 40, "growth_rate": 12}),
    "densenet100": Entry(densenet_cifar, (32, 32, 3), {"depth": 100, "growth_rate": 12}),
    "densenet100_bc": Entry(densenet_cifar, (32, 32, 3), {"depth": 100, "growth_rate": 12, **_BC}),
    "densenet250_bc": Entry(densenet_cifar, (32, 32, 3), {"depth": 250, "growth_rate": 24, **_BC}),
    "densenet190_bc": Entry(densenet_cifar, (32, 32, 3), {"depth": 190, "growth_rate": 40, **_BC}),
}
