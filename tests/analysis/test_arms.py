"""Arms on real pixels: the same detector and data, honest costs, figures that say when they do not exist."""

import pytest
import torch

from mmisr.analysis.arms import figures, run_arm
from mmisr.analysis.overhead import pair_overhead
from mmisr.degradation.recipes import Degradation
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.registry import MODELS
from mmisr.reports.table import markdown_table, rows

BOXES = [[10.0, 12.0, 50.0, 60.0], [70.0, 20.0, 120.0, 90.0]]


@pytest.fixture
def batches(photo, sample_of):
    """Two batches of one image, LR simulated at x1/4 from different crops."""
    made = []
    for number, hr in enumerate((photo[:, :96, :128], photo[:, :80, :120])):
        hw = tuple(hr.shape[1:])
        lr = Degradation(4)(hr[None].float() / 255, [0])[0]
        sample = sample_of(hw, BOXES[:1], img_id=number, hr=hr.contiguous())
        sample.set_metainfo({"lr_shape": (hw[0] // 4, hw[1] // 4)})
        sample.ignored_instances = sample.gt_instances[:0]
        made.append({"inputs": [(lr * 255).round().byte()], "data_samples": [sample]})
    return made


@pytest.fixture
def pair_of(detector_config):
    def build(**editor):
        torch.manual_seed(0)
        config = {"type": "mmisr.SRDetector", "editor": editor, "detector": detector_config}
        return MODELS.build({**config, "test_cfg": {"keep_sr": True}})

    return build


def metric():
    made = SizeBinnedCocoMetric(protocol="aitod")
    made.dataset_meta = {"classes": ("a", "b")}
    return made


def test_an_arm_reports_every_image_stage_and_mac(pair_of, batches):
    seen = []
    result = run_arm(pair_of(type="mmisr.Resample", scale=4), batches, on_image=lambda: seen.append(1))
    assert len(seen) == len(result.samples) == 2
    assert list(result.ms) == ["upscale", "handoff", "detector", "to_source"]
    assert result.macs["upscale"] == 0
    assert result.macs["detector"] > 1e6
    found = figures(result, metric())
    assert found["macs"] == result.macs["detector"]
    assert found["bins"]["tiny"]["count"] == 2
    assert found["bins"]["medium"]["AP"] is None
    assert found["tokens"] == {"easy": None, "moderate": None, "hard": None}
    assert found["psnr"]["in_box"] > 10


def test_the_oracle_sees_hr_and_is_binned_like_every_arm(pair_of, batches):
    result = run_arm(pair_of(type="mmisr.Resample", scale=1), batches, feed="hr")
    assert tuple(result.samples[0].sr.shape) == (3, 96, 128)
    found = figures(result, metric())
    assert found["bins"]["tiny"]["count"] == 2
    assert found["psnr"]["whole"] is None  # equal pixels: infinite, so no figure


def test_the_lr_arm_has_no_psnr(pair_of, batches):
    found = figures(run_arm(pair_of(type="mmisr.Resample", scale=1), batches), metric())
    assert found["psnr"] == {"whole": None, "in_box": None, "out_box": None}


def test_an_adaptive_arm_is_charged_for_what_it_computes(pair_of, batches):
    costs = {}
    for router in ("fixed:0", "random:0.3", "all-hard"):
        result = run_arm(pair_of(type="mmisr.InstanceSR", router=router, execution={"halo": 2}), batches)
        costs[router] = result.macs["upscale"]
    assert costs["fixed:0"] < costs["random:0.3"] < costs["all-hard"]


def test_hr_arm_without_hr_says_so(pair_of, batches):
    del batches[0]["data_samples"][0].hr
    with pytest.raises(ValueError, match="arm 'hr' needs the HR image.*simulate LR"):
        run_arm(pair_of(type="mmisr.Resample", scale=1), batches, feed="hr")


def test_overhead_compares_the_same_work(pair_of, batches):
    found = pair_overhead(pair_of(type="mmisr.Resample", scale=4), batches, repeats=1)
    assert set(found) == {"pair_ms", "parts_ms", "ratio"}
    assert 0.1 < found["ratio"] < 10


def test_table_leaves_empty_bins_out_and_dashes_what_is_missing(pair_of, batches):
    found = figures(run_arm(pair_of(type="mmisr.Resample", scale=1), batches), metric())
    columns, lines = rows({"lr": found})
    assert "AP tiny (2)" in columns
    assert not any("medium" in c for c in columns)
    assert lines[0][columns.index("PSNR")] == "-"
    assert markdown_table({"lr": found}).count("\n") == 2
