# This file is made by tools/generate.py.

from numgd.nn import functional as functional
from numgd.nn import initialisers as initialisers
from numgd.nn import losses as losses
from numgd.nn import models as models
from numgd.nn import training as training
from numgd.nn.containers import Auxiliary as Auxiliary
from numgd.nn.containers import Concat as Concat
from numgd.nn.containers import Graph as Graph
from numgd.nn.containers import Identity as Identity
from numgd.nn.containers import Residual as Residual
from numgd.nn.containers import Sequential as Sequential
from numgd.nn.exchange.onnx.export import export_onnx as export_onnx
from numgd.nn.exchange.onnx.importing import import_onnx as import_onnx
from numgd.nn.layers import Activation as Activation
from numgd.nn.layers import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from numgd.nn.layers import Add as Add
from numgd.nn.layers import AvgPool2d as AvgPool2d
from numgd.nn.layers import BatchNorm as BatchNorm
from numgd.nn.layers import ChannelScale as ChannelScale
from numgd.nn.layers import Concatenate as Concatenate
from numgd.nn.layers import ConnectedConv2d as ConnectedConv2d
from numgd.nn.layers import Conv2d as Conv2d
from numgd.nn.layers import Conv2dTranspose as Conv2dTranspose
from numgd.nn.layers import Dense as Dense
from numgd.nn.layers import Dropout as Dropout
from numgd.nn.layers import Flatten as Flatten
from numgd.nn.layers import GlobalAvgPool2d as GlobalAvgPool2d
from numgd.nn.layers import GroupNorm as GroupNorm
from numgd.nn.layers import Layer as Layer
from numgd.nn.layers import LayerNorm as LayerNorm
from numgd.nn.layers import LocalResponseNorm as LocalResponseNorm
from numgd.nn.layers import MaxPool2d as MaxPool2d
from numgd.nn.layers import PaddedShortcut as PaddedShortcut
from numgd.nn.layers import RadialBasis as RadialBasis
from numgd.nn.layers import Scale as Scale
from numgd.nn.layers import ScaledTanh as ScaledTanh
from numgd.nn.layers import Softmax as Softmax
from numgd.nn.losses import CrossEntropy as CrossEntropy
from numgd.nn.losses import ElementwiseLoss as ElementwiseLoss
from numgd.nn.losses import MAPCriterion as MAPCriterion
from numgd.nn.network.network import Network as Network
from numgd.nn.network.summary import summary as summary

__all__: list[str]
