"""Numbers at given places of a vector, such as the weights of a convolution with only some connections."""

from numgd.jit.portable import ELEMENTWISE_FLAGS, compiled


@compiled("places-put", ELEMENTWISE_FLAGS)
def put(values, places, out):
    """out = 0, except out[places[i]] = values[i]."""
    for k in range(out.size):
        out[k] = 0.0
    for i in range(places.size):
        out[places[i]] = values[i]


@compiled("places-take", ELEMENTWISE_FLAGS)
def take(source, places, out):
    """out[i] = source[places[i]]."""
    for i in range(places.size):
        out[i] = source[places[i]]
