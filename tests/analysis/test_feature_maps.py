"""Feature maps of a real detector, by hand."""

import numpy as np
import pytest
import torch

from mmisr.analysis.feature_maps import VERSIONS, correlation, feature_maps
from mmisr.ops.resample import resize
from mmisr.registry import MODELS


@pytest.fixture
def scene(photo, sample_of):
    """An LR image and its sample: (3, 48, 65) of (3, 96, 130)."""
    hr = photo[..., :130].contiguous()
    lr = resize(hr[None] / 255, (48, 65), "bicubic")[0].clamp(0, 1)
    return lr, sample_of((96, 130), [], hr=hr)


def pair_of(detector_config, **options):
    torch.manual_seed(0)
    editor = {"type": "mmisr.Resample", "mode": "nearest", "scale": 2}
    config = {"type": "mmisr.SRDetector", "editor": editor, "detector": detector_config}
    pair = MODELS.build({**config, **options})
    # Untrained layers make features all but constant; batch statistics of one image stretch them.
    for module in pair.detector.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    pair.detector.train().extract_feat(torch.randn(2, 3, 64, 96))
    return pair.eval()


def test_equals_a_computation_by_hand(detector_config, scene):
    pair = pair_of(detector_config)
    lr, sample = scene
    taps = ["neck.0", "backbone.1"]
    found = feature_maps(pair, lr, sample, taps)
    hr = sample.hr / 255
    images = {
        "bicubic": resize(lr[None], (96, 130), "bicubic")[0].clamp(0, 1),
        "sr": resize(lr[None], (96, 130), "nearest")[0],
        "hr": hr,
    }
    # Width 130 is padded to 160: of 20 cells of stride 8 the image reaches 17, of 10 of 16 nine.
    mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)
    seen = {}
    for name, image in images.items():
        assert np.array_equal(found.images[name], image.numpy())
        padded = torch.full((1, 3, 96, 160), 114.0)
        padded[..., :130] = (image * 255 - mean) / std
        with torch.no_grad():
            backbone = pair.detector.backbone(padded)
            seen[name] = (pair.detector.neck(backbone)[0][0], backbone[1][0])
    for number, (tap, cells) in enumerate(zip(found.taps, ((12, 17), (6, 9)), strict=True)):
        assert tap.tap == taps[number]
        for name in VERSIONS:
            ours = seen[name][number][:, :, : cells[1]]
            theirs = seen["hr"][number][:, :, : cells[1]]
            assert tap.maps[name].shape == cells
            np.testing.assert_allclose(tap.maps[name], ours.abs().mean(0), rtol=1e-3, atol=1e-5)
            rows = []
            for a, b in zip(ours.double(), theirs.double(), strict=True):
                if b.std() > 1e-4:
                    rows.append(np.corrcoef(a.flatten(), b.flatten())[0, 1])
            assert len(rows) > 4
            assert tap.to_hr[name] == pytest.approx(np.mean(rows), abs=2e-3)
        assert tap.to_hr["hr"] == pytest.approx(1, abs=1e-5)


def test_correlations_of_channels():
    """One follows HR, one is its opposite, one is constant, and one that is constant in HR."""
    hr = torch.rand(4, 3, 5, generator=torch.Generator().manual_seed(0))
    ours = torch.stack([2 * hr[0] + 1, -hr[1], torch.ones(3, 5), hr[3]])
    hr[3] = 7.0
    assert correlation(ours, hr) == pytest.approx(0)
    assert correlation(ours[:1], hr[:1]) == pytest.approx(1)
    assert np.isnan(correlation(ours[3:], hr[3:]))


def test_the_handoff_of_the_pair_is_gone_through(detector_config, scene):
    """Resized to half: the maps of stride 8 have half the cells."""
    pair = pair_of(detector_config, handoff={"resize": {"factor": 0.5}})
    (tap,) = feature_maps(pair, *scene, ["pyramid.0"]).taps
    assert tap.maps["sr"].shape == (6, 9)


def test_what_is_not_there_is_named(detector_config, scene):
    pair = pair_of(detector_config)
    lr, sample = scene
    with pytest.raises(ValueError, match="YOLOX has no module 'nek.0' to tap"):
        feature_maps(pair, lr, sample, ["nek.0"])
    del sample.hr
    with pytest.raises(ValueError, match="has no HR image to compare with"):
        feature_maps(pair, lr, sample, ["neck.0"])
