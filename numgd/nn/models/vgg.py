"""VGG: stacks of convolutions of 3×3."""

from numgd.foundations.ranges import Count, Flag, Fraction, Positive, Whole, check_arguments, one_of
from numgd.nn.containers import Sequential
from numgd.nn.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2d,
)
from numgd.nn.models.entry import Entry
from numgd.nn.models.width import scaled

CHANNELS = (64, 128, 256, 512, 512)
"""Of the convolutions between two pools."""

CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),  # A
    13: (2, 2, 2, 2, 2),  # B
    16: (2, 2, 3, 3, 3),  # D
    19: (2, 2, 4, 4, 4),  # E
}
"""Their numbers by depth: the columns of table 1 of the paper."""


@check_arguments
def vgg(
    depth: one_of(*CONVOLUTIONS) = 16,
    num_classes: Count = 1000,
    *,
    batch_norm: Flag = False,
    width: Positive = 1.0,
    hidden: Whole = 4096,
    dropout: Fraction = 0.5,
):
    """VGG.

    Parameters
    ----------
    depth : {11, 13, 16, 19}
        Number of layers with weights: the configurations A, B, D and E.
    num_classes : int
    batch_norm : bool
        Whether each convolution has a batch norm before its ReLU.
    width : float
        Multiplies all numbers of channels and features.
    hidden : int
        Number of features of the two dense layers before the last one.  With 0 there are none, as is common
        for images of 32×32 pixels, of which the convolutions leave 1×1.
    dropout : float
        Probability with which each number after a hidden dense layer is dropped in training, in [0, 1).

    Returns
    -------
    Sequential
        For images of at least 32×32 pixels, with torchvision's names.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges.

    Notes
    -----
    Source: K. Simonyan and A. Zisserman, Very deep convolutional networks for large-scale image recognition,
    ICLR (2015), table 1.  The paper has no batch norm; with it, convolutions keep their bias, as in
    torchvision.

    The features are flattened as they are, so the size of the first dense layer follows from the size of the
    images.  torchvision first brings them to 7×7 by an adaptive mean, which at 224×224 changes nothing: for
    other sizes its models have other outputs, and weights for 224×224 do not fit here.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.vgg(16), input_shape=(224, 224, 3)).parameters
    138357544
    >>> small = nn.models.vgg(11, num_classes=10, batch_norm=True, hidden=0)
    >>> nn.summary(small, input_shape=(32, 32, 3)).parameters
    9231114
    """
    return Sequential(
        features=_features(depth, batch_norm, width),
        flatten=Flatten(),
        classifier=_classifier(scaled(hidden, width) if hidden else 0, dropout, num_classes),
    )


def _features(depth, batch_norm, width):
    """Convolutions of 3×3, with a maximum after each stack."""
    parts: list[Layer] = []
    for channels, count in zip(CHANNELS, CONVOLUTIONS[depth], strict=True):
        for _ in range(count):
            parts.append(Conv2d(scaled(channels, width), 3, padding=1, initialiser="he_normal"))
            if batch_norm:
                parts.append(BatchNorm())
            parts.append(Activation("relu"))
        parts.append(MaxPool2d(2))
    return Sequential(*parts)


def _classifier(hidden, dropout, num_classes):
    parts: list[Layer] = []
    if hidden:
        for _ in range(2):
            parts += [Dense(hidden), Activation("relu"), Dropout(dropout)]
    return Sequential(*parts, Dense(num_classes))


MODELS = {
    f"vgg{depth}{suffix}": Entry(vgg, (224, 224, 3), {"depth": depth, "batch_norm": suffix == "_bn"})
    for depth in CONVOLUTIONS
    for suffix in ("", "_bn")
}
