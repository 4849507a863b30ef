"""Residual networks for ImageNet, and the blocks that other families share with them."""

from numgd.foundations.ranges import Count, Flag, Positive, check_arguments, one_of
from numgd.nn.containers import Residual, Sequential
from numgd.nn.layers import BatchNorm, Conv2d, Dense, GlobalAvgPool2d, MaxPool2d
from numgd.nn.models.entry import Entry
from numgd.nn.models.width import scaled

BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
"""Depth to the numbers of blocks in the four stages, conv2_x to conv5_x in table 1 of the paper."""

BASIC = (18, 34)
"""The depths whose blocks are of two convolutions; the others have bottlenecks."""

TORCHVISION = ((r"\.body\.", "."), (r"\.shortcut\.", ".downsample."))
"""What makes torchvision's names of arrays."""


@check_arguments
def resnet(
    depth: one_of(*BLOCKS),
    num_classes: Count = 1000,
    *,
    variant: one_of("torchvision", "paper") = "torchvision",
    width: Positive = 1.0,
    stem: one_of("imagenet", "small") = "imagenet",
    zero_gamma: Flag = False,
):
    """A residual network: ResNet-18, 34, 50, 101, 152 or 200.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152, 200}
        Number of layers with weights.  Blocks of 18 and 34 have two convolutions of 3×3, the others are
        bottlenecks of 1×1, 3×3 and 1×1.
    num_classes : int
    variant : {'torchvision', 'paper'}
        Where a bottleneck has stride 2: 'paper' in its first convolution, of 1×1, 'torchvision' in that of
        3×3.  The parameters are the same; with 'torchvision' there are more multiply-adds, by 6 per cent
        at depth 50 and 2 per cent at depth 200.
    width : float
        Factor of all numbers of channels.
    stem : {'imagenet', 'small'}
        What comes before the blocks: 'imagenet' is a convolution of 7×7 with stride 2 and a maximum pool with
        stride 2; 'small' is a convolution of 3×3 with stride 1, for images of 8 to 64 pixels.
    zero_gamma : bool
        Whether the last batch norm of each block starts with γ = 0, so that blocks start as the identity.

    Returns
    -------
    Sequential
        Its parts have torchvision's names; `torch_names` maps those of arrays.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges.

    Notes
    -----
    Source: K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning for image recognition, CVPR (2016),
    table 1, with option B of section 3.3: shortcuts are projections where shapes change.  Depth 200: K. He,
    X. Zhang, S. Ren and J. Sun, Identity mappings in deep residual networks, ECCV (2016).  Convolutions have
    no bias; weights start as in K. He et al., Delving deep into rectifiers, ICCV (2015).  γ = 0: P. Goyal
    et al., Accurate, large minibatch SGD, arXiv:1706.02677 (2017), section 5.1.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.resnet(50), input_shape=(224, 224, 3)).parameters
    25557032
    >>> nn.Network(nn.models.resnet(18, 10, width=0.25, stem="small"), (32, 32, 3)).output_shape
    (10,)
    """
    first = scaled(64, width)

    def body(stage, stride):
        channels = first * 2**stage
        if depth in BASIC:
            return basic(channels, stride, zero_gamma=zero_gamma)
        strides = (stride, 1) if variant == "paper" else (1, stride)
        return bottleneck(channels, 4 * channels, strides, zero_gamma=zero_gamma)

    outputs = [(1 if depth in BASIC else 4) * first * 2**stage for stage in range(4)]
    return residual_network(STEMS[stem](first), BLOCKS[depth], body, outputs, num_classes)


def conv(channels, size, stride=1, *, groups=1, bias=False):
    """A convolution that keeps the size of images, divided by the stride."""
    return Conv2d(
        channels, size, stride, padding=size // 2, groups=groups, bias=bias, initialiser="he_normal"
    )


def small_stem(channels):
    """What comes before the blocks for images of 8 to 64 pixels."""
    return {"conv1": conv(channels, 3), "bn1": BatchNorm(activation="relu")}


def imagenet_stem(channels):
    """What comes before the blocks for larger images."""
    return {
        "conv1": conv(channels, 7, 2),
        "bn1": BatchNorm(activation="relu"),
        "maxpool": MaxPool2d(3, 2, padding=1),
    }


STEMS = {"imagenet": imagenet_stem, "small": small_stem}


def basic(channels, stride, *, zero_gamma=False):
    """The branch of a block of two convolutions: figure 5 of the paper, left."""
    return Sequential(
        conv1=conv(channels, 3, stride),
        bn1=BatchNorm(activation="relu"),
        conv2=conv(channels, 3),
        bn2=_last_norm(zero_gamma),
    )


def bottleneck(inner, channels, strides, *, groups=1, zero_gamma=False):
    """The branch of a bottleneck, with the strides of its first two convolutions: figure 5, right."""
    return Sequential(
        conv1=conv(inner, 1, strides[0]),
        bn1=BatchNorm(activation="relu"),
        conv2=conv(inner, 3, strides[1], groups=groups),
        bn2=BatchNorm(activation="relu"),
        conv3=conv(channels, 1),
        bn3=_last_norm(zero_gamma),
    )


def _last_norm(zero_gamma):
    return BatchNorm(gamma="zeros" if zero_gamma else "ones")


def projection(channels, stride):
    """A shortcut to another shape: option B."""
    return Sequential(conv(channels, 1, stride), BatchNorm())


def residual_network(stem, blocks, body, outputs, num_classes, shortcut=projection):
    """A stem, stages of residual blocks, and a dense layer.

    Parameters
    ----------
    stem : dict
        Parts by name.
    blocks, outputs : sequence of int
        For each stage its number of blocks, and of the channels of their results.  Each stage but the first
        one begins with stride 2.
    body : callable
        ``body(stage, stride)`` returns the branch of a block.
    num_classes : int
    shortcut : callable
        ``shortcut(channels, stride)`` returns the shortcut of a block that changes the shape.
    """
    parts, before = dict(stem), stem["conv1"].channels
    for stage, (count, channels) in enumerate(zip(blocks, outputs, strict=True)):
        stride = 1 if stage == 0 else 2
        changes = stride > 1 or channels != before
        first = Residual(body(stage, stride), shortcut(channels, stride) if changes else None, "relu")
        others = (Residual(body(stage, 1), activation="relu") for _ in range(count - 1))
        parts[f"layer{stage + 1}"] = Sequential(first, *others)
        before = channels
    model = Sequential(**parts, avgpool=GlobalAvgPool2d(), fc=Dense(num_classes, initialiser="he_normal"))
    model.torch_names = TORCHVISION
    return model


MODELS = {f"resnet{depth}": Entry(resnet, (224, 224, 3), {"depth": depth}) for depth in BLOCKS}
