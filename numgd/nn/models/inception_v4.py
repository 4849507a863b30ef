"""Inception v4."""

from functools import partial

from numgd.foundations.ranges import Count, Fraction, Positive, check_arguments
from numgd.nn.containers import Concat, Sequential
from numgd.nn.layers import AvgPool2d, Dense, Dropout, GlobalAvgPool2d, MaxPool2d
from numgd.nn.models.conv_norm import column, conv_norm, row
from numgd.nn.models.entry import Entry

PRETRAINED = ((r"\.branch\d\.(?:both\.)?(?=branch)", "."),)
"""To the names of `pretrainedmodels` and timm."""


@check_arguments
def inception_v4(num_classes: Count = 1000, *, dropout: Fraction = 0.2, width: Positive = 1.0):
    """Inception v4, for images of 299×299 pixels.

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
        Its parts have the names of `pretrainedmodels` and timm: features.0.conv, …, last_linear.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges.

    Notes
    -----
    Source: C. Szegedy, S. Ioffe, V. Vanhoucke and A. Alemi, Inception-v4, Inception-ResNet and the impact of
    residual connections on learning, AAAI (2017), figures 3 to 9.  Means over windows leave out the padding,
    batch norm has ε = 0.001, and of two convolutions over a row and a column the first is that of the weights
    that the authors published in TF-Slim.  Images must have at least 75×75 pixels.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.inception_v4(), input_shape=(299, 299, 3)).parameters
    42679816
    """
    conv = partial(conv_norm, width=width)
    model = Sequential(
        features=Sequential(
            *_stem(conv),
            *[_inception_a(conv) for _ in range(4)],
            _reduction_a(conv),
            *[_inception_b(conv) for _ in range(7)],
            _reduction_b(conv),
            *[_inception_c(conv) for _ in range(3)],
        ),
        avg_pool=GlobalAvgPool2d(),
        dropout=Dropout(dropout),
        last_linear=Dense(num_classes, initialiser="he_normal"),
    )
    model.torch_names = PRETRAINED
    return model


def _pool(conv, channels):
    return Sequential(AvgPool2d(3, 1, 1, count_include_pad=False), conv(channels, 1))


def _stem(conv):
    """Figure 3: the parts up to maps of 35×35."""
    return (
        conv(32, 3, stride=2),
        conv(32, 3),
        conv(64, 3, padding=1),
        Concat(maxpool=MaxPool2d(3, 2), conv=conv(96, 3, stride=2)),
        Concat(
            branch0=Sequential(conv(64, 1), conv(96, 3)),
            branch1=Sequential(conv(64, 1), row(conv, 64), column(conv, 64), conv(96, 3)),
        ),
        Concat(conv=conv(192, 3, stride=2), maxpool=MaxPool2d(3, 2)),
    )


def _inception_a(conv):
    """Figure 4, for maps of 35×35."""
    return Concat(
        branch0=conv(96, 1),
        branch1=Sequential(conv(64, 1), conv(96, 3, padding=1)),
        branch2=Sequential(conv(64, 1), conv(96, 3, padding=1), conv(96, 3, padding=1)),
        branch3=_pool(conv, 96),
    )


def _reduction_a(conv):
    """Figure 7, from 35×35 to 17×17."""
    return Concat(
        branch0=conv(384, 3, stride=2),
        branch1=Sequential(conv(192, 1), conv(224, 3, padding=1), conv(256, 3, stride=2)),
        branch2=MaxPool2d(3, 2),
    )


def _inception_b(conv):
    """Figure 5, for maps of 17×17."""
    return Concat(
        branch0=conv(384, 1),
        branch1=Sequential(conv(192, 1), row(conv, 224), column(conv, 256)),
        branch2=Sequential(
            conv(192, 1), column(conv, 192), row(conv, 224), column(conv, 224), row(conv, 256)
        ),
        branch3=_pool(conv, 128),
    )


def _reduction_b(conv):
    """Figure 8, from 17×17 to 8×8."""
    return Concat(
        branch0=Sequential(conv(192, 1), conv(192, 3, stride=2)),
        branch1=Sequential(conv(256, 1), row(conv, 256), column(conv, 320), conv(320, 3, stride=2)),
        branch2=MaxPool2d(3, 2),
    )


def _inception_c(conv):
    """Figure 6, for maps of 8×8."""
    return Concat(
        branch0=conv(256, 1),
        branch1=Sequential(
            branch1_0=conv(384, 1),
            both=Concat(branch1_1a=row(conv, 256, 3), branch1_1b=column(conv, 256, 3)),
        ),
        branch2=Sequential(
            branch2_0=conv(384, 1),
            branch2_1=column(conv, 448, 3),
            branch2_2=row(conv, 512, 3),
            both=Concat(branch2_3a=row(conv, 256, 3), branch2_3b=column(conv, 256, 3)),
        ),
        branch3=_pool(conv, 256),
    )


MODELS = {"inception_v4": Entry(inception_v4, (299, 299, 3))}
