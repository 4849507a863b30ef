"""Convolutions with batch norm and ReLU, as Inception networks have them."""

from numgd.nn.containers import Sequential
from numgd.nn.layers import BatchNorm, Conv2d
from numgd.nn.models.width import scaled


def conv_norm(channels, kernel_size, stride=1, padding=0, *, width=1.0, bias=False, eps=1e-3):
    """A convolution (`conv`), batch norm (`bn`) and a ReLU; `width` is a factor of the number of channels."""
    return Sequential(
        conv=Conv2d(
            scaled(channels, width), kernel_size, stride, padding, bias=bias, initialiser="he_normal"
        ),
        bn=BatchNorm(eps=eps, activation="relu"),
    )
