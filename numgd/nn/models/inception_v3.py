"""Inception v3, with factorised convolutions."""

from functools import partial

from numgd.foundations.ranges import Count, Flag, Fraction, Positive, check_arguments
from numgd.nn.containers import Auxiliary, Concat, Sequential
from numgd.nn.layers import AvgPool2d, Dense, Dropout, GlobalAvgPool2d, MaxPool2d
from numgd.nn.models.conv_norm import column, conv_norm, row
from numgd.nn.models.entry import Entry

TORCHVISION = ((r"\.branch\w+\.(?:both\.)?(?=branch)", "."),)
"""Torchvision has no parts within those with the names of modules."""


@check_arguments
def inception_v3(
    num_classes: Count = 1000, *, auxiliary: Flag = False, dropout: Fraction = 0.5, width: Positive = 1.0
):
    """Inception v3, for images of 299×299 pixels.

    Parameters
    ----------
    num_classes : int
    auxiliary : bool
        Whether an auxiliary classifier (figure 8) on top of the last module of 17×17 counts in training, with
        weight 0.4.
    dropout : float
        Probability with which each number before the last layer is dropped in training.
    width : float
        Factor of all numbers of channels.

    Returns
    -------
    Sequential
        Its parts have the names of torchvision and TF-Slim: Conv2d_1a_3x3, …, Mixed_5b, …, fc.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges.

    Notes
    -----
    Source: C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, Rethinking the Inception architecture
    for computer vision, CVPR (2016).  This is the network that its authors published with weights, in which
    the first layers and the number of modules differ from the paper's table 1, and modules of 35×35 have a
    convolution of 5×5 where figure 5 has 3×3.  Means over windows count the padding, as in torchvision; batch
    norm has ε = 0.001.  The paper trains with label smoothing: ``nn.CrossEntropy(label_smoothing=0.1)``.
    Images must have at least 75×75 pixels, with the auxiliary classifier 299×299.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.inception_v3(), input_shape=(299, 299, 3)).parameters
    23834568
    """
    conv = partial(conv_norm, width=width)
    model = Sequential(
        Conv2d_1a_3x3=conv(32, 3, stride=2),
        Conv2d_2a_3x3=conv(32, 3),
        Conv2d_2b_3x3=conv(64, 3, padding=1),
        maxpool1=MaxPool2d(3, 2),
        Conv2d_3b_1x1=conv(80, 1),
        Conv2d_4a_3x3=conv(192, 3),
        maxpool2=MaxPool2d(3, 2),
        Mixed_5b=_grid_35(conv, 32),
        Mixed_5c=_grid_35(conv, 64),
        Mixed_5d=_grid_35(conv, 64),
        Mixed_6a=_from_35_to_17(conv),
        Mixed_6b=_grid_17(conv, 128),
        Mixed_6c=_grid_17(conv, 160),
        Mixed_6d=_grid_17(conv, 160),
        Mixed_6e=_grid_17(conv, 192),
        **({"AuxLogits": _auxiliary(conv, num_classes)} if auxiliary else {}),
        Mixed_7a=_from_17_to_8(conv),
        Mixed_7b=_grid_8(conv),
        Mixed_7c=_grid_8(conv),
        avgpool=GlobalAvgPool2d(),
        dropout=Dropout(dropout),
        fc=Dense(num_classes, initialiser="he_normal"),
    )
    model.torch_names = TORCHVISION
    return model


def _pool(conv, channels):
    return Sequential(pool=AvgPool2d(3, 1, 1), branch_pool=conv(channels, 1))


def _grid_35(conv, pool_channels):
    """Figure 5, for maps of 35×35."""
    return Concat(
        branch1x1=conv(64, 1),
        branch5x5=Sequential(branch5x5_1=conv(48, 1), branch5x5_2=conv(64, 5, padding=2)),
        branch3x3dbl=Sequential(
            branch3x3dbl_1=conv(64, 1),
            branch3x3dbl_2=conv(96, 3, padding=1),
            branch3x3dbl_3=conv(96, 3, padding=1),
        ),
        branch_pool=_pool(conv, pool_channels),
    )


def _from_35_to_17(conv):
    """Figure 10."""
    return Concat(
        branch3x3=conv(384, 3, stride=2),
        branch3x3dbl=Sequential(
            branch3x3dbl_1=conv(64, 1),
            branch3x3dbl_2=conv(96, 3, padding=1),
            branch3x3dbl_3=conv(96, 3, stride=2),
        ),
        pool=MaxPool2d(3, 2),
    )


def _grid_17(conv, channels):
    """Figure 6 with n = 7, for maps of 17×17; `channels` within the two longer branches."""
    return Concat(
        branch1x1=conv(192, 1),
        branch7x7=Sequential(
            branch7x7_1=conv(channels, 1),
            branch7x7_2=row(conv, channels),
            branch7x7_3=column(conv, 192),
        ),
        branch7x7dbl=Sequential(
            branch7x7dbl_1=conv(channels, 1),
            branch7x7dbl_2=column(conv, channels),
            branch7x7dbl_3=row(conv, channels),
            branch7x7dbl_4=column(conv, channels),
            branch7x7dbl_5=row(conv, 192),
        ),
        branch_pool=_pool(conv, 192),
    )


def _from_17_to_8(conv):
    """As figure 10, with factorised convolutions in the second branch."""
    return Concat(
        branch3x3=Sequential(branch3x3_1=conv(192, 1), branch3x3_2=conv(320, 3, stride=2)),
        branch7x7x3=Sequential(
            branch7x7x3_1=conv(192, 1),
            branch7x7x3_2=row(conv, 192),
            branch7x7x3_3=column(conv, 192),
            branch7x7x3_4=conv(192, 3, stride=2),
        ),
        pool=MaxPool2d(3, 2),
    )


def _grid_8(conv):
    """Figure 7, for maps of 8×8."""
    return Concat(
        branch1x1=conv(320, 1),
        branch3x3=Sequential(
            branch3x3_1=conv(384, 1),
            both=Concat(branch3x3_2a=row(conv, 384, 3), branch3x3_2b=column(conv, 384, 3)),
        ),
        branch3x3dbl=Sequential(
            branch3x3dbl_1=conv(448, 1),
            branch3x3dbl_2=conv(384, 3, padding=1),
            both=Concat(branch3x3dbl_3a=row(conv, 384, 3), branch3x3dbl_3b=column(conv, 384, 3)),
        ),
        branch_pool=_pool(conv, 192),
    )


def _auxiliary(conv, num_classes):
    """Figure 8, with batch norm (section 6)."""
    head = Sequential(
        pool=AvgPool2d(5, 3),
        conv0=conv(128, 1),
        conv1=conv(768, 5),
        avgpool=GlobalAvgPool2d(),
        fc=Dense(num_classes, initialiser="he_normal"),
    )
    return Auxiliary(head, weight=0.4)


MODELS = {"inception_v3": Entry(inception_v3, (299, 299, 3))}
