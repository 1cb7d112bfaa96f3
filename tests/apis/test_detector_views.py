"""What the published pair's detector sees of real trees: pictures, figures, what is refused."""

import json
from pathlib import Path

import pytest
from PIL import Image

from mmisr.apis.detector_views import draw_detector_views

ROOT = Path(__file__).parents[2]
PAIR = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
EDITOR = "configs/instance_sr/instance-sr-nano-x4_tree-crowns.py"


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_a_picture_per_image_and_their_mean(cut_outs, tmp_path):
    cut_outs(tmp_path / "trees", 128, 2)
    root = {"test_dataloader.dataset.data_root": f"{tmp_path / 'trees'}/"}
    out = tmp_path / "seen"
    seen = draw_detector_views(PAIR, images=5, out=str(out), cfg_options=root)
    assert len(seen.images) == 2
    assert [gap.tap for gap in seen.mean] == ["pyramid.0", "pyramid.1"]
    first, second = (gaps[0].distance["sr"] for gaps in seen.gaps)
    assert seen.mean[0].distance["sr"] == pytest.approx((first + second) / 2)
    pictures = sorted(path.name for path in out.glob("*.png"))
    stems = [Path(name).stem for name in seen.images]
    assert pictures == [f"00000_{stems[0]}.png", f"00001_{stems[1]}.png", "mean.png"]
    # Images, tokens and two taps in one picture; two taps in the mean.
    heights = [Image.open(out / name).height for name in pictures[1:]]
    assert 1.7 < heights[0] / heights[1] < 2.3
    content = json.loads((out / "features.json").read_text())
    assert content["schema"] == 1
    assert content["mean"]["pyramid.0"]["distance"]["sr"] == seen.mean[0].distance["sr"]
    assert [image["image"] for image in content["images"]] == list(seen.images)


def test_what_is_refused():
    with pytest.raises(ValueError, match="--images must be at least 1, got 0"):
        draw_detector_views(PAIR, images=0)
    with pytest.raises(ValueError, match="features are drawn of the detector of a pair"):
        draw_detector_views(EDITOR, "checkpoints/instance-sr-nano-x4_tree-crowns.pth")
