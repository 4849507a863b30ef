"""Axes: in ONNX channels come first, here last."""


def to_channels_first(axes):
    """The permutation from (batch, …, channels) to (batch, channels, …), for arrays with a number of axes."""
    return (0, axes - 1, *range(1, axes - 1))


def to_channels_last(axes):
    """The permutation from (batch, channels, …) to (batch, …, channels)."""
    return (0, *range(2, axes), 1)


def permuted(shape, permutation):
    """A shape with its axes permuted."""
    return tuple(shape[axis] for axis in permutation)
