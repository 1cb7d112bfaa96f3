"""PerceptualLoss by its definition, and what it refuses."""

import pytest
import torch

from mmisr.losses.network import imagenet_pixels
from mmisr.registry import MODELS

CONFIG = {
    "type": "mmisr.PerceptualLoss",
    "network": {"type": "mmisr.VGG", "depth": 16, "last": "conv2_1"},
    "taps": ["relu1_2", "conv2_1"],
}


def images(seed):
    return torch.rand(2, 3, 16, 20, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def vgg_file(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "vgg.pth"
    torch.save(MODELS.build(CONFIG["network"]).state_dict(), path)
    return str(path)


@pytest.mark.parametrize("distance", ["l1", "mse"])
def test_it_is_the_mean_distance_of_the_features(vgg_file, distance):
    loss = MODELS.build({**CONFIG, "checkpoint": vgg_file, "distance": distance, "weight": 0.5})
    sr, hr = images(0), images(1)
    network = MODELS.build(CONFIG["network"])
    network.load_state_dict(torch.load(vgg_file, weights_only=True))
    measured = {"l1": torch.nn.L1Loss(), "mse": torch.nn.MSELoss()}[distance]
    expected = 0
    for last in CONFIG["taps"]:
        of_both = []
        for batch in (sr, hr):
            features = imagenet_pixels(batch)
            for name, layer in network.named_children():
                features = layer(features)
                if name == last:
                    break
            of_both.append(features)
        expected = expected + measured(*of_both) / 2
    torch.testing.assert_close(loss(sr, hr), 0.5 * expected)
    assert loss(hr, hr) == 0


def test_gradients_reach_sr_alone(vgg_file):
    loss = MODELS.build({**CONFIG, "checkpoint": vgg_file})
    sr, hr = images(0).requires_grad_(), images(1).requires_grad_()
    loss(sr, hr).backward()
    assert sr.grad.abs().sum() > 0
    assert hr.grad is None
    assert list(loss.parameters()) == []


def test_weights_that_are_absent_say_where_to_get_them():
    loss = MODELS.build({**CONFIG, "checkpoint": "nowhere.pth"})
    text = r"PerceptualLoss.checkpoint must be the file.*'nowhere.pth'.*download.pytorch.org/models"
    with pytest.raises(FileNotFoundError, match=text):
        loss(images(0), images(1))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"distance": "l3"}, "PerceptualLoss.distance must be one of l1, mse.* got 'l3'"),
        ({"taps": []}, "PerceptualLoss.taps must name at least one feature"),
        ({"weight": -1.0}, "PerceptualLoss: weight must be >= 0, got -1.0"),
    ],
)
def test_wrong_arguments_are_named(changes, text):
    with pytest.raises(ValueError, match=text):
        MODELS.build({**CONFIG, "checkpoint": None, **changes})


def test_images_of_another_shape_are_named(vgg_file):
    loss = MODELS.build({**CONFIG, "checkpoint": vgg_file})
    with pytest.raises(ValueError, match=r"images of one shape, got \(2, 3, 16, 20\) and"):
        loss(images(0), images(1)[..., 1:])
