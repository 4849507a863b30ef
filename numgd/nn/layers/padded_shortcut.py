"""Shortcuts of residual blocks without parameters, to smaller images with more channels."""

from dataclasses import dataclass

from numgd.foundations.ranges import Count
from numgd.kernels.layers import shortcut as kernels
from numgd.nn.layers.layer import Layer, one_input


@dataclass(frozen=True, eq=False)
class PaddedShortcut(Layer):
    """Every `stride`-th pixel of an image (height, width, channels), with zeros as further channels.

    Parameters
    ----------
    channels : int
        Of the result; at least as many as those of the image.
    stride : int

    Raises
    ------
    TypeError, ValueError
        For arguments that are not integers from 1 on; in a network, for an input that is not an image or
        that has more channels.

    Notes
    -----
    Option A of K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning for image recognition, CVPR
    (2016), section 3.3.  The zeros follow the channels of the image.

    Examples
    --------
    >>> from numgd import nn
    >>> nn.Network(nn.PaddedShortcut(32), input_shape=(9, 8, 16)).output_shape
    (5, 4, 32)
    """

    channels: Count
    stride: Count = 2

    reads = ""

    def output_shape(self, *shapes):
        height, width, channels = one_input(shapes, 3, "images, (height, width, channels)")
        if channels > self.channels:
            raise ValueError(f"takes images of at most {self.channels} channels, got shape {shapes[0]}")
        return (-(-height // self.stride), -(-width // self.stride), self.channels)

    def forward(self, at):
        kernels.forward(at.x[0], self.stride, at.y)

    def backward(self, at):
        kernels.backward(at.grad, self.stride, at.grad_x[0])
