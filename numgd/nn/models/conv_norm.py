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


def row(conv, channels, size=7):
    """A convolution over pixels side by side; with `column` it replaces one over a square."""
    return conv(channels, (1, size), padding=(0, size // 2))


def column(conv, channels, size=7):
    """A convolution over pixels one below the other."""
    return conv(channels, (size, 1), padding=(size // 2, 0))
