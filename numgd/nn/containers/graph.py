"""Named nodes with any connections."""

from numgd.nn.containers.container import Container, join, named_parts, only


class Graph(Container):
    """Named nodes, each with the names of those that it takes its inputs from.

    Parameters
    ----------
    **nodes : Layer, container, or tuple of one and the names of its inputs
        In the order in which they are computed.  Without names, a node takes the output of the one before,
        the first one the input; this is called 'input'.  The last node gives the output.

    Examples
    --------
    >>> from numgd import nn
    >>> graph = nn.Graph(
    ...     wide=nn.Dense(3, activation="relu"),
    ...     other=(nn.Dense(3), "input"),
    ...     sum=(nn.Add(), "wide", "other"),
    ... )
    >>> nn.Network(graph, input_shape=(2,)).output_shape
    (3,)
    """

    def __init__(self, **nodes):
        self.sources = {}
        parts, known, before = {}, {"input"}, "input"
        for name, node in nodes.items():
            part, *sources = node if isinstance(node, tuple) and node else (node,)
            parts[name] = part
            self.sources[name] = tuple(sources) or (before,)
            for source in self.sources[name]:
                if source not in known:
                    listed = ", ".join(sorted(map(repr, known)))
                    raise ValueError(f"node {name!r} takes {source!r}, but before it there are {listed}")
            if name == "input":
                raise ValueError("'input' is the name of the input, not of a node")
            known.add(name)
            before = name
        self.parts = named_parts((), parts)

    def connect(self, wiring, inputs, path):
        """Add the nodes to a network; returns the number of the last one's output."""
        values = {"input": only(inputs, path, self)}
        for name, part in self.parts.items():
            taken = tuple(values[source] for source in self.sources[name])
            values[name] = part.connect(wiring, taken, join(path, name))
        return values[name]
