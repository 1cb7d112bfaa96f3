"""The picture of feature maps, from a config, its weights and an image."""

from pathlib import Path

import pytest
from PIL import Image

from mmisr.apis.feature_maps import draw_feature_maps

ROOT = Path(__file__).parents[2]
PAIR = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
EDITOR = "configs/instance_sr/instance-sr-nano-x4_tree-crowns.py"


@pytest.fixture
def image(tree_crowns, monkeypatch) -> str:
    monkeypatch.chdir(ROOT)  # the config names its checkpoints from there
    return str(sorted((tree_crowns / "val").glob("*.png"))[0])


def test_sr_is_nearer_to_hr_than_bicubic(image, tmp_path):
    """The published pair: trained for pixels, and the features follow."""
    out = tmp_path / "maps.png"
    taps = draw_feature_maps(PAIR, image, str(out), taps=["backbone.layer1", "pyramid.0"])
    assert [tap.tap for tap in taps] == ["backbone.layer1", "pyramid.0"]
    for tap in taps:
        assert 0 < tap.to_hr["bicubic"] < tap.to_hr["sr"] < 1
    assert taps[1].maps["hr"].shape == (58, 58)  # 464 pixels, stride 8
    picture = Image.open(out)
    assert picture.height > picture.width * 0.9  # three rows of three square panels


def test_what_is_not_there_is_named(image, tmp_path):
    out = str(tmp_path / "maps.png")
    with pytest.raises(FileNotFoundError, match="--image: there is no file gone.png"):
        draw_feature_maps(PAIR, "gone.png", out)
    with pytest.raises(
        ValueError, match=r"features are drawn of the detector of a pair, .*InstanceSR"
    ):
        draw_feature_maps(EDITOR, image, out)
    assert not Path(out).exists()
