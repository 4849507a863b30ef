"""One layer after the other."""

from numgd.nn.containers.container import Container, join, named_parts


class Sequential(Container):
    """Layers and containers, each applied to the output of the one before.

    Parameters
    ----------
    *parts : Layer or container
        Named by their position, '0', '1', …
    **named : Layer or container
        Those after them, under names of their own.

    Examples
    --------
    >>> from numgd import nn
    >>> model = nn.Sequential(conv=nn.Conv2d(4, 3), flatten=nn.Flatten(), out=nn.Dense(2))
    >>> list(nn.Network(model, input_shape=(5, 5, 1)).named_parameters())
    ['conv.weight', 'conv.bias', 'out.weight', 'out.bias']
    """

    def __init__(self, *parts, **named):
        self.parts = named_parts(parts, named)

    def connect(self, wiring, inputs, path):
        """Add the parts to a network; returns the number of the last one's output."""
        for name, part in self.parts.items():
            inputs = (part.connect(wiring, inputs, join(path, name)),)
        (output,) = inputs
        return output
