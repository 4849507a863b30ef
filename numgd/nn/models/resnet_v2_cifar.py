"""Residual networks with pre-activation for images of 32×32 pixels, such as those of CIFAR."""

from numgd.foundations.ranges import Count, Positive, check_arguments
from numgd.nn.models.entry import Entry
from numgd.nn.models.resnet import small_stem
from numgd.nn.models.resnet_v2 import network_v2, paper_stages
from numgd.nn.models.width import scaled


@check_arguments
def resnet_v2_cifar(depth: Count = 164, num_classes: Count = 10, *, width: Positive = 1.0):
    """A residual network with pre-activation for CIFAR: ResNet-164, 1001, …, version 2.

    Parameters
    ----------
    depth : int
        Number of layers with weights, 9 n + 2: a convolution, three stages of n bottlenecks of three
        convolutions, and a dense layer.
    num_classes : int
    width : float
        Factor of all numbers of channels, which are 64, 128 and 256 after the three stages.

    Returns
    -------
    Sequential

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges, and for a depth that is not 9 n + 2.

    Notes
    -----
    Source: K. He, X. Zhang, S. Ren and J. Sun, Identity mappings in deep residual networks, ECCV (2016),
    section 4 and appendix.  Shortcuts are projections where shapes change.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.resnet_v2_cifar(164), input_shape=(32, 32, 3)).parameters
    1703258
    """
    blocks, rest = divmod(depth - 2, 9)
    if blocks < 1 or rest:
        raise ValueError(f"depth must be 9 n + 2 with n from 1 on, such as 164 or 1001; it is {depth}")
    channels = [scaled(16, width) * 2**stage for stage in range(3)]
    stages = paper_stages(3 * (blocks,), channels, basic=False)
    return network_v2(small_stem(channels[0]), stages, num_classes)


MODELS = {f"resnet{depth}v2": Entry(resnet_v2_cifar, (32, 32, 3), {"depth": depth}) for depth in (164, 1001)}
