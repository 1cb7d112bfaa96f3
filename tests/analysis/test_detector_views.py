"""Distances to HR by hand, means over images, and tokens where nothing is routed."""

import numpy as np
import pytest
import torch

from mmisr.analysis.detector_views import TapGaps, detector_view, mean_gaps
from mmisr.analysis.feature_maps import seen_features
from mmisr.ops.resample import resize
from mmisr.registry import MODELS


@pytest.fixture
def scene(photo, sample_of):
    hr = photo[..., :128].contiguous()
    lr = resize(hr[None] / 255, (48, 64), "bicubic")[0].clamp(0, 1)
    return lr, sample_of((96, 128), [[10, 10, 40, 40]], hr=hr)


def pair_of(editor, detector):
    torch.manual_seed(0)
    return MODELS.build({"type": "mmisr.SRDetector", "editor": editor, "detector": detector}).eval()


def test_distances_are_those_of_the_features(detector_config, scene):
    editor = {"type": "mmisr.Resample", "mode": "nearest", "scale": 2}
    pair = pair_of(editor, detector_config)
    taps = ["pyramid.0", "backbone.1"]
    view = detector_view(pair, *scene, taps)
    _, features = seen_features(pair, *scene, taps)
    for gap, (bicubic, sr, hr) in zip(view.gaps, features, strict=True):
        for version, seen in {"bicubic": bicubic, "sr": sr}.items():
            expected = float((seen - hr).norm() / hr.norm())
            assert gap.distance[version] == pytest.approx(expected, rel=1e-4)
            assert gap.maps[version].shape == tuple(hr.shape[-2:])
            mean_square = float(np.square(gap.maps[version]).mean())
            assert mean_square**0.5 == pytest.approx(expected, rel=1e-4)
            assert -1 <= gap.to_hr[version] <= 1
    assert view.tokens is None
    assert not pair.training


def test_tokens_of_an_editor_that_routes(detector_config, scene):
    editor = {"type": "mmisr.InstanceSR", "size": "nano", "scale": 2, "router": "learned"}
    pair = pair_of(editor, detector_config)
    view = detector_view(pair, *scene, ["pyramid.0"])
    gains = view.tokens.gains
    assert view.tokens.exits.shape == gains.shape == (6, 8)  # tokens of 8 LR pixels
    assert np.isfinite(gains).all()
    assert np.abs(gains).max() > 0
    assert not pair.training
    assert not any(module.training for module in pair.detector.modules())


def gap(value: float, shape: tuple[int, int], tap: str = "a") -> TapGaps:
    both = ("bicubic", "sr")
    maps = {name: np.full(shape, value, dtype=np.float32) for name in both}
    return TapGaps(tap, maps, dict.fromkeys(both, value), dict.fromkeys(both, value / 10))


def test_means_are_over_images_of_any_size():
    (mean,) = mean_gaps([[gap(1.0, (4, 6))], [gap(3.0, (8, 12))]])
    assert mean.maps["sr"].shape == (4, 6)
    np.testing.assert_allclose(mean.maps["sr"], 2.0)
    assert mean.distance["bicubic"] == 2.0
    assert mean.to_hr["sr"] == pytest.approx(0.2)
    with pytest.raises(ValueError, match="at least one, got none"):
        mean_gaps([])
