"""Inception v2, the network with which batch norm was published."""

from functools import partial

from numgd.foundations.ranges import Count, Positive, check_arguments, one_of
from numgd.nn.containers import Concat, Sequential
from numgd.nn.layers import AvgPool2d, BatchNorm, Conv2d, Dense, GlobalAvgPool2d, MaxPool2d
from numgd.nn.models.conv_norm import conv_norm
from numgd.nn.models.entry import Entry
from numgd.nn.models.width import scaled

PRETRAINED = (
    (r"^(inception_..)\.(?:branch_\w+\.)?", r"\1_"),
    (r"\.conv\.", "."),
    (r"\.bn\.", "_bn."),
)
"""To the names of `pretrainedmodels`."""

_POOLS = {"average": AvgPool2d(3, 1, 1), "max": MaxPool2d(3, 1, 1)}


@check_arguments
def inception_v2(
    num_classes: Count = 1000,
    *,
    variant: one_of("caffe", "paper") = "caffe",
    width: Positive = 1.0,
    stem: one_of("imagenet", "small") = "imagenet",
):
    """Inception v2, also called BN-Inception.

    Parameters
    ----------
    num_classes : int
    variant : {'caffe', 'paper'}
        'caffe' is the network whose weights are in wide use, from Caffe and `pretrainedmodels`; see below.
    width : float
        Factor of all numbers of channels.
    stem : {'imagenet', 'small'}
        'small' is for images of 8 to 64 pixels: the first convolution has windows of 3×3 and stride 1, and
        there are no pools before module 3a.

    Returns
    -------
    Sequential
        Its parts have the names of `pretrainedmodels`: conv1_7x7_s2, inception_3a, …, last_linear.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges.

    Notes
    -----
    Source: S. Ioffe and C. Szegedy, Batch normalization, ICML (2015), section 4.2 and figure 5 of
    arXiv:1502.03167.  The first convolution of the paper is separable: 8 filters for each colour, and a
    convolution of 1×1.  No convolution has a bias, which batch norm would cancel.  In modules 4c and 4d the
    projections of the pool have 96 channels; the figure has 128, with which its sizes of results (576) are
    not met.

    The variant 'caffe' has an ordinary first convolution, biases in all convolutions, and 128 channels in
    these projections, so that there are 608 after 4c and 4d, and 1056 after 4e.  Both have fewer parameters
    than the 13.6·10⁶ that the text of the paper states.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.inception_v2(), input_shape=(224, 224, 3)).parameters
    11295240
    """
    conv = partial(conv_norm, width=width, bias=variant == "caffe", eps=1e-5)
    project = 128 if variant == "caffe" else 96
    model = Sequential(
        **_stem(conv, variant, stem, width),
        inception_3a=_inception(conv, 64, (64, 64), (64, 96), "average", 32),
        inception_3b=_inception(conv, 64, (64, 96), (64, 96), "average", 64),
        inception_3c=_reduction(conv, (128, 160), (64, 96)),
        inception_4a=_inception(conv, 224, (64, 96), (96, 128), "average", 128),
        inception_4b=_inception(conv, 192, (96, 128), (96, 128), "average", 128),
        inception_4c=_inception(conv, 160, (128, 160), (128, 160), "average", project),
        inception_4d=_inception(conv, 96, (128, 192), (160, 192), "average", project),
        inception_4e=_reduction(conv, (128, 192), (192, 256)),
        inception_5a=_inception(conv, 352, (192, 320), (160, 224), "average", 128),
        inception_5b=_inception(conv, 352, (192, 320), (192, 224), "max", 128),
        global_pool=GlobalAvgPool2d(),
        last_linear=Dense(num_classes, initialiser="he_normal"),
    )
    model.torch_names = PRETRAINED
    return model


def _stem(conv, variant, kind, width):
    """The parts before the modules."""
    large = kind == "imagenet"
    size, stride = (7, 2) if large else (3, 1)
    first = conv(64, size, stride, size // 2) if variant == "caffe" else _separable(size, stride, width)
    parts = {
        "conv1_7x7_s2": first,
        "pool1_3x3_s2": large and MaxPool2d(3, 2, ceil_mode=True),
        "conv2_3x3_reduce": conv(64, 1),
        "conv2_3x3": conv(192, 3, padding=1),
        "pool2_3x3_s2": large and MaxPool2d(3, 2, ceil_mode=True),
    }
    return {name: part for name, part in parts.items() if part}


def _separable(size, stride, width):
    """The first convolution: 24 filters, each of one colour, then a convolution of 1×1."""
    options = {"bias": False, "initialiser": "he_normal"}
    filters = scaled(24, width, multiple=3)
    return Sequential(
        depthwise=Conv2d(filters, size, stride, size // 2, groups="depthwise", **options),
        conv=Conv2d(scaled(64, width), 1, **options),
        bn=BatchNorm(activation="relu"),
    )


def _branch_3x3(conv, reduce, channels, stride):
    parts = {"3x3_reduce": conv(reduce, 1), "3x3": conv(channels, 3, stride, 1)}
    return Sequential(**parts)


def _branch_double(conv, reduce, channels, stride):
    """Two convolutions of 3×3 in place of the 5×5 of GoogLeNet."""
    return Sequential(
        double_3x3_reduce=conv(reduce, 1),
        double_3x3_1=conv(channels, 3, padding=1),
        double_3x3_2=conv(channels, 3, stride, 1),
    )


def _inception(conv, conv1, conv3, double3, pool, project):
    """A module that keeps the size; of pairs the first number is that of the reduction before."""
    branches = {
        "1x1": conv(conv1, 1),
        "branch_3x3": _branch_3x3(conv, *conv3, 1),
        "branch_double": _branch_double(conv, *double3, 1),
        "branch_pool": Sequential(pool=_POOLS[pool], pool_proj=conv(project, 1)),
    }
    return Concat(**branches)


def _reduction(conv, conv3, double3):
    """A module of stride 2, whose pool passes its input through."""
    return Concat(
        branch_3x3=_branch_3x3(conv, *conv3, 2),
        branch_double=_branch_double(conv, *double3, 2),
        pool=MaxPool2d(3, 2, "same"),
    )


MODELS = {
    "inception_v2": Entry(inception_v2, (224, 224, 3)),
    "inception_v2_paper": Entry(inception_v2, (224, 224, 3), {"variant": "paper"}),
}
