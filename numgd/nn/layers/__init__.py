"""Layers, one per file."""

from numgd.nn.layers.activation import Activation
from numgd.nn.layers.adaptive_avg_pool2d import AdaptiveAvgPool2d
from numgd.nn.layers.add import Add
from numgd.nn.layers.avg_pool2d import AvgPool2d
from numgd.nn.layers.batch_norm import BatchNorm
from numgd.nn.layers.channel_scale import ChannelScale
from numgd.nn.layers.concatenate import Concatenate
from numgd.nn.layers.connected_conv2d import ConnectedConv2d
from numgd.nn.layers.conv2d import Conv2d
from numgd.nn.layers.conv2d_transpose import Conv2dTranspose
from numgd.nn.layers.dense import Dense
from numgd.nn.layers.dropout import Dropout
from numgd.nn.layers.flatten import Flatten
from numgd.nn.layers.global_avg_pool2d import GlobalAvgPool2d
from numgd.nn.layers.group_norm import GroupNorm
from numgd.nn.layers.layer import Layer, Parameter, State
from numgd.nn.layers.layer_norm import LayerNorm
from numgd.nn.layers.local_response_norm import LocalResponseNorm
from numgd.nn.layers.max_pool2d import MaxPool2d
from numgd.nn.layers.padded_shortcut import PaddedShortcut
from numgd.nn.layers.radial_basis import RadialBasis
from numgd.nn.layers.scale import Scale
from numgd.nn.layers.scaled_tanh import ScaledTanh
from numgd.nn.layers.softmax import Softmax

__all__ = [
    "Activation",
    "AdaptiveAvgPool2d",
    "Add",
    "AvgPool2d",
    "BatchNorm",
    "ChannelScale",
    "Concatenate",
    "ConnectedConv2d",
    "Conv2d",
    "Conv2dTranspose",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2d",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "LocalResponseNorm",
    "MaxPool2d",
    "PaddedShortcut",
    "Parameter",
    "RadialBasis",
    "Scale",
    "ScaledTanh",
    "Softmax",
    "State",
]
