"""AlexNet, as published and with a single column."""

from numgd.foundations.ranges import Count, Fraction, Positive, check_arguments, one_of
from numgd.nn.containers import Sequential
from numgd.nn.layers import Activation, Conv2d, Dense, Dropout, Flatten, LocalResponseNorm, MaxPool2d
from numgd.nn.models.entry import Entry
from numgd.nn.models.width import scaled


@check_arguments
def alexnet(
    num_classes: Count = 1000,
    *,
    variant: one_of("paper", "torchvision") = "torchvision",
    width: Positive = 1.0,
    dropout: Fraction = 0.5,
):
    """AlexNet.

    Parameters
    ----------
    num_classes : int
    variant : {'torchvision', 'paper'}
        'torchvision' has a single column of 64, 192, 384, 256 and 256 channels, and 61,100,840 parameters.
        'paper' has 96, 256, 384, 384 and 256 channels in two groups, local response norms, and 60,965,224
        parameters.
    width : float
        Multiplies all numbers of channels and features; they are even with 'paper'.
    dropout : float
        Probability with which each input of a hidden dense layer is dropped in training, in [0, 1).

    Returns
    -------
    Sequential
        For images of 224×224 pixels, with torchvision's names; the parts of 'paper' are conv1, …, fc8.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges.

    Notes
    -----
    Sources: A. Krizhevsky, I. Sutskever and G. E. Hinton, ImageNet classification with deep convolutional
    neural networks, NeurIPS (2012), figure 2; with a single column: A. Krizhevsky, One weird trick for
    parallelizing convolutional neural networks, arXiv:1404.5997 (2014).

    The first convolution is padded by 2, since otherwise images of 224×224 would not give the maps of 55×55
    of figure 2; images of 227×227 give as many features.  The paper sums the squares in its local response
    norms where `numgd.nn.LocalResponseNorm` takes their mean: its α is n = 5 times the paper's 10⁻⁴.  Weights
    start as in other networks here, not as in the paper.

    The features are flattened as they are, so the size of the first dense layer follows from the size of the
    images.  torchvision first brings them to 6×6 by an adaptive mean, which at 224×224 changes nothing: for
    other sizes its models have other outputs, and weights for 224×224 do not fit here.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.summary(nn.models.alexnet(), input_shape=(224, 224, 3)).parameters
    61100840
    >>> nn.summary(nn.models.alexnet(variant="paper"), input_shape=(224, 224, 3)).parameters
    60965224
    """
    build = _of_2012 if variant == "paper" else _single_column
    return build(num_classes, width, dropout)


def _single_column(num_classes, width, dropout):
    def conv(channels, size, stride=1):
        return Conv2d(scaled(channels, width), size, stride, padding=2 if size > 3 else 1)

    def relu():
        return Activation("relu")

    hidden = scaled(4096, width)
    return Sequential(
        features=Sequential(
            conv(64, 11, stride=4), relu(), MaxPool2d(3, 2),
            conv(192, 5), relu(), MaxPool2d(3, 2),
            conv(384, 3), relu(),
            conv(256, 3), relu(),
            conv(256, 3), relu(), MaxPool2d(3, 2),
        ),
        flatten=Flatten(),
        classifier=Sequential(
            Dropout(dropout), Dense(hidden), relu(),
            Dropout(dropout), Dense(hidden), relu(),
            Dense(num_classes),
        ),
    )  # fmt: skip


def _of_2012(num_classes, width, dropout):
    def conv(channels, size, stride=1, groups=1):
        channels, padding = scaled(channels, width, 2), 2 if size > 3 else 1
        return Conv2d(channels, size, stride, padding, groups=groups, activation="relu")

    def norm():
        return LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)

    hidden = scaled(4096, width, 2)
    return Sequential(
        conv1=conv(96, 11, stride=4), norm1=norm(), pool1=MaxPool2d(3, 2),
        conv2=conv(256, 5, groups=2), norm2=norm(), pool2=MaxPool2d(3, 2),
        conv3=conv(384, 3),
        conv4=conv(384, 3, groups=2),
        conv5=conv(256, 3, groups=2), pool5=MaxPool2d(3, 2),
        flatten=Flatten(),
        dropout6=Dropout(dropout), fc6=Dense(hidden, activation="relu"),
        dropout7=Dropout(dropout), fc7=Dense(hidden, activation="relu"),
        fc8=Dense(num_classes),
    )  # fmt: skip


MODELS = {
    "alexnet": Entry(alexnet, (224, 224, 3)),
    "alexnet_2012": Entry(alexnet, (224, 224, 3), {"variant": "paper"}),
}
