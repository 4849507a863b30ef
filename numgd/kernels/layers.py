"""The drivers of layers, for arrays of either machine; see `numgd.kernels.cpu.layers` for their arguments."""

from numgd.kernels.machines import Drivers

batch_norm = Drivers("layers.batch_norm")
bias_gradient = Drivers("layers.conv.bias_gradient").bias_gradient
columns = Drivers("layers.columns")
concatenate = Drivers("layers.concatenate")
convolution = Drivers("layers.conv.choose")
cross_entropy = Drivers("layers.cross_entropy")
dense = Drivers("layers.dense")
distances = Drivers("layers.distances")
dropout = Drivers("layers.dropout")
elementwise = Drivers("layers.elementwise")
group_norm = Drivers("layers.group_norm")
layer_norm = Drivers("layers.layer_norm")
linear = Drivers("layers.linear")
local_response_norm = Drivers("layers.local_response_norm")
map_criterion = Drivers("layers.map_criterion")
memory = Drivers("memory")
padding = Drivers("layers.padding")
places = Drivers("layers.places")
pool = Drivers("layers.pool")
prelu = Drivers("layers.prelu")
programs = Drivers("program")
shortcut = Drivers("layers.shortcut")
signals = Drivers("layers.conv.signals")
softmax = Drivers("layers.softmax")
transpose = Drivers("layers.transpose").transpose
volumes = Drivers("layers.conv.volumes")
