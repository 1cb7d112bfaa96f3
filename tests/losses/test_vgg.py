"""Our VGG against torchvision's: the same layers, names and weights."""

import pytest
import torch
from torchvision.models import vgg16, vgg19

from mmisr.losses.vgg import VGG
from mmisr.registry import MODELS


@pytest.mark.parametrize(
    ("depth", "theirs", "last", "end"),
    [(16, vgg16, "relu4_3", 23), (19, vgg19, "relu4_4", 27), (19, vgg19, "relu1_2", 4)],
)
def test_computes_what_torchvisions_does(depth, theirs, last, end):
    torch.manual_seed(0)
    reference = theirs(weights=None).eval()
    network = MODELS.build({"type": "mmisr.VGG", "depth": depth, "last": last})
    network.load_state_dict(network.renamed(reference.state_dict()))
    image = torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        assert torch.equal(network(image), reference.features[:end](image))


def test_the_whole_network_has_every_weight():
    reference = vgg16(weights=None)
    network = VGG(16)
    weights = network.renamed(reference.state_dict())
    assert set(weights) == set(network.state_dict())
    assert list(network._modules)[-1] == "pool5"


def test_own_names_pass():
    network = VGG(16, "relu1_1")
    assert network.renamed(network.state_dict()).keys() == network.state_dict().keys()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"depth": 13}, "VGG.depth must be one of 16, 19, got 13"),
        ({"last": "relu9_1"}, "VGG.last must be one of conv1_1, .*pool5, got 'relu9_1'"),
    ],
)
def test_what_there_is_not(arguments, text):
    with pytest.raises(ValueError, match=text):
        VGG(**arguments)
