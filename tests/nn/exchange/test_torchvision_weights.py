"""Weights of torchvision's models: numgd's models with them compute the same, and give them back."""

import numpy as np
import pytest

from numgd import nn

torch = pytest.importorskip("torch")
models = pytest.importorskip("torchvision").models

AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""What names of auxiliary classifiers begin with."""

SMALL = {"densenet121": 64, "googlenet": 64, "resnet18": 64}
LARGE = {
    "alexnet": 224,
    "densenet169": 64,
    "inception_v3": 96,
    "resnet50": 64,
    "resnet152": 64,
    "resnext50_32x4d": 64,
    "vgg11_bn": 224,
}
"""The sizes of the images."""

NAMES = [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]


@pytest.fixture(autouse=True)
def one_thread():
    """PyTorch's threads would wait for work beside numgd's."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def of_torchvision(name):
    """A model for ten classes in float64, with norms that are not those of an untrained one."""
    torch.manual_seed(0)
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    module = models.get_model(name, weights=None, num_classes=10, **options).double().eval()
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            for tensor in (part.weight.data, part.running_var):
                tensor.uniform_(0.5, 1.5)
            for tensor in (part.bias.data, part.running_mean):
                tensor.normal_(0.0, 0.1)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_weights(name):
    module, size = of_torchvision(name), (SMALL | LARGE)[name]
    network = nn.models.create(name, 10, (size, size, 3), dtype=np.float64)
    network.load_state_dict(module.state_dict(), layout="torch", ignore=AUXILIARY)
    X = np.random.default_rng(1).normal(size=(2, size, size, 3))
    with torch.no_grad():
        wanted = module(torch.tensor(X).permute(0, 3, 1, 2)).numpy()
    assert np.linalg.norm(network(X) - wanted) <= 1e-10 * np.linalg.norm(wanted)
    assert_same_weights(network, module, without=AUXILIARY)


@pytest.mark.parametrize("name", ["googlenet", pytest.param("inception_v3", marks=pytest.mark.slow)])
def test_weights_of_auxiliary_classifiers(name):
    module = of_torchvision(name)
    network = nn.models.create(name, 10, dtype=np.float64, auxiliary=True)
    network.load_state_dict(module.state_dict(), layout="torch")
    assert_same_weights(network, module)
    module.load_state_dict(
        {key: torch.from_numpy(array) for key, array in network.state_dict(layout="torch").items()}
    )


def assert_same_weights(network, module, without=()):
    found = network.state_dict(layout="torch")
    wanted = {
        name: tensor
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked") and not name.startswith(without)
    }
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        np.testing.assert_array_equal(found[name], tensor.numpy(), err_msg=name)
