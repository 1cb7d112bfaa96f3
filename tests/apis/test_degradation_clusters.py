"""Clusters of real networks on real trees: files, several models, what is refused."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config
from PIL import Image

from mmisr.apis.degradation_clusters import Protocol, degradation_clusters

ROOT = Path(__file__).parents[2]
EDITOR = "configs/instance_sr/instance-sr-nano-x4_tree-crowns.py"
WEIGHTS = "checkpoints/instance-sr-nano-x4_tree-crowns.pth"
PAIR = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
HR_WEIGHTS = "checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth"
FEW = {"patches": 3, "side": 16}


@pytest.fixture(scope="module", autouse=True)
def in_the_repository():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        yield


@pytest.fixture(scope="module")
def trees(cut_outs, tmp_path_factory):
    """Three images of 128 pixels: of 32 for the editors."""
    folder = tmp_path_factory.mktemp("clusters") / "trees"
    cut_outs(folder, 128, 3)
    return {"test_dataloader.dataset.data_root": f"{folder}/"}


def test_two_models_on_the_same_patches(trees, tmp_path):
    protocol = Protocol(degradations=("clean", "blur", "jpeg:5"), **FEW)
    found = degradation_clusters(
        EDITOR, WEIGHTS, [f"pair={PAIR}"], protocol, str(tmp_path), "cpu", trees
    )
    assert [of_model.name for of_model in found] == ["instance-sr-nano-x4_tree-crowns", "pair"]
    first, pair = found
    # The pair's editor has these weights too.
    assert first.clusters.indices == pair.clusters.indices
    assert pair.layer == "net.decoder.blocks.2.units.2.conv2"
    content = json.loads((tmp_path / "clusters.json").read_text())
    assert content["schema"] == 1
    assert content["labels"]["degradation"] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert content["labels"]["content"] == [0, 1, 2] * 3
    assert len(content["models"][0]["clusters"]["points"]) == 9
    assert len(content["patches"]) == 3
    assert "sigma=2-2" in content["degradations"]["blur"]
    picture = Image.open(tmp_path / "clusters.png")
    assert picture.height > 0.9 * picture.width  # two rows of two panels


def test_of_a_detector_behind_an_editor_and_alone(trees, tmp_path):
    """Behind an editor it sees what that makes of LR; alone it sees the files, at their size."""
    behind = Protocol("detector", "neck.1", **FEW)
    (of_pair,) = degradation_clusters(
        PAIR, protocol=behind, out=str(tmp_path), device="cpu", cfg_options=trees
    )
    dataset = {
        "type": "CocoDataset",
        "data_root": trees["test_dataloader.dataset.data_root"],
        "ann_file": "val.json",
        "data_prefix": {"img": "val/"},
        "metainfo": {"classes": ("tree",)},
        "pipeline": [
            {"type": "LoadImageFromFile"},
            {"type": "Resize", "scale": (640, 640), "keep_ratio": True},
            {"type": "PackDetInputs"},
        ],
    }
    model = Config.fromfile(PAIR).model.detector
    plain = tmp_path / "plain.py"
    Config({"model": model, "test_dataloader": {"dataset": dataset}}).dump(plain)
    alone = Protocol("detector", "neck.1", patches=3, side=64)
    (of_detector,) = degradation_clusters(
        str(plain), HR_WEIGHTS, protocol=alone, out=str(tmp_path), device="cpu"
    )
    # Both come to 64 pixels: 4 x 4 cells of stride 16.
    assert of_detector.clusters.num_features == of_pair.clusters.num_features
    assert of_detector.clusters.indices != of_pair.clusters.indices


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"protocol": Protocol(patches=13, side=16)}, "13 patches of 16x16 .* hold 12"),
        ({"protocol": Protocol(degradations=("clean", "fog"))}, "got 'fog'"),
        ({"protocol": Protocol(layer="net.decodr", **FEW)}, "did you mean net.decoder"),
        ({"protocol": Protocol(part="detector", **FEW)}, "has no detector to look into"),
        ({"checkpoint": None}, "names no weights"),
        ({"others": [f"instance-sr-nano-x4_tree-crowns={PAIR}"]}, "got '.*' twice"),
    ],
)
def test_what_is_refused(arguments, words, trees, tmp_path):
    given = {"checkpoint": WEIGHTS, **arguments}
    with pytest.raises(ValueError, match=words):
        degradation_clusters(EDITOR, out=str(tmp_path), device="cpu", cfg_options=trees, **given)
    assert not list(tmp_path.iterdir())


def test_models_of_two_scales_are_refused(tmp_path):
    double = tmp_path / "double.py"
    base = ROOT / "configs/resample/bicubic-x4_tree-crowns.py"
    double.write_text(f'_base_ = "{base}"\nmodel = dict(scale=2)\n')
    with pytest.raises(ValueError, match=r"must have one scale.*'double': 2"):
        degradation_clusters(EDITOR, WEIGHTS, [f"double={double}"], device="cpu")


def test_a_part_that_there_is_not():
    with pytest.raises(ValueError, match="part must be one of editor, detector, got 'head'"):
        Protocol(part="head")
