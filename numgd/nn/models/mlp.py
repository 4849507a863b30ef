"""Multi-layer perceptrons."""

from typing import Annotated

from numgd.foundations.ranges import Count, Flag, Fraction, check_arguments, sequence_of
from numgd.nn.containers import Sequential
from numgd.nn.initialisers import InitialiserName
from numgd.nn.layers import Activation, BatchNorm, Dense, Dropout, Flatten
from numgd.nn.layers.activation import Name
from numgd.nn.models.entry import Entry


@check_arguments
def mlp(
    widths: Annotated[tuple, sequence_of(Count, empty=True)],
    num_classes: Count = 10,
    *,
    activation: Name = "relu",
    dropout: Fraction = 0.0,
    batch_norm: Flag = False,
    initialiser: InitialiserName = "he_uniform",
):
    """A multi-layer perceptron: dense layers with an activation between them.

    Parameters
    ----------
    widths : sequence of int
        Of the hidden layers, in order.  Without any the model is linear.
    num_classes : int
        Number of outputs, which are logits: there is no activation after the last layer.
    activation : str
        After each hidden layer: a name in `numgd.scalars.ACTIVATIONS`.
    dropout : float
        Probability with which each number after a hidden layer is dropped in training, in [0, 1).
    batch_norm : bool
        Whether each hidden layer has a batch norm before its activation; it then has no bias of its own.
    initialiser : str
        Of the weights, by its name in `numgd.nn.initialisers`.

    Returns
    -------
    Sequential
        For samples of any shape; images are flattened.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their ranges.

    Notes
    -----
    Source: D. E. Rumelhart, G. E. Hinton and R. J. Williams, Learning representations by back-propagating
    errors, Nature 323 (1986) 533-536.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.models.mlp([256, 128], num_classes=10), input_shape=(28, 28, 1)).parameters.size
    235146
    """
    parts = {"flatten": Flatten()}
    for number, width in enumerate(widths, start=1):
        parts[f"dense{number}"] = Dense(width, bias=not batch_norm, initialiser=initialiser)
        if batch_norm:
            parts[f"norm{number}"] = BatchNorm()
        parts[f"activation{number}"] = Activation(activation)
        if dropout > 0:
            parts[f"dropout{number}"] = Dropout(dropout)
    return Sequential(**parts, out=Dense(num_classes, initialiser=initialiser))


MODELS = {"mlp": Entry(mlp, (28, 28, 1), {"widths": (256, 128)})}
