"""Networks: layers with their parameters in one vector."""

import os
from collections import OrderedDict
from contextlib import contextmanager
from math import prod
from threading import RLock

import numpy as np

from numgd.foundations.ranges import Flag, Seed, check_arguments, checked, one_of
from numgd.jit.threads import threads
from numgd.kernels.layers import memory
from numgd.kernels.machines import on_device, on_machine
from numgd.nn.exchange.weights import LayoutName, arrays_of, load_weights, put_arrays, save_weights
from numgd.nn.initialisers import initial
from numgd.nn.losses import loss_of
from numgd.nn.network.checks import (
    Checked,
    check_finite,
    checked_dtype,
    checked_inputs,
    checked_paths,
    checked_shape,
    real_numbers,
)
from numgd.nn.network.objective import Objective
from numgd.nn.network.plan import Plan
from numgd.nn.network.summary import Summary
from numgd.nn.network.wiring import wired
from numgd.nn.training import evaluate, fit, predict, predict_labels, predict_proba

DeviceName = one_of("cpu", "cuda")

MOST_PLANS = 8
"""Passes that a network keeps: one for each batch size, for inference and for each loss."""

CHUNK = 256
"""Most samples that are computed at a time, unless statistics of the whole batch are taken."""

CHUNK_BYTES = 2**28
"""About the most memory that the largest value of a chunk takes."""


def _vector(name, what):
    """A vector that keeps its memory, of which layers hold views: assigning to it copies the numbers."""

    def get(network):
        return network._vectors[name]

    def put(network, numbers):
        own = network._vectors[name]
        if numbers is own:
            return
        if np.shape(numbers) != own.shape:
            raise ValueError(f"{name} must have shape {own.shape}; it has {np.shape(numbers)}")
        network._check_not_frozen()
        if on_device(numbers):  # of any library, which NumPy need not be able to convert
            numbers = memory.taken(name, numbers)
            if not on_device(own) or numbers.dtype != own.dtype:
                numbers = memory.fetched(numbers)
            memory.assign(own, numbers)
        else:
            memory.assign(own, real_numbers(name, numbers))

    return property(get, put, doc=what)


class Network:
    """Layers with their parameters.

    All parameters lie in one vector and all gradients in another, of which the layers hold views.  A pass
    for a batch size is planned once: its values share memory, and its compiled calls are recorded and run
    again as one function, without Python between them.

    Parameters
    ----------
    model : Layer or container
    input_shape : tuple of int
        Of one sample: (features,) or (height, width, channels).
    dtype : float32 or float64
    seed : int
        Determines the initial parameters.

    Attributes
    ----------
    parameters, gradient : (n,) array
    state : array
        What layers update themselves, such as running statistics.  These three keep their memory: assigning
        to them copies the numbers.
    input_shape, output_shape : tuple
        Without the batch.
    device : {'cpu', 'cuda'}
        Where the network lives; see `to`.

    Raises
    ------
    TypeError, ValueError
        If shapes do not chain: the error names the layer, what it got and what it takes.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd import nn
    >>> model = nn.Sequential(nn.Dense(8, activation="tanh"), nn.Dense(2))
    >>> network = nn.Network(model, input_shape=(3,))
    >>> network.parameters.size, network(np.zeros((5, 3))).shape
    (50, (5, 2))
    """

    parameters = _vector("parameters", "All parameters in one vector.")
    gradient = _vector("gradient", "The gradient of the last loss, in the same order.")
    state = _vector("state", "What layers update themselves, such as running statistics.")

    @check_arguments
    def __init__(self, model, input_shape, *, dtype=np.float32, seed: Seed = 0):
        self.model, self.seed = model, seed
        self.input_shape = checked_shape(input_shape)
        self.dtype = checked_dtype(dtype)
        self.wiring = wired(model, self.input_shape)
        self.output_shape = self.wiring.shapes[self.wiring.output]
        self._described = self._describe("parameters")
        self._states = self._describe("states")
        self.device = "cpu"
        self._lay_out(None)
        for (path, name), (_, own) in self._states.items():
            self._state_views[path][name][...] = own.initial
        self.needs_gradient = self._needs_gradient()
        self._plans: OrderedDict[tuple, Plan] = OrderedDict()
        self._lock = RLock()  # passes compute in memory of the network: one thread at a time
        self._frozen = 0  # blocks of `frozen` that are open
        largest = max(map(prod, self.wiring.shapes)) * self.dtype.itemsize
        self.chunk = max(1, min(CHUNK, CHUNK_BYTES // max(1, largest)))
        self.reset(seed)

    @check_arguments
    def reset(self, seed: Seed = 0):
        """Give all parameters their initial numbers."""
        self._check_not_frozen()
        for number, ((path, name), (_, own)) in enumerate(self._described.items()):
            numbers = initial(own.initialiser, own.shape, self.dtype, seed, number)
            memory.assign(self._parameter_views[path][name], numbers)

    # Where everything lies --------------------------------------------------------------------------------

    def _describe(self, what):
        """``(path, name)`` to node and `Parameter` or `State`."""
        found = {}
        for node in self.wiring.nodes:
            shapes = [self.wiring.shapes[i] for i in node.inputs]
            for name, own in getattr(node.layer, what)(*shapes).items():
                found[node.path, name] = node, own
        return found

    def _lay_out(self, like):
        """Take memory for all vectors, where an array lives."""
        parameters, self._parameter_views = self._memory(self._described, like)
        gradient, self._gradient_views = self._memory(self._described, like)
        state, self._state_views = self._memory(self._states, like)
        self._vectors = {"parameters": parameters, "gradient": gradient, "state": state}
        self.words = memory.zeros(like, (2,), np.dtype(np.uint64))

    def _memory(self, described, like):
        """A vector for described arrays, and by path the views of it by name."""
        sizes = [int(np.prod(own.shape)) for _, own in described.values()]
        vector, views, first = memory.zeros(like, (sum(sizes),), self.dtype), {}, 0
        for ((path, name), (_, own)), size in zip(described.items(), sizes, strict=True):
            views.setdefault(path, {})[name] = vector[first : first + size].reshape(own.shape)
            first += size
        return vector, views

    def _needs_gradient(self):
        """For each value, whether it depends on parameters."""
        needs = [False] * len(self.wiring.shapes)
        for node in self.wiring.nodes:
            needs[node.output] = bool(self.parameters_of(node)) or any(needs[i] for i in node.inputs)
        return needs

    def parameters_of(self, node):
        """The parameters of a node by name."""
        return self._parameter_views.get(node.path, {})

    def gradients_of(self, node):
        """Their gradients by name."""
        return self._gradient_views.get(node.path, {})

    def states_of(self, node):
        """The states of a node by name."""
        return self._state_views.get(node.path, {})

    def named_parameters(self):
        """Views of the parameters by dotted name."""
        return _flat(self._parameter_views, self._frozen > 0)

    def named_gradients(self):
        """Views of the gradients by dotted name."""
        return _flat(self._gradient_views)

    def named_states(self):
        """What layers update themselves, by dotted name."""
        return _flat(self._state_views, self._frozen > 0)

    @property
    def undecayed(self):
        """Names of the parameters that weight decay can leave out: biases, and those of norms."""
        return tuple(_dotted(*key) for key, (_, own) in self._described.items() if not own.decays)

    # Computing --------------------------------------------------------------------------------------------

    def _plan(self, batch, loss=None):
        """The pass for a batch size, planned when it is first needed."""
        frozen = self._frozen > 0
        key = batch, loss, threads(), frozen  # calls share out their work when they are recorded
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key]
        if loss is not None:
            self._check_batch(batch)
        self._plans[key] = Plan(self, batch, loss, frozen)
        while len(self._plans) > MOST_PLANS:
            self._plans.popitem(last=False)
        return self._plans[key]

    def _check_batch(self, batch):
        for node in self.wiring.nodes:
            if node.layer.takes_batch_statistics:
                try:
                    node.layer.check_batch((batch, *self.wiring.shapes[node.inputs[0]]))
                except ValueError as error:
                    raise ValueError(f"{node.path}: {node.layer!r} {error}") from None

    def checked_data(self, X, y=None, loss=None):
        """Samples and targets as arrays that the network takes.

        Parameters
        ----------
        X : array_like of shape (N, *input_shape)
            Finite numbers.  An array of the network's dtype is not copied; a memory map is not read.
        y : array_like, optional
            Labels or targets; see the loss.
        loss : str or Loss, optional

        Returns
        -------
        X, y : arrays

        Raises
        ------
        TypeError, ValueError
            For other shapes or dtypes, NaN or infinity, and labels out of range.
        """
        if on_device(X) or on_device(y):
            raise TypeError(
                "X and y must live on the host, from where batches are copied; `forward` and "
                "`loss_and_gradient` take arrays on a device"
            )
        X = checked_inputs(X, self.input_shape)
        check_finite(X, self.dtype)
        if y is None:
            return X, None
        shape = (len(X), *self.output_shape)
        if np.ndim(y) == 0 or len(y) != len(X):
            raise ValueError(f"y has shape {np.shape(y)}, but X has {len(X)} samples")
        return X, loss_of(loss).checked(y, shape, self.dtype)

    def forward(self, X):
        """Outputs in inference: running statistics, no dropout.

        Parameters
        ----------
        X : array_like of shape (N, *input_shape)
            Of a network on a device, X can live there too.

        Returns
        -------
        (N, *output_shape) array of the network's dtype
            Where X lives, in the kind of X.
        """
        given, X = X, self._placed_inputs(X)
        y = memory.empty(X, (len(X), *self.output_shape), self.dtype)
        with self._lock:
            for first in range(0, len(X), self.chunk):
                part = X[first : first + self.chunk]
                plan = self._plan(len(part))
                memory.assign(plan.x, part)
                plan.run()
                memory.assign(y[first : first + self.chunk], plan.y)
        return memory.in_kind(y, given)

    def _placed_inputs(self, X):
        """Samples, checked; TypeError for those on a device if the network lives on the host."""
        if on_device(X) and self.device == "cpu":
            raise TypeError("X lives on a device, but the network on the host: move it by to('cuda')")
        return checked_inputs(X, self.input_shape)

    __call__ = forward

    @check_arguments
    def activations(self, X, layers=None, *, training: Flag = False, seed: Seed = 0):
        """Outputs of inner layers.

        Parameters
        ----------
        X : array_like of shape (N, *input_shape)
        layers : str or sequence of str, optional
            Their paths, as `summary` lists them; by default all.  The output of a layer includes the
            activation that it applies.
        training : bool
            False for a pass of inference: running statistics, no dropout.  True for one of training: batch
            norms take the statistics of X, which is not divided then.
        seed : int
            Determines what dropout drops in training.

        Returns
        -------
        dict of str to numpy.ndarray
            By path, in the order of computation: arrays of shape (N, …), copies.

        Raises
        ------
        TypeError, ValueError
            For an X of another shape or without samples, and for unknown layers (with the names nearest to
            them).

        Notes
        -----
        The network is left as it is.  Values of all these layers are in memory at once, for at most 256
        samples in inference.

        Examples
        --------
        >>> import numpy as np
        >>> from numgd import nn
        >>> model = nn.Sequential(nn.Conv2d(4, 3, activation="relu"), nn.Flatten(), nn.Dense(2))
        >>> network = nn.Network(model, input_shape=(5, 5, 1))
        >>> for path, values in network.activations(np.ones((7, 5, 5, 1)), ["0", "2"]).items():
        ...     print(path, values.shape)
        0 (7, 3, 3, 4)
        2 (7, 2)
        """
        X = self._placed_inputs(X)
        if len(X) == 0:
            raise ValueError("X contains no samples")
        nodes = self.wiring.needed(training)
        wanted = checked_paths(layers, [node.path for node in nodes])
        shapes = {node.path: self.wiring.shapes[node.output] for node in nodes if node.path in wanted}
        found = {path: np.empty((len(X), *shape), self.dtype) for path, shape in shapes.items()}
        size = len(X) if training else self.chunk
        with self._lock:
            if training:
                self._check_not_frozen()
                self._check_batch(len(X))
            state = memory.copied(self.state)
            plan = None
            for first in range(0, len(X), size):
                part = X[first : first + size]
                if plan is None or len(plan.x) != len(part):
                    plan = Plan(self, len(part), kept=tuple(shapes), training=training)
                memory.assign(plan.x, part)
                memory.assign(self.words, np.array([seed, 0], np.uint64))
                try:
                    plan.run()
                finally:
                    if training:
                        memory.assign(self.state, state)
                for path, values in plan.kept.items():
                    found[path][first : first + size] = memory.fetched(values)
        return found

    def to(self, device):
        """Move the network to a GPU or back, in place.

        Parameters
        ----------
        device : {'cpu', 'cuda'}

        Returns
        -------
        Network
            The network itself.

        Raises
        ------
        ImportError
            If numba-cuda is not installed.
        RuntimeError
            If there is no driver or no GPU; the message says what is missing.  Also within a block of
            `frozen`.
        MemoryError
            If the device has too little memory; the network stays where it is.

        Notes
        -----
        On a GPU parameters, gradients, activations and the state of optimizers stay there; batches and losses
        cross.  Arrays of `parameters` and of `named_parameters` are Numba's device arrays then, which CuPy
        and PyTorch take without copies.  Arrays that were taken from the network before no longer belong to
        it: optimizers are attached after moving, as `fit` does.

        Examples
        --------
        >>> from numgd import nn
        >>> nn.Network(nn.Dense(2), input_shape=(3,)).to("cpu").device
        'cpu'
        """
        device = checked("device", device, DeviceName)
        with self._lock:
            self._check_not_frozen()
            if device != self.device:
                numbers = {name: memory.fetched(vector) for name, vector in self._vectors.items()}
                before = self.__dict__.copy()
                try:
                    self._lay_out(on_machine(device))
                    for name, array in numbers.items():
                        memory.assign(self._vectors[name], array)
                except BaseException:
                    self.__dict__.update(before)
                    raise
                self.device = device
                self._plans.clear()
        return self

    def on_host(self):
        """The network itself if it lives on the host, else a copy of it there."""
        if self.device == "cpu":
            return self
        found = object.__new__(type(self))
        found.__setstate__(self.__getstate__() | {"device": "cpu"})
        return found

    @contextmanager
    def frozen(self):
        """A block in which the parameters stay the same, so that inference prepares them only once.

        Otherwise each pass makes batch norms part of the layers before them and brings weights into the order
        in which kernels read them.  For one image at a time this takes up to a quarter of the time, for
        large batches less.  Prepared weights take memory for each batch size in use, until the block ends: in
        ResNet-50 twice as much as the parameters.

        Within the block parameters and states are read-only, and training raises RuntimeError.  Views of them
        that were taken before can still be written to, which must not be done: it would not count.

        Examples
        --------
        >>> import numpy as np
        >>> from numgd import nn
        >>> network = nn.Network(nn.models.lenet5(), input_shape=(28, 28, 1))
        >>> with network.frozen():
        ...     outputs = [network(image[None]) for image in np.zeros((3, 28, 28, 1))]
        >>> len(outputs)
        3
        """
        with self._lock:
            self._freeze(1)
        try:
            yield self
        finally:
            with self._lock:
                self._freeze(-1)

    def _freeze(self, change):
        self._frozen += change
        if self.device == "cpu":
            for name in ("parameters", "state"):
                self._vectors[name].flags.writeable = not self._frozen
        if not self._frozen:
            self._plans = OrderedDict((key, plan) for key, plan in self._plans.items() if not key[-1])

    def _check_not_frozen(self):
        if self._frozen:
            raise RuntimeError("the network is frozen: parameters and states cannot change in this block")

    @check_arguments
    def loss_and_gradient(self, X, y, loss, seed: Seed = 0):
        """The mean loss of a batch in training, whose gradient is written to `gradient`.

        Parameters
        ----------
        X : array_like of shape (N, *input_shape)
        y : array_like
            Labels or targets; see the loss.
        loss : str or Loss
            'cross_entropy', a name in `numgd.scalars.LOSSES` such as 'mse', or an object of
            `numgd.nn.losses`.
        seed : int
            Determines what dropout drops.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            For shapes and dtypes that do not fit, and labels out of range.
        """
        loss = loss_of(loss)
        return self.step(*self._checked_batch(X, y, loss), loss, seed)

    def _checked_batch(self, X, y, loss):
        if isinstance(y, Checked):
            return X, y.target
        X = self._placed_inputs(X)
        if len(X) == 0:
            raise ValueError("X contains no samples")
        y = memory.fetched(memory.taken("y", y)) if on_device(y) else y  # they are checked on the host
        return X, loss.checked(y, (len(X), *self.output_shape), self.dtype)

    def ahead(self, batches, loss):
        """Batches for `loss_and_gradient`, checked and where the network lives.

        On a GPU each batch is copied there while the one before is computed.
        """
        loss = loss_of(loss)
        found = memory.ahead(self.parameters, (self._checked_batch(X, y, loss) for X, y in batches))
        return ((X, Checked(y)) for X, y in found)

    def step(self, X, y, loss, seed=0):
        """As `loss_and_gradient`, for data from `checked_data` and a `Loss`."""
        with self._lock:
            self._check_not_frozen()
            plan = self._plan(len(X), loss)
            memory.assign(plan.x, X)
            memory.assign(plan.target, y)
            memory.assign(self.words, np.array([seed, 0], np.uint64))
            return plan.run()

    def loss(self, outputs, y, loss):
        """The mean loss of outputs.

        Parameters
        ----------
        outputs : (N, *output_shape) array
            As `forward` returns.
        y, loss
            As for `loss_and_gradient`.

        Returns
        -------
        float
        """
        loss = loss_of(loss)
        outputs = np.ascontiguousarray(outputs, self.dtype)  # on the host, where `forward` puts them
        target = np.ascontiguousarray(loss.checked(y, outputs.shape, self.dtype))
        return float(loss.value(outputs, target)) * loss.scale(outputs.shape)

    # Training and use -------------------------------------------------------------------------------------

    def fit(self, X, y=None, *, loss, **options):
        """Train the network; see `numgd.nn.training.fit`, which has all options.

        Parameters
        ----------
        X : array_like of shape (N, *input_shape), or iterable of batches
        y : array_like, optional
            Labels or targets; see the loss.
        loss : str or Loss
            As for `loss_and_gradient`.
        **options
            `optimizer`, `epochs`, `batch_size`, `validation_data`, `schedule`, `callbacks`, `progress`, …

        Returns
        -------
        OptimizeResult
            With the history of the epochs.

        Examples
        --------
        >>> import numpy as np
        >>> from numgd import nn
        >>> X = np.random.default_rng(0).normal(size=(200, 2))
        >>> network = nn.Network(nn.Dense(2), input_shape=(2,))
        >>> found = network.fit(X, (X[:, 0] > X[:, 1]).astype(int), loss="cross_entropy", epochs=20)
        >>> bool(found.history.loss[-1] < found.history.loss[0])
        True
        """
        self._check_not_frozen()
        return fit(self, X, y, loss=loss, **options)

    def evaluate(self, X, y, *, loss, **options):
        """Mean loss and metrics over data; see `numgd.nn.training.evaluate`."""
        return evaluate(self, X, y, loss=loss, **options)

    def predict(self, X, **options):
        """Outputs; see `numgd.nn.training.predict`."""
        return predict(self, X, **options)

    def predict_proba(self, X, **options):
        """Probabilities of the classes; see `numgd.nn.training.predict_proba`."""
        return predict_proba(self, X, **options)

    def predict_labels(self, X, **options):
        """The most probable classes; see `numgd.nn.training.predict_labels`."""
        return predict_labels(self, X, **options)

    @check_arguments
    def objective(self, loss, X=None, y=None, *, seed: Seed = 0):
        """The mean loss as a function of the parameters, for `numgd.minimize` and other minimisers.

        Parameters
        ----------
        loss : str or Loss
            As for `loss_and_gradient`.
        X, y : array_like, optional
            Data; without them the function takes them after x, as `numgd.minimize_stochastic` passes them.
        seed : int
            Determines what dropout drops, in every evaluation alike.

        Returns
        -------
        Objective
            ``objective(x)``, with `jac`, `hessp` and `value_and_gradient`; minimisers of numgd find these
            themselves.  The network is not changed: assign the result to `parameters`.

        Examples
        --------
        >>> import numgd, numpy as np
        >>> from numgd import nn
        >>> X = np.random.default_rng(0).normal(size=(50, 2))
        >>> network = nn.Network(nn.Dense(1), input_shape=(2,), dtype=np.float64)
        >>> objective = network.objective("mse", X, X @ [1.0, -2.0])
        >>> found = numgd.minimize(objective, network.parameters, method="l-bfgs")
        >>> network.parameters[:] = found.x
        >>> network.named_parameters()["dense.weight"].round(3)
        array([[ 1., -2.]])
        """
        return Objective(self, loss, X, y, seed)

    def summary(self):
        """A table of the layers: shapes, parameters, multiply-adds and memory.

        Returns
        -------
        Summary
            Printed as a table, in notebooks as HTML.
        """
        return Summary(self.model, self.wiring, self.dtype)

    def __repr__(self):
        size = f"{self.parameters.size:,} parameters"
        return f"Network({type(self.model).__name__}, input_shape={self.input_shape}, {self.dtype}, {size})"

    def _repr_html_(self):
        return self.summary()._repr_html_()

    @property
    def takes_batch_statistics(self):
        """Whether a sample's loss depends on the other samples of its batch."""
        return any(node.layer.takes_batch_statistics for node in self.wiring.nodes)

    def __getstate__(self):
        """For pickling and copying: passes are planned again when they are needed."""
        return {
            "model": self.model, "input_shape": self.input_shape, "dtype": self.dtype, "seed": self.seed,
            **{name: memory.fetched(vector) for name, vector in self._vectors.items()},
            "device": self.device,
        }  # fmt: skip

    def __setstate__(self, kept):
        self.__init__(kept["model"], kept["input_shape"], dtype=kept["dtype"], seed=kept["seed"])
        for name in ("parameters", "gradient", "state"):
            setattr(self, name, kept[name])
        self.to(kept.get("device", "cpu"))

    @check_arguments
    def state_dict(self, *, layout: LayoutName = "numgd"):
        """Copies of all parameters and states by dotted name.

        Parameters
        ----------
        layout : {'numgd', 'torch'}
            'torch' for the names, axes and order of features of PyTorch, with the `torch_names` of the
            model; see `numgd.nn.exchange.torch_layout`.

        Returns
        -------
        dict of str to array

        Raises
        ------
        ValueError
            With 'torch', if two arrays get one name, or a layer such as `GroupNorm` takes features of a
            flattened image by their order.

        Examples
        --------
        >>> from numgd import nn
        >>> model = nn.Sequential(conv=nn.Conv2d(4, 3, bias=False), bn=nn.BatchNorm())
        >>> arrays = nn.Network(model, input_shape=(8, 8, 1)).state_dict(layout="torch")
        >>> arrays["conv.weight"].shape, [name for name in arrays if name.startswith("bn")]
        ((4, 1, 3, 3), ['bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var'])
        """
        return arrays_of(self, layout)

    @check_arguments
    def load_state_dict(self, arrays, *, layout: LayoutName = "numgd", ignore=()):
        """Take parameters and states from arrays by dotted name.

        Parameters
        ----------
        arrays : dict of str to array_like
            Real numbers of any dtype, also tensors of PyTorch on the CPU.
        layout : {'numgd', 'torch'}
            As for `state_dict`.  With 'torch', entries ``num_batches_tracked`` are not used.
        ignore : tuple of str
            Beginnings of names, in the layout, that the network need not have, such as those of auxiliary
            classifiers: ``("AuxLogits.",)``.

        Raises
        ------
        TypeError, ValueError
            For missing or unknown names, other shapes, and what is no number; nothing is changed then.

        Examples
        --------
        >>> from numgd import nn
        >>> network = nn.Network(nn.Sequential(fc=nn.Dense(2)), input_shape=(3,))
        >>> network.load_state_dict({"fc.weight": [[1, 2, 3], [4, 5, 6]], "fc.bias": [0, 0]})
        >>> network.parameters
        array([1., 2., 3., 4., 5., 6., 0., 0.], dtype=float32)
        """
        self._check_not_frozen()
        put_arrays(self, arrays, layout, ignore)

    @check_arguments
    def save(self, path: str | os.PathLike[str], *, layout: LayoutName = "numgd"):
        """Write `state_dict` to a file, ``.npz`` or ``.safetensors``; see `numgd.save`."""
        save_weights(self, path, layout)

    @check_arguments
    def load(self, path: str | os.PathLike[str], *, layout: LayoutName = "numgd", ignore=()):
        """`load_state_dict` of a file, ``.npz`` or ``.safetensors``; nothing in it is executed.

        The recipe in a file of `numgd.nn.models.save` is ignored.

        Raises
        ------
        OSError, TypeError, ValueError
            If the file is missing, damaged or of another network; nothing is changed then.
        """
        self._check_not_frozen()
        load_weights(self, path, layout, ignore)


def _flat(views, frozen=False):
    found = {_dotted(path, name): view for path, own in views.items() for name, view in own.items()}
    if frozen and all(isinstance(view, np.ndarray) for view in found.values()):
        found = {name: view.view() for name, view in found.items()}
        for view in found.values():
            view.flags.writeable = False
    return found


def _dotted(path, name):
    return f"{path}.{name}"
