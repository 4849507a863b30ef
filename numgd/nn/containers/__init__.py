"""Containers: parts of networks made of other parts."""

from numgd.nn.containers.auxiliary import Auxiliary
from numgd.nn.containers.concat import Concat, Identity
from numgd.nn.containers.container import Container
from numgd.nn.containers.graph import Graph
from numgd.nn.containers.residual import Residual
from numgd.nn.containers.sequential import Sequential

__all__ = ["Auxiliary", "Concat", "Container", "Graph", "Identity", "Residual", "Sequential"]
