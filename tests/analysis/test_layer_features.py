"""Features of named layers: those of a plain pass, of the right layer by default."""

import pytest
import torch

from mmisr.analysis.layer_features import Subject, choose_subject, layer_features
from mmisr.registry import MODELS

EDSR = {
    "type": "mmisr.PlainSR",
    "scale": 4,
    "generator": {
        "type": "mmagic.EDSRNet",
        "in_channels": 3,
        "out_channels": 3,
        "mid_channels": 8,
        "num_blocks": 1,
        "upscale_factor": 4,
    },
}
BICUBIC = {"type": "mmisr.Resample", "scale": 2, "mode": "bicubic"}
EDITORS = {
    "generator.conv_after_body": EDSR,
    "net.trunk.1.body.2.last": {"type": "mmisr.CAJNN", "scale": 4, "size": "nano"},
    "net.decoder.blocks.2.units.2.conv2": {"type": "mmisr.InstanceSR", "size": "nano", "scale": 4},
}


def edsr(channels):
    generator = {**EDSR["generator"], "mid_channels": channels}
    return MODELS.build({**EDSR, "generator": generator}).eval()


@pytest.fixture
def patches():
    draw = torch.Generator().manual_seed(0)
    return list(torch.rand(2, 3, 32, 32, generator=draw))


@pytest.mark.parametrize("layer", EDITORS)
def test_by_default_the_last_convolution_before_the_enlargement(layer, patches):
    editor = MODELS.build(EDITORS[layer]).eval()
    subject = choose_subject(editor, "editor", None, patches[0])
    assert subject.layer == layer
    rows = layer_features(subject, patches)
    assert len(rows) == 2
    assert rows.shape[1] % 32**2 == 0


@pytest.mark.parametrize("channels", [12, 48])
def test_channels_that_might_be_pixels_are_features_where_others_follow(channels, patches):
    editor = edsr(channels)
    subject = choose_subject(editor, "editor", None, patches[0])
    assert subject.layer == "generator.conv_after_body"


def test_the_very_last_of_as_many_channels_makes_pixels(patches):
    editor = edsr(48)
    upsampling = torch.nn.Sequential(torch.nn.PixelShuffle(4), torch.nn.Conv2d(3, 48, 3, 1, 1))
    editor.generator.upsample = upsampling
    subject = choose_subject(editor, "editor", None, patches[0])
    assert subject.layer == "generator.body.0.conv2"


@pytest.mark.parametrize(("side", "fitting"), [(20, 24), (4, 8)])
def test_a_side_that_an_editor_pads_is_refused(side, fitting):
    editor = MODELS.build({"type": "mmisr.InstanceSR", "size": "nano", "scale": 4}).eval()
    words = rf"multiple of 8 and at least \d+ .*got {side}: take {fitting} \(--side\)"
    with pytest.raises(ValueError, match=words):
        choose_subject(editor, "editor", None, torch.rand(3, side, side))


def test_equal_a_plain_pass(patches):
    editor = MODELS.build(EDSR).eval()
    net = editor.generator
    rows = layer_features(Subject(editor, "editor", "generator.conv_after_body"), patches)
    with torch.no_grad():
        normalised = torch.stack(patches) - net.mean
        expected = net.conv_after_body(net.body(net.conv_first(normalised)))
    # EDSRNet adds its first features to this output in place, after the layer.
    torch.testing.assert_close(rows, expected.flatten(1), rtol=1e-4, atol=1e-5)


def test_of_a_detector_behind_its_editor(detector_config, patches):
    pair = MODELS.build(
        {"type": "mmisr.SRDetector", "editor": BICUBIC, "detector": detector_config}
    ).eval()
    subject = choose_subject(pair, "detector", None, patches[0])
    assert subject.layer == "pyramid.0"
    rows = layer_features(subject, patches)
    sample = pair.editor.upscale(patches[1][None]).image
    mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)
    with torch.no_grad():
        expected = pair.detector.extract_feat((255 * sample - mean) / std)[0]
    torch.testing.assert_close(rows[1], expected.flatten(), rtol=1e-3, atol=1e-4)


def test_what_is_refused(detector_config, patches):
    editor = MODELS.build(EDSR).eval()
    with pytest.raises(ValueError, match=r"did you mean generator\.conv_after_body.*There are"):
        choose_subject(editor, "editor", "generator.conv_after_bod", patches[0])
    with pytest.raises(ValueError, match="is an editor alone and has no detector"):
        choose_subject(editor, "detector", None, patches[0])
    plain = MODELS.build(BICUBIC).eval()
    with pytest.raises(ValueError, match="no convolution before its enlargement"):
        choose_subject(plain, "editor", None, patches[0])
    pair = MODELS.build(
        {"type": "mmisr.SRDetector", "editor": BICUBIC, "detector": detector_config}
    ).eval()
    with pytest.raises(ValueError, match="'bbox_head' did not run"):
        layer_features(Subject(pair, "detector", "bbox_head"), patches)
