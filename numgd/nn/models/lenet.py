"""LeNet-5, in its common form and in that of 1998."""

from numgd.foundations.ranges import Count, Whole, check_arguments, one_of
from numgd.nn.containers import Sequential
from numgd.nn.layers import (
    AvgPool2d,
    ChannelScale,
    ConnectedConv2d,
    Conv2d,
    Dense,
    Flatten,
    MaxPool2d,
    RadialBasis,
    ScaledTanh,
)
from numgd.nn.layers.activation import Name
from numgd.nn.models.digit_bitmaps import digit_bitmaps
from numgd.nn.models.entry import Entry

C3_CONNECTIONS = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip
"""For each map of C3 the maps of S2 that it takes: table I of the paper."""

POOLS = {"max": MaxPool2d, "average": AvgPool2d}


@check_arguments
def lenet5(
    variant: one_of("common", "1998") = "common",
    num_classes: Count = 10,
    *,
    activation: Name | None = None,
    pool: one_of("max", "average") | None = None,
    padding: Whole | None = None,
):
    """LeNet-5.

    Parameters
    ----------
    variant : {'common', '1998'}
        'common' is what is called LeNet-5 today: two convolutions with pools, and three dense layers; it has
        61,706 parameters for images of 28×28 or, without padding, of 32×32 pixels.  '1998' is the network of
        the paper, for images of 32×32 pixels, with its 60,000 parameters.
    num_classes : int
        Number of outputs.  The 1998 form has ten, one for each digit.
    activation : str, optional
        A name in `numgd.scalars.ACTIVATIONS`, by default 'relu'.
    pool : {'max', 'average'}, optional
        By default 'max'.
    padding : int, optional
        Of the first convolution, by default 2: images of 28×28 pixels are processed as of 32×32.  With 0 they
        leave maps of 4×4 before the dense layers, and the model has 44,426 parameters.

    Returns
    -------
    Sequential
        Its parts have the names of the layers in the paper's figure 2: c1, s2, c3, s4, c5, f6, out.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges, and for `activation`, `pool`, `padding` or another number of
        classes with the 1998 form.

    Notes
    -----
    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document
    recognition, Proceedings of the IEEE 86 (1998) 2278-2324, section II.B.

    The 1998 form has trainable subsampling (S2, S4), a table of connections (C3), the squashing function
    1.7159 tanh(2/3 a) after every layer up to F6, and an output of radial basis functions whose centres are
    fixed bitmaps of the digits.  Its outputs are *minus* the paper's distances yᵢ: the largest belongs to the
    digit that is recognised, `numgd.nn.CrossEntropy` can take them as logits, and `numgd.nn.MAPCriterion`
    is the paper's criterion for them.  S2 and S4 take the mean of four numbers and not their sum, so that a
    coefficient is four times that of the paper.  Weights start uniformly within ±2.4 / fan-in (appendix A),
    coefficients at 1 and biases at 0.  The bitmaps are redrawn (`numgd.nn.models.digit_bitmaps`).

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.models.lenet5(), input_shape=(28, 28, 1)).parameters.size
    61706
    >>> nn.Network(nn.models.lenet5("1998"), input_shape=(32, 32, 1)).parameters.size
    60000
    """
    if variant == "common":
        return _common(num_classes, activation or "relu", pool or "max", 2 if padding is None else padding)
    for name, value in (("activation", activation), ("pool", pool), ("padding", padding)):
        if value is not None:
            raise ValueError(f"{name} belongs to the variant 'common'; it is {value!r} with '1998'")
    if num_classes != 10:
        raise ValueError(f"num_classes must be 10 for the variant '1998'; it is {num_classes}")
    return _of_1998()


def _common(num_classes, activation, pool, padding):
    return Sequential(
        c1=Conv2d(6, 5, padding=padding, activation=activation),
        s2=POOLS[pool](2),
        c3=Conv2d(16, 5, activation=activation),
        s4=POOLS[pool](2),
        flatten=Flatten(),
        c5=Dense(120, activation=activation),
        f6=Dense(84, activation=activation),
        out=Dense(num_classes),
    )


def _of_1998():
    start = {"initialiser": "lecun_1998"}
    return Sequential(
        c1=Conv2d(6, 5, **start),
        squash1=ScaledTanh(),
        pool2=AvgPool2d(2),
        s2=ChannelScale(),
        squash2=ScaledTanh(),
        c3=ConnectedConv2d(C3_CONNECTIONS, 5, **start),
        squash3=ScaledTanh(),
        pool4=AvgPool2d(2),
        s4=ChannelScale(),
        squash4=ScaledTanh(),
        c5=Conv2d(120, 5, **start),
        squash5=ScaledTanh(),
        flatten=Flatten(),
        f6=Dense(84, **start),
        squash6=ScaledTanh(),
        out=RadialBasis(digit_bitmaps(), factor=-1.0),
    )


MODELS = {
    "lenet5": Entry(lenet5, (28, 28, 1)),
    "lenet5_1998": Entry(lenet5, (32, 32, 1), {"variant": "1998"}),
}
