"""ResNeXt: residual networks whose bottlenecks have grouped convolutions."""

from numgd.foundations.ranges import Count, Flag, Positive, check_arguments, one_of
from numgd.nn.models.entry import Entry
from numgd.nn.models.resnet import BASIC, BLOCKS, STEMS, bottleneck, residual_network
from numgd.nn.models.width import scaled

DEPTHS = tuple(depth for depth in BLOCKS if depth not in BASIC)


@check_arguments
def resnext(
    depth: one_of(*DEPTHS),
    num_classes: Count = 1000,
    *,
    cardinality: Count = 32,
    base_width: Count = 4,
    width: Positive = 1.0,
    stem: one_of("imagenet", "small") = "imagenet",
    zero_gamma: Flag = False,
):
    """A ResNeXt: ResNeXt-50 (32×4d), ResNeXt-101 (32×4d), (64×4d) and others.

    Parameters
    ----------
    depth : {50, 101, 152, 200}
        Number of layers with weights.
    num_classes : int
    cardinality : int
        C in the paper: number of groups of the convolutions of 3×3.
    base_width : int
        d in the paper: number of channels of a group in the first stage; each stage has twice as many as the
        one before.
    width : float
        Factor of all numbers of channels; the cardinality remains.
    stem : {'imagenet', 'small'}
        As for `resnet`.
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
    Source: S. Xie, R. Girshick, P. Dollár, Z. Tu and K. He, Aggregated residual transformations for deep
    neural networks, CVPR (2017), table 1 and figure 3(c).  The convolution of 3×3 has the stride (section 4);
    shortcuts are projections where shapes change.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.resnext(50), input_shape=(224, 224, 3)).parameters
    25028904
    """
    first, group = scaled(64, width), scaled(base_width, width)

    def body(stage, stride):
        inner, channels = cardinality * group * 2**stage, 4 * first * 2**stage
        return bottleneck(inner, channels, (1, stride), groups=cardinality, zero_gamma=zero_gamma)

    outputs = [4 * first * 2**stage for stage in range(4)]
    return residual_network(STEMS[stem](first), BLOCKS[depth], body, outputs, num_classes)


MODELS = {
    f"resnext{depth}_{cardinality}x{base_width}d": Entry(
        resnext, (224, 224, 3), {"depth": depth, "cardinality": cardinality, "base_width": base_width}
    )
    for depth, cardinality, base_width in ((50, 32, 4), (101, 32, 4), (101, 32, 8), (101, 64, 4))
}
