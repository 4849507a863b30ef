"""Residual networks with pre-activation: norms and ReLUs come before convolutions."""

from dataclasses import replace

from numgd.foundations.ranges import Count, Positive, check_arguments, one_of
from numgd.nn.containers import Graph, Sequential
from numgd.nn.layers import Add, BatchNorm, Dense, GlobalAvgPool2d, MaxPool2d
from numgd.nn.models.entry import Entry
from numgd.nn.models.resnet import BASIC, BLOCKS, STEMS, conv
from numgd.nn.models.width import scaled

EPS, KERAS_EPS = 1e-5, 1.001e-5


@check_arguments
def resnet_v2(
    depth: one_of(*BLOCKS),
    num_classes: Count = 1000,
    *,
    variant: one_of("paper", "keras") = "paper",
    width: Positive = 1.0,
    stem: one_of("imagenet", "small") = "imagenet",
):
    """A residual network with pre-activation: ResNet-18, 34, 50, 101, 152 or 200, version 2.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152, 200}
        Number of layers with weights.
    num_classes : int
    variant : {'paper', 'keras'}
        'keras' is the network of `keras.applications`, for depths from 50 on.  It differs in these points:
        the stem has no norm and ReLU; strides are in the last block of a stage, in the convolution of 3×3,
        and the shortcut of this block takes every second pixel; the convolutions of the stem, of projections
        and at the end of blocks have biases; ε is 1.001e-5.
    width : float
        Factor of all numbers of channels.
    stem : {'imagenet', 'small'}
        As for `resnet`.

    Returns
    -------
    Sequential

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges, and for the variant 'keras' of depths 18 and 34.

    Notes
    -----
    Source: K. He, X. Zhang, S. Ren and J. Sun, Identity mappings in deep residual networks, ECCV (2016),
    figure 4(e) and appendix.  The first norm and ReLU of the network follow the first convolution, so that
    the first block has none at its beginning.  Where shapes change, the branch and the projection share those
    at the beginning of their block.  A norm and a ReLU follow the last block.  Strides are in the first
    convolution of a block, as in the authors' code.

    Keras pads the images of its maximum pool with zeros; here padding never is the maximum.

    Examples
    --------
    >>> from numgd import nn
    >>> found = nn.summary(nn.models.resnet_v2(50, variant="keras"), input_shape=(224, 224, 3))
    >>> found.parameters + found.states
    25613800
    """
    if variant == "keras" and depth in BASIC:
        raise ValueError(f"variant 'keras' has no depth {depth}; it has those from 50 on")
    channels = [scaled(64, width) * 2**stage for stage in range(4)]
    start = STEMS[stem](channels[0])
    if variant == "paper":
        return network_v2(start, paper_stages(BLOCKS[depth], channels, depth in BASIC), num_classes)
    start = {**start, "conv1": replace(start["conv1"], bias=True)}
    del start["bn1"]
    return network_v2(start, keras_stages(BLOCKS[depth], channels), num_classes, KERAS_EPS)


def network_v2(stem, stages, num_classes, eps=EPS):
    """A stem, stages of blocks, the last norm with its ReLU, and a dense layer."""
    parts = {f"layer{number}": Sequential(*blocks) for number, blocks in enumerate(stages, start=1)}
    end = Dense(num_classes, initialiser="he_normal")
    return Sequential(**stem, **parts, post_bn=_norm(eps), avgpool=GlobalAvgPool2d(), fc=end)


def paper_stages(blocks, channels, basic):
    """The blocks of each stage.

    Parameters
    ----------
    blocks, channels : sequence of int
        For each stage its number of blocks, and of the channels inside a block.
    basic : bool
        Whether blocks have two convolutions.
    """
    for stage, (count, inner) in enumerate(zip(blocks, channels, strict=True)):
        later = stage > 0
        first = _paper_block(
            inner, basic, stride=2 if later else 1, projects=later or not basic, activated=not later
        )
        yield [first, *(_paper_block(inner, basic) for _ in range(count - 1))]


def _paper_block(inner, basic, stride=1, projects=False, activated=False):
    """A block; its input is the result of a ReLU already if `activated`."""
    norm = {} if activated else {"bn1": _norm()}
    branch = _basic(inner, stride) if basic else _bottleneck(inner, (stride, 1))
    if not projects:
        return _block(norm, branch)
    channels = inner if basic else 4 * inner
    return _block(norm, branch, conv(channels, 1, stride), "input" if activated else "bn1")


def keras_stages(blocks, channels):
    """The blocks of each stage, as in `keras.applications`."""
    for stage, (count, inner) in enumerate(zip(blocks, channels, strict=True)):
        first = _keras_block(inner, 1, conv(4 * inner, 1, bias=True), "bn1")
        between = (_keras_block(inner) for _ in range(count - 2))
        last = _keras_block(inner, 2, MaxPool2d(1, 2), "input") if stage < 3 else _keras_block(inner)
        yield [first, *between, last]


def _keras_block(inner, stride=1, shortcut=None, source=None):
    branch = _bottleneck(inner, (1, stride), bias=True, eps=KERAS_EPS)
    return _block({"bn1": _norm(KERAS_EPS)}, branch, shortcut, source)


def _block(norm, branch, shortcut=None, source=None):
    """Parts one after the other, and the sum of their result and a shortcut from the named `source`."""
    *_, last = branch
    if shortcut is None:
        return Graph(**norm, **branch, add=(Add(), last, "input"))
    return Graph(**norm, **branch, shortcut=(shortcut, source), add=(Add(), last, "shortcut"))


def _basic(channels, stride):
    return {"conv1": conv(channels, 3, stride), "bn2": _norm(), "conv2": conv(channels, 3)}


def _bottleneck(inner, strides, bias=False, eps=EPS):
    return {
        "conv1": conv(inner, 1, strides[0]),
        "bn2": _norm(eps),
        "conv2": conv(inner, 3, strides[1]),
        "bn3": _norm(eps),
        "conv3": conv(4 * inner, 1, bias=bias),
    }


def _norm(eps=EPS):
    return BatchNorm(eps=eps, activation="relu")


MODELS = {f"resnet{depth}v2": Entry(resnet_v2, (224, 224, 3), {"depth": depth}) for depth in BLOCKS}
