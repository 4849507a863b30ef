"""The mean of each channel over a whole image."""

from dataclasses import dataclass

from numgd.nn.layers.avg_pool2d import AvgPool2d
from numgd.nn.layers.layer import Layer, one_input


@dataclass(frozen=True, eq=False)
class GlobalAvgPool2d(Layer):
    """The mean of each channel over the whole image: vectors (channels,).

    Notes
    -----
    Source: M. Lin, Q. Chen and S. Yan, Network in network, ICLR (2014), section 3.2.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.GlobalAvgPool2d(), input_shape=(8, 8, 3)).output_shape
    (3,)
    """

    reads = ""

    def output_shape(self, *shapes):
        return one_input(shapes, 3, "images, (height, width, channels)")[2:]

    def forward(self, at):
        size = at.x[0].shape[1:3]
        AvgPool2d(size).forward(at._replace(y=_images(at.y)))

    def backward(self, at):
        size = at.grad_x[0].shape[1:3]
        AvgPool2d(size).backward(at._replace(grad=_images(at.grad)))


def _images(vectors):
    """Vectors of channels as images of one pixel, in the same memory."""
    batch, channels = vectors.shape
    return vectors.reshape(batch, 1, 1, channels)
