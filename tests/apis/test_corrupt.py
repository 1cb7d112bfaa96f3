"""A corrupted copy of a COCO set: pixels, annotations, resuming, and the originals."""

import hashlib
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmisr.apis import check_export
from mmisr.apis.corrupt import corrupt, corruption_table
from mmisr.datasets.images import ImageError
from mmisr.degradation.corruptions import CORRUPTIONS
from mmisr.degradation.transform import CorruptLR, NativeLR
from mmisr.export.folder import ExportError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trees(tmp_path, cut_outs) -> Path:
    folder = tmp_path / "trees"
    cut_outs(folder, 96, 3)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def pixels_of(path: Path) -> np.ndarray:
    return np.array(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_pixels_are_those_of_the_transform(name, trees, tmp_path):
    before = hashes(trees)
    written = corrupt(trees / "val.json", trees / "val", name, 3, tmp_path / "out", seed=4)
    source = json.loads((trees / "val.json").read_text())
    copy = json.loads(written.read_text())
    assert hashes(trees) == before
    assert copy["annotations"] == source["annotations"]
    assert copy["categories"] == source["categories"]
    assert len(copy["images"]) == 3
    for old, new in zip(source["images"], copy["images"], strict=True):
        assert {**old, "file_name": new["file_name"]} == new
        original = pixels_of(trees / "val" / old["file_name"])
        results = {"img": np.ascontiguousarray(original[..., ::-1]), "img_id": old["id"]}
        expected = CorruptLR(name, 3, seed=4)(NativeLR()(results))["lr"][..., ::-1]
        found = pixels_of(tmp_path / "out/images" / new["file_name"])
        np.testing.assert_array_equal(found, expected)
        assert (found != original).any()


def test_the_manifest_says_what_was_done(trees, tmp_path):
    corrupt(trees / "val.json", trees / "val", "jpeg", 5, tmp_path / "out", seed=7)
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    settings = manifest["settings"]
    assert settings["corruption"] == ("jpeg@1:5+x1+JPEG@1(quality=8-8,subsampling=4:2:0,shift=0)")
    assert settings["seed"] == 7
    assert set(settings) >= {"annotations_sha256", "mmisr", "torch", "pillow", "av"}
    assert (
        json.loads((tmp_path / "out/annotations.json").read_text())["info"]["mmisr_corruption"]
        == settings
    )
    assert check_export(tmp_path / "out").good


def test_a_run_that_ended_early_is_resumed_to_the_same_files(trees, tmp_path, monkeypatch):
    arguments = (trees / "val.json", trees / "val", "gaussian_noise", 2)
    corrupt(*arguments, tmp_path / "whole")
    missing = json.loads((trees / "val.json").read_text())["images"][1]["file_name"]
    hidden = trees / "val" / missing
    hidden.rename(trees / "hidden.png")
    # The error is kept: what it refers to must not hold the folder.
    with pytest.raises(ImageError, match=missing) as _kept:
        corrupt(*arguments, tmp_path / "out")
    images = tmp_path / "out/images"
    [first] = list(images.iterdir())
    done = first.stat().st_mtime_ns
    (trees / "hidden.png").rename(hidden)
    corrupt(*arguments, tmp_path / "out")
    assert first.stat().st_mtime_ns == done
    assert hashes(tmp_path / "out") == hashes(tmp_path / "whole")
    corrupt(*arguments, tmp_path / "out")
    assert first.stat().st_mtime_ns == done


def test_what_is_refused(trees, tmp_path):
    source = (trees / "val.json", trees / "val")
    with pytest.raises(ValueError, match="corruption must be one of"):
        corrupt(*source, "fog", 1, tmp_path / "out")
    for severity in (0, 6):
        with pytest.raises(ValueError, match=f"from 1 to 5, got {severity}"):
            corrupt(*source, "jpeg", severity, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"annotation file .*none.json does not exist"):
        corrupt(trees / "none.json", trees, "jpeg", 1, tmp_path / "out")
    with pytest.raises(ExportError, match="holds other files .*give a new or empty folder"):
        corrupt(*source, "jpeg", 1, trees / "val")
    corrupt(*source, "jpeg", 1, tmp_path / "out")
    with pytest.raises(ExportError, match=r"settings: corruption was jpeg@1:1.*, is jpeg@1:2"):
        corrupt(*source, "jpeg", 2, tmp_path / "out")


def test_an_image_that_is_too_small_is_named(trees, tmp_path):
    content = json.loads((trees / "val.json").read_text())
    content["images"][0] |= {"width": 4, "height": 5}
    path = trees / "val" / content["images"][0]["file_name"]
    Image.new("RGB", (4, 5)).save(path)
    (trees / "val.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"{path.name}: step Defocus: a kernel must not be larger"):
        corrupt(trees / "val.json", trees / "val", "defocus", 5, tmp_path / "out")


def test_the_tool(trees, tmp_path, monkeypatch, capsys):
    words = [trees / "train.json", trees / "train", "--corruption", "webp", "--severity", 4]
    monkeypatch.setattr(sys, "argv", list(map(str, ["corrupt", *words, "--out", tmp_path / "out"])))
    runpy.run_path(str(ROOT / "tools/corrupt.py"), run_name="__main__")
    assert f"wrote {tmp_path / 'out/annotations.json'}" in capsys.readouterr().out
    assert len(list((tmp_path / "out/images").iterdir())) == 3


def test_the_table_has_every_value():
    lines = corruption_table().splitlines()
    assert len(lines) == len(CORRUPTIONS)
    assert "jpeg            60, 40, 25, 15, 8 (quality)" in lines
