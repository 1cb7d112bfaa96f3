"""Costs of several images as one; what each part costs is tested through the tool."""

import pytest
import torch

from mmisr.analysis.flops import PartCost, mean_costs, part_costs
from mmisr.registry import MODELS


def test_means_of_the_same_parts():
    first = [PartCost("editor", 1.0, 2.0), PartCost("detector GFL at 64x64", 4.0, 3.0)]
    second = [PartCost("editor", 3.0, 2.0), PartCost("detector GFL at 64x96", 6.0, 3.0)]
    assert mean_costs([first]) == first
    assert mean_costs([first, second]) == [
        PartCost("editor", 2.0, 2.0),
        PartCost("detector GFL", 5.0, 3.0),  # of two sizes
    ]


def test_images_have_the_same_parts():
    with pytest.raises(ValueError, match="shorter"):
        mean_costs([[PartCost("editor", 1.0, 2.0)], []])


@pytest.mark.parametrize("prior", [None, {"score_thr": 0.5}])
def test_a_look_before_sr_is_paid_for(detector_config, prior):
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "mode": "bicubic", "scale": 4},
        "detector": detector_config,
        "test_cfg": {"prior": prior},
    }
    pair = MODELS.build(config).eval()
    *parts, whole = part_costs(pair, torch.rand(1, 3, 16, 24))
    assert whole.gmacs == pytest.approx(sum(part.gmacs for part in parts))
    names = [part.part for part in parts]
    if prior is None:
        assert names == ["editor bicubic", "detector YOLOX at 96x64"]
        return
    assert names == ["first look", "editor bicubic", "detector YOLOX at 96x64"]
    look, _, detector = parts
    assert look.gmacs == pytest.approx(detector.gmacs), "on a bicubic image of SR's size"
    assert look.mparams == detector.mparams
