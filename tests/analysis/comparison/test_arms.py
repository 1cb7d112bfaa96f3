"""Arms on real pixels: the same detector and data, and honest costs."""

import pytest
import torch

from mmisr.analysis.comparison import timing
from mmisr.analysis.comparison.arms import Arm, predict, run_arm
from mmisr.analysis.comparison.timing import read_timings, time_arms, write_timings
from mmisr.analysis.overhead import pair_overhead
from mmisr.degradation.recipes import Degradation
from mmisr.registry import MODELS

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


def run(pair, batches, feed="lr"):
    kept = []
    return kept, run_arm(pair, batches, feed, lambda sample, _: kept.append(sample))


def test_an_arm_reports_every_image_stage_and_mac(pair_of, batches):
    kept, cost = run(pair_of(type="mmisr.Resample", scale=4), batches)
    assert [s.img_id for s in kept] == [0, 1]
    assert [tuple(s.sr.shape) for s in kept] == [(3, 96, 128), (3, 80, 120)]
    assert list(cost.ms) == ["upscale", "handoff", "detector", "to_source"]
    assert cost.macs["upscale"] == 0
    assert cost.macs["detector"] > 1e6


@pytest.mark.parametrize("editor", [{"type": "mmisr.Resample"}, {"type": "mmisr.InstanceSR"}])
def test_an_image_is_predicted_once_whatever_is_counted(pair_of, batches, monkeypatch, editor):
    pair = pair_of(**editor, scale=4)
    seen = []
    detect = pair.detector.predict

    def watched(inputs, samples):
        seen.append(tuple(inputs.shape))
        return detect(inputs, samples)

    monkeypatch.setattr(pair.detector, "predict", watched)
    kept, cost = run(pair, [*batches, batches[0]])
    assert len(seen) == len(kept) == 3
    assert cost.macs["detector"] > 1e6


def test_the_oracle_sees_hr(pair_of, batches):
    kept, _ = run(pair_of(type="mmisr.Resample", scale=1), batches, feed="hr")
    assert torch.equal((kept[0].sr * 255).round().byte(), kept[0].hr)
    assert kept[0].lr_shape == (24, 32)


def test_an_adaptive_arm_is_charged_for_what_it_computes(pair_of, batches):
    costs = {}
    for router in ("fixed:0", "random:0.3", "all-hard"):
        _, cost = run(
            pair_of(type="mmisr.InstanceSR", router=router, execution={"halo": 2}), batches
        )
        costs[router] = cost.macs["upscale"]
    assert costs["fixed:0"] < costs["random:0.3"] < costs["all-hard"]


def test_hr_arm_without_hr_says_so(pair_of, batches):
    del batches[0]["data_samples"][0].hr
    with pytest.raises(ValueError, match="arm 'hr' needs the HR image.*simulate LR"):
        run(pair_of(type="mmisr.Resample", scale=1), batches, feed="hr")


@pytest.mark.parametrize("name", ["a/b", "..", "", "two words"])
def test_the_name_of_an_arm_is_part_of_a_folders(name):
    with pytest.raises(ValueError, match="the name of an arm is part of a folder's"):
        Arm(name, {})


def test_an_arm_is_fed_lr_or_hr():
    with pytest.raises(ValueError, match="feed of arm x must be 'lr' or 'hr', got 'sr'"):
        Arm("x", {}, feed="sr")


def test_overhead_compares_the_same_work(pair_of, batches):
    found = pair_overhead(pair_of(type="mmisr.Resample", scale=4), batches, repeats=1)
    assert set(found) == {"pair_ms", "parts_ms", "ratio"}
    assert 0.1 < found["ratio"] < 10


@pytest.fixture
def three_pairs(pair_of):
    """No SR, and two resamplers, before one detector."""
    pairs = {
        "lr": pair_of(type="mmisr.Resample", scale=1),
        "nearest": pair_of(type="mmisr.Resample", scale=4, mode="nearest"),
        "bicubic": pair_of(type="mmisr.Resample", scale=4),
    }
    for pair in pairs.values():
        pair.detector = pairs["lr"].detector
        pair.eval()
    return {name: (pair, "lr") for name, pair in pairs.items()}


def test_arms_are_timed_in_turns_and_share_equal_work(three_pairs, batches, monkeypatch, tmp_path):
    turns = []

    def watched(pair, batch, feed):
        turns.append(next(name for name, (own, _) in three_pairs.items() if own is pair))
        return predict(pair, batch, feed)

    monkeypatch.setattr(timing, "predict", watched)
    found = time_arms(three_pairs, batches, rounds=3)
    names = list(three_pairs)
    # Every arm begins. Then image by image, every arm on it, another one first in every round; the
    # first round warms up.
    assert turns == names + [
        name for first in (0, 1, 2, 0) for _ in batches for name in names[first:] + names[:first]
    ]
    assert found["nearest"].ms["detector"] == found["bicubic"].ms["detector"]
    assert found["nearest"].intervals["ms_detector"] == found["bicubic"].intervals["ms_detector"]
    assert found["lr"].ms["detector"] != found["bicubic"].ms["detector"]
    for arm in found.values():
        assert set(arm.intervals) == {"ms", *(f"ms_{stage}" for stage in arm.ms)}
        for stage, value in arm.ms.items():
            low, high = arm.intervals[f"ms_{stage}"]
            assert 0 < low <= value <= high
        low, high = arm.intervals["ms"]
        assert low <= sum(arm.ms.values()) <= high
        assert arm.mb is None or arm.mb >= 0

    path, folders = tmp_path / "timing.json", {name: f"{name}-0" for name in names}
    assert read_timings(path, folders) is None
    write_timings(path, folders, found)
    assert read_timings(path, folders) == found
    assert read_timings(path, {**folders, "lr": "lr-1"}) is None
