"""``mmisr.openmmlab.taps`` on real detectors."""

import pytest
import torch
from mmdet.structures import DetDataSample
from torch import nn

from mmisr.openmmlab.detector import build_detector
from mmisr.openmmlab.taps import tap_names, tapped


@pytest.fixture
def detector(detector_config):
    torch.manual_seed(0)
    return build_detector(detector_config).eval()


IMAGE = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 255


def test_levels_are_what_the_heads_read(detector):
    with tapped(detector, ["neck.0", "neck.2", "pyramid.0", "backbone.1"]) as features:
        levels = detector.extract_feat(IMAGE)
    assert torch.equal(features["neck.0"], levels[0])
    assert torch.equal(features["neck.2"], levels[2])
    assert torch.equal(features["pyramid.0"], levels[0])
    assert features["backbone.1"].shape == (2, 64, 4, 6)


def test_a_layer_shared_by_the_levels_has_an_output_for_each(detector):
    name = "bbox_head.multi_level_conv_cls.0"
    with tapped(detector, [name, "backbone.stem.conv"]) as features:
        detector.predict(
            IMAGE, [DetDataSample(metainfo={"scale_factor": (1.0, 1.0), "img_shape": (64, 96)})] * 2
        )
        assert features[name].shape == (2, 2, 8, 12)
        detector.extract_feat(IMAGE)
        assert len(features.all("backbone.stem.conv")) == 2
        with pytest.raises(ValueError, match="ran 2 times within the tap; take all"):
            features["backbone.stem.conv"]
        features.clear()
        assert features.all(name) == []


def test_without_a_neck_the_pyramid_is_the_backbone(detector):
    del detector.neck
    with tapped(detector, ["pyramid.2"]) as features:
        detector.extract_feat(IMAGE) if detector.with_neck else detector.backbone(IMAGE)
    assert features["pyramid.2"].shape == (2, 128, 2, 3)


def test_gradients_pass_and_the_hooks_go(detector):
    image = IMAGE.clone().requires_grad_()
    with tapped(detector, ["neck.0"]) as features:
        detector.extract_feat(image)
    features["neck.0"].sum().backward()
    assert image.grad.abs().sum() > 0
    assert not any(module._forward_hooks for module in detector.modules())


def test_hooks_go_after_an_error_too(detector):
    with pytest.raises(RuntimeError, match="mine"), tapped(detector, ["neck.0"]):
        raise RuntimeError("mine")
    assert not any(module._forward_hooks for module in detector.modules())


def test_an_unknown_name_lists_what_there_is(detector):
    text = r"YOLOX has no module 'bakbone.0' to tap.*backbone.*There are pyramid.<level>.*neck"
    with pytest.raises(ValueError, match=text), tapped(detector, ["bakbone.0"]):
        pass
    assert "bbox_head" in tap_names(detector)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "neck",
            "'neck': YOLOXPAFPN puts out a tuple, no tensor; name one of its 3 levels, neck.0",
        ),
        ("neck.5", "'neck.5': the output of YOLOXPAFPN has 3 levels"),
    ],
)
def test_what_is_no_tensor_is_said(detector, name, text):
    with tapped(detector, [name]), pytest.raises(ValueError, match=text):
        detector.extract_feat(IMAGE)


def test_a_name_that_was_not_tapped(detector):
    with (
        tapped(detector, ["neck.0"]) as features,
        pytest.raises(KeyError, match="these were: neck.0"),
    ):
        features["neck.1"]


def test_what_happens_in_place_afterwards_is_not_seen():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(inplace=True))
    image = torch.randn(1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    with tapped(net, ["0"]) as features:
        net(image).sum().backward()
    assert torch.equal(features["0"], net[0](image))
    assert (features["0"] < 0).any()
