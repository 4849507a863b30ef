"""Classifiers beside the main path, which help in training."""

from numgd.foundations.ranges import Positive, check_arguments
from numgd.nn.containers.container import Container, checked_part, only


class Auxiliary(Container):
    """The input itself, with a classifier beside it whose loss counts in training.

    In training `weight` times the loss of the classifier's outputs is added to that of the network, with the
    same targets; in inference the classifier is not computed.

    Parameters
    ----------
    head : Layer or container
        Its output has the shape of the network's.
    weight : float

    Raises
    ------
    TypeError, ValueError
        For a head that is no layer or container, and a weight that is not above 0; in a network, for a head
        whose output has another shape than the network's.

    Notes
    -----
    Source: C. Szegedy et al., Going deeper with convolutions, CVPR (2015), section 5.

    Examples
    --------
    >>> from numgd import nn
    >>> model = nn.Sequential(nn.Dense(8), nn.Auxiliary(nn.Dense(3)), nn.Dense(3))
    >>> nn.Network(model, input_shape=(4,)).output_shape
    (3,)
    """

    @check_arguments
    def __init__(self, head, weight: Positive = 0.3):
        self.parts = {"head": checked_part("head", head)}
        self.weight = weight

    def connect(self, wiring, inputs, path):
        """Add the classifier to a network, under the path of this part; returns the number of the input."""
        value = only(inputs, path, self)
        output = self.parts["head"].connect(wiring, inputs, path)
        wiring.auxiliary[output] = wiring.auxiliary.get(output, 0.0) + self.weight
        return value
