"""GoogLeNet, the first Inception network."""

from functools import partial

from numgd.foundations.ranges import Count, Flag, Positive, check_arguments, one_of
from numgd.nn.containers import Auxiliary, Concat, Sequential
from numgd.nn.layers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    LocalResponseNorm,
    MaxPool2d,
)
from numgd.nn.models.conv_norm import conv_norm
from numgd.nn.models.entry import Entry
from numgd.nn.models.width import scaled

FILTERS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Table 1 of the paper: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5 and pool proj of each module."""

_DROPOUT = {"paper": 0.4, "torchvision": 0.2}
_LAST_POOL = {"paper": 3, "torchvision": 2}


@check_arguments
def googlenet(
    num_classes: Count = 1000,
    *,
    variant: one_of("torchvision", "paper") = "torchvision",
    auxiliary: Flag = False,
    width: Positive = 1.0,
    stem: one_of("imagenet", "small") = "imagenet",
):
    """GoogLeNet, also called Inception v1.

    Parameters
    ----------
    num_classes : int
    variant : {'torchvision', 'paper'}
        'paper' is the network of 2014, with biases and local response norm.  'torchvision' is the one whose
        weights torchvision has: with batch norm (ε = 0.001) instead of both, windows of 3×3 where the paper
        has 5×5, of 2×2 in the last maximum pool, and 0.2 for 0.4 as the rate of dropout.
    auxiliary : bool
        Whether two auxiliary classifiers (section 5), after modules 4a and 4d, count in training with weight
        0.3 each.  Those of the paper have a mean over windows of 5×5 at stride 3, which needs such maps;
        those of torchvision, for images of any size, over 4×4 parts of the map.
    width : float
        Factor of all numbers of channels.
    stem : {'imagenet', 'small'}
        'small' is for images of 8 to 64 pixels: the first convolution has windows of 3×3 and stride 1, and
        there are no pools before module 3a.  An image of 8×8 is then 4×4 in modules 4a to 4e and 2×2 in 5a
        and 5b.

    Returns
    -------
    Sequential
        Its arrays have torchvision's names: conv1.conv, conv1.bn, inception3a.branch1.conv, …, fc.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges.

    Notes
    -----
    Source: C. Szegedy et al., Going deeper with convolutions, CVPR (2015), table 1 and figure 3.  Maximum
    pools between modules include incomplete windows at the end, so that 112×112 becomes 56×56, and so on.
    Weights start as in K. He et al., Delving deep into rectifiers, ICCV (2015).

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.googlenet(), input_shape=(224, 224, 3)).parameters
    6624904
    >>> nn.summary(nn.models.googlenet(10, stem="small", width=0.25), input_shape=(8, 8, 1)).parameters
    354850
    """
    conv = partial(conv_norm if variant == "torchvision" else _conv, width=width)
    module = partial(_inception, conv, 5 if variant == "paper" else 3)

    def classifier(name):
        return {name: _auxiliary(conv, variant, num_classes, width)} if auxiliary else {}

    return Sequential(
        **_stem(conv, variant, stem),
        inception3a=module(*FILTERS["3a"]),
        inception3b=module(*FILTERS["3b"]),
        maxpool3=MaxPool2d(3, 2, ceil_mode=True),
        inception4a=module(*FILTERS["4a"]),
        **classifier("aux1"),
        inception4b=module(*FILTERS["4b"]),
        inception4c=module(*FILTERS["4c"]),
        inception4d=module(*FILTERS["4d"]),
        **classifier("aux2"),
        inception4e=module(*FILTERS["4e"]),
        maxpool4=MaxPool2d(_LAST_POOL[variant], 2, ceil_mode=True),
        inception5a=module(*FILTERS["5a"]),
        inception5b=module(*FILTERS["5b"]),
        avgpool=GlobalAvgPool2d(),
        dropout=Dropout(_DROPOUT[variant]),
        fc=Dense(num_classes, initialiser="he_normal"),
    )


def _conv(channels, kernel_size, stride=1, padding=0, *, width):
    """A convolution with a bias and a ReLU."""
    channels = scaled(channels, width)
    return Conv2d(channels, kernel_size, stride, padding, activation="relu", initialiser="he_normal")


def _stem(conv, variant, kind):
    """The parts before the modules."""
    large, norms = kind == "imagenet", variant == "paper"
    parts = {
        "conv1": conv(64, 7, 2, 3) if large else conv(64, 3, padding=1),
        "maxpool1": large and MaxPool2d(3, 2, ceil_mode=True),
        "norm1": norms and LocalResponseNorm(5),
        "conv2": conv(64, 1),
        "conv3": conv(192, 3, padding=1),
        "norm2": norms and LocalResponseNorm(5),
        "maxpool2": large and MaxPool2d(3, 2, ceil_mode=True),
    }
    return {name: part for name, part in parts.items() if part}


def _inception(conv, size, conv1, reduce3, conv3, reduce5, conv5, pool_proj):
    """Figure 2(b) of the paper, with windows of a size where it has 5×5."""
    return Concat(
        branch1=conv(conv1, 1),
        branch2=Sequential(conv(reduce3, 1), conv(conv3, 3, padding=1)),
        branch3=Sequential(conv(reduce5, 1), conv(conv5, size, padding=size // 2)),
        branch4=Sequential(MaxPool2d(3, 1, 1), conv(pool_proj, 1)),
    )


def _auxiliary(conv, variant, num_classes, width):
    """An auxiliary classifier (section 5)."""
    head = Sequential(
        pool=AvgPool2d(5, 3) if variant == "paper" else AdaptiveAvgPool2d(4),
        conv=conv(128, 1),
        flatten=Flatten(),
        fc1=Dense(scaled(1024, width), activation="relu", initialiser="he_normal"),
        dropout=Dropout(0.7),
        fc2=Dense(num_classes, initialiser="he_normal"),
    )
    return Auxiliary(head, weight=0.3)


MODELS = {
    "googlenet": Entry(googlenet, (224, 224, 3)),
    "googlenet_paper": Entry(googlenet, (224, 224, 3), {"variant": "paper"}),
}
