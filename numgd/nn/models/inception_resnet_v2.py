"""Inception-ResNet v2: Inception modules as residual branches."""

from functools import partial
from itertools import accumulate

from numgd.foundations.ranges import Count, Fraction, Positive, check_arguments
from numgd.nn.containers import Concat, Residual, Sequential
from numgd.nn.layers import AvgPool2d, Conv2d, Dense, Dropout, GlobalAvgPool2d, MaxPool2d, Scale
from numgd.nn.models.conv_norm import column, conv_norm, row
from numgd.nn.models.entry import Entry
from numgd.nn.models.width import scaled

PRETRAINED = ((r"\.body\.(?:branches\.)?", "."),)
"""To the names of `pretrainedmodels`."""

_BRANCHES_5B = (96, 64, 96, 64)
_BRANCHES_6A = (384, 384)
_BRANCHES_7A = (384, 288, 320)
"""Channels of the branches of mixed_5b, mixed_6a and mixed_7a; the last two also pass their input on."""


@check_arguments
def inception_resnet_v2(num_classes: Count = 1000, *, dropout: Fraction = 0.2, width: Positive = 1.0):
    """Inception-ResNet v2, for images of 299×299 pixels.

    Parameters
    ----------
    num_classes : int
    dropout : float
        Probability with which each number before the last layer is dropped in training.
    width : float
        Factor of all numbers of channels.

    Returns
    -------
    Sequential
        Its parts have the names of `pretrainedmodels`: conv2d_1a, …, mixed_5b, repeat.0, …, last_linear.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges.

    Notes
    -----
    Source: C. Szegedy, S. Ioffe, V. Vanhoucke and A. Alemi, Inception-v4, Inception-ResNet and the impact of
    residual connections on learning, AAAI (2017), figures 16 to 20.  This is the network that its authors
    published in TF-Slim.  It differs from the paper: the first layers are those of Inception v3 with one
    module more, there are 10, 20 and 10 blocks for 5, 10 and 5, and a convolution of 1×1 before the last
    pool.  Branches are multiplied by 0.17, 0.1 and 0.2 before they are added (section 3.3), except in the
    last block, which has no ReLU either.  Means over windows leave out the padding; batch norm has
    ε = 0.001.  Images must have at least 75×75 pixels.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.inception_resnet_v2(), input_shape=(299, 299, 3)).parameters
    55843464
    """
    conv = partial(conv_norm, width=width)
    channels_35, channels_17, channels_8 = accumulate(
        sum(scaled(n, width) for n in branches) for branches in (_BRANCHES_5B, _BRANCHES_6A, _BRANCHES_7A)
    )
    model = Sequential(
        conv2d_1a=conv(32, 3, stride=2),
        conv2d_2a=conv(32, 3),
        conv2d_2b=conv(64, 3, padding=1),
        maxpool_3a=MaxPool2d(3, 2),
        conv2d_3b=conv(80, 1),
        conv2d_4a=conv(192, 3),
        maxpool_5a=MaxPool2d(3, 2),
        mixed_5b=_mixed_5b(conv),
        repeat=Sequential(*[_block_35(conv, channels_35) for _ in range(10)]),
        mixed_6a=_reduction_a(conv),
        repeat_1=Sequential(*[_block_17(conv, channels_17) for _ in range(20)]),
        mixed_7a=_reduction_b(conv),
        repeat_2=Sequential(*[_block_8(conv, channels_8) for _ in range(9)]),
        block8=_block_8(conv, channels_8, scale=1.0, activation=None),
        conv2d_7b=conv(1536, 1),
        avgpool_1a=GlobalAvgPool2d(),
        dropout=Dropout(dropout),
        last_linear=Dense(num_classes, initialiser="he_normal"),
    )
    model.torch_names = PRETRAINED
    return model


def _mixed_5b(conv):
    """The module after the first layers, for maps of 35×35."""
    return Concat(
        branch0=conv(96, 1),
        branch1=Sequential(conv(48, 1), conv(64, 5, padding=2)),
        branch2=Sequential(conv(64, 1), conv(96, 3, padding=1), conv(96, 3, padding=1)),
        branch3=Sequential(AvgPool2d(3, 1, 1, count_include_pad=False), conv(64, 1)),
    )


def _residual(channels, scale, activation, *branches):
    """Branches, a convolution of 1×1 without activation back to the number of channels, and the sum."""
    body = Sequential(
        branches=Concat(**{f"branch{i}": branch for i, branch in enumerate(branches)}),
        conv2d=Conv2d(channels, 1, initialiser="he_normal"),
        scale=Scale(scale),
    )
    return Residual(body, activation=activation)


def _block_35(conv, channels):
    """Figure 16, for maps of 35×35."""
    return _residual(
        channels,
        0.17,
        "relu",
        conv(32, 1),
        Sequential(conv(32, 1), conv(32, 3, padding=1)),
        Sequential(conv(32, 1), conv(48, 3, padding=1), conv(64, 3, padding=1)),
    )


def _reduction_a(conv):
    """Figure 7, from 35×35 to 17×17."""
    return Concat(
        branch0=conv(384, 3, stride=2),
        branch1=Sequential(conv(256, 1), conv(256, 3, padding=1), conv(384, 3, stride=2)),
        branch2=MaxPool2d(3, 2),
    )


def _block_17(conv, channels):
    """Figure 17, for maps of 17×17."""
    return _residual(
        channels,
        0.1,
        "relu",
        conv(192, 1),
        Sequential(conv(128, 1), row(conv, 160), column(conv, 192)),
    )


def _reduction_b(conv):
    """Figure 18, from 17×17 to 8×8."""
    return Concat(
        branch0=Sequential(conv(256, 1), conv(384, 3, stride=2)),
        branch1=Sequential(conv(256, 1), conv(288, 3, stride=2)),
        branch2=Sequential(conv(256, 1), conv(288, 3, padding=1), conv(320, 3, stride=2)),
        branch3=MaxPool2d(3, 2),
    )


def _block_8(conv, channels, scale=0.2, activation="relu"):
    """Figure 19, for maps of 8×8."""
    return _residual(
        channels,
        scale,
        activation,
        conv(192, 1),
        Sequential(conv(192, 1), row(conv, 224, 3), column(conv, 256, 3)),
    )


MODELS = {"inception_resnet_v2": Entry(inception_resnet_v2, (299, 299, 3))}
