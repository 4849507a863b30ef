"""Residual networks for images of 32×32 pixels, such as those of CIFAR."""

from numgd.foundations.ranges import Count, Flag, Positive, check_arguments, one_of
from numgd.nn.layers import PaddedShortcut
from numgd.nn.models.entry import Entry
from numgd.nn.models.resnet import basic, projection, residual_network, small_stem
from numgd.nn.models.width import scaled

SHORTCUTS = {"A": PaddedShortcut, "B": projection}


@check_arguments
def resnet_cifar(
    depth: Count = 20,
    shortcut: one_of("A", "B") = "A",
    num_classes: Count = 10,
    *,
    width: Positive = 1.0,
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
    width : float
        Factor of all numbers of channels, which are 16, 32 and 64 in the three stages.
    zero_gamma : bool
        Whether the last batch norm of each block starts with γ = 0, so that blocks start as the identity.

    Returns
    -------
    Sequential
        Its arrays have the names of `resnet`: conv1, bn1, layer1.0.body.conv1, …, fc.

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
    channels = [scaled(16, width) * 2**stage for stage in range(3)]

    def body(stage, stride):
        return basic(channels[stage], stride, zero_gamma=zero_gamma)

    stem = small_stem(channels[0])
    return residual_network(stem, 3 * (blocks,), body, channels, num_classes, SHORTCUTS[shortcut])


MODELS = {
    f"resnet{depth}": Entry(resnet_cifar, (32, 32, 3), {"depth": depth}) for depth in (20, 32, 44, 56, 110)
}
