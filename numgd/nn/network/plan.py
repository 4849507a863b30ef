"""A pass through a network for one batch size: where all values lie, and the recorded calls."""

from itertools import accumulate
from typing import NamedTuple

import numpy as np

from numgd.kernels.layers import concatenate, elementwise, memory, programs
from numgd.nn.layers import BatchNorm
from numgd.nn.layers.layer import Place
from numgd.nn.layers.shared import as_rows, zero_bias
from numgd.nn.network.memory import FOREVER, Tensor, allocate


class Channels(NamedTuple):
    """A gradient that consists of neighbouring channels of another one."""

    source: Tensor
    first: int

    @property
    def block(self):
        """The memory in which it lies."""
        return self.source.block


class Plan:
    """A forward pass, or the loss of a batch and its gradient, as a program.

    Parameters
    ----------
    network : Network
    batch : int
    loss : numgd.nn.losses.Loss, optional
        With it the pass is one of training, and its gradient is computed.
    frozen : bool
        Whether all parameters and states stay as they are: what depends on them only is computed once.
    kept : tuple of str
        Paths of layers whose outputs are to be read after `run`.  If there are any, batch norms are not made
        part of the layers before them, and no layer writes over its input.
    training : bool
        Whether a pass without a loss is one of training.

    Attributes
    ----------
    x, target : array
        What `run` takes the batch from.
    y : array
        The outputs.
    kept : dict
        The outputs of layers by path.
    nbytes : int
        Memory of all values.
    """

    def __init__(self, network, batch, loss=None, frozen=False, kept=(), training=False):
        self._network, self._batch, self._loss, self._frozen = network, batch, loss, frozen
        self._training, self._as_listed = training or loss is not None, bool(kept)
        self._time, self._tensors, self._steps = 0, [], []
        self._programs = programs.beside(network.parameters)
        wiring = network.wiring
        self._consumers = wiring.consumers(self._training)
        self._producers = {node.output: node for node in wiring.nodes}
        self._done = set()  # values whose gradients have been used
        self._norms = {} if self._training or self._as_listed else self._absorbed_norms()
        values = {0: self._tensor(wiring.shapes[0], forever=True)}
        needed = set(wiring.needed(self._training))
        numbered = [(number, node) for number, node in enumerate(wiring.nodes) if node in needed]
        places = [self._forward(node, number, values) for number, node in numbered]
        output = values[wiring.output]
        output.use(FOREVER)
        wanted = {node.path: values[node.output] for _, node in numbered if node.path in kept}
        for value in wanted.values():
            value.use(FOREVER)
        self._losses = []
        if loss is not None:
            grads = {}
            weights = {wiring.output: 0.0} | wiring.auxiliary
            weights[wiring.output] += 1.0
            for value, weight in weights.items():
                grads[value] = self._tensor(wiring.shapes[value])
                self._at(self._compare, values[value], grads[value], weight)
            for place in reversed(places):
                self._backward(*place, values, grads)
        self.nbytes = allocate(self._tensors, network.parameters)
        self.x, self.y = values[0].array, output.array
        self.kept = {path: value.array for path, value in wanted.items()}
        if loss is not None:
            shape, dtype = loss.target_shape(self.y.shape), loss.target_dtype(self.y.dtype)
            self.target = memory.zeros(self.y, shape, dtype)
        self._record()

    # Steps: what is computed when, and with which values ---------------------------------------------------

    def _tensor(self, shape, dtype=None, forever=False, whole=False):
        """A new value; of a shape without the batch unless `whole`."""
        shape = tuple(shape) if whole else (self._batch, *shape)
        tensor = Tensor(shape, self._network.dtype if dtype is None else dtype)
        self._tensors.append(tensor)
        if forever:
            tensor.use(0)
            tensor.use(FOREVER)
        return tensor

    def _view(self, tensor, shape):
        """The same value in another shape, without the batch."""
        view = tensor.viewed((self._batch, *shape))
        self._tensors.append(view)
        return view

    def _at(self, function, *arguments):
        """The next step: ``function(*arguments)`` with tensors, also those in tuples and dictionaries."""
        for tensor in _tensors_in(arguments):
            tensor.use(self._time)
        self._steps.append((function, arguments))
        self._time += 1

    def _forward(self, node, number, values):
        """Add the forward pass of a node; returns what its backward pass needs."""
        kept = {}
        if node in self._norms.values():
            return node, number, kept
        shapes, x = self._network.wiring.shapes, tuple(values[i] for i in node.inputs)
        if node.output in self._norms:
            norm = self._norms[node.output]
            values[norm.output] = self._tensor(shapes[norm.output])
            weight = self._network.parameters_of(node)["weight"].shape
            folded = {
                "weight": self._tensor(weight, forever=self._frozen, whole=True),
                "bias": self._tensor(weight[:1], forever=self._frozen, whole=True),
            }
            self._at(self._run_folded, node, norm, number, x, values[norm.output], folded)
            return node, number, kept
        if node.layer.passes(self._training) or self._can_overwrite(node, values):
            values[node.output] = self._view(x[0], shapes[node.output])
        else:
            values[node.output] = self._tensor(shapes[node.output])
        if not node.layer.passes(self._training):
            if self._training:
                described = node.layer.kept(*((self._batch, *shapes[i]) for i in node.inputs))
                kept = {name: self._tensor(*own, whole=True) for name, own in described.items()}
            self._at(self._run_forward, node, number, x, values[node.output], kept)
        return node, number, kept

    def _absorbed_norms(self):
        """The batch norms that become part of the layers before them, by the output of these."""
        found = {}
        for node in self._network.wiring.needed(training=False):
            before = self._producers.get(node.inputs[0])
            if (
                isinstance(node.layer, BatchNorm)
                and before is not None
                and before.layer.absorbs_norm
                and before.activation is None
                and len(self._consumers[before.output]) == 1
            ):
                found[before.output] = node
        return found

    def _can_overwrite(self, node, values):
        """Whether the output can take the place of the input: nobody reads that any more."""
        if not node.layer.overwrites or node.inputs[0] == 0 or self._as_listed:
            return False
        before = self._producers[node.inputs[0]]
        if len(self._consumers[node.inputs[0]]) > 1 or before.layer.passes(self._training):
            return False
        return not self._training or "y" not in before.reads

    def _backward(self, node, number, kept, values, grads):
        """Add the backward pass of a node."""
        needs, shapes = self._network.needs_gradient, self._network.wiring.shapes
        inputs = [i for i in node.inputs if needs[i]]
        self._done.add(node.output)
        if node.output not in grads or not (inputs or self._network.parameters_of(node)):
            return
        grad = self._whole(grads[node.output], node.output)
        if node.layer.passes(True):
            self._contribute(node.inputs[0], self._view(grad, shapes[node.inputs[0]]), grads)
            return
        if node.layer.splits_gradient:
            ends = accumulate(shapes[i][-1] for i in node.inputs)
            for i, end in zip(node.inputs, ends, strict=True):
                if needs[i]:
                    self._contribute(i, Channels(grad, end - shapes[i][-1]), grads)
            return
        if node.layer.shares_gradient:
            if node.activation is not None:
                common = self._tensor(shapes[node.output])
                self._at(self._run_backward, node, number, (), values[node.output], kept, grad, (common,))
                grad = common
            for k, i in enumerate(inputs):
                self._contribute(i, grad, grads, keep=k + 1 < len(inputs))
            return
        targets = tuple(self._tensor(shapes[i]) if needs[i] else None for i in node.inputs)
        x = tuple(values[i] for i in node.inputs) if "x" in node.reads else ()
        y = values[node.output] if "y" in node.reads else None
        self._at(self._run_backward, node, number, x, y, kept, grad, targets)
        for i, target in zip(node.inputs, targets, strict=True):
            if target is not None:
                self._contribute(i, target, grads)

    def _contribute(self, value, grad, grads, keep=False):
        """Make `grad` the gradient of a value, or add it to what there is; `keep` it for other values too."""
        known = grads.get(value)
        if known is None:
            grads[value] = grad
            return
        # The sum may take the place of a part that no gradient still to be used shares.
        pending = [other for v, other in grads.items() if v != value and v not in self._done]
        if keep:
            pending.append(grad)
        if isinstance(grad, Channels):
            known, grad = grad, known
        one_part = isinstance(known, Channels) and isinstance(grad, Tensor)
        if one_part and all(other.block is not grad.block for other in (known, *pending)):
            self._at(self._take, known, True, grad)
            grads[value] = grad
            return
        known, grad = self._whole(known, value), self._whole(grad, value)
        free = [part for part in (known, grad) if all(other.block is not part.block for other in pending)]
        total = free[0] if free else self._tensor(self._network.wiring.shapes[value])
        first, second = (grad, known) if total is grad else (known, grad)
        self._at(self._add, first, second, total)
        grads[value] = total

    def _whole(self, grad, value):
        """The gradient of a value in memory of its own, if it is a part of another one."""
        if isinstance(grad, Tensor):
            return grad
        whole = self._tensor(self._network.wiring.shapes[value])
        self._at(self._take, grad, False, whole)
        return whole

    # Their execution ----------------------------------------------------------------------------------------

    def _place(self, node, number, x, y, kept, grad, grad_x):
        network = self._network
        return Place(
            shapes=tuple((self._batch, *network.wiring.shapes[i]) for i in node.inputs),
            x=_arrays(x),
            y=_arrays(y),
            parameters=network.parameters_of(node),
            gradients=network.gradients_of(node),
            states=network.states_of(node),
            kept=_arrays(kept),
            grad=_arrays(grad),
            grad_x=_arrays(grad_x),
            activation=node.activation,
            training=self._training,
            words=network.words,
            number=number,
        )

    def _run_forward(self, node, number, x, y, kept):
        node.layer.forward(self._place(node, number, x, y, kept, None, ()))

    def _run_folded(self, node, norm, number, x, y, folded):
        at = self._place(node, number, x, y, {}, None, ())
        weight = at.parameters["weight"]
        bias = at.parameters.get("bias")
        bias = zero_bias(weight) if bias is None else bias
        parameters = _arrays(folded)
        of_norm = self._place(norm, number, (), None, {}, None, ())
        with self._programs.preparing():
            norm.layer.fold(of_norm, weight, bias, parameters["weight"], parameters["bias"])
        node.layer.forward(at._replace(parameters=parameters, activation=norm.activation))

    def _run_backward(self, node, number, x, y, kept, grad, grad_x):
        node.layer.backward(self._place(node, number, x, y, kept, grad, grad_x))

    def _add(self, first, second, total):
        elementwise.add(first.array.reshape(-1), second.array.reshape(-1), total.array.reshape(-1))

    def _take(self, channels, added, target):
        source = as_rows(channels.source.array)
        concatenate.take(source, channels.first, added, as_rows(target.array))

    def _compare(self, output, grad, weight):
        self._loss.value(output.array, self.target)
        self._losses.append((len(self._recording.calls) - 1, weight))
        self._loss.gradient(output.array, self.target, grad.array, weight)

    def _record(self):
        """Run all steps once on whatever is in memory, and keep their calls; states are as before."""
        states = memory.copied(self._network.state)
        try:
            with np.errstate(all="ignore"), self._programs.Recording(self._frozen) as self._recording:
                for function, arguments in self._steps:
                    function(*arguments)
                    self._recording.forget_scratch()
        finally:
            if self._training:
                memory.assign(self._network.state, states)
        watched = tuple(call for call, _ in self._losses)
        self._program = self._programs.Program(self._recording.calls, watched)
        # No reference leads back here: the memory is free as soon as the network drops the plan.
        del self._recording, self._steps, self._network

    def run(self):
        """Compute the outputs from ``x``; with a loss the gradient too, and return the loss."""
        self._program.run()
        if self._loss is None:
            return None
        pairs = zip(self._losses, self._program.results, strict=True)
        return sum(weight * float(result) for (_, weight), result in pairs) * self._loss.scale(self.y.shape)


def _tensors_in(arguments):
    for argument in arguments:
        if isinstance(argument, Tensor):
            yield argument
        elif isinstance(argument, tuple):
            yield from _tensors_in(argument)
        elif isinstance(argument, dict):
            yield from _tensors_in(argument.values())


def _arrays(value):
    if isinstance(value, Tensor):
        return value.array
    if isinstance(value, tuple):
        return tuple(map(_arrays, value))
    if isinstance(value, dict):
        return {name: _arrays(own) for name, own in value.items()}
    return value
