"""Residual networks for images of 32×32 pixels, such as those of CIFAR."""

from numgd.foundations.ranges import Count, Flag, check_arguments, one_of
from numgd.nn.containers import Residual, Sequential
from numgd.nn.layers import BatchNorm, Conv2d, Dense, GlobalAvgPool2d, PaddedShortcut
from numgd.nn.models.entry import Entry


@check_arguments
def resnet_cifar(
    depth: Count = 20,
    shortcut: one_of("A", "B") = "A",
    num_classes: Count = 10,
    width: Count = 16,
    *,
    zero_gamma: Flag = False,
):
    """A residual network for CIFAR: ResNet-20, 32, 44, 56, 110, …

    Parameters
    ----------
    depth : int
        Number of layers with weights, 6 n + 2: a convolution, three stages of n blocks of two convolutions,
        and a dense layer.
    shortcut : {'A', 'B'}
        Where the number of channels doubles: 'A' takes every second pixel and adds channels of zeros, without
        parameters, as in the paper's experiments with CIFAR; 'B' is a convolution of 1×1 with batch norm.
    num_classes : int
    width : int
        Number of channels of the first stage; the others have two and four times as many.
    zero_gamma : bool
        Whether the last batch norm of each block starts with γ = 0, so that blocks start as the identity.

    Returns
    -------
    Sequential

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges, and for a depth that is not 6 n + 2.

    Notes
    -----
    Source: K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning for image recognition, CVPR (2016),
    section 4.2.  Convolutions have no bias; weights start as in K. He et al., Delving deep into rectifiers,
    ICCV (2015).  γ = 0: P. Goyal et al., Accurate, large minibatch SGD, arXiv:1706.02677 (2017), section 5.1.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.models.resnet_cifar(20), input_shape=(32, 32, 3)).parameters.size
    269722
    """
    blocks, rest = divmod(depth - 2, 6)
    if blocks < 1 or rest:
        raise ValueError(f"depth must be 6 n + 2 with n from 1 on, such as 20, 32 or 56; it is {depth}")
    parts = {"conv": _conv(width, 3), "norm": BatchNorm(activation="relu")}
    for stage in range(3):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            parts[f"stage{stage + 1}_{block + 1}"] = _block(2**stage * width, stride, shortcut, zero_gamma)
    return Sequential(**parts, pool=GlobalAvgPool2d(), out=Dense(num_classes, initialiser="he_normal"))


def _conv(channels, size, stride=1):
    return Conv2d(channels, size, stride, padding=size // 2, bias=False, initialiser="he_normal")


def _block(channels, stride, shortcut, zero_gamma):
    body = Sequential(
        conv1=_conv(channels, 3, stride),
        norm1=BatchNorm(activation="relu"),
        conv2=_conv(channels, 3),
        norm2=BatchNorm(gamma="zeros" if zero_gamma else "ones"),
    )
    return Residual(body, _shortcut(channels, stride, shortcut), activation="relu")


def _shortcut(channels, stride, kind):
    if stride == 1:
        return None
    if kind == "A":
        return PaddedShortcut(channels, stride)
    return Sequential(conv=_conv(channels, 1, stride), norm=BatchNorm())


MODELS = {
    f"resnet{depth}": Entry(resnet_cifar, (32, 32, 3), {"depth": depth}) for depth in (20, 32, 44, 56, 110)
}
